//! What ties a client to its server connection, from the texts it ran and from what the server reported.

use std::collections::BTreeSet;

use tollgate_sql::mysql::EffectSet;

use super::exchange::{About, Outcome, StateChange};
use crate::{Effects, PinChange, PinReason, PinSet};

/// Effects that tie, and the reason.
const BEGINS: [(EffectSet, PinReason); 6] = [
    (
        EffectSet::USER_VARIABLE_SET
            .union(EffectSet::USER_VARIABLE_WRITE)
            .union(EffectSet::USER_VARIABLE_UNKNOWN),
        PinReason::UserVariable,
    ),
    (EffectSet::TEMPORARY_CREATE, PinReason::TemporaryObject),
    (
        EffectSet::FLUSH_LOCK.union(EffectSet::BACKUP_LOCK),
        PinReason::LockedTables,
    ),
    (EffectSet::NAMED_LOCK, PinReason::AdvisoryLock),
    (EffectSet::SEQUENCE_READ, PinReason::Sequence),
    (
        EffectSet::SET_ROLE
            .union(EffectSet::SET_RESOURCE_GROUP)
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

/// The pins of one client.
#[derive(Debug, Default)]
pub(super) struct Pins {
    held: PinSet,
    /// From facts looked up at the end of every command.
    derived: PinSet,
    announced: PinSet,
    digest: Option<Box<str>>,
    /// Statements of SQL `PREPARE`.
    prepared: BTreeSet<Box<[u8]>>,
    handlers: u32,
}

impl Pins {
    pub(super) fn reasons(&self) -> PinSet {
        self.held.union(self.derived)
    }

    pub(super) fn hold(&mut self, reason: PinReason) {
        self.held.insert(reason);
    }

    pub(super) fn derive(&mut self, reasons: PinSet) {
        self.derived = reasons;
    }

    /// A command has been answered.
    pub(super) fn ran(&mut self, about: &About, outcome: &Outcome, change: StateChange) {
        let before = self.held;
        let failed = !matches!(outcome, Outcome::Done { .. });
        let alone = about.statements <= 1;
        let effects = if failed && alone {
            about.effects.without(UNDONE_BY_FAILURE)
        } else {
            about.effects
        };
        for (effect, reason) in BEGINS {
            if effects.intersects(effect) {
                self.held.insert(reason);
            }
        }
        if change == StateChange::Reported
            && (effects.intersects(UNSEEN) || !effects.intersects(EXPLAINS))
        {
            self.held.insert(PinReason::ProceduralBody);
        }
        self.named_statements(effects, about);
        if effects.intersects(EffectSet::HANDLER_OPEN) {
            self.handlers = self.handlers.saturating_add(about.statements.max(1));
            self.held.insert(PinReason::Handler);
        }
        if !failed && alone {
            self.ends(effects);
        }
        if self.held != before {
            self.digest.clone_from(&about.digest);
        }
    }

    fn named_statements(&mut self, effects: EffectSet, about: &About) {
        if effects.intersects(EffectSet::EXECUTE.union(EffectSet::EXECUTE_IMMEDIATE)) {
            // What it ran was not seen, and may have left anything.
            self.held.insert(PinReason::ProceduralBody);
        }
        if !effects.intersects(EffectSet::PREPARE.union(EffectSet::DEALLOCATE)) {
            return;
        }
        match &about.name {
            Some(name) if effects.intersects(EffectSet::PREPARE) => {
                self.prepared.insert(name.clone());
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

    /// Some state ends by one statement.
    fn ends(&mut self, effects: EffectSet) {
        if effects.intersects(EffectSet::UNLOCK_TABLES.union(EffectSet::BACKUP_UNLOCK)) {
            self.held.remove(PinReason::LockedTables);
        }
        if effects.intersects(EffectSet::NAMED_UNLOCK_ALL)
            && !effects.intersects(EffectSet::NAMED_LOCK)
        {
            self.held.remove(PinReason::AdvisoryLock);
        }
        if effects.intersects(EffectSet::HANDLER_CLOSE) {
            self.handlers = self.handlers.saturating_sub(1);
            if self.handlers == 0 {
                self.held.remove(PinReason::Handler);
            }
        }
    }

    /// The connection was reset: what a reset undoes is gone.
    pub(super) fn reset(&mut self) {
        self.held = self.held.intersection(PinSet::LASTING);
        self.prepared.clear();
        self.handlers = 0;
    }

    /// Tells of changes since the last time.
    pub(super) fn announce(&mut self, out: &mut Effects) {
        let reasons = self.reasons();
        for reason in reasons.without(self.announced).iter() {
            let digest = self.digest.clone();
            out.pin_changed(PinChange::Pinned { reason, digest });
        }
        for reason in self.announced.without(reasons).iter() {
            out.pin_changed(PinChange::Unpinned(reason));
        }
        self.announced = reasons;
    }
}
