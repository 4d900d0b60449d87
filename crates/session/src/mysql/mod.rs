//! A MySQL or MariaDB session behind a transaction pooler, from the end of its login to its last byte.
//!
//! One `Session` per client. It passes packets on as they are, looking at every header, at the text of
//! statements and at the ends of results. One command of the client is under way at a time: a client that
//! sends several at once is answered in order. What the session says to the server itself, and whose
//! replies it swallows, is a closed list ([`link::Purpose`]). What servers really answer was observed on
//! MySQL 9.7 and MariaDB 10.11.
//!
//! How a shell drives it is as with [`postgres`](crate::postgres); there are two wants more: [`Want::Kill`]
//! and [`Want::ChangeUser`].
//!
//! The legs must have the same capabilities, but for those that [`MAY_DIFFER`] lists; a listener must not
//! offer those of [`NEVER_OFFERED`].

mod align;
mod answers;
mod binding;
mod book;
mod cancel;
mod cleanup;
mod client;
mod commands;
mod cursors;
mod diagnostics;
mod ending;
mod exchange;
mod excluding;
mod finding;
mod get_diagnostics;
mod heritage;
mod inquiry;
mod kill;
mod ledger;
mod link;
mod named;
mod own;
mod passing;
mod pins;
mod plain;
mod prepared;
mod query;
mod questions;
mod rows;
mod sequences;
mod server;
mod settings;
mod sight;
mod spelling;
mod sqlstates;
mod statements;
mod texts;
mod tracking;
mod unseen;
mod variables;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails, as it should"
)]
mod tests;

use tollgate_sql::mysql::EffectSet;
use tollgate_types::SessionState;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::charset;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::status::StatusFlags;

pub use cancel::CancelTarget;
pub use cleanup::{Cleanup, CleanupEvent, CleanupProgress};
pub use excluding::VariableSets;
pub use heritage::Heritage;
pub use kill::{KillRequest, Killed};
pub use link::{Clean, Past, ServerConfig, ServerState};
pub use texts::TextTable;
pub use tollgate_sql::mysql::{KillTarget, Server};
pub use unseen::CodeWatch;

use crate::{Effects, PinReason};
use client::Inbound;
use diagnostics::Diagnostics;
use link::{Link, Multi, Trust};
use pins::Pins;
use settings::Settings;
use statements::{LongData, Statements};
use tracking::Subscription;
use unseen::Unseen;
use variables::UserVariables;

/// Commands up to this many bytes are seen whole before they are passed on. A shell's buffer for the client
/// must be able to grow to this and a header.
pub const MAX_WHOLE: usize = 256 * 1024;

/// Capabilities in which the client's connection and the server's may differ.
pub const MAY_DIFFER: Capabilities = Capabilities::DEPRECATE_EOF
    .with(Capabilities::SESSION_TRACK)
    .with(Capabilities::MULTI_STATEMENTS)
    .with(Capabilities::SSL)
    .with(Capabilities::COMPRESS)
    .with(Capabilities::ZSTD_COMPRESSION)
    .with(Capabilities::CONNECT_WITH_DB)
    .with(Capabilities::CONNECT_ATTRS)
    .with(Capabilities::PLUGIN_AUTH)
    .with(Capabilities::PLUGIN_AUTH_LENENC)
    .with(Capabilities::SECURE_CONNECTION)
    .with(Capabilities::MULTI_FACTOR_AUTHENTICATION)
    .with(Capabilities::SSL_VERIFY_SERVER_CERT)
    .with(Capabilities::REMEMBER_OPTIONS);

/// Capabilities that neither side may have: definitions that a client has seen on one server connection may
/// not be left out on another.
pub const NEVER_OFFERED: Capabilities =
    Capabilities::OPTIONAL_RESULTSET_METADATA.with(Capabilities::MARIADB_CACHE_METADATA);

/// What a session needs to know from the start.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The number the client was greeted with, which `CONNECTION_ID()` shows.
    pub connection_id: u32,
    /// What the client and the proxy agreed on.
    pub capabilities: Capabilities,
    /// Family and version of the servers behind.
    pub server: Server,
    /// The schema named in the login; empty for none.
    pub schema: Vec<u8>,
    /// The collation named in the login; 0 for the server's default.
    pub collation: u16,
    /// The status the client was told at login.
    pub status: StatusFlags,
    /// What becomes of variables that cannot move with the client.
    pub variable_sets: VariableSets,
    /// What a session before this one over the same connection has left, if there was one.
    pub heritage: Option<Heritage>,
    /// The texts that were read before, by this session and by others.
    pub texts: TextTable,
}

/// What the session wants after looking at the client's bytes.
#[derive(Debug)]
pub enum Want {
    /// More bytes of the client.
    More,
    /// Replies: what was not consumed can only be understood when the server has answered more. Give it
    /// again after `on_server` has consumed something.
    Replies,
    /// A server connection for the command at the first byte that was not consumed.
    Server,
    /// To give the server connection back, and then more bytes of the client.
    Release(Clean),
    /// To end a connection or a statement: call `killed`, then `on_client` again.
    Kill(KillRequest),
    /// The client logs in again, by the command at the first byte that was not consumed. Call
    /// `on_client_gone`, authenticate, and begin a new session.
    ChangeUser,
    /// To close: write what `Effects` has for the client, then `on_client_gone`.
    Close(CloseReason),
}

/// Why the session closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client said goodbye, or has ended its connection by `KILL`.
    Terminated,
    /// The client broke the protocol; an ERR was written if there was room for one.
    ProtocolViolation,
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
    /// The server ended the session unasked; its ERR has been passed on. Flush, then close both sides.
    ServerFatal,
    /// The server said something that answers no command, or refused what it may not refuse. Close the
    /// connection and call `on_server_lost`.
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

/// What the loss of its server connection means to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// An ERR was written in answer to its command. Close.
    Yes,
    /// Nothing could be written: no command waits for an answer, or its answer is cut in a packet. Close.
    No,
    /// Nothing of the client was on the connection: the session goes on. Call `on_client` again.
    Unharmed,
}

/// Whether a statement must be killed before its connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// Something is running that nobody waits for.
    First,
    /// Nothing is running.
    No,
}

/// Whether a server connection can serve a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It is set as the client is.
    Same,
    /// It can be set so.
    Differs,
    /// It has a schema and the client has none: no command takes a schema away.
    Never,
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
        /// Whether to kill the statement first.
        cancel: Cancel,
    },
}

/// One client's session.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    link: Option<Box<Link>>,
    /// What the client has set.
    settings: Settings,
    /// What the last server connection had of itself.
    baseline: Settings,
    multi_statements: Multi,
    collation: Known,
    role: Known,
    subscription: Subscription,
    /// As the client was told last.
    status: StatusFlags,
    statements: Statements,
    variables: UserVariables,
    unseen: Unseen,
    pins: Pins,
    diagnostics: Diagnostics,
    /// What the last statement may have done that failed.
    failed: EffectSet,
    /// What the client's last `KILL` was to end.
    doomed: KillTarget,
    own_end: kill::OwnEnd,
    inbound: Inbound,
    waiting: Waiting,
    verdict: Option<Verdict>,
}

/// Whether something of the client is known that the server does not report: `SET NAMES` reports only character
/// sets, and `SET ROLE` nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Yes,
    InDoubt,
}

/// Whether a command that is not consumed waits for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    No,
    /// A server connection.
    ForServer,
    /// Until the server connection is as the client's is: it is not given back meanwhile.
    ForReplies,
}

/// What was decided about the command that the client sent last, before it is consumed.
#[derive(Debug)]
enum Verdict {
    /// It is answered with this ERR.
    Error(Vec<u8>),
    /// It is answered with OK.
    Ok,
    /// It goes to the server as it is.
    Pass,
}

impl Session {
    /// A session whose login is done and whose client has been told so.
    pub fn new(config: SessionConfig) -> Self {
        let mut settings = Settings::default();
        settings.set_schema(&config.schema);
        // MariaDB logs in clients that name a collation of MySQL's own as if they had named none.
        let is_known = |collation: &charset::Collation| match config.server {
            Server::MySql { .. } => true,
            Server::MariaDb { .. } => !collation.name.contains("_0900_"),
        };
        if charset::collation(config.collation).is_none_or(is_known) {
            settings.set_collation(config.collation);
        }
        let heritage = Heritage::of(&config);
        Self {
            link: None,
            settings,
            baseline: Settings::default(),
            multi_statements: heritage.multi_statements,
            collation: Known::Yes,
            role: Known::Yes,
            subscription: Subscription::default(),
            status: config.status,
            statements: Statements::default(),
            variables: UserVariables::default(),
            unseen: Unseen::default(),
            pins: Pins::default(),
            diagnostics: Diagnostics::begun(heritage.found_rows),
            failed: EffectSet::NONE,
            doomed: KillTarget::Query,
            own_end: kill::OwnEnd::No,
            inbound: Inbound::Idle,
            waiting: Waiting::No,
            verdict: None,
            config,
        }
    }

    /// How well a server connection suits the client now.
    pub fn fit(&self, state: &ServerState) -> Fit {
        let link = &state.0;
        if link.settings.schema.is_some() && self.settings.schema.is_none() {
            Fit::Never
        } else if link.settings == self.settings && link.variables == self.variables.known {
            Fit::Same
        } else {
            Fit::Differs
        }
    }

    /// The client's current schema; empty for none.
    pub fn schema(&self) -> &[u8] {
        self.settings.schema.as_deref().unwrap_or_default()
    }

    /// Whether a connection in this state has the session's variables already.
    pub fn suits(&self, state: &ServerState) -> bool {
        let Link {
            settings,
            variables,
            ..
        } = &*state.0;
        settings.same(&self.settings) && variables.same(&self.variables.known)
    }

    /// Gives the session a server connection. It must be one that `Want::Server` asked for; if the session
    /// has one already, that one is dropped and has to be closed.
    pub fn attach(&mut self, state: ServerState) {
        // How texts are read depends on it.
        if state.0.armed == link::Armed::Yes {
            self.baseline.clone_from(&state.0.baseline);
        }
        self.link = Some(state.0);
        self.waiting = Waiting::No;
    }

    /// True while the session has a server connection.
    pub fn is_attached(&self) -> bool {
        self.link.is_some()
    }

    /// The command that waits for a server connection is refused: call `on_client` again, which answers it
    /// with this error. Without a waiting command, nothing happens.
    pub fn refuse(&mut self, code: ErrorCode, message: &str) {
        if self.waiting == Waiting::ForServer {
            self.waiting = Waiting::No;
            self.verdict = Some(Verdict::Error(answers::error_payload(code, message)));
        }
    }

    /// The server connection is gone, or must be closed because of `OutOfSync`. A client that waits for an
    /// answer is told with `code`. What was sent is never sent again.
    pub fn on_server_lost(&mut self, code: ErrorCode, message: &str, out: &mut Effects) -> Told {
        let at_boundary = self.at_boundary();
        let Some(link) = self.link.take() else {
            return Told::No;
        };
        let idle = self.tying(&link).is_empty()
            && !self.holds_long_data()
            && link.is_between_transactions()
            && !self.diagnostics.is_failed()
            && !self.is_in_doubt();
        match link.exchange {
            // The client has asked for it, by `COMMIT RELEASE`: servers close without a word.
            _ if link.trust == Trust::Lost => Told::No,
            Some(exchange) if at_boundary && !matches!(self.inbound, Inbound::Body(_)) => {
                let mut sequence = exchange.sequence;
                let capabilities = self.config.capabilities;
                answers::error(out, &mut sequence, capabilities, (code, message));
                Told::Yes
            }
            None if link.commands == 0 || idle => Told::Unharmed,
            Some(_) | None => Told::No,
        }
    }

    /// The client is gone, or logs in again. The session is over after this.
    pub fn on_client_gone(&mut self) -> Farewell {
        let Some(mut link) = self.link.take() else {
            return Farewell::Nothing;
        };
        let own = link.exchange.is_none();
        let whole = link.outbound == 0 && link.unread == 0 && link.cancels == 0;
        if !own || !whole {
            let cancel = if own { Cancel::No } else { Cancel::First };
            return Farewell::CloseServer { cancel };
        }
        let reasons = self.tying(&link);
        let known = self.collation == Known::Yes
            && link.listed == link::Listed::Nothing
            && !self.diagnostics.is_failed()
            && !self.is_in_doubt();
        let private = link.profiles == link::Profiles::Kept || link.blind == book::Blind::Yes;
        if link.is_quiet() && reasons.is_empty() && known && !private && !self.holds_long_data() {
            if self.diagnostics.insert_id_doubt == diagnostics::Doubt::Yes {
                link.insert_id = link::InsertId::Stale;
            }
            return Farewell::Clean(link.into_clean());
        }
        if reasons.contains(PinReason::Unknown) || link.queue.iter().any(link::Step::restores) {
            return Farewell::CloseServer { cancel: Cancel::No };
        }
        Farewell::Cleanup(Cleanup::after_session(link))
    }

    /// The reasons for which the session keeps its server connection between transactions.
    pub fn pins(&self) -> impl Iterator<Item = PinReason> {
        self.pins.reasons().iter()
    }

    /// What the client is doing, for the sessions view.
    pub fn state(&self) -> SessionState {
        match (&self.link, self.waiting) {
            (None, Waiting::ForServer) => SessionState::Waiting,
            (None, Waiting::No | Waiting::ForReplies) => SessionState::Idle,
            (Some(link), _) if !link.queue.is_empty() => SessionState::Active,
            (Some(link), _) if !link.is_between_transactions() => SessionState::InTransaction,
            (Some(_), _) if !self.pins.reasons().is_empty() => SessionState::Pinned,
            (Some(_), _) => SessionState::Active,
        }
    }

    /// True when a packet of our own may be written to the client: it is not in the middle of one.
    pub fn at_boundary(&self) -> bool {
        self.link.as_ref().is_none_or(|link| link.outbound == 0)
    }

    /// True while a transaction is open, or a command is being answered.
    pub fn in_transaction(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| !link.is_between_transactions() || !link.queue.is_empty())
    }

    fn holds_long_data(&self) -> bool {
        self.statements
            .any(|statement| statement.long_data == LongData::Sent)
    }
}
