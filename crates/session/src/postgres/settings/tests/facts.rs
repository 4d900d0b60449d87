//! What ties a client to its connection, coming and going.

use super::rig::{Connection, servers};
use crate::postgres::settings::{Facts, Question};

/// Makes something, the fact that must hold then, and the statement that ends it.
const LIVES: &[(&str, Facts, &str)] = &[
    (
        "SELECT pg_advisory_lock(1)",
        Facts::ADVISORY_LOCKS,
        "SELECT pg_advisory_unlock(1)",
    ),
    (
        "SELECT pg_advisory_lock_shared(1, 2)",
        Facts::ADVISORY_LOCKS,
        "SELECT pg_advisory_unlock_all()",
    ),
    (
        "SELECT pg_try_advisory_lock(3)",
        Facts::ADVISORY_LOCKS,
        "DISCARD ALL",
    ),
    ("SELECT pg_advisory_xact_lock(1)", Facts::NONE, "SELECT 1"),
    (
        "BEGIN; SELECT pg_advisory_lock(4); ROLLBACK",
        Facts::ADVISORY_LOCKS,
        "SELECT pg_advisory_unlock(4)",
    ),
    (
        "CREATE TEMP TABLE t (a text)",
        Facts::TEMP_OBJECTS,
        "DROP TABLE t",
    ),
    (
        "CREATE TEMP TABLE t (a text)",
        Facts::TEMP_OBJECTS,
        "DISCARD TEMP",
    ),
    (
        "BEGIN; CREATE TEMP TABLE t (a text) ON COMMIT DROP; COMMIT",
        Facts::NONE,
        "SELECT 1",
    ),
    (
        "BEGIN; CREATE TEMP TABLE t (a text); ROLLBACK",
        Facts::NONE,
        "SELECT 1",
    ),
    (
        "SELECT 1 AS a INTO TEMP t",
        Facts::TEMP_OBJECTS,
        "DROP TABLE t",
    ),
    (
        "CREATE TEMP VIEW v AS SELECT 1",
        Facts::TEMP_OBJECTS,
        "DROP VIEW v",
    ),
    (
        "CREATE TEMP SEQUENCE s",
        Facts::TEMP_OBJECTS,
        "DROP SEQUENCE s",
    ),
    (
        "CREATE TYPE pg_temp.c AS (a int)",
        Facts::TEMP_OBJECTS,
        "DROP TYPE pg_temp.c",
    ),
    (
        "CREATE TYPE pg_temp.e AS ENUM ('a')",
        Facts::TEMP_OBJECTS,
        "DROP TYPE pg_temp.e",
    ),
    (
        "CREATE DOMAIN pg_temp.d AS int",
        Facts::TEMP_OBJECTS,
        "DROP DOMAIN pg_temp.d",
    ),
    (
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        Facts::TEMP_OBJECTS,
        "DROP FUNCTION pg_temp.f()",
    ),
    (
        "CREATE COLLATION pg_temp.c FROM \"C\"",
        Facts::TEMP_OBJECTS,
        "DROP COLLATION pg_temp.c",
    ),
    (
        "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT",
        Facts::HOLD_CURSORS,
        "CLOSE c",
    ),
    (
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        Facts::HOLD_CURSORS,
        "CLOSE ALL",
    ),
    (
        "BEGIN; DECLARE c CURSOR FOR SELECT 1; COMMIT",
        Facts::NONE,
        "SELECT 1",
    ),
    ("LISTEN news", Facts::CHANNELS, "UNLISTEN news"),
    ("LISTEN news; LISTEN more", Facts::CHANNELS, "UNLISTEN *"),
    ("BEGIN; LISTEN news; ROLLBACK", Facts::NONE, "SELECT 1"),
    (
        "PREPARE p AS SELECT 1",
        Facts::SQL_STATEMENTS,
        "DEALLOCATE p",
    ),
    (
        "BEGIN; PREPARE p AS SELECT 1; ROLLBACK",
        Facts::SQL_STATEMENTS,
        "DEALLOCATE ALL",
    ),
    (
        "CREATE TABLE lasting (a int); CREATE TYPE ty AS ENUM ('a')",
        Facts::NONE,
        "DROP TABLE lasting; DROP TYPE ty",
    ),
];

fn everything() -> Question {
    let facts = Facts::ADVISORY_LOCKS
        .union(Facts::TEMP_OBJECTS)
        .union(Facts::HOLD_CURSORS)
        .union(Facts::CHANNELS)
        .union(Facts::SQL_STATEMENTS);
    Question::new([], facts).expect("no names")
}

#[tokio::test]
async fn each_fact_holds_while_there_is_something() {
    for server in servers() {
        let mut connection = Connection::open(&server, &[]).await;
        assert_eq!(connection.ask(&everything()).await.facts, Facts::NONE);
        for (make, fact, end) in LIVES {
            connection.run(make).await;
            assert_eq!(connection.ask(&everything()).await.facts, *fact, "{make}");
            connection.run(end).await;
            assert_eq!(
                connection.ask(&everything()).await.facts,
                Facts::NONE,
                "{end}"
            );
        }
    }
}

#[tokio::test]
async fn what_others_have_does_not_count() {
    for server in servers() {
        let mut other = Connection::open(&server, &[]).await;
        other
            .run("SELECT pg_advisory_lock(1); CREATE TEMP TABLE t (a int); LISTEN news; PREPARE p AS SELECT 1")
            .await;
        other.run("DECLARE c CURSOR WITH HOLD FOR SELECT 1").await;
        let mut connection = Connection::open(&server, &[]).await;
        assert_eq!(connection.ask(&everything()).await.facts, Facts::NONE);
    }
}

#[tokio::test]
async fn facts_and_settings_are_asked_together() {
    for server in servers() {
        let mut connection = Connection::open(&server, &[]).await;
        connection.run("LISTEN news; SET work_mem = '3MB'").await;
        let both = Facts::CHANNELS.union(Facts::TEMP_OBJECTS);
        let asked = Question::new([&b"work_mem"[..], b"no.such"], both).unwrap();
        let answer = connection.ask(&asked).await;
        assert_eq!(answer.facts, Facts::CHANNELS);
        assert_eq!(answer.values, [None, Some(b"3MB"[..].into())]);
    }
}

#[tokio::test]
async fn a_statement_of_the_protocol_is_not_one_of_sql() {
    use tollgate_wire_postgres::frontend;
    for server in servers() {
        let mut connection = Connection::open(&server, &[]).await;
        let mut bytes = Vec::new();
        frontend::parse(&mut bytes, b"p", b"SELECT 1", b"").unwrap();
        frontend::sync(&mut bytes);
        connection.exchange(&bytes, 1).await;
        assert_eq!(connection.ask(&everything()).await.facts, Facts::NONE);
    }
}
