//! Conversations as text: a word for the command and, in brackets, what it says.
//!
//! `Q(select 1)` is a query, `I(1,one\n|load data …)` a query with the content of the file that it asks for.
//! `P(s|select ?)` prepares under a name of the conversation's own, `E(s|1|x|NULL)` executes (numbers are bound as
//! numbers, `@` stands for a value that went ahead in pieces), `E0` binds no types, `EC` asks for a cursor,
//! `BX(s|1,one|2,two)` is MariaDB's bulk execute, and `E(last|…)` names no statement but the last one prepared.
//! `LD(s|0|bytes)` sends a piece, `F(s|2)` fetches, `R(s)` resets, `C(s)` closes. `D(schema)`, `PING()`, `STAT()`,
//! `FL(table|pattern)`, `SO(1)`, `RC()`, `PK(id)` are the other commands, `!(0a ff)` any bytes, `!1(18)` any bytes that
//! are answered with one packet whatever their command is. `CU(user|schema)` and
//! `L(-eof +found schema=x collation=8)` log in again, on the same connection and on a new one.
//!
//! `{n}` stands for the number of the client, `{db}` for its schema, `{id}` for its connection, `<x*300>` for three
//! hundred times the letter, and `\n`, `\t` and `\0` for themselves.

use std::collections::HashMap;

use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command::{self, Command};
use tollgate_wire_mysql::output::put_lenenc_bytes;
use tollgate_wire_mysql::reply::ReplyKind;

use crate::differential::notation::tokens;
use crate::mysql::raw::framed;

/// The number of a statement that nobody has.
const UNKNOWN: u32 = 2_000_004_242;

/// How commands are cut into writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Each in a write of its own, when the one before has been answered.
    Commands,
    /// The commands of a batch together.
    Batches,
    Bytes,
}

/// One thing to do.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Command(Saying),
    ChangeUser { user: String, schema: String },
    Login(Wishes),
}

/// What a new login is to be like.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    pub(super) with: Vec<Capabilities>,
    pub(super) without: Vec<Capabilities>,
    pub(super) schema: Option<String>,
    pub(super) collation: Option<u8>,
}

/// A command of the conversation.
#[derive(Debug, Clone)]
pub(super) struct Saying {
    pub(super) what: What,
    /// The content of a file that may be asked for.
    pub(super) file: Vec<u8>,
    /// The name of the statement it is about, or makes.
    pub(super) statement: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Query(String),
    Prepare(String),
    Execute(Binding),
    Bulk(Vec<Vec<String>>),
    LongData {
        parameter: u16,
        data: Vec<u8>,
    },
    Fetch(u32),
    /// Any command that is only about a statement.
    About(Command),
    /// Any command with these bytes behind its code.
    Plain(Command, Vec<u8>),
    /// The same, where the answer is an error.
    Refused(Command, Vec<u8>),
}

/// The values of an execute.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub(super) values: Vec<String>,
    pub(super) types: Types,
    pub(super) cursor: u8,
}

/// Whether an execute carries types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Types {
    Bound,
    AsBefore,
}

/// What a side knows when it writes a command.
pub(super) struct Known<'a> {
    pub(super) capabilities: Capabilities,
    pub(super) statements: &'a HashMap<String, u32>,
}

/// A batch in the words of one side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speaker<'a> {
    pub(super) number: usize,
    pub(super) schema: &'a str,
    pub(super) connection: u32,
}

/// What a batch says.
pub(super) fn steps(batch: &str, speaker: Speaker<'_>) -> Vec<Step> {
    let batch = batch
        .replace("{n}", &speaker.number.to_string())
        .replace("{db}", speaker.schema)
        .replace("{id}", &speaker.connection.to_string());
    tokens(&batch).into_iter().map(step).collect()
}

fn step(token: &str) -> Step {
    let (tag, text) = token.split_once('(').expect("a bracket");
    let text = text.strip_suffix(')').expect("a bracket");
    let text = repeated(
        &text
            .replace("\\n", "\n")
            .replace("\\t", "\t")
            .replace("\\0", "\0"),
    );
    let (head, tail) = text.split_once('|').unwrap_or((text.as_str(), ""));
    let mut statement = None;
    let mut file = Vec::new();
    let mut about = |what| {
        statement = Some(head.to_owned());
        what
    };
    let values = || {
        tail.split('|')
            .map(str::to_owned)
            .filter(|_| !tail.is_empty())
    };
    let binding = |types, cursor| Binding {
        values: values().collect(),
        types,
        cursor,
    };
    let what = match tag {
        "L" => return Step::Login(wishes(&text)),
        "CU" => {
            return Step::ChangeUser {
                user: head.to_owned(),
                schema: tail.to_owned(),
            };
        }
        "Q" => What::Query(text.clone()),
        "I" => {
            file = head.as_bytes().to_vec();
            What::Query(tail.to_owned())
        }
        "P" => about(What::Prepare(tail.to_owned())),
        "E" => about(What::Execute(binding(Types::Bound, 0))),
        "E0" => about(What::Execute(binding(Types::AsBefore, 0))),
        "EC" => about(What::Execute(binding(Types::Bound, 1))),
        "BX" => {
            let rows = values().map(|row| row.split(',').map(str::to_owned).collect());
            about(What::Bulk(rows.collect()))
        }
        "LD" => {
            let (parameter, data) = tail.split_once('|').expect("a parameter and data");
            about(What::LongData {
                parameter: parameter.parse().expect("a parameter"),
                data: data.as_bytes().to_vec(),
            })
        }
        "F" => about(What::Fetch(tail.parse().expect("a number of rows"))),
        "R" => about(What::About(Command::StmtReset)),
        "C" => about(What::About(Command::StmtClose)),
        _ => plain(tag, &text),
    };
    Step::Command(Saying {
        what,
        file,
        statement,
    })
}

fn plain(tag: &str, text: &str) -> What {
    let number = |text: &str| text.trim().parse::<u32>().expect("a number").to_le_bytes();
    match tag {
        "D" => What::Plain(Command::InitDb, text.as_bytes().to_vec()),
        "PING" => What::Plain(Command::Ping, Vec::new()),
        "STAT" => What::Plain(Command::Statistics, Vec::new()),
        "FL" => {
            let body = text.replace('|', "\0");
            What::Plain(Command::FieldList, body.into_bytes())
        }
        "SO" => What::Plain(Command::SetOption, number(text)[..2].to_vec()),
        "RC" => What::Plain(Command::ResetConnection, Vec::new()),
        "PK" => What::Plain(Command::ProcessKill, number(text).to_vec()),
        "!" | "!1" => {
            let bytes = text.split_whitespace();
            let mut bytes = bytes.map(|byte| u8::from_str_radix(byte, 16).expect("a byte"));
            let code = bytes.next().expect("a code");
            let (command, body) = (Command::from_code(code), bytes.collect());
            match tag {
                "!" => What::Plain(command, body),
                _ => What::Refused(command, body),
            }
        }
        other => unreachable!("no command is called {other}"),
    }
}

fn repeated(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        out.push_str(before);
        let inside = behind.split_once('>');
        let parts = inside.and_then(|(inside, after)| {
            let (what, count) = inside.rsplit_once('*')?;
            Some((what, count.parse().ok()?, after))
        });
        if let Some((what, count, after)) = parts {
            out.push_str(&what.repeat(count));
            rest = after;
        } else {
            out.push('<');
            rest = behind;
        }
    }
    out + rest
}

fn wishes(text: &str) -> Wishes {
    let mut wishes = Wishes::default();
    for word in text.split_whitespace() {
        let named = |name: &str| match name {
            "eof" => Capabilities::DEPRECATE_EOF,
            "track" => Capabilities::SESSION_TRACK,
            "multi" => Capabilities::MULTI_STATEMENTS,
            "found" => Capabilities::FOUND_ROWS,
            "space" => Capabilities::IGNORE_SPACE,
            "files" => Capabilities::LOCAL_FILES,
            "attributes" => Capabilities::QUERY_ATTRIBUTES,
            "bulk" => Capabilities::MARIADB_STMT_BULK,
            other => unreachable!("no capability is called {other}"),
        };
        if let Some(name) = word.strip_prefix('+') {
            wishes.with.push(named(name));
        } else if let Some(name) = word.strip_prefix('-') {
            wishes.without.push(named(name));
        } else if let Some(schema) = word.strip_prefix("schema=") {
            wishes.schema = Some(schema.to_owned());
        } else if let Some(number) = word.strip_prefix("collation=") {
            wishes.collation = Some(number.parse().expect("a number"));
        } else {
            unreachable!("no wish is called {word}");
        }
    }
    wishes
}

impl Saying {
    pub(super) fn kind(&self) -> ReplyKind {
        match self.what {
            What::Refused(..) => ReplyKind::Single,
            What::Query(_)
            | What::Prepare(_)
            | What::Execute(_)
            | What::Bulk(_)
            | What::LongData { .. }
            | What::Fetch(_)
            | What::About(_)
            | What::Plain(..) => self.command().reply(),
        }
    }

    pub(super) fn command(&self) -> Command {
        match &self.what {
            What::Query(_) => Command::Query,
            What::Prepare(_) => Command::StmtPrepare,
            What::Execute(_) => Command::StmtExecute,
            What::Bulk(_) => Command::StmtBulkExecute,
            What::LongData { .. } => Command::StmtSendLongData,
            What::Fetch(_) => Command::StmtFetch,
            What::About(command) | What::Plain(command, _) | What::Refused(command, _) => *command,
        }
    }

    /// Lists warnings or errors of the statement before.
    pub(super) fn shows_conditions(&self) -> bool {
        let starts = ["SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT"];
        matches!(&self.what, What::Query(sql) if starts.iter().any(|it| sql.starts_with(it)))
    }

    /// Asks for a file of the client.
    pub(super) fn uploads(&self) -> bool {
        matches!(&self.what, What::Query(sql) if sql.contains("LOCAL INFILE"))
    }

    /// Changes what the server reports: it may do so from the middle of the statement on.
    pub(super) fn decides_what_is_told(&self) -> bool {
        matches!(&self.what, What::Query(sql) if sql.contains("SET session_track"))
    }

    /// MySQL warns that the function will go away; the proxy's own answer does not.
    pub(super) fn asks_for_found_rows(&self) -> bool {
        matches!(&self.what, What::Query(sql) if sql.contains("FOUND_ROWS()"))
    }

    /// The number of the command's last packet.
    pub(super) fn last_packet(bytes: &[u8]) -> u8 {
        let mut rest = bytes;
        let mut number = 0;
        while let [a, b, c, at, behind @ ..] = rest {
            number = *at;
            let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
            rest = behind.get(length..).unwrap_or_default();
        }
        number
    }

    /// The packets.
    pub(super) fn packets(&self, known: &Known<'_>) -> Vec<u8> {
        let id = match self.statement.as_deref() {
            Some("last") => Command::LAST_PREPARED,
            Some(name) => known.statements.get(name).copied().unwrap_or(UNKNOWN),
            None => 0,
        };
        let mut payload = vec![self.command().code()];
        match &self.what {
            What::Query(sql) => {
                let mut bytes = Vec::new();
                command::write_query(&mut bytes, known.capabilities, sql.as_bytes());
                return bytes;
            }
            What::Prepare(sql) => payload.extend(sql.as_bytes()),
            What::Execute(binding) => {
                payload.extend(id.to_le_bytes());
                binding.put(&mut payload, known.capabilities);
            }
            What::Bulk(rows) => {
                payload.extend(id.to_le_bytes());
                put_bulk(&mut payload, rows);
            }
            What::LongData { parameter, data } => {
                payload.extend(id.to_le_bytes());
                payload.extend(parameter.to_le_bytes());
                payload.extend(data);
            }
            What::Fetch(rows) => {
                payload.extend(id.to_le_bytes());
                payload.extend(rows.to_le_bytes());
            }
            What::About(_) => payload.extend(id.to_le_bytes()),
            What::Plain(_, body) | What::Refused(_, body) => payload.extend(body),
        }
        framed(0, &payload)
    }
}

impl Binding {
    fn put(&self, payload: &mut Vec<u8>, capabilities: Capabilities) {
        let attributes = capabilities.contains(Capabilities::QUERY_ATTRIBUTES);
        let some = !self.values.is_empty();
        let announced = if attributes && some { 8 } else { 0 };
        payload.push(self.cursor | announced);
        payload.extend(1_u32.to_le_bytes());
        if !some {
            return;
        }
        if attributes {
            payload.push(u8::try_from(self.values.len()).expect("a few values"));
        }
        let mut nulls = vec![0_u8; self.values.len().div_ceil(8)];
        for (at, value) in self.values.iter().enumerate() {
            if value == "NULL" {
                nulls[at / 8] |= 1 << (at % 8);
            }
        }
        payload.extend(nulls);
        match self.types {
            Types::AsBefore => payload.push(0),
            Types::Bound => {
                payload.push(1);
                for value in &self.values {
                    payload.extend(type_of(value).to_le_bytes());
                    if attributes {
                        payload.push(0);
                    }
                }
            }
        }
        for value in &self.values {
            put_value(payload, value);
        }
    }
}

/// `MYSQL_TYPE_LONGLONG`, `MYSQL_TYPE_BLOB` for what goes ahead, or `MYSQL_TYPE_VAR_STRING`.
fn type_of(value: &str) -> u16 {
    match value {
        "@" => 0xfc,
        number if number.parse::<i64>().is_ok() => 0x08,
        _ => 0xfd,
    }
}

fn put_value(payload: &mut Vec<u8>, value: &str) {
    match (value, value.parse::<i64>()) {
        ("NULL" | "@", _) => {}
        (_, Ok(number)) => payload.extend(number.to_le_bytes()),
        (text, Err(_)) => put_lenenc_bytes(payload, text.as_bytes()),
    }
}

/// Types of the first row, and an indicator in front of every value: 0, or 1 for NULL.
fn put_bulk(payload: &mut Vec<u8>, rows: &[Vec<String>]) {
    const SEND_TYPES: u16 = 128;
    payload.extend(SEND_TYPES.to_le_bytes());
    for value in rows.first().into_iter().flatten() {
        payload.extend(type_of(value).to_le_bytes());
    }
    for value in rows.iter().flatten() {
        payload.push(u8::from(value == "NULL"));
        put_value(payload, value);
    }
}
