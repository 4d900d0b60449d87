//! Sessions that make it hard to ask or to set anything.

use std::fs;
use std::path::PathBuf;

use super::rig::{Connection, question, servers, settings};
use crate::postgres::settings::{Facts, Question, Settings};

/// Objects with the names that the queries use, each of which gives itself away by an error or a lie.
const SHADOWS: &str = "CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC; SET search_path = evil, pg_catalog;
    CREATE FUNCTION evil.lie() RETURNS bool LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'caught'; END$$;
    CREATE FUNCTION evil.same_text(text, text) RETURNS bool LANGUAGE sql AS 'SELECT evil.lie()';
    CREATE FUNCTION evil.same_oid(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT evil.lie()';
    CREATE FUNCTION evil.same_int(int, int) RETURNS bool LANGUAGE sql AS 'SELECT evil.lie()';
    CREATE OPERATOR evil.= (FUNCTION = evil.same_text, LEFTARG = text, RIGHTARG = text);
    CREATE OPERATOR evil.= (FUNCTION = evil.same_oid, LEFTARG = oid, RIGHTARG = oid);
    CREATE OPERATOR evil.= (FUNCTION = evil.same_int, LEFTARG = int, RIGHTARG = int);
    CREATE FUNCTION evil.current_setting(text, bool) RETURNS text LANGUAGE sql AS 'SELECT evil.lie()::text';
    CREATE FUNCTION evil.set_config(text, text, bool) RETURNS text LANGUAGE sql AS 'SELECT evil.lie()::text';
    CREATE FUNCTION evil.encode(bytea, text) RETURNS text LANGUAGE sql AS 'SELECT evil.lie()::text';
    CREATE FUNCTION evil.getdatabaseencoding() RETURNS name LANGUAGE sql AS 'SELECT evil.lie()::text::name';
    CREATE FUNCTION evil.pg_listening_channels() RETURNS SETOF text LANGUAGE sql AS 'SELECT evil.lie()::text';
    CREATE FUNCTION evil.pg_my_temp_schema() RETURNS oid LANGUAGE sql AS 'SELECT 11::oid';
    CREATE FUNCTION evil.pg_backend_pid() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE TABLE evil.pg_locks (locktype text, pid int, granted bool);
    CREATE TABLE evil.pg_depend (refclassid oid, refobjid oid);
    CREATE VIEW evil.pg_cursors AS SELECT true AS is_holdable;
    CREATE VIEW evil.pg_prepared_statements AS SELECT true AS from_sql;";

fn facts() -> Facts {
    Facts::ADVISORY_LOCKS
        .union(Facts::TEMP_OBJECTS)
        .union(Facts::HOLD_CURSORS)
        .union(Facts::CHANNELS)
        .union(Facts::SQL_STATEMENTS)
}

fn asked() -> Question {
    Question::new([&b"app.word"[..], b"search_path"], facts()).expect("few names")
}

#[tokio::test]
async fn shadows_of_the_catalog_are_not_used() {
    let map = settings([
        ("app.word".as_bytes(), "wört".as_bytes()),
        (b"search_path", b"evil, pg_catalog"),
    ]);
    for server in servers() {
        server.superuser_sql("postgres", SHADOWS).unwrap();
        let mut connection =
            Connection::open(&server, &[("options", "-csearch_path=evil,pg_catalog")]).await;
        assert_eq!(connection.ask(&asked()).await.facts, Facts::NONE);
        connection.replay(&Settings::default(), &map).await;
        let answer = connection.ask(&asked()).await;
        assert_eq!(
            answer.values,
            [
                Some("wört".as_bytes().into()),
                Some(b"evil, pg_catalog"[..].into())
            ]
        );
        connection.run("SELECT pg_advisory_lock(1); LISTEN news; PREPARE p AS SELECT 1; CREATE TEMP TABLE t (a int)").await;
        connection
            .run("DECLARE c CURSOR WITH HOLD FOR SELECT 1")
            .await;
        assert_eq!(connection.ask(&asked()).await.facts, facts());
        connection.replay(&map, &Settings::default()).await;
    }
}

#[tokio::test]
async fn temporary_objects_do_not_shadow_the_catalog() {
    for server in servers() {
        let mut connection = Connection::open(&server, &[]).await;
        connection
            .run("CREATE TEMP TABLE pg_locks (locktype text, pid int, granted bool); CREATE TEMP VIEW pg_cursors AS SELECT true AS is_holdable; SET search_path = pg_temp, pg_catalog")
            .await;
        assert_eq!(connection.ask(&asked()).await.facts, Facts::TEMP_OBJECTS);
    }
}

#[tokio::test]
async fn a_role_without_rights_can_be_asked() {
    for server in servers() {
        server
            .superuser_sql(
                "postgres",
                "CREATE ROLE nobody LOGIN; CREATE ROLE less; GRANT less TO nobody;
                 REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE TEMP ON DATABASE postgres FROM PUBLIC",
            )
            .unwrap();
        let mut connection = Connection::open_as(&server, "nobody", "postgres", &[]).await;
        connection
            .run("SELECT pg_advisory_lock(1); SET app.word = 'x'; SET ROLE less")
            .await;
        let answer = connection.ask(&asked()).await;
        assert_eq!(answer.facts, Facts::ADVISORY_LOCKS);
        assert_eq!(answer.values[0].as_deref(), Some(&b"x"[..]));
    }
}

#[tokio::test]
async fn a_session_of_any_transaction_kind_can_be_asked() {
    const KIND: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE";
    for server in servers() {
        // With a serializable writer around, a deferrable transaction waits until that one is over.
        let mut writer = Connection::open(&server, &[]).await;
        writer.run("CREATE TABLE seen (a int)").await;
        let open = tollgate_testkit::scripted::message(
            b'Q',
            b"BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO seen VALUES (1)\0",
        );
        writer.exchange(&open, 1).await;
        let mut connection = Connection::open(&server, &[]).await;
        let fresh = connection.ask(&question(&["search_path"])).await;
        connection.run(KIND).await;
        let map = settings([(&b"search_path"[..], &b"x"[..])]);
        connection.replay(&Settings::default(), &map).await;
        let now = connection.settings(&["search_path"], &fresh).await;
        assert!(now.same(&map));
        // Nothing of the asking is left.
        let kind = connection
            .value("SHOW transaction_isolation")
            .await
            .unwrap();
        assert_eq!(kind, b"serializable");
        assert_eq!(
            connection.value("SHOW statement_timeout").await.unwrap(),
            b"0"
        );
    }
}

#[tokio::test]
async fn asking_leaves_the_timeout_of_the_client() {
    for server in servers() {
        let mut connection = Connection::open(&server, &[]).await;
        connection.run("SET statement_timeout = '5min'").await;
        connection.ask(&asked()).await;
        let timeout = connection.value("SHOW statement_timeout").await.unwrap();
        assert_eq!(timeout, b"5min");
    }
}

#[tokio::test]
async fn names_that_are_none_have_no_value() {
    let names = [
        "it's",
        "a\\'b",
        "",
        ".",
        "a.",
        ".b",
        "a..b",
        "select",
        "1",
        "a b",
        "$1",
        "all",
        "time zone",
        "transaction isolation level",
        "a.\"b\"",
        "x; DROP TABLE y",
        "session authorization",
    ];
    for server in servers() {
        for parameters in [
            &[][..],
            &[("options", "-c standard_conforming_strings=off")],
        ] {
            let mut connection = Connection::open(&server, parameters).await;
            let answer = connection.ask(&question(&names)).await;
            assert_eq!(answer.values, vec![None; names.len()]);
        }
    }
}

#[tokio::test]
async fn as_many_names_as_allowed_fit_in_a_row() {
    let names: Vec<String> = (0..1600).map(|at| format!("app.n{at}")).collect();
    let all = Question::new(names.iter().map(String::as_bytes), facts()).unwrap();
    for server in servers() {
        let mut connection = Connection::open(&server, &[]).await;
        assert_eq!(connection.ask(&all).await.values.len(), 1600);
    }
}

#[tokio::test]
async fn a_value_that_may_not_be_read_ends_in_an_error_and_no_transaction() {
    for server in servers() {
        server
            .superuser_sql("postgres", "CREATE ROLE nobody LOGIN")
            .unwrap();
        let mut connection = Connection::open_as(&server, "nobody", "postgres", &[]).await;
        let hidden = question(&["session_preload_libraries"]);
        assert!(connection.try_ask(&hidden).await.is_err());
        assert_eq!(connection.ask(&asked()).await.facts, Facts::NONE);
    }
}

#[tokio::test]
async fn a_hot_standby_can_be_asked_and_set() {
    for mut server in servers() {
        let folder = server
            .superuser_sql("postgres", "SHOW data_directory")
            .unwrap();
        server.stop().unwrap();
        fs::write(PathBuf::from(folder).join("standby.signal"), "").unwrap();
        server.restart().unwrap();
        let mut connection = Connection::open(&server, &[]).await;
        assert_eq!(
            connection
                .value("SELECT pg_is_in_recovery()")
                .await
                .unwrap(),
            b"t"
        );
        connection
            .run("SET default_transaction_isolation = serializable")
            .await;
        connection.run("SET app.word = 'é'").await;
        assert_eq!(connection.ask(&asked()).await.facts, Facts::NONE);
        let map = settings([
            ("app.word".as_bytes(), "ü".as_bytes()),
            (b"search_path", b"\"A\""),
        ]);
        connection.replay(&Settings::default(), &map).await;
        let values = connection.ask(&asked()).await.values;
        assert_eq!(
            values,
            [Some("ü".as_bytes().into()), Some(b"\"A\""[..].into())]
        );
    }
}
