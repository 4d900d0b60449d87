//! Texts, names and statements as SQL that is ASCII whatever they contain.
//!
//! A server reads a query in the client's encoding. In some of those (SJIS, BIG5, GBK, …) the second byte of
//! a character can look like a backslash or a quote, so nothing but ASCII is ever written as it is.

use std::fmt::Write as _;

use tollgate_wire_postgres::frontend;

/// Longest part of a name that the grammar keeps: `NAMEDATALEN` - 1. A longer one loses its end.
const MAX_IDENTIFIER: usize = 63;

/// A text as an expression of type text (or of unknown type, for an argument): a literal, or the bytes and
/// their conversion when they are not ASCII.
pub(super) fn push_text(sql: &mut String, text: &[u8]) {
    if is_plain(text) {
        push_literal(sql, text);
        return;
    }
    sql.push_str("pg_catalog.convert_from(pg_catalog.decode('");
    for byte in text {
        push_hex(sql, *byte);
    }
    sql.push_str("','hex'),pg_catalog.getdatabaseencoding())");
}

/// True for a text that may be written as a literal.
pub(super) fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, 1..=0x7f))
}

/// A plain text as a literal that means the same under both settings of `standard_conforming_strings`.
pub(in crate::postgres) fn push_literal(sql: &mut String, text: &[u8]) {
    if text.contains(&b'\\') {
        sql.push('E');
    }
    sql.push('\'');
    for byte in text {
        if matches!(byte, b'\'' | b'\\') {
            sql.push(char::from(*byte));
        }
        sql.push(char::from(*byte));
    }
    sql.push('\'');
}

/// A plain text as a quoted identifier.
pub(super) fn push_identifier(sql: &mut String, name: &[u8]) {
    sql.push('"');
    for byte in name {
        if *byte == b'"' {
            sql.push('"');
        }
        sql.push(char::from(*byte));
    }
    sql.push('"');
}

/// True when the grammar keeps this name of a role as it is.
pub(super) fn is_identifier(name: &[u8]) -> bool {
    is_plain(name) && !name.is_empty() && name.len() <= MAX_IDENTIFIER
}

/// True when the grammar keeps the dotted name of a setting as it is. `set_config` makes others, too.
pub(super) fn is_setting_name(name: &[u8]) -> bool {
    name.split(|byte| *byte == b'.').all(is_identifier)
}

/// The dotted name of a setting, each part quoted on its own.
pub(super) fn push_setting_name(sql: &mut String, name: &[u8]) {
    for (at, part) in name.split(|byte| *byte == b'.').enumerate() {
        if at > 0 {
            sql.push('.');
        }
        push_identifier(sql, part);
    }
}

/// Appends a Query message with a text made of the pieces above.
pub(in crate::postgres) fn push_query(out: &mut Vec<u8>, sql: &str) {
    frontend::query(out, sql).expect("a text without zero bytes: literals and names are plain");
}

fn push_hex(sql: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(sql, "{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        let mut sql = String::new();
        push_text(&mut sql, bytes);
        sql
    }

    #[test]
    fn quotes_and_backslashes_are_doubled() {
        assert_eq!(text(b"it's"), "'it''s'");
        assert_eq!(text(b"a\\'b"), "E'a\\\\''b'");
        assert_eq!(text(b""), "''");
    }

    #[test]
    fn what_is_not_ascii_is_written_as_bytes() {
        assert_eq!(
            text(b"\x83\x5c\x00"),
            "pg_catalog.convert_from(pg_catalog.decode('835c00','hex'),pg_catalog.getdatabaseencoding())"
        );
    }

    #[test]
    fn each_part_of_a_name_is_quoted() {
        let mut sql = String::new();
        push_setting_name(&mut sql, b"a\"b.c");
        assert_eq!(sql, "\"a\"\"b\".\"c\"");
    }

    #[test]
    fn names_the_grammar_would_cut_are_known() {
        assert!(is_setting_name(&[b'a'; 63]));
        assert!(!is_setting_name(&[b'a'; 64]));
        assert!(!is_setting_name(b"a..b"));
        assert!(!is_setting_name("ä.b".as_bytes()));
    }
}
