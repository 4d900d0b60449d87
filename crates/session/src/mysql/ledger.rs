//! Temporary tables, locks and handlers that the client has on its server connection, by name where that is known.

use std::collections::BTreeSet;

use tollgate_sql::mysql::{EffectSet, TableUse};

use super::exchange::{About, Plain};
use super::named::{Bytes, Inquiry, Named, TableKey};
use super::plain::LockCall;
use super::rows::text_row;
use crate::{PinReason, PinSet};

/// More locks than this are not told apart.
const MAX_LOCKS: usize = 64;

/// More tables than this are not asked for at once.
const MAX_TABLES: usize = 16;

/// `ER_NO_SUCH_TABLE`.
const NO_SUCH_TABLE: u16 = 1146;

/// Longest name of a lock, in characters, on both families.
const MAX_LOCK_NAME: usize = 64;

/// What changes which named locks are held.
const LOCKING: EffectSet = EffectSet::NAMED_LOCK
    .union(EffectSet::NAMED_UNLOCK)
    .union(EffectSet::NAMED_UNLOCK_ALL);

/// Texts in which a `DROP` may stand and not run.
const CONDITIONAL: EffectSet = EffectSet::COMPOUND
    .union(EffectSet::ROUTINE)
    .union(EffectSet::CONDITIONAL_COMMENT)
    .union(EffectSet::AMBIGUOUS);

/// The books about one client.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    tables: BTreeSet<TableKey>,
    locks: BTreeSet<Bytes>,
    /// `TEMPORARY_CREATE`, `NAMED_LOCK`: there may be some without a name here. `NAMED_UNLOCK`: locks that are not
    /// `GET_LOCK`'s. `FLUSH_LOCK`, `BACKUP_LOCK`: such a lock is held.
    unnamed: EffectSet,
    /// Whether which locks are held is to be asked for.
    asked: Asked,
    /// Whether the tables are still there is to be asked for.
    tables_asked: Asked,
    handlers: u32,
    holds: Holds,
}

/// How many times locks are held: each one as often as it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Known(u32),
    Lost,
}

impl Default for Holds {
    fn default() -> Self {
        Self::Known(0)
    }
}

/// Whether the server has told which locks are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Asked {
    #[default]
    Told,
    InDoubt,
}

impl Ledger {
    pub(super) fn reasons(&self) -> PinSet {
        let mut reasons = PinSet::NONE;
        let unnamed = |effect| self.unnamed.intersects(effect);
        if !self.tables.is_empty() || unnamed(EffectSet::TEMPORARY_CREATE) {
            reasons.insert(PinReason::TemporaryObject);
        }
        if !self.locks.is_empty() || unnamed(EffectSet::NAMED_LOCK.union(EffectSet::NAMED_UNLOCK)) {
            reasons.insert(PinReason::AdvisoryLock);
        }
        if unnamed(EffectSet::FLUSH_LOCK.union(EffectSet::BACKUP_LOCK)) {
            reasons.insert(PinReason::LockedTables);
        }
        if self.handlers > 0 {
            reasons.insert(PinReason::Handler);
        }
        reasons
    }

    /// A text has run, and as far as it failed, `effects` are what it may have brought about all the same.
    pub(super) fn ran(&mut self, about: &About, effects: EffectSet, done: Done) {
        let named = about.named.as_deref();
        if effects.intersects(EffectSet::RENAME) && !self.tables.is_empty() {
            self.unnamed.insert(EffectSet::TEMPORARY_CREATE);
        }
        let drops = if done == Done::All && !effects.intersects(CONDITIONAL) {
            Done::All
        } else {
            Done::Perhaps
        };
        self.tables(named, effects, drops);
        self.locks(named, effects);
        let global = EffectSet::FLUSH_LOCK.union(EffectSet::BACKUP_LOCK);
        self.unnamed.insert(effects.intersection(global));
        if effects.intersects(EffectSet::HANDLER_OPEN) {
            self.handlers = self.handlers.saturating_add(about.statements.max(1));
        }
        if done == Done::All && about.statements <= 1 && !effects.intersects(CONDITIONAL) {
            self.ends(effects);
        }
        if done == Done::All && about.plain == Plain::AllLocksReleased {
            self.released_all();
        }
    }

    fn tables(&mut self, named: Option<&Named>, effects: EffectSet, drops: Done) {
        let Some(named) = named else { return };
        let unnamed = named.unnamed.intersection(effects);
        self.unnamed
            .insert(unnamed.intersection(EffectSet::TEMPORARY_CREATE));
        for (used, table) in &named.tables {
            match used {
                TableUse::TemporaryCreated if effects.intersects(EffectSet::TEMPORARY_CREATE) => {
                    self.tables.insert(table.clone());
                }
                TableUse::TemporaryCreated => {}
                TableUse::Dropped => match drops {
                    Done::All => {
                        self.tables.remove(table);
                    }
                    Done::Perhaps => self.tables_asked = Asked::InDoubt,
                },
            }
        }
    }

    fn locks(&mut self, named: Option<&Named>, effects: EffectSet) {
        if effects.intersects(LOCKING) {
            self.asked = Asked::InDoubt;
        }
        let Some(named) = named else { return };
        let possible = |name: &&Bytes| (1..=MAX_LOCK_NAME).contains(&name.len());
        self.locks
            .extend(named.locks.iter().filter(possible).cloned());
        let kinds = EffectSet::NAMED_LOCK.union(EffectSet::NAMED_UNLOCK);
        self.unnamed.insert(named.unnamed.intersection(kinds));
        if self.locks.len() > MAX_LOCKS {
            self.locks.clear();
            self.unnamed.insert(EffectSet::NAMED_LOCK);
        }
    }

    /// A text that changes locks has been answered, with this as its one value.
    pub(super) fn counted(&mut self, plain: &Plain, effects: EffectSet, value: Option<bool>) {
        if !effects.intersects(LOCKING) {
            return;
        }
        self.holds = match (self.holds, plain, value) {
            (_, Plain::AllLocksReleased, _) if self.holds == Holds::Known(0) => self.holds,
            (Holds::Known(held), Plain::Lock(_), Some(false)) => Holds::Known(held),
            (Holds::Known(held), Plain::Lock(LockCall::Taken), Some(true)) => {
                held.checked_add(1).map_or(Holds::Lost, Holds::Known)
            }
            (Holds::Known(held), Plain::Lock(LockCall::Released), Some(true)) => {
                held.checked_sub(1).map_or(Holds::Lost, Holds::Known)
            }
            (_, _, _) => Holds::Lost,
        };
        if self.holds == Holds::Known(0) {
            self.locks.clear();
            self.unnamed = self.unnamed.without(EffectSet::NAMED_LOCK);
        }
    }

    /// Code that was read has run, or may have: what it makes it may also have dropped.
    pub(super) fn code_ran(&mut self, effects: EffectSet, named: &Named) {
        self.tables(Some(named), effects, Done::Perhaps);
        self.locks(Some(named), effects);
        if effects.intersects(LOCKING) {
            self.holds = Holds::Lost;
        }
        if effects.intersects(EffectSet::TEMPORARY_CREATE) {
            self.tables_asked = Asked::InDoubt;
        }
        if effects.intersects(EffectSet::HANDLER_OPEN) {
            self.handlers = self.handlers.saturating_add(1);
        }
        let global = EffectSet::FLUSH_LOCK.union(EffectSet::BACKUP_LOCK);
        self.unnamed.insert(effects.intersection(global));
    }

    /// Some state ends by one statement.
    fn ends(&mut self, effects: EffectSet) {
        if effects.intersects(EffectSet::UNLOCK_TABLES) {
            self.unnamed = self.unnamed.without(EffectSet::FLUSH_LOCK);
        }
        if effects.intersects(EffectSet::BACKUP_UNLOCK) {
            self.unnamed = self.unnamed.without(EffectSet::BACKUP_LOCK);
        }
        if effects.intersects(EffectSet::HANDLER_CLOSE) {
            self.handlers = self.handlers.saturating_sub(1);
        }
    }

    /// `RELEASE_ALL_LOCKS()` has certainly run.
    fn released_all(&mut self) {
        self.locks.clear();
        self.holds = Holds::default();
        self.unnamed = self.unnamed.without(EffectSet::NAMED_LOCK);
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        !self.open_reasons().is_empty()
    }

    /// Reasons that an answer may take away.
    pub(super) fn open_reasons(&self) -> PinSet {
        let mut open = PinSet::NONE;
        if self.asked == Asked::InDoubt && !self.locks.is_empty() {
            open.insert(PinReason::AdvisoryLock);
        }
        if self.tables_asked == Asked::InDoubt && !self.tables.is_empty() {
            open.insert(PinReason::TemporaryObject);
        }
        open
    }

    /// Tables that may be gone.
    pub(super) fn tables_in_doubt(&mut self) -> Vec<TableKey> {
        match std::mem::take(&mut self.tables_asked) {
            Asked::Told => Vec::new(),
            Asked::InDoubt => self.tables.iter().take(MAX_TABLES).cloned().collect(),
        }
    }

    /// How a table was made, or that there is none: the packets of the answer, the last left out, or the code of
    /// the error.
    pub(super) fn table_told(&mut self, table: &TableKey, answer: Result<&[Vec<u8>], u16>) {
        const TEMPORARY: &[u8] = b"CREATE TEMPORARY TABLE";
        let gone = match answer {
            Ok(packets) => {
                let row = packets.last().and_then(|row| text_row(row));
                let text = row.and_then(|row| row.get(1).copied().flatten());
                text.is_some_and(|text| {
                    text.starts_with(b"CREATE ") && !text.starts_with(TEMPORARY)
                })
            }
            Err(code) => code == NO_SUCH_TABLE,
        };
        if gone {
            self.tables.remove(table);
        }
    }

    /// The query for the locks with names, and the names in its order; `None` when there are none.
    pub(super) fn question(&mut self) -> Option<Inquiry> {
        if std::mem::take(&mut self.asked) == Asked::Told || self.locks.is_empty() {
            return None;
        }
        let names: Vec<_> = self.locks.iter().cloned().collect();
        let mut sql = b"SELECT ".to_vec();
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                sql.push(b',');
            }
            sql.extend_from_slice(b"IS_USED_LOCK('");
            sql.extend_from_slice(name);
            sql.extend_from_slice(b"')=CONNECTION_ID()");
        }
        sql.extend_from_slice(b" LIMIT 1");
        Some(Inquiry { sql, names })
    }

    /// The packets of the answer, the last left out, tell what is so. What they do not tell stays.
    pub(super) fn told(&mut self, names: &[Bytes], packets: &[Vec<u8>]) {
        let row = match packets {
            [_count, definitions @ .., row] if definitions.len() == names.len() => text_row(row),
            _ => None,
        };
        for (name, value) in names.iter().zip(row.unwrap_or_default()) {
            if value != Some(b"1") {
                self.locks.remove(name);
            }
        }
        if self.locks.is_empty() && !self.unnamed.intersects(EffectSet::NAMED_LOCK) {
            self.holds = Holds::default();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// How much of a text has certainly run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// All of it.
    All,
    /// Not all of it, or nobody knows.
    Perhaps,
}

/// True for texts that do nothing but release all locks.
pub(super) fn releases_all(text: &[u8]) -> bool {
    let mut folded: Vec<u8> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(u8::to_ascii_lowercase)
        .collect();
    while folded.last() == Some(&b';') {
        folded.pop();
    }
    matches!(
        folded.as_slice(),
        b"selectrelease_all_locks()" | b"dorelease_all_locks()"
    )
}
