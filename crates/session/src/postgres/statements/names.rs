//! The names a client has for prepared statements: those it was told of, and those on their way.

use std::borrow::Borrow;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tollgate_sql::{EffectSet, TouchedSettings};

use super::rereading::Read;
use super::table::Statement;
use crate::postgres::queue::Meaning;

/// Bytes of a name the server distinguishes. PostgreSQL `NAMEDATALEN` less its terminator.
const MAX_NAME: usize = 63;

/// Bytes of names and statements of one client to remember; what comes on top stays on its connection.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Changes on their way beyond which the client waits for replies.
const MAX_PENDING: usize = 256;

/// A name that exists.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) name: Box<[u8]>,
    pub(crate) what: What,
}

/// What a name stands for.
#[derive(Debug)]
pub(crate) enum What {
    /// A statement that can be made anywhere.
    Shared(Arc<Statement>),
    /// The same, if it still exists, which only the server knows.
    Uncertain(Arc<Statement>),
    /// A statement that only the connection at hand has.
    Stuck { place: Place, meaning: Meaning },
}

/// What a statement is called on a server connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// `tollgate_<n>`.
    Number(u32),
    /// The client's own name.
    OwnName,
}

impl Place {
    /// The number under which a connection has the statement, if it has it under one.
    pub(crate) fn number(self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(number),
            Self::OwnName => None,
        }
    }
}

/// A named Parse whose outcome is not known.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) name: Box<[u8]>,
    pub(crate) place: Place,
    /// The body behind the name; `None` if it is too large to keep.
    pub(crate) tail: Option<Box<[u8]>>,
    pub(crate) meaning: Meaning,
    pub(in crate::postgres) read: Read,
    pub(crate) stage: Stage,
}

/// How far a draft has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Sent,
    /// The server has made it and has yet to describe it.
    Made,
}

/// A change of the names that is on its way.
#[derive(Debug)]
pub(crate) enum Change {
    Made(Draft),
    Gone(Box<[u8]>),
    /// A text that may change any of them.
    Text,
}

#[derive(Debug)]
struct Pending {
    segment: u64,
    change: Change,
}

/// What a name means for the request at hand.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Named(&'a Arc<Named>),
    /// It is being made earlier in the same segment: what follows runs only if that succeeds.
    Draft(&'a Draft),
    Absent,
    /// Only the replies will tell.
    Unsettled,
}

/// The names of one client, from Parse messages and from `PREPARE`: one namespace.
#[derive(Debug)]
pub(crate) struct Names {
    known: BTreeSet<ByName>,
    bytes: usize,
    others: Others,
    /// Names of what only the connection at hand has, or may have.
    bound: usize,
    pending: VecDeque<Pending>,
    segment: u64,
    /// Kept aside, for most clients have none.
    possible: Option<Box<Possible>>,
}

/// What any of a client's statements with names may do, those on their way included.
#[derive(Debug, Default)]
pub(crate) struct Possible {
    pub(crate) effects: EffectSet,
    /// The settings that they touch.
    pub(crate) touched: Option<Arc<TouchedSettings>>,
}

/// Whether statements exist, or may, whose names are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    None,
    /// The server is to be asked.
    Possible,
    /// The server would not say.
    Unanswered,
}

#[derive(Debug)]
struct ByName(Arc<Named>);

impl Borrow<[u8]> for ByName {
    fn borrow(&self) -> &[u8] {
        &self.0.name
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for ByName {}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.name.cmp(&other.0.name)
    }
}

impl Names {
    pub(crate) const fn new() -> Self {
        Self {
            known: BTreeSet::new(),
            bytes: 0,
            others: Others::None,
            bound: 0,
            pending: VecDeque::new(),
            segment: 0,
            possible: None,
        }
    }

    /// True when no prepared statement exists.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.others == Others::None
    }

    /// True when a statement exists, or may, that only the connection at hand has.
    pub(crate) fn are_bound(&self) -> bool {
        self.bound > 0 || self.others != Others::None
    }

    pub(crate) fn others(&self) -> Others {
        self.others
    }

    /// What any of the named statements may do, those on their way included.
    pub(crate) fn possible(&self) -> &Possible {
        const NOTHING: &Possible = &Possible {
            effects: EffectSet::NONE,
            touched: None,
        };
        self.possible.as_deref().unwrap_or(NOTHING)
    }

    /// A statement with these effects, which touches these settings, may have a name from now on.
    pub(crate) fn may_do(&mut self, effects: EffectSet, touched: Option<&TouchedSettings>) {
        if effects.is_empty() && touched.is_none() {
            return;
        }
        let possible = self.possible.get_or_insert_default();
        possible.effects.insert(effects);
        if let Some(touched) = touched {
            let all = possible.touched.get_or_insert_default();
            if !Arc::make_mut(all).add(touched) {
                let unknown = EffectSet::SETTING | EffectSet::SETTING_UNKNOWN;
                possible.effects.insert(unknown);
            }
        }
    }

    /// What `name`, as a client sends it, means now.
    pub(crate) fn find(&self, name: &[u8]) -> Found<'_> {
        let name = cut(name);
        for pending in self.pending.iter().rev() {
            let ours = pending.segment == self.segment;
            match &pending.change {
                Change::Made(draft) if *draft.name == *name && ours => return Found::Draft(draft),
                Change::Gone(gone) if **gone == *name && ours => return Found::Absent,
                Change::Made(draft) if *draft.name != *name => {}
                Change::Gone(gone) if **gone != *name => {}
                Change::Made(_) | Change::Gone(_) | Change::Text => return Found::Unsettled,
            }
        }
        match self.known.get(name) {
            Some(found) => Found::Named(&found.0),
            None => Found::Absent,
        }
    }

    /// Every name that exists.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Named>> {
        self.known.iter().map(|named| &named.0)
    }

    /// The name, if it is known to exist now.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Arc<Named>> {
        self.known.get(cut(name)).map(|found| &found.0)
    }

    /// True when changes are on their way.
    pub(crate) fn are_changing(&self) -> bool {
        !self.pending.is_empty()
    }

    /// True when so many changes are on their way that the client has to wait.
    pub(crate) fn are_full(&self) -> bool {
        self.pending.len() >= MAX_PENDING
    }

    /// A change is sent.
    pub(crate) fn sent(&mut self, change: Change) {
        self.pending.push_back(Pending {
            segment: self.segment,
            change,
        });
    }

    /// The draft that was sent last, whose text has just been read.
    pub(crate) fn newest_draft(&mut self) -> Option<&mut Draft> {
        match &mut self.pending.back_mut()?.change {
            Change::Made(draft) => Some(draft),
            Change::Gone(_) | Change::Text => None,
        }
    }

    /// The oldest change on its way, if it is a draft.
    pub(crate) fn oldest_draft(&mut self) -> Option<&mut Draft> {
        match &mut self.pending.front_mut()?.change {
            Change::Made(draft) => Some(draft),
            Change::Gone(_) | Change::Text => None,
        }
    }

    /// The outcome of the oldest change on its way is known.
    pub(crate) fn settle_oldest(&mut self) -> Option<Change> {
        self.pending.pop_front().map(|pending| pending.change)
    }

    /// Counts segments.
    pub(crate) fn segment(&self) -> u64 {
        self.segment
    }

    /// A Sync, or what acts as one, has been sent.
    pub(crate) fn segment_ends(&mut self) {
        self.segment = self.segment.wrapping_add(1);
    }

    pub(crate) fn add(&mut self, name: Box<[u8]>, what: What) {
        self.remove(&name);
        let meaning = what.meaning();
        self.may_do(meaning.effects, meaning.touched.as_deref());
        self.bytes = self
            .bytes
            .saturating_add(name.len())
            .saturating_add(what.bytes());
        if what.is_bound() {
            self.bound = self.bound.saturating_add(1);
        }
        self.known.insert(ByName(Arc::new(Named { name, what })));
    }

    /// True when a statement of this size may be remembered.
    pub(crate) fn have_room(&self, bytes: usize) -> bool {
        self.bytes.saturating_add(bytes) <= MAX_BYTES
    }

    pub(crate) fn remove(&mut self, name: &[u8]) {
        let Some(ByName(named)) = self.known.take(cut(name)) else {
            return;
        };
        let bytes = named.name.len().saturating_add(named.what.bytes());
        self.bytes = self.bytes.saturating_sub(bytes);
        if named.what.is_bound() {
            self.bound = self.bound.saturating_sub(1);
        }
        self.forget_effects();
    }

    /// Some of the statements are gone, and which ones only the server knows. Those that it does not have
    /// under the client's name are not among them.
    pub(crate) fn become_uncertain(&mut self, is_there: impl Fn(&Named) -> bool) {
        let known: Vec<Arc<Named>> = self.iter().map(Arc::clone).collect();
        for named in known.iter().filter(|named| is_there(named)) {
            if let What::Shared(statement) = &named.what {
                let what = What::Uncertain(Arc::clone(statement));
                self.add(named.name.clone(), what);
            }
        }
        self.add_unknown();
    }

    /// The server has been asked, or cannot be.
    pub(crate) fn others_are(&mut self, others: Others) {
        self.others = others;
        self.forget_effects();
    }

    /// Statements may exist whose names are not known.
    pub(crate) fn add_unknown(&mut self) {
        self.others = Others::Possible;
    }

    /// All that exist are dropped; those on their way are not.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.bytes = 0;
        self.bound = 0;
        self.others = Others::None;
        self.forget_effects();
    }

    fn forget_effects(&mut self) {
        if self.is_empty() && self.pending.is_empty() {
            self.possible = None;
        }
    }
}

impl Named {
    /// What running it may do.
    pub(crate) fn meaning(&self) -> &Meaning {
        self.what.meaning()
    }

    /// True if only the server knows whether it exists.
    pub(crate) fn is_uncertain(&self) -> bool {
        match &self.what {
            What::Shared(_) => false,
            What::Uncertain(_) => true,
            What::Stuck { place, .. } => *place == Place::OwnName,
        }
    }

    /// The shared statement, if it is one.
    pub(crate) fn shared(&self) -> Option<&Arc<Statement>> {
        match &self.what {
            What::Shared(statement) => Some(statement),
            What::Uncertain(_) | What::Stuck { .. } => None,
        }
    }
}

impl What {
    fn meaning(&self) -> &Meaning {
        match self {
            Self::Shared(statement) | Self::Uncertain(statement) => &statement.meaning,
            Self::Stuck { meaning, .. } => meaning,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Shared(statement) | Self::Uncertain(statement) => statement.bytes(),
            Self::Stuck { .. } => 0,
        }
    }

    /// True if it ties the client to the connection at hand.
    fn is_bound(&self) -> bool {
        match self {
            Self::Shared(_) => false,
            Self::Uncertain(_) | Self::Stuck { .. } => true,
        }
    }
}

/// A name as the server keeps it.
pub(crate) fn cut(name: &[u8]) -> &[u8] {
    name.get(..MAX_NAME).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stuck(number: u32) -> What {
        What::Stuck {
            place: Place::Number(number),
            meaning: Meaning::NOTHING,
        }
    }

    fn draft(name: &[u8]) -> Change {
        Change::Made(Draft {
            name: name.into(),
            place: Place::Number(2),
            tail: None,
            meaning: Meaning::NOTHING,
            read: Read::Alike,
            stage: Stage::Sent,
        })
    }

    #[test]
    fn names_are_cut_where_the_server_cuts_them() {
        let mut names = Names::new();
        names.add([b'x'; 63].into(), stuck(1));
        assert!(matches!(names.find(&[b'x'; 64]), Found::Named(_)));
        names.remove(&[b'x'; 70]);
        assert!(names.is_empty() && !names.are_bound());
    }

    #[test]
    fn a_change_of_the_same_segment_counts_at_once() {
        let mut names = Names::new();
        names.sent(draft(b"a"));
        assert!(matches!(names.find(b"a"), Found::Draft(_)));
        names.sent(Change::Gone((*b"a").into()));
        assert!(matches!(names.find(b"a"), Found::Absent));
        assert!(matches!(names.find(b"b"), Found::Absent));
    }

    #[test]
    fn a_change_of_an_earlier_segment_is_waited_for() {
        let mut names = Names::new();
        names.sent(draft(b"a"));
        names.segment_ends();
        assert!(matches!(names.find(b"a"), Found::Unsettled));
        assert!(matches!(names.find(b"b"), Found::Absent));
        names.settle_oldest();
        assert!(matches!(names.find(b"a"), Found::Absent));
    }

    #[test]
    fn a_text_may_change_every_name() {
        let mut names = Names::new();
        names.add((*b"a").into(), stuck(1));
        names.sent(Change::Text);
        assert!(matches!(names.find(b"a"), Found::Unsettled));
    }
}
