//! Tables of texts and what they may do, and properties of the scanner.

use proptest::prelude::*;

use super::*;
use crate::mysql::fuzz::{fuzz_classify, modes};
use crate::mysql::{
    Backslash, DoubleQuotes, EffectSet as E, KillTarget, Placement, Scope, Write, classify,
};

const MYSQL: Mode = Mode {
    server: Server::MySql { version: 80_036 },
    double_quotes: DoubleQuotes::Text,
    backslash: Backslash::Escape,
    charset: Charset::Utf8,
};

const MARIADB: Mode = Mode {
    server: Server::MariaDb { version: 101_106 },
    ..MYSQL
};

/// Classifies `sql` whole and byte by byte, and expects the same `effects` of both.
fn check_in(mode: Mode, sql: impl AsRef<[u8]>, effects: E) -> Summary {
    let sql = sql.as_ref();
    let shown = String::from_utf8_lossy(sql);
    let summary = classify(mode, sql);
    let mut scanner = Scanner::new(mode);
    for byte in sql {
        scanner.feed(&[*byte]);
    }
    assert_eq!(scanner.finish(), summary, "fed byte by byte: {shown}");
    assert_eq!(summary.effects, effects, "{shown}");
    summary
}

fn check(sql: &str, effects: E) -> Summary {
    check_in(MYSQL, sql, effects)
}

fn check_all(table: &[(&str, E)]) {
    for (sql, effects) in table {
        check(sql, *effects);
        check(&sql.to_ascii_uppercase(), *effects);
    }
}

fn both(set: &[E]) -> E {
    set.iter().fold(E::NONE, |all, one| all | *one)
}

const DDL: E = E::IMPLICIT_COMMIT;

#[test]
fn plain_statements_leave_no_state() {
    for sql in [
        "",
        " ; ;; ",
        "select 1",
        "SELECT a, b FROM t WHERE c = 'set @x = 1; lock tables t write'",
        "select \"get_lock('a', 1)\", `into`, 'it''s', 'a\\'b get_lock('",
        "select 1 -- get_lock('a', 1)\n, 2 # ; set x = 1\n, 3 /* ; use x */",
        "select a--1, a- -1, a/b, a*b, 2*/* c */3",
        "(select 1) union (select 2) order by 1",
        "with x as (select 1 as a) select * from x",
        "table t",
        "values row(1, 2)",
        "do 1 + 1",
        "show tables",
        "show variables like 'a%'",
        "show full columns from warnings",
        "describe t",
        "explain select * from t",
        "select get_lock, sleep, row_count, connection_id, last_insert_id from t",
        "select count(*), max(a), if(a, 1, 2), concat_ws(',', a) from t where a in (1, 2)",
        "select cast(a as decimal(10, 2)), convert(a, char(10)), date_add(a, interval 1 day) from t",
        "select * from json_table(@@x, '$' columns (a varchar(10) path '$'))",
        "select row_number() over (partition by a order by b) from t use index (i)",
        "select * from t where a regexp ('x') and (b) or not (c) having (d)",
        "select @@session.autocommit, @@max_allowed_packet, @@global.x",
        "help 'x'",
        "checksum table t",
        "select x'00', b'01', 0xff, n'a', _utf8mb4'a', 1e5, 1.5, .5, \\N",
    ] {
        check(sql, E::NONE);
    }
}

#[test]
fn transactions() {
    check_all(&[
        ("begin", E::BEGIN),
        ("begin work", E::BEGIN),
        ("start transaction", E::BEGIN),
        ("start transaction read only", E::BEGIN | E::READ_ONLY),
        ("start transaction read write", E::BEGIN),
        (
            "start transaction with consistent snapshot, read only",
            both(&[E::BEGIN, E::CONSISTENT_SNAPSHOT, E::READ_ONLY]),
        ),
        ("commit", E::COMMIT),
        ("commit work and chain", E::COMMIT | E::CHAIN),
        ("commit and no chain no release", E::COMMIT),
        ("commit release", E::COMMIT | E::RELEASE),
        ("rollback", E::ROLLBACK),
        ("rollback work", E::ROLLBACK),
        ("rollback and chain", E::ROLLBACK | E::CHAIN),
        ("rollback and no chain release", E::ROLLBACK | E::RELEASE),
        ("rollback to a", E::ROLLBACK_TO),
        ("rollback work to savepoint a", E::ROLLBACK_TO),
        ("savepoint a", E::SAVEPOINT),
        ("release savepoint a", E::SAVEPOINT),
        ("xa start 'x'", E::XA),
        ("xa end 'x'", E::XA),
        ("xa commit 'x' one phase", E::XA),
        ("xa recover", E::XA_RECOVER),
        ("select 1; commit; begin", E::COMMIT | E::BEGIN),
    ]);
}

/// Checked against MySQL 9.7 and MariaDB 10.11: each ends a transaction that is open.
#[test]
fn statements_that_commit_by_themselves() {
    for sql in [
        "create table t (a int default (f(1)), key k (a))",
        "create index i on t (a)",
        "create user 'a'",
        "alter table t add column b int",
        "alter user 'a' identified by 'b'",
        "drop index i on t",
        "drop view v",
        "truncate t",
        "grant select on *.* to 'a'",
        "revoke all on *.* from 'a'",
        "analyze table t",
        "optimize table t",
        "check table t",
        "repair table t",
        "cache index t in c",
        "load index into cache t",
        "import table from 'x'",
        "set default role r to 'a'",
    ] {
        check(sql, DDL);
    }
    check_all(&[
        (
            "create or replace view v (a) as select 1",
            DDL | E::VIEW_DEFINED,
        ),
        ("alter view v as select 2", DDL | E::VIEW_DEFINED),
        ("install plugin p soname 's'", DDL | E::INSTALL),
        ("uninstall component 'x'", DDL | E::INSTALL),
        ("set password = 'x'", DDL | E::SET_PASSWORD),
        ("reset query cache", DDL | E::RESET),
        ("reset replica all", both(&[DDL, E::RESET, E::REPLICATION])),
        ("flush privileges", DDL | E::FLUSH),
        (
            "change replication source to source_host = 'x'",
            DDL | E::REPLICATION,
        ),
        ("start replica", DDL | E::REPLICATION),
        ("stop group_replication", DDL | E::REPLICATION),
        ("purge binary logs to 'x'", DDL | E::REPLICATION),
        ("drop table if exists t", DDL | E::DROP_TABLE),
        ("create database d", DDL | E::DATABASE_DDL),
        (
            "alter schema d character set utf8mb4",
            DDL | E::DATABASE_DDL,
        ),
        (
            "drop database d",
            both(&[DDL, E::DATABASE_DDL, E::DROP_DATABASE]),
        ),
    ]);
}

#[test]
fn temporary_tables_and_databases() {
    check_all(&[
        ("create temporary table t (a int)", E::TEMPORARY_CREATE),
        ("create temporary table t select 1", E::TEMPORARY_CREATE),
        (
            "create or replace temporary table t like u",
            E::TEMPORARY_CREATE,
        ),
        (
            "/*!50000 create */ /*!40101 temporary */ table t (a int)",
            E::TEMPORARY_CREATE | E::CONDITIONAL_COMMENT,
        ),
        (
            "create /* x */ temporary\n\ttable t (a int)",
            E::TEMPORARY_CREATE,
        ),
        ("drop temporary table t", E::TEMPORARY_DROP),
        ("use db", E::USE),
        ("use `db`", E::USE),
    ]);
}

#[test]
fn locks_and_handlers() {
    check_all(&[
        ("lock tables t write, u read", E::LOCK_TABLES | DDL),
        ("lock table t read", E::LOCK_TABLES | DDL),
        ("unlock tables", E::UNLOCK_TABLES | DDL),
        ("lock instance for backup", E::BACKUP_LOCK),
        ("unlock instance", E::BACKUP_UNLOCK),
        ("backup stage start", E::BACKUP_LOCK | DDL),
        ("backup stage end", E::BACKUP_UNLOCK | DDL),
        ("backup lock t", E::BACKUP_LOCK | DDL),
        ("backup unlock", E::BACKUP_UNLOCK | DDL),
        (
            "flush tables with read lock",
            both(&[E::FLUSH, DDL, E::FLUSH_LOCK]),
        ),
        (
            "flush local tables a, b with read lock",
            both(&[E::FLUSH, DDL, E::FLUSH_LOCK]),
        ),
        (
            "flush tables t for export",
            both(&[E::FLUSH, DDL, E::FLUSH_LOCK]),
        ),
        ("flush tables", E::FLUSH | DDL),
        ("select get_lock('a', 1)", E::NAMED_LOCK),
        ("select get_lock ('a', 1)", E::NAMED_LOCK),
        ("select `get_lock`('a', 1)", E::NAMED_LOCK),
        ("select /* x */ get_lock/* y */('a', 1)", E::NAMED_LOCK),
        ("do service_get_write_locks('a', 'b', 1)", E::NAMED_LOCK),
        (
            "select version_tokens_lock_exclusive('a', 1)",
            E::NAMED_LOCK,
        ),
        ("select release_lock('a')", E::NAMED_UNLOCK),
        ("select release_all_locks()", E::NAMED_UNLOCK_ALL),
        (
            "select is_used_lock('a'), is_free_lock('b')",
            E::NAMED_LOCK_READ,
        ),
        (
            "update t set a = get_lock('a', 1)",
            E::NAMED_LOCK | E::WRITE,
        ),
        (
            "set @@sql_log_bin = get_lock('a', 1)",
            E::NAMED_LOCK | E::SET_SESSION,
        ),
        ("handler t open as u", E::HANDLER_OPEN),
        ("handler db.t open", E::HANDLER_OPEN),
        ("handler open read first", E::HANDLER_READ),
        ("handler t close", E::HANDLER_CLOSE),
        ("select * from t for update", E::LOCKING_READ),
        ("select * from t for share skip locked", E::LOCKING_READ),
        ("select * from t lock in share mode", E::LOCKING_READ),
    ]);
}

/// A text, its effects and the system variables it sets.
type Scoped<'a> = (&'a str, E, &'a [(&'a str, Scope)]);

fn check_scopes(table: &[Scoped<'_>]) {
    for (sql, effects, names) in table {
        let summary = check(sql, *effects);
        let names = names.iter().map(|(name, scope)| (name.as_bytes(), *scope));
        assert!(
            summary.variables.iter().eq(names),
            "{sql}: {:?}",
            summary.variables
        );
    }
}

#[test]
fn scopes_of_system_variables() {
    check_scopes(&[
        (
            "set time_zone = '+00:00'",
            E::SET_SESSION,
            &[("time_zone", Scope::Session)],
        ),
        (
            "set Session a = 1, @@local.b := 2",
            E::SET_SESSION,
            &[("a", Scope::Session), ("b", Scope::Session)],
        ),
        (
            "set @@c = 3, @@session . d = 4, @@`e` = 5",
            E::SET_SESSION,
            &[
                ("c", Scope::Session),
                ("d", Scope::Session),
                ("e", Scope::Session),
            ],
        ),
        (
            "set `Quoted` = 1",
            E::SET_SESSION,
            &[("quoted", Scope::Session)],
        ),
        ("set global a = 1", E::SET_GLOBAL, &[("a", Scope::Global)]),
    ]);
}

#[test]
fn scopes_of_several_system_variables() {
    check_scopes(&[
        (
            "set persist a = 1, @@persist_only.b = 2",
            E::SET_GLOBAL,
            &[("a", Scope::Global), ("b", Scope::Global)],
        ),
        (
            "set global a = 1, b = 2, @@c = 3",
            E::SET_GLOBAL | E::SET_SESSION,
            &[
                ("a", Scope::Global),
                ("b", Scope::Global),
                ("c", Scope::Session),
            ],
        ),
        (
            "set global a = 1, session b = 2, c = 3",
            E::SET_GLOBAL | E::SET_SESSION,
            &[
                ("a", Scope::Global),
                ("b", Scope::Session),
                ("c", Scope::Session),
            ],
        ),
        (
            "set global hot.key_buffer_size = 1",
            E::SET_GLOBAL,
            &[("key_buffer_size", Scope::Global)],
        ),
        (
            "set a = if(1, 2, 3), b = (select 1, 2)",
            E::SET_SESSION,
            &[("a", Scope::Session), ("b", Scope::Session)],
        ),
    ]);
}

#[test]
fn system_variables_with_effects_of_their_own() {
    check_scopes(&[
        (
            "set autocommit = 0",
            E::SET_SESSION | E::AUTOCOMMIT,
            &[("autocommit", Scope::Session)],
        ),
        (
            "set global autocommit = 0",
            E::SET_GLOBAL,
            &[("autocommit", Scope::Global)],
        ),
        (
            "set session_track_gtids = off",
            E::SET_SESSION | E::SESSION_TRACK,
            &[("session_track_gtids", Scope::Session)],
        ),
        (
            "set insert_id = 5",
            E::SET_SESSION,
            &[("insert_id", Scope::Session)],
        ),
        (
            "set last_insert_id = 5",
            E::SET_SESSION | E::LAST_INSERT_ID_SET,
            &[("last_insert_id", Scope::Session)],
        ),
        (
            "set sql_mode = 'ANSI'",
            E::SET_SESSION | E::LEXICAL_VARIABLE,
            &[("sql_mode", Scope::Session)],
        ),
        (
            "set transaction_isolation = 'x'",
            E::SET_SESSION,
            &[("transaction_isolation", Scope::Session)],
        ),
        (
            "set @@transaction_isolation = 'x'",
            E::SET_NEXT_TRANSACTION,
            &[],
        ),
    ]);
}

#[test]
fn variables_of_one_statement() {
    check_scopes(&[
        (
            "set @@session.tx_read_only = 1",
            E::SET_SESSION,
            &[("tx_read_only", Scope::Session)],
        ),
        (
            "set statement max_statement_time = 1, a = 2 for select 1",
            E::SET_STATEMENT,
            &[
                ("max_statement_time", Scope::Statement),
                ("a", Scope::Statement),
            ],
        ),
        (
            "set statement a = 1 for lock tables t read",
            both(&[E::SET_STATEMENT, E::LOCK_TABLES, DDL]),
            &[("a", Scope::Statement)],
        ),
        (
            "set statement sql_mode = 'x' for select 1",
            E::SET_STATEMENT | E::AMBIGUOUS,
            &[("sql_mode", Scope::Statement)],
        ),
    ]);
}

#[test]
fn forms_of_set_without_a_variable() {
    check_all(&[
        ("set names utf8mb4", E::NAMES | E::LEXICAL_VARIABLE),
        (
            "set names 'utf8mb4' collate 'utf8mb4_bin'",
            E::NAMES | E::LEXICAL_VARIABLE,
        ),
        ("set character set utf8", E::NAMES | E::LEXICAL_VARIABLE),
        ("set charset default", E::NAMES | E::LEXICAL_VARIABLE),
        (
            "set transaction isolation level serializable, read only",
            E::SET_NEXT_TRANSACTION,
        ),
        (
            "set session transaction read only",
            E::SET_SESSION_TRANSACTION,
        ),
        (
            "set local transaction isolation level read committed",
            E::SET_SESSION_TRANSACTION,
        ),
        (
            "set global transaction read write",
            E::SET_GLOBAL_TRANSACTION,
        ),
        ("set role r", E::SET_ROLE),
        ("set resource group g", E::SET_RESOURCE_GROUP),
        ("set session authorization 'u'", E::SET_AUTHORIZATION),
    ]);
}

#[test]
fn what_drivers_send_first() {
    let summary = check(
        "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4;",
        both(&[E::SET_SESSION, E::LEXICAL_VARIABLE, E::NAMES]),
    );
    assert!(
        summary
            .variables
            .iter()
            .map(|(name, _)| name)
            .eq([b"sql_mode".as_slice(), b"time_zone"])
    );
    assert_eq!(summary.statements, 1);
    let summary = check(
        "set autocommit=1, session_track_schema=1, session_track_system_variables = CONCAT(@@global.session_track_system_variables,',transaction_isolation'), sql_mode=concat(@@sql_mode,',STRICT_TRANS_TABLES')",
        both(&[
            E::SET_SESSION,
            E::AUTOCOMMIT,
            E::SESSION_TRACK,
            E::LEXICAL_VARIABLE,
        ]),
    );
    assert_eq!(summary.variables.iter().count(), 4);
    check("SET character_set_results = NULL", E::SET_SESSION);
    check(
        "SELECT CONNECTION_ID(), VERSION(), @@global.time_zone",
        E::CONNECTION_ID,
    );
    check(
        "/* mysql-connector-java-8.0.33 */SELECT @@session.auto_increment_increment AS a, @@wait_timeout AS b",
        E::NONE,
    );
    check(
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        E::SET_SESSION_TRANSACTION,
    );
}

/// A text, its effects and the user variables it writes.
type Written<'a> = (&'a str, E, &'a [(&'a str, Write)]);

fn check_writes(table: &[Written<'_>]) {
    for (sql, effects, names) in table {
        let summary = check(sql, *effects);
        let names = names.iter().map(|(name, write)| (name.as_bytes(), *write));
        assert!(
            summary.user_variables.iter().eq(names),
            "{sql}: {:?}",
            summary.user_variables
        );
    }
}

#[test]
fn user_variables_that_are_set() {
    check_writes(&[
        (
            "set @a = 1, @B := 2",
            E::USER_VARIABLE_SET,
            &[("a", Write::Set), ("b", Write::Set)],
        ),
        (
            "set @'a b' = 1, @`c``d` = 2, @\"e\" = 3",
            E::USER_VARIABLE_SET,
            &[("a b", Write::Set), ("c`d", Write::Set), ("e", Write::Set)],
        ),
        (
            "set @a = @b := 1",
            E::USER_VARIABLE_SET | E::USER_VARIABLE_WRITE,
            &[("a", Write::Set), ("b", Write::Other)],
        ),
        (
            "set @a = @b",
            E::USER_VARIABLE_SET | E::USER_VARIABLE_READ,
            &[("a", Write::Set)],
        ),
        ("select @a", E::USER_VARIABLE_READ, &[]),
        (
            "select @a := 1",
            E::USER_VARIABLE_WRITE,
            &[("a", Write::Other)],
        ),
    ]);
}

#[test]
fn user_variables_that_are_written_on_the_way() {
    check_writes(&[
        (
            "select @a /* x */ := @a + 1",
            E::USER_VARIABLE_WRITE | E::USER_VARIABLE_READ,
            &[("a", Write::Other)],
        ),
        (
            "select 1, 2 into @a, @b.c from t where d = @e",
            E::USER_VARIABLE_WRITE | E::USER_VARIABLE_READ,
            &[("a", Write::Other), ("b.c", Write::Other)],
        ),
        (
            "select a into @a",
            E::USER_VARIABLE_WRITE,
            &[("a", Write::Other)],
        ),
        (
            "select 1 into x, @a",
            E::USER_VARIABLE_WRITE,
            &[("a", Write::Other)],
        ),
        (
            "insert into t values (@a)",
            E::USER_VARIABLE_READ | E::WRITE,
            &[],
        ),
        (
            "insert into t select @a",
            E::USER_VARIABLE_READ | E::WRITE,
            &[],
        ),
    ]);
}

#[test]
fn user_variables_that_are_arguments() {
    check_writes(&[
        (
            "explain format=json into @plan select 1",
            E::USER_VARIABLE_WRITE,
            &[("plan", Write::Other)],
        ),
        (
            "call p(@out, 1)",
            E::CALL | E::USER_VARIABLE_WRITE,
            &[("out", Write::Other)],
        ),
        (
            "execute s using @a",
            E::EXECUTE | E::USER_VARIABLE_WRITE,
            &[("a", Write::Other)],
        ),
        (
            "load data infile 'x' into table t (a, @b) set c = @b",
            E::LOAD_DATA | E::USER_VARIABLE_WRITE,
            &[("b", Write::Other)],
        ),
        (
            "get diagnostics @n = number",
            E::GET_DIAGNOSTICS | E::USER_VARIABLE_WRITE,
            &[("n", Write::Other)],
        ),
        (
            "get current diagnostics condition 1 @m = message_text",
            E::GET_DIAGNOSTICS | E::USER_VARIABLE_WRITE,
            &[("m", Write::Other)],
        ),
        (
            "set @a = 1; select 1 into @a",
            E::USER_VARIABLE_SET | E::USER_VARIABLE_WRITE,
            &[("a", Write::Other)],
        ),
        (
            "set @'a\\'b' = 1",
            E::USER_VARIABLE_SET | E::USER_VARIABLE_UNKNOWN,
            &[("a'b", Write::Set)],
        ),
        ("set @ = 1", E::USER_VARIABLE_SET, &[("", Write::Set)]),
    ]);
}

#[test]
fn names_beyond_the_list_are_said_to_be_missing() {
    let system: Vec<String> = (0..17).map(|at| format!("v{at} = 1")).collect();
    let summary = check(
        &format!("set {}", system.join(", ")),
        E::SET_SESSION | E::VARIABLE_UNKNOWN,
    );
    assert_eq!(summary.variables.iter().count(), 16);
    let user: Vec<String> = (0..17).map(|at| format!("@v{at} = 1")).collect();
    check(
        &format!("set {}", user.join(", ")),
        E::USER_VARIABLE_SET | E::USER_VARIABLE_UNKNOWN,
    );
    let long = "x".repeat(64);
    check(
        &format!("set {long} = 1"),
        E::SET_SESSION | E::VARIABLE_UNKNOWN,
    );
    check(
        &format!("set @{long} = 1"),
        E::USER_VARIABLE_SET | E::USER_VARIABLE_UNKNOWN,
    );
}

#[test]
fn prepared_statements_by_name() {
    for (sql, effects, name) in [
        ("prepare S from 'select 1'", E::PREPARE, Some("s")),
        (
            "prepare `S t` from @a",
            E::PREPARE | E::USER_VARIABLE_READ,
            Some("s t"),
        ),
        ("execute s", E::EXECUTE, Some("s")),
        ("deallocate prepare s", E::DEALLOCATE, Some("s")),
        ("drop prepare s;", E::DEALLOCATE, Some("s")),
        ("execute immediate 'set @x = 1'", E::EXECUTE_IMMEDIATE, None),
        (
            "prepare s from 'x'; execute s",
            E::PREPARE | E::EXECUTE,
            None,
        ),
    ] {
        let summary = check(sql, effects);
        let found = summary.name.map(|name| name.as_bytes().to_vec());
        assert_eq!(found.as_deref(), name.map(str::as_bytes), "{sql}");
    }
}

#[test]
fn what_the_statement_before_left_is_read() {
    check_all(&[
        ("select last_insert_id()", E::LAST_INSERT_ID),
        ("select last_insert_id ( )", E::LAST_INSERT_ID),
        (
            "select @@last_insert_id, @@session.identity",
            E::LAST_INSERT_ID,
        ),
        ("select `last_insert_id`()", E::LAST_INSERT_ID),
        ("select last_insert_id(5)", E::LAST_INSERT_ID_SET),
        (
            "update t set a = last_insert_id(a + 1)",
            E::LAST_INSERT_ID_SET | E::WRITE,
        ),
        (
            "insert into t values (last_insert_id())",
            E::LAST_INSERT_ID | E::WRITE,
        ),
        ("select row_count()", E::ROW_COUNT),
        ("select found_rows()", E::FOUND_ROWS),
        ("select sql_calc_found_rows * from t", E::CALC_FOUND_ROWS),
        ("show warnings", E::SHOW_WARNINGS),
        ("show warnings limit 5", E::SHOW_WARNINGS),
        ("show count(*) errors", E::SHOW_WARNINGS),
        (
            "get diagnostics condition 1 x = message_text",
            E::GET_DIAGNOSTICS,
        ),
        (
            "select @@warning_count, @@local.error_count",
            E::DIAGNOSTICS_VARIABLE,
        ),
        ("select @@`warning_count`", E::DIAGNOSTICS_VARIABLE),
        ("show profiles", E::PROFILE),
        ("show session status like 'Last%'", E::SESSION_STATUS),
        ("show status", E::SESSION_STATUS),
        ("show global status", E::NONE),
        ("show table status", E::NONE),
        ("show profile for query 1", E::PROFILE),
    ]);
}

#[test]
fn functions_of_mariadb() {
    for (sql, effects) in [
        (
            "select next value for s, nextval(s), setval(s, 5)",
            E::SEQUENCE,
        ),
        ("select previous value for s, lastval(s)", E::SEQUENCE_READ),
        (
            "select s.nextval, s.currval",
            E::SEQUENCE | E::SEQUENCE_READ,
        ),
        (
            "select @@last_gtid, wsrep_last_written_gtid()",
            E::LAST_GTID,
        ),
        ("select master_gtid_wait('x')", E::WAIT),
    ] {
        check_in(MARIADB, sql, effects);
    }
    // Users of MySQL have functions of their own by this name.
    check("select nextval('s')", E::SEQUENCE | E::UNKNOWN_FUNCTION);
}

#[test]
fn writes_and_their_kin() {
    check_all(&[
        (
            "insert into t (a, b) values (1, 2) as new on duplicate key update a = values(a)",
            E::WRITE,
        ),
        ("insert ignore into db.t (a) values (1)", E::WRITE),
        ("insert t (a) select replace(b, 'x', 'y') from u", E::WRITE),
        ("replace into t (a) values (1)", E::WRITE),
        ("update t set a = 1", E::WRITE),
        ("delete from t where a in (1)", E::WRITE),
        ("with x as (select 1) delete from t", E::WRITE),
        (
            "with x as (select 1) select * from x for update",
            E::LOCKING_READ,
        ),
        (
            "load data local infile 'x' into table t",
            E::LOAD_DATA | E::LOCAL_INFILE,
        ),
        (
            "load xml low_priority local infile 'x' into table t",
            E::LOAD_DATA | E::LOCAL_INFILE,
        ),
        ("binlog 'x'", E::BINLOG),
        ("shutdown", E::SHUTDOWN),
        ("restart", E::SHUTDOWN),
        ("select sleep(5), benchmark(1, 2)", E::WAIT),
        ("call db.p(1)", E::CALL),
        ("call p", E::CALL),
    ]);
}

#[test]
fn functions_that_are_not_the_servers() {
    for sql in [
        "select f(1)",
        "select db.f(1)",
        "select `concat_mine`('a')",
        "select a from t where g(b) > 1",
        "set statement a = 1 for select f(1)",
        "do f()",
        "select extract(year from f(x))",
        "call p(f(1))",
        "select `in`(1)",
        "select 1st(2)",
        "select high_priority f()",
    ] {
        let effects = classify(MYSQL, sql.as_bytes()).effects;
        assert!(effects.intersects(E::UNKNOWN_FUNCTION), "{sql}");
    }
    check("create table t as select f(1)", DDL | E::UNKNOWN_FUNCTION);
    check("set a = f(1)", E::SET_SESSION | E::UNKNOWN_FUNCTION);
}

#[test]
fn kills_name_their_number() {
    for (sql, target, id, text) in [
        ("kill 5", KillTarget::Connection, 5, "5"),
        (
            "KILL CONNECTION 18446744073709551615;",
            KillTarget::Connection,
            u64::MAX,
            "18446744073709551615",
        ),
        (
            "kill /* x */ query /*!40000 007 */",
            KillTarget::Query,
            7,
            "007",
        ),
        ("kill hard query id 8", KillTarget::QueryId, 8, "8"),
        ("kill soft connection 9", KillTarget::Connection, 9, "9"),
    ] {
        let kill = classify(MARIADB, sql.as_bytes()).kill.expect(sql);
        assert_eq!((kill.target, kill.id), (target, id), "{sql}");
        assert_eq!(slice(sql, kill.span), text, "{sql}");
    }
}

#[test]
fn kills_of_something_else_are_not_translated() {
    for sql in [
        "kill connection_id()",
        "kill @a",
        "kill 5 + 1",
        "kill -5",
        "kill user bob",
        "kill 18446744073709551616",
        "kill 0x10",
        "kill 1; kill 2",
        "kill",
    ] {
        let summary = classify(MYSQL, sql.as_bytes());
        assert!(summary.effects.intersects(E::KILL_UNKNOWN), "{sql}");
        assert_eq!(summary.kill, None, "{sql}");
    }
}

fn slice(sql: &str, span: Span) -> &str {
    let at = |offset: u64| usize::try_from(offset).expect("a short text");
    &sql[at(span.start)..at(span.end)]
}

#[test]
fn connection_ids_have_places() {
    use Placement::{Column, Inner};
    let table: &[(&str, &[(&str, Placement)])] = &[
        ("select connection_id()", &[("connection_id()", Column)]),
        (
            "SELECT a, CONNECTION_ID( /* x */ ), b",
            &[("CONNECTION_ID( /* x */ )", Column)],
        ),
        (
            "select `connection_id`() from t",
            &[("`connection_id`()", Column)],
        ),
        (
            "select connection_id() as id, connection_id() id2",
            &[("connection_id()", Inner), ("connection_id()", Inner)],
        ),
        ("select 1 + connection_id()", &[("connection_id()", Inner)]),
        ("select connection_id() + 1", &[("connection_id()", Inner)]),
        (
            "select * from t where a = connection_id()",
            &[("connection_id()", Inner)],
        ),
        (
            "select a from t order by a, connection_id()",
            &[("connection_id()", Inner)],
        ),
        (
            "select (select connection_id())",
            &[("connection_id()", Inner)],
        ),
        (
            "select f.x, concat('a', connection_id())",
            &[("connection_id()", Inner)],
        ),
        (
            "select 1; select connection_id(); select 2",
            &[("connection_id()", Column)],
        ),
        ("do 1, connection_id()", &[("connection_id()", Inner)]),
    ];
    for (sql, expected) in table {
        let summary = check(sql, E::CONNECTION_ID);
        let found: Vec<_> = summary
            .connection_ids
            .iter()
            .map(|call| (slice(sql, call.span), call.placement))
            .collect();
        assert_eq!(&found, expected, "{sql}");
    }
}

#[test]
fn connection_ids_without_a_place_are_said() {
    check_all(&[
        ("select @@pseudo_thread_id", E::CONNECTION_ID_UNKNOWN),
        ("explain for connection 5", E::CONNECTION_ID_UNKNOWN),
        (
            "describe format=json for connection 5",
            E::CONNECTION_ID_UNKNOWN,
        ),
        ("show explain for 5", E::CONNECTION_ID_UNKNOWN),
        ("show processlist", E::PROCESSLIST),
        ("show full processlist", E::PROCESSLIST),
        (
            "select * from information_schema.`processlist`",
            E::PROCESSLIST,
        ),
    ]);
    let many = "connection_id(), ".repeat(5);
    let summary = check(
        &format!("select {many} 1"),
        E::CONNECTION_ID | E::CONNECTION_ID_UNKNOWN,
    );
    assert_eq!(summary.connection_ids.len(), 4);
}

#[test]
fn statements_nobody_knows_are_unknown() {
    check("clone local data directory 'x'", E::UNKNOWN | DDL);
    for sql in ["delimiter //", "frobnicate x", "5", "'a'", "`a` b", "x"] {
        check(sql, E::UNKNOWN);
    }
}

#[test]
fn blocks_are_read_as_if_each_statement_ran() {
    let summary = check_in(
        MARIADB,
        "begin not atomic declare continue handler for not found set @a = 1; if x then set @b = 2; else lock tables t read; end if; while y do set @c = 3; end while; end",
        both(&[E::COMPOUND, E::USER_VARIABLE_SET, E::LOCK_TABLES, DDL]),
    );
    let names: Vec<_> = summary
        .user_variables
        .iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, [b"a", b"b", b"c"]);
    check_in(MARIADB, "l: loop leave l; end loop", E::COMPOUND);
    check_in(
        MARIADB,
        "case when x then use d; end case",
        E::COMPOUND | E::USE,
    );
    check_in(
        MARIADB,
        "for i in 1..2 do commit; end for",
        E::COMPOUND | E::COMMIT,
    );
}

#[test]
fn expressions_in_the_head_of_a_block_hide_nothing() {
    let summary = check_in(
        MARIADB,
        "case when case when 1 then replace(a, b, c) else 0 end then set @a = 1; else set @b = 2; end case",
        both(&[E::COMPOUND, E::USER_VARIABLE_SET, E::WRITE]),
    );
    let names: Vec<_> = summary
        .user_variables
        .iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, [b"a", b"b"]);
}

#[test]
fn definitions_of_routines_are_said() {
    check(
        "create procedure p() set @a = 1",
        DDL | E::ROUTINE | E::USER_VARIABLE_READ,
    );
    check(
        "create definer = 'a'@'b' function f(a int) returns int return a",
        both(&[DDL, E::ROUTINE, E::USER_VARIABLE_READ]),
    );
    check(
        "create procedure p() begin select 1; if a then set @b = 1; end if; end",
        both(&[DDL, E::ROUTINE, E::USER_VARIABLE_SET]),
    );
    check(
        "create procedure p() begin select 1; end; use d",
        both(&[DDL, E::ROUTINE, E::USE]),
    );
    check("alter event e do select 1", DDL | E::ROUTINE);
}

#[test]
fn version_comments_are_code_for_servers_that_reached_them() {
    for (sql, mysql, mariadb) in [
        (
            "select /*! get_lock('a', 1) */",
            E::NAMED_LOCK,
            E::NAMED_LOCK,
        ),
        (
            "select 1 /*!50000 , get_lock('a', 1) */",
            E::NAMED_LOCK,
            E::NAMED_LOCK,
        ),
        (
            "select 1 /*!50000, get_lock('a', 1)*/, 2",
            E::NAMED_LOCK,
            E::NAMED_LOCK,
        ),
        (
            "select 1 /*!80000 , get_lock('a', 1) */",
            E::NAMED_LOCK,
            E::NONE,
        ),
        ("select 1 /*!99999 , get_lock('a', 1) */", E::NONE, E::NONE),
        (
            "select 1 /*M! , get_lock('a', 1) */",
            E::NONE,
            E::NAMED_LOCK,
        ),
        (
            "select 1 /*M!100100 , get_lock('a', 1) */",
            E::NONE,
            E::NAMED_LOCK,
        ),
        (
            "select 1 /*M!110000 , get_lock('a', 1) */",
            E::NONE,
            E::NONE,
        ),
        (
            "select 1 /*!100100 , get_lock('a', 1) */",
            E::NAMED_LOCK | E::AMBIGUOUS,
            E::NAMED_LOCK,
        ),
        (
            "select 1 /*!99999 ' */, get_lock('a', 1) /* ' */",
            E::NAMED_LOCK,
            E::NAMED_LOCK,
        ),
        (
            "select 1 /*!99999 /* x */ get_lock('a', 1) */",
            E::NONE,
            E::NONE,
        ),
        (
            "select 1 /*!50000 /* x */ , get_lock('a', 1) */",
            E::NAMED_LOCK,
            E::NAMED_LOCK,
        ),
        ("select 1 /*!50000 ' */ get_lock(' */", E::NONE, E::NONE),
        (
            "select 2 /*!50000 *3 */ * /* get_lock('a', 1) */ 4",
            E::NONE,
            E::NONE,
        ),
    ] {
        check_in(MYSQL, sql, mysql | E::CONDITIONAL_COMMENT);
        check_in(MARIADB, sql, mariadb | E::CONDITIONAL_COMMENT);
    }
}

#[test]
fn a_statement_that_ends_in_a_version_comment_is_ambiguous() {
    // The server forgets that it is in one.
    check(
        "/*! select 1; select 2 */",
        E::CONDITIONAL_COMMENT | E::AMBIGUOUS,
    );
}

#[test]
fn comments_hide_what_is_in_them() {
    check_all(&[
        ("select 1 /* /* */ , get_lock('a', 1)", E::NAMED_LOCK),
        ("select 1 /*/ get_lock('a', 1) */", E::NONE),
        ("select 1 /**/, get_lock('a', 1)", E::NAMED_LOCK),
        ("select 1 --get_lock('a', 1)", E::NAMED_LOCK),
        ("select 1 --\tget_lock('a', 1)", E::NONE),
        ("select 1 --\n, get_lock('a', 1)", E::NAMED_LOCK),
        ("select 1 --", E::NONE),
        ("select 1 #\r, get_lock('a', 1)", E::NONE),
        ("select /*+ SET_VAR(time_zone = '+00:00') */ 1", E::NONE),
        (
            "select /*+ x(a = '*/ get_lock(') */ 1",
            E::NAMED_LOCK | E::AMBIGUOUS,
        ),
    ]);
    check_in(
        MYSQL,
        b"select 1 # \0 ' \n, get_lock('a', 1) # '",
        E::NAMED_LOCK | E::AMBIGUOUS,
    );
}

#[test]
fn quotes_follow_the_mode() {
    let ansi = MYSQL.with_sql_mode(b"ANSI_QUOTES");
    let literal = MYSQL.with_sql_mode(b"NO_BACKSLASH_ESCAPES");
    check_in(ansi, "select \"get_lock\"('a', 1)", E::NAMED_LOCK);
    check_in(MYSQL, "select \"get_lock\"('a', 1)", E::NONE);
    check_in(ansi, "select \"a\\\" , get_lock('a', 1)", E::NAMED_LOCK);
    check_in(MYSQL, "select \"a\\\" , get_lock('a', 1)", E::NONE);
    check_in(literal, "select 'a\\', get_lock(\"a\", 1)", E::NAMED_LOCK);
    check_in(MYSQL, "select 'a\\', get_lock(\"a\", 1)", E::NONE);
    check_in(ansi, "set \"sql_safe_updates\" = 1", E::SET_SESSION);
    check_in(MARIADB, "select [get_lock]('a', 1)", E::AMBIGUOUS);
    check("select $$ ' $$, get_lock('a', 1) -- '", E::AMBIGUOUS);
    check("select $$", E::NONE);
    check("select $$ ", E::AMBIGUOUS);
}

#[test]
fn a_change_of_mode_makes_later_strings_ambiguous() {
    let set = E::SET_SESSION | E::LEXICAL_VARIABLE;
    for (sql, effects) in [
        ("set sql_mode = \"\"; select 1", set),
        ("set sql_mode = ''; select 'a'", set),
        ("set sql_mode = ''; select \"a\"", set | E::AMBIGUOUS),
        ("set sql_mode = ''; select 'a\\'b'", set | E::AMBIGUOUS),
        (
            "set names gbk; select 'é'",
            E::NAMES | E::LEXICAL_VARIABLE | E::AMBIGUOUS,
        ),
        ("select \"a\"; set sql_mode = ''", set),
        ("set global sql_mode = ''; select \"a\"", E::SET_GLOBAL),
        ("execute s; select \"a\"", E::EXECUTE | E::AMBIGUOUS),
    ] {
        check(sql, effects);
    }
}

#[test]
fn bytes_that_may_be_half_a_character_are_ambiguous() {
    let gbk = Mode {
        charset: Charset::Unsafe,
        ..MYSQL
    };
    let latin = Mode {
        charset: Charset::SingleByte,
        ..MYSQL
    };
    for (sql, in_gbk, in_utf8) in [
        (
            b"select '\xbf\\', get_lock(1, 2) -- '".as_slice(),
            E::AMBIGUOUS,
            E::NONE,
        ),
        (b"select '\xbf\xbf'", E::NONE, E::NONE),
        (b"select `\xd6\xd0`", E::AMBIGUOUS, E::AMBIGUOUS),
        (b"select `\xc3\xa9`", E::AMBIGUOUS, E::NONE),
        (
            b"select `\xe3\x81`, get_lock(1, 2)",
            E::NAMED_LOCK | E::AMBIGUOUS,
            E::NAMED_LOCK | E::AMBIGUOUS,
        ),
        (b"select `\xe3a`", E::NONE, E::AMBIGUOUS),
        (b"select \xd6`, get_lock(1, 2) -- `", E::AMBIGUOUS, E::NONE),
        (b"select 'a\\'b'", E::NONE, E::NONE),
    ] {
        check_in(gbk, sql, in_gbk);
        check_in(MYSQL, sql, in_utf8);
        let in_latin = classify(latin, sql).effects;
        assert!(!in_latin.intersects(E::AMBIGUOUS), "{in_latin:?}");
    }
}

#[test]
fn statements_are_counted() {
    for (sql, count) in [
        ("", 0),
        (";;", 0),
        ("select 1", 1),
        ("a; b;; c;", 3),
        ("-- x\n;", 0),
    ] {
        assert_eq!(classify(MYSQL, sql.as_bytes()).statements, count, "{sql}");
    }
}

#[test]
fn a_long_text_needs_no_more_than_a_short_one() {
    let long = format!("insert into t values ('{}')", "x'' \\' ".repeat(20_000));
    check(&long, E::WRITE);
}

/// Every effect has a text above that gives it, so that none is a promise nobody keeps.
#[test]
fn every_effect_is_reachable() {
    let source = include_str!("tests.rs");
    for (_, name) in E::ALL {
        assert!(source.contains(&format!("E::{name}")), "{name} has no test");
    }
}

#[test]
fn renames_are_said() {
    for sql in [
        "rename table a to b",
        "alter table a add column c int, rename to b",
    ] {
        check(sql, E::RENAME | DDL);
    }
}

/// The texts of spans, the schema and a dot in front where there is one.
fn spelled(sql: &str, schema: Option<Span>, name: Span) -> String {
    let text = |span: Span| {
        let range = usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap();
        sql[range].to_owned()
    };
    match schema {
        Some(schema) => format!("{}.{}", text(schema), text(name)),
        None => text(name),
    }
}

#[test]
fn tables_of_the_session_have_names() {
    use crate::mysql::TableUse::{Dropped, TemporaryCreated};
    for (sql, used, names) in [
        ("CREATE TEMPORARY TABLE Tt (a INT)", TemporaryCreated, "Tt"),
        (
            "CREATE TEMPORARY TABLE IF NOT EXISTS a.`b c` AS SELECT 1",
            TemporaryCreated,
            "a.`b c`",
        ),
        ("create or replace temporary table x", TemporaryCreated, "x"),
        (
            "DROP TABLE IF EXISTS a, `b`.C, d RESTRICT",
            Dropped,
            "a `b`.C d",
        ),
        ("DROP TEMPORARY TABLE x", Dropped, "x"),
        ("DROP TABLES x , y", Dropped, "x y"),
    ] {
        let summary = classify(MYSQL, sql.as_bytes());
        let tables = &summary.objects.tables;
        let found: Vec<_> = tables
            .iter()
            .map(|table| spelled(sql, table.schema, table.name))
            .collect();
        assert_eq!(found.join(" "), names, "{sql}");
        assert!(tables.iter().all(|table| table.used == used), "{sql}");
        assert_eq!(summary.objects.unnamed, E::NONE, "{sql}");
    }
    for sql in [
        "CREATE TEMPORARY TABLE 'x' (a INT)",
        "CREATE TEMPORARY SEQUENCE s",
    ] {
        let unnamed = classify(MARIADB, sql.as_bytes()).objects.unnamed;
        assert_eq!(unnamed, E::TEMPORARY_CREATE, "{sql}");
    }
    assert!(
        classify(MYSQL, b"CREATE TABLE t (a INT)")
            .objects
            .tables
            .is_empty()
    );
}

#[test]
fn locks_have_names_if_these_are_literals() {
    for (sql, names, unnamed) in [
        (
            "SELECT GET_LOCK('a b', 10), get_lock ( 'c' ,0)",
            "'a b' 'c'",
            E::NONE,
        ),
        ("SELECT GET_LOCK(CONCAT('a','b'), 1)", "", E::NAMED_LOCK),
        ("SELECT GET_LOCK('a' 'b', 1)", "", E::NAMED_LOCK),
        ("SELECT GET_LOCK(?, 1)", "", E::NAMED_LOCK),
        (
            "SELECT GET_LOCK('a',1), service_get_read_locks('n','l',1)",
            "'a'",
            E::NAMED_UNLOCK,
        ),
    ] {
        let summary = classify(MYSQL, sql.as_bytes());
        let found: Vec<_> = summary
            .objects
            .locks
            .iter()
            .map(|lock| spelled(sql, None, *lock))
            .collect();
        assert_eq!(found.join(" "), names, "{sql}");
        assert_eq!(summary.objects.unnamed, unnamed, "{sql}");
    }
}

#[test]
fn routines_that_may_run_have_names() {
    for (sql, names, unnamed) in [
        ("CALL P()", "p", E::NONE),
        ("CALL `Db`.p(1, f(2))", "`Db`.p f", E::NONE),
        ("CALL p", "p", E::NONE),
        ("CALL a.b.c()", "", E::CALL),
        ("SELECT f(1), a.g(2), UPPER('x') FROM t", "f a.g", E::NONE),
        ("SELECT a.b.c(1)", "", E::UNKNOWN_FUNCTION),
        ("CREATE TABLE t (a INT)", "", E::NONE),
    ] {
        let summary = classify(MYSQL, sql.as_bytes());
        let routines = &summary.objects.routines;
        let found: Vec<_> = routines
            .iter()
            .map(|routine| {
                let name = String::from_utf8_lossy(routine.name.as_bytes()).into_owned();
                match routine.schema {
                    Some(schema) => format!("{}.{name}", spelled(sql, None, schema)),
                    None => name,
                }
            })
            .collect();
        assert_eq!(found.join(" "), names, "{sql}");
        assert_eq!(summary.objects.unnamed, unnamed, "{sql}");
    }
}

#[test]
fn questions_about_the_statement_before_have_places() {
    for (sql, places) in [
        ("SELECT ROW_COUNT()", "ROW_COUNT() column"),
        (
            "SELECT row_count ( ) + 1, FOUND_ROWS() FROM t",
            "row_count ( ) inner, FOUND_ROWS() column",
        ),
        (
            "SELECT @@warning_count, @@session.error_count AS e",
            "@@warning_count column, @@session.error_count inner",
        ),
        ("SET @a = ROW_COUNT()", "ROW_COUNT() inner"),
        ("SELECT 1; SELECT ROW_COUNT()", ""),
        ("SELECT @@global.x, `row_count`()", "`row_count`() column"),
    ] {
        let summary = classify(MYSQL, sql.as_bytes());
        let found: Vec<_> = summary
            .questions
            .iter()
            .map(|question| {
                let placement = match question.placement {
                    Placement::Column => "column",
                    Placement::Inner => "inner",
                };
                format!("{} {placement}", spelled(sql, None, question.span))
            })
            .collect();
        assert_eq!(found.join(", "), places, "{sql}");
    }
    let many = "SELECT ".to_owned() + &["ROW_COUNT()"; 9].join(",");
    assert_eq!(
        classify(MYSQL, many.as_bytes()).unlisted_questions,
        E::ROW_COUNT
    );
}

fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop::sample::select(vec![
        "select ",
        "set ",
        "@a",
        "@@",
        "global ",
        "session",
        ".",
        "=",
        ":=",
        ",",
        "(",
        ")",
        ";",
        "'",
        "\"",
        "`",
        "\\",
        "/*",
        "/*!",
        "/*!50000 ",
        "/*!99999",
        "/*M!",
        "/*+",
        "*/",
        "--",
        "-- ",
        "#",
        "\n",
        "into ",
        "get_lock",
        "connection_id",
        "row_count()",
        "@@warning_count",
        "last_insert_id",
        "call ",
        "drop ",
        "table ",
        "if exists ",
        "kill ",
        "5",
        "begin ",
        "end ",
        "create ",
        "temporary ",
        "procedure ",
        "prepare ",
        "execute ",
        "names ",
        "sql_mode",
        "statement ",
        "for ",
        "update ",
        "é",
        "\u{0}",
        "$$",
        "[",
    ]);
    prop::collection::vec(fragment, 0..30).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn fragments_give_the_same_whole_and_in_pieces(sql in fragments()) {
        fuzz_classify(&sql);
    }

    #[test]
    fn any_bytes_give_the_same_whole_and_in_pieces(sql in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_classify(&sql);
    }

    #[test]
    fn strings_hide_their_content(content in "[a-z_();@:=# /*-]{0,40}") {
        for mode in modes() {
            let quoted = classify(mode, format!("select '{content}'").as_bytes());
            prop_assert_eq!(quoted.effects, E::NONE);
        }
    }

    #[test]
    fn comments_hide_their_content(content in "[a-z_();@:='\" -]{0,40}") {
        for mode in modes() {
            let summary = classify(mode, format!("select 1 /* {content} */").as_bytes());
            prop_assert_eq!(summary.effects, E::NONE);
            let summary = classify(mode, format!("select 1 # {content}\n").as_bytes());
            prop_assert_eq!(summary.effects, E::NONE);
        }
    }
}
