//! A client of the server and a client of the data plane that do the same and compare what they hear.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::charset;
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::reply::{
    Change, Changes, ErrPacket, OkHead, Part, ReplyKind, read_end, text_values,
};
use tollgate_wire_mysql::status::StatusFlags;

use super::SCHEMAS;
use super::notation::{Cut, Known, Saying, Speaker, Step, Wishes, steps};
use crate::mysql::raw::{Door, Outcome, Raw, Refused, Said};

/// Payloads longer than this are compared as they are.
const LONG: usize = 1 << 20;

/// Two clients that do the same.
pub(crate) struct Pair {
    pub(crate) direct: Side,
    pub(crate) proxied: Side,
    number: usize,
    cut: Cut,
    history: Vec<String>,
}

/// What was heard, without what two connections say differently.
#[derive(Clone, PartialEq, Eq)]
enum Line {
    Said { what: String, bytes: Vec<u8> },
    Refused(String),
    Closed,
}

impl Line {
    /// Without what is told of a column behind its names, if a parameter is in it.
    fn without_types_of_parameters(self) -> Self {
        match self {
            Self::Said { what, bytes }
                if what.starts_with("Definition") && bytes.contains(&b'?') =>
            {
                let end = bytes.iter().rposition(|byte| *byte == 0x0c).unwrap_or(0);
                let bytes = bytes.get(..end).unwrap_or_default().to_vec();
                Self::Said { what, bytes }
            }
            line @ (Self::Said { .. } | Self::Refused(_) | Self::Closed) => line,
        }
    }

    fn is_definition(&self) -> bool {
        match self {
            Self::Said { what, .. } => what.starts_with("Definition"),
            Self::Refused(_) | Self::Closed => false,
        }
    }
}

impl Pair {
    /// Neither has logged in yet.
    pub(super) fn new(direct: Door, proxied: Door, number: usize) -> Self {
        Self {
            direct: Side::new(direct),
            proxied: Side::new(proxied),
            number,
            cut: Cut::Commands,
            history: Vec::new(),
        }
    }

    pub(super) fn cut(mut self, cut: Cut) -> Self {
        self.cut = cut;
        self
    }

    /// Servers describe a parameter in a result by earlier executes on the same connection.
    pub(super) fn with_undescribed_parameters(mut self) -> Self {
        self.direct.parameters = Parameters::Undescribed;
        self.proxied.parameters = Parameters::Undescribed;
        self
    }

    /// True when the batch begins with a login. The proxied door is then as it will be, which decides what server
    /// connections can be used.
    pub(super) fn will_log_in(&mut self, batch: &str) -> bool {
        let speaker = self.proxied.speaker(self.number);
        match steps(batch, speaker).into_iter().next() {
            Some(Step::Login(wishes)) => {
                self.direct.raw = None;
                self.proxied.raw = None;
                self.proxied.door = self.proxied.wished(&wishes);
                true
            }
            Some(Step::Command(_) | Step::ChangeUser { .. }) | None => false,
        }
    }

    /// Does what a batch says with both and compares what they hear.
    pub(super) async fn batch(&mut self, batch: &str) -> Result<()> {
        self.history.push(batch.to_owned());
        let expected = self.direct.perform(batch, self.number, self.cut).await;
        let expected = expected.context("the server itself")?;
        let heard = match self.proxied.perform(batch, self.number, self.cut).await {
            Ok(heard) => heard,
            Err(error) => bail!(
                "{error:#}\nthe server says {:#?}\nafter {:#?}",
                lines(&expected),
                self.history
            ),
        };
        if expected == heard {
            return Ok(());
        }
        let same = expected.iter().zip(&heard).take_while(|(a, b)| a == b);
        let same = same.count();
        let from = |said: &[Line]| lines(said.get(same.saturating_sub(2)..).unwrap_or_default());
        bail!(
            "{same} packets are the same, then the server says {:#?}\nthe proxy says {:#?}\nafter {:#?}",
            from(&expected),
            from(&heard),
            self.history
        );
    }
}

/// One client, logged in when needed.
pub(crate) struct Side {
    pub(crate) door: Door,
    pub(crate) raw: Option<Raw>,
    first: Door,
    statements: HashMap<String, u32>,
    parameters: Parameters,
}

/// Whether the descriptions of columns that are made of parameters are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parameters {
    Described,
    Undescribed,
}

impl Side {
    fn new(door: Door) -> Self {
        Self {
            first: door.clone(),
            door,
            raw: None,
            statements: HashMap::new(),
            parameters: Parameters::Described,
        }
    }

    fn speaker(&self, number: usize) -> Speaker<'_> {
        Speaker {
            number,
            schema: &self.first.schema,
            connection: self.raw.as_ref().map_or(0, |raw| raw.id),
        }
    }

    fn wished(&self, wishes: &Wishes) -> Door {
        let mut door = self.first.clone();
        for bit in &wishes.with {
            door.capabilities = door.capabilities | *bit;
        }
        for bit in &wishes.without {
            door.capabilities = door.capabilities.without(*bit);
        }
        if let Some(schema) = &wishes.schema {
            door.schema.clone_from(schema);
        }
        if let Some(collation) = wishes.collation {
            door.collation = collation;
        }
        door
    }

    async fn perform(&mut self, batch: &str, number: usize, cut: Cut) -> Result<Vec<Line>> {
        if self.raw.is_none() && !batch.starts_with("L(") {
            self.raw = Some(Raw::login(&self.door).await?);
        }
        let mut heard = Vec::new();
        let mut together: Vec<Saying> = Vec::new();
        for step in steps(batch, self.speaker(number)) {
            match step {
                Step::Command(saying) => {
                    // The number of a statement is known when its prepare was answered.
                    let made = |other: &Saying| {
                        other.command() == Command::StmtPrepare
                            && other.statement == saying.statement
                    };
                    // A server may answer a file before it has heard it all.
                    let apart = cut != Cut::Batches
                        || saying.uploads()
                        || together.iter().any(Saying::uploads);
                    if apart || together.iter().any(made) {
                        self.say(&mut together, cut, &mut heard).await?;
                    }
                    together.push(saying);
                }
                Step::ChangeUser { user, schema } => {
                    self.say(&mut together, cut, &mut heard).await?;
                    self.change_user(&user, &schema, &mut heard).await?;
                }
                Step::Login(wishes) => {
                    self.say(&mut together, cut, &mut heard).await?;
                    self.log_in(&wishes, &mut heard).await?;
                }
            }
        }
        self.say(&mut together, cut, &mut heard).await?;
        Ok(heard)
    }

    async fn log_in(&mut self, wishes: &Wishes, heard: &mut Vec<Line>) -> Result<()> {
        self.raw = None;
        self.statements.clear();
        self.door = self.wished(wishes);
        match Raw::login(&self.door).await {
            Ok(raw) => {
                let wanted = self.door.capabilities;
                heard.push(welcome(&raw.welcome, raw.capabilities.both(wanted)));
                self.raw = Some(raw);
            }
            Err(error) => {
                let refused = error.downcast::<Refused>()?;
                heard.push(Line::Refused(with_our_names(&refused.to_string())));
                self.door = self.first.clone();
            }
        }
        Ok(())
    }

    async fn change_user(&mut self, user: &str, schema: &str, heard: &mut Vec<Line>) -> Result<()> {
        let Some(raw) = &mut self.raw else {
            heard.push(Line::Closed);
            return Ok(());
        };
        self.statements.clear();
        match raw.change_user(user, schema).await {
            Ok(packet) => heard.push(welcome(&packet, raw.capabilities)),
            Err(error) => {
                let refused = error.downcast::<Refused>()?;
                heard.push(Line::Refused(refused.code.to_string()));
                self.raw = None;
            }
        }
        Ok(())
    }

    /// Sends what has been put together and hears all the replies.
    async fn say(
        &mut self,
        together: &mut Vec<Saying>,
        cut: Cut,
        heard: &mut Vec<Line>,
    ) -> Result<()> {
        let sayings = std::mem::take(together);
        if sayings.is_empty() {
            return Ok(());
        }
        let Some(mut raw) = self.raw.take() else {
            heard.extend(sayings.iter().map(|_| Line::Closed));
            return Ok(());
        };
        let known = Known {
            capabilities: raw.capabilities,
            statements: &self.statements,
        };
        let packets: Vec<Vec<u8>> = sayings.iter().map(|it| it.packets(&known)).collect();
        let bytes = packets.concat();
        match cut {
            Cut::Bytes if bytes.len() < 4096 => {
                let pieces: Vec<Vec<u8>> = bytes.chunks(1).map(<[u8]>::to_vec).collect();
                raw.pour(&pieces).await?;
            }
            Cut::Commands | Cut::Batches | Cut::Bytes => raw.pour(&[bytes]).await?,
        }
        for (saying, bytes) in sayings.iter().zip(&packets) {
            let last = Saying::last_packet(bytes);
            let reply = raw.reply(saying.kind(), last, &saying.file).await;
            let shown = || {
                format!(
                    "in answer to {saying:.200?}, having heard {:?}",
                    lines(heard)
                )
            };
            let (said, outcome) = reply.with_context(shown)?;
            self.note(saying, &said);
            let capabilities = raw.capabilities;
            let counts = self.counts_of(saying, capabilities);
            let undescribed = self.parameters == Parameters::Undescribed
                && saying.command() == Command::StmtExecute;
            let said = said
                .into_iter()
                .map(|it| match normal(it, capabilities, counts) {
                    line if undescribed => line.without_types_of_parameters(),
                    line => line,
                });
            if saying.shows_conditions() {
                // An empty list may come from the proxy, which says less of its columns.
                heard.extend(said.filter(|line| !line.is_definition()));
            } else {
                heard.extend(said);
            }
            if outcome == Outcome::Closed || saying.command() == Command::Quit {
                heard.push(Line::Closed);
                self.statements.clear();
                return Ok(());
            }
        }
        self.raw = Some(raw);
        Ok(())
    }

    /// What of the ends of the reply is compared.
    fn counts_of(&self, saying: &Saying, capabilities: Capabilities) -> Counts {
        let runs = matches!(
            saying.kind(),
            ReplyKind::TextResults | ReplyKind::BinaryResults
        );
        // What a query has changed is told behind the next statement without rows then, but not by the proxy.
        let postponed = self.parameters == Parameters::Undescribed
            && !capabilities.contains(Capabilities::DEPRECATE_EOF);
        let warnings = runs && !saying.asks_for_found_rows();
        match (saying.decides_what_is_told() || postponed, warnings) {
            (false, true) => Counts::Kept,
            (false, false) => Counts::LeftOut,
            (true, true) => Counts::ChangesLeftOut,
            (true, false) => Counts::NothingKept,
        }
    }

    fn note(&mut self, saying: &Saying, said: &[Said]) {
        if let (Some((Part::Prepared(prepared), _)), Some(name)) = (said.first(), &saying.statement)
        {
            self.statements.insert(name.clone(), prepared.statement_id);
        }
        if saying.command() == Command::ResetConnection {
            self.statements.clear();
        }
    }
}

/// The packet that ended a login: what it says of the status. What it reports is a matter of the proxy's.
fn welcome(packet: &[u8], capabilities: Capabilities) -> Line {
    let status = read_end(packet, capabilities).map(|(_, end)| end.head.status);
    let status = status.map(|status| status.without(StatusFlags::SESSION_STATE_CHANGED));
    Line::Said {
        what: format!("logged in: {status:?}"),
        bytes: Vec::new(),
    }
}

/// The packet without what two connections say differently: numbers of statements and connections, GTIDs, and
/// the names of the schemas, of which each side has its own.
fn normal((part, payload): Said, capabilities: Capabilities, counts: Counts) -> Line {
    let said = |what: String, bytes: Vec<u8>| Line::Said { what, bytes };
    match part {
        Part::Prepared(prepared) => said(
            format!(
                "Prepared {} columns {} parameters {} warnings",
                prepared.columns, prepared.parameters, prepared.warnings
            ),
            Vec::new(),
        ),
        Part::End { form, head } => {
            // The flag says that changes follow, and means nothing to those who are not told of them. (MariaDB sets it
            // behind a statement that was prepared in another schema, and the proxy has made it again before.)
            let status = head.status.without(StatusFlags::SESSION_STATE_CHANGED);
            // MariaDB goes on saying so when a procedure's mode has ended.
            let status = status.without(StatusFlags::ANSI_QUOTES);
            // A server says so when it makes a statement again, and the proxy has made it again before.
            let status = status.without(StatusFlags::METADATA_CHANGED);
            let head = match counts {
                Counts::Kept | Counts::ChangesLeftOut => OkHead { status, ..head },
                Counts::LeftOut | Counts::NothingKept => OkHead {
                    status,
                    warnings: 0,
                    ..head
                },
            };
            let text = read_end(&payload, capabilities).map(|(_, end)| {
                let info = String::from_utf8_lossy(end.info).into_owned();
                let changes = match counts {
                    Counts::ChangesLeftOut | Counts::NothingKept => Vec::new(),
                    Counts::Kept | Counts::LeftOut => changes(end.changes),
                };
                format!("{info:?} {changes:?}")
            });
            let text = text.unwrap_or_else(|error| error.to_string());
            said(
                with_our_names(&format!("{form:?} {head:?} {text}")),
                Vec::new(),
            )
        }
        Part::Error { code } => {
            let text = ErrPacket::parse(&payload).map(|error| {
                let state = error.sqlstate.unwrap_or_default();
                let message = String::from_utf8_lossy(error.message).into_owned();
                let state = String::from_utf8_lossy(&state).into_owned();
                format!("{state} {}", without_numbers(code, &message))
            });
            let text = text.unwrap_or_else(|error| error.to_string());
            said(with_our_names(&format!("Error {code} {text}")), Vec::new())
        }
        Part::Text => said("Text".to_owned(), Vec::new()),
        Part::Definition { of, left } => said(
            format!("Definition {of:?} {left}"),
            definition(names_in(payload)),
        ),
        Part::DefinitionsEnd { of, head } => {
            let status = head.status.both(EARLY);
            said(format!("{of:?} end {status:?}"), Vec::new())
        }
        Part::Continued
        | Part::Progress
        | Part::Columns { .. }
        | Part::Row
        | Part::FileRequest
        | Part::Login
        | Part::Stream => said(format!("{part:?}"), names_in(payload)),
    }
}

/// What the end of definitions says truly: the rest is known when the rows have come.
const EARLY: StatusFlags = StatusFlags::CURSOR_EXISTS.with(StatusFlags::NO_BACKSLASH_ESCAPES);

/// Whether the count of warnings is compared: commands that run nothing repeat that of the statement before,
/// which may have run elsewhere.
#[derive(Clone, Copy)]
enum Counts {
    Kept,
    LeftOut,
    /// What is reported from now on is decided behind this command.
    ChangesLeftOut,
    /// Neither.
    NothingKept,
}

/// A column's definition with the name of its character set in the place of a collation's number: a set that was
/// set by name has its default collation.
fn definition(payload: Vec<u8>) -> Vec<u8> {
    let names: usize = text_values(&payload)
        .take(6)
        .flatten()
        .flatten()
        .map(<[u8]>::len)
        .sum();
    // The lengths of the names are short.
    let at = names + 6 + 1;
    let Some(&[low, high]) = payload.get(at..at + 2) else {
        return payload;
    };
    let Some(collation) = charset::collation(u16::from_le_bytes([low, high])) else {
        return payload;
    };
    let mut shown = payload[..at].to_vec();
    shown.extend(collation.charset.as_bytes());
    let rest = &payload[at + 2..];
    if let Some(rest) = rest.strip_prefix(&NEVER_SET) {
        shown.extend(NULL);
        shown.extend(rest);
    } else {
        shown.extend(rest);
    }
    shown
}

/// The greatest length, and the type, of a user variable that was never set, as MariaDB has them.
const NEVER_SET: [u8; 5] = [0, 0, 0, 1, 251];

/// The same of one that is NULL: it is what the proxy makes of a variable that only others have set.
const NULL: [u8; 5] = [255, 255, 255, 0, 251];

/// Numbers of statements and connections in the texts of 1094, 1095, 1243 and 1421.
fn without_numbers(code: u16, message: &str) -> String {
    match code {
        1094 | 1095 | 1243 | 1421 => message.chars().filter(|it| !it.is_ascii_digit()).collect(),
        _ => message.to_owned(),
    }
}

/// What is reported, in an order that does not depend on the server's hash table.
fn changes(bytes: &[u8]) -> Vec<String> {
    let changes = Changes::new(bytes).map_while(Result::ok);
    let mut shown: Vec<String> = changes
        .filter_map(|change| match change {
            // MySQL tells the state of transactions, as it was, also to those that have not asked for it.
            // That nothing is set for the next one is told only when reports begin.
            Change::Gtids(_)
            | Change::TransactionState(_)
            | Change::TransactionCharacteristics(b"") => None,
            Change::SystemVariable { name, value } => Some(format!(
                "{}={:?}",
                String::from_utf8_lossy(name),
                value.map(String::from_utf8_lossy)
            )),
            Change::Schema(name) => Some(format!("schema {}", String::from_utf8_lossy(name))),
            Change::StateChange(text) => Some(format!("state {}", String::from_utf8_lossy(text))),
            Change::TransactionCharacteristics(text) => {
                Some(format!("next {}", String::from_utf8_lossy(text)))
            }
            Change::Unknown { kind, .. } => Some(format!("kind {kind}")),
        })
        .collect();
    shown.sort();
    shown
}

/// The direct side's schemas have names of the same length, so that only letters differ.
fn names_in(mut bytes: Vec<u8>) -> Vec<u8> {
    let [direct, proxied] = SCHEMAS.map(str::as_bytes);
    if bytes.len() > LONG {
        return bytes;
    }
    let mut at = 0;
    while let Some(window) = bytes.get_mut(at..at + direct.len()) {
        if window == direct {
            window.copy_from_slice(proxied);
        }
        at += 1;
    }
    bytes
}

fn with_our_names(text: &str) -> String {
    text.replace(SCHEMAS[0], SCHEMAS[1])
}

/// The first of them, short.
fn lines(said: &[Line]) -> Vec<String> {
    let line = |line: &Line| match line {
        Line::Closed => "Closed".to_owned(),
        Line::Refused(text) => format!("Refused {text}"),
        Line::Said { what, bytes } if bytes.is_empty() => what.clone(),
        Line::Said { what, bytes } => {
            let start: String = String::from_utf8_lossy(bytes).chars().take(70).collect();
            format!("{what} {start:?} ({} bytes)", bytes.len())
        }
    };
    said.iter().take(30).map(line).collect()
}
