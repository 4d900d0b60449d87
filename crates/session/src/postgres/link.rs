//! A server connection as the session sees it: what it is in the middle of, and the proof that it is not.

use std::sync::Arc;

use tollgate_sql::{EffectSet, Scanner, TouchedSettings};
use tollgate_wire_postgres::backend::TransactionStatus;

use super::defaults::Defaults;
use super::fence::Fence;
use super::parameters::Parameters;
use super::queue::{DataEnd, Meaning, Noise, Queue, Syncs};
use super::settings::{Reading, Settings};
use super::statements::{Ahead, Carried, Making, Study};
use super::stored::{Knowledge, RoutineBook};

/// What is known about one server connection. It lives as long as the connection and goes with it: into
/// the pool, to a session, and back.
#[derive(Debug)]
pub struct ServerState(pub(super) Box<Link>);

impl ServerState {
    /// The state of a connection that has just been made, with the parameters the server reported up to
    /// its first `ReadyForQuery`. They are what the connection must be back at before anyone else gets it.
    pub fn new<'a>(reported: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        Self::with_defaults(Defaults::new(reported))
    }

    /// The same with parameters that others know as well.
    pub fn with_defaults(defaults: Defaults) -> Self {
        Self(Box::new(Link::new(Parameters::new(defaults))))
    }

    /// The same with the process id the server told at login, so that what the client hears of its own
    /// process can bear the number that it was told.
    #[must_use]
    pub fn with_process_id(mut self, process_id: i32) -> Self {
        self.0.process_id = Some(process_id);
        self
    }

    /// The same for a connection to a database whose routines are kept in this book.
    #[must_use]
    pub fn with_routines(mut self, book: Arc<RoutineBook>) -> Self {
        self.0.knowledge.share(book);
        self
    }
}

/// The proof that a server connection has nothing of anybody's session left: no reply to come, no
/// transaction, no COPY, no pin. Only the machines of this module make it; nothing else can give a server
/// connection back to the pool.
#[derive(Debug)]
pub struct Clean(Box<Link>);

impl Clean {
    /// What has become of the settings the connection was made with.
    pub fn past(&self) -> Past {
        self.0.past
    }

    /// The state to keep with the connection until somebody borrows it.
    pub fn into_state(self) -> ServerState {
        ServerState(self.0)
    }
}

/// One borrowed server connection.
pub(super) struct Link {
    pub(super) parameters: Parameters,
    /// What is set beyond the connection's defaults, as of the last time nothing was under way.
    pub(super) settings: Settings,
    pub(super) restored: Restored,
    pub(super) past: Past,
    pub(super) sequences: SequenceUse,
    /// The session that used the connection last.
    pub(super) last_user: Option<u64>,
    /// Of the server.
    pub(super) process_id: Option<i32>,
    /// Whose unnamed statement the connection has.
    pub(super) owner: Owner,
    pub(super) alignment: Alignment,
    pub(super) queue: Queue,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
    pub(super) status: TransactionStatus,
    pub(super) segment: Segment,
    /// What the open segment has come to.
    pub(super) progress: SegmentProgress,
    pub(super) copy: Copy,
    pub(super) mode: Mode,
    /// Whether a message of this segment makes, replaces or drops the unnamed statement.
    pub(super) segment_changes: Changes,
    /// The unnamed statement and portal as sent in this segment: what comes later in the segment runs
    /// only if they were made.
    pub(super) segment_statement: Option<Meaning>,
    pub(super) segment_portal: Option<Meaning>,
    /// Effects of all statements bound since the connection was last between transactions.
    pub(super) bound: EffectSet,
    /// The settings they touch.
    pub(super) bound_settings: TouchedSettings,
    /// Whether a Query was sent into an open segment.
    pub(super) intrusion: Intrusion,
    /// A setting may change while requests are in flight, so strings may not be read as we read them.
    pub(super) settings_in_flight: bool,
    /// What is known of the code stored in the database.
    pub(super) knowledge: Knowledge,
    /// The statements with names that the connection has.
    pub(super) carried: Carried,
    /// What is to be asked about those of the client.
    pub(super) study: Study,
    /// Whether the client is to hear of the failure of what is sent now.
    pub(super) noise: Noise,
    /// The one that is being made for a request that waits for it.
    pub(super) making: Option<Making>,
    /// The parameter types of the statement that is being described.
    pub(super) learnt: Vec<u8>,
    /// How the statement that is being described was read, if that was asked.
    pub(super) answered_reading: Option<Arc<Reading>>,
    /// How the statement that waits will be read, if that was asked before.
    pub(super) ahead: Ahead,
    /// How much had been sent when the server was last asked for what it holds back.
    pub(super) flushed_at: u64,
    pub(super) upset: Upset,
    pub(super) held: Held,
    pub(super) data: StrayData,
    pub(super) fence: Fence,
    /// Cancel requests under way to this connection.
    pub(super) cancels: u32,
    /// Bytes of the server that were seen but not consumed.
    pub(super) unread: usize,
}

/// Whether the connection has the client's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restored {
    /// Nothing has been sent for this client yet.
    Not,
    /// They are on their way, and the client's bytes wait until they are taken.
    Awaited,
    /// They are taken, and the client's bytes are about to follow.
    Ready,
    /// It has them, and the client's bytes wait until the routines of the database are known.
    Consulting,
    /// It has them, or will before it sees the client's bytes.
    Done,
}

/// Who may have used sequences on the connection since that was last forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SequenceUse {
    Unused,
    /// Other sessions than the one that has it now.
    ByOthers,
    /// The one that has it now, and perhaps others.
    ByHolder,
}

/// Whether settings were changed since the connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// None was: what was set while the connection was made is still set.
    Untouched,
    /// Some were, and reset since, or will be.
    SettingsTouched,
}

/// Whose unnamed statement a connection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Nobody,
    Session { id: u64, serial: u64 },
    Unknown,
}

/// Whether the connection's unnamed statement is the client's (or neither has one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alignment {
    /// It is, and stays so: whatever changes it from now on changes both.
    Confirmed,
    /// A message that makes it so was sent in this segment. What follows in the segment runs only if that
    /// message ran.
    Sent,
    No,
}

/// The tail of what was sent to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    /// It ends with a message after which the server says it is ready.
    Closed,
    /// Extended-protocol messages were sent and no Sync: the server is in an implicit transaction.
    Open,
    /// The server discards everything up to a Sync that has not been sent.
    Skipping,
    /// As above, but the server has had its Sync: what it would have discarded is not sent.
    Refused,
}

/// Whether the end of the open segment would end more than it has begun to describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SegmentProgress {
    /// Statements were made, described and closed, which no transaction undoes: nobody can tell whether it ends.
    NothingBound,
    /// There are portals, and what they have done.
    Bound,
}

/// Whether COPY messages of the client were sent among requests that are not answered. Until they are,
/// replies may yet turn out to be impossible to tell apart, so nothing of our own may be among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StrayData {
    None,
    Sent,
}

/// Whether a text waits for what has been done on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    No,
    ForText,
    /// The same, in the client's transaction, which may have failed for a moment.
    ForTries,
}

/// Whether a message of our own was what failed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upset {
    No,
    /// It failed for a message that has not been sent.
    ByOurs,
}

/// Whether a Query or function call was sent while a segment was open. Up to PostgreSQL 17 it ends the
/// implicit transaction of the segment. PostgreSQL 18 leaves that open and then denies it: the server says
/// that no transaction is open, and the next statement fails with XX000. Source: observed on 15.18 and 18.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intrusion {
    None,
    Sent,
}

/// Whether the tail of what was sent changes the unnamed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changes {
    Nothing,
    UnnamedStatement,
}

/// Whether a COPY is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    None,
    /// From the client.
    In {
        end: DataEnd,
        syncs: Syncs,
    },
    /// To the client.
    Out,
}

/// Whether replies can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Every reply belongs to a request in the queue.
    Tracking,
    /// The number of replies to come is not known: everything is passed on until the fence is answered.
    Doubt,
    /// Nothing will be known again: everything is passed on, and the connection ends with the session.
    Blind,
}

/// The message of the client that is being passed on.
pub(super) struct Inbound {
    /// Bytes still to come.
    pub(super) left: usize,
    /// Bytes of it that are not passed on.
    pub(super) skip: usize,
    /// What to ask behind it about the statement that it makes.
    pub(super) learn: Option<Lesson>,
    /// Bytes before the SQL text begins.
    pub(super) prefix: usize,
    /// Reads the SQL text, until its terminating zero byte. Apart: it is large, and most texts are remembered.
    pub(super) text: Option<Box<Scanner>>,
    pub(super) pieces: Pieces,
    /// Whether the newest entry of the queue is this message.
    pub(super) entry: Entry,
}

/// What to ask about the statement with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lesson {
    Shape(u32),
    /// How it was read, and its shape.
    ReadingAndShape(u32),
}

/// In how many pieces a text has come so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pieces {
    /// None, or the one at hand.
    One,
    Several,
}

/// Whether a message in progress has a place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Queued,
    /// Never had one, or the server has skipped it.
    None,
}

/// The message of the server that is being passed on.
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) left: usize,
    pub(super) tag: u8,
    pub(super) way: Way,
    /// The start of its body, if it matters and came in pieces.
    pub(super) body: Vec<u8>,
}

/// Where a message of the server goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Client,
    /// It answers a message of our own.
    Nowhere,
    /// To the client, once it is complete and rewritten.
    Rewritten,
    /// To the client, unless it answers the fence.
    Fence,
}

impl Link {
    fn new(parameters: Parameters) -> Self {
        Self {
            parameters,
            settings: Settings::default(),
            restored: Restored::Not,
            past: Past::Untouched,
            sequences: SequenceUse::Unused,
            last_user: None,
            process_id: None,
            owner: Owner::Nobody,
            alignment: Alignment::No,
            queue: Queue::default(),
            inbound: Inbound::NONE,
            outbound: Outbound {
                left: 0,
                tag: 0,
                way: Way::Client,
                body: Vec::new(),
            },
            status: TransactionStatus::Idle,
            segment: Segment::Closed,
            progress: SegmentProgress::NothingBound,
            copy: Copy::None,
            mode: Mode::Tracking,
            segment_changes: Changes::Nothing,
            segment_statement: None,
            segment_portal: None,
            bound: EffectSet::NONE,
            bound_settings: TouchedSettings::default(),
            intrusion: Intrusion::None,
            settings_in_flight: false,
            knowledge: Knowledge::none(),
            carried: Carried::new(),
            study: Study::new(),
            noise: Noise::Heard,
            making: None,
            learnt: Vec::new(),
            answered_reading: None,
            ahead: Ahead::NotAsked,
            flushed_at: 0,
            upset: Upset::No,
            held: Held::No,
            data: StrayData::None,
            fence: Fence::new(),
            cancels: 0,
            unread: 0,
        }
    }

    /// True while a message of our own might be answered among replies that cannot be told apart, and while what
    /// a text waits for is under way: the status is not the client's then.
    pub(super) fn may_lose_track(&self) -> bool {
        let stray = self.data == StrayData::Sent && !self.takes_copy_data();
        (stray || self.held == Held::ForTries) && !self.queue.is_empty()
    }

    /// The one rule for giving a server connection away; the caller adds that there is no pin.
    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty()
            && self.status == TransactionStatus::Idle
            && self.segment == Segment::Closed
            && self.copy == Copy::None
            && self.mode == Mode::Tracking
            && self.held == Held::No
            && !matches!(
                self.restored,
                Restored::Awaited | Restored::Ready | Restored::Consulting
            )
            && self.inbound.left == 0
            && self.outbound.left == 0
            && self.cancels == 0
            && self.unread == 0
    }

    /// An earlier segment failed, so the connection's unnamed statement is not known to be the client's:
    /// unless the segment being sent has changed it since. Its replies come only after its Sync, so what
    /// follows in it cannot wait for them.
    pub(super) fn misaligned(&mut self) {
        self.alignment = match self.segment_changes {
            Changes::Nothing => Alignment::No,
            Changes::UnnamedStatement => Alignment::Sent,
        };
    }

    /// A statement with this meaning is bound.
    pub(super) fn binds(&mut self, meaning: &Meaning) {
        self.bound.insert(meaning.effects);
        if let Some(touched) = &meaning.touched
            && !self.bound_settings.add(touched)
        {
            self.bound.insert(EffectSet::SETTING_UNKNOWN);
        }
    }

    /// Every portal is gone.
    pub(super) fn nothing_is_bound(&mut self) {
        self.bound = EffectSet::NONE;
        self.bound_settings = TouchedSettings::default();
    }

    /// Makes the proof. The caller has checked `is_quiet` and that there is no pin.
    pub(super) fn into_clean(mut self: Box<Self>) -> Clean {
        self.queue.reset();
        self.progress = SegmentProgress::NothingBound;
        self.restored = Restored::Not;
        self.alignment = Alignment::No;
        self.outbound.body = Vec::new();
        self.segment_changes = Changes::Nothing;
        self.segment_statement = None;
        self.segment_portal = None;
        self.nothing_is_bound();
        self.knowledge.forget_questions();
        self.settings_in_flight = false;
        self.study = Study::new();
        self.carried.segment_ends();
        self.making = None;
        self.learnt = Vec::new();
        self.answered_reading = None;
        self.ahead = Ahead::NotAsked;
        self.upset = Upset::No;
        self.held = Held::No;
        self.data = StrayData::None;
        Clean(self)
    }
}

impl Inbound {
    pub(super) const NONE: Self = Self {
        left: 0,
        skip: 0,
        learn: None,
        prefix: 0,
        text: None,
        pieces: Pieces::One,
        entry: Entry::None,
    };
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("owner", &self.owner)
            .field("status", &self.status)
            .field("segment", &self.segment)
            .field("copy", &self.copy)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
