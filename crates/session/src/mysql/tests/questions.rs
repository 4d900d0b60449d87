//! What a statement left is told on another server connection, in texts and in prepared statements, on MySQL and
//! MariaDB.

use tollgate_wire_mysql::reply::ReplyKind;

use super::real::{bare_execute, prepare};
use super::rig::{Rig, on_servers};

/// A number of eight bytes in a binary row of one column.
fn number(value: u64) -> Vec<u8> {
    [&[0, 0][..], &value.to_le_bytes()].concat()
}

/// Executes a prepared statement and looks for these bytes in the answer.
fn answers(rig: &mut Rig, who: usize, id: u32, bytes: &[u8]) -> bool {
    let output = rig.drive(who, &bare_execute(id));
    output.windows(bytes.len()).any(|window| window == bytes)
}

#[test]
fn numbers_are_put_in_the_places_of_questions() {
    on_servers(|rig| {
        for who in [0, 1] {
            rig.rows(who, "SET sql_mode=''");
            rig.rows(who, "INSERT INTO t(v) VALUES ('a'),('b'),('too long')");
            assert!(!rig.is_attached(who));
            let answer = rig.query(who, "SELECT ROW_COUNT()");
            assert_eq!(answer.rows, "3");
            assert!(answer.columns[0].contains("ROW_COUNT()"));
            assert!(
                answer.columns[0].contains("\\x08"),
                "a number: {}",
                answer.columns[0]
            );
            assert_eq!(rig.rows(who, "SELECT ROW_COUNT()"), "-1");
            rig.rows(who, "UPDATE t SET v='c' WHERE v='a'");
            assert_eq!(
                rig.rows(who, "SELECT ROW_COUNT()+1, 'x' FROM t LIMIT 1"),
                "2,x"
            );
            rig.rows(who, "SELECT id FROM t");
            assert_eq!(
                rig.rows(who, "SELECT FOUND_ROWS() AS f, FOUND_ROWS()*2"),
                "3,6"
            );
            rig.rows(who, "SELECT SQL_CALC_FOUND_ROWS id FROM t LIMIT 1");
            assert!(!rig.is_attached(who));
            assert_eq!(rig.rows(who, "SET @f=FOUND_ROWS(); SELECT @f"), "3");
            rig.rows(who, "DELETE FROM t");
            assert_eq!(
                rig.rows(who, "SELECT 'row_count()', ROW_COUNT() /* ROW_COUNT() */"),
                "row_count(),3"
            );
            rig.rows(
                who,
                "CREATE PROCEDURE p() SELECT ROW_COUNT(); DROP PROCEDURE p",
            );
        }
    });
}

#[test]
fn conditions_are_shown_as_they_were_kept() {
    on_servers(|rig| {
        rig.rows(0, "SET sql_mode=''");
        for who in [0, 1] {
            rig.rows(who, "SET sql_mode=''");
            let warns = "INSERT INTO t(v) VALUES ('too long'),('and more')";
            let here = |rig: &mut Rig, text: &str| {
                rig.rows(who, "BEGIN");
                rig.rows(who, warns);
                let answer = rig.rows(who, text);
                rig.rows(who, "ROLLBACK");
                answer
            };
            for text in [
                "SHOW WARNINGS",
                "SHOW WARNINGS LIMIT 1",
                "SHOW WARNINGS LIMIT 1,5",
                "SHOW ERRORS",
                "SHOW COUNT(*) WARNINGS",
                "SHOW COUNT(*) ERRORS",
                "SELECT @@warning_count, @@session.error_count + 1 AS e",
            ] {
                let there = here(rig, text);
                rig.rows(who, warns);
                assert!(!rig.is_attached(who));
                assert_eq!(rig.rows(who, text), there, "{text}");
            }
            assert_eq!(rig.query(who, "SELECT nothing").error, Some(1054));
            assert_eq!(rig.rows(who, "SHOW COUNT(*) ERRORS"), "1");
            assert_eq!(rig.query(who, "SELECT nothing").error, Some(1054));
            assert!(rig.rows(who, "SHOW ERRORS").starts_with("Error,1054,"));
            rig.rows(who, "BEGIN");
            rig.rows(who, warns);
            rig.rows(who, "GET DIAGNOSTICS @n = NUMBER, @r = ROW_COUNT");
            assert_eq!(rig.rows(who, "SELECT @n, @r"), "2,2");
            rig.rows(who, "ROLLBACK");
            rig.rows(who, warns);
            rig.rows(who, "GET DIAGNOSTICS @m = NUMBER, @q = ROW_COUNT");
            let state = "GET DIAGNOSTICS CONDITION 2 @s = RETURNED_SQLSTATE, @e = MYSQL_ERRNO";
            rig.rows(who, state);
            assert_eq!(rig.rows(who, "SELECT @m, @q, @s, @e"), "2,2,01000,1265");
            rig.rows(who, warns);
            let origin = "GET DIAGNOSTICS CONDITION 1 @c = CLASS_ORIGIN";
            assert_eq!(rig.query(who, origin).error, Some(1105));
            let together = format!("{warns}; GET DIAGNOSTICS @n = NUMBER");
            assert_eq!(rig.query(who, &together).error, None);
            assert_eq!(rig.rows(who, "SELECT @n"), "2");
        }
    });
}

#[test]
fn prepared_statements_ask_too() {
    on_servers(|rig| {
        for who in [0, 1] {
            rig.rows(who, "SET sql_mode=''");
            let counts = prepare(rig, who, "SELECT ROW_COUNT()*10");
            let found = prepare(rig, who, "SELECT FOUND_ROWS()");
            // MySQL prepares no such statement.
            let shows = (!rig.is_mysql()).then(|| prepare(rig, who, "SHOW WARNINGS LIMIT 1"));
            for begin in ["", "BEGIN; "] {
                for rows in ["('a'),('b')", "('c')"] {
                    let insert = format!("{begin}INSERT INTO t(v) VALUES {rows}");
                    rig.rows(who, &insert);
                    let expected = if rows.len() > 6 { 20 } else { 10 };
                    assert!(answers(rig, who, counts, &number(expected)), "{insert}");
                    rig.rows(who, "SELECT SQL_CALC_FOUND_ROWS 1 FROM t LIMIT 0");
                    let all = rig
                        .rows(who, "SELECT COUNT(*) FROM t")
                        .parse()
                        .expect("a number");
                    rig.rows(who, "SELECT SQL_CALC_FOUND_ROWS 1 FROM t LIMIT 0");
                    assert!(answers(rig, who, found, &number(all)), "{insert}");
                    rig.rows(who, "INSERT INTO t(v) VALUES ('too long')");
                    if let Some(shows) = shows {
                        assert!(answers(rig, who, shows, b"\x07Warning\xf1\x04\0\0"), "1265");
                    }
                    assert!(rig.rows(who, "SHOW WARNINGS").starts_with("Warning,1265,"));
                }
            }
            rig.rows(who, "ROLLBACK; DELETE FROM t");
            assert!(!rig.is_attached(who), "{}", rig.held_by(who));
            let diagnostics = prepare(rig, who, "SELECT LAST_INSERT_ID()");
            rig.rows(who, "INSERT INTO t(v) VALUES ('x')");
            let id = rig.rows(who, "SELECT id FROM t").parse().expect("a number");
            assert!(answers(rig, who, diagnostics, &number(id)));
            rig.rows(who, "DELETE FROM t");
        }
        if !rig.is_mysql() {
            let id = prepare(rig, 0, "SHOW WARNINGS");
            let shown = rig.send(0, &bare_execute(id), ReplyKind::BinaryResults);
            assert_eq!((shown.error, shown.rows.as_str()), (None, ""));
        }
    });
}

#[test]
fn columns_are_called_what_the_client_wrote() {
    on_servers(|rig| {
        for text in [
            "CONNECTION_ID()*0",
            "ROW_COUNT()+1",
            "found_rows() + 1",
            "@@warning_count+0",
            "(SELECT CONNECTION_ID() - 1)",
        ] {
            for before in ["SELECT 1", "UPDATE t SET v='a'"] {
                rig.rows(0, before);
                let answer = rig.query(0, &format!("SELECT {text}"));
                assert_eq!(answer.error, None, "{text}");
                let name = &answer.columns[0];
                assert!(
                    name.contains(text) && !name.contains("CAST"),
                    "{text}: {name}"
                );
            }
        }
        let answer = rig.query(0, "SELECT ROW_COUNT()+1, FOUND_ROWS()+1, CONNECTION_ID()+1");
        let names: Vec<_> = answer.columns.iter().map(String::as_str).collect();
        for (name, text) in
            names
                .iter()
                .zip(["ROW_COUNT()+1", "FOUND_ROWS()+1", "CONNECTION_ID()+1"])
        {
            assert!(name.contains(text), "{name}");
        }
    });
}

#[test]
fn a_client_finds_itself_among_the_servers_connections() {
    on_servers(|rig| {
        assert_eq!(rig.rows(0, "SELECT GET_LOCK('mine', 0)"), "1");
        for (who, own) in [(0, "1"), (1, "0")] {
            let asked = "SELECT IS_USED_LOCK('mine') = CONNECTION_ID()";
            assert_eq!(rig.rows(who, asked), own);
        }
        for who in [0, 1] {
            let asked =
                "SELECT COUNT(*) FROM information_schema.processlist WHERE id = CONNECTION_ID()";
            assert_eq!(rig.rows(who, asked), "1");
        }
        assert_eq!(rig.rows(1, "SELECT CONNECTION_ID()"), "4242");
    });
}

#[test]
fn a_client_that_kills_itself_is_understood() {
    on_servers(|rig| {
        for text in ["KILL CONNECTION_ID()", "KILL QUERY CONNECTION_ID()"] {
            assert_eq!(rig.query(0, text).error, None, "{text}");
        }
    });
}
