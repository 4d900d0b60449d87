//! A server connection as the session sees it: what it is set to, what it still owes, and the proof that it owes nothing.

use std::collections::VecDeque;

use tollgate_sql::mysql::{EffectSet, Server};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::frame::Sequence;
use tollgate_wire_mysql::reply::{Prepared, ReplyKind, ReplyScanner, TransactionState};
use tollgate_wire_mysql::status::StatusFlags;

use super::book::{Blind, Page};
use super::exchange::Exchange;
use super::finding::Found;
use super::named::{Routine, TableKey};
use super::sequences::Sequences;
use super::settings::{Change, Settings};
use super::statements::Carried;
use super::unseen::{Bodies, CodeWatch};
use super::variables::Variables;
use crate::Effects;

/// What the shell knows about a server connection that has just logged in.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The capabilities both sides agreed on. [`Capabilities::SESSION_TRACK`] must be among them, and
    /// [`Capabilities::DEPRECATE_EOF`] should: without it nothing is reported behind rows.
    pub capabilities: Capabilities,
    /// The number the server gave the connection, for `KILL`.
    pub thread_id: u32,
    /// Family and version.
    pub server: Server,
    /// The schema named in the login; empty for none.
    pub schema: Vec<u8>,
    /// Prepared statements kept on the connection at most: this connection's share of `max_prepared_stmt_count`.
    pub max_statements: usize,
}

/// What is known about one server connection. It lives as long as the connection and goes with it: into
/// the pool, to a session, and back.
#[derive(Debug)]
pub struct ServerState(pub(super) Box<Link>);

impl ServerState {
    /// The state of a connection that has just logged in. What the server is to report is asked for when it is
    /// first used, or before that by [`Cleanup::arming`](super::Cleanup::arming).
    pub fn new(config: ServerConfig) -> Self {
        Self(Box::new(Link::new(config)))
    }

    /// Lets the connection know when other clients of the proxy may have changed stored code.
    pub fn watch_code(&mut self, watch: &CodeWatch) {
        self.0.bodies.watch(watch);
    }

    /// The number of the connection on the server, for `KILL`.
    pub fn thread_id(&self) -> u32 {
        self.0.config.thread_id
    }

    /// Whether the connection has a current schema. No command takes it away again.
    pub fn has_schema(&self) -> bool {
        self.0.settings.schema.is_some()
    }
}

/// The proof that a server connection has nothing of anybody's session left: no reply to come, no
/// transaction, no lock, no cursor, no pin. Only the machines of this module make it; nothing else can give a
/// server connection back to the pool.
#[derive(Debug)]
pub struct Clean(pub(super) Box<Link>);

/// What has become of a server connection since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// What was set while it was opened is still its own.
    AsOpened,
    /// Variables were changed of which nobody knows what they were set to while it was opened.
    SettingsTouched,
    /// `COM_RESET_CONNECTION` has put the server's defaults in place of that.
    WasReset,
}

impl Clean {
    /// What has become of the connection since it was opened.
    pub fn past(&self) -> Past {
        self.0.past
    }

    /// The state to keep with the connection until somebody borrows it.
    pub fn into_state(self) -> ServerState {
        ServerState(self.0)
    }
}

/// What a command in the queue is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The client's.
    Client,
    /// Makes the server report.
    Arm,
    /// Reads what the connection is set to.
    Baseline,
    /// A `SET` or option whose success is certain.
    Restore,
    /// A `SET` that is waited for.
    RestoreAwaited,
    /// Another schema; the one before.
    Schema(Option<std::sync::Arc<[u8]>>),
    /// Makes the client's statement with this number.
    Prepare(u32),
    /// `SHOW WARNINGS`.
    Warnings,
    /// `SELECT LAST_INSERT_ID()`.
    InsertId,
    /// `SELECT FOUND_ROWS()`.
    FoundRows,
    /// Reads these variables, for the client.
    Ask(Vec<Vec<u8>>),
    /// Reads these user variables.
    UserVariables(Vec<Box<[u8]>>),
    /// Reads which of these locks are held.
    Locks(Vec<Box<[u8]>>),
    /// Reads whether this table is a temporary one.
    Table(TableKey),
    /// Reads the bodies of these routines.
    Bodies(Vec<Routine>),
    /// Reads code that texts set off.
    Book(Page),
    /// Reads the role.
    Role,
    /// Reads the text of this statement of SQL `PREPARE`.
    PreparedText(Box<[u8]>),
    /// `COM_RESET_CONNECTION`, behind a client.
    Reset,
}

/// A command that is not answered completely.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) purpose: Purpose,
    pub(super) scanner: ReplyScanner,
    /// Of the server's next packet.
    pub(super) sequence: Sequence,
    /// Packets of a reply to a command of our own, but for the last.
    pub(super) packets: Vec<Vec<u8>>,
    /// What a prepare was answered with.
    pub(super) prepared: Option<Prepared>,
}

impl Step {
    /// True when its answer decides what the connection is set to.
    pub(super) fn restores(&self) -> bool {
        match self.purpose {
            Purpose::Warnings
            | Purpose::InsertId
            | Purpose::FoundRows
            | Purpose::Ask(_)
            | Purpose::UserVariables(_)
            | Purpose::Locks(_)
            | Purpose::Table(_)
            | Purpose::Bodies(_)
            | Purpose::Book(_)
            | Purpose::Role
            | Purpose::PreparedText(_) => false,
            Purpose::Client
            | Purpose::Arm
            | Purpose::Baseline
            | Purpose::Restore
            | Purpose::RestoreAwaited
            | Purpose::Schema(_)
            | Purpose::Prepare(_)
            | Purpose::Reset => true,
        }
    }
}

/// Whether the server reports what happens to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Armed {
    No,
    Yes,
}

/// Whether what the connection is set to is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is.
    Known,
    /// It is not, or the server is about to close it: it is never given back as it is.
    Lost,
}

/// One borrowed server connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) config: ServerConfig,
    pub(super) armed: Armed,
    pub(super) trust: Trust,
    pub(super) past: Past,
    pub(super) sequences: Sequences,
    pub(super) profiles: Profiles,
    /// Whether code may have run that was not read: a reset takes away what it left.
    pub(super) blind: Blind,
    /// The role it began with, as `SET ROLE` takes it; `None` until the server has told it.
    pub(super) own_role: Option<std::sync::Arc<[u8]>>,
    /// What it has of itself: what a variable goes back to that nobody sets.
    pub(super) baseline: Settings,
    pub(super) settings: Settings,
    pub(super) variables: Variables,
    /// Stored code that was read here.
    pub(super) bodies: Bodies,
    pub(super) multi_statements: Multi,
    pub(super) insert_id: InsertId,
    pub(super) carried: Carried,
    pub(super) queue: VecDeque<Step>,
    pub(super) exchange: Option<Exchange>,
    pub(super) status: StatusFlags,
    pub(super) transaction: TransactionState,
    pub(super) characteristics: Characteristics,
    pub(super) savepoints: Savepoints,
    pub(super) locked: Locked,
    /// Who ran something here last.
    pub(super) left: Left,
    pub(super) listed: Listed,
    pub(super) found: Found,
    /// Commands of the client that ran here since it was borrowed.
    pub(super) commands: u32,
    /// Bytes of a packet of the server that are still to come, and where they go.
    pub(super) outbound: usize,
    /// Cancel requests under way to this connection.
    pub(super) cancels: u32,
    /// Bytes of the server that were seen but not consumed.
    pub(super) unread: usize,
}

/// Who ran the last command, which left what `ROW_COUNT()` and its like tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    ByClient,
    ByUs,
}

/// Whether the server may have conditions to show. MySQL shows those of an earlier client together with the error of a
/// command that is no statement, and MariaDB keeps them over statements without tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Nothing,
    Something,
}

impl Listed {
    /// Behind a result with so many warnings.
    pub(super) fn and(self, warnings: u16) -> Self {
        if warnings > 0 { Self::Something } else { self }
    }
}

/// Whether several statements may be in one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Multi {
    Allowed,
    Forbidden,
}

impl Multi {
    pub(super) fn of(capabilities: Capabilities) -> Self {
        if capabilities.contains(Capabilities::MULTI_STATEMENTS) {
            Self::Allowed
        } else {
            Self::Forbidden
        }
    }

    pub(super) fn option(self) -> u16 {
        match self {
            Self::Allowed => Command::MULTI_STATEMENTS_ON,
            Self::Forbidden => Command::MULTI_STATEMENTS_OFF,
        }
    }
}

/// What `LAST_INSERT_ID()` was before the commands that nobody has asked about yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InsertId {
    /// 0, so that anything else has been left by the client at hand.
    Zero,
    /// What the client has.
    Clients,
    /// What another client had.
    Stale,
}

/// Whether the server remembers texts of the client, and what they cost: a reset leaves that on MariaDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profiles {
    None,
    Kept,
}

/// Whether something is set for the next transaction only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Characteristics {
    None,
    Some,
}

/// Whether there may be savepoints without a transaction: with autocommit off, MariaDB makes them before it says that one has
/// begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Savepoints {
    None,
    Some,
}

/// Whether `LOCK TABLES` is in force. MySQL reports that it is not when a temporary table is dropped, though it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    Nothing,
    Tables,
}

/// What unlocks tables.
const UNLOCKS: EffectSet = EffectSet::UNLOCK_TABLES.union(EffectSet::BEGIN);

/// What ends savepoints.
const ENDS: EffectSet = EffectSet::COMMIT
    .union(EffectSet::ROLLBACK)
    .union(EffectSet::BEGIN)
    .union(EffectSet::IMPLICIT_COMMIT);

impl Link {
    fn new(config: ServerConfig) -> Self {
        let mut settings = Settings::default();
        settings.set_schema(&config.schema);
        Self {
            armed: Armed::No,
            trust: Trust::Known,
            past: Past::AsOpened,
            sequences: Sequences::default(),
            profiles: Profiles::None,
            blind: Blind::No,
            own_role: None,
            baseline: Settings::default(),
            settings,
            variables: Variables::default(),
            bodies: Bodies::default(),
            multi_statements: Multi::of(config.capabilities),
            insert_id: InsertId::Zero,
            carried: Carried::new(config.max_statements),
            queue: VecDeque::new(),
            exchange: None,
            status: StatusFlags::EMPTY,
            transaction: TransactionState::FREE,
            characteristics: Characteristics::None,
            savepoints: Savepoints::None,
            locked: Locked::Nothing,
            left: Left::ByUs,
            listed: Listed::Nothing,
            found: Found::ByOthers(None),
            commands: 0,
            outbound: 0,
            cancels: 0,
            unread: 0,
            config,
        }
    }

    /// A command is on its way to the server; `packets` is the number of its last packet.
    pub(super) fn expect(&mut self, purpose: Purpose, kind: ReplyKind, last: u8) {
        self.left = if purpose == Purpose::Client {
            Left::ByClient
        } else {
            self.found = Found::ByOthers(self.found.count());
            Left::ByUs
        };
        let mut sequence = Sequence::after(last);
        sequence.take();
        self.queue.push_back(Step {
            purpose,
            scanner: ReplyScanner::new(kind, self.config.capabilities),
            sequence,
            packets: Vec::new(),
            prepared: None,
        });
    }

    /// True when neither a transaction nor anything that only ends with one is open.
    pub(super) fn is_between_transactions(&self) -> bool {
        !self.status.contains(StatusFlags::IN_TRANS)
            && self.transaction.is_free()
            && self.characteristics == Characteristics::None
            && self.savepoints == Savepoints::None
            && self.locked == Locked::Nothing
    }

    /// The server reports this state.
    pub(super) fn transaction_told(&mut self, state: TransactionState) {
        self.transaction = state;
        if state.has_locked_tables() {
            self.locked = Locked::Tables;
        } else if state.is_explicit() {
            // Its beginning has unlocked them.
            self.locked = Locked::Nothing;
        }
    }

    /// A command with these effects has succeeded.
    pub(super) fn locks_ran(&mut self, effects: EffectSet) {
        if !self.transaction.has_locked_tables() && effects.intersects(UNLOCKS) {
            self.locked = Locked::Nothing;
        }
    }

    /// A command with these effects has run.
    pub(super) fn savepoints_ran(&mut self, effects: EffectSet) {
        let free = !self
            .status
            .intersects(StatusFlags::AUTOCOMMIT.with(StatusFlags::IN_TRANS));
        if free && effects.intersects(EffectSet::SAVEPOINT) {
            self.savepoints = Savepoints::Some;
        } else if !free || effects.intersects(ENDS) {
            self.savepoints = Savepoints::None;
        }
    }

    /// A variable is changed: what it was while the connection was opened is known only of those in the baseline.
    pub(super) fn touches(&mut self, name: &[u8]) {
        if self.past == Past::AsOpened && self.baseline.value(name).is_none() {
            self.past = Past::SettingsTouched;
        }
    }

    /// True when the book must be read, and can be without getting into a transaction.
    pub(super) fn needs_book(&self) -> bool {
        self.armed == Armed::Yes && self.is_between_transactions() && self.bodies.needs_book()
    }

    /// Reads the code that texts set off without naming it.
    pub(super) fn read_book(&mut self, out: &mut Effects) {
        self.bodies.book_asked();
        for page in [Page::Grants, Page::Triggers, Page::Views] {
            self.ask_catalogue(page.question(), Purpose::Book(page), out);
        }
    }

    /// Makes the server forget the texts that it has measured: with no room for them, the next one throws all away.
    pub(super) fn forget_profiles(&mut self, out: &mut Effects) {
        self.profiles = Profiles::None;
        let size = b"profiling_history_size";
        for sql in [
            &b"SET profiling=1,profiling_history_size=0"[..],
            b"SELECT 0",
            b"SET profiling=0",
        ] {
            self.say(sql, Purpose::Restore, out);
        }
        let own = self
            .settings
            .value(size)
            .or(self.baseline.value(size))
            .cloned();
        let mut change = Change::default();
        change.assign(size, own.as_ref());
        self.say(&change.sql, Purpose::Restore, out);
    }

    /// The one rule for giving a server connection away; the caller adds that nothing ties the client to it.
    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty()
            && self.exchange.is_none()
            && self.armed == Armed::Yes
            && self.trust == Trust::Known
            && self.is_between_transactions()
            && self.outbound == 0
            && self.cancels == 0
            && self.unread == 0
    }

    pub(super) fn into_clean(mut self: Box<Self>) -> Clean {
        self.commands = 0;
        self.left = Left::ByUs;
        self.found = Found::ByOthers(self.found.count());
        self.bodies.rest();
        self.leave_sequences();
        if self.insert_id == InsertId::Clients {
            self.insert_id = InsertId::Stale;
        }
        Clean(self)
    }
}
