//! Tables of texts and their digests, and what never shows in one.

use proptest::prelude::*;

use super::*;
use crate::mysql::fuzz::fuzz_digest;
use crate::mysql::{Charset, Server};

fn of_mode(mode: Mode, sql: &[u8]) -> String {
    digest(mode, sql, 4096)
}

fn check(table: &[(&str, &str)]) {
    for (sql, expected) in table {
        assert_eq!(of_mode(Mode::default(), sql.as_bytes()), *expected, "{sql}");
    }
}

#[test]
fn values_are_replaced() {
    check(&[
        ("SELECT 1", "select ?"),
        ("select 'a''b', \"a\\\"b\", ?, -1", "select ?, ?, ?, ?"),
        (
            "select x'00', b'01', n'a', _utf8mb4'a', 0xff, 0b01",
            "select ?, ?, ?, ?, ?, ?",
        ),
        (
            "select 1.5, .5, 1e5, 1e-5, 1.5e+3 from t",
            "select ?, ?, ?, ?, ? from t",
        ),
        (
            "select a-1, a -1 from t where b=-1",
            "select a-?, a -? from t where b=?",
        ),
        (
            "insert into t values (1, 'a'), (2, 'b')",
            "insert into t values (?)",
        ),
        (
            "select * from t where a in (1, 2, 3)",
            "select * from t where a in (?)",
        ),
        ("select @a, @'b', @@x", "select @a, @?, @@x"),
        ("set password = 'secret'", "set password = ?"),
        ("set a = 1, b = x", "set a = ?"),
        ("set names utf8mb4", "set names utf8mb4"),
        (
            "create user 'a'@'b' identified by 'secret'",
            "create user ?@? identified by ?",
        ),
    ]);
}

#[test]
fn names_stay_as_they_are() {
    check(&[
        ("SELECT `A b`.C FROM T", "select `A b`.c from t"),
        ("select 1st from t2", "select 1st from t2"),
        ("select t.1a", "select t.1a"),
    ]);
}

#[test]
fn comments_are_gone_and_code_in_them_is_not() {
    check(&[
        ("select 1 -- x\n + 2 # y\n", "select ? + ?"),
        ("/* a */ select /*+ hint */ a--1", "select a-?"),
        (
            "select /*!50000 straight_join */ a",
            "select straight_join a",
        ),
        ("select 2*/* secret */3", "select ?* ?"),
        ("select 1;", "select ?"),
        ("select 1;; select 2", "select ?; select ?"),
    ]);
}

#[test]
fn quotes_follow_the_mode() {
    let ansi = Mode::default().with_sql_mode(b"ANSI_QUOTES,NO_BACKSLASH_ESCAPES");
    assert_eq!(of_mode(ansi, br#"select "A", 'b'"#), r#"select "A", ?"#);
    // Another mode would take the quote for part of the string.
    assert_eq!(of_mode(ansi, br"select 'a\', 'secret'"), "select ?…");
    assert_eq!(of_mode(Mode::default(), br"select 'a\'secret'"), "select ?");
}

#[test]
fn a_digest_ends_where_a_string_may_end_elsewhere() {
    let gbk = Mode {
        charset: Charset::Unsafe,
        server: Server::MariaDb { version: 101_106 },
        ..Mode::default()
    };
    assert_eq!(of_mode(gbk, b"select '\xbf\\', secret"), "select ?…");
    assert_eq!(of_mode(gbk, b"select 'a', b"), "select ?, b");
}

#[test]
fn an_unfinished_string_shows_nothing() {
    check(&[
        ("select 'secret", "select ?"),
        ("select `secret", "select ?"),
        ("select 1 /* secret", "select ?"),
    ]);
}

#[test]
fn a_long_digest_is_cut() {
    let mode = Mode::default();
    assert_eq!(digest(mode, b"select aaaaaaaaaa", 12), "select aa…");
    assert_eq!(digest(mode, b"select a", 2), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_have_a_digest_within_the_limit(sql in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_digest(&sql);
    }

    #[test]
    fn a_value_never_shows(value in "[a-zA-Z0-9 ;#/*-]{0,20}") {
        let shown = of_mode(Mode::default(), format!("select 'zqx{value}'").as_bytes());
        prop_assert_eq!(shown, "select ?");
    }
}
