//! What ties a client to its server connection, from the texts it ran and from what the server reported.

use std::collections::BTreeSet;

use tollgate_sql::mysql::EffectSet;

use super::exchange::{About, Outcome, StateChange};
use super::ledger::{Done, Ledger};
use super::unseen::{Found, Reported};
use crate::{Effects, PinChange, PinReason, PinSet};

/// Effects that tie, and the reason.
const BEGINS: [(EffectSet, PinReason); 3] = [
    (EffectSet::USER_VARIABLE_UNKNOWN, PinReason::UserVariable),
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
    pub(super) ledger: Ledger,
}

impl Pins {
    pub(super) fn reasons(&self) -> PinSet {
        self.held.union(self.derived).union(self.ledger.reasons())
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
            .is_some_and(|named| !named.routines.is_empty());
        // Changes of temporary tables are reported too.
        let alters = before.contains(PinReason::TemporaryObject)
            && effects.intersects(EffectSet::IMPLICIT_COMMIT);
        if change == StateChange::Reported && !calls && !alters {
            self.reported(effects);
        }
        self.named_statements(effects, about);
        let done = if failed { Done::Perhaps } else { Done::All };
        self.ledger.ran(about, effects, done);
        if self.reasons() != before {
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

    /// The connection was reset: what a reset undoes is gone.
    pub(super) fn reset(&mut self) {
        self.held = self.held.intersection(PinSet::LASTING);
        self.prepared.clear();
        self.ledger.clear();
    }

    /// Tells of changes since the last time.
    pub(super) fn announce(&mut self, excluded: PinSet, out: &mut Effects) {
        let reasons = self.reasons().without(excluded);
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
