//! The queue of expected replies: one entry per request that the server will answer, in order.

use std::collections::VecDeque;
use std::sync::Arc;

use tollgate_sql::{Calls, Conduct, EffectSet, TouchedSettings};

pub(crate) use super::kind::Kind;
use super::settings::Reading;
use super::statements::{Named, Possible, Shape, Statement};
use super::unnamed::Remembered;

/// Entries beyond which a client waits for replies. A server holds back at most 8 KiB of replies
/// (`PQ_SEND_BUFFER_SIZE`), 1638 of the smallest, so a client that waits here is always answered.
pub(crate) const MAX_QUEUED: usize = 16_384;

/// Entries to keep memory for between two borrowers.
const KEPT: usize = 64;

/// A change to the names of prepared statements, made when the request succeeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NameChange {
    Add {
        name: Box<[u8]>,
        /// The `PREPARE`, if it may be run again.
        text: Option<Box<[u8]>>,
        /// The settings under which its constants are read, if that was known when it was sent.
        reading: Option<Arc<Reading>>,
    },
    Remove(Box<[u8]>),
    /// None: the statement is only run.
    Use(Box<[u8]>),
    RemoveAll,
    /// Those of the statements of one text, in its order.
    Several(Vec<NameChange>),
}

/// Whether the effects of a text are those of a single statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statements {
    /// The text is empty.
    None,
    One,
    Many,
}

/// What running a statement means for the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) effects: EffectSet,
    pub(crate) statements: Statements,
    pub(crate) name: Option<Box<NameChange>>,
    /// The settings it may change, if that is known.
    pub(crate) touched: Option<Arc<TouchedSettings>>,
    /// The stored code that it may run.
    pub(crate) calls: Calls,
    /// The statement without its data, if it may pin.
    pub(crate) digest: Option<Arc<str>>,
    /// The stored code that may pin, because nobody can follow what it does.
    pub(crate) culprit: Option<Arc<String>>,
}

/// What to name when something pins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blame<'a> {
    /// The statement.
    pub(crate) digest: Option<&'a Arc<str>>,
    /// The stored code.
    pub(crate) culprit: Option<&'a Arc<String>>,
}

impl Meaning {
    /// Nothing known, nothing done.
    pub(crate) const NOTHING: Self = Self {
        effects: EffectSet::NONE,
        statements: Statements::One,
        name: None,
        touched: None,
        calls: Calls::NOTHING,
        digest: None,
        culprit: None,
    };

    /// Only the effects are known, not which statement has them.
    pub(crate) fn of_effects(effects: EffectSet) -> Self {
        let mut effects = effects;
        if effects.intersects(EffectSet::SETTING) {
            effects.insert(EffectSet::SETTING_UNKNOWN);
        }
        Self {
            effects,
            statements: Statements::Many,
            calls: Calls::ANYTHING,
            ..Self::NOTHING
        }
    }

    /// That of any of several statements, which together have these effects and touch these settings.
    pub(crate) fn of_several(effects: EffectSet, touched: &TouchedSettings) -> Self {
        Self {
            effects,
            statements: Statements::Many,
            touched: (!touched.is_empty()).then(|| Arc::new(touched.clone())),
            ..Self::NOTHING
        }
    }

    /// Who is to blame if it pins.
    pub(crate) fn blame(&self) -> Blame<'_> {
        Blame {
            digest: self.digest.as_ref(),
            culprit: self.culprit.as_ref(),
        }
    }

    /// The same with what any of these statements may do, one of which may be executed.
    #[must_use]
    pub(crate) fn executing(mut self, any: &Possible) -> Self {
        self.effects.insert(any.effects);
        if let Some(theirs) = &any.touched
            && !Arc::make_mut(self.touched.get_or_insert_default()).add(theirs)
        {
            self.effects
                .insert(EffectSet::SETTING | EffectSet::SETTING_UNKNOWN);
        }
        self
    }

    /// The same with what stored code may do.
    #[must_use]
    pub(crate) fn with(mut self, conduct: Conduct) -> Self {
        // Code that asks for what its own transaction took from a sequence is common, and must not pin.
        let effects = conduct.effects.without(EffectSet::SEQUENCE_READ);
        if effects == EffectSet::ROUTINE && conduct.settings.is_empty() {
            return self;
        }
        self.effects.insert(effects);
        self.culprit = conduct.culprit;
        let mut settings = conduct.settings;
        if let Some(own) = &self.touched
            && !settings.add(own)
        {
            self.effects
                .insert(EffectSet::SETTING | EffectSet::SETTING_UNKNOWN);
        }
        self.touched = (!settings.is_empty()).then(|| Arc::new(settings));
        self
    }
}

/// Whether the client hears of the failure of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    Heard,
    /// It is a request of our own that no request of the client's waits for, or goes on without.
    Quiet,
    /// One of several of our own, the last of which is to fail.
    Meant,
    /// It is a request of our own that does no harm if it fails: the text that it is for is sent all the same.
    Tried,
}

/// How a request that is still being answered has gone so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SoFar {
    Well,
    Failed,
}

/// What an error that answers a request calls the statement, and what it must.
#[derive(Debug, Clone)]
pub(crate) enum Alias {
    /// The same.
    None,
    Named {
        named: Arc<Named>,
        number: u32,
    },
    /// As above, with the name as the client spelled it.
    Sent {
        name: Box<[u8]>,
        number: u32,
    },
    /// Not this error at all: the client's statement has another result than when it was made.
    Stale {
        statement: Arc<Statement>,
        /// Under which it was made anew.
        number: u32,
    },
    /// It belongs to a Describe of this statement, which has sent the parameters before it failed.
    Described {
        statement: Arc<Statement>,
    },
    /// Nor this: it belongs to a Describe in a transaction that has failed, of a statement with a result.
    Aborted,
    /// As `Stale`, for a statement of SQL that takes these parameters: the body of a `ParameterDescription`.
    StaleSql {
        parameters: Box<[u8]>,
    },
}

/// Whether a request changes the names of prepared statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touches {
    Nothing,
    Names,
}

/// What a message of our own is for.
#[derive(Debug)]
pub(crate) enum Work {
    None,
    /// The statement with this number.
    Number(u32),
    /// To be told how the statement in front was read.
    Reading,
    /// To be told how the `PREPARE` behind will be read.
    Foresight,
    /// The statement with this name of the client's.
    Own {
        name: Box<[u8]>,
        id: u64,
    },
    /// Whether the statement with this name of the client's still has this shape.
    OwnShape {
        name: Box<[u8]>,
        id: u64,
        shape: Shape,
    },
    /// The shape of the oldest statement that is being studied.
    Study,
    /// The statements that there are under names of clients.
    Roster,
}

/// One expected reply.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) kind: Kind,
    pub(crate) so_far: SoFar,
    pub(crate) meaning: Meaning,
    pub(crate) kept: Remembered,
    pub(crate) alias: Alias,
    pub(crate) touches: Touches,
    /// Apart, because few have any and entries are moved often.
    work: Option<Box<Work>>,
    pub(crate) noise: Noise,
}

impl Expected {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            so_far: SoFar::Well,
            meaning: Meaning::NOTHING,
            kept: Remembered::Nothing,
            alias: Alias::None,
            touches: Touches::Nothing,
            work: None,
            noise: Noise::Heard,
        }
    }

    /// What it is for.
    pub(crate) fn work(&self) -> &Work {
        self.work.as_deref().unwrap_or(&Work::None)
    }

    /// The same, taken.
    pub(crate) fn into_work(self) -> Work {
        self.work.map_or(Work::None, |work| *work)
    }

    /// It is for this.
    pub(crate) fn is_for(&mut self, work: Work) {
        self.work = match work {
            Work::None => None,
            work @ (Work::Number(_)
            | Work::Reading
            | Work::Foresight
            | Work::Own { .. }
            | Work::OwnShape { .. }
            | Work::Study
            | Work::Roster) => Some(Box::new(work)),
        };
    }
}

/// The expected replies of one server connection, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The oldest, which is asked for all the time. None means that nothing is behind it either.
    front: Option<Expected>,
    behind: VecDeque<Expected>,
    pushed: u64,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.front.is_some()).saturating_add(self.behind.len())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= MAX_QUEUED
    }

    pub(crate) fn push(&mut self, expected: Expected) {
        self.pushed = self.pushed.wrapping_add(1);
        if self.front.is_none() {
            self.front = Some(expected);
        } else {
            self.behind.push_back(expected);
        }
    }

    /// Counts what was ever pushed.
    pub(crate) fn pushed(&self) -> u64 {
        self.pushed
    }

    #[inline]
    pub(crate) fn front(&self) -> Option<&Expected> {
        self.front.as_ref()
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &Expected> {
        self.front.iter().chain(&self.behind)
    }

    /// True while statements under the client's own names are being made or closed.
    pub(crate) fn awaits_own(&self) -> bool {
        self.iter()
            .any(|expected| matches!(expected.work(), Work::Own { .. } | Work::OwnShape { .. }))
    }

    #[inline]
    pub(crate) fn front_kind(&self) -> Option<Kind> {
        self.front.as_ref().map(|expected| expected.kind)
    }

    /// True when the oldest request is a question of our own.
    pub(crate) fn asks(&self) -> bool {
        matches!(self.front_kind(), Some(Kind::Inspection | Kind::Catalogue))
    }

    #[inline]
    pub(crate) fn front_mut(&mut self) -> Option<&mut Expected> {
        self.front.as_mut()
    }

    /// The oldest Execute that is not answered.
    pub(crate) fn next_execute(&mut self) -> Option<&mut Expected> {
        let mut entries = self.front.iter_mut().chain(&mut self.behind);
        entries.find(|expected| expected.kind == Kind::Execute)
    }

    pub(crate) fn back_mut(&mut self) -> Option<&mut Expected> {
        match self.behind.back_mut() {
            Some(newest) => Some(newest),
            None => self.front.as_mut(),
        }
    }

    /// True while a message of our own is on its way.
    pub(crate) fn awaits_injected(&self) -> bool {
        self.iter()
            .any(|expected| matches!(expected.kind, Kind::InjectedParse | Kind::InjectedClose))
    }

    /// True when all that is to come answers requests of our own.
    pub(crate) fn is_all_own(&self) -> bool {
        self.iter().all(|expected| expected.kind.is_own())
    }

    /// True when nothing is behind the oldest request but COPY marks.
    pub(crate) fn is_at_last(&self) -> bool {
        let mut behind = self.behind.iter();
        behind.all(|expected| expected.kind == Kind::CopyEnd)
    }

    /// Takes the oldest entry out, and the COPY marks that come to the front: they wait for a COPY that
    /// has not come.
    pub(crate) fn pop(&mut self) -> Option<Expected> {
        let popped = self.pop_front();
        while self.front_kind() == Some(Kind::CopyEnd) {
            self.pop_front();
        }
        popped
    }

    fn pop_front(&mut self) -> Option<Expected> {
        let popped = self.front.take();
        if !self.behind.is_empty() {
            self.front = self.behind.pop_front();
        }
        popped
    }

    /// Takes the oldest entry out if it is no Sync. `None` means a Sync or nothing is in front.
    pub(crate) fn pop_skipped(&mut self) -> Option<Expected> {
        match self.front_kind() {
            None | Some(Kind::Sync | Kind::OwnSync) => None,
            Some(_) => self.pop_front(),
        }
    }

    /// A COPY from the client began: the Syncs between the request in front and the end of its data have
    /// been or will be swallowed by the server. Says what was found.
    pub(crate) fn copy_begins(&mut self) -> CopyAhead {
        let mut ahead = CopyAhead {
            end: DataEnd::NotSent,
            syncs: Syncs::None,
        };
        let mut at = 0_usize;
        while let Some(expected) = self.behind.get(at) {
            match expected.kind {
                Kind::CopyEnd => {
                    self.behind.remove(at);
                    ahead.end = DataEnd::Sent;
                    return ahead;
                }
                Kind::Sync => {
                    self.behind.remove(at);
                    ahead.syncs = Syncs::Swallowed;
                }
                // The server will refuse these in the middle of a COPY and end the session.
                Kind::Parse
                | Kind::UnnamedParse
                | Kind::InjectedParse
                | Kind::Bind
                | Kind::DescribeStatement
                | Kind::DescribeColumns
                | Kind::Execute
                | Kind::Close
                | Kind::UnnamedClose
                | Kind::InjectedClose
                | Kind::Make
                | Kind::Learn
                | Kind::LearnColumns
                | Kind::Drop
                | Kind::OwnBind
                | Kind::OwnExecute
                | Kind::OwnSync
                | Kind::Query
                | Kind::Replay
                | Kind::Inspection
                | Kind::Catalogue
                | Kind::FunctionCall => at = at.saturating_add(1),
            }
        }
        ahead
    }

    /// Takes out all entries, oldest first.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Expected> {
        self.front.take().into_iter().chain(self.behind.drain(..))
    }

    /// True when nothing follows the last request that makes the server say that it is ready.
    pub(crate) fn ends_open(&self) -> bool {
        let mut requests = self.iter().rev();
        requests
            .find(|expected| expected.kind != Kind::CopyEnd)
            .is_some_and(|newest| newest.kind.is_extended())
    }

    /// Empties the queue and keeps at most a small allocation.
    pub(crate) fn reset(&mut self) {
        self.front = None;
        self.behind.clear();
        self.behind.shrink_to(KEPT);
    }
}

/// What the client sent beyond the request whose COPY just began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CopyAhead {
    pub(crate) end: DataEnd,
    pub(crate) syncs: Syncs,
}

/// Whether the client has sent the end of its COPY data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataEnd {
    Sent,
    NotSent,
}

/// Whether Syncs were sent that the server swallows if the COPY goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syncs {
    None,
    Swallowed,
}
