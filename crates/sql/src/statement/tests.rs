//! Tables of texts and the settings they touch.

use crate::{Dialect, EffectSet as E, LastTouch, Scanner, StringStyle, Summary, classify};

fn summary(sql: &str) -> Summary {
    let summary = classify(Dialect::PostgreSql, StringStyle::Standard, sql.as_bytes());
    let mut scanner = Scanner::new(Dialect::PostgreSql, StringStyle::Standard);
    sql.bytes().for_each(|byte| scanner.feed(&[byte]));
    assert_eq!(scanner.finish(), summary, "fed byte by byte: {sql}");
    summary
}

/// The names a text touches, each led by `+` if it was set last and by `-` if it was reset.
fn touched(summary: &Summary) -> String {
    let names = summary.settings.with_last().map(|(name, last)| {
        let mark = match last {
            LastTouch::Set => '+',
            LastTouch::Reset => '-',
        };
        format!("{mark}{}", String::from_utf8_lossy(name))
    });
    names.collect::<Vec<_>>().join(" ")
}

fn check(sql: &str, names: &str, effects: E) {
    let summary = summary(sql);
    assert_eq!(touched(&summary), names, "{sql}");
    let found = summary.effects.without(E::ROUTINE_DDL);
    assert_eq!(found, effects, "{sql}");
}

const UNKNOWN: E = E::SETTING.union(E::SETTING_UNKNOWN);
const LOCAL_UNKNOWN: E = E::LOCAL_SETTING.union(E::LOCAL_SETTING_UNKNOWN);

#[test]
fn a_lasting_setting_is_named() {
    for (sql, names) in [
        ("SET Work_Mem = '1MB'", "+work_mem"),
        ("set work_mem to 1", "+work_mem"),
        ("SET work_mem TO DEFAULT", "-work_mem"),
        ("SET work_mem = default", "-work_mem"),
        ("SET work_mem = \"default\"", "+work_mem"),
        ("SET work_mem = 'default'", "+work_mem"),
        ("SET work_mem FROM CURRENT", "+work_mem"),
        ("SET SESSION work_mem = 1", "+work_mem"),
        ("SET \"Work_Mem\" = 1", "+work_mem"),
        ("SET U&\"work_mem\" = 1", "+work_mem"),
        ("SET search_path = a, b, c", "+search_path"),
        ("SET A.b = 1", "+a.b"),
        ("SET a . /* c */ b TO 1", "+a.b"),
        ("SET \"A\".\"b\" = 1", "+a.b"),
        ("SET a.b.c = 1", "+a.b.c"),
        ("SET \"a.b\" = 1", "+a.b"),
        ("SET local = 1", "+local"),
        ("SET local TO 1", "+local"),
        ("SET local.thing = 1", "+local.thing"),
        ("SET session = 1", "+session"),
        ("SET session.thing = 1", "+session.thing"),
        ("SET SESSION session.thing = 1", "+session.thing"),
        ("SET SESSION local.thing = 1", "+local.thing"),
        ("SET transaction.thing = 1", "+transaction.thing"),
        ("SET constraints = 1", "+constraints"),
        ("SET time.zone = 1", "+time.zone"),
        ("SET names TO 'UTF8'", "+names"),
        ("SET role.a = 1", "+role.a"),
        ("RESET work_mem", "-work_mem"),
        ("RESET A.b", "-a.b"),
        ("RESET \"all\"", "-all"),
        ("RESET session", "-session"),
        ("RESET time", "-time"),
        ("RESET local.a", "-local.a"),
        ("SET sort_mem = 1", "+work_mem"),
        ("RESET vacuum_mem", "-maintenance_work_mem"),
        (
            "SET force_parallel_mode = on",
            "+force_parallel_mode +debug_parallel_query",
        ),
        ("select set_limit(0.1)", "+pg_trgm.similarity_threshold"),
    ] {
        check(sql, names, E::SETTING);
    }
}

#[test]
fn the_forms_with_keywords_name_their_settings() {
    for (sql, names) in [
        ("SET TIME ZONE 'UTC'", "+timezone"),
        ("SET SESSION TIME ZONE 7", "+timezone"),
        ("SET TIME ZONE -7", "+timezone"),
        ("SET TIME ZONE INTERVAL '1' HOUR", "+timezone"),
        ("SET TIME ZONE LOCAL", "-timezone"),
        ("SET TIME ZONE DEFAULT", "-timezone"),
        ("RESET TIME ZONE", "-timezone"),
        ("SET timezone = local", "+timezone"),
        ("SET NAMES 'UTF8'", "+client_encoding"),
        ("SET NAMES E'UTF8'", "+client_encoding"),
        ("SET NAMES DEFAULT", "-client_encoding"),
        ("SET NAMES", "-client_encoding"),
        ("SET NAMES; select 1", "-client_encoding"),
        ("SET SCHEMA 'a'", "+search_path"),
        ("SET ROLE r", "+role"),
        ("SET SESSION ROLE \"r\"", "+role"),
        ("SET ROLE 'r'", "+role"),
        ("SET ROLE $$r$$", "+role"),
        ("SET ROLE NONE", "+role"),
        ("SET ROLE \"none\"", "+role"),
        ("SET role TO none", "+role"),
        ("SET role = 'a'", "+role"),
        ("RESET ROLE", "-role"),
        (
            "SET SESSION AUTHORIZATION r",
            "+session_authorization +role",
        ),
        (
            "SET SESSION SESSION AUTHORIZATION 'r'",
            "+session_authorization +role",
        ),
        (
            "SET SESSION AUTHORIZATION DEFAULT",
            "-session_authorization -role",
        ),
        (
            "SET session_authorization TO r",
            "+session_authorization +role",
        ),
        (
            "RESET SESSION AUTHORIZATION",
            "-session_authorization -role",
        ),
        (
            "RESET session_authorization",
            "-session_authorization -role",
        ),
        ("SET XML OPTION DOCUMENT", "+xmloption"),
        (
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "+default_transaction_isolation +default_transaction_read_only \
             +default_transaction_deferrable",
        ),
    ] {
        check(sql, names, E::SETTING);
    }
}

#[test]
fn what_ends_with_the_transaction_is_not_named() {
    for sql in [
        "SET LOCAL work_mem = 1",
        "SET LOCAL work_mem TO DEFAULT",
        "SET LOCAL TIME ZONE 'UTC'",
        "SET LOCAL ROLE r",
        "SET LOCAL SESSION AUTHORIZATION r",
        "SET LOCAL SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET LOCAL local = 1",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET LOCAL TRANSACTION READ ONLY",
        "SET SESSION TRANSACTION READ ONLY",
        "SET TRANSACTION SNAPSHOT 'a'",
        "SET CONSTRAINTS ALL DEFERRED",
        "SET CONSTRAINTS \"a\".b, c DEFERRED",
        "RESET TRANSACTION ISOLATION LEVEL",
        "SET transaction_read_only = on",
        "SET SESSION transaction_isolation = 'serializable'",
        "RESET transaction_deferrable",
        "select set_config('work_mem', '1', true)",
        "select set_config('transaction_read_only', 'on', false)",
    ] {
        check(sql, "", E::LOCAL_SETTING);
    }
}

#[test]
fn a_custom_setting_outlives_its_transaction() {
    for (sql, names) in [
        ("SET LOCAL A.b = 1", "+a.b"),
        ("SET LOCAL local.b = 1", "+local.b"),
        ("SET LOCAL a.b TO DEFAULT", "-a.b"),
        ("select set_config('A.b', 'c', true)", "+a.b"),
        (
            "select set_config('a.b', $1, true), set_config('c.d', $2, true)",
            "+a.b +c.d",
        ),
    ] {
        check(sql, names, E::LOCAL_SETTING);
    }
}

#[test]
fn a_call_names_its_setting_by_a_plain_literal() {
    for (sql, names) in [
        ("select set_config('Work_Mem', '1', false)", "+work_mem"),
        ("select set_config ( /* a */ 'a' , $1, $2)", "+a"),
        ("select set_config(E'a', 'b', false)", "+a"),
        ("select set_config(n'a', 'b', false)", "+a"),
        ("select set_config('a'::text, 'b', false)", "+a"),
        ("select set_config('a''b', 'c', false)", "+a'b"),
        ("select set_config('a', f('x', 'y'), false)", "+a"),
        (
            "with x as (select set_config('a', 'b', false)) select * from x",
            "+a",
        ),
        ("explain analyze select set_config('a', 'b', false)", "+a"),
        ("select \"set_config\"('role', 'b', false)", "+role"),
        (
            "select set_config('session_authorization', 'b', false)",
            "+session_authorization +role",
        ),
    ] {
        check(sql, names, E::SETTING);
    }
    let copy = "copy (select set_config('a', 'b', false)) to stdout";
    check(copy, "+a", E::SETTING | E::COPY);
    let off = StringStyle::BackslashEscapes;
    let sql = b"select set_config('a', 'b', false), set_config('c\\x64', 'b', true)";
    let summary = classify(Dialect::PostgreSql, off, sql);
    assert_eq!(touched(&summary), "+a");
    assert!(summary.effects.intersects(E::LOCAL_SETTING_UNKNOWN));
}

#[test]
fn a_setting_whose_name_is_hidden_is_marked() {
    for sql in [
        "select set_config($1, 'b', false)",
        "select set_config(a, 'b', false)",
        "select set_config('a' || 'b', 'b', false)",
        "select set_config('a'::text || b, 'b', false)",
        "select set_config('a'::varchar(1), 'b', false)",
        "select set_config('a'\n'b', 'b', false)",
        "select set_config(E'a'\n'b', 'b', false)",
        "select set_config(E'a\\b', 'b', false)",
        "select set_config(('a'), 'b', false)",
        "select set_config($$a$$, 'b', false)",
        "select set_config(b'1', 'b', false)",
        "select set_config('é.a', 'b', false)",
        "select set_config('', 'b', false)",
        "select set_config('a')",
        "select set_config(setting_name => 'a', new_value => 'b', is_local => false)",
        "select set_config",
        "SET é.a = 1",
        "SET 1",
        "UPDATE pg_settings SET setting = 'b' WHERE name = 'a'",
        "UPDATE ONLY pg_catalog.\"pg_settings\" SET setting = 'b'",
        "WITH x AS (SELECT 1) UPDATE pg_settings SET setting = 'b'",
    ] {
        check(sql, "", UNKNOWN);
    }
    for sql in [
        "select set_config($1, $2, true)",
        "select set_config('a'::name, 'b', true)",
        "SET LOCAL é.a = 1",
    ] {
        check(sql, "", LOCAL_UNKNOWN);
    }
    for sql in [
        "select set_config(U&'a', 'b', false)",
        "select set_config(E'\\x61', 'b', false)",
    ] {
        check(sql, "", UNKNOWN | E::UNKNOWN);
    }
    check(
        "select set_config('a', set_config('b', 'c', true), false)",
        "+a",
        UNKNOWN,
    );
    check("SELECT * FROM pg_settings FOR UPDATE", "", E::NONE);
    check("UPDATE t SET a = 1; TABLE pg_settings", "", E::NONE);
}

#[test]
fn names_too_long_or_too_many_are_marked() {
    let fits = "a".repeat(63);
    check(&format!("SET {fits} = 1"), &format!("+{fits}"), E::SETTING);
    check(&format!("SET {fits}a = 1"), "", UNKNOWN);
    check(&format!("SET LOCAL {fits}.a = 1"), "", LOCAL_UNKNOWN);
    check(
        &format!("SELECT set_config('{fits}.a', '', true)"),
        "",
        LOCAL_UNKNOWN,
    );
    let many: Vec<String> = (0..64).map(|at| format!("SET x{at} = 1")).collect();
    let many = many.join(";");
    assert_eq!(summary(&many).effects, E::SETTING);
    assert_eq!(summary(&many).settings.iter().count(), 64);
    let again = format!("{many}; RESET x3");
    assert_eq!(summary(&again).effects, E::SETTING);
    let more = format!("{many}; SET y = 1");
    assert_eq!(summary(&more).effects, UNKNOWN);
    assert_eq!(summary(&more).settings.iter().count(), 64);
}

#[test]
fn the_last_mention_of_a_name_counts() {
    check("SET a = 1; SET b = 2; RESET a", "-a +b", E::SETTING);
    check("RESET a; SET A TO 1;", "+a", E::SETTING);
    check("SET ROLE r; RESET ROLE", "-role", E::SETTING);
    check("SET a = 1; RESET ALL", "+a", E::SETTING | E::RESET_ALL);
}

#[test]
fn all_settings_are_told_from_one() {
    check("RESET ALL", "", E::SETTING | E::RESET_ALL);
    check("reset all;", "", E::SETTING | E::RESET_ALL);
    check("DISCARD ALL", "", E::DISCARD_ALL | E::RESET_ALL);
}

#[test]
fn the_seed_is_no_setting() {
    for sql in [
        "SET seed = 0.5",
        "SET SESSION seed TO 0.5",
        "SET LOCAL Seed = 0.5",
        "RESET seed",
        "select set_config('SEED', '0.5', false)",
        "select set_config('seed', $1, true)",
    ] {
        check(sql, "", E::SEED);
    }
}

#[test]
fn bodies_name_settings() {
    let sets = E::PROCEDURE | E::SETTING;
    check("DO $$ begin set a.b = 1; end $$", "+a.b", sets);
    check(
        "DO $$ begin perform set_limit(1); end $$; SET x = 1",
        "+pg_trgm.similarity_threshold +x",
        sets,
    );
    for body in [
        "perform set_config('a.b', 'c', false)",
        "perform set_config('a.b', 'c', d)",
        "perform set_config ( 'a.b' , coalesce('c', 'd'), false)",
    ] {
        check(&format!("DO $$ begin {body}; end $$"), "+a.b", sets);
        let quoted = body.replace('\'', "''");
        check(&format!("DO 'begin {quoted}; end'"), "+a.b", sets);
    }
    check(
        "DO $$ begin execute 'select set_config(''a.b'', ''c'', false)'; end $$",
        "+a.b",
        sets | E::EXECUTE,
    );
    let unknown = UNKNOWN | E::PROCEDURE | E::PROCEDURE_STATE;
    for body in [
        "perform set_config('a.' || b, 'c', false)",
        "perform set_config('a.%', 'c', false)",
        "perform set_config('a.b",
        "perform set_config(a, 'c', false)",
        "perform set_config('', 'c', false)",
        "reset a.' || b",
    ] {
        check(&format!("DO $$ begin {body}; end $$"), "", unknown);
    }
    check(
        "DO $$ begin perform set_config('a', '(', false); set b = 1; end $$",
        "+b",
        unknown,
    );
}

#[test]
fn what_may_bring_code_into_being_is_marked() {
    for sql in [
        "create function f() returns int language sql as 'select 1'",
        "create or replace procedure p() language sql as 'select 1'",
        "alter function f() rename to g",
        "create trigger t before insert on u execute function f()",
        "create constraint trigger t after insert on u execute function f()",
        "create view v as select f()",
        "create or replace temp view v as select f()",
        "create materialized view v as select f()",
        "create table t (a int default f())",
        "alter table t enable trigger u",
        "create extension e",
        "create aggregate a (int) (sfunc = f, stype = int)",
        "create event trigger t on ddl_command_end execute function f()",
        "create policy p on t using (f())",
        "create schema s",
        "do $$ begin create function f() returns int language sql as 'select 1'; end $$",
        "do $$ begin execute 'create view v as select 1'; end $$",
    ] {
        assert!(summary(sql).effects.intersects(E::ROUTINE_DDL), "{sql}");
    }
    for sql in [
        "create index i on t (a)",
        "create unique index concurrently i on t (a)",
        "create temp table t (a int)",
        "create temporary sequence s",
        "create role r",
        "alter system set a = 1",
        "alter database d set a = 1",
        "create sequence s",
        "drop function f()",
        "drop table t",
        "select 'create function'",
        "insert into t select 1",
    ] {
        assert!(!summary(sql).effects.intersects(E::ROUTINE_DDL), "{sql}");
    }
}

#[test]
fn statements_that_set_for_others_touch_nothing() {
    for sql in [
        "ALTER SYSTEM RESET ALL",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET a.b = c AS $$ select 1 $$",
        "UPDATE t SET a = 1",
        "select 'set_config', 'SET a = 1'",
    ] {
        check(sql, "", E::NONE);
    }
    check("ALTER ROLE r SET work_mem = 1", "", E::DEFAULTS);
}
