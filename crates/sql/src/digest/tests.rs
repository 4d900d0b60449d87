//! Tables of texts and their digests, and what never shows in one.

use proptest::prelude::*;

use super::*;

const STYLES: [StringStyle; 2] = [StringStyle::Standard, StringStyle::BackslashEscapes];

fn of(sql: &str) -> String {
    digest(
        Dialect::PostgreSql,
        StringStyle::Standard,
        sql.as_bytes(),
        4096,
    )
}

/// Expects the digest of each text, and that a digest is its own digest.
fn check(table: &[(&str, &str)]) {
    for (sql, expected) in table {
        assert_eq!(of(sql), *expected, "{sql}");
        assert_eq!(of(expected), *expected, "again: {sql}");
    }
}

#[test]
fn values_are_replaced() {
    check(&[
        ("SELECT 1", "select ?"),
        (
            "select 'a''b', E'a\\'b', $1 , $$a$b$$, $x$a$$b$x$",
            "select ?, ?, ? , ?, ?",
        ),
        (
            "select b'01', X'ff', n'a', U&'a' from t",
            "select ?, ?, ?, ? from t",
        ),
        (
            "select 1.5, .5, 1e5, 1E-5, 0x1F, 1_000 from t",
            "select ?, ?, ?, ?, ?, ? from t",
        ),
        (
            "select t1.c2 from t1 where a=-1 and b - 1 > +2",
            "select t1.c2 from t1 where a=? and b - ? > ?",
        ),
        ("select 'a'::text || 'b'", "select ?::text || ?"),
        (
            "select 'a'\n 'b', E'a' -- c\n '\\'d' from t",
            "select ?, ? from t",
        ),
        ("select 1e'a', 1$$b$$", "select ??, ??"),
        ("select $1$$a$$", "select ??"),
        ("ALTER ROLE r PASSWORD 'secret'", "alter role r password ?"),
        ("DO $$ begin end $$", "do ?"),
    ]);
}

#[test]
fn names_stay_as_they_are() {
    check(&[
        (
            "SELECT \"Foo\".\"B\"\"a'r\" FROM Größe",
            "select \"Foo\".\"B\"\"a'r\" from größe",
        ),
        ("select U&\"D\\0061\" from t", "select u&\"D\\0061\" from t"),
        ("select u & 1, u&x", "select u & ?, u&x"),
        (
            "select a ? 'b', a ?| b, a->>'c' from t",
            "select a ? ?, a ?| b, a->>? from t",
        ),
        ("select $x, a$b", "select $x, a$b"),
    ]);
}

#[test]
fn space_and_comments_collapse() {
    check(&[
        ("", ""),
        ("  ;; ; ", ""),
        ("-- c\n select /* a /* b */ c */ 1 ; -- d", "select ?"),
        ("select\t\n a/**/b", "select a b"),
        ("begin;commit ;; select 1;", "begin; commit; select ?"),
        ("select 1 /* open", "select ?"),
        ("select a- -b, a //**/* b", "select a- -b, a / * b"),
    ]);
}

#[test]
fn lists_collapse() {
    check(&[
        (
            "select * from t where a in (1, 'b' , $3)",
            "select * from t where a in (?)",
        ),
        ("select f( 1 ), g(), h(-1,+2)", "select f(?), g(), h(?)"),
        (
            "select f(1, a, 2), f(1,2,a), (1,)",
            "select f(?, a, ?), f(?, ?,a), (?,)",
        ),
        (
            "insert into t(a, b) values (1, 2),(3, 4) , (5, 6) returning a",
            "insert into t(a, b) values (?) returning a",
        ),
        ("values (1, 2), (a, 2), (3)", "values (?), (a, ?), (?)"),
        ("values (1), (2, b)", "values (?), (?, b)"),
        ("values (1), 2", "values (?), ?"),
        ("select (1, 2", "select (?, ?"),
        ("select (1), (2)", "select (?), (?)"),
    ]);
}

#[test]
fn what_is_set_is_hidden() {
    check(&[
        ("SET app.token TO hunter2", "set app.token to ?"),
        (
            "set local x=a, \"b\", -1; select b",
            "set local x=?; select b",
        ),
        ("SET SESSION x = on", "set session x = ?"),
        (
            "ALTER ROLE r IN DATABASE d SET a.b TO c",
            "alter role r in database d set a.b to ?",
        ),
        ("alter table t rename to u", "alter table t rename to u"),
        ("update t set a = b, c = 1", "update t set a = b, c = ?"),
        (
            "set role r; set time zone 'UTC'",
            "set role r; set time zone ?",
        ),
        ("set x to", "set x to"),
    ]);
}

#[test]
fn a_string_of_doubtful_end_ends_the_digest() {
    assert_eq!(of("select 'a\\', secret"), "select ?…");
    assert_eq!(of("select 'a\\b', c"), "select ?, c");
    assert_eq!(of("select E'é\\', secret"), "select ?…");
    let off = StringStyle::BackslashEscapes;
    let text = b"select 'a\\', secret', secret";
    assert_eq!(digest(Dialect::PostgreSql, off, text, 99), "select ?…");
    let text = b"select 'a\\\\', b'\\', c";
    assert_eq!(digest(Dialect::PostgreSql, off, text, 99), "select ?, ?, c");
}

#[test]
fn a_long_digest_is_cut_between_characters() {
    let cut = |limit| {
        digest(
            Dialect::PostgreSql,
            StringStyle::Standard,
            "select é1, b".as_bytes(),
            limit,
        )
    };
    assert_eq!(cut(13), "select é1, b");
    assert_eq!(cut(12), "select é…");
    assert_eq!(cut(11), "select…");
    assert_eq!(cut(3), "…");
    assert_eq!(cut(2), "");
    assert_eq!(cut(0), "");
    let many = format!("select * from t where a in ({}1)", "1, ".repeat(10_000));
    assert_eq!(of(&many), "select * from t where a in (?)");
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let text = b"select \"a\x1b\n\xc2\x9b\" \xff, \x01";
    let digest = digest(Dialect::PostgreSql, StringStyle::Standard, text, 99);
    assert_eq!(digest, "select \"a??\u{fffd}\" \u{fffd}, ?");
}

/// A secret in every place where a value can stand, whole and cut off.
fn hiding_place() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "'zqx'",
        "'a''zqx'",
        "E'\\'zqx'",
        "e'\\\\''zqx'",
        "B'zqx'",
        "x'zqx'",
        "N'zqx'",
        "U&'zqx'",
        "$$zqx$$",
        "$a$ $$zqx $a$",
        "'a'\n'zqx'",
        "E'a' --\n '\\'zqx'",
        "-- zqx\n",
        "/* /* */ zqx */",
        "1zqx",
        ", '\\', zqx",
    ])
}

fn filler() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        " ", ",", "(", ")", "a", "values", "set ", ";", "=", "\"b\"", "-", "1", "::", "$1 ", " e ",
        "\n",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_shows(
        parts in prop::collection::vec((filler(), hiding_place()), 1..12),
        cut in 0..200_usize,
    ) {
        // A blank on both sides keeps the pieces apart: `$` may be part of a word, `1` of a name.
        let text = parts.iter().flat_map(|(filler, place)| [filler, " ", place, " "]).collect::<String>();
        let text = text.get(..cut).unwrap_or(&text);
        for style in STYLES {
            for limit in [20, 4096] {
                let digest = digest(Dialect::PostgreSql, style, text.as_bytes(), limit);
                prop_assert!(!digest.contains("zqx"), "{} became {}", text, digest);
            }
        }
    }

    #[test]
    fn nothing_set_shows(value in "[a-z\"'$(),. =1-]{0,30}") {
        let text = format!("set a.b to zqx {value}");
        prop_assert!(!of(&text).contains("zqx"));
    }

    #[test]
    fn any_bytes_have_a_digest(data in prop::collection::vec(any::<u8>(), 0..300)) {
        crate::fuzz::fuzz_digest(&data);
    }

    #[test]
    fn any_pieces_have_a_digest(
        parts in prop::collection::vec(prop_oneof![filler(), hiding_place()], 0..30)
    ) {
        crate::fuzz::fuzz_digest(parts.concat().as_bytes());
    }
}
