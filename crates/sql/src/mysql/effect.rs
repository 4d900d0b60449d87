//! The set of things a text for MySQL or MariaDB may do to its session, or ask of it.

/// A set of possible effects. A bit that is absent is a promise as far as the text can tell, a bit that is
/// present is a possibility. What a text cannot tell (stored functions, triggers, prepared texts) is said by
/// `CALL`, `EXECUTE`, `EXECUTE_IMMEDIATE` and `UNKNOWN_FUNCTION`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EffectSet(u128);

macro_rules! effects {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl EffectSet {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
            /// Every effect and its name, in the order of the bits.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, stringify!($name))),*];
        }
    };
}

effects! {
    /// `BEGIN [WORK]`, `START TRANSACTION`: a transaction starts, and one that is open is committed.
    BEGIN = 0;
    /// `START TRANSACTION READ ONLY`.
    READ_ONLY = 1;
    /// `START TRANSACTION WITH CONSISTENT SNAPSHOT`: the snapshot is taken at once, so it cannot be sent later.
    CONSISTENT_SNAPSHOT = 2;
    /// `COMMIT`.
    COMMIT = 3;
    /// `ROLLBACK`, but not `ROLLBACK TO`.
    ROLLBACK = 4;
    /// `AND CHAIN` behind `COMMIT` or `ROLLBACK`: the next transaction starts at once.
    CHAIN = 5;
    /// `RELEASE` behind `COMMIT` or `ROLLBACK`: the server closes the connection.
    RELEASE = 6;
    /// `SAVEPOINT` or `RELEASE SAVEPOINT`.
    SAVEPOINT = 7;
    /// `ROLLBACK TO` a savepoint.
    ROLLBACK_TO = 8;
    /// A statement that commits the open transaction: data definition, `LOCK TABLES`, account management and
    /// administration.
    IMPLICIT_COMMIT = 9;
    /// The variable `autocommit` is set; turning it on commits. Its name is among the variables too.
    AUTOCOMMIT = 10;
    /// `XA START`, `BEGIN`, `END`, `PREPARE`, `COMMIT` and `ROLLBACK`.
    XA = 11;
    /// `XA RECOVER`, which only reads.
    XA_RECOVER = 12;
    /// `SET TRANSACTION` without a scope, or `@@transaction_isolation` and its like set without one: it holds for the
    /// next transaction only.
    SET_NEXT_TRANSACTION = 13;
    /// `SET SESSION TRANSACTION`: the characteristics of all transactions to come. The variables are not listed.
    SET_SESSION_TRANSACTION = 14;
    /// `SET GLOBAL TRANSACTION`.
    SET_GLOBAL_TRANSACTION = 15;
    /// A system variable of the session is set; see `TouchedVariables`.
    SET_SESSION = 16;
    /// A system variable of the server is set: `GLOBAL`, `PERSIST`, `PERSIST_ONLY`.
    SET_GLOBAL = 17;
    /// A system variable is set whose name is not listed: one name too many, or too long a name.
    VARIABLE_UNKNOWN = 18;
    /// A variable `session_track_..` is set: what the server reports may change within this very statement.
    SESSION_TRACK = 19;
    /// A variable is set that decides how texts are read: `sql_mode`, `character_set_client`, `SET NAMES`,
    /// `SET CHARACTER SET`.
    LEXICAL_VARIABLE = 20;
    /// `SET NAMES` or `SET CHARACTER SET`.
    NAMES = 21;
    /// `SET STATEMENT .. FOR` (MariaDB): the variables hold for one statement.
    SET_STATEMENT = 22;
    /// `SET ROLE`.
    SET_ROLE = 23;
    /// `SET PASSWORD`.
    SET_PASSWORD = 24;
    /// `SET RESOURCE GROUP`.
    SET_RESOURCE_GROUP = 25;
    /// `SET SESSION AUTHORIZATION` (MariaDB).
    SET_AUTHORIZATION = 26;
    /// A user variable is written by `SET @v = ..`; see `UserVariables`.
    USER_VARIABLE_SET = 27;
    /// A user variable is or may be written by anything else: `:=`, `INTO @v`, arguments of `CALL` and `EXECUTE`,
    /// `LOAD DATA`, `GET DIAGNOSTICS`.
    USER_VARIABLE_WRITE = 28;
    /// A user variable is named and not written. Accounts (`'u'@'h'`) look alike.
    USER_VARIABLE_READ = 29;
    /// A user variable is written whose name is not listed: one name too many, or too long a name.
    USER_VARIABLE_UNKNOWN = 30;
    /// `USE`: the default database is another one.
    USE = 31;
    /// `CREATE`, `ALTER` or `DROP DATABASE`: the last one may take the default database away.
    DATABASE_DDL = 32;
    /// `DROP DATABASE`: the session may be left without a default database.
    DROP_DATABASE = 33;
    /// `CREATE TEMPORARY` of anything.
    TEMPORARY_CREATE = 34;
    /// `DROP TEMPORARY` of anything.
    TEMPORARY_DROP = 35;
    /// `DROP TABLE` without `TEMPORARY`: it takes a temporary table first if there is one of that name.
    DROP_TABLE = 36;
    /// `LOCK TABLES`.
    LOCK_TABLES = 37;
    /// `UNLOCK TABLES`; it ends `FLUSH TABLES .. WITH READ LOCK` too.
    UNLOCK_TABLES = 38;
    /// `FLUSH TABLES .. WITH READ LOCK` or `FOR EXPORT`.
    FLUSH_LOCK = 39;
    /// `LOCK INSTANCE FOR BACKUP`, `BACKUP STAGE`, `BACKUP LOCK`.
    BACKUP_LOCK = 40;
    /// `UNLOCK INSTANCE`, `BACKUP UNLOCK`, `BACKUP STAGE END`.
    BACKUP_UNLOCK = 41;
    /// `GET_LOCK` and the locking services' functions.
    NAMED_LOCK = 42;
    /// `RELEASE_LOCK` and the locking services' functions.
    NAMED_UNLOCK = 43;
    /// `RELEASE_ALL_LOCKS`.
    NAMED_UNLOCK_ALL = 44;
    /// `IS_USED_LOCK`, `IS_FREE_LOCK`: whether a lock is held, and by which connection.
    NAMED_LOCK_READ = 45;
    /// `HANDLER .. OPEN`.
    HANDLER_OPEN = 46;
    /// `HANDLER .. READ`.
    HANDLER_READ = 47;
    /// `HANDLER .. CLOSE`.
    HANDLER_CLOSE = 48;
    /// SQL `PREPARE`.
    PREPARE = 49;
    /// SQL `EXECUTE name`: the text it runs is not seen here.
    EXECUTE = 50;
    /// `EXECUTE IMMEDIATE` (MariaDB): the text it runs is not seen here.
    EXECUTE_IMMEDIATE = 51;
    /// `DEALLOCATE PREPARE`, `DROP PREPARE`.
    DEALLOCATE = 52;
    /// `CALL`: code runs that is not seen here.
    CALL = 53;
    /// A block of statements outside a routine (MariaDB): its statements are reported as if each ran.
    COMPOUND = 54;
    /// A routine, trigger or event is defined. The statements of its body are reported as if they ran now.
    ROUTINE = 55;
    /// A function may be called that is not the server's: a stored or loaded one, whose effects are not seen here.
    UNKNOWN_FUNCTION = 56;
    /// The last insert id is read: `LAST_INSERT_ID()`, `@@last_insert_id`, `@@identity`.
    LAST_INSERT_ID = 57;
    /// `LAST_INSERT_ID(expr)`, or that variable set: the next one to ask reads this value.
    LAST_INSERT_ID_SET = 58;
    /// `ROW_COUNT()`.
    ROW_COUNT = 59;
    /// `FOUND_ROWS()`.
    FOUND_ROWS = 60;
    /// `SQL_CALC_FOUND_ROWS`.
    CALC_FOUND_ROWS = 61;
    /// `SHOW WARNINGS`, `SHOW ERRORS`, `SHOW COUNT(*) WARNINGS`, `SHOW COUNT(*) ERRORS`.
    SHOW_WARNINGS = 62;
    /// `GET DIAGNOSTICS`.
    GET_DIAGNOSTICS = 63;
    /// `@@warning_count` or `@@error_count`.
    DIAGNOSTICS_VARIABLE = 64;
    /// The number of the server's connection is read: `CONNECTION_ID()`, see `Summary::connection_ids`.
    CONNECTION_ID = 65;
    /// That number is read in a way without a place to put another one: `@@pseudo_thread_id`, one call too many,
    /// `EXPLAIN FOR CONNECTION`, `SHOW EXPLAIN FOR`.
    CONNECTION_ID_UNKNOWN = 66;
    /// `KILL`; see `Summary::kill`.
    KILL = 67;
    /// `KILL` of what cannot be told from the text: an expression, a user, a second `KILL` in a text.
    KILL_UNKNOWN = 68;
    /// `SHOW PROCESSLIST`, or a table of that name: it shows the server's connections and not the clients'.
    PROCESSLIST = 69;
    /// `LOAD DATA` or `LOAD XML`.
    LOAD_DATA = 70;
    /// `LOAD .. LOCAL INFILE`: the server asks the client for a file.
    LOCAL_INFILE = 71;
    /// `BINLOG '..'`: applied events set session variables that no reset is known to undo.
    BINLOG = 72;
    /// `CHANGE MASTER`, `CHANGE REPLICATION`, `START REPLICA`, `STOP REPLICA`, `PURGE BINARY LOGS` and their like.
    REPLICATION = 73;
    /// `INSTALL`, `UNINSTALL`.
    INSTALL = 74;
    /// `RESET`.
    RESET = 75;
    /// `FLUSH` of anything.
    FLUSH = 76;
    /// `SHUTDOWN` or `RESTART`.
    SHUTDOWN = 77;
    /// `SELECT .. FOR UPDATE`, `FOR SHARE`, `LOCK IN SHARE MODE`.
    LOCKING_READ = 78;
    /// `INSERT`, `UPDATE`, `DELETE`, `REPLACE`: it leaves a row count, and may leave warnings and an insert id.
    WRITE = 79;
    /// A function that takes its time: `SLEEP`, `BENCHMARK`, waiting for replication.
    WAIT = 80;
    /// A sequence moves (MariaDB): `NEXT VALUE FOR`, `NEXTVAL`, `SETVAL`.
    SEQUENCE = 81;
    /// What the session last took from a sequence is read (MariaDB): `PREVIOUS VALUE FOR`, `LASTVAL`, `.currval`.
    SEQUENCE_READ = 82;
    /// `SHOW PROFILE`, `SHOW PROFILES`: what the connection measured of earlier statements.
    PROFILE = 83;
    /// The text has a `/*! .. */` or `/*M! .. */`: another server version may read another text.
    CONDITIONAL_COMMENT = 84;
    /// The tokens of the text are in doubt: the rest of the set cannot be relied on.
    AMBIGUOUS = 85;
    /// A statement that this module does not know.
    UNKNOWN = 86;
    /// What the session wrote last is asked for as a position in the log: `@@last_gtid` (MariaDB),
    /// `WSREP_LAST_WRITTEN_GTID()`, `WSREP_LAST_SEEN_GTID()`.
    LAST_GTID = 87;
    /// `SHOW STATUS`, `SHOW SESSION STATUS`: counters of the server's connection, and the cost of its last query.
    SESSION_STATUS = 88;
    /// `RENAME TABLE`, or an `ALTER` that renames something.
    RENAME = 89;
    /// `CREATE` or `ALTER VIEW`.
    VIEW_DEFINED = 90;
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
        let names = Self::ALL
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
        for (bit, name) in EffectSet::ALL {
            assert!(!all.intersects(*bit), "{name} shares a bit");
            all.insert(*bit);
        }
    }

    #[test]
    fn debug_names_the_effects() {
        let set = EffectSet::KILL | EffectSet::USE;
        assert_eq!(format!("{set:?}"), r#"{"USE", "KILL"}"#);
    }
}
