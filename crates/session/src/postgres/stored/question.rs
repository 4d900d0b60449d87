//! The questions to the catalogue of a database about its routines.
//!
//! They must work whatever the client has set, and be cheap where nothing has changed: every name is
//! qualified, operators too; the server compares a fingerprint first and reads bodies only if that differs;
//! and one regular expression says which bodies are worth sending.

use std::fmt::Write as _;

use tollgate_sql::{Reach, Reading, Routine, Routines};
use tollgate_wire_postgres::backend::read;

use super::book::Ask;
use super::expressions;
use crate::postgres::settings::{push_literal, push_query, unescape};

/// Time for one question; after that nothing is known.
const TIMEOUT: &str = "SET LOCAL statement_timeout TO '10s';";

/// Rows of one answer. What has more is not read.
const MAX_ROWS: usize = 4096;

/// Names whose callers are looked for at once; with more, nothing is read.
const MAX_NAMES: usize = 1000;

/// Questions of one consultation: the longest chain of calls that is followed.
const MAX_QUESTIONS: usize = 12;

/// Letters of the longest body to send. Escaped it is at most four times as long.
pub(super) const MAX_BODY: usize = 100_000;

/// Object ids below are those of objects that came with the server. Source: `FirstNormalObjectId`.
const FIRST_OWN: u32 = 16_384;

/// Any body without one of these does nothing that lasts, unless it calls one that does.
const CANDIDATES: &str = r#"set_config|set_limit|setseed|currval|lastval|pg_settings|pg_prepared_statement|query_to_xml|ts_stat|ts_rewrite|crosstab|connectby|xpath_table|pg_(try_)?advisory|pg_temp|dblink|pg_replication|replication_slot|\m(temp|temporary|listen|unlisten|deallocate|prepare|discard|hold|load|execute)\M|(^|[;'"$>/]|--[^\n]*\n|\m(begin|then|else|loop|atomic))\s*(re)?set\M|\mU&"#;

/// Sums that change with every function, with every expression that is stored, and with everything that
/// refers to a function. 1255 is the object id of `pg_proc`.
const FINGERPRINT: &str = "SELECT pg_catalog.concat_ws('.',pg_catalog.current_database(),\
    (SELECT pg_catalog.concat_ws('.',pg_catalog.count(*),pg_catalog.sum(\
        p.oid::pg_catalog.int8 OPERATOR(pg_catalog.*) 31 OPERATOR(pg_catalog.+) \
        p.xmin::pg_catalog.text::pg_catalog.int8)) FROM pg_catalog.pg_proc p \
        WHERE p.oid OPERATOR(pg_catalog.>=) '16384'),\
    (SELECT pg_catalog.concat_ws('.',pg_catalog.count(*),pg_catalog.sum(\
        e.oid::pg_catalog.int8 OPERATOR(pg_catalog.*) 31 OPERATOR(pg_catalog.+) \
        e.xmin::pg_catalog.text::pg_catalog.int8)) FROM (\
            SELECT oid,xmin,ev_class AS relation FROM pg_catalog.pg_rewrite \
            UNION ALL SELECT oid,xmin,adrelid FROM pg_catalog.pg_attrdef \
            UNION ALL SELECT oid,xmin,polrelid FROM pg_catalog.pg_policy \
            UNION ALL SELECT oid,xmin,conrelid FROM pg_catalog.pg_constraint WHERE conbin IS NOT NULL \
            UNION ALL SELECT oid,xmin,tgrelid FROM pg_catalog.pg_trigger WHERE tgqual IS NOT NULL \
            UNION ALL SELECT oid,xmin,NULL FROM pg_catalog.pg_type WHERE typdefaultbin IS NOT NULL) AS e \
        WHERE e.oid OPERATOR(pg_catalog.>=) '16384' AND NOT EXISTS(SELECT FROM pg_catalog.pg_class c \
            WHERE c.oid OPERATOR(pg_catalog.=) e.relation AND c.relpersistence OPERATOR(pg_catalog.=) 't')),\
    (SELECT pg_catalog.concat_ws('.',pg_catalog.count(*),pg_catalog.sum(\
        d.objid::pg_catalog.int8 OPERATOR(pg_catalog.*) 31 OPERATOR(pg_catalog.+) \
        d.refobjid::pg_catalog.int8 OPERATOR(pg_catalog.*) 37 OPERATOR(pg_catalog.+) \
        d.xmin::pg_catalog.text::pg_catalog.int8)) FROM pg_catalog.pg_depend d \
        WHERE d.refclassid OPERATOR(pg_catalog.=) '1255' \
        AND d.refobjid OPERATOR(pg_catalog.>=) '16384')) AS v";

/// Whether a routine (`c.oid`) is reached without being named: something that is no routine, or an
/// aggregate, depends on it, or `row.name` calls it.
const REACH: &str = "CASE WHEN EXISTS(SELECT FROM pg_catalog.pg_depend d \
    WHERE d.refclassid OPERATOR(pg_catalog.=) '1255' AND d.refobjid OPERATOR(pg_catalog.=) c.oid \
    AND (d.classid OPERATOR(pg_catalog.<>) '1255' OR EXISTS(SELECT FROM pg_catalog.pg_aggregate a \
        WHERE a.aggfnoid::pg_catalog.oid OPERATOR(pg_catalog.=) d.objid))) \
    OR EXISTS(SELECT FROM pg_catalog.pg_type t WHERE t.oid OPERATOR(pg_catalog.=) c.first_argument \
        AND t.typtype OPERATOR(pg_catalog.=) 'c') THEN 'a' ELSE 'n' END";

/// One round of questions, until all that matters is known.
#[derive(Debug)]
pub(super) struct Consultation {
    pub(super) covers: u64,
    /// Of the catalogue that the book has.
    known: Box<[u8]>,
    /// Of the catalogue as it is.
    fingerprint: Option<Box<[u8]>>,
    reading: Reading,
    rows: usize,
    questions: usize,
    outcome: Outcome,
    major: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Open,
    /// It cannot be read.
    Failed,
}

/// What came of a round of questions.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The book's contents hold.
    Unchanged,
    /// They are to be replaced.
    Read {
        fingerprint: Box<[u8]>,
        routines: Routines,
    },
}

impl Consultation {
    /// Asks a server of this major version, if that is known.
    pub(super) fn new(ask: Ask, major: Option<u32>) -> Self {
        Self {
            covers: ask.covers,
            known: ask.fingerprint,
            fingerprint: None,
            reading: Reading::new(),
            rows: 0,
            questions: 0,
            outcome: Outcome::Open,
            major,
        }
    }

    /// Appends the first question, a Query.
    pub(super) fn append_first(&mut self, out: &mut Vec<u8>) {
        let mut sql = self.preamble();
        sql.push_str("WITH f AS (");
        sql.push_str(FINGERPRINT);
        sql.push_str("),");
        expressions::push_pattern(&mut sql);
        sql.push_str(" SELECT v,NULL,NULL,NULL,NULL FROM f UNION ALL (");
        self.push_bodies(&mut sql, CANDIDATES);
        sql.push_str(" AND (SELECT v FROM f) OPERATOR(pg_catalog.<>) ");
        push_literal(&mut sql, &self.known);
        let _ = write!(sql, " LIMIT {MAX_ROWS}) UNION ALL (");
        expressions::push(&mut sql);
        sql.push_str(" WHERE (SELECT v FROM f) OPERATOR(pg_catalog.<>) ");
        push_literal(&mut sql, &self.known);
        let _ = write!(sql, " LIMIT {MAX_ROWS})");
        push_query(out, &sql);
    }

    /// One row of an answer: the body of a `DataRow`.
    pub(super) fn row(&mut self, body: &[u8]) {
        self.rows = self.rows.saturating_add(1);
        if self.rows > MAX_ROWS || self.take_row(body).is_none() {
            self.failed();
        }
    }

    /// The server refused a question.
    pub(super) fn failed(&mut self) {
        self.outcome = Outcome::Failed;
    }

    /// An answer is complete. Appends the next question, or says what came of all.
    pub(super) fn ready(&mut self, out: &mut Vec<u8>) -> Option<Verdict> {
        self.rows = 0;
        self.questions = self.questions.saturating_add(1);
        let Some(fingerprint) = &self.fingerprint else {
            return Some(unread());
        };
        if self.outcome == Outcome::Failed {
            return Some(unread());
        }
        if *fingerprint == self.known {
            return Some(Verdict::Unchanged);
        }
        let names = self.reading.callers_wanted();
        if names.is_empty() {
            return Some(Verdict::Read {
                fingerprint: fingerprint.clone(),
                routines: std::mem::take(&mut self.reading).finish(),
            });
        }
        if names.len() > MAX_NAMES || self.questions >= MAX_QUESTIONS {
            return Some(unread());
        }
        let pattern = pattern(&names);
        let mut sql = self.preamble();
        self.push_bodies(&mut sql, &pattern);
        let _ = write!(sql, " LIMIT {MAX_ROWS}");
        push_query(out, &sql);
        None
    }

    fn take_row(&mut self, body: &[u8]) -> Option<()> {
        let mut row = read::data_row(body).ok()?;
        let mut fields: [Option<Box<[u8]>>; 5] = Default::default();
        for field in &mut fields {
            *field = match row.next()?.ok()? {
                Some(escaped) => Some(unescape(escaped)?),
                None => None,
            };
        }
        let [fingerprint, name, language, reach, body] = fields;
        if fingerprint.is_some() {
            self.fingerprint = fingerprint;
            return Some(());
        }
        self.reading.add(&Routine {
            name: &name?,
            language: &language?,
            body: body.as_deref(),
            reach: match reach.as_deref()? {
                b"n" => Reach::ByName,
                _ => Reach::Anywhere,
            },
        });
        Some(())
    }

    /// The statements of one Query are one transaction, so nothing that is set outlives it.
    fn preamble(&self) -> String {
        let mut sql = String::from("SET TRANSACTION ISOLATION LEVEL READ COMMITTED;");
        sql.push_str(TIMEOUT);
        if self.major.is_none_or(|major| major >= 11) {
            sql.push_str("SET LOCAL jit TO off;");
        }
        sql
    }

    /// Routines whose code, or the defaults of whose arguments, match `pattern`.
    fn push_bodies(&self, sql: &mut String, pattern: &str) {
        let _ = write!(
            sql,
            "SELECT NULL,{},{},{REACH},CASE WHEN pg_catalog.length(c.body) \
             OPERATOR(pg_catalog.<=) {MAX_BODY} THEN {} END FROM (",
            escaped("c.proname::pg_catalog.text"),
            escaped("c.lanname::pg_catalog.text"),
            escaped("c.body"),
        );
        push_source(sql, "l.lanname", "p.prosrc");
        sql.push_str(" UNION ALL ");
        let defaults = "pg_catalog.concat('SELECT ',pg_catalog.pg_get_expr(p.proargdefaults,'0'))";
        push_source(sql, "'sql'::pg_catalog.name", defaults);
        sql.push_str(" AND p.proargdefaults IS NOT NULL");
        if self.major.is_none_or(|major| major >= 14) {
            sql.push_str(" UNION ALL ");
            push_source(
                sql,
                "l.lanname",
                "pg_catalog.pg_get_function_sqlbody(p.oid)",
            );
            sql.push_str(" AND p.prosqlbody IS NOT NULL");
        }
        sql.push_str(") AS c WHERE c.body OPERATOR(pg_catalog.~*) ");
        push_literal(sql, pattern.as_bytes());
    }
}

fn push_source(sql: &mut String, language: &str, body: &str) {
    let _ = write!(
        sql,
        "SELECT p.oid,p.proname,p.proargtypes[0] AS first_argument,{language} AS lanname,{body} AS body \
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang \
         WHERE p.oid OPERATOR(pg_catalog.>=) '{FIRST_OWN}' \
         AND l.lanname OPERATOR(pg_catalog.<>) 'c' AND l.lanname OPERATOR(pg_catalog.<>) 'internal'"
    );
}

/// What bodies match in which one of these names stands, whatever quotes are around it and within.
fn pattern(names: &[Box<[u8]>]) -> String {
    let mut pattern = String::from("\\m(");
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            pattern.push('|');
        }
        let words = name.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
        for (at, word) in words.filter(|word| !word.is_empty()).enumerate() {
            pattern.push_str(if at > 0 { "\\W+" } else { "" });
            pattern.extend(word.iter().copied().map(char::from));
        }
    }
    pattern.push_str(")\\M");
    pattern
}

/// A text as ASCII, whatever the client's encoding.
pub(super) fn escaped(text: &str) -> String {
    format!(
        "pg_catalog.encode(pg_catalog.convert_to({text},pg_catalog.getdatabaseencoding()),'escape')"
    )
}

fn unread() -> Verdict {
    Verdict::Read {
        fingerprint: Box::default(),
        routines: Routines::unread(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_for_in_all_their_spellings() {
        let names = ["set_it", "o\"dd", "my fun-c"].map(|name| name.as_bytes().into());
        assert_eq!(pattern(&names), r"\m(set_it|o\W+dd|my\W+fun\W+c)\M");
    }
}
