//! Every command of the protocol on MySQL and MariaDB, and several at once.

use tollgate_testkit::MySqlKind;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command;
use tollgate_wire_mysql::reply::ReplyKind;

use super::real::{bare_execute, execute, prepare};
use super::rig::{COMMON, Rig, SERVER, on_server, on_servers};
use crate::PinReason;
use crate::mysql::Killed;

/// A packet with this payload.
fn packet(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(payload.len()).expect("short"), 0, 0, 0];
    bytes.extend_from_slice(payload);
    bytes
}

fn prepared(text: &str) -> (Vec<u8>, ReplyKind) {
    let mut bytes = Vec::new();
    command::stmt_prepare(&mut bytes, text.as_bytes());
    (bytes, ReplyKind::Prepared)
}

#[test]
fn answers_to_commands_sent_at_once_are_not_mixed() {
    on_servers(|rig| {
        for who in [0, 1] {
            rig.rows(who, "SET sql_mode=''");
            let last = (bare_execute(u32::MAX), ReplyKind::BinaryResults);
            let single = |code: u8| (packet(&[code]), ReplyKind::Single);
            let commands = [
                rig.packet_of(who, "INSERT INTO t(v) VALUES ('a'),('too long')"),
                rig.packet_of(who, "SHOW WARNINGS"),
                rig.packet_of(who, "SELECT ROW_COUNT(), LAST_INSERT_ID() > 0"),
                single(0x0e),
                prepared("SELECT 'prepared'"),
                last.clone(),
                prepared("SELECT nothing"),
                last,
                rig.packet_of(who, "SET @p = 'piped', time_zone = '+01:00'"),
                rig.packet_of(who, "SELECT @p, @@time_zone; SELECT 2"),
                (packet(b"\x02b"), ReplyKind::Single),
                rig.packet_of(who, "SELECT DATABASE()"),
                rig.packet_of(who, "SELECT broken FROM"),
                rig.packet_of(who, "BEGIN"),
                rig.packet_of(who, "DELETE FROM a.t"),
                rig.packet_of(who, "COMMIT"),
                rig.packet_of(who, "SELECT COUNT(*) FROM a.t"),
                (packet(b"\x02a"), ReplyKind::Single),
                single(0x1f),
                rig.packet_of(who, "SELECT @p, DATABASE()"),
            ];
            let answers = rig.pipeline(who, &commands);
            let rows: Vec<&str> = answers.iter().map(|answer| answer.rows.as_str()).collect();
            assert!(rows[1].starts_with("Warning,1265,"), "{rows:?}");
            assert_eq!(rows[2], "-1,1");
            assert!(rows[5].contains("prepared"), "{rows:?}");
            assert_eq!(
                (answers[6].error, answers[7].error),
                (Some(1054), Some(1243))
            );
            assert_eq!((rows[9], rows[11]), ("piped,+01:00|2", "b"));
            assert_eq!(answers[12].error, Some(1064));
            assert_eq!((rows[16], rows[19]), ("0", "NULL,a"));
            let failed = answers.iter().filter(|answer| answer.error.is_some());
            assert_eq!(failed.count(), 3);
            assert!(!rig.is_attached(who), "{}", rig.held_by(who));
        }
    });
}

#[test]
fn several_statements_are_a_matter_of_the_client() {
    on_servers(|rig| {
        let option = |on: u8| packet(&[0x1b, on, 0]);
        assert_eq!(rig.send(0, &option(1), ReplyKind::Single).error, None);
        for _ in 0..3 {
            assert_eq!(rig.query(0, "SELECT 1; SELECT 2").error, Some(1064));
            assert_eq!(rig.rows(1, "SELECT 1; SELECT 2"), "1|2");
        }
        assert_eq!(rig.send(0, &option(0), ReplyKind::Single).error, None);
        assert_eq!(rig.rows(0, "SELECT 1; SELECT 2"), "1|2");
        assert_eq!(rig.send(0, &option(7), ReplyKind::Single).error, Some(1047));
    });
}

#[test]
fn commands_about_the_server_are_answered_or_refused() {
    on_servers(|rig| {
        for who in [0, 1] {
            let output = rig.drive(who, &packet(&[0x09]));
            assert!(String::from_utf8_lossy(&output).contains("Uptime"));
            let fields = rig.send(who, &packet(b"\x04t\0"), ReplyKind::Fields);
            if fields.error.is_none() {
                assert_eq!(fields.columns.len(), 2);
            } else {
                assert_eq!(
                    fields.error,
                    Some(1047),
                    "a server that has no such command"
                );
            }
            // Processes and refreshes are the server's; MySQL 8.4 and later have no such commands.
            let gone = rig.is_mysql().then_some(1047);
            let processes = rig.send(who, &packet(&[0x0a]), ReplyKind::TextResults);
            assert_eq!(processes.error, gone);
            let refreshed = rig.send(who, &packet(&[0x07, 8]), ReplyKind::Single);
            assert_eq!(refreshed.error, gone);
            // What is refused: shutdown, schemas, binlog, a byte that is no command.
            for code in [0x08, 0x05, 0x06, 0x12, 0x15, 0x1e, 0x77] {
                let refused = rig.send(who, &packet(&[code, 1]), ReplyKind::Single);
                assert_eq!(refused.error, Some(1047), "{code:#x}");
            }
            assert_eq!(rig.rows(who, "SELECT 1"), "1");
            assert!(!rig.is_attached(who));
        }
    });
}

#[test]
fn kills_of_numbers_that_are_not_ours_are_the_servers() {
    on_servers(|rig| {
        let mut kill = vec![0x0c];
        kill.extend(0x7fff_0000_u32.to_le_bytes());
        assert_eq!(rig.send(0, &packet(&kill), ReplyKind::Single).error, None);
        rig.killed = Killed::Denied;
        assert_eq!(
            rig.send(0, &packet(&kill), ReplyKind::Single).error,
            Some(1095)
        );
        rig.killed = Killed::NotOurs;
        assert_eq!(rig.query(0, "KILL 2147418112").error, Some(1094));
        let error = rig.send(0, &packet(&kill), ReplyKind::Single).error;
        // MySQL 8.4 and later have no such command.
        assert_eq!(error, Some(if rig.is_mysql() { 1047 } else { 1094 }));
        assert_eq!(rig.rows(0, "SELECT 1"), "1");
    });
}

#[test]
fn a_reset_takes_everything_but_the_schema() {
    on_servers(|rig| {
        for pinned in [
            "SELECT 1",
            "CREATE TEMPORARY TABLE x(a INT)",
            "BEGIN",
            "SELECT GET_LOCK('l',0)",
        ] {
            rig.rows(0, "SET @v=1, time_zone='+01:00'");
            rig.rows(0, "USE b");
            let id = prepare(rig, 0, "SELECT 1");
            rig.rows(0, pinned);
            super::real::reset(rig, 0);
            assert!(!rig.is_attached(0), "{pinned}: {}", rig.held_by(0));
            assert_eq!(
                rig.rows(0, "SELECT @v, @@time_zone, DATABASE()"),
                "NULL,SYSTEM,b"
            );
            let executed = rig.send(0, &bare_execute(id), ReplyKind::BinaryResults);
            assert_eq!(executed.error, Some(1243));
        }
    });
}

/// Reads all rows of a statement's cursor, `size` at a time.
fn fetch_all(rig: &mut Rig, who: usize, id: u32, size: u32) -> usize {
    let mut rows = 0;
    loop {
        let mut fetch = vec![0x1c];
        fetch.extend(id.to_le_bytes());
        fetch.extend(size.to_le_bytes());
        let answer = rig.send(who, &packet(&fetch), ReplyKind::CursorRows);
        assert_eq!(answer.error, None);
        rows += answer.rows.split('|').filter(|row| !row.is_empty()).count();
        if !rig.is_attached(who) {
            return rows;
        }
        assert_eq!(rig.pins(who), [PinReason::HoldCursor]);
    }
}

#[test]
fn cursors_are_read_bit_by_bit_and_closed() {
    on_servers(|rig| {
        rig.rows(
            0,
            "INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c'),(4,'d'),(5,'e')",
        );
        for who in [0, 1] {
            let id = prepare(rig, who, "SELECT id FROM t WHERE id >= ?");
            for size in [1, 2, 5, 100] {
                let open = execute(id, &[3, 0], 2, 1);
                assert_eq!(rig.send(who, &open, ReplyKind::BinaryResults).error, None);
                assert!(rig.is_attached(who));
                assert_eq!(fetch_all(rig, who, id, size), 4, "{size}");
            }
            let open = execute(id, &[3, 0], 2, 1);
            rig.send(who, &open, ReplyKind::BinaryResults);
            let mut reset = Vec::new();
            command::stmt_reset(&mut reset, id);
            assert_eq!(rig.send(who, &reset, ReplyKind::Single).error, None);
            assert!(!rig.is_attached(who), "a reset closes the cursor");
            rig.send(who, &open, ReplyKind::BinaryResults);
            let mut close = Vec::new();
            command::stmt_close(&mut close, id);
            rig.drive(who, &close);
            assert!(!rig.is_attached(who), "so does a close");
            assert_eq!(rig.rows(who, "SELECT 1"), "1");
        }
    });
}

#[test]
fn pieces_of_parameters_are_forgotten_by_a_reset() {
    on_servers(|rig| {
        let id = prepare(rig, 0, "INSERT INTO t(v) VALUES (?)");
        rig.rows(0, "SELECT 1");
        let piece = |text: &[u8]| {
            let mut payload = vec![0x18];
            payload.extend(id.to_le_bytes());
            payload.extend([0, 0]);
            payload.extend_from_slice(text);
            packet(&payload)
        };
        rig.drive(0, &piece(b"lost"));
        assert!(rig.is_attached(0));
        let mut reset = Vec::new();
        command::stmt_reset(&mut reset, id);
        assert_eq!(rig.send(0, &reset, ReplyKind::Single).error, None);
        assert!(!rig.is_attached(0));
        rig.drive(0, &[piece(b"x"), piece(b"y")].concat());
        let mut payload = vec![0x17];
        payload.extend(id.to_le_bytes());
        payload.extend([0, 1, 0, 0, 0, 0, 1, 0xfd, 0]);
        let executed = rig.send(0, &packet(&payload), ReplyKind::BinaryResults);
        assert_eq!(executed.error, None);
        assert_eq!(rig.rows(1, "SELECT v FROM t"), "xy");
    });
}

#[test]
fn many_rows_of_parameters_go_at_once() {
    let bulk = Capabilities::MARIADB_STMT_BULK.with(Capabilities::MARIADB_PROGRESS);
    let capabilities = SERVER.without(Capabilities::LONG_PASSWORD).with(bulk);
    on_server(MySqlKind::MariaDb, capabilities, |rig| {
        for who in [0, 1] {
            let id = prepare(rig, who, "INSERT INTO t VALUES (?,?)");
            for base in [10_u32, 20, 30] {
                for other in ["SELECT 1", "SELECT 2", "SELECT 3"] {
                    prepare(rig, who, other);
                }
                let mut payload = vec![0xfa];
                payload.extend(id.to_le_bytes());
                payload.extend(128_u16.to_le_bytes());
                payload.extend([3, 0, 0xfd, 0]);
                for at in 0..3 {
                    payload.push(0);
                    payload.extend((base + at).to_le_bytes());
                    // The last one is NULL.
                    payload.extend_from_slice(if at < 2 { b"\0\x02xy" } else { b"\x01" });
                }
                let answer = rig.send(who, &packet(&payload), ReplyKind::BinaryResults);
                assert_eq!(answer.error, None);
                assert_eq!(rig.rows(who, "SELECT ROW_COUNT()"), "3");
            }
            assert_eq!(
                rig.rows(who, "SELECT COUNT(*), COUNT(v), SUM(id) FROM t"),
                "9,6,189"
            );
            rig.rows(who, "DELETE FROM t");
            assert!(!rig.is_attached(who), "{}", rig.held_by(who));
        }
    });
}

#[test]
fn ends_of_results_may_differ_on_either_side() {
    let capabilities = COMMON.with(Capabilities::SESSION_TRACK);
    for kind in [MySqlKind::MySql9, MySqlKind::MariaDb] {
        on_server(kind, capabilities, |rig| {
            for who in [0, 1] {
                rig.rows(who, "INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c')");
                assert_eq!(rig.rows(who, "SELECT v FROM t; SELECT 1"), "a|b|c|1");
                assert_eq!(rig.rows(who, "SELECT v FROM t WHERE 1=0"), "");
                let id = prepare(rig, who, "SELECT id FROM t WHERE id >= ?");
                let all = rig.send(who, &execute(id, &[3, 0], 2, 0), ReplyKind::BinaryResults);
                assert_eq!(all.rows.split('|').count(), 2);
                rig.send(who, &execute(id, &[3, 0], 1, 1), ReplyKind::BinaryResults);
                assert_eq!(fetch_all(rig, who, id, 2), 3);
                rig.sql("CREATE OR REPLACE VIEW w AS SELECT 1 AS one");
                assert_eq!(rig.rows(who, "SELECT one, @x := 5 FROM w"), "1,5");
                assert_eq!(rig.rows(who, "SELECT @x"), "5");
                rig.rows(who, "DELETE FROM t");
                assert!(!rig.is_attached(who), "{}", rig.held_by(who));
            }
        });
    }
}
