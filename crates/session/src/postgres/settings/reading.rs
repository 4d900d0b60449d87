//! The settings under which the server reads a text: its bytes, its strings, and the constants in it, which
//! become values when the statement is made and stay what they are.
//!
//! A statement that is made again, on another connection or later, has to be read as it was the first time.
//! For that the settings of then are put in force for the Parse only, inside the transaction that the
//! client's request runs in, and those of now afterwards. What they are now the server keeps itself,
//! in settings of ours that end with the transaction.

use std::sync::Arc;

use tollgate_sql::StringStyle;
use tollgate_wire_postgres::backend::read;

use super::Settings;
use super::sql::{is_plain, push_literal};
use crate::postgres::parameters::Parameters;

/// Settings that the grammar, the analysis of a statement or the input function of some type looks at.
/// `search_path` is not among them: the server itself reads a statement again when that has changed. Source:
/// `RevalidateCachedQuery`, and the input functions in PostgreSQL 15 `src/backend/utils/adt`.
pub(super) const NAMES: [&str; 11] = [
    "client_encoding",
    "standard_conforming_strings",
    "backslash_quote",
    "transform_null_equals",
    "array_nulls",
    "datestyle",
    "intervalstyle",
    "timezone",
    "timezone_abbreviations",
    "lc_monetary",
    "xmloption",
];

/// Those under which a text is cut into tokens, which happens to all of it when it arrives: what its
/// own statements set comes too late. Source: `exec_simple_query`, `exec_parse_message` and `scanner_init`.
const SCANNING: [&str; 3] = [
    "client_encoding",
    "standard_conforming_strings",
    "backslash_quote",
];

/// Where a setting of now is kept while one of then is in force.
const KEPT: &str = "tollgate.";

/// What [`NAMES`] were at one moment; `None` is a default that is not reported.
#[derive(PartialEq, Eq)]
pub(crate) struct Reading {
    pub(super) values: Vec<Option<Box<[u8]>>>,
}

/// Two commands: before and after a statement is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Switch {
    pub(crate) there: String,
    pub(crate) back: String,
}

impl Reading {
    /// The settings of a session between two transactions. `None` if a value cannot be written down.
    pub(crate) fn of(settings: &Settings, parameters: &Parameters) -> Option<Self> {
        let values = NAMES.map(|name| {
            let name = name.as_bytes();
            match settings.get(name).or_else(|| parameters.baseline(name)) {
                Some(value) if !is_plain(value) => None,
                value => Some(value.map(Into::into)),
            }
        });
        let values = values.into_iter().collect::<Option<_>>()?;
        Some(Self { values })
    }

    /// How a text is read that arrived under the settings `then` and whose statement is looked into under
    /// these.
    pub(crate) fn scanned(self: &Arc<Self>, then: &Self, text: &[u8]) -> Arc<Self> {
        let values = NAMES.iter().zip(self.values.iter().zip(&then.values));
        let values: Vec<_> = values
            .map(|(name, (now, then))| if SCANNING.contains(name) { then } else { now })
            .cloned()
            .collect();
        if depends_on_scanning(text) && values != self.values {
            Arc::new(Self { values })
        } else {
            Arc::clone(self)
        }
    }

    /// How plain strings are read.
    pub(crate) fn style(&self) -> StringStyle {
        let at = NAMES
            .iter()
            .position(|name| *name == "standard_conforming_strings");
        match at.and_then(|at| self.values.get(at)) {
            Some(Some(value)) if **value == *b"off" => StringStyle::BackslashEscapes,
            Some(_) | None => StringStyle::Standard,
        }
    }

    /// The command that asks the server for them.
    pub(crate) fn question() -> String {
        let mut sql = String::from("SELECT ");
        for (at, name) in NAMES.iter().enumerate() {
            sql.push_str(if at == 0 { "" } else { "," });
            push_call(&mut sql, "current_setting", name);
            sql.push(')');
        }
        sql
    }

    /// Reads the row that answers the question.
    pub(crate) fn answered(data_row_body: &[u8]) -> Option<Self> {
        let mut values = Vec::with_capacity(NAMES.len());
        for value in read::data_row(data_row_body).ok()? {
            let value = value.ok()?.filter(|value| is_plain(value))?;
            values.push(Some(value.into()));
        }
        (values.len() == NAMES.len()).then_some(Self { values })
    }

    /// The commands that put these settings in force where those of `now` are, if they differ; all of them if it
    /// is not known which are.
    pub(crate) fn switch(&self, now: Option<&Self>) -> Option<Switch> {
        let mut switch = Switch {
            there: String::from("SELECT "),
            back: String::from("SELECT "),
        };
        let mut separator = "";
        for (at, (name, value)) in NAMES.iter().zip(&self.values).enumerate() {
            if now.and_then(|now| now.values.get(at)) == Some(value) {
                continue;
            }
            let kept = format!("{KEPT}{name}");
            switch.there.push_str(separator);
            push_call(&mut switch.there, "set_config", &kept);
            switch.there.push(',');
            push_call(&mut switch.there, "current_setting", name);
            switch.there.push_str("),true),");
            push_call(&mut switch.there, "set_config", name);
            switch.there.push(',');
            push_value(&mut switch.there, name, value.as_deref());
            switch.there.push_str(",true)");
            switch.back.push_str(separator);
            push_call(&mut switch.back, "set_config", name);
            switch.back.push(',');
            push_call(&mut switch.back, "current_setting", &kept);
            switch.back.push_str("),true)");
            separator = ",";
        }
        (!separator.is_empty()).then_some(switch)
    }
}

/// A function of one argument and perhaps more.
fn push_call(sql: &mut String, function: &str, argument: &str) {
    sql.push_str("pg_catalog.");
    sql.push_str(function);
    sql.push('(');
    push_literal(sql, argument.as_bytes());
}

fn push_value(sql: &mut String, name: &str, value: Option<&[u8]>) {
    if let Some(value) = value {
        push_literal(sql, value);
        return;
    }
    sql.push_str(
        "(SELECT reset_val FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) ",
    );
    push_literal(sql, name.as_bytes());
    sql.push(')');
}

/// Statements that are not looked into before they run, and how they begin. Source: the cases of
/// `transformStmt` that do nothing.
const KEPT_AS_TEXT: [&[u8]; 21] = [
    b"set",
    b"reset",
    b"show",
    b"begin",
    b"start",
    b"commit",
    b"end",
    b"rollback",
    b"abort",
    b"savepoint",
    b"release",
    b"discard",
    b"listen",
    b"notify",
    b"unlisten",
    b"vacuum",
    b"alter",
    b"drop",
    b"reindex",
    b"copy",
    b"execute",
];

/// True for the name of a setting under which texts are cut into tokens.
pub(crate) fn is_of_scanning(name: &[u8]) -> bool {
    SCANNING.iter().any(|known| known.as_bytes() == name)
}

/// True if the text may be cut into other tokens under other settings.
pub(crate) fn depends_on_scanning(text: &[u8]) -> bool {
    text.contains(&b'\\') || !text.is_ascii()
}

/// True if the statement might be another one under other settings: it has constants in quotes, bytes that
/// an encoding gives their meaning, or a NULL that may be compared.
pub(crate) fn depends_on_reading(text: &[u8]) -> bool {
    let word = text.split(|byte| !byte.is_ascii_alphabetic()).next();
    let word = word.unwrap_or_default().to_ascii_lowercase();
    if KEPT_AS_TEXT.contains(&&*word) {
        // Only how its letters are read is settled.
        return depends_on_scanning(text);
    }
    let quoted = memchr::memchr(b'\'', text).is_some()
        || memchr::memchr_iter(b'$', text).any(|at| {
            let next = text.get(at.saturating_add(1));
            !next.is_some_and(u8::is_ascii_digit)
        });
    quoted
        || !text.is_ascii()
        || text
            .windows(4)
            .any(|word| word.eq_ignore_ascii_case(b"null"))
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values = self.values.iter().map(|value| {
            let value = value.as_deref().map(String::from_utf8_lossy);
            value.unwrap_or("(default)".into()).into_owned()
        });
        out.debug_map().entries(NAMES.iter().zip(values)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Defaults;

    fn parameters() -> Parameters {
        Parameters::new(Defaults::new([
            (&b"client_encoding"[..], &b"UTF8"[..]),
            (b"standard_conforming_strings", b"on"),
            (b"DateStyle", b"ISO, MDY"),
            (b"IntervalStyle", b"postgres"),
            (b"TimeZone", b"UTC"),
        ]))
    }

    fn reading(changes: &[(&[u8], &[u8])]) -> Reading {
        let changes = changes.iter().map(|(name, value)| (*name, Some(*value)));
        let settings = Settings::default().changed(changes);
        Reading::of(&settings, &parameters()).expect("plain values")
    }

    #[test]
    fn equal_settings_need_no_switch() {
        assert_eq!(reading(&[]).switch(Some(&reading(&[]))), None);
        let other = reading(&[(b"statement_timeout", b"1s")]);
        assert_eq!(reading(&[]).switch(Some(&other)), None);
    }

    #[test]
    fn only_what_differs_is_switched() {
        let then = reading(&[(b"TimeZone", b"CET")]);
        let switch = then.switch(Some(&reading(&[]))).expect("a difference");
        assert_eq!(
            switch.there,
            "SELECT pg_catalog.set_config('tollgate.timezone',pg_catalog.current_setting('timezone'),true),\
             pg_catalog.set_config('timezone','CET',true)"
        );
        assert_eq!(
            switch.back,
            "SELECT pg_catalog.set_config('timezone',pg_catalog.current_setting('tollgate.timezone'),true)"
        );
    }

    #[test]
    fn a_default_is_asked_of_the_server() {
        let now = reading(&[(b"array_nulls", b"off")]);
        let switch = reading(&[]).switch(Some(&now)).expect("a difference");
        assert!(switch.there.contains("reset_val"), "{}", switch.there);
    }

    #[test]
    fn what_is_not_known_is_switched_all() {
        let switch = reading(&[]).switch(None).expect("anything may differ");
        for name in NAMES {
            assert!(switch.there.contains(name) && switch.back.contains(name));
        }
    }

    #[test]
    fn a_text_is_cut_under_the_settings_it_arrived_under() {
        let then = reading(&[(b"standard_conforming_strings", b"on")]);
        let changes: [(&[u8], &[u8]); 2] = [
            (b"standard_conforming_strings", b"off"),
            (b"TimeZone", b"CET"),
        ];
        let now = Arc::new(reading(&changes));
        let text = b"select 'a\\b'";
        assert_eq!(*now.scanned(&then, text), reading(&changes[1..]));
        assert_eq!(now.scanned(&then, text).style(), StringStyle::Standard);
        let plain = now.scanned(&then, b"select 'a'");
        assert!(Arc::ptr_eq(&plain, &now), "nothing depends on it");
        assert_eq!(now.style(), StringStyle::BackslashEscapes);
    }

    #[test]
    fn texts_without_constants_are_read_alike() {
        for text in [
            "select $1::int + 1",
            "select a from t where b = $2",
            "commit",
            "set local datestyle = 'SQL'",
            "EXECUTE q('1')",
        ] {
            assert!(!depends_on_reading(text.as_bytes()), "{text}");
        }
        for text in [
            "select '1'",
            "select $$1$$",
            "select $a$1$a$",
            "select \"é\"",
            "select a = Null",
            "set a = 'b\\'",
            " set a = 'b'",
        ] {
            assert!(depends_on_reading(text.as_bytes()), "{text}");
        }
    }
}
