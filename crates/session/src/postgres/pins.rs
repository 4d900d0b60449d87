//! From what statements may do to what the session has: effects become pins when their transaction ends.

use tollgate_sql::EffectSet;

use crate::{Effects, PinChange, PinReason, PinSet};

/// Effects that a rollback undoes.
const TRANSACTIONAL: EffectSet = EffectSet::SETTING
    .union(EffectSet::TEMP_OBJECT)
    .union(EffectSet::HOLD_CURSOR)
    .union(EffectSet::LISTEN);

/// Effects that stay, whatever becomes of the statement or its transaction. `PREPARE` is one too and kept
/// by name.
const IMMEDIATE: EffectSet = EffectSet::LOAD
    .union(EffectSet::ADVISORY_LOCK)
    .union(EffectSet::SEED)
    .union(EffectSet::SEQUENCE)
    .union(EffectSet::SEQUENCE_READ)
    .union(EffectSet::UNKNOWN);

/// Command tags of statements that may commit what was done before them, so that a later error no longer
/// undoes it. Source: callers of `PreventInTransactionBlock`, and procedural code.
const COMMITS_ON_ITS_OWN: [&[u8]; 9] = [
    b"VACUUM",
    b"REINDEX",
    b"CLUSTER",
    b"CREATE INDEX",
    b"DROP INDEX",
    b"ALTER TABLE",
    b"CALL",
    b"DO",
    b"ALTER SYSTEM",
];

/// The pins of one client.
#[derive(Debug)]
pub(crate) struct Pins {
    /// From statements that ran.
    held: PinSet,
    /// From facts looked up whenever a transaction ends.
    derived: PinSet,
    /// What the shell has been told.
    announced: PinSet,
    /// Done in the open transaction.
    pending: EffectSet,
    /// Undone in the open transaction.
    leaving: PinSet,
    ending: Ending,
}

/// How the open transaction ends if the server next says it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Commit,
    Rollback,
}

impl Pins {
    pub(crate) const fn new() -> Self {
        Self {
            held: PinSet::NONE,
            derived: PinSet::NONE,
            announced: PinSet::NONE,
            pending: EffectSet::NONE,
            leaving: PinSet::NONE,
            ending: Ending::Commit,
        }
    }

    /// The reasons in force.
    pub(crate) fn reasons(&self) -> PinSet {
        self.held.union(self.derived)
    }

    /// A reason that nothing but the end of the connection ends.
    pub(crate) fn hold(&mut self, reason: PinReason) {
        self.held.insert(reason);
    }

    /// A statement with these possible effects was tried, and may have failed half-way.
    pub(crate) fn tried(&mut self, effects: EffectSet) {
        if effects.intersects(EffectSet::PROCEDURE_STATE) {
            // Procedural code may commit in between, so nothing of it can be told to be undone.
            self.held = self.held.union(reasons(effects));
            self.held.insert(PinReason::ProceduralBody);
        } else {
            self.held = self.held.union(reasons(effects.intersection(IMMEDIATE)));
        }
    }

    /// A statement with these possible effects ran.
    pub(crate) fn ran(&mut self, effects: EffectSet) {
        self.tried(effects);
        self.pending.insert(effects.intersection(TRANSACTIONAL));
    }

    /// A statement ran and the server gave it this command tag. Tags are the server's word and repair
    /// what a look at the text may have missed.
    pub(crate) fn tagged(&mut self, tag: &[u8], effects: EffectSet) {
        self.ending = Ending::Commit;
        match tag {
            b"COMMIT" | b"PREPARE TRANSACTION" => self.commit(),
            b"ROLLBACK" => {
                // It may be ROLLBACK TO a savepoint; the end of the transaction will tell.
                self.ending = Ending::Rollback;
                self.leaving = PinSet::NONE;
            }
            b"DISCARD ALL" => {
                self.held = self.held.intersection(PinSet::LASTING);
                self.pending = EffectSet::NONE;
            }
            b"SET" | b"RESET" => {
                let known = EffectSet::SETTING.union(EffectSet::LOCAL_SETTING);
                if !effects.intersects(known) {
                    self.pending.insert(EffectSet::SETTING);
                }
            }
            b"LISTEN" => self.pending.insert(EffectSet::LISTEN),
            b"LOAD" => self.held.insert(PinReason::LoadedLibrary),
            tag if !self.pending.is_empty() && COMMITS_ON_ITS_OWN.contains(&tag) => self.commit(),
            _ => {}
        }
    }

    /// Exactly one statement ran and the server gave it this tag: it may have ended a reason.
    pub(crate) fn tagged_alone(&mut self, tag: &[u8], effects: EffectSet) {
        match tag {
            b"DISCARD TEMP" => self.leaving.insert(PinReason::TemporaryObject),
            b"UNLISTEN" if effects.intersects(EffectSet::UNLISTEN_ALL) => {
                self.leaving.insert(PinReason::Listen);
            }
            // Neither of these comes back with a rollback.
            b"DISCARD SEQUENCES" => self.held.remove(PinReason::Sequence),
            b"CLOSE CURSOR ALL" => self.held.remove(PinReason::HoldCursor),
            _ => {}
        }
    }

    /// A request with these possible effects failed: the transaction is undone, except for what a
    /// procedure committed before it failed.
    pub(crate) fn failed(&mut self, effects: EffectSet) {
        self.tried(effects);
        if effects.intersects(EffectSet::PROCEDURE) {
            self.commit();
        }
        self.ending = Ending::Rollback;
    }

    /// The server is ready and no transaction is open any more.
    pub(crate) fn transaction_over(&mut self) {
        match self.ending {
            Ending::Commit => self.commit(),
            Ending::Rollback => {
                self.pending = EffectSet::NONE;
                self.leaving = PinSet::NONE;
            }
        }
        self.ending = Ending::Commit;
    }

    /// The server is ready and a transaction is open.
    pub(crate) fn transaction_open(&mut self) {
        self.ending = Ending::Commit;
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
            out.pin_changed(PinChange::Pinned {
                reason,
                digest: None,
            });
        }
        for reason in self.announced.without(now).iter() {
            out.pin_changed(PinChange::Unpinned(reason));
        }
        self.announced = now;
    }

    fn commit(&mut self) {
        self.held = self.held.without(self.leaving).union(reasons(self.pending));
        self.pending = EffectSet::NONE;
        self.leaving = PinSet::NONE;
    }
}

/// The reasons for which effects pin.
fn reasons(effects: EffectSet) -> PinSet {
    [
        (EffectSet::SETTING, PinReason::SessionSetting),
        (EffectSet::PREPARE, PinReason::PreparedStatement),
        (EffectSet::TEMP_OBJECT, PinReason::TemporaryObject),
        (EffectSet::HOLD_CURSOR, PinReason::HoldCursor),
        (EffectSet::ADVISORY_LOCK, PinReason::AdvisoryLock),
        (EffectSet::LISTEN, PinReason::Listen),
        (EffectSet::LOAD, PinReason::LoadedLibrary),
        (EffectSet::SEED, PinReason::RandomSeed),
        (EffectSet::SEQUENCE, PinReason::Sequence),
        (EffectSet::SEQUENCE_READ, PinReason::Sequence),
        (EffectSet::UNKNOWN, PinReason::Unknown),
    ]
    .into_iter()
    .filter(|(effect, _)| effects.intersects(*effect))
    .map(|(_, reason)| reason)
    .collect()
}
