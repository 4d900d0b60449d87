//! Tables of texts and what they may do, and properties of the scanner.

use proptest::prelude::*;

use super::*;
use crate::EffectSet as E;

/// Classifies `sql` whole and byte by byte, and expects the same `effects` of both.
fn check(sql: &str, effects: E) -> Summary {
    check_style(StringStyle::Standard, sql, effects)
}

fn check_style(style: StringStyle, sql: &str, effects: E) -> Summary {
    let summary = classify(Dialect::PostgreSql, style, sql.as_bytes());
    let mut scanner = Scanner::new(Dialect::PostgreSql, style);
    sql.bytes().for_each(|byte| scanner.feed(&[byte]));
    assert_eq!(scanner.finish(), summary, "fed byte by byte: {sql}");
    let found = summary.effects.without(E::ROUTINE_DDL);
    assert_eq!(found, effects, "{sql}");
    summary
}

const BODY: E = E::PROCEDURE.union(E::PROCEDURE_STATE);

/// A setting whose name is put together.
const SETS: E = E::SETTING.union(E::SETTING_UNKNOWN);

#[test]
fn plain_statements_leave_no_state() {
    for sql in [
        "",
        " ; ;; ",
        "select 1",
        "SELECT a, b FROM t WHERE c = 'set x = 1; listen y'",
        "UPDATE t SET a = 1",
        "INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 2",
        "INSERT INTO temp VALUES (1)",
        "MERGE INTO temp USING s ON true WHEN MATCHED THEN UPDATE SET a = 1",
        "DELETE FROM temporary",
        "CREATE TABLE temp (a int)",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = a AS $$ select 1 $$",
        "CREATE FUNCTION f() RETURNS int AS $f$ begin perform pg_advisory_lock(1); end $f$ LANGUAGE plpgsql",
        "select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(2)",
        "select 1 -- set x = 1\n",
        "select 1 /* ; set x = 1 /* nested */ ; listen x */",
        "NOTIFY a, 'b'",
        "FETCH ALL FROM c",
        "VALUES ('pg_temp')",
        "select \"set\", \"listen\"",
        "SELECT $1::text, $2",
        "LOCK TABLE t",
        "select 'it''s', 'set'",
        "select a/b, a-b, a - -b, a*/* c */b",
        "with x as (select 1) select * from x",
    ] {
        check(sql, E::NONE);
    }
}

#[test]
fn settings_that_last_are_seen() {
    for sql in [
        "SET work_mem = '1MB'",
        "set work_mem to default",
        "SET SESSION work_mem = 1",
        "SET \"work_mem\" = 1",
        "/* a */ SET -- b\n x = 1",
        "SET ROLE r",
        "SET SESSION AUTHORIZATION r",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET TIME ZONE 'UTC'",
        "SET NAMES 'UTF8'",
        "SET local.thing = 1",
        "SET local TO 1",
        "SET transaction.thing = 1",
        "SET constraints = 1",
        "RESET ALL",
        "RESET ROLE",
        "reset work_mem",
        "select 1; set x = 1",
        "select 1;set x = 1;select 2",
        "select set_config('a', 'b', false)",
        "select set_config('a', 'b', $1)",
        "select pg_catalog . set_config ( 'a' , 'b' , not true )",
        "select \"set_config\"('a', 'b', false)",
        "select set_config('a', 'b', true or false)",
        "select set_config('a', f(1, true), false)",
        "select set_config('a', set_config('c', 'd', false), true)",
        "select set_config('a', 'b', is_local => true)",
        "select set_config",
        "select SET_CONFIG('a', 'b', 'f')",
        "select set_limit(0.1)",
        "SELECT 1SET; SET x = 1",
    ] {
        let effects = classify(Dialect::PostgreSql, StringStyle::Standard, sql.as_bytes()).effects;
        assert!(effects.intersects(E::SETTING), "{sql}: {effects:?}");
        check(sql, effects);
    }
}

#[test]
fn settings_of_the_transaction_are_told_apart() {
    for sql in [
        "SET LOCAL work_mem = '1MB'",
        "SET LOCAL SESSION AUTHORIZATION r",
        "SET LOCAL ROLE r",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET CONSTRAINTS ALL DEFERRED",
        "select set_config('a', 'b', true)",
        "select set_config('a', f(1,2), TRUE )",
        "select set_config('a', $$b$$, /* c */ true)",
    ] {
        check(sql, E::LOCAL_SETTING);
    }
}

#[test]
fn each_kind_of_state_is_seen() {
    for (sql, effects) in [
        ("PREPARE p AS SELECT 1", E::PREPARE),
        ("PREPARE transaction AS SELECT 1", E::PREPARE),
        ("PREPARE TRANSACTION 'x'", E::COMMIT),
        ("PREPARE TRANSACTION $$x$$", E::COMMIT),
        ("EXECUTE p(1)", E::EXECUTE),
        ("EXPLAIN ANALYZE EXECUTE p", E::EXECUTE),
        ("CREATE TABLE t AS EXECUTE p (1)", E::EXECUTE),
        (
            "CREATE TRIGGER t AFTER INSERT ON x EXECUTE FUNCTION f()",
            E::NONE,
        ),
        ("explain (analyze, buffers) execute p", E::EXECUTE),
        ("DEALLOCATE p", E::DEALLOCATE),
        ("DEALLOCATE PREPARE p", E::DEALLOCATE),
        ("DEALLOCATE ALL", E::DEALLOCATE_ALL),
        (
            "DEALLOCATE PREPARE ALL",
            E::DEALLOCATE.union(E::DEALLOCATE_ALL),
        ),
        ("DEALLOCATE \"all\"", E::DEALLOCATE),
        ("DISCARD ALL", E::DISCARD_ALL.union(E::RESET_ALL)),
        ("discard temporary", E::DISCARD_TEMP),
        ("DISCARD PLANS", E::DISCARD_PLANS),
        ("DISCARD SEQUENCES", E::DISCARD_SEQUENCES),
        ("LISTEN c", E::LISTEN),
        ("UNLISTEN c", E::UNLISTEN),
        ("UNLISTEN *", E::UNLISTEN_ALL),
    ] {
        check(sql, effects);
    }
}

#[test]
fn objects_locks_and_transactions_are_seen() {
    for (sql, effects) in [
        ("CREATE TEMP TABLE t (a int)", E::TEMP_OBJECT),
        (
            "create /* x */ temporary view v as select 1",
            E::TEMP_OBJECT,
        ),
        ("CREATE GLOBAL TEMP TABLE t (a int)", E::TEMP_OBJECT),
        ("CREATE LOCAL TEMPORARY TABLE t (a int)", E::TEMP_OBJECT),
        ("CREATE OR REPLACE TEMP VIEW v AS SELECT 1", E::TEMP_OBJECT),
        ("CREATE TEMP SEQUENCE s", E::TEMP_OBJECT),
        ("SELECT 1 INTO TEMP t", E::TEMP_OBJECT),
        (
            "SELECT 1 AS a INTO TEMPORARY TABLE t FROM x",
            E::TEMP_OBJECT,
        ),
        ("SELECT 1 INTO LOCAL TEMP t", E::TEMP_OBJECT),
        (
            "EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1",
            E::TEMP_OBJECT,
        ),
        ("CREATE TABLE pg_temp.t (a int)", E::TEMP_OBJECT),
        ("CREATE TABLE \"pg_temp\".t (a int)", E::TEMP_OBJECT),
        ("CREATE TABLE pg_temp_3.t (a int)", E::TEMP_OBJECT),
        (
            "SET LOCAL search_path = 'pg_temp'",
            E::LOCAL_SETTING.union(E::TEMP_OBJECT),
        ),
        (
            "select set_config('search_path', 'a, pg_temp', true)",
            E::LOCAL_SETTING.union(E::TEMP_OBJECT),
        ),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", E::HOLD_CURSOR),
        ("DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1", E::NONE),
        ("CLOSE c", E::CLOSE_CURSOR),
        ("CLOSE ALL", E::CLOSE_ALL),
        ("LOAD 'auto_explain'", E::LOAD),
        ("select pg_advisory_lock(1)", E::ADVISORY_LOCK),
        (
            "select pg_catalog.PG_Advisory_Lock_Shared(1)",
            E::ADVISORY_LOCK,
        ),
        ("select \"pg_try_advisory_lock\"(1, 2)", E::ADVISORY_LOCK),
        ("select pg_try_advisory_lock_shared(1)", E::ADVISORY_LOCK),
        ("select pg_advisory_unlock(1)", E::ADVISORY_UNLOCK),
        ("select pg_advisory_unlock_all()", E::ADVISORY_UNLOCK),
    ] {
        check(sql, effects);
    }
}

#[test]
fn definitions_and_transactions_are_seen() {
    for (sql, effects) in [
        ("select setseed(0.5)", E::SEED),
        ("select nextval('s')", E::SEQUENCE),
        ("select setval('s', 1)", E::SEQUENCE),
        ("select currval('s')", E::SEQUENCE_READ),
        ("select lastval()", E::SEQUENCE_READ),
        ("select * from pg_prepared_statements", E::STATEMENTS_VIEW),
        ("select \"pg_prepared_statement\"()", E::STATEMENTS_VIEW),
        ("CREATE DATABASE d", E::DATABASE_DDL),
        (
            "alter database d rename to e",
            E::DATABASE_DDL.union(E::DEFAULTS),
        ),
        (
            "ALTER DATABASE d SET work_mem = '1MB'",
            E::DATABASE_DDL.union(E::DEFAULTS),
        ),
        ("alter role app set timezone = 'CET'", E::DEFAULTS),
        ("ALTER USER app RESET ALL", E::DEFAULTS),
        ("/* x */ Alter Role app superuser", E::DEFAULTS),
        ("create role app", E::NONE),
        ("drop user app", E::DROP),
        ("alter table t rename user to role", E::NONE),
        ("select pg_catalog.pg_reload_conf()", E::DEFAULTS),
        ("alter system set timezone = 'CET'", E::NONE),
        ("DROP DATABASE d", E::DATABASE_DDL.union(E::DROP)),
        ("CREATE \"database\"", E::NONE),
        ("CREATE TABLE database (a int)", E::NONE),
        ("DROP TABLE database", E::DROP),
        ("drop /* a */ owned by r", E::DROP),
        ("alter table t drop column a", E::NONE),
        ("BEGIN", E::BEGIN),
        ("START TRANSACTION", E::BEGIN),
        ("COMMIT", E::COMMIT),
        ("END", E::COMMIT),
        ("ROLLBACK", E::ROLLBACK),
        ("ABORT", E::ROLLBACK),
        ("ROLLBACK WORK", E::ROLLBACK),
        ("ROLLBACK TRANSACTION AND CHAIN", E::ROLLBACK),
        ("ROLLBACK PREPARED 'x'", E::ROLLBACK),
        ("ROLLBACK TO a", E::ROLLBACK_TO),
        ("rollback work to savepoint a", E::ROLLBACK_TO),
        ("ROLLBACK TRANSACTION /* a */ TO a", E::ROLLBACK_TO),
        (
            "ROLLBACK TO a; ROLLBACK; select 1",
            E::ROLLBACK_TO.union(E::ROLLBACK),
        ),
        ("SAVEPOINT a", E::SAVEPOINT),
        ("RELEASE a", E::SAVEPOINT),
        ("COPY t FROM STDIN", E::COPY),
        ("CALL p()", E::PROCEDURE),
    ] {
        check(sql, effects);
    }
}

#[test]
fn what_cannot_be_told_is_distrusted() {
    for (sql, effects) in [
        ("select dblink_connect('a', 'b')", E::UNKNOWN),
        (
            "select pg_create_logical_replication_slot('a', 'b', true)",
            E::UNKNOWN,
        ),
        ("select U&\"pg\\005fadvisory_lock\"(1)", E::UNKNOWN),
        (
            "select U&\"pg!005fadvisory_lock\" UESCAPE '!' (1)",
            E::UNKNOWN,
        ),
        ("select u&\"a\" /* b */\n uescape '!'", E::UNKNOWN),
        ("select U&\"plain\", \"u\" from t", E::NONE),
        ("select uescape, U&\"a\", uescape", E::NONE),
        ("select U&'a!' UESCAPE '!'", E::NONE),
        ("select U&\"pg_advisory_lock\"(1)", E::ADVISORY_LOCK),
    ] {
        check(sql, effects);
    }
}

#[test]
fn every_statement_of_a_text_counts() {
    let summary = check(
        "BEGIN; SET x = 1; COMMIT;",
        E::BEGIN | E::SETTING | E::COMMIT,
    );
    assert_eq!(summary.statements, 3);
    assert_eq!(check(";;select 1;; ;", E::NONE).statements, 1);
    assert_eq!(check("-- nothing\n", E::NONE).statements, 0);
}

#[test]
fn strings_and_comments_end_where_the_server_ends_them() {
    for sql in [
        // Each has a SET behind something a careless reader takes for an open string or comment.
        "select 'a\\'; set x = 1",
        "select E'a\\\\'; set x = 1",
        "select E'\\''; set x = 1",
        "select e'a''\\''; set x = 1",
        "select B'01'; set x = 1",
        "select 'a' 'b'; set x = 1",
        "select 'a'\n'b'; set x = 1",
        "select E'a'\n'\\''; set x = 1",
        "select E'a' -- c\n '\\''; set x = 1",
        "select E'a' - 'b'; set x = 1",
        "select U&'a\\'; set x = 1",
        "select u & 1; set x = 1",
        "select u&1; set x = 1",
        "select \"a\"\"b\"; set x = 1",
        "select \"a\\\"; set x = 1",
        "select $$a$$; set x = 1",
        "select $a$ $b$ $$ $a $a$; set x = 1",
        "select $a$x$a$a$; set x = 1",
        "select $a$$a$; set x = 1",
        "select a$b$c; set x = 1",
        "select $1; set x = 1",
        "select $1$$a$$; set x = 1",
        "select 1 $ 2; set x = 1",
        "select $x y; set x = 1",
        "select /*/ */1; set x = 1",
        "select /***/1; set x = 1",
        "select /* /* */ */1; set x = 1",
        "select 1 -- '\n; set x = 1",
        "select 1 -- '\r; set x = 1",
        "select 1 +-- '\n2; set x = 1",
        "select 1 */* ' */2; set x = 1",
        "select 'é'; set x = 1",
        "select naïve'x'; set x = 1",
    ] {
        let effects = classify(Dialect::PostgreSql, StringStyle::Standard, sql.as_bytes()).effects;
        assert!(effects.intersects(E::SETTING), "{sql}: {effects:?}");
        check(sql, effects);
    }
    for sql in [
        "select 'a; set x = 1",
        "select E'\\'; set x = 1",
        "select e'a'\n'\\'; set x = 1'",
        "select $a$ $$; set x = 1 $a$",
        "select $A$ $a$; set x = 1 $A$",
        "select \"a; set x = 1",
        "select /* /* */; set x = 1",
        "select U&'a'' ; set x = 1'",
    ] {
        check(sql, E::NONE);
    }
}

#[test]
fn a_backslash_escapes_where_the_setting_says_so() {
    let off = StringStyle::BackslashEscapes;
    check_style(off, "select 'a\\'; set x = 1'", E::AMBIGUOUS_ESCAPE);
    check_style(off, "select 'a\\\\'; set x = 1", E::SETTING);
    check_style(off, "select b'\\'; set x = 1", E::SETTING);
    check("select 'a\\'", E::AMBIGUOUS_ESCAPE);
    check("select 'a\\b'", E::NONE);
    // The byte before the backslash may be half of a character.
    check("select E'é\\'; set x = 1'", E::AMBIGUOUS_ESCAPE);
}

#[test]
fn a_do_body_is_read_as_code() {
    for (sql, effects) in [
        ("DO $$ begin null; end $$", E::PROCEDURE),
        ("DO $$ begin update t set a = 1; end $$", E::PROCEDURE),
        ("DO $$ begin update t\n set a = 1; end $$", E::PROCEDURE),
        ("DO $$ begin update \"t\" set a = 1; end $$", E::PROCEDURE),
        ("DO $$ begin set x = 1; end $$", E::PROCEDURE | E::SETTING),
        (
            "DO LANGUAGE plpgsql $$ begin if a then set x = 1; end if; end $$",
            E::PROCEDURE | E::SETTING,
        ),
        (
            "DO 'begin execute ''set x = 1''; end'",
            E::PROCEDURE | E::SETTING,
        ),
        (
            "DO $$ begin execute 'set x = 1'; end $$ LANGUAGE plpgsql",
            E::PROCEDURE | E::SETTING,
        ),
        (
            "DO $$ begin -- c\n set x = 1; end $$",
            E::PROCEDURE | E::SETTING,
        ),
        (
            "DO $$ begin /* c */ set x = 1; end $$",
            E::PROCEDURE | E::SETTING,
        ),
        (
            "DO $$ begin execute format('set %I = 1', a); end $$",
            BODY | SETS,
        ),
        (
            "DO $a$ begin execute $b$set x = 1$b$; end $a$",
            E::PROCEDURE | E::SETTING,
        ),
        ("DO E'begin\\nset x = 1; end'", E::PROCEDURE | E::SETTING),
        ("DO E'begin \\x73et x = 1; end'", BODY | E::UNKNOWN),
        (
            "DO $$ plpy.execute(\"set x = 1\") $$ LANGUAGE plpython3u",
            E::PROCEDURE | E::SETTING,
        ),
        (
            "DO $$ begin perform set_config('a', 'b', true); end $$",
            E::PROCEDURE | E::LOCAL_SETTING,
        ),
        (
            "DO $$ begin set local x = 1; end $$",
            E::PROCEDURE | E::LOCAL_SETTING,
        ),
        (
            "DO $$ begin perform pg_advisory_lock(1); end $$",
            BODY | E::ADVISORY_LOCK,
        ),
        (
            "DO $$ begin create temp table t (a int); end $$",
            BODY | E::TEMP_OBJECT,
        ),
        (
            "DO $$ begin perform 'a--', nextval('s'); end $$",
            BODY | E::SEQUENCE,
        ),
        ("DO $$ begin commit; end $$", E::PROCEDURE),
    ] {
        // `EXECUTE` of a procedural language is taken for the statement of that name too.
        let marks = if sql.contains("execute") && !sql.contains("plpy") {
            E::EXECUTE
        } else {
            E::NONE
        };
        let summary = check(sql, effects | marks);
        assert_eq!(summary.statements, 1, "{sql}");
    }
}

#[test]
fn behind_a_do_statements_are_read_as_before() {
    check("DO $$ begin end $$; set x = 1", E::PROCEDURE | E::SETTING);
}

#[test]
fn a_do_body_may_put_a_setting_together() {
    for (sql, effects) in [
        ("DO $$ begin rollback to a; end $$", E::PROCEDURE),
        ("DO $$ begin set seed = 1; end $$", BODY | E::SEED),
        (
            "DO $$ begin reset all; end $$",
            E::PROCEDURE | E::SETTING | E::RESET_ALL,
        ),
        (
            "DO $$ begin update pg_settings set setting = 1; end $$",
            BODY | SETS,
        ),
        (
            "DO $$ begin set local a.b = 1; end $$",
            E::PROCEDURE | E::LOCAL_SETTING,
        ),
        (
            "DO $$ begin execute 'set ' || a || ' = 1'; end $$",
            BODY | SETS | E::UNREAD_CODE,
        ),
        (
            "DO $$ begin execute 'reset ' || a; end $$",
            BODY | SETS | E::UNREAD_CODE,
        ),
        (
            "DO $$ begin execute 'set local ' || a; end $$",
            E::PROCEDURE | E::LOCAL_SETTING | E::LOCAL_SETTING_UNKNOWN | SETS | E::UNREAD_CODE,
        ),
        ("DO $$ begin drop table t; end $$", E::PROCEDURE | E::DROP),
    ] {
        let marks = if sql.contains("execute") {
            E::EXECUTE
        } else {
            E::NONE
        };
        check(sql, effects | marks);
    }
}

#[test]
fn names_of_prepared_statements_are_reported() {
    for (sql, name) in [
        ("DEALLOCATE foo", Some("foo")),
        ("deallocate prepare FOO;", Some("foo")),
        ("DEALLOCATE \"Foo\"", Some("Foo")),
        ("PREPARE Bar AS SELECT 1", Some("bar")),
        ("PREPARE bar(int) AS SELECT 1", Some("bar")),
        ("DEALLOCATE ALL", None),
        ("DEALLOCATE a; DEALLOCATE b", None),
        ("select 1", None),
    ] {
        let summary = classify(Dialect::PostgreSql, StringStyle::Standard, sql.as_bytes());
        let found = summary.name.map(|name| name.as_bytes().to_vec());
        assert_eq!(found.as_deref(), name.map(str::as_bytes), "{sql}");
    }
}

/// What a text says of prepared statements, as `deed name: where`.
fn namings(sql: &str) -> Option<Vec<String>> {
    let summary = classify(Dialect::PostgreSql, StringStyle::Standard, sql.as_bytes());
    let all = summary.namings.all()?.iter().map(|naming| {
        let name = String::from_utf8_lossy(naming.name.as_bytes()).into_owned();
        let place = sql[naming.span.clone()].trim();
        format!("{:?} {name}: {place}", naming.deed)
    });
    Some(all.collect())
}

#[test]
fn every_prepared_statement_is_named_with_its_place() {
    for (sql, expected) in [
        ("select 1; select 2", &[][..]),
        (
            "begin; PREPARE A(int) as select $1; prepare \"b;\" as select ';' ; commit;",
            &[
                "Prepare a: PREPARE A(int) as select $1",
                "Prepare b;: prepare \"b;\" as select ';'",
            ],
        ),
        (
            "execute a; explain (costs off) execute b(1); create temp table t as execute c with no data",
            &[
                "Execute a: execute a",
                "Execute b: explain (costs off) execute b(1)",
                "Execute c: create temp table t as execute c with no data",
            ],
        ),
        (
            "explain create table t as execute a; deallocate prepare all; discard all; deallocate a",
            &[
                "Execute a: explain create table t as execute a",
                "DeallocateAll : deallocate prepare all",
                "DeallocateAll : discard all",
                "Deallocate a: deallocate a",
            ],
        ),
    ] {
        let expected: Vec<String> = expected.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(namings(sql), Some(expected), "{sql}");
    }
}

#[test]
fn prepared_statements_that_cannot_be_listed_are_not() {
    for sql in [
        "do $$ begin execute 'deallocate a'; end $$",
        "do $$ begin execute 'prepare a as select 1'; end $$",
        "do 'deallocate all'",
        &"deallocate a;".repeat(65),
        &format!("prepare {} as select 1", "x".repeat(64)),
    ] {
        assert_eq!(namings(sql), None, "{sql}");
    }
}

#[test]
fn a_tag_too_long_to_remember_is_distrusted() {
    let tag = "t".repeat(100);
    check(&format!("select ${tag}$ a ${tag}$; set x = 1"), E::UNKNOWN);
}

#[test]
fn the_scanner_keeps_a_fixed_amount_of_memory() {
    assert!(std::mem::size_of::<Scanner>() <= 576);
}

/// Pieces of SQL that open, close and confuse.
fn fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "'",
        "''",
        "\\",
        "\"",
        "$",
        "$$",
        "$a$",
        "$1",
        "--",
        "/*",
        "*/",
        "\n",
        ";",
        " ",
        "(",
        ")",
        ",",
        "e'",
        "E'",
        "U&'",
        "u&\"",
        "b'",
        "n'",
        "set",
        "set local",
        "reset",
        "session",
        "authorization",
        "role",
        "time zone",
        "to",
        "=",
        ".",
        "default",
        "update",
        "pg_settings",
        "uescape",
        "U&\"a\"",
        "rollback",
        "set_config('a.b', 1, true)",
        "set_config",
        "true",
        "do",
        "x",
        "é",
        "begin",
        "execute",
        "prepare",
        "transaction",
        "deallocate",
        "discard",
        "all",
        "temp",
        "create",
        "into",
        "pg_temp",
        "listen",
        "declare",
        "with hold",
        "explain",
        "1.5",
        "-",
        "/",
        "*",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_setting_has_a_name_or_a_mark(parts in prop::collection::vec(fragment(), 0..40)) {
        let sql = parts.concat();
        let summary = classify(Dialect::PostgreSql, StringStyle::Standard, sql.as_bytes());
        let marks = E::SETTING_UNKNOWN | E::RESET_ALL;
        if summary.effects.intersects(E::SETTING) {
            prop_assert!(!summary.settings.is_empty() || summary.effects.intersects(marks), "{}", sql);
        }
        if !summary.settings.is_empty() {
            prop_assert!(summary.effects.intersects(E::SETTING | E::LOCAL_SETTING), "{}", sql);
        }
    }

    #[test]
    fn any_cut_gives_the_same_summary(parts in prop::collection::vec(fragment(), 0..40)) {
        crate::fuzz::fuzz_classify(parts.concat().as_bytes());
    }

    #[test]
    fn any_bytes_are_survived(data in prop::collection::vec(any::<u8>(), 0..400)) {
        crate::fuzz::fuzz_classify(&data);
    }

    /// Data in a correctly quoted literal never changes what the text may do.
    #[test]
    fn quoted_data_has_no_effect(data in "[a-z'\" ;$\\-/*]{0,60}") {
        let quoted = data.replace('\'', "''");
        let sql = format!("select '{quoted}', 1");
        let effects = classify(Dialect::PostgreSql, StringStyle::Standard, sql.as_bytes()).effects;
        prop_assert_eq!(effects, E::NONE);
    }

    /// A statement after correctly quoted data is always seen.
    #[test]
    fn statements_after_quoted_data_are_seen(data in "[a-z'\" ;$\\\\/*-]{0,60}") {
        let quoted = data.replace('\'', "''");
        let sql = format!("select '{quoted}'; listen c");
        let effects = classify(Dialect::PostgreSql, StringStyle::Standard, sql.as_bytes()).effects;
        prop_assert!(effects.intersects(E::LISTEN));
    }
}
