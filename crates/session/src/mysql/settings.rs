//! What a session has set: schema and variables as the server spells them, and the one `SET` between two states.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_sql::mysql::{Backslash, Charset, DoubleQuotes, Mode, Server};
use tollgate_wire_mysql::charset;

/// The value of a variable as the server reports it; `None` is NULL.
pub(super) type Value = Option<Box<[u8]>>;

/// Variables that the server takes again whenever it has reported them itself, so that nobody need wait for its
/// answer. All others are waited for.
const CERTAIN: &[&[u8]] = &[
    b"autocommit",
    b"character_set_client",
    b"character_set_connection",
    b"character_set_results",
    b"collation_connection",
    b"foreign_key_checks",
    b"group_concat_max_len",
    b"innodb_lock_wait_timeout",
    b"interactive_timeout",
    b"lock_wait_timeout",
    b"max_execution_time",
    b"max_statement_time",
    b"net_read_timeout",
    b"net_write_timeout",
    b"sql_auto_is_null",
    b"sql_mode",
    b"sql_safe_updates",
    b"sql_select_limit",
    b"time_zone",
    b"transaction_isolation",
    b"transaction_read_only",
    b"tx_isolation",
    b"tx_read_only",
    b"unique_checks",
    b"wait_timeout",
];

/// The character set of the client's texts.
const CHARSET: &[u8] = b"character_set_client";

/// How the server reads them besides.
const SQL_MODE: &[u8] = b"sql_mode";

/// How many rows of a result are sent.
const SELECT_LIMIT: &[u8] = b"sql_select_limit";

/// What follows the character set of the connection and may differ from it.
const COLLATION: &[u8] = b"collation_connection";

/// The number of the statement, which MySQL reports with every result.
const STATEMENT: &[u8] = b"statement_id";

/// Reported variables that say nothing about the session: numbers of the moment, and what follows the schema.
const PASSING: &[&[u8]] = &[
    b"character_set_database",
    b"collation_database",
    b"connection_id",
    b"error_count",
    b"gtid_executed",
    b"gtid_owned",
    b"in_transaction",
    b"last_gtid",
    b"redirect_url",
    STATEMENT,
    b"warning_count",
];

/// Variables that no other connection can be given.
const BOUND: &[&[u8]] = &[
    b"debug",
    b"debug_sync",
    b"gtid_domain_id",
    b"gtid_next",
    b"gtid_seq_no",
    b"insert_id",
    b"profiling",
    b"pseudo_replica_mode",
    b"pseudo_slave_mode",
    b"pseudo_thread_id",
    b"rand_seed1",
    b"rand_seed2",
    b"server_id",
    b"skip_replication",
];

/// The variable that stops the clock.
pub(super) const CLOCK: &[u8] = b"timestamp";

/// Values that a connection has anyway.
pub(super) fn is_at_rest(name: &[u8], value: Option<&[u8]>) -> bool {
    matches!(
        (name, value),
        (b"sql_log_bin", Some(b"ON" | b"1"))
            | (b"gtid_next", Some(b"AUTOMATIC"))
            | (b"profiling", Some(b"OFF" | b"0"))
            | (b"insert_id", Some(b"0"))
    )
}

/// What a reported variable means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It moves with the client.
    Moves,
    /// Nothing.
    Passing,
    /// It ties the client to the connection.
    Bound,
    /// The clock of the session, which its own report does not tell from one that stands still.
    Clock,
    /// What the server reports.
    Tracking,
    /// The value of `LAST_INSERT_ID()`.
    InsertId,
}

impl Meaning {
    pub(super) fn of(name: &[u8]) -> Self {
        // The one that comes all the time is not searched for.
        if name == STATEMENT || PASSING.binary_search(&name).is_ok() {
            Self::Passing
        } else if BOUND.binary_search(&name).is_ok() {
            Self::Bound
        } else if name == CLOCK {
            Self::Clock
        } else if name.starts_with(b"session_track_") {
            Self::Tracking
        } else if matches!(name, b"last_insert_id" | b"identity") {
            Self::InsertId
        } else {
            Self::Moves
        }
    }
}

/// Schema and variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Settings {
    /// `None`: no schema.
    pub(super) schema: Option<Arc<[u8]>>,
    /// As `SET ROLE` takes it; `None` for what the connection began with.
    pub(super) role: Option<Arc<[u8]>>,
    variables: Arc<Variables>,
}

/// Values by name, and what is read from some of them for every text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Variables {
    values: BTreeMap<Box<[u8]>, Value>,
    /// The kind of `character_set_client`, if that is set.
    charset: Option<Charset>,
    /// The mode with what `sql_mode` says, if that is set.
    quoting: Option<Quoting>,
    results: Results,
}

/// Whether results may have fewer rows than were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Results {
    #[default]
    Whole,
    /// `sql_select_limit` is set.
    Cut,
}

/// What of `sql_mode` the cutting of tokens depends on.
type Quoting = (DoubleQuotes, Backslash);

impl Variables {
    fn insert(&mut self, name: &[u8], value: Option<&[u8]>) {
        match name {
            CHARSET => self.charset = Some(value.map_or(Charset::Utf8, Charset::from_name)),
            SQL_MODE => {
                let mode = Mode::default().with_sql_mode(value.unwrap_or_default());
                self.quoting = Some((mode.double_quotes, mode.backslash));
            }
            SELECT_LIMIT => self.results = Results::Cut,
            _ => {}
        }
        self.values.insert(name.into(), value.map(Into::into));
    }

    fn remove(&mut self, name: &[u8]) {
        match name {
            CHARSET => self.charset = None,
            SQL_MODE => self.quoting = None,
            SELECT_LIMIT => self.results = Results::Whole,
            _ => {}
        }
        self.values.remove(name);
    }
}

impl Settings {
    pub(super) fn value(&self, name: &[u8]) -> Option<&Value> {
        self.variables.values.get(name)
    }

    /// Whether results are cut. Asked with every statement.
    pub(super) fn results(&self) -> Results {
        self.variables.results
    }

    /// How the server reads texts under these settings; what they do not say, `baseline` does.
    pub(super) fn mode(&self, server: Server, baseline: &Self) -> Mode {
        let (own, theirs) = (&self.variables, &baseline.variables);
        let quoting = own.quoting.or(theirs.quoting);
        let (double_quotes, backslash) = quoting.unwrap_or_default();
        Mode {
            server,
            double_quotes,
            backslash,
            charset: own.charset.or(theirs.charset).unwrap_or_default(),
        }
    }

    /// States that have the same variables keep them once; see [`share`].
    pub(super) fn share(&mut self, other: &mut Self) {
        share(&mut self.variables, &mut other.variables);
    }

    pub(super) fn set(&mut self, name: &[u8], value: Option<&[u8]>) {
        let same = self
            .value(name)
            .is_some_and(|known| known.as_deref() == value);
        if !same {
            Arc::make_mut(&mut self.variables).insert(name, value);
        }
    }

    pub(super) fn unset(&mut self, name: &[u8]) {
        if self.value(name).is_some() {
            Arc::make_mut(&mut self.variables).remove(name);
        }
    }

    pub(super) fn set_schema(&mut self, name: &[u8]) {
        self.schema = (!name.is_empty()).then(|| name.into());
    }

    /// What a login with this collation sets; nothing for one that is not known.
    pub(super) fn set_collation(&mut self, id: u16) {
        let Some(collation) = charset::collation(id) else {
            return;
        };
        let charset = Some(collation.charset.as_bytes());
        self.set(b"character_set_client", charset);
        self.set(b"character_set_connection", charset);
        self.set(b"character_set_results", charset);
        self.set(COLLATION, Some(collation.name.as_bytes()));
    }

    /// Back to what the connection has of itself; the schema stays, as `COM_RESET_CONNECTION` leaves it.
    pub(super) fn reset(&mut self) {
        self.variables = Arc::default();
    }

    /// Takes the variables of another state, not its schema.
    pub(super) fn take_variables(&mut self, of: &Self) {
        self.variables = Arc::clone(&of.variables);
    }

    /// The variables that the two states do not have in common.
    pub(super) fn names_not_as_in(&self, other: &Self) -> Vec<Box<[u8]>> {
        let names = self.names().chain(other.names());
        let pairs = names.map(|name| (name, self.value(name), other.value(name)));
        let differing = pairs.filter(|(_, here, there)| here != there);
        differing.map(|(name, _, _)| name.into()).collect()
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.variables.values.keys().map(AsRef::as_ref)
    }

    /// True when both hold the same values. Of those that have met it is seen at a glance; see [`share`].
    pub(super) fn same(&self, other: &Self) -> bool {
        let variables = Arc::ptr_eq(&self.variables, &other.variables);
        (variables || self.variables == other.variables) && self.schema == other.schema
    }

    /// The `SET` that leads from here to `target`; `None` when there is nothing to set.
    pub(super) fn to(&self, target: &Self, baseline: &Settings) -> Option<Change> {
        if Arc::ptr_eq(&self.variables, &target.variables) {
            return None;
        }
        let mut change = Change::default();
        let mut last: Option<&[u8]> = None;
        let mut names: Vec<&[u8]> = self.names().chain(target.names()).collect();
        names.sort_unstable();
        for name in names {
            if last.replace(name) == Some(name) || name == COLLATION {
                continue;
            }
            let wanted = target.value(name);
            if self.value(name) != wanted {
                change.assign(name, wanted.or_else(|| baseline.value(name)));
            }
        }
        // Another character set brings a collation of its own with it.
        let wanted = target.value(COLLATION);
        let differs = |name: &[u8]| self.value(name) != target.value(name);
        if differs(COLLATION) || differs(b"character_set_connection") {
            change.assign(COLLATION, wanted.or_else(|| baseline.value(COLLATION)));
        }
        change.is_needed().then_some(change)
    }
}

/// Two that are the same become one, the one whose address is lower: so all that are the same come to be one, whoever
/// meets whom, and are seen to be the same at a glance.
pub(super) fn share<T: PartialEq>(here: &mut Arc<T>, there: &mut Arc<T>) {
    let order = Arc::as_ptr(here).cmp(&Arc::as_ptr(there));
    if order.is_ne() && here == there {
        if order.is_lt() {
            *there = Arc::clone(here);
        } else {
            *here = Arc::clone(there);
        }
    }
}

/// A `SET` statement in the making.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) sql: Vec<u8>,
    pub(super) certainty: Certainty,
}

/// Whether the server may refuse a `SET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    Certain,
    Uncertain,
}

impl Default for Change {
    fn default() -> Self {
        Self {
            sql: b"SET ".to_vec(),
            certainty: Certainty::Certain,
        }
    }
}

impl Change {
    /// `value` is `None` for the server's default.
    pub(super) fn assign(&mut self, name: &[u8], value: Option<&Value>) {
        if CERTAIN.binary_search(&name).is_err() {
            self.certainty = Certainty::Uncertain;
        }
        if self.is_needed() {
            self.sql.push(b',');
        }
        self.sql.extend_from_slice(b"@@session.");
        self.sql.extend_from_slice(name);
        self.sql.push(b'=');
        match value {
            // What MySQL 9.7 takes for the default of these two is not their global value.
            None if matches!(name, b"foreign_key_checks" | b"unique_checks") => {
                self.sql.extend_from_slice(b"@@global.");
                self.sql.extend_from_slice(name);
            }
            None => self.sql.extend_from_slice(b"DEFAULT"),
            Some(None) => self.sql.extend_from_slice(b"NULL"),
            Some(Some(text)) => put_value(&mut self.sql, text),
        }
    }

    pub(super) fn assign_insert_id(&mut self, id: &[u8]) {
        if self.is_needed() {
            self.sql.push(b',');
        }
        self.sql.extend_from_slice(b"@@session.last_insert_id=");
        self.sql.extend_from_slice(id);
    }

    pub(super) fn is_needed(&self) -> bool {
        self.sql.len() > b"SET ".len()
    }
}

/// Variables that follow the schema, and cannot be set anew where the client goes.
pub(super) fn is_of_schema(name: &[u8]) -> bool {
    matches!(name, b"character_set_database" | b"collation_database")
}

/// A value of `sql_mode` without one of its words.
pub(super) fn mode_without(mode: &[u8], word: &[u8]) -> Vec<u8> {
    let words = mode.split(|byte| *byte == b',').filter(|it| *it != word);
    words.collect::<Vec<_>>().join(&b',')
}

/// Numbers as they are, plain texts in quotes, and everything else as bytes, which no `sql_mode` and no character
/// set reads in another way.
fn put_value(sql: &mut Vec<u8>, text: &[u8]) {
    let number = text.first().is_some_and(u8::is_ascii_digit)
        && text
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+:,./ ".contains(byte);
    if number {
        sql.extend_from_slice(text);
    } else if text.iter().all(plain) {
        sql.push(b'\'');
        sql.extend_from_slice(text);
        sql.push(b'\'');
    } else {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        sql.extend_from_slice(b"_utf8mb4 0x");
        for byte in text {
            for digit in [byte >> 4, byte & 15] {
                sql.extend(DIGITS.get(usize::from(digit)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, Option<&str>)]) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in pairs {
            settings.set(name.as_bytes(), value.map(str::as_bytes));
        }
        settings
    }

    #[test]
    fn the_tables_are_sorted() {
        for table in [CERTAIN, PASSING, BOUND] {
            assert!(table.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn only_the_difference_is_set() {
        let from = settings(&[("sql_mode", Some("ANSI")), ("time_zone", Some("+01:00"))]);
        let to = settings(&[
            ("character_set_results", None),
            ("time_zone", Some("+01:00")),
            ("wait_timeout", Some("5")),
        ]);
        let baseline = settings(&[("sql_mode", Some(""))]);
        let change = from.to(&to, &baseline).expect("a difference");
        assert_eq!(
            String::from_utf8_lossy(&change.sql),
            "SET @@session.character_set_results=NULL,@@session.sql_mode='',@@session.wait_timeout=5"
        );
        assert_eq!(change.certainty, Certainty::Certain);
        assert!(from.to(&from.clone(), &baseline).is_none());
    }

    #[test]
    fn the_same_variables_are_kept_once() {
        let mut states: Vec<_> = ["a", "b", "a", "a", "b", "a"]
            .map(|zone| settings(&[("time_zone", Some(zone))]))
            .into();
        // As clients meet connections: whoever meets whom, in the end all have met by way of others.
        for _ in 0..2 {
            for at in 1..states.len() {
                let (left, right) = states.split_at_mut(at);
                for state in left {
                    state.share(&mut right[0]);
                }
            }
        }
        for state in &states[1..] {
            let same = state.variables == states[0].variables;
            assert_eq!(Arc::ptr_eq(&state.variables, &states[0].variables), same);
        }
        assert_eq!(states[1].value(b"time_zone"), Some(&Some(b"b"[..].into())));
        // Who changes one of them leaves the others alone.
        states[2].set(b"time_zone", Some(b"c"));
        assert_eq!(states[0].value(b"time_zone"), Some(&Some(b"a"[..].into())));
    }

    #[test]
    fn a_mode_is_what_the_settings_or_else_the_baseline_say() {
        let server = Server::MySql { version: 90_700 };
        let baseline = settings(&[
            ("sql_mode", Some("ANSI_QUOTES,NO_BACKSLASH_ESCAPES")),
            ("character_set_client", Some("gbk")),
        ]);
        let mut state = Settings::default();
        let mode = state.mode(server, &baseline);
        assert_eq!(mode.double_quotes, DoubleQuotes::Identifier);
        assert_eq!(mode.backslash, Backslash::Literal);
        assert_eq!(mode.charset, Charset::Unsafe);
        state.set(SQL_MODE, Some(b""));
        state.set(CHARSET, Some(b"latin1"));
        let mode = state.mode(server, &baseline);
        assert_eq!(mode.double_quotes, DoubleQuotes::Text);
        assert_eq!(mode.backslash, Backslash::Escape);
        assert_eq!(mode.charset, Charset::SingleByte);
        state.unset(SQL_MODE);
        state.reset();
        assert_eq!(state.mode(server, &baseline).charset, Charset::Unsafe);
        assert_eq!(state.mode(server, &state).charset, Charset::Utf8);
    }

    #[test]
    fn a_collation_is_set_behind_its_character_set() {
        let from = settings(&[("collation_connection", Some("utf8mb4_bin"))]);
        let to = settings(&[
            ("character_set_connection", Some("utf8mb4")),
            ("collation_connection", Some("utf8mb4_bin")),
        ]);
        let change = from.to(&to, &Settings::default()).expect("a difference");
        assert_eq!(
            String::from_utf8_lossy(&change.sql),
            "SET @@session.character_set_connection='utf8mb4',\
             @@session.collation_connection='utf8mb4_bin'"
        );
    }

    #[test]
    fn what_the_server_may_refuse_is_waited_for() {
        let to = settings(&[("optimizer_switch", Some("a=on"))]);
        let change = Settings::default().to(&to, &Settings::default());
        let change = change.expect("a difference");
        assert_eq!(change.certainty, Certainty::Uncertain);
        assert!(change.sql.ends_with(b"=_utf8mb4 0x613d6f6e"));
    }
}
