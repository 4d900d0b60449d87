//! A small server that answers as PostgreSQL 15 was observed to: the other side of the properties.
//!
//! It knows a few statements and, for each, what they do to the session, so that a leak from one client
//! to another shows up as a different answer or as dirt on a connection that was given back.

use std::collections::{BTreeMap, BTreeSet};

use super::messages::{Question, Side, bytes, frame, is_roster, question, row};

/// Settings that it knows, and their defaults. The server reports the first.
const SETTINGS: [(&str, &str); 5] = [
    ("timezone", "UTC"),
    ("work_mem", "4MB"),
    ("app.user", ""),
    ("role", "none"),
    ("session_authorization", "login"),
];

/// Everything of a session that a rollback undoes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Undoable {
    /// What is not at its default.
    settings: BTreeMap<&'static str, String>,
    /// What is set until the end of the transaction.
    local: BTreeMap<&'static str, String>,
    /// Temporary objects, cursors and channels.
    marks: BTreeSet<&'static str>,
    /// The default of `timezone`, where it is not the usual one.
    home: Option<&'static str>,
}

impl Undoable {
    fn value(&self, name: &str) -> &str {
        let set = self.local.get(name).or_else(|| self.settings.get(name));
        set.map_or_else(|| self.default_of(name), String::as_str)
    }

    fn default_of(&self, name: &str) -> &'static str {
        let home = self.home.filter(|_| name == "timezone");
        home.unwrap_or_else(|| default_of(name))
    }

    fn values(&self) -> Vec<&str> {
        SETTINGS.iter().map(|(name, _)| self.value(name)).collect()
    }
}

/// Everything else of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Lasting {
    locks: u32,
    named: BTreeMap<String, String>,
    /// Those of them that were made by SQL, and the texts that made them.
    by_sql: BTreeMap<String, String>,
    /// Parameter types given with a statement, as they were sent.
    types: BTreeMap<String, Vec<u8>>,
}

/// A `SET` or `RESET`.
enum Assignment {
    Session(&'static str, Option<String>),
    Local(&'static str, String),
    ResetAll,
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
    /// The states to return to at each savepoint, oldest first.
    savepoints: Vec<Undoable>,
    lasting: Lasting,
    unnamed: Option<String>,
    portals: BTreeMap<String, Portal>,
    block: Block,
    mode: Mode,
    copying: Option<Copying>,
    reported_timezone: String,
    /// Settings of no module that were ever set: nothing ends their being known.
    customs: BTreeSet<&'static str>,
    /// What a sequence gave last.
    sequence: Option<String>,
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
            savepoints: Vec::new(),
            lasting: Lasting::default(),
            unnamed: None,
            portals: BTreeMap::new(),
            block: Block::None,
            mode: Mode::Serving,
            copying: None,
            reported_timezone: "UTC".to_owned(),
            customs: BTreeSet::new(),
            sequence: None,
        }
    }

    /// One whose sessions begin in another time zone than the usual one.
    pub(super) fn abroad(timezone: &'static str) -> Self {
        let mut simulator = Self::new();
        simulator.undoable.home = Some(timezone);
        simulator.reported_timezone = timezone.to_owned();
        simulator
    }

    /// The server reads its configuration again: whoever has not set a time zone is in this one. It is
    /// reported behind the next statement.
    pub(super) fn reload(&mut self, timezone: &'static str) {
        let earlier = self.saved.iter_mut().chain(&mut self.savepoints);
        for state in earlier.chain([&mut self.undoable]) {
            state.home = Some(timezone);
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

    /// What makes the connection unfit for another client, if anything: all but its settings, which must
    /// be those that `known` says, or else at their defaults, and its prepared statements: whoever comes
    /// next makes sure that it has its own.
    pub(super) fn dirt<'a>(&self, known: impl Fn(&str) -> Option<&'a [u8]>) -> Option<String> {
        let as_known = SETTINGS.iter().all(|(name, _)| {
            let default = self.undoable.default_of(name);
            self.undoable.value(name).as_bytes() == known(name).unwrap_or(default.as_bytes())
        });
        let clean = as_known
            && self.undoable.local.is_empty()
            && self.undoable.marks.is_empty()
            && self.savepoints.is_empty()
            && self.lasting.locks == 0
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
        if self.block == Block::Failed && sql.is_empty() {
            // It ends no transaction.
            return Err(Failed("25P02"));
        }
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
            ("S", name) => {
                self.lasting.named.remove(name);
                self.lasting.by_sql.remove(name);
            }
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
        if let Some(question) = question(sql) {
            self.answer(&question);
            self.end_statement();
            self.ready();
            return;
        }
        if sql.split(';').any(|statement| statement.trim() == "selec") {
            self.fail(&Failed("42601"));
            self.ready();
            return;
        }
        let statements: Vec<String> = sql
            .split(';')
            .map(canonical)
            .filter(|statement| !statement.is_empty())
            .collect();
        if statements.is_empty() {
            self.say("I");
        }
        self.statements(&statements);
    }

    /// Answers the proxy's own question.
    fn answer(&mut self, question: &Question) {
        assert_eq!(self.block, Block::None, "asked inside a transaction");
        let values = question.names.iter().map(|name| {
            let custom = name.contains('.');
            (!custom || self.customs.contains(name.as_str()))
                .then(|| self.undoable.value(name).to_owned())
        });
        let facts = question.facts.iter().map(|fact| {
            let holds = match *fact {
                "list" => {
                    let names = self.undoable.settings.keys().copied();
                    let names = names.filter(|name| !name.contains('.') && *name != "role");
                    return Some(names.collect::<Vec<_>>().join(","));
                }
                "locks" => self.lasting.locks > 0,
                fact => self.undoable.marks.contains(fact),
            };
            Some(if holds { "t" } else { "f" }.to_owned())
        });
        let row = row(&values.chain(facts).collect::<Vec<_>>());
        self.say("C(SET) C(SET) T");
        self.buffered.extend(row);
        self.say("C(SELECT 1)");
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
                self.undoable = Undoable {
                    home: self.undoable.home,
                    ..Undoable::default()
                };
                self.saved = Some(self.undoable.clone());
                self.lasting = Lasting::default();
                self.sequence = None;
                "C(DISCARD ALL)".to_owned()
            }
            "savepoint s" | "release s" | "rollback to s" => self.savepoint(sql)?.to_owned(),
            "show all" => format!(
                "D({:?} {:?} {:?}) C(SHOW)",
                self.undoable.values(),
                self.undoable.marks,
                self.lasting.locks,
            ),
            other if other.starts_with("SELECT pg_catalog.current_setting(") => {
                "READING C(SELECT 1)".to_owned()
            }
            other if is_roster(other) => {
                for name in self.lasting.named.keys() {
                    let text = self.lasting.by_sql.get(name).cloned();
                    if !name.starts_with("tollgate_") {
                        self.buffered.extend(row(&[Some(name.clone()), text]));
                    }
                }
                "C(SELECT 1)".to_owned()
            }
            // Back and forth, within one request.
            other if other.starts_with("SELECT pg_catalog.set_config(") => {
                "D() C(SELECT 1)".to_owned()
            }
            "select currval('s')" => match &self.sequence {
                Some(value) => format!("D(last {value}) C(SELECT 1)"),
                None => return Err(Failed("55000")),
            },
            other => match assignment(other) {
                Some(assignment) => self.assign(assignment, other)?.to_owned(),
                None => self.run_with_state(other)?.to_owned(),
            },
        };
        self.say(&answer);
        if sql == "copy t from stdin" {
            self.flush();
        }
        Ok(())
    }

    fn savepoint(&mut self, sql: &str) -> Result<&'static str, Failed> {
        if self.block == Block::None {
            return Err(Failed("25P01"));
        }
        if sql == "savepoint s" {
            self.savepoints.push(self.undoable.clone());
            return Ok("C(SAVEPOINT)");
        }
        let newest = self.savepoints.pop().ok_or(Failed("3B001"))?;
        if sql == "release s" {
            return Ok("C(RELEASE)");
        }
        self.block = Block::Open;
        self.portals.clear();
        self.undoable = newest.clone();
        self.savepoints.push(newest);
        Ok("C(ROLLBACK)")
    }

    fn assign(&mut self, assignment: Assignment, sql: &str) -> Result<&'static str, Failed> {
        if sql.ends_with("1/0") {
            return Err(Failed("22012"));
        }
        let undoable = &mut self.undoable;
        match assignment {
            Assignment::Session(_, Some(value)) if value == "bad" => return Err(Failed("22023")),
            Assignment::Session(name, value) => {
                self.customs
                    .extend(Some(name).filter(|name| name.contains('.')));
                undoable.local.remove(name);
                undoable.settings.remove(name);
                if name == "session_authorization" {
                    undoable.settings.remove("role");
                    undoable.local.remove("role");
                }
                let default = undoable.default_of(name);
                // What is set to its default stays when the default moves.
                let moves = name == "timezone";
                if let Some(value) = value.filter(|value| moves || value != default) {
                    undoable.settings.insert(name, value);
                }
            }
            Assignment::Local(name, value) => {
                self.customs
                    .extend(Some(name).filter(|name| name.contains('.')));
                undoable.local.insert(name, value);
            }
            Assignment::ResetAll => {
                let kept = |name: &&str| matches!(*name, "role" | "session_authorization");
                undoable.settings.retain(|name, _| kept(name));
                undoable.local.retain(|name, _| kept(name));
            }
        }
        Ok(match sql.split(' ').next() {
            Some("reset" | "RESET") => "C(RESET)",
            Some("select") => "D() C(SELECT 1)",
            _ => "C(SET)",
        })
    }

    /// Runs a statement that leaves something in the session.
    fn run_with_state(&mut self, sql: &str) -> Result<&'static str, Failed> {
        let marks = &mut self.undoable.marks;
        let answer = match sql {
            "create temp table t (a int)" => {
                if !marks.insert("temp") {
                    return Err(Failed("42P07"));
                }
                "C(CREATE TABLE)"
            }
            "drop table t" => {
                if !marks.remove("temp") {
                    return Err(Failed("42P01"));
                }
                "C(DROP TABLE)"
            }
            "discard temp" => {
                marks.remove("temp");
                "C(DISCARD TEMP)"
            }
            "declare c cursor with hold for select 1" => {
                if !marks.insert("cursors") {
                    return Err(Failed("42P03"));
                }
                "C(DECLARE CURSOR)"
            }
            "close all" => {
                // A cursor that is closed stays so.
                let saved = self.saved.iter_mut().chain(&mut self.savepoints);
                for state in saved.chain([&mut self.undoable]) {
                    state.marks.remove("cursors");
                }
                self.portals.clear();
                "C(CLOSE CURSOR ALL)"
            }
            "listen c" => {
                marks.insert("channels");
                "C(LISTEN)"
            }
            "unlisten *" => {
                marks.remove("channels");
                "C(UNLISTEN)"
            }
            other => return self.run_with_lasting_state(other),
        };
        Ok(answer)
    }

    /// Runs a statement that leaves something that no rollback undoes, or that the text does not tell.
    fn run_with_lasting_state(&mut self, sql: &str) -> Result<&'static str, Failed> {
        let lasting = &mut self.lasting;
        let answer = match sql {
            "select pg_advisory_lock(1)" => {
                lasting.locks += 1;
                "D() C(SELECT 1)"
            }
            "select pg_advisory_lock(1), 1/0" => {
                lasting.locks += 1;
                return Err(Failed("22012"));
            }
            "select pg_advisory_unlock(1)" => {
                if lasting.locks == 0 {
                    "N D(f) C(SELECT 1)"
                } else {
                    lasting.locks -= 1;
                    "D(t) C(SELECT 1)"
                }
            }
            "select setval('s', 1)" | "select setval('s', 2)" | "select setval('s', 3)" => {
                self.sequence = Some(sql["select setval('s', ".len()..].replace(')', ""));
                "D(1) C(SELECT 1)"
            }
            "call p()" => {
                // What is in it, the text does not tell.
                let settings = &mut self.undoable.settings;
                settings.insert("work_mem", "3MB".to_owned());
                settings.remove("role");
                self.undoable.local.clear();
                "C(CALL)"
            }
            "rollback and chain" => {
                self.end_transaction(false);
                self.block = Block::Open;
                self.start_transaction();
                "C(ROLLBACK)"
            }
            "rollback to tollgate" => return Err(Failed("3B001")),
            "discard sequences" => {
                self.sequence = None;
                "C(DISCARD SEQUENCES)"
            }
            "prepare x as select 1" => {
                if lasting.named.contains_key("x") {
                    return Err(Failed("42P05"));
                }
                lasting.named.insert("x".to_owned(), "select 1".to_owned());
                lasting.types.remove("x");
                lasting.by_sql.insert("x".to_owned(), sql.to_owned());
                "C(PREPARE)"
            }
            "deallocate x" => {
                lasting.named.remove("x").ok_or(Failed("26000"))?;
                lasting.by_sql.remove("x");
                "C(DEALLOCATE)"
            }
            "deallocate all" => {
                lasting.named.clear();
                lasting.by_sql.clear();
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
        let ends = sql.is_empty() || sql == "commit" || sql.starts_with("rollback");
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
        self.undoable.local.clear();
        self.savepoints.clear();
        self.portals.clear();
    }

    fn fail(&mut self, failed: &Failed) {
        self.say(&format!("E({})", failed.0));
        match self.block {
            Block::None => self.end_transaction(false),
            Block::Open | Block::Failed => {
                let earlier = self.savepoints.last().or(self.saved.as_ref());
                if self.block == Block::Open
                    && let Some(earlier) = earlier
                {
                    self.undoable = earlier.clone();
                }
                self.portals.clear();
                self.block = Block::Failed;
            }
        }
    }

    fn ready(&mut self) {
        let timezone = self.undoable.value("timezone");
        if timezone != self.reported_timezone {
            self.reported_timezone = timezone.to_owned();
            self.say(&format!("S(TimeZone={})", self.reported_timezone));
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

fn default_of(name: &str) -> &'static str {
    let setting = SETTINGS.iter().find(|(known, _)| *known == name);
    setting
        .unwrap_or_else(|| panic!("unknown setting {name}"))
        .1
}

/// A statement as the clients of the properties spell it, whoever sent it.
fn canonical(statement: &str) -> String {
    let statement = statement.trim();
    match statement {
        "BEGIN ISOLATION LEVEL READ COMMITTED" => "begin".to_owned(),
        "COMMIT"
        | "ROLLBACK"
        | "ROLLBACK AND CHAIN"
        | "ROLLBACK TO tollgate"
        | "DISCARD ALL"
        | "DISCARD SEQUENCES" => statement.to_ascii_lowercase(),
        _ => statement.to_owned(),
    }
}

/// Reads a `SET`, a `RESET` or a `set_config`, of a client or of the proxy.
fn assignment(sql: &str) -> Option<Assignment> {
    if let Some(call) = sql.strip_prefix("select set_config('") {
        let mut arguments = call.split("', '");
        let name = known(arguments.next()?);
        let value = arguments.next()?.split_once('\'')?.0;
        return Some(Assignment::Session(name, Some(value.to_owned())));
    }
    let sql = sql.replace(['"', '\''], "");
    let words: Vec<&str> = sql.split_whitespace().collect();
    let first = words.first()?.to_ascii_lowercase();
    Some(match (first.as_str(), words.get(1..)?) {
        ("reset", ["all" | "ALL"]) => Assignment::ResetAll,
        ("reset", ["SESSION", "AUTHORIZATION"]) => {
            Assignment::Session(known("session_authorization"), None)
        }
        ("reset", [name]) => Assignment::Session(known(&name.to_ascii_lowercase()), None),
        ("set", ["local", name, _, value]) => Assignment::Local(known(name), (*value).to_owned()),
        ("set", ["SESSION", "AUTHORIZATION", value]) => {
            Assignment::Session(known("session_authorization"), Some((*value).to_owned()))
        }
        ("set", ["role" | "ROLE", value]) => {
            Assignment::Session(known("role"), Some((*value).to_owned()))
        }
        ("set", [name, _, value]) => Assignment::Session(known(name), Some((*value).to_owned())),
        ("set", [name, "TO"]) => Assignment::Session(known(name), Some(String::new())),
        _ => return None,
    })
}

/// The name of a setting that it knows.
fn known(name: &str) -> &'static str {
    let setting = SETTINGS.iter().find(|(known, _)| *known == name);
    setting
        .unwrap_or_else(|| panic!("unknown setting {name}"))
        .0
}
