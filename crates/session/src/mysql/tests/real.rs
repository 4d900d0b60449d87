//! What must be so on MySQL and MariaDB, when every command runs on another server connection than the last.

use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::reply::ReplyKind;
use tollgate_wire_mysql::status::StatusFlags;

use super::rig::{COMMON, Rig, on_servers};
use crate::PinReason;
use crate::mysql::Told;

#[test]
fn settings_move_with_their_client_and_reach_no_other() {
    on_servers(|rig| {
        let asked = "SELECT @@sql_mode,@@time_zone,@@collation_connection,@@character_set_results,@@autocommit";
        let before = rig.rows(1, asked);
        rig.rows(0, "SET sql_mode='ANSI_QUOTES', time_zone='+3:00'");
        rig.rows(0, "SET NAMES utf8mb4 COLLATE utf8mb4_bin");
        rig.rows(0, "SET character_set_results=NULL, autocommit=0");
        assert!(
            !rig.is_attached(0),
            "autocommit=0 without work holds nothing"
        );
        for _ in 0..4 {
            assert_eq!(rig.rows(0, asked), "ANSI_QUOTES,+03:00,utf8mb4_bin,NULL,0");
            assert_eq!(rig.rows(1, asked), before);
        }
        assert_eq!(rig.rows(0, "SELECT \"id\" FROM \"t\""), "");
        assert!(rig.is_attached(0), "a transaction holds");
        rig.rows(0, "COMMIT");
        assert!(!rig.is_attached(0));
        assert!(rig.pins(0).is_empty());
    });
}

#[test]
fn schemas_move_and_a_bad_one_is_refused_at_once() {
    on_servers(|rig| {
        rig.rows(0, "USE b");
        assert_eq!(
            rig.borrows, 1,
            "one connection is made ready, not one after the other"
        );
        for _ in 0..3 {
            assert_eq!(rig.rows(0, "SELECT DATABASE()"), "b");
            assert_eq!(rig.rows(1, "SELECT DATABASE()"), "a");
        }
        assert_eq!(rig.query(0, "USE nowhere").error, Some(1049));
        let mut init = Vec::new();
        command::use_schema(&mut init, b"a");
        assert_eq!(rig.send(0, &init, ReplyKind::Single).error, None);
        assert_eq!(rig.rows(0, "SELECT DATABASE()"), "a");
        rig.rows(1, "CREATE DATABASE short");
        rig.rows(0, "USE short");
        rig.rows(1, "DROP DATABASE short");
        let errors: Vec<_> = (0..3)
            .map(|_| rig.query(0, "SELECT 1 FROM t").error)
            .collect();
        assert!(errors.iter().all(Option::is_some), "{errors:?}");
        rig.rows(0, "USE a");
        assert_eq!(rig.rows(0, "SELECT COUNT(*) FROM t"), "0");
    });
}

#[test]
fn what_a_statement_left_is_told_elsewhere() {
    on_servers(|rig| {
        rig.rows(0, "SET sql_mode=''");
        rig.rows(0, "INSERT INTO t(v) VALUES ('a'),('b')");
        assert_eq!(rig.rows(0, "SELECT ROW_COUNT()"), "2");
        assert_eq!(rig.rows(0, "SELECT LAST_INSERT_ID()"), "1");
        rig.rows(1, "INSERT INTO t VALUES (100,'c')");
        assert_eq!(rig.rows(1, "SELECT LAST_INSERT_ID()"), "0");
        assert_eq!(rig.rows(0, "SELECT LAST_INSERT_ID(), @@identity"), "1,1");
        rig.rows(0, "SELECT LAST_INSERT_ID(77)");
        assert_eq!(rig.rows(0, "SELECT LAST_INSERT_ID()"), "77");
        rig.rows(0, "SELECT id FROM t LIMIT 2");
        assert_eq!(rig.rows(0, "SELECT FOUND_ROWS()"), "2");
        rig.rows(0, "INSERT INTO t(v) VALUES ('too long')");
        assert!(!rig.is_attached(0));
        let warnings = rig.rows(0, "SHOW WARNINGS");
        assert!(warnings.starts_with("Warning,1265,"), "{warnings}");
        assert_eq!(rig.rows(1, "SHOW WARNINGS"), "");
        assert_eq!(rig.query(0, "SELECT nothing").error, Some(1054));
        let errors = rig.rows(0, "SHOW WARNINGS");
        assert!(errors.starts_with("Error,1054,"), "{errors}");
        rig.rows(0, "UPDATE t SET v='x' WHERE id=1");
        assert_eq!(rig.rows(0, "SELECT ROW_COUNT()+1"), "2");
        assert_eq!(
            rig.rows(0, "UPDATE t SET v='y' WHERE id=1; SELECT ROW_COUNT()+1"),
            "2"
        );
    });
}

#[test]
fn a_failed_procedure_leaves_its_transaction_to_its_client() {
    on_servers(|rig| {
        rig.sql(
            "DELIMITER //\nCREATE PROCEDURE p() BEGIN SET time_zone='+05:00'; START TRANSACTION; \
             INSERT INTO t(v) VALUES('p'); SIGNAL SQLSTATE '45000'; END//\nDELIMITER ;",
        );
        assert_eq!(rig.query(0, "CALL p()").error, Some(1644));
        assert!(rig.is_attached(0));
        assert_eq!(rig.rows(1, "SELECT COUNT(*) FROM t"), "0");
        rig.rows(0, "ROLLBACK");
        assert_eq!(rig.rows(0, "SELECT @@time_zone"), "+05:00");
        assert_eq!(rig.rows(1, "SELECT COUNT(*) FROM t"), "0");
        assert!(rig.pins(0).is_empty(), "all that it does can be read");
    });
}

#[test]
fn session_state_ties_until_it_ends() {
    on_servers(|rig| {
        for (begins, reason, ends) in [
            (
                "LOCK TABLES t READ",
                PinReason::LockedTables,
                Some("UNLOCK TABLES"),
            ),
            (
                "FLUSH TABLES WITH READ LOCK",
                PinReason::LockedTables,
                Some("UNLOCK TABLES"),
            ),
            (
                "DO GET_LOCK('l',0)",
                PinReason::AdvisoryLock,
                Some("DO RELEASE_ALL_LOCKS()"),
            ),
            (
                "HANDLER t OPEN",
                PinReason::Handler,
                Some("HANDLER t CLOSE"),
            ),
            (
                "PREPARE s FROM 'SELECT 1'",
                PinReason::PreparedStatement,
                Some("DEALLOCATE PREPARE s"),
            ),
            ("SET rand_seed1=1", PinReason::SessionSetting, None),
        ] {
            rig.rows(0, begins);
            assert!(rig.is_attached(0), "{begins}");
            assert_eq!(rig.pins(0), [reason], "{begins}");
            match ends {
                Some(ends) => {
                    rig.rows(0, ends);
                }
                None => reset(rig, 0),
            }
            assert!(!rig.is_attached(0), "behind {begins}");
            assert_eq!(rig.rows(0, "SELECT @v, 1"), "NULL,1");
        }
    });
}

pub(super) fn reset(rig: &mut Rig, who: usize) {
    let mut bytes = Vec::new();
    command::reset_connection(&mut bytes);
    assert_eq!(rig.send(who, &bytes, ReplyKind::Single).error, None);
}

#[test]
fn what_a_client_leaves_behind_is_gone() {
    on_servers(|rig| {
        assert_eq!(rig.leave(0), "nothing");
        rig.rows(0, "BEGIN");
        rig.rows(0, "INSERT INTO t(v) VALUES('z')");
        assert_eq!(rig.leave(0), "cleaned up");
        rig.rows(0, "CREATE TEMPORARY TABLE t(x INT)");
        rig.rows(0, "SET @v=7, sql_mode='ANSI'");
        assert_eq!(rig.leave(0), "cleaned up");
        for _ in 0..3 {
            assert_eq!(rig.rows(0, "SELECT COUNT(*),@v FROM t"), "0,NULL");
        }
        rig.rows(0, "SET ROLE NONE");
        assert_eq!(rig.leave(0), "nothing");
    });
}

#[test]
fn a_setting_for_the_next_transaction_is_neither_lost_nor_leaked() {
    on_servers(|rig| {
        rig.rows(0, "SET TRANSACTION READ ONLY");
        assert!(rig.is_attached(0));
        rig.rows(0, "BEGIN");
        assert_eq!(
            rig.query(0, "INSERT INTO t(v) VALUES('r')").error,
            Some(1792)
        );
        rig.rows(0, "ROLLBACK");
        assert!(!rig.is_attached(0));
        rig.rows(0, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        let name = if rig.is_mysql() {
            "transaction_isolation"
        } else {
            "tx_isolation"
        };
        for _ in 0..3 {
            assert_eq!(rig.rows(0, &format!("SELECT @@{name}")), "SERIALIZABLE");
            assert_eq!(rig.rows(1, &format!("SELECT @@{name}")), "REPEATABLE-READ");
        }
    });
}

#[test]
fn the_client_sees_its_own_number() {
    on_servers(|rig| {
        let answer = rig.query(0, "SELECT connection_id()");
        assert_eq!(answer.rows, "4242");
        assert!(
            answer.columns[0].contains("connection_id()"),
            "{:?}",
            answer.columns
        );
        assert_eq!(rig.rows(0, "SELECT CONNECTION_ID()+1"), "4243");
        assert_eq!(rig.query(0, "KILL 4242").error, None);
    });
}

pub(super) fn prepare(rig: &mut Rig, who: usize, text: &str) -> u32 {
    let mut bytes = Vec::new();
    command::stmt_prepare(&mut bytes, text.as_bytes());
    let answer = rig.send(who, &bytes, ReplyKind::Prepared);
    assert_eq!(answer.error, None, "{text}");
    answer.statement
}

/// An execute without parameters.
pub(super) fn bare_execute(id: u32) -> Vec<u8> {
    let mut bytes = vec![10, 0, 0, 0, 0x17];
    bytes.extend(id.to_le_bytes());
    bytes.extend([0, 1, 0, 0, 0]);
    bytes
}

/// An execute with one INT parameter, whose type is bound or not.
pub(super) fn execute(id: u32, types: &[u8], value: u32, flags: u8) -> Vec<u8> {
    let mut payload = vec![0x17];
    payload.extend(id.to_le_bytes());
    payload.push(flags);
    payload.extend(1_u32.to_le_bytes());
    payload.extend([0, u8::from(!types.is_empty())]);
    payload.extend(types);
    payload.extend(value.to_le_bytes());
    let mut bytes = vec![u8::try_from(payload.len()).expect("short"), 0, 0, 0];
    bytes.extend(payload);
    bytes
}

#[test]
fn prepared_statements_move_with_their_types_and_their_schema() {
    on_servers(|rig| {
        rig.rows(0, "INSERT INTO t VALUES (1,'one'),(2,'two')");
        for who in [0, 1] {
            let id = prepare(rig, who, "SELECT v FROM t WHERE id=?");
            assert!(!rig.is_attached(who));
            let first = rig.send(who, &execute(id, &[3, 0], 1, 0), ReplyKind::BinaryResults);
            assert!(first.rows.ends_with("one"), "{}", first.rows);
            rig.rows(who, "USE b");
            for _ in 0..4 {
                let again = rig.send(who, &execute(id, &[], 2, 0), ReplyKind::BinaryResults);
                assert!(again.rows.ends_with("two"), "{again:?}");
                assert_eq!(rig.rows(who, "SELECT DATABASE()"), "b");
            }
            for other in ["SELECT 1", "SELECT 2", "SELECT 3"] {
                prepare(rig, who, other);
            }
            let again = rig.send(who, &execute(id, &[], 2, 0), ReplyKind::BinaryResults);
            assert!(again.rows.ends_with("two"), "{again:?}");
            assert!(!rig.is_attached(who), "{}", rig.held_by(who));
            let unknown = rig.send(who, &execute(99, &[], 2, 0), ReplyKind::BinaryResults);
            assert_eq!(unknown.error, Some(1243));
        }
    });
}

#[test]
fn a_cursor_holds_until_its_last_row() {
    on_servers(|rig| {
        rig.rows(0, "INSERT INTO t VALUES (1,'one'),(2,'two')");
        for who in [0, 1] {
            let id = prepare(rig, who, "SELECT v FROM t WHERE id>=? ORDER BY id");
            let opened = rig.send(who, &execute(id, &[3, 0], 1, 1), ReplyKind::BinaryResults);
            assert_eq!(opened.error, None);
            assert!(opened.status.contains(StatusFlags::CURSOR_EXISTS) || who == 1);
            assert_eq!(rig.pins(who), [PinReason::HoldCursor]);
            let mut fetch = vec![9, 0, 0, 0, 0x1c];
            fetch.extend(id.to_le_bytes());
            fetch.extend(10_u32.to_le_bytes());
            let rows = rig.send(who, &fetch, ReplyKind::CursorRows).rows;
            assert!(rows.contains("one") && rows.contains("two"), "{rows}");
            assert!(!rig.is_attached(who));
            assert_eq!(
                rig.send(who, &fetch, ReplyKind::CursorRows).error,
                Some(1421)
            );
        }
    });
}

#[test]
fn a_client_that_asks_for_reports_gets_its_own() {
    on_servers(|rig| {
        rig.rows(
            0,
            "SET session_track_system_variables='sql_mode', time_zone='+02:00'",
        );
        for _ in 0..3 {
            assert_eq!(rig.rows(0, "SELECT @@time_zone"), "+02:00");
        }
        let told = rig.query(0, "SET sql_mode=''").status;
        assert!(told.contains(StatusFlags::SESSION_STATE_CHANGED));
        let told = rig.query(0, "SET time_zone='+01:00'").status;
        assert!(!told.contains(StatusFlags::SESSION_STATE_CHANGED));
        let told = rig.query(1, "SET time_zone='+01:00'").status;
        assert!(told.contains(StatusFlags::SESSION_STATE_CHANGED));
        assert!(!COMMON.contains(Capabilities::SESSION_TRACK));
    });
}

#[test]
fn commands_sent_at_once_are_answered_in_order() {
    on_servers(|rig| {
        let mut bytes = Vec::new();
        command::reset_connection(&mut bytes);
        command::write_query(&mut bytes, COMMON, b"SET NAMES utf8mb4");
        command::ping(&mut bytes);
        let output = rig.drive(0, &bytes);
        let mut rest = &output[..];
        let mut answers = 0;
        while let tollgate_wire_mysql::frame::Frame::Complete(header) =
            tollgate_wire_mysql::frame::next(rest)
        {
            assert_eq!((header.sequence, header.payload(rest)[0]), (1, 0));
            rest = &rest[header.total()..];
            answers += 1;
        }
        assert_eq!(answers, 3);
    });
}

#[test]
fn pieces_of_a_parameter_hold_until_they_are_used() {
    on_servers(|rig| {
        rig.rows(0, "SET SESSION sql_mode=''");
        let id = prepare(rig, 0, "INSERT INTO t(v) VALUES (?)");
        rig.rows(0, "SELECT 1");
        let mut piece = vec![9, 0, 0, 0, 0x18];
        piece.extend(id.to_le_bytes());
        piece.extend([0, 0, b'x', b'y']);
        assert!(rig.drive(0, &piece).is_empty());
        assert!(rig.is_attached(0));
        let mut payload = vec![0x17];
        payload.extend(id.to_le_bytes());
        payload.extend([0, 1, 0, 0, 0, 0, 1, 0xfd, 0]);
        let mut bytes = vec![u8::try_from(payload.len()).expect("short"), 0, 0, 0];
        bytes.extend(payload);
        let answer = rig.send(0, &bytes, ReplyKind::BinaryResults);
        assert_eq!(answer.error, None);
        assert!(!rig.is_attached(0));
        assert_eq!(rig.rows(1, "SELECT v FROM t"), "xy");
    });
}

#[test]
fn the_insert_id_of_a_transaction_is_the_clients() {
    on_servers(|rig| {
        rig.rows(0, "INSERT INTO t(v) VALUES ('a')");
        rig.rows(1, "INSERT INTO t(v) VALUES ('b')");
        for _ in 0..3 {
            rig.rows(0, "BEGIN");
            rig.rows(0, "SELECT 1");
            assert_eq!(rig.rows(0, "SELECT LAST_INSERT_ID()"), "1");
            rig.rows(0, "ROLLBACK");
            assert_eq!(rig.rows(1, "SELECT LAST_INSERT_ID()"), "2");
        }
        rig.rows(0, "BEGIN");
        rig.rows(0, "INSERT INTO t VALUES (50,'c')");
        assert_eq!(rig.rows(0, "SELECT LAST_INSERT_ID()"), "1");
        rig.rows(0, "COMMIT");
    });
}

#[test]
fn texts_of_any_size_pass_and_large_rows_come_back() {
    on_servers(|rig| {
        let long = "y".repeat(crate::mysql::MAX_WHOLE + 100);
        assert_eq!(
            rig.rows(0, &format!("SELECT LENGTH('{long}'),'{long}'")),
            format!("{},{long}", long.len())
        );
        assert!(!rig.is_attached(0));
        if rig.is_mysql() {
            // More than one packet; MariaDB allows 16 MiB as it comes.
            let longer = "z".repeat(0x100_0000 + 5);
            let length = rig.rows(0, &format!("SELECT LENGTH('{longer}')"));
            assert_eq!(length, longer.len().to_string());
        }
        rig.rows(0, &format!("SET @v='{long}'"));
        assert_eq!(rig.pins(0), [PinReason::UserVariable]);
    });
}

#[test]
fn a_file_comes_from_the_client() {
    on_servers(|rig| {
        rig.sql("SET GLOBAL local_infile=1");
        for who in [0, 1] {
            let mut query = Vec::new();
            command::write_query(
                &mut query,
                COMMON,
                b"LOAD DATA LOCAL INFILE '/dir/na\\\\me' INTO TABLE t(v)",
            );
            let asked = rig.drive(who, &query);
            assert_eq!(asked, [&[11, 0, 0, 1, 0xfb][..], b"/dir/na\\me"].concat());
            let output = rig.drive(who, b"\x04\0\0\x02a\nb\n\0\0\0\x03");
            assert_eq!(
                (output[3], output[4], output[5]),
                (4, 0, 2),
                "{}",
                output.escape_ascii()
            );
            assert!(!rig.is_attached(who));
        }
        assert_eq!(rig.rows(0, "SELECT COUNT(*) FROM t"), "4");
    });
}

#[test]
fn a_statement_that_cannot_be_sent_is_refused_in_its_place() {
    on_servers(|rig| {
        rig.rows(0, "SET sql_mode=''");
        let mut out = crate::Effects::new();
        let mut session = rig.session(0);
        let mut input = Vec::new();
        command::write_query(&mut input, COMMON, b"SELECT 1");
        let progress = session.on_client(&input, &mut out);
        assert!(matches!(progress.want, crate::mysql::Want::Server));
        assert_eq!(progress.consumed, 0);
        session.refuse(ErrorCode::BORROW_TIMEOUT, "timed out");
        let progress = session.on_client(&input, &mut out);
        assert_eq!(progress.consumed, input.len());
        let crate::Piece::Injected(bytes) = out.to_client().next().expect("an answer") else {
            panic!("it is no input");
        };
        assert_eq!(bytes[3..7], [1, 0xff, 0x1d, 0x25]);
    });
}

#[test]
fn a_lost_connection_is_told_only_to_whom_it_hurts() {
    on_servers(|rig| {
        rig.rows(0, "BEGIN");
        let (told, output) = rig.lose(0);
        assert_eq!((told, output.len()), (Told::No, 0));
        let mut query = Vec::new();
        command::write_query(&mut query, COMMON, b"SELECT 1");
        rig.start(1, &query);
        let (told, output) = rig.lose(1);
        assert_eq!(told, Told::Unharmed, "only what the proxy asks was sent");
        assert!(output.is_empty());
        assert_eq!(rig.rows(1, "SELECT 1"), "1");
        rig.start(1, &query);
        let (told, output) = rig.lose(1);
        assert_eq!((told, output[3], output[4]), (Told::Yes, 1, 0xff));
    });
}
