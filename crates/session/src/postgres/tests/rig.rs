//! Plays a transcript against sessions that share a pool of server connections, in pieces of any size.
//!
//! A transcript has one line per turn, and under it what must come of it:
//! - `F> ..`: a client sends messages and they all reach the server as they are; `F ..`: they do not, or
//!   not so. `F2> ..` is the second client.
//! - `B> ..`: the server of a client answers and all of it reaches the client; `B ..`: not so.
//! - `-> ..` and `<- ..`: what reaches the server and the client.
//! - `! ..`: what the session wanted or said, in order.
//! - `target ..`: where a cancel request would go; `past ..`: what the connection on top of the pool has
//!   been through.
//! - `gone`, `lost`, `refuse 53300`, `drained`, `K> ..`: other turns, see `Rig::turn`.

use tollgate_types::SessionState;
use tollgate_wire_postgres::backend::ErrorFields;
use tollgate_wire_postgres::sqlstate::SqlState;

use super::messages::{Side, bytes, spell};
use crate::postgres::link::{Restored, SequenceUse};
use crate::postgres::{
    Cancel, Clean, Cleanup, CleanupEvent, Defaults, Farewell, ServerEvent, ServerState, Session,
    SessionConfig, StatementTable, TableSeed, Told, Want,
};
use crate::{Effects, Notice, Piece, PinChange};

/// Plays `transcript` whole, in pieces of three bytes and byte by byte.
pub(super) fn check(transcript: &str) {
    play(transcript, &[usize::MAX, 3, 1]);
}

/// Plays `transcript` whole only: when pins are told of depends on the pieces.
pub(super) fn check_whole(transcript: &str) {
    play(transcript, &[usize::MAX]);
}

fn play(transcript: &str, pieces: &[usize]) {
    for piece in pieces.iter().copied() {
        let mut rig = Rig::new(piece);
        let lines: Vec<_> = transcript
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let mut at = 0;
        while at < lines.len() {
            let end = (at + 1..lines.len())
                .find(|next| !is_outcome(lines[*next]))
                .unwrap_or(lines.len());
            rig.turn(lines[at]);
            let expected = expected(lines[at], &lines[at + 1..end]);
            assert_eq!(
                rig.outcome(),
                expected,
                "after `{}` in pieces of {piece}",
                lines[at]
            );
            at = end;
        }
    }
}

fn is_outcome(line: &str) -> bool {
    ["->", "<-", "!"]
        .iter()
        .any(|prefix| line.starts_with(prefix))
}

fn expected(turn: &str, lines: &[&str]) -> Outcome {
    let mut outcome = Outcome::default();
    let (head, text) = turn.split_once(' ').unwrap_or((turn, ""));
    if head.starts_with('F') && head.ends_with('>') {
        outcome.to_server = text.trim().to_owned();
    }
    if head.starts_with('B') && head.ends_with('>') {
        outcome.to_client = text.trim().to_owned();
    }
    for line in lines {
        let (kind, text) = line.split_once(' ').unwrap();
        let text = text.trim().to_owned();
        match kind {
            "->" => outcome.to_server = text,
            "<-" => outcome.to_client = text,
            _ => outcome.said.push(text),
        }
    }
    sort_pins(&mut outcome.said);
    outcome
}

/// Pins of one turn may come in any order: it depends on the pieces.
fn sort_pins(said: &mut [String]) {
    let pins = |text: &str| text.starts_with("pin") || text.starts_with("unpin");
    for run in said.chunk_by_mut(|a, b| pins(a) && pins(b)) {
        run.sort();
    }
}

/// What came of one turn.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    to_server: String,
    to_client: String,
    said: Vec<String>,
}

struct Rig {
    piece: usize,
    pool: Vec<ServerState>,
    clients: Vec<Client>,
    cleanup: Option<Cleanup>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    said: Vec<String>,
    /// Whether the pool gives connections.
    gives: bool,
}

struct Client {
    session: Session,
    input: Vec<u8>,
    server: Vec<u8>,
}

impl Rig {
    fn new(piece: usize) -> Self {
        let table = table();
        let clients = (1..=2)
            .map(|id| Client {
                session: Session::new(
                    SessionConfig {
                        id,
                        max_remembered_unnamed: 100,
                        process_id: 1,
                    },
                    table.clone(),
                )
                .greeted(defaults("")),
                input: Vec::new(),
                server: Vec::new(),
            })
            .collect();
        Self {
            piece,
            pool: Vec::new(),
            clients,
            cleanup: None,
            to_server: Vec::new(),
            to_client: Vec::new(),
            said: Vec::new(),
            gives: true,
        }
    }

    fn outcome(&mut self) -> Outcome {
        let mut said = std::mem::take(&mut self.said);
        said.dedup();
        sort_pins(&mut said);
        Outcome {
            to_server: spell(Side::Client, &std::mem::take(&mut self.to_server)),
            to_client: spell(Side::Server, &std::mem::take(&mut self.to_client)),
            said,
        }
    }

    fn turn(&mut self, line: &str) {
        let (head, text) = line.split_once(' ').unwrap_or((line, ""));
        let who = usize::from(head.contains('2'));
        match head.trim_end_matches('>').trim_end_matches('2') {
            "F" => {
                let mut input = &bytes(Side::Client, text)[..];
                while !input.is_empty() {
                    let (piece, rest) = input.split_at(self.next_piece(who, input));
                    input = rest;
                    self.clients[who].input.extend_from_slice(piece);
                    self.client(who);
                }
            }
            "B" => {
                let input = bytes(Side::Server, text);
                for piece in input.chunks(self.piece.min(input.len().max(1))) {
                    self.clients[who].server.extend_from_slice(piece);
                    self.server(who);
                }
            }
            "K" => self.clean_up(&bytes(Side::Server, text)),
            "gone" => self.gone(who),
            "lost" => {
                let fields = fatal(SqlState::CONNECTION_FAILURE);
                let mut out = Effects::new();
                let told = self.clients[who].session.on_server_lost(&fields, &mut out);
                self.perform(&out, &[]);
                match told {
                    Told::Yes => self.said.push("told".to_owned()),
                    Told::No => self.said.push("not told".to_owned()),
                }
            }
            // No connection is to be had from now on.
            "drained" => self.gives = false,
            "refuse" => {
                let mut out = Effects::new();
                let state = SqlState::parse(text.as_bytes()).unwrap();
                let fields = ErrorFields::error(state, "refused");
                self.clients[who].session.refuse(&fields, &mut out);
                self.perform(&out, &[]);
                self.client(who);
            }
            // A new connection is in the pool, on top of the others, perhaps with other defaults.
            "fresh" => self.pool.push(other(text)),
            "is" => {
                let state = self.clients[who].session.state();
                assert_eq!(format!("{state:?}"), text, "state");
            }
            "target" => {
                let target = self.clients[who].session.cancel_target();
                assert_eq!(format!("{target:?}"), text, "target of a cancel request");
            }
            "past" => {
                let past = self.pool.last().expect("an idle connection").0.past;
                assert_eq!(format!("{past:?}"), text, "past of the connection");
            }
            "cancel" => self.clients[who].session.cancel_began(),
            "cancelled" => {
                let mut out = Effects::new();
                let clean = self.clients[who].session.cancel_ended(&mut out);
                self.perform(&out, &[]);
                if let Some(clean) = clean {
                    self.release(clean);
                }
            }
            "keepalive" => {
                let state = self.pool.pop().expect("an idle connection");
                self.start_cleanup(Cleanup::keepalive(state));
            }
            other => panic!("unknown turn {other}"),
        }
    }

    /// How much of what a client sends arrives next. Where it matters what the proxy sees of a message
    /// before the connection is told anything, a message comes whole.
    fn next_piece(&self, who: usize, input: &[u8]) -> usize {
        let client = &self.clients[who];
        let strange = client.session.link.as_ref().is_none_or(|link| {
            link.sequences == SequenceUse::ByOthers || link.restored != Restored::Done
        });
        if client.input.is_empty() && strange && input.len() > 4 && !self.inside(who) {
            return 1 + u32::from_be_bytes(input[1..5].try_into().unwrap()) as usize;
        }
        self.piece.min(input.len())
    }

    /// True when a client is in the middle of a message.
    fn inside(&self, who: usize) -> bool {
        let session = &self.clients[who].session;
        let left = session.link.as_ref().map_or(0, |link| link.inbound.left);
        left > 0 || session.discard > 0
    }

    fn client(&mut self, who: usize) {
        loop {
            let mut out = Effects::new();
            let input = std::mem::take(&mut self.clients[who].input);
            let progress = self.clients[who].session.on_client(&input, &mut out);
            self.perform_client(&out, &input);
            self.clients[who].input = input[progress.consumed..].to_vec();
            match progress.want {
                Want::More => return,
                Want::Replies => {
                    self.said.push("replies".to_owned());
                    return;
                }
                Want::Server if self.gives => {
                    self.said.push("borrow".to_owned());
                    let state = self.pool.pop().unwrap_or_else(fresh);
                    self.clients[who].session.attach(state);
                }
                Want::Server => {
                    assert_eq!(self.clients[who].session.state(), SessionState::Waiting);
                    self.said.push("wait".to_owned());
                    return;
                }
                Want::Release(clean) => self.release(clean),
                Want::Close(reason) => {
                    self.said.push(format!("close {reason:?}"));
                    return;
                }
            }
        }
    }

    fn server(&mut self, who: usize) {
        let mut out = Effects::new();
        let input = std::mem::take(&mut self.clients[who].server);
        let progress = self.clients[who].session.on_server(&input, &mut out);
        self.perform(&out, &input);
        self.clients[who].server = input[progress.consumed..].to_vec();
        match progress.event {
            ServerEvent::More => {}
            ServerEvent::Release(clean) => self.release(clean),
            ServerEvent::ServerFatal => {
                self.clients[who].input.clear();
                self.said.push("server fatal".to_owned());
            }
            ServerEvent::OutOfSync => {
                self.clients[who].server.clear();
                self.said.push("out of sync".to_owned());
            }
        }
        if !self.clients[who].input.is_empty() {
            self.client(who);
            // It may still wait; it has said so already.
            self.said.retain(|said| said != "replies");
        }
    }

    fn release(&mut self, clean: Clean) {
        self.said.push("release".to_owned());
        self.pool.push(clean.into_state());
    }

    fn gone(&mut self, who: usize) {
        match self.clients[who].session.on_client_gone() {
            Farewell::Nothing => self.said.push("nothing".to_owned()),
            Farewell::Clean(clean) => self.release(clean),
            Farewell::Cleanup(cleanup) => self.start_cleanup(cleanup),
            Farewell::CloseServer { cancel } => self.said.push(
                match cancel {
                    Cancel::First => "cancel and close",
                    Cancel::No => "close server",
                }
                .to_owned(),
            ),
        }
    }

    fn start_cleanup(&mut self, cleanup: Cleanup) {
        self.to_server.extend_from_slice(cleanup.bytes());
        self.cleanup = Some(cleanup);
    }

    fn clean_up(&mut self, input: &[u8]) {
        let mut pending = Vec::new();
        for piece in input.chunks(self.piece.min(input.len().max(1))) {
            pending.extend_from_slice(piece);
            let progress = self.cleanup.take().unwrap().on_server(&pending);
            pending.drain(..progress.consumed);
            match progress.event {
                CleanupEvent::More(cleanup) => self.cleanup = Some(cleanup),
                CleanupEvent::Clean(clean) => {
                    self.said.push("clean".to_owned());
                    self.pool.push(clean.into_state());
                    return;
                }
                CleanupEvent::Failed => {
                    self.said.push("failed".to_owned());
                    return;
                }
            }
        }
    }

    /// Performs the effects of a look at the client's input.
    fn perform_client(&mut self, out: &Effects, input: &[u8]) {
        write(out.to_server(), input, &mut self.to_server);
        write(out.to_client(), &[], &mut self.to_client);
        self.pins(out);
    }

    fn perform(&mut self, out: &Effects, input: &[u8]) {
        write(out.to_client(), input, &mut self.to_client);
        write(out.to_server(), &[], &mut self.to_server);
        self.pins(out);
    }

    fn pins(&mut self, out: &Effects) {
        for change in out.pin_changes() {
            self.said.push(match change {
                PinChange::Pinned { reason, .. } => format!("pin {reason}"),
                PinChange::Unpinned(reason) => format!("unpin {reason}"),
            });
        }
        for notice in out.notices() {
            self.said.push(match notice {
                Notice::DatabaseCommand => "database command".to_owned(),
                Notice::DatabaseInUse => "database in use".to_owned(),
                Notice::DefaultsChanged => "defaults changed".to_owned(),
                Notice::DefaultsInDoubt => "defaults in doubt".to_owned(),
            });
        }
    }
}

pub(super) fn table() -> StatementTable {
    StatementTable::new(TableSeed {
        table: 0,
        tables: 1,
        key: 0,
    })
}

pub(super) fn fresh() -> ServerState {
    other("")
}

/// A new connection whose defaults differ as `text` says: `TimeZone=CET is_superuser=on`.
pub(super) fn other(text: &str) -> ServerState {
    ServerState::with_defaults(defaults(text)).with_process_id(7)
}

/// What clients are greeted with, but for what `text` says.
pub(super) fn defaults(text: &str) -> Defaults {
    let usual = [
        ("application_name", ""),
        ("client_encoding", "UTF8"),
        ("in_hot_standby", "off"),
        ("is_superuser", "off"),
        ("standard_conforming_strings", "on"),
        ("TimeZone", "UTC"),
    ];
    let others = text.split_whitespace();
    let others = others.map(|other| other.split_once('=').unwrap());
    let all = usual.into_iter().chain(others);
    Defaults::new(all.map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

pub(super) fn fatal(state: SqlState) -> ErrorFields {
    ErrorFields::fatal(state, "server closed the connection unexpectedly")
}

/// Writes pieces as a shell would.
pub(super) fn write<'a>(pieces: impl Iterator<Item = Piece<'a>>, input: &[u8], to: &mut Vec<u8>) {
    for piece in pieces {
        match piece {
            Piece::Input(range) => to.extend_from_slice(&input[range]),
            Piece::Injected(bytes) => to.extend_from_slice(bytes),
        }
    }
}
