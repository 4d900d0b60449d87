//! The set of things a text of SQL may do to its session.

/// A set of possible effects on session state. A bit that is absent is a promise, a bit that is
/// present is a possibility.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EffectSet(u64);

macro_rules! effects {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl EffectSet {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$name, stringify!($name))),*];
        }
    };
}

effects! {
    /// A setting that outlives the transaction: `SET`, `RESET`, `SET ROLE`, `SET SESSION ..`,
    /// `set_config(.., false)`. Its name is among the summary's settings, or `SETTING_UNKNOWN` or
    /// `RESET_ALL` is in the set too.
    SETTING = 0;
    /// A setting that ends with the transaction: `SET LOCAL`, `SET TRANSACTION`, `SET CONSTRAINTS`,
    /// `RESET TRANSACTION ISOLATION LEVEL`, `SET transaction_read_only`, `set_config(.., true)`.
    LOCAL_SETTING = 1;
    /// SQL `PREPARE name`.
    PREPARE = 2;
    /// SQL `EXECUTE name`, also below `EXPLAIN`.
    EXECUTE = 3;
    /// `DEALLOCATE name`.
    DEALLOCATE = 4;
    /// `DEALLOCATE ALL`.
    DEALLOCATE_ALL = 5;
    /// `DISCARD ALL`.
    DISCARD_ALL = 6;
    /// `DISCARD TEMP`.
    DISCARD_TEMP = 7;
    /// `DISCARD PLANS`.
    DISCARD_PLANS = 8;
    /// `DISCARD SEQUENCES`.
    DISCARD_SEQUENCES = 9;
    /// `LISTEN`.
    LISTEN = 10;
    /// `UNLISTEN` of one channel.
    UNLISTEN = 11;
    /// `UNLISTEN *`.
    UNLISTEN_ALL = 12;
    /// A temporary table, view or sequence, or anything named in `pg_temp`.
    TEMP_OBJECT = 13;
    /// `DECLARE .. WITH HOLD`.
    HOLD_CURSOR = 14;
    /// `CLOSE name`.
    CLOSE_CURSOR = 15;
    /// `CLOSE ALL`.
    CLOSE_ALL = 16;
    /// `LOAD 'library'`.
    LOAD = 17;
    /// A session-level advisory lock is taken or tried.
    ADVISORY_LOCK = 18;
    /// A session-level advisory lock is given back.
    ADVISORY_UNLOCK = 19;
    /// `setseed`, or the setting `seed`, which is no setting but another way to call it.
    SEED = 20;
    /// A function that moves a sequence: `nextval`, `setval`.
    SEQUENCE = 21;
    /// `BEGIN` or `START TRANSACTION`.
    BEGIN = 22;
    /// `COMMIT`, `END` or `PREPARE TRANSACTION`.
    COMMIT = 23;
    /// `ROLLBACK` or `ABORT`, but not `ROLLBACK TO`.
    ROLLBACK = 24;
    /// `SAVEPOINT` or `RELEASE`.
    SAVEPOINT = 25;
    /// `COPY`.
    COPY = 26;
    /// `DO` or `CALL`: code runs that this crate has seen in part (`DO`) or not at all (`CALL`).
    PROCEDURE = 27;
    /// The body of a `DO` or of a routine names session state; the other bits say which.
    PROCEDURE_STATE = 28;
    /// Session state that no reset is known to undo, or a spelling that hides the name of a function.
    UNKNOWN = 29;
    /// The end of a string depends on whether a backslash escapes; see `Scanner`.
    AMBIGUOUS_ESCAPE = 30;
    /// A function that asks what the session did to its sequences: `currval`, `lastval`.
    SEQUENCE_READ = 31;
    /// `pg_prepared_statements` or the function behind it is named.
    STATEMENTS_VIEW = 32;
    /// `CREATE DATABASE`, `ALTER DATABASE`, `DROP DATABASE`.
    DATABASE_DDL = 33;
    /// `DROP` of anything: it may end a temporary object.
    DROP = 34;
    /// A lasting setting whose name the text does not tell: `set_config` of anything but a plain literal,
    /// an update of `pg_settings`, a name too long to keep, one name too many, a setting whose name a body assembles.
    SETTING_UNKNOWN = 35;
    /// `RESET ALL`, and `DISCARD ALL`, which includes it.
    RESET_ALL = 36;
    /// `ROLLBACK TO` a savepoint.
    ROLLBACK_TO = 37;
    /// A setting of the transaction whose name the text does not tell. If it is a custom one, it goes on
    /// to exist, with an empty value, when the transaction is over.
    LOCAL_SETTING_UNKNOWN = 38;
    /// Stored code may run; what it may do is among the other bits. No scanner says so, only `Routines`.
    ROUTINE = 39;
    /// Stored code may come into being or be reached in new ways: `CREATE` or `ALTER` of a function, a
    /// trigger, a view, a table with defaults …
    ROUTINE_DDL = 40;
    /// Code executes a text of which nobody can prove what it does.
    UNREAD_CODE = 41;
    /// A routine executes texts, which it may put together from pieces.
    ASSEMBLED_CODE = 42;
    /// What sessions begin with may change: `ALTER ROLE`, `ALTER USER`, `ALTER DATABASE`, `pg_reload_conf`.
    DEFAULTS = 44;
}

impl EffectSet {
    /// No effect.
    pub const NONE: Self = Self(0);

    /// True when no effect is in the set.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when at least one of `other` is in the set.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Effects of either set.
    #[inline]
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Effects of both sets.
    #[inline]
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Effects of this set that are not in `other`.
    #[inline]
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Adds every effect of `other`.
    #[inline]
    pub fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl std::ops::BitOr for EffectSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl std::fmt::Debug for EffectSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = Self::NAMES
            .iter()
            .filter(|(bit, _)| self.intersects(*bit))
            .map(|(_, name)| name);
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_effect_has_its_own_bit() {
        let mut all = EffectSet::NONE;
        for (bit, name) in EffectSet::NAMES {
            assert!(!all.intersects(*bit), "{name} shares a bit");
            all.insert(*bit);
        }
    }

    #[test]
    fn debug_names_the_effects() {
        let set = EffectSet::LISTEN | EffectSet::LOAD;
        assert_eq!(format!("{set:?}"), r#"{"LISTEN", "LOAD"}"#);
    }
}
