//! User variables, temporary tables, locks and what stored code leaves: on MySQL and MariaDB, every command on
//! another server connection than the last where nothing ties.

use tollgate_wire_mysql::reply::ReplyKind;

use super::rig::{Answer, Rig, on_servers};
use crate::PinReason;

/// Everything that can be seen of the variable `v`.
const SEEN: &str = "SELECT @v, COLLATION(@v), HEX(@v), LENGTH(@v), COERCIBILITY(@v), @v IS NULL";

fn seen(rig: &mut Rig, who: usize) -> Answer {
    let answer = rig.query(who, SEEN);
    assert_eq!(answer.error, None);
    Answer {
        status: tollgate_wire_mysql::status::StatusFlags::EMPTY,
        ..answer
    }
}

fn is_free(rig: &Rig, who: usize) {
    assert!(!rig.is_attached(who), "{}", rig.held_by(who));
    assert!(rig.pins(who).is_empty());
}

#[test]
fn user_variables_move_with_their_types() {
    on_servers(|rig| {
        let never = seen(rig, 1);
        for value in [
            "5",
            "-7",
            "'abc'",
            "CAST(5 AS UNSIGNED)",
            "18446744073709551615",
            "-9223372036854775808",
            "1.50",
            "-0.001",
            "CAST(5 AS DECIMAL(10,0))",
            "CAST('123456789012345678901234567890.123456789012345678901234567890' AS DECIMAL(60,30))",
            "1.5e0",
            "1e0/3",
            "1e100/3",
            "5e-324",
            "RAND(5)",
            "_utf8mb4 x'c3a9f09f9880' COLLATE utf8mb4_bin",
            "_latin1 x'e9' COLLATE latin1_bin",
            "x'4142'",
            "x'00ff27'",
            "''",
            "_binary ''",
            "NULL",
            "TRUE",
            "NOW()",
            "DATE'2020-01-02'",
            "JSON_OBJECT('a',1)",
            "REPEAT('x',16000)",
        ] {
            rig.rows(0, "BEGIN");
            rig.rows(0, &format!("SET @v={value}"));
            let here = seen(rig, 0);
            rig.rows(0, "COMMIT");
            is_free(rig, 0);
            for _ in 0..3 {
                assert_eq!(seen(rig, 0), here, "{value}");
                assert_eq!(seen(rig, 1).rows, never.rows, "{value}");
            }
            rig.rows(0, "BEGIN");
            rig.rows(0, "SET @v=NULL");
            let here = seen(rig, 0);
            rig.rows(0, "COMMIT");
            assert_eq!(seen(rig, 0), here, "NULL behind {value}");
        }
    });
}

#[test]
fn variables_are_followed_whatever_writes_them() {
    on_servers(|rig| {
        rig.sql("INSERT INTO t VALUES (1,'one'),(2,'two')");
        for (writes, value) in [
            ("SET @v='l', @w=1", "l"),
            ("SET @V := 8", "8"),
            ("SELECT 'i' INTO @v", "i"),
            ("SELECT @v:='c'", "c"),
            ("SELECT @v:=id FROM t ORDER BY id", "2"),
            ("UPDATE t SET v=(@v:='u') WHERE id=1", "u"),
            ("SET @v=1; SET @v=2", "2"),
            ("SELECT 1; SET @v=@v+1", "3"),
            ("SET @`v`='q'", "q"),
        ] {
            rig.rows(0, writes);
            is_free(rig, 0);
            assert_eq!(rig.rows(0, "SELECT @v"), value, "{writes}");
            assert_eq!(rig.rows(1, "SELECT @v"), "NULL", "{writes}");
        }
        assert_eq!(rig.query(0, "SET @v='no', @w=nothing").error, Some(1054));
        assert_eq!(rig.rows(0, "SELECT @v"), "q");
        // A text that needs both may write and read in any order.
        rig.rows(0, "SET @a=1, @b=2");
        rig.rows(0, "SET @c=@a+@b");
        assert_eq!(rig.rows(0, "SELECT @c,@b,@a"), "3,2,1");
        super::real::reset(rig, 0);
        assert_eq!(rig.rows(0, "SELECT @c,@v"), "NULL,NULL");
        assert_eq!(rig.leave(0), "nothing");
    });
}

#[test]
fn values_that_cannot_be_spelled_stay_until_they_are_gone() {
    on_servers(|rig| {
        for value in [
            "_sjis x'8341'",
            "_utf16 x'0061'",
            "REPEAT('x',20000)",
            "REPEAT('x',2000000)",
        ] {
            rig.rows(0, &format!("SET @v={value}"));
            assert_eq!(rig.pins(0), [PinReason::UserVariable], "{value}");
            assert_eq!(rig.rows(1, "SELECT @v"), "NULL");
            rig.rows(0, "SET @v='short'");
            is_free(rig, 0);
            assert_eq!(rig.rows(0, "SELECT @v"), "short");
        }
        rig.rows(0, "SET @é=1");
        assert_eq!(rig.pins(0), [PinReason::UserVariable]);
        assert_eq!(rig.leave(0), "cleaned up");
        let many: Vec<String> = (0..10)
            .map(|at| format!("@v{at}=REPEAT('x',16000)"))
            .collect();
        rig.rows(0, &format!("SET {}", many.join(",")));
        assert_eq!(rig.pins(0), [PinReason::UserVariable]);
    });
}

#[test]
fn limits_of_rows_do_not_hide_values() {
    on_servers(|rig| {
        rig.rows(0, "SET sql_select_limit=0");
        rig.rows(0, "SET @v=1.5");
        is_free(rig, 0);
        assert_eq!(rig.rows(0, "SELECT @v LIMIT 1"), "1.5");
    });
}

#[test]
fn temporary_tables_tie_until_the_last_is_dropped() {
    on_servers(|rig| {
        let tied = [PinReason::TemporaryObject];
        rig.rows(0, "CREATE TEMPORARY TABLE x(a INT)");
        rig.rows(0, "CREATE TEMPORARY TABLE IF NOT EXISTS b.y SELECT 1");
        assert_eq!(rig.pins(0), tied);
        rig.rows(0, "DROP TABLE x");
        assert_eq!(rig.pins(0), tied);
        rig.rows(0, "DROP TEMPORARY TABLE IF EXISTS b.y");
        is_free(rig, 0);
        assert_eq!(
            rig.query(0, "CREATE TEMPORARY TABLE x(a INT, a INT)").error,
            Some(1060)
        );
        is_free(rig, 0);
        // Names that differ in case are two tables.
        rig.rows(
            0,
            "CREATE TEMPORARY TABLE x(a INT); CREATE TEMPORARY TABLE X(a INT)",
        );
        rig.rows(0, "DROP TABLE X");
        assert_eq!(rig.pins(0), tied);
        rig.rows(0, "DROP TABLE `x`");
        is_free(rig, 0);
        // A transaction takes nothing back.
        rig.rows(0, "BEGIN");
        rig.rows(0, "CREATE TEMPORARY TABLE x(a INT)");
        rig.rows(0, "ROLLBACK");
        assert_eq!(rig.pins(0), tied);
        rig.rows(0, "ALTER TABLE x RENAME TO z");
        rig.rows(0, "CREATE TEMPORARY TABLE x(a INT)");
        rig.rows(0, "DROP TABLE x");
        assert_eq!(rig.pins(0), tied);
        assert_eq!(rig.rows(0, "SELECT COUNT(*) FROM z"), "0");
        assert_eq!(rig.leave(0), "cleaned up");
        assert!((0..3).all(|_| rig.query(0, "SELECT * FROM z").error == Some(1146)));
        // Where it is not certain what ran, the server is asked.
        rig.rows(0, "CREATE TEMPORARY TABLE x(a INT)");
        assert_eq!(
            rig.query(0, "DROP TABLE x; SELECT nothing").error,
            Some(1054)
        );
        is_free(rig, 0);
        let id = super::real::prepare(rig, 0, "CREATE TEMPORARY TABLE x(a INT)");
        let made = rig.send(0, &super::real::bare_execute(id), ReplyKind::BinaryResults);
        assert_eq!(made.error, None);
        assert_eq!(rig.pins(0), tied);
        rig.rows(0, "DROP TABLE x");
        is_free(rig, 0);
    });
}

#[test]
fn named_locks_tie_until_the_server_says_they_are_free() {
    on_servers(|rig| {
        let tied = [PinReason::AdvisoryLock];
        assert_eq!(rig.rows(0, "SELECT GET_LOCK('a b',0)"), "1");
        assert_eq!(rig.pins(0), tied);
        assert_eq!(
            rig.rows(0, "SELECT GET_LOCK('a b',0), GET_LOCK('c',0)"),
            "1,1"
        );
        assert_eq!(rig.rows(1, "SELECT GET_LOCK('a b',0)"), "0");
        is_free(rig, 1);
        assert_eq!(rig.rows(0, "SELECT RELEASE_LOCK('a b')"), "1");
        assert_eq!(rig.rows(0, "SELECT RELEASE_LOCK('c')"), "1");
        assert_eq!(rig.pins(0), tied, "it was taken twice");
        assert_eq!(rig.rows(0, "DO RELEASE_LOCK('a b')"), "");
        is_free(rig, 0);
        assert_eq!(rig.rows(1, "SELECT GET_LOCK('a b',0)"), "1");
        assert_eq!(
            rig.rows(1, "SELECT 1 WHERE 1=0 AND RELEASE_ALL_LOCKS()"),
            ""
        );
        assert_eq!(rig.pins(1), tied);
        rig.rows(1, "BEGIN");
        assert_eq!(rig.rows(1, "SELECT RELEASE_ALL_LOCKS()"), "1");
        rig.rows(1, "COMMIT");
        is_free(rig, 1);
        // A name that is made up as it goes is not known.
        assert_eq!(rig.rows(0, "SELECT GET_LOCK(CONCAT('x','y'),0)"), "1");
        assert_eq!(rig.pins(0), tied);
        assert_eq!(rig.rows(0, "SELECT RELEASE_LOCK('xy')"), "1");
        is_free(rig, 0);
        assert_eq!(rig.rows(0, "SELECT GET_LOCK(CONCAT('x','y'),0),1"), "1,1");
        assert_eq!(rig.rows(0, "SELECT RELEASE_LOCK('xy')"), "1");
        assert_eq!(rig.pins(0), tied, "how many there were was not counted");
        rig.rows(0, "SELECT RELEASE_ALL_LOCKS()");
        is_free(rig, 0);
    });
}

#[test]
fn locks_of_tables_and_of_the_server_end_apart() {
    on_servers(|rig| {
        let tied = [PinReason::LockedTables];
        let (lock, unlock) = if rig.is_mysql() {
            ("LOCK INSTANCE FOR BACKUP", "UNLOCK INSTANCE")
        } else {
            ("BACKUP STAGE START", "BACKUP STAGE END")
        };
        rig.rows(0, lock);
        rig.rows(0, "UNLOCK TABLES");
        assert_eq!(rig.pins(0), tied);
        rig.rows(0, unlock);
        is_free(rig, 0);
        rig.rows(0, "FLUSH TABLES t WITH READ LOCK");
        assert_eq!(rig.pins(0), tied);
        rig.rows(0, "UNLOCK TABLES");
        is_free(rig, 0);
        for ends in ["XA ROLLBACK 'x'", "XA COMMIT 'x'"] {
            for text in [
                "XA START 'x'",
                "INSERT INTO t(v) VALUES ('x')",
                "XA END 'x'",
                "XA PREPARE 'x'",
            ] {
                rig.rows(0, text);
                // MySQL lets go of what is prepared, for any connection to end it.
                let detached = rig.is_mysql() && text == "XA PREPARE 'x'";
                assert_eq!(rig.is_attached(0), !detached, "{text}");
            }
            rig.rows(0, ends);
            is_free(rig, 0);
        }
        assert_eq!(rig.rows(1, "SELECT COUNT(*) FROM t"), "1");
    });
}

#[test]
fn stored_code_counts_as_if_its_statements_were_the_clients() {
    on_servers(|rig| {
        rig.sql(
            "DELIMITER //\n\
             CREATE PROCEDURE plain() BEGIN DECLARE x INT; SET x = 1; SELECT x; END//\n\
             CREATE PROCEDURE sets(OUT o INT) BEGIN SET @seen='set'; SELECT 7 INTO @hidden; SET o=9; END//\n\
             CREATE PROCEDURE outer_one() BEGIN CALL sets(@o); END//\n\
             CREATE PROCEDURE tables_() BEGIN CREATE TEMPORARY TABLE tmp(a INT); DROP TEMPORARY TABLE tmp; END//\n\
             CREATE PROCEDURE leaves() BEGIN CREATE TEMPORARY TABLE tmp(a INT); END//\n\
             CREATE FUNCTION takes() RETURNS INT DETERMINISTIC BEGIN RETURN GET_LOCK('in code',0); END//\n\
             CREATE PROCEDURE dynamic() BEGIN SET @s='SELECT 5 INTO @d'; PREPARE s FROM @s; EXECUTE s; END//\n\
             DELIMITER ;",
        );
        for commits in ["SET autocommit=0", "SET autocommit=1"] {
            // What is asked of the catalogue opens no transaction.
            rig.rows(0, commits);
            assert_eq!(rig.rows(0, "CALL plain()"), "1");
            is_free(rig, 0);
            rig.rows(0, "CALL outer_one()");
            is_free(rig, 0);
            assert_eq!(rig.rows(0, "SELECT @seen,@hidden,@o"), "set,7,9");
            assert_eq!(rig.rows(1, "SELECT @seen,@hidden,@o"), "NULL,NULL,NULL");
        }
        rig.rows(0, "CALL tables_()");
        is_free(rig, 0);
        rig.rows(0, "CALL a.LEAVES()");
        assert_eq!(rig.pins(0), [PinReason::TemporaryObject]);
        rig.rows(0, "DROP TABLE tmp");
        is_free(rig, 0);
        assert_eq!(rig.rows(0, "SELECT takes()"), "1");
        assert_eq!(rig.pins(0), [PinReason::AdvisoryLock]);
        assert_eq!(rig.rows(1, "SELECT takes()"), "0");
        is_free(rig, 1);
        assert_eq!(rig.rows(0, "SELECT RELEASE_LOCK('in code')"), "1");
        is_free(rig, 0);
        rig.rows(0, "CALL dynamic()");
        assert_eq!(rig.pins(0), [PinReason::ProceduralBody]);
        assert_eq!(rig.leave(0), "cleaned up");
        assert_eq!(rig.rows(0, "SELECT @d"), "NULL");
    });
}

#[test]
fn code_that_changes_is_read_again() {
    on_servers(|rig| {
        for _ in 0..4 {
            rig.rows(0, "CREATE PROCEDURE p() SELECT 1");
            assert_eq!(rig.rows(0, "CALL p()"), "1");
            rig.rows(0, "DROP PROCEDURE p");
            rig.rows(0, "CREATE PROCEDURE p() SELECT 1 INTO @changed");
            rig.rows(0, "CALL p()");
            assert_eq!(rig.rows(0, "SELECT @changed"), "1");
            rig.rows(0, "DROP PROCEDURE p; SET @changed=NULL");
            is_free(rig, 0);
        }
    });
}

#[test]
fn a_text_that_nobody_understands_ties_nobody() {
    on_servers(|rig| {
        for text in ["SELEKT 1", "(", "WITHOUT a AS (SELECT 1) SELECT 2"] {
            let answer = rig.query(0, text);
            assert!(answer.error.is_some(), "{text}");
            is_free(rig, 0);
        }
    });
}

#[test]
fn out_parameters_of_a_procedure_with_results_move() {
    on_servers(|rig| {
        rig.rows(
            0,
            "CREATE PROCEDURE two(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a + 1; SET b = a * 2; END",
        );
        for begin in ["SET autocommit = 0", "SET autocommit = 1"] {
            rig.rows(0, begin);
            rig.rows(0, "SET @x = 4, @y = 0");
            let answer = rig.query(0, "CALL two(@x, @y)");
            assert_eq!(answer.error, None);
            rig.rows(0, "COMMIT");
            is_free(rig, 0);
            let told = rig.query(0, "SELECT @y");
            assert_eq!(told.error, None);
            rig.rows(0, "COMMIT");
        }
        rig.rows(0, "DROP PROCEDURE two");
    });
}

#[test]
fn another_schema_ties_nobody() {
    on_servers(|rig| {
        let answer = rig.send(0, b"\x13\0\0\0\x02information_schema", ReplyKind::Single);
        assert_eq!(answer.error, None);
        is_free(rig, 0);
        assert!(
            rig.rows(0, "SELECT DATABASE()")
                .contains("information_schema")
        );
        is_free(rig, 0);
    });
}

#[test]
fn settings_of_one_statement_tie_nobody() {
    on_servers(|rig| {
        if rig.is_mysql() {
            return;
        }
        rig.rows(0, "SET STATEMENT max_statement_time = 30 FOR SELECT 1");
        is_free(rig, 0);
        let told = rig.rows(0, "SELECT @@max_statement_time");
        assert!(told.starts_with("0.000000"), "{told}");
        is_free(rig, 0);
    });
}

#[test]
fn settings_stay_with_their_client_however_they_are_spelt() {
    let forms = [
        "SET @@{}",
        "SET @@session.{}",
        "SET @a = 1, @@{}",
        "SET SESSION {}",
        "SET {}",
    ];
    let values = [
        ("foreign_key_checks=0", "foreign_key_checks"),
        ("unique_checks=0", "unique_checks"),
        ("time_zone='+05:00'", "time_zone"),
        ("sql_mode=''", "sql_mode"),
        ("group_concat_max_len=77", "group_concat_max_len"),
        ("sql_safe_updates:=1", "sql_safe_updates"),
        ("collation_database=latin1_bin", "collation_database"),
        ("character_set_database=ascii", "character_set_database"),
        ("autocommit=0", "autocommit"),
    ];
    on_servers(|rig| {
        for form in forms {
            for (value, name) in values {
                let probe = format!("SELECT @@session.{name}");
                let before = rig.rows(1, &probe);
                let text = form.replace("{}", value);
                rig.rows(0, &text);
                let own = rig.rows(0, &probe);
                assert_ne!(own, before, "{text}");
                assert_eq!(rig.rows(1, &probe), before, "{text}");
                assert_eq!(rig.rows(0, &probe), own, "{text}");
                rig.send(0, b"\x01\0\0\0\x1f", ReplyKind::Single);
                assert_eq!(rig.rows(0, &probe), before, "reset behind {text}");
            }
        }
    });
}

#[test]
fn what_a_sequence_gave_is_nobody_elses() {
    on_servers(|rig| {
        if rig.is_mysql() {
            return;
        }
        rig.rows(0, "CREATE SEQUENCE numbers");
        for read in [
            "SELECT LASTVAL(numbers)",
            "SELECT PREVIOUS VALUE FOR numbers",
        ] {
            rig.rows(0, "SELECT NEXTVAL(numbers)");
            assert_eq!(rig.rows(1, read), "NULL");
        }
        rig.rows(0, "DROP SEQUENCE numbers");
    });
}
