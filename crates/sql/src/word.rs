//! The words that matter: keywords the grammar asks about and functions that touch the session.

use crate::EffectSet;

/// A keyword of the little grammar in `statement`: an index into the vocabulary below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u8);

macro_rules! vocabulary {
    ($($initial:literal: { $($name:ident = $number:literal $(, $text:literal)+;)* })*) => {
        impl Word {
            $($(pub(crate) const $name: Self = Self($number);)*)*

            /// The keyword spelled by `folded` (lower case), or `OTHER`. Most words of a text are no
            /// keywords, and their first letter tells most of them.
            #[inline]
            pub(crate) fn of(folded: &[u8]) -> Self {
                match folded.first() {
                    $(Some($initial) => match folded {
                        $($($text)|+ => Self::$name,)*
                        _ => Self::OTHER,
                    },)*
                    _ => Self::OTHER,
                }
            }
        }
    };
}

vocabulary! {
    b'a': {
        ABORT = 1, b"abort";
        ALL = 2, b"all";
        ALTER = 45, b"alter";
        AS = 51, b"as";
    }
    b'b': {
        BEGIN = 3, b"begin";
    }
    b'c': {
        CALL = 4, b"call";
        CLOSE = 5, b"close";
        COMMIT = 6, b"commit";
        CONSTRAINTS = 7, b"constraints";
        COPY = 8, b"copy";
        CREATE = 9, b"create";
    }
    b'd': {
        DATABASE = 46, b"database";
        DEALLOCATE = 10, b"deallocate";
        DECLARE = 11, b"declare";
        DISCARD = 12, b"discard";
        DO = 13, b"do";
        DROP = 47, b"drop";
    }
    b'e': {
        ELSE = 14, b"else";
        END = 15, b"end";
        EXECUTE = 16, b"execute";
        EXPLAIN = 17, b"explain";
    }
    b'g': {
        GLOBAL = 18, b"global";
    }
    b'h': {
        HOLD = 19, b"hold";
    }
    b'i': {
        INSERT = 20, b"insert";
        INTO = 21, b"into";
    }
    b'l': {
        LISTEN = 22, b"listen";
        LOAD = 23, b"load";
        LOCAL = 24, b"local";
        LOOP = 25, b"loop";
    }
    b'm': {
        MERGE = 26, b"merge";
    }
    b'p': {
        PLANS = 27, b"plans";
        PREPARE = 28, b"prepare";
    }
    b'r': {
        RELEASE = 29, b"release";
        REPLACE = 30, b"replace";
        RESET = 31, b"reset";
        ROLE = 60, b"role";
        ROLLBACK = 32, b"rollback";
    }
    b's': {
        SAVEPOINT = 33, b"savepoint";
        SEQUENCES = 34, b"sequences";
        SESSION = 35, b"session";
        SET = 36, b"set";
        START = 37, b"start";
    }
    b't': {
        TEMP = 38, b"temp", b"temporary";
        THEN = 39, b"then";
        TO = 40, b"to";
        TRANSACTION = 41, b"transaction";
        TRUE = 42, b"true";
    }
    b'u': {
        UESCAPE = 48, b"uescape";
        UNLISTEN = 43, b"unlisten";
        UPDATE = 49, b"update";
        USER = 61, b"user";
    }
    b'w': {
        WITH = 44, b"with";
        WORK = 50, b"work";
    }
}

impl Word {
    /// Any other word, and whatever is not a word.
    pub(crate) const OTHER: Self = Self(0);
    /// No keyword but a `U&".."`, which an `UESCAPE` right behind it would give another meaning.
    pub(crate) const UNICODE_NAME: Self = Self(u8::MAX);
}

/// `set_config`, whose effect depends on its third argument.
pub(crate) const SET_CONFIG: &[u8] = b"set_config";

/// A function of `pg_trgm`, and the setting it gives a value for the session.
pub(crate) const SET_LIMIT: &[u8] = b"set_limit";
pub(crate) const SIMILARITY_THRESHOLD: &[u8] = b"pg_trgm.similarity_threshold";

/// The view of all settings. An update of it is a call of `set_config`. Source: PostgreSQL 15
/// `system_views.sql`, rule `pg_settings_u`.
const SETTINGS_VIEW: &[u8] = b"pg_settings";

/// What naming the function (or schema) `folded` may do. Source: PostgreSQL 15 `pg_proc.dat` and the
/// contrib modules; the names below are all that keep something in the session.
pub(crate) fn named_effect(folded: &[u8]) -> EffectSet {
    match folded.first() {
        Some(b'p') => pg_effect(folded),
        Some(b's') => match folded {
            b"setseed" => EffectSet::SEED,
            b"setval" => EffectSet::SEQUENCE,
            _ => EffectSet::NONE,
        },
        Some(b'n') if folded == b"nextval" => EffectSet::SEQUENCE,
        Some(b'c') if folded == b"currval" => EffectSet::SEQUENCE_READ,
        Some(b'l') if folded == b"lastval" => EffectSet::SEQUENCE_READ,
        Some(b'd') => dblink_effect(folded),
        _ => EffectSet::NONE,
    }
}

fn pg_effect(folded: &[u8]) -> EffectSet {
    if !folded.starts_with(b"pg_") {
        return EffectSet::NONE;
    }
    if folded.starts_with(b"pg_temp") {
        return EffectSet::TEMP_OBJECT;
    }
    if folded.starts_with(b"pg_advisory_lock") || folded.starts_with(b"pg_try_advisory_lock") {
        return EffectSet::ADVISORY_LOCK;
    }
    if folded.starts_with(b"pg_advisory_unlock") {
        return EffectSet::ADVISORY_UNLOCK;
    }
    match folded {
        b"pg_prepared_statement" | b"pg_prepared_statements" => EffectSet::STATEMENTS_VIEW,
        b"pg_reload_conf" => EffectSet::DEFAULTS,
        // True of a text that updates it; the caller knows.
        SETTINGS_VIEW => EffectSet::SETTING_UNKNOWN,
        // The origin stays with the backend; the slots may be temporary, which is session state too.
        b"pg_replication_origin_session_setup"
        | b"pg_replication_origin_session_reset"
        | b"pg_create_logical_replication_slot"
        | b"pg_create_physical_replication_slot"
        | b"pg_copy_logical_replication_slot"
        | b"pg_copy_physical_replication_slot" => EffectSet::UNKNOWN,
        _ => EffectSet::NONE,
    }
}

/// `dblink` keeps named connections, and cursors on them, in the backend.
fn dblink_effect(folded: &[u8]) -> EffectSet {
    let keeps = matches!(
        folded,
        b"dblink_connect" | b"dblink_connect_u" | b"dblink_open" | b"dblink_send_query"
    );
    if keeps {
        EffectSet::UNKNOWN
    } else {
        EffectSet::NONE
    }
}
