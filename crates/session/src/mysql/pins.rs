//! What ties a client to its server connection, from the texts it ran and from what the server reported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tollgate_sql::mysql::EffectSet;

use super::exchange::{About, Outcome, Plain, StateChange};
use super::ledger::{Done, Ledger};
use super::unseen::{Found, Reported};
use crate::{Effects, PinChange, PinReason, PinSet};

/// Effects that tie, and the reason.
const BEGINS: [(EffectSet, PinReason); 3] = [
    (EffectSet::USER_VARIABLE_UNKNOWN, PinReason::UserVariable),
    (EffectSet::SEQUENCE_READ, PinReason::Sequence),
    (
        EffectSet::SET_RESOURCE_GROUP
            .union(EffectSet::SET_AUTHORIZATION)
            .union(EffectSet::BINLOG)
            .union(EffectSet::AMBIGUOUS)
            .union(EffectSet::UNKNOWN),
        PinReason::Unknown,
    ),
];

/// What a statement that fails on its own has not brought about.
const UNDONE_BY_FAILURE: EffectSet = EffectSet::TEMPORARY_CREATE
    .union(EffectSet::FLUSH_LOCK)
    .union(EffectSet::BACKUP_LOCK)
    .union(EffectSet::PREPARE)
    .union(EffectSet::HANDLER_OPEN)
    .union(EffectSet::SET_ROLE)
    .union(EffectSet::SET_RESOURCE_GROUP)
    .union(EffectSet::SET_AUTHORIZATION);

/// Code runs that the text does not show.
pub(super) const UNSEEN: EffectSet = EffectSet::CALL
    .union(EffectSet::EXECUTE)
    .union(EffectSet::EXECUTE_IMMEDIATE)
    .union(EffectSet::UNKNOWN_FUNCTION)
    .union(EffectSet::COMPOUND);

/// Effects for which a server says that state has changed, and that are followed in other ways.
const EXPLAINS: EffectSet = EffectSet::SET_SESSION
    .union(EffectSet::SET_STATEMENT)
    .union(EffectSet::SET_SESSION_TRANSACTION)
    .union(EffectSet::SET_NEXT_TRANSACTION)
    .union(EffectSet::AUTOCOMMIT)
    .union(EffectSet::NAMES)
    .union(EffectSet::USE)
    .union(EffectSet::DATABASE_DDL)
    .union(EffectSet::DROP_DATABASE)
    .union(EffectSet::USER_VARIABLE_SET)
    .union(EffectSet::USER_VARIABLE_WRITE)
    .union(EffectSet::TEMPORARY_CREATE)
    .union(EffectSet::TEMPORARY_DROP)
    .union(EffectSet::DROP_TABLE)
    .union(EffectSet::PREPARE)
    .union(EffectSet::DEALLOCATE)
    .union(EffectSet::SESSION_TRACK)
    .union(EffectSet::SET_ROLE);

/// The variable that the next statement uses up.
pub(super) const USED_UP: &[u8] = b"insert_id";

/// Whether a statement has run since that variable was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Once {
    #[default]
    Told,
    InDoubt,
}

/// The pins of one client.
#[derive(Debug, Default)]
pub(super) struct Pins {
    held: PinSet,
    /// From facts looked up at the end of every command.
    derived: PinSet,
    announced: PinSet,
    digest: Option<Box<str>>,
    /// Statements of SQL `PREPARE`, and what they do as far as that is known.
    prepared: BTreeMap<Box<[u8]>, Option<Arc<About>>>,
    /// Variables that no other connection can be given, and that are not what they are anyway.
    bound: BTreeSet<Box<[u8]>>,
    once: Once,
    pub(super) ledger: Ledger,
}

impl Pins {
    pub(super) fn reasons(&self) -> PinSet {
        let mut reasons = self.held.union(self.derived).union(self.ledger.reasons());
        if !self.bound.is_empty() {
            reasons.insert(PinReason::SessionSetting);
        }
        reasons
    }

    /// This variable has a value that no other connection can be given.
    pub(super) fn bind(&mut self, name: &[u8]) {
        self.bound.insert(name.into());
    }

    /// This variable has the value that it has anyway.
    pub(super) fn rests(&mut self, name: &[u8]) {
        self.bound.remove(name);
    }

    /// True when all that ties by a setting is one that the next statement may use up, and that may have happened.
    pub(super) fn may_be_used_up(&self) -> bool {
        self.once == Once::InDoubt
            && self.bound.len() == 1
            && self.bound.contains(USED_UP)
            && !self.held.contains(PinReason::SessionSetting)
    }

    /// Whether to ask for it; it is not asked for twice.
    pub(super) fn asks_for_used_up(&mut self) -> bool {
        let asks = self.may_be_used_up();
        self.once = Once::Told;
        asks
    }

    /// What is known of a statement of SQL `PREPARE`.
    pub(super) fn prepared(&self, name: &[u8]) -> Option<Arc<About>> {
        self.prepared.get(name).cloned().flatten()
    }

    /// The text of such a statement has been read.
    pub(super) fn prepared_is(&mut self, name: &[u8], about: About) {
        if let Some(known) = self.prepared.get_mut(name) {
            *known = Some(Arc::new(about));
        }
    }

    /// The server connection is given back: what ties later has nothing to do with what ran on it.
    pub(super) fn forget_statement(&mut self) {
        self.digest = None;
    }

    pub(super) fn hold(&mut self, reason: PinReason) {
        self.held.insert(reason);
    }

    /// These no longer hold.
    pub(super) fn let_go(&mut self, reasons: PinSet) {
        self.held = self.held.without(reasons);
        self.derived = self.derived.without(reasons);
    }

    pub(super) fn derive(&mut self, reasons: PinSet) {
        self.derived = reasons;
    }

    /// A command has been answered.
    pub(super) fn ran(&mut self, about: &About, outcome: &Outcome, change: StateChange) {
        let before = self.reasons();
        let failed = !matches!(outcome, Outcome::Done { .. });
        let alone = about.statements <= 1;
        let effects = if failed && alone {
            about.effects.without(UNDONE_BY_FAILURE)
        } else {
            about.effects
        };
        self.begin(effects);
        let calls = about
            .named
            .as_ref()
            .is_some_and(|named| !named.routines.is_empty())
            || about
                .reach
                .as_ref()
                .is_some_and(|reach| !reach.codes.is_empty());
        // Changes of temporary tables are reported too.
        let alters = before.contains(PinReason::TemporaryObject)
            && effects.intersects(EffectSet::IMPLICIT_COMMIT);
        if change == StateChange::Reported && !calls && !alters {
            self.reported(effects);
        }
        self.named_statements(effects, about, outcome);
        if self.bound.contains(USED_UP) {
            self.once = Once::InDoubt;
        }
        let done = if failed { Done::Perhaps } else { Done::All };
        self.ledger.ran(about, effects, done);
        if about.digest.is_some() {
            self.digest.clone_from(&about.digest);
        }
    }

    /// Code that was read has run, or may have.
    pub(super) fn code_ran(&mut self, effects: EffectSet, found: &Found) {
        self.begin(effects);
        match found.reported {
            Reported::Change => self.reported(effects.union(found.beside)),
            Reported::Nothing => {}
        }
        self.ledger.code_ran(effects, &found.named);
    }

    fn begin(&mut self, effects: EffectSet) {
        for (effect, reason) in BEGINS {
            if effects.intersects(effect) {
                self.held.insert(reason);
            }
        }
    }

    /// The server has said that state changed.
    pub(super) fn reported(&mut self, effects: EffectSet) {
        if !effects.intersects(EXPLAINS) {
            self.held.insert(PinReason::ProceduralBody);
        }
    }

    fn named_statements(&mut self, effects: EffectSet, about: &About, outcome: &Outcome) {
        if effects.intersects(EffectSet::EXECUTE.union(EffectSet::EXECUTE_IMMEDIATE)) {
            // What it ran was not seen, and may have left anything.
            self.held.insert(PinReason::ProceduralBody);
        }
        // The statement that had the name is gone, whatever becomes of the one that is to have it.
        let forgets = matches!(about.plain, Plain::Prepared(_) | Plain::PreparedFrom(_))
            && about.effects.intersects(EffectSet::PREPARE);
        let names = EffectSet::PREPARE.union(EffectSet::DEALLOCATE);
        if !effects.intersects(names) && !forgets {
            return;
        }
        let done = matches!(outcome, Outcome::Done { .. });
        match &about.name {
            Some(name) if effects.intersects(EffectSet::PREPARE) => {
                let known = if let Plain::Prepared(known) = &about.plain
                    && done
                {
                    Some(Arc::clone(known))
                } else {
                    None
                };
                self.prepared.insert(name.clone(), known);
            }
            Some(name) => {
                self.prepared.remove(name);
            }
            None => self.held.insert(PinReason::ProceduralBody),
        }
        if self.prepared.is_empty() {
            self.held.remove(PinReason::PreparedStatement);
        } else {
            self.held.insert(PinReason::PreparedStatement);
        }
    }

    /// The connection was reset: what a reset undoes is gone.
    pub(super) fn reset(&mut self) {
        self.held = self.held.intersection(PinSet::LASTING);
        self.prepared.clear();
        self.bound.clear();
        self.ledger.clear();
    }

    /// Tells of changes since the last time.
    pub(super) fn announce(&mut self, excluded: PinSet, out: &mut Effects) {
        let reasons = self.reasons().without(excluded);
        if reasons == self.announced {
            return;
        }
        for reason in reasons.without(self.announced).iter() {
            let digest = self.digest.clone();
            out.pin_changed(PinChange::Pinned {
                reason,
                digest,
                detail: None,
            });
        }
        for reason in self.announced.without(reasons).iter() {
            out.pin_changed(PinChange::Unpinned(reason));
        }
        self.announced = reasons;
    }
}
