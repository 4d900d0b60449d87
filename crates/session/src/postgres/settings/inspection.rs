//! The query that asks a connection what its session has: values of settings, and whether anything is left
//! that ties a client to it.
//!
//! It is one simple Query with one row, and it must work whatever the client has set: everything is qualified
//! (operators too, a `search_path` may shadow them), it needs no rights, it writes nothing, and neither the
//! default kind of transaction nor the client's `statement_timeout` can hold it up.

use std::fmt;

use tollgate_wire_postgres::backend::read;

use super::sql::{is_plain, push_literal, push_query};

/// What one row can hold: 1664 columns (`MaxTupleAttributeNumber`), less those for facts.
const MAX_NAMES: usize = 1600;

/// Things that may tie a client to its connection.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Facts(u8);

impl Facts {
    /// None of them.
    pub(crate) const NONE: Self = Self(0);
    /// Advisory locks. Between transactions only those of the session are left.
    pub(crate) const ADVISORY_LOCKS: Self = Self(1);
    /// Temporary tables, views, sequences, types, functions, or anything else in the temporary schema.
    pub(crate) const TEMP_OBJECTS: Self = Self(1 << 1);
    /// Cursors that outlived their transaction.
    pub(crate) const HOLD_CURSORS: Self = Self(1 << 2);
    /// Channels the session listens on.
    pub(crate) const CHANNELS: Self = Self(1 << 3);
    /// Statements made with `PREPARE` (not those of the protocol).
    pub(crate) const SQL_STATEMENTS: Self = Self(1 << 4);

    /// Both.
    #[must_use]
    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True when `self` has all of `other`.
    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when there is none.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Every fact, its name, and the expression that says whether it holds.
///
/// Temporary objects: everything in a schema depends on it in `pg_depend`, which is how the server itself
/// finds what to drop at the end of a session (`RemoveTempRelations`). 2615 is the object id of `pg_namespace`.
const FACTS: [(Facts, &str, &str); 5] = [
    (
        Facts::ADVISORY_LOCKS,
        "ADVISORY_LOCKS",
        "EXISTS(SELECT FROM pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) 'advisory' \
         AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND granted)",
    ),
    (
        Facts::TEMP_OBJECTS,
        "TEMP_OBJECTS",
        "EXISTS(SELECT FROM pg_catalog.pg_depend WHERE refclassid OPERATOR(pg_catalog.=) '2615' \
         AND refobjid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema())",
    ),
    (
        Facts::HOLD_CURSORS,
        "HOLD_CURSORS",
        "EXISTS(SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)",
    ),
    (
        Facts::CHANNELS,
        "CHANNELS",
        "EXISTS(SELECT FROM pg_catalog.pg_listening_channels())",
    ),
    (
        Facts::SQL_STATEMENTS,
        "SQL_STATEMENTS",
        "EXISTS(SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql)",
    ),
];

impl fmt::Debug for Facts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = FACTS.iter().filter(|(fact, _, _)| self.contains(*fact));
        out.debug_set()
            .entries(names.map(|(_, name, _)| name))
            .finish()
    }
}

/// What to ask a server about its session. Send it when no transaction is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    names: Vec<Box<[u8]>>,
    facts: Facts,
    listing: Listing,
}

/// Whether to ask as well which settings the session has set at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    No,
    /// All that `pg_settings` knows of: not `role`, and no custom ones.
    BuiltIn,
}

/// Names of settings, with commas between them.
const LIST: &str = "(SELECT pg_catalog.string_agg(name, ',') FROM pg_catalog.pg_settings \
                    WHERE source OPERATOR(pg_catalog.=) 'session')";

const STATEMENT_TIMEOUT: &[u8] = b"statement_timeout";

impl Question {
    /// Asks for the values of these settings, each once, and for these facts. `None` when that cannot be
    /// asked: more names than a row has columns, or one that is not ASCII, which cannot be written without
    /// knowing the encoding it came in.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a [u8]>, facts: Facts) -> Option<Self> {
        let mut lower: Vec<Box<[u8]>> = Vec::new();
        for name in names {
            if !is_plain(name) {
                return None;
            }
            lower.push(name.to_ascii_lowercase().into());
        }
        lower.sort_unstable();
        lower.dedup();
        (lower.len() <= MAX_NAMES).then_some(Self {
            names: lower,
            facts,
            listing: Listing::No,
        })
    }

    /// The same question, and perhaps the names of all that is set.
    #[must_use]
    pub(crate) fn listing(self, listing: Listing) -> Self {
        Self { listing, ..self }
    }

    /// True when there is nothing to ask.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.facts.is_empty() && self.listing == Listing::No
    }

    /// True when it asks for settings.
    pub(crate) fn asks_for_settings(&self) -> bool {
        !self.names.is_empty() || self.listing != Listing::No
    }

    /// The settings asked for: lower case, sorted, each once.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(|name| &**name)
    }

    /// The facts asked for.
    pub(crate) fn facts(&self) -> Facts {
        self.facts
    }

    /// Appends the Query. The answer is one `SET` or two, one row and one `ReadyForQuery`; after an error the
    /// session is as it was before, and nothing is known.
    pub(crate) fn append_query(&self, out: &mut Vec<u8>) {
        // The statements of one Query are one transaction, so neither SET outlives it.
        let mut sql = String::from("SET TRANSACTION ISOLATION LEVEL READ COMMITTED;");
        // Lifted for the question, unless that is what is asked for.
        let asks_for_it = self.names.iter().any(|name| **name == *STATEMENT_TIMEOUT);
        sql.push_str(if asks_for_it {
            "SELECT "
        } else {
            "SET LOCAL statement_timeout TO 0;SELECT "
        });
        let mut separator = "";
        for name in &self.names {
            sql.push_str(separator);
            sql.push_str("pg_catalog.encode(pg_catalog.convert_to(pg_catalog.current_setting(");
            push_literal(&mut sql, name);
            sql.push_str(",true),pg_catalog.getdatabaseencoding()),'escape')");
            separator = ",";
        }
        for (fact, _, expression) in FACTS {
            if self.facts.contains(fact) {
                sql.push_str(separator);
                sql.push_str(expression);
                separator = ",";
            }
        }
        if self.listing == Listing::BuiltIn {
            sql.push_str(separator);
            sql.push_str(LIST);
        }
        push_query(out, &sql);
    }

    /// Reads the body of the `DataRow`; `None` when it does not answer this question.
    pub(crate) fn read(&self, data_row_body: &[u8]) -> Option<Answer> {
        let mut row = read::data_row(data_row_body).ok()?;
        let mut values = Vec::with_capacity(self.names.len());
        for _ in &self.names {
            let value = match row.next()?.ok()? {
                Some(escaped) => Some(unescape(escaped)?),
                None => None,
            };
            values.push(value);
        }
        let mut facts = Facts::NONE;
        for (fact, _, _) in FACTS {
            if !self.facts.contains(fact) {
                continue;
            }
            match row.next()?.ok()? {
                Some(b"t") => facts = facts.union(fact),
                Some(b"f") => {}
                Some(_) | None => return None,
            }
        }
        let listed = match self.listing {
            Listing::No => None,
            Listing::BuiltIn => Some(row.next()?.ok()?.unwrap_or_default().into()),
        };
        let answer = Answer {
            values,
            facts,
            listed,
        };
        row.next().is_none().then_some(answer)
    }
}

/// What the server said about its session.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// In the order of [`Question::names`]; `None`: the server knows no such setting. In the encoding of the
    /// database.
    pub(crate) values: Vec<Option<Box<[u8]>>>,
    /// Those of the facts asked for that hold.
    pub(crate) facts: Facts,
    pub(crate) listed: Option<Box<[u8]>>,
}

impl Answer {
    /// The names of all built-in settings that the session has set, if they were asked for.
    pub(crate) fn listed(&self) -> Option<impl Iterator<Item = &[u8]> + Clone> {
        let names = self.listed.as_deref()?.split(|byte| *byte == b',');
        Some(names.filter(|name| !name.is_empty()))
    }
}

/// Without values: they may be secrets.
impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Answer")
            .field("values", &self.values.len())
            .field("facts", &self.facts)
            .field("listed", &self.listed.as_deref().map(<[u8]>::len))
            .finish()
    }
}

/// Undoes `encode(…, 'escape')`: a backslash is doubled, bytes that are not ASCII are a backslash and three
/// octal digits (`esc_encode` in PostgreSQL `src/backend/utils/adt/encode.c`).
pub(crate) fn unescape(mut escaped: &[u8]) -> Option<Box<[u8]>> {
    let mut value = Vec::with_capacity(escaped.len());
    loop {
        let Some(at) = memchr::memchr(b'\\', escaped) else {
            value.extend_from_slice(escaped);
            return Some(value.into());
        };
        let (plain, rest) = escaped.split_at_checked(at)?;
        value.extend_from_slice(plain);
        escaped = match rest {
            [_, b'\\', rest @ ..] => {
                value.push(b'\\');
                rest
            }
            [
                _,
                high @ b'0'..=b'3',
                middle @ b'0'..=b'7',
                low @ b'0'..=b'7',
                rest @ ..,
            ] => {
                value.push((high & 3) << 6 | (middle & 7) << 3 | (low & 7));
                rest
            }
            _ => return None,
        };
    }
}
