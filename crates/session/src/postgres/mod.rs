//! A PostgreSQL session behind a transaction pooler, from the end of its login to its last byte.
//!
//! One `Session` per client. It passes messages on as they are, looking at every header and at few
//! bodies; it never adds or drops a request of the client's. What it says to the server itself, and whose
//! replies it swallows, is a closed list: the replay that gives another connection the client's settings,
//! the inspection that asks what a transaction has left, the question what stored code may do, the messages
//! that make prepared statements on a connection, ask for them and close those of others, and the fence
//! behind a COPY that failed in doubt. What the server
//! really answers was observed on PostgreSQL 15; the transcripts in the tests are those observations.
//!
//! How a shell drives it:
//! - Bytes of the client go to `on_client` until it consumes no more, bytes of the server to `on_server`.
//!   What is not consumed is given again, with more behind it.
//! - `Want::Server`: borrow a connection, `attach` its state, call `on_client` again. If none can be had,
//!   `refuse` and call `on_client` again.
//! - `ServerEvent::Release` (or `Want::Release`) carries the proof that the connection is clean, and the
//!   state that goes with it.
//! - The client is gone, or `Want::Close` came: `on_client_gone` says what to do with the connection.

mod cleanup;
mod client;
mod defaults;
mod doubt;
mod fence;
mod head;
mod heard;
mod idling;
mod inspecting;
mod kind;
mod link;
mod meaning;
mod own_replies;
mod parameters;
mod pending;
mod pins;
mod queue;
mod replies;
mod requests;
mod restoring;
mod routing;
mod server;
mod settings;
mod statements;
mod stored;
mod unnamed;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails, as it should"
)]
mod tests;

use tollgate_types::SessionState;
use tollgate_wire_postgres::backend::{self, ErrorFields, TransactionStatus};

pub use cleanup::{Cleanup, CleanupEvent, CleanupProgress};
pub use defaults::Defaults;
pub use idling::idle_session_timeout;
pub use link::{Clean, Past, ServerState};
pub use statements::{StatementTable, TableSeed};
pub use stored::RoutineBook;

use crate::{Effects, PinReason, PinSet};
use cleanup::Extent;
use heard::Heard;
use link::{Alignment, Held, Link, Mode, Owner, Restored, Segment};
use pending::Pending;
use pins::Pins;
use settings::{Question, Settings};
use statements::Names;
use unnamed::Unnamed;

/// Bytes of a message that must be seen together: the header and the names at its start. A shell's buffer
/// for the client must hold at least this many.
pub const MAX_HEAD: usize = 1024;

/// Messages with SQL text up to this many bytes are seen whole before they are passed on. A shell's buffer
/// for the client must be able to grow to this and a header of the server's.
pub const MAX_WHOLE: usize = 256 * 1024;

/// What a session needs to know from the start.
#[derive(Debug, Clone, Copy)]
pub struct SessionConfig {
    /// Different for every session whose connections may come from the same pool, for the life of the
    /// process.
    pub id: u64,
    /// Bytes of an unnamed Parse to remember, so that the statement can be made again on another
    /// connection; larger ones pin. 64 KiB is plenty.
    pub max_remembered_unnamed: usize,
    /// The process id that the client was told at login. Notifications that its own server process sends
    /// bear this number.
    pub process_id: i32,
}

/// What the session wants after looking at the client's bytes.
#[derive(Debug)]
pub enum Want {
    /// More bytes of the client.
    More,
    /// Replies: what was not consumed can only be understood when the server has answered more. Give it
    /// again after `on_server` has consumed something.
    Replies,
    /// A server connection for the message at the first byte that was not consumed.
    Server,
    /// To give the server connection back, and then more bytes of the client.
    Release(Clean),
    /// To close: write what `Effects` has for the client, then `on_client_gone`.
    Close(CloseReason),
}

/// Why the session closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client said goodbye.
    Terminated,
    /// The client broke the protocol; a FATAL was written if there was room for one.
    ProtocolViolation,
    /// A name in a message is longer than any server keeps; a FATAL was written.
    NameTooLong,
}

/// How far the client's bytes were understood.
#[derive(Debug)]
pub struct Progress {
    /// Bytes of the input that are done with.
    pub consumed: usize,
    /// What is needed to go on.
    pub want: Want,
}

/// What the server's bytes meant.
#[derive(Debug)]
pub enum ServerEvent {
    /// More is to come.
    More,
    /// The server connection is clean and no longer the session's.
    Release(Clean),
    /// The server ended the session; its own FATAL has been passed on. Flush, then close both sides.
    ServerFatal,
    /// The server said something that answers no request. Close the connection and call
    /// `on_server_lost`.
    OutOfSync,
}

/// How far the server's bytes were understood.
#[derive(Debug)]
pub struct ServerProgress {
    /// Bytes of the input that are done with.
    pub consumed: usize,
    /// What they meant.
    pub event: ServerEvent,
}

/// Whether the client could be told of the loss of its server connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// An error was written.
    Yes,
    /// The client is in the middle of a message; another one would be read as part of it.
    No,
}

/// Whether a statement must be cancelled before its connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// Something is running that nobody waits for.
    First,
    /// Nothing is running, or what is running is meant to finish.
    No,
}

/// Where a cancel request of the client's should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelTarget {
    /// Nothing of the client's is running.
    Nothing,
    /// To the server.
    Server,
    /// To the server, but not yet: it is at work on something of the proxy's own, which must not be hit.
    Later,
}

/// What to do with the server connection of a client that is gone.
#[derive(Debug)]
pub enum Farewell {
    /// There is none.
    Nothing,
    /// It is clean.
    Clean(Clean),
    /// It is idle but not clean; this machine makes it so.
    Cleanup(Cleanup),
    /// It cannot be saved.
    CloseServer {
        /// Whether to send a cancel request first.
        cancel: Cancel,
    },
}

/// One client's session.
#[derive(Debug)]
pub struct Session {
    id: u64,
    link: Option<Box<Link>>,
    unnamed: Unnamed,
    names: Names,
    table: StatementTable,
    pins: Pins,
    /// What the client has set, as of its last transaction.
    settings: Settings,
    told: heard::Told,
    heard: Heard,
    pending: Pending,
    /// Counts statements made under settings that are nobody else's.
    climates: u32,
    /// The question the server is being asked.
    asked: Option<Box<Question>>,
    /// The process id that the client was told.
    process_id: i32,
    unlinked: Unlinked,
    /// Bytes of the client's current message to throw away.
    discard: usize,
}

/// What goes on while there is no server connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unlinked {
    Serving,
    /// A message with this tag waits for a connection.
    Waiting(u8),
    /// A Query or function call was refused and is dropped when it is seen again.
    DropMessage,
    /// A message of the extended protocol was refused: skip to the Sync, as the server would.
    SkipToSync,
    /// The client has said goodbye.
    Leaving,
}

impl Session {
    /// A session whose login is done and whose client has been told so.
    pub fn new(config: SessionConfig, table: StatementTable) -> Self {
        Self {
            id: config.id,
            link: None,
            unnamed: Unnamed::new(config.max_remembered_unnamed),
            names: Names::new(),
            table,
            pins: Pins::new(),
            settings: Settings::default(),
            told: None,
            heard: Heard::nothing(),
            pending: Pending::new(),
            climates: 0,
            asked: None,
            process_id: config.process_id,
            unlinked: Unlinked::Serving,
            discard: 0,
        }
    }

    /// Whether a connection in this state has the session's settings already.
    pub fn suits(&self, state: &ServerState) -> bool {
        state.0.settings.same(&self.settings)
    }

    /// Gives the session a server connection. It must be one that `Want::Server` asked for; if the session
    /// has one already, that one is dropped and has to be closed.
    pub fn attach(&mut self, state: ServerState) {
        let mut link = state.0;
        let has_ours = match (link.owner, self.unnamed.serial()) {
            (Owner::Nobody, None) => true,
            (Owner::Session { id, serial }, Some(ours)) => id == self.id && serial == ours,
            (Owner::Nobody | Owner::Session { .. } | Owner::Unknown, _) => false,
        };
        link.alignment = if has_ours {
            Alignment::Confirmed
        } else {
            Alignment::No
        };
        link.carried.adopt_key(self.table.key());
        self.link = Some(link);
        self.unlinked = Unlinked::Serving;
    }

    /// True while the session has a server connection.
    pub fn is_attached(&self) -> bool {
        self.link.is_some()
    }

    /// The request that waits for a server connection is refused with `fields`, as an error in its place;
    /// the rest of its batch is skipped and the client goes on. Without a waiting request, nothing
    /// happens.
    pub fn refuse(&mut self, fields: &ErrorFields, out: &mut Effects) {
        use tollgate_wire_postgres::tag::frontend;
        let Unlinked::Waiting(tag) = self.unlinked else {
            return;
        };
        let lane = out.client_lane();
        lane.inject(|bytes| backend::error_response(bytes, fields));
        self.unlinked = match tag {
            frontend::QUERY | frontend::FUNCTION_CALL => {
                lane.inject(|bytes| backend::ready_for_query(bytes, TransactionStatus::Idle));
                Unlinked::DropMessage
            }
            _ => Unlinked::SkipToSync,
        };
    }

    /// The server connection is gone, or must be closed because of `OutOfSync`. The client is told with
    /// `fields` (a FATAL) if it is not in the middle of a message, and must be closed.
    pub fn on_server_lost(&mut self, fields: &ErrorFields, out: &mut Effects) -> Told {
        let told = if self.at_boundary() {
            out.client_lane()
                .inject(|bytes| backend::error_response(bytes, fields));
            Told::Yes
        } else {
            Told::No
        };
        self.link = None;
        told
    }

    /// The client is gone. The session is over after this.
    pub fn on_client_gone(&mut self) -> Farewell {
        let Some(mut link) = self.link.take() else {
            return Farewell::Nothing;
        };
        if link.restored == Restored::Ready {
            link.restored = Restored::Done;
        }
        let idle = link.outbound.left == 0 && (link.queue.is_empty() || link.queue.asks());
        let whole = link.inbound.left == 0 && link.segment == Segment::Closed;
        let inspected = link.queue.is_empty();
        link.held = Held::No;
        if !idle || !whole || link.queue.len() > 1 || link.mode != Mode::Tracking {
            let goodbye = self.unlinked == Unlinked::Leaving;
            let cancel = if idle || goodbye {
                Cancel::No
            } else {
                Cancel::First
            };
            return Farewell::CloseServer { cancel };
        }
        let mut reasons = self.pins.reasons();
        // Made in a transaction that is still open: it would survive the rollback.
        if self.names.are_bound() || link.carried.is_lettered() {
            reasons.insert(PinReason::PreparedStatement);
        }
        let known = inspected && self.pending.is_nothing();
        if link.is_quiet() && reasons.is_empty() && known {
            return Farewell::Clean(self.part(link));
        }
        if reasons.intersects(PinSet::LASTING) || link.unread > 0 || link.cancels > 0 {
            return Farewell::CloseServer { cancel: Cancel::No };
        }
        link.settings = self.settings.clone();
        let asked = self.asked.as_ref();
        let facts = self.pending.suspects_facts()
            || asked.is_some_and(|question| !question.facts().is_empty());
        let extent = match (reasons.is_empty() && !facts, known) {
            (false, _) => Extent::Everything,
            (true, false) => Extent::Settings,
            (true, true) => Extent::Transaction,
        };
        Farewell::Cleanup(Cleanup::after_session(link, extent))
    }

    /// A cancel request is about to be sent to the server connection: it must not change hands before
    /// `cancel_ended`, or the request might hit somebody else's statement.
    pub fn cancel_began(&mut self) {
        if let Some(link) = &mut self.link {
            link.cancels = link.cancels.saturating_add(1);
        }
    }

    /// The server has closed the connection the cancel request was sent on: it has been acted upon. Gives
    /// the server connection back if this was all that held it.
    pub fn cancel_ended(&mut self, out: &mut Effects) -> Option<Clean> {
        if let Some(link) = &mut self.link {
            link.cancels = link.cancels.saturating_sub(1);
        }
        self.release_if_clean(out)
    }

    /// Whether a cancel request of the client's is to be sent to the server now.
    pub fn cancel_target(&self) -> CancelTarget {
        let Some(link) = &self.link else {
            return CancelTarget::Nothing;
        };
        if link.mode == Mode::Tracking && link.segment == Segment::Closed && link.queue.is_all_own()
        {
            return CancelTarget::Nothing;
        }
        match link.queue.front_kind() {
            Some(kind) if kind.is_own() => CancelTarget::Later,
            _ => CancelTarget::Server,
        }
    }

    /// The reasons for which the session keeps its server connection between transactions.
    pub fn pins(&self) -> impl Iterator<Item = PinReason> {
        self.pins.reasons().iter()
    }

    /// What the client is doing, for the sessions view.
    pub fn state(&self) -> SessionState {
        match (&self.link, self.unlinked) {
            (None, Unlinked::Waiting(_)) => SessionState::Waiting,
            (
                None,
                Unlinked::Serving
                | Unlinked::DropMessage
                | Unlinked::SkipToSync
                | Unlinked::Leaving,
            ) => SessionState::Idle,
            (Some(link), _) if !link.queue.is_empty() || link.segment != Segment::Closed => {
                SessionState::Active
            }
            (Some(link), _) if link.status != TransactionStatus::Idle => {
                SessionState::InTransaction
            }
            (Some(_), _) if !self.pins.reasons().is_empty() => SessionState::Pinned,
            (Some(_), _) => SessionState::Active,
        }
    }

    /// True when a message of our own may be written to the client: it is not in the middle of one.
    pub fn at_boundary(&self) -> bool {
        self.link
            .as_ref()
            .is_none_or(|link| link.outbound.left == 0)
    }

    /// True while a transaction is open, explicit or implicit.
    pub fn in_transaction(&self) -> bool {
        self.link.as_ref().is_some_and(|link| {
            link.status != TransactionStatus::Idle
                || link.segment != Segment::Closed
                || !link.queue.is_empty()
        })
    }

    /// Gives back memory an idle session does not need.
    pub fn trim(&mut self) {
        self.unnamed.trim();
    }

    /// The connection, if it is provably clean. If only the server can tell whether it is, the server is
    /// asked.
    fn release_if_clean(&mut self, out: &mut Effects) -> Option<Clean> {
        self.study(out);
        if !self.link.as_ref().is_some_and(|link| link.is_quiet()) {
            return None;
        }
        self.settle_reports(out);
        self.derive_pins();
        if self.consult_after_change(out) {
            return None;
        }
        if self.pending.is_open() {
            self.inspect(out);
        }
        let asking = !self.link.as_ref().is_some_and(|link| link.is_quiet());
        if asking || self.pending.is_open() || !self.pins.reasons().is_empty() {
            return None;
        }
        let link = self.link.take()?;
        Some(self.part(link))
    }

    /// Notes what of the client the connection has, and makes the proof.
    fn part(&mut self, mut link: Box<Link>) -> Clean {
        heard::part(&mut self.told, &link, &self.settings);
        if link.alignment == Alignment::Confirmed {
            link.owner = match self.unnamed.serial() {
                Some(serial) => Owner::Session {
                    id: self.id,
                    serial,
                },
                None => Owner::Nobody,
            };
        }
        if !link.settings.same(&self.settings) {
            link.settings = self.settings.clone();
        }
        link.into_clean()
    }
}
