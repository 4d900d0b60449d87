//! A small server that answers as PostgreSQL 15 was observed to: the other side of the properties.
//!
//! It knows a few statements and, for each, what they do to the session, so that a leak from one client
//! to another shows up as a different answer or as dirt on a connection that was given back.

use std::collections::{BTreeMap, BTreeSet};

use super::messages::{Side, bytes, frame};

/// Everything of a session that a rollback undoes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Undoable {
    work_mem: u8,
    timezone: u8,
    marks: BTreeSet<&'static str>,
}

/// Everything else of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Lasting {
    marks: BTreeSet<&'static str>,
    named: BTreeMap<String, String>,
    /// Parameter types given with a statement, as they were sent.
    types: BTreeMap<String, Vec<u8>>,
}

/// A portal: its statement and how many of its rows were sent.
type Portal = (String, usize);

/// One server connection.
#[derive(Debug)]
pub(super) struct Simulator {
    input: Vec<u8>,
    /// Written but not flushed.
    buffered: Vec<u8>,
    /// On its way to the client.
    sent: Vec<u8>,
    undoable: Undoable,
    /// The state to return to if the transaction fails.
    saved: Option<Undoable>,
    lasting: Lasting,
    unnamed: Option<String>,
    portals: BTreeMap<String, Portal>,
    block: Block,
    mode: Mode,
    copying: Option<Copying>,
    reported_timezone: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    Open,
    Failed,
}

#[derive(Debug, Clone)]
enum Copying {
    Extended,
    /// With the statements of the Query that come after the COPY.
    Simple(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Serving,
    /// After an error: to the next Sync.
    Skipping,
    Dead,
}

/// Why a statement failed.
struct Failed(&'static str);

impl Simulator {
    pub(super) fn new() -> Self {
        Self {
            input: Vec::new(),
            buffered: Vec::new(),
            sent: Vec::new(),
            undoable: Undoable::default(),
            saved: None,
            lasting: Lasting::default(),
            unnamed: None,
            portals: BTreeMap::new(),
            block: Block::None,
            mode: Mode::Serving,
            copying: None,
            reported_timezone: 0,
        }
    }

    /// Bytes of the client arrive.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        while self.mode != Mode::Dead && self.input.len() >= 5 {
            let length = u32::from_be_bytes(self.input[1..5].try_into().unwrap()) as usize + 1;
            if self.input.len() < length {
                return;
            }
            let message: Vec<u8> = self.input.drain(..length).collect();
            self.message(message[0], &message[5..]);
        }
    }

    /// Up to `most` bytes for the client.
    pub(super) fn take(&mut self, most: usize) -> Vec<u8> {
        let length = most.min(self.sent.len());
        self.sent.drain(..length).collect()
    }

    /// True when it has ended the session.
    pub(super) fn is_dead(&self) -> bool {
        self.mode == Mode::Dead
    }

    /// True when bytes for the client wait.
    pub(super) fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    /// What makes the connection unfit for another client, if anything. Prepared statements do not:
    /// whoever comes next makes sure that it has its own.
    pub(super) fn dirt(&self) -> Option<String> {
        let clean = self.undoable == Undoable::default()
            && self.lasting.marks.is_empty()
            && self.saved.is_none()
            && self.portals.is_empty()
            && self.block == Block::None
            && self.mode == Mode::Serving
            && self.copying.is_none()
            && self.input.is_empty()
            && self.buffered.is_empty()
            && self.sent.is_empty();
        (!clean).then(|| format!("{self:?}"))
    }

    fn message(&mut self, tag: u8, body: &[u8]) {
        let texts: Vec<String> = body
            .split(|byte| *byte == 0)
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect();
        if let Some(copying) = self.copying.take() {
            self.copy_message(copying, tag, body);
            return;
        }
        if self.mode == Mode::Skipping && tag != b'S' {
            return;
        }
        match tag {
            b'Q' => self.query(&texts[0]),
            b'P' => {
                let types = body[texts[0].len() + texts[1].len() + 2..].to_vec();
                self.lasting.types.insert(texts[0].clone(), types);
                self.reply_or_skip(|server| server.parse(&texts[0], &texts[1]));
            }
            b'B' => self.reply_or_skip(|server| server.bind(&texts[0], &texts[1])),
            b'D' => self.reply_or_skip(|server| server.describe(&texts[0])),
            b'C' => {
                self.start_transaction();
                self.close(&texts[0]);
            }
            b'E' => {
                let rows = usize::from(body[texts[0].len() + 4]);
                self.reply_or_skip(|server| server.execute(&texts[0], rows));
            }
            b'S' => {
                self.mode = Mode::Serving;
                if self.block == Block::None {
                    self.end_transaction(true);
                }
                self.ready();
            }
            b'H' => self.flush(),
            b'F' => {
                self.start_transaction();
                if self.block == Block::Failed {
                    self.fail(&Failed("25P02"));
                } else {
                    self.say("V");
                }
                self.end_statement();
                self.ready();
            }
            b'd' | b'c' | b'f' => {}
            other => panic!("the proxy sent {}", other as char),
        }
    }

    fn copy_message(&mut self, copying: Copying, tag: u8, body: &[u8]) {
        match tag {
            b'H' | b'S' => self.copying = Some(copying),
            b'd' if body != b"bad" => self.copying = Some(copying),
            b'c' => {
                self.say("C(COPY 1)");
                match copying {
                    Copying::Extended => {}
                    Copying::Simple(rest) => self.statements(&rest),
                }
            }
            b'd' | b'f' => {
                self.fail(&Failed(if tag == b'd' { "22P02" } else { "57014" }));
                match copying {
                    Copying::Extended => {
                        self.mode = Mode::Skipping;
                        self.flush();
                    }
                    Copying::Simple(_) => self.ready(),
                }
            }
            _ => {
                self.say("E(08P01) FATAL(08P01)");
                self.flush();
                self.mode = Mode::Dead;
            }
        }
    }

    fn reply_or_skip(&mut self, request: impl FnOnce(&mut Self) -> Result<(), Failed>) {
        self.start_transaction();
        if let Err(failed) = request(self) {
            self.fail(&failed);
            self.mode = Mode::Skipping;
            self.flush();
        }
    }

    fn parse(&mut self, name: &str, sql: &str) -> Result<(), Failed> {
        if name.is_empty() {
            self.unnamed = None;
        }
        if sql == "selec" {
            return Err(Failed("42601"));
        }
        self.refuse_in_failed_block(sql)?;
        if name.is_empty() {
            self.unnamed = Some(sql.to_owned());
        } else if self.lasting.named.contains_key(name) {
            return Err(Failed("42P05"));
        } else {
            self.lasting.named.insert(name.to_owned(), sql.to_owned());
        }
        self.say("1");
        Ok(())
    }

    fn statement(&self, name: &str) -> Result<String, Failed> {
        let found = if name.is_empty() {
            self.unnamed.as_ref()
        } else {
            self.lasting.named.get(name)
        };
        found.cloned().ok_or(Failed("26000"))
    }

    fn bind(&mut self, portal: &str, statement: &str) -> Result<(), Failed> {
        let sql = self.statement(statement)?;
        self.refuse_in_failed_block(&sql)?;
        if portal.is_empty() {
            self.portals.remove(portal);
        } else if self.portals.contains_key(portal) {
            return Err(Failed("42P03"));
        }
        self.portals.insert(portal.to_owned(), (sql, 0));
        self.say("2");
        Ok(())
    }

    fn describe(&mut self, what: &str) -> Result<(), Failed> {
        let (kind, name) = what.split_at(1);
        let sql = if kind == "S" {
            let sql = self.statement(name)?;
            let types = self.lasting.types.get(name);
            let types = types.map_or(&[0, 0][..], Vec::as_slice);
            self.buffered.extend(frame(b't', types));
            sql
        } else {
            let portal = self.portals.get(name).ok_or(Failed("34000"))?;
            portal.0.clone()
        };
        let rows = sql.starts_with("select") || sql.starts_with("show");
        self.say(if rows { "T" } else { "n" });
        Ok(())
    }

    fn close(&mut self, what: &str) {
        let (kind, name) = what.split_at(1);
        match (kind, name) {
            ("S", "") => self.unnamed = None,
            ("S", name) => drop(self.lasting.named.remove(name)),
            (_, name) => drop(self.portals.remove(name)),
        }
        self.say("3");
    }

    fn execute(&mut self, name: &str, most: usize) -> Result<(), Failed> {
        let (sql, sent) = self.portals.get(name).cloned().ok_or(Failed("34000"))?;
        self.refuse_in_failed_block(&sql)?;
        if sql == "select 1, 2" {
            let rows = if most == 0 {
                2 - sent
            } else {
                most.min(2 - sent)
            };
            for _ in 0..rows {
                self.say("D(row)");
            }
            if most > 0 && rows == most {
                self.say("s");
            } else {
                self.say(&format!("C(SELECT {rows})"));
            }
            self.portals.insert(name.to_owned(), (sql, sent + rows));
            return Ok(());
        }
        self.run(&sql, false)?;
        if sql == "copy t from stdin" {
            self.copying = Some(Copying::Extended);
        }
        if matches!(sql.as_str(), "commit" | "rollback") {
            self.end_statement();
        }
        Ok(())
    }

    fn query(&mut self, sql: &str) {
        self.start_transaction();
        self.unnamed = None;
        if sql.split(';').any(|statement| statement.trim() == "selec") {
            self.fail(&Failed("42601"));
            self.ready();
            return;
        }
        let statements: Vec<String> = sql
            .split(';')
            .map(|statement| statement.trim().to_owned())
            .filter(|statement| !statement.is_empty())
            .collect();
        if statements.is_empty() {
            self.say("I");
        }
        self.statements(&statements);
    }

    fn statements(&mut self, statements: &[String]) {
        let many = statements.len() > 1;
        for (at, sql) in statements.iter().enumerate() {
            self.start_transaction();
            let result = self.refuse_in_failed_block(sql).and_then(|()| {
                if sql.starts_with("select") || sql.starts_with("show") {
                    self.say("T");
                }
                if sql == "select 1, 2" {
                    self.say("D(row) D(row) C(SELECT 2)");
                    return Ok(());
                }
                self.run(sql, many)
            });
            if let Err(failed) = result {
                self.fail(&failed);
                self.ready();
                return;
            }
            if sql == "copy t from stdin" {
                self.copying = Some(Copying::Simple(statements[at + 1..].to_vec()));
                return;
            }
            if matches!(sql.as_str(), "commit" | "rollback") {
                self.end_statement();
            }
        }
        self.end_statement();
        self.ready();
    }

    /// Runs one statement and says what it answers, but for `T`.
    fn run(&mut self, sql: &str, many: bool) -> Result<(), Failed> {
        let in_block = self.block != Block::None || many;
        let answer = match sql {
            "select 1" => "D(1) C(SELECT 1)".to_owned(),
            "select 1/0" => return Err(Failed("22012")),
            "copy t from stdin" => "G".to_owned(),
            "copy t to stdout" => "H d(1) d(2) c C(COPY 2)".to_owned(),
            "begin" => {
                self.block = Block::Open;
                "C(BEGIN)".to_owned()
            }
            "commit" | "rollback" => {
                let commit = sql == "commit" && self.block != Block::Failed;
                self.block = Block::None;
                self.end_transaction(commit);
                let tag = if commit { "COMMIT" } else { "ROLLBACK" };
                format!("C({tag})")
            }
            "discard all" if in_block || self.pipelined() => return Err(Failed("25001")),
            "discard all" => {
                self.undoable = Undoable::default();
                self.saved = Some(Undoable::default());
                self.lasting = Lasting::default();
                "C(DISCARD ALL)".to_owned()
            }
            "show all" => format!(
                "D({} {} {:?} {:?}) C(SHOW)",
                self.undoable.work_mem,
                self.undoable.timezone,
                self.undoable.marks,
                self.lasting.marks,
            ),
            other => self.run_with_state(other)?.to_owned(),
        };
        self.say(&answer);
        if sql == "copy t from stdin" {
            self.flush();
        }
        Ok(())
    }

    /// Runs a statement that leaves something in the session.
    fn run_with_state(&mut self, sql: &str) -> Result<&'static str, Failed> {
        let undoable = &mut self.undoable;
        let lasting = &mut self.lasting;
        let answer = match sql {
            "set work_mem = 7" => {
                undoable.work_mem = 7;
                "C(SET)"
            }
            "set local work_mem = 9" => "C(SET)",
            "set timezone = 'CET'" => {
                undoable.timezone = 1;
                "C(SET)"
            }
            "create temp table t (a int)" => {
                if !undoable.marks.insert("temp") {
                    return Err(Failed("42P07"));
                }
                "C(CREATE TABLE)"
            }
            "listen c" => {
                undoable.marks.insert("listen");
                "C(LISTEN)"
            }
            "unlisten *" => {
                undoable.marks.remove("listen");
                "C(UNLISTEN)"
            }
            "select pg_advisory_lock(1)" => {
                lasting.marks.insert("lock");
                "D() C(SELECT 1)"
            }
            "select pg_advisory_lock(1), 1/0" => {
                lasting.marks.insert("lock");
                return Err(Failed("22012"));
            }
            "select nextval('s')" => {
                lasting.marks.insert("sequence");
                "D(1) C(SELECT 1)"
            }
            "prepare x as select 1" => {
                if lasting.named.contains_key("x") {
                    return Err(Failed("42P05"));
                }
                lasting.named.insert("x".to_owned(), "select 1".to_owned());
                "C(PREPARE)"
            }
            "deallocate x" => {
                lasting.named.remove("x").ok_or(Failed("26000"))?;
                "C(DEALLOCATE)"
            }
            "deallocate all" => {
                lasting.named.clear();
                "C(DEALLOCATE ALL)"
            }
            other => panic!("unknown statement {other}"),
        };
        Ok(answer)
    }

    /// True when something else ran in this implicit transaction.
    fn pipelined(&self) -> bool {
        self.saved
            .as_ref()
            .is_some_and(|saved| *saved != self.undoable)
    }

    fn refuse_in_failed_block(&self, sql: &str) -> Result<(), Failed> {
        let ends = matches!(sql, "commit" | "rollback" | "");
        if self.block == Block::Failed && !ends {
            return Err(Failed("25P02"));
        }
        Ok(())
    }

    fn start_transaction(&mut self) {
        if self.saved.is_none() {
            self.saved = Some(self.undoable.clone());
        }
    }

    /// A statement is over: without a block, so is the transaction.
    fn end_statement(&mut self) {
        if self.block == Block::None {
            self.end_transaction(true);
        }
    }

    fn end_transaction(&mut self, commit: bool) {
        if let Some(saved) = self.saved.take()
            && !commit
        {
            self.undoable = saved;
        }
        self.portals.clear();
    }

    fn fail(&mut self, failed: &Failed) {
        self.say(&format!("E({})", failed.0));
        match self.block {
            Block::None => self.end_transaction(false),
            Block::Open | Block::Failed => {
                if self.block == Block::Open
                    && let Some(saved) = self.saved.clone()
                {
                    self.undoable = saved;
                }
                self.portals.clear();
                self.block = Block::Failed;
            }
        }
    }

    fn ready(&mut self) {
        if self.undoable.timezone != self.reported_timezone {
            self.reported_timezone = self.undoable.timezone;
            let name = ["UTC", "CET"][usize::from(self.reported_timezone)];
            self.say(&format!("S(TimeZone={name})"));
        }
        self.say(match self.block {
            Block::None => "Z(I)",
            Block::Open => "Z(T)",
            Block::Failed => "Z(E)",
        });
        self.flush();
    }

    fn say(&mut self, messages: &str) {
        self.buffered.extend(bytes(Side::Server, messages));
        // The server's own buffer.
        if self.buffered.len() > 8 * 1024 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.sent.append(&mut self.buffered);
    }
}
