//! What ties a client to its server connection, and whether statements may have added to it.
//!
//! Some reasons hold from the moment a statement was tried; no rollback ends them. Others are facts the
//! server can be asked about between transactions: a text says only that it is worth asking.

use std::sync::Arc;

use tollgate_sql::EffectSet;

use super::queue::Blame;
use super::settings::Facts;
use crate::{Effects, PinChange, PinReason, PinSet};

/// Effects that stay, whatever becomes of the statement or its transaction, and that no question to the
/// server brings to light.
const IMMEDIATE: [(EffectSet, PinReason); 4] = [
    (EffectSet::SETTING_UNKNOWN, PinReason::SessionSetting),
    (EffectSet::LOAD, PinReason::LoadedLibrary),
    (EffectSet::SEED, PinReason::RandomSeed),
    (EffectSet::UNKNOWN, PinReason::Unknown),
];

/// Effects that bring about a fact, those that may end it, and the reason it is.
const FACTS: [(EffectSet, EffectSet, Facts, PinReason); 4] = [
    (
        EffectSet::ADVISORY_LOCK,
        EffectSet::ADVISORY_UNLOCK,
        Facts::ADVISORY_LOCKS,
        PinReason::AdvisoryLock,
    ),
    (
        EffectSet::TEMP_OBJECT,
        EffectSet::DROP.union(EffectSet::DISCARD_TEMP),
        Facts::TEMP_OBJECTS,
        PinReason::TemporaryObject,
    ),
    (
        EffectSet::HOLD_CURSOR,
        EffectSet::CLOSE_CURSOR.union(EffectSet::CLOSE_ALL),
        Facts::HOLD_CURSORS,
        PinReason::HoldCursor,
    ),
    (
        EffectSet::LISTEN,
        EffectSet::UNLISTEN.union(EffectSet::UNLISTEN_ALL),
        Facts::CHANNELS,
        PinReason::Listen,
    ),
];

/// Effects of code that may do what it does not say: it can put together what it executes.
const CODE: EffectSet = EffectSet::PROCEDURE.union(EffectSet::UNREAD_CODE);

/// Effects that pin, or may: those whose statement is worth remembering.
pub(super) const PINNING: EffectSet = EffectSet::SETTING
    .union(EffectSet::SETTING_UNKNOWN)
    .union(EffectSet::PREPARE)
    .union(EffectSet::LOAD)
    .union(EffectSet::SEED)
    .union(EffectSet::UNKNOWN)
    .union(EffectSet::ADVISORY_LOCK)
    .union(EffectSet::TEMP_OBJECT)
    .union(EffectSet::HOLD_CURSOR)
    .union(EffectSet::LISTEN)
    .union(EffectSet::SEQUENCE_READ)
    .union(EffectSet::SEQUENCE);

/// The pins of one client.
#[derive(Debug)]
pub(crate) struct Pins {
    /// From statements that ran, and from the server's answers.
    held: PinSet,
    /// From facts looked up whenever a transaction ends.
    derived: PinSet,
    /// What the shell has been told.
    announced: PinSet,
    /// What may have pinned last.
    blamed: Option<Box<Blamed>>,
    sequences: Sequences,
}

/// A statement and the stored code behind it, as far as they are known to be able to pin.
#[derive(Debug)]
struct Blamed {
    digest: Option<Arc<str>>,
    culprit: Option<Arc<String>>,
}

/// Whether the session asks for the values its sequences gave last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sequences {
    /// It never has: what `nextval` leaves behind is of no use to it.
    Unread,
    /// It has, and will again: what it leaves behind pins.
    Read,
}

impl Pins {
    pub(crate) const fn new() -> Self {
        Self {
            held: PinSet::NONE,
            derived: PinSet::NONE,
            announced: PinSet::NONE,
            blamed: None,
            sequences: Sequences::Unread,
        }
    }

    /// The reasons in force.
    pub(crate) fn reasons(&self) -> PinSet {
        self.held.union(self.derived)
    }

    /// True when the reason is in force.
    pub(crate) fn holds(&self, reason: PinReason) -> bool {
        self.reasons().contains(reason)
    }

    /// True when settings were made that nobody knows.
    pub(crate) fn hide_settings(&self) -> bool {
        self.holds(PinReason::SessionSetting) || self.holds(PinReason::ProceduralBody)
    }

    /// A reason that nothing but the end of the connection ends.
    pub(crate) fn hold(&mut self, reason: PinReason) {
        self.held.insert(reason);
    }

    /// A statement with these possible effects was tried, and may have failed half-way. Answers what the
    /// server should be asked when its transaction is over.
    #[must_use]
    pub(crate) fn tried(&mut self, effects: EffectSet, blame: Blame<'_>) -> Facts {
        if effects.intersects(PINNING) && (blame.digest.is_some() || blame.culprit.is_some()) {
            self.blamed = Some(Box::new(Blamed {
                digest: blame.digest.cloned(),
                culprit: blame.culprit.cloned(),
            }));
        }
        for (effect, reason) in IMMEDIATE {
            if effects.intersects(effect) {
                self.held.insert(reason);
            }
        }
        if effects.intersects(EffectSet::PROCEDURE_STATE)
            && effects.intersects(EffectSet::SETTING_UNKNOWN)
        {
            self.held.insert(PinReason::ProceduralBody);
        }
        if effects.intersects(EffectSet::SEQUENCE_READ) {
            self.sequences = Sequences::Read;
        }
        if effects.intersects(EffectSet::SEQUENCE.union(EffectSet::SEQUENCE_READ)) {
            self.used_sequences();
        }
        self.facts(effects)
    }

    fn facts(&self, effects: EffectSet) -> Facts {
        if effects.intersects(CODE) {
            return FACTS
                .iter()
                .fold(Facts::NONE, |all, (_, _, fact, _)| all.union(*fact));
        }
        let mut facts = Facts::NONE;
        for (begins, ends, fact, reason) in FACTS {
            // Stored code may end anything.
            let ends = ends.union(EffectSet::ROUTINE);
            let may_end = self.held.contains(reason) && effects.intersects(ends);
            if effects.intersects(begins) || may_end {
                facts = facts.union(fact);
            }
        }
        facts
    }

    /// A statement ran and the server gave it this command tag. Tags are the server's word and repair
    /// what a look at the text may have missed. Answers what else the server should be asked.
    #[must_use]
    pub(crate) fn tagged(&mut self, tag: &[u8], effects: EffectSet) -> Facts {
        match tag {
            b"DISCARD ALL" => {
                self.held = self.held.intersection(PinSet::LASTING);
                self.sequences = Sequences::Unread;
            }
            b"DISCARD SEQUENCES" => self.held.remove(PinReason::Sequence),
            b"LISTEN" => return Facts::CHANNELS,
            b"LOAD" => self.held.insert(PinReason::LoadedLibrary),
            b"SET" | b"RESET" => {
                let known = EffectSet::SETTING
                    .union(EffectSet::LOCAL_SETTING)
                    .union(EffectSet::SEED);
                if !effects.intersects(known) {
                    self.held.insert(PinReason::SessionSetting);
                }
            }
            _ => {}
        }
        Facts::NONE
    }

    /// A statement ran that may have used sequences: what they gave is the session's to read.
    pub(crate) fn used_sequences(&mut self) {
        if self.sequences == Sequences::Read {
            self.held.insert(PinReason::Sequence);
        }
    }

    /// All settings were reset by a statement of its own, but for a few. True if any may have been set
    /// under a name that is not known: those few then have to be asked for.
    #[must_use]
    pub(crate) fn settings_reset(&mut self) -> bool {
        let unknown = self.held.contains(PinReason::SessionSetting);
        self.held.remove(PinReason::SessionSetting);
        unknown
    }

    /// The server has been asked about `asked`, of which `found` hold.
    pub(crate) fn answered(&mut self, asked: Facts, found: Facts) {
        for (_, _, fact, reason) in FACTS {
            if found.contains(fact) {
                self.held.insert(reason);
            } else if asked.contains(fact) {
                self.held.remove(reason);
            }
        }
    }

    /// The server would not say: everything asked about is taken to hold.
    pub(crate) fn unanswered(&mut self, asked: Facts) {
        self.answered(asked, asked);
    }

    /// The reasons that hold because of facts, not of statements.
    pub(crate) fn derive(&mut self, derived: PinSet) {
        self.derived = derived;
    }

    /// Tells the shell what changed since the last time.
    pub(crate) fn announce(&mut self, out: &mut Effects) {
        let now = self.reasons();
        if now == self.announced {
            return;
        }
        for reason in now.without(self.announced).iter() {
            let blamed = self.blamed.as_deref();
            let digest = blamed.and_then(|blamed| blamed.digest.as_deref());
            let culprit = blamed.and_then(|blamed| blamed.culprit.as_deref());
            let detail = culprit.filter(|_| is_of_code(reason));
            out.pin_changed(PinChange::Pinned {
                reason,
                digest: digest.map(Box::from),
                detail: detail.map(|name| name.as_str().into()),
            });
        }
        for reason in self.announced.without(now).iter() {
            out.pin_changed(PinChange::Unpinned(reason));
        }
        self.announced = now;
    }
}

/// True for reasons that code may give which nobody can follow.
fn is_of_code(reason: PinReason) -> bool {
    match reason {
        PinReason::SessionSetting
        | PinReason::ProceduralBody
        | PinReason::LoadedLibrary
        | PinReason::RandomSeed
        | PinReason::Unknown => true,
        PinReason::PreparedStatement
        | PinReason::TemporaryObject
        | PinReason::HoldCursor
        | PinReason::AdvisoryLock
        | PinReason::Listen
        | PinReason::Sequence
        | PinReason::CopyInDoubt
        | PinReason::UnnamedStatement
        | PinReason::UserVariable
        | PinReason::LockedTables
        | PinReason::Handler => false,
    }
}
