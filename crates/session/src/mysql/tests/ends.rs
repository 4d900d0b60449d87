//! State that ties no longer than it lasts, or moves: on MySQL and MariaDB, every command on another server connection
//! than the last where nothing ties.

use tollgate_wire_mysql::reply::ReplyKind;

use super::real::{prepare, reset};
use super::rig::{Rig, on_servers};
use crate::{PinChange, PinReason};

fn is_free(rig: &Rig, who: usize) {
    assert!(!rig.is_attached(who), "{}", rig.held_by(who));
    assert!(rig.pins(who).is_empty());
}

/// An execute with one parameter, a short text.
fn execute_text(id: u32, value: &str) -> Vec<u8> {
    let mut payload = vec![0x17];
    payload.extend(id.to_le_bytes());
    payload.push(0);
    payload.extend(1_u32.to_le_bytes());
    payload.extend([0, 1, 0xfd, 0]);
    payload.push(u8::try_from(value.len()).expect("short"));
    payload.extend(value.as_bytes());
    let mut bytes = vec![u8::try_from(payload.len()).expect("short"), 0, 0, 0];
    bytes.extend(payload);
    bytes
}

#[test]
fn a_clock_that_stands_moves() {
    on_servers(|rig| {
        for (sets, stands) in [
            ("SET timestamp=1234567890.5", true),
            ("SET SESSION timestamp = DEFAULT", false),
            ("SET @@session.timestamp := 86400", true),
            ("SET timestamp=0", false),
        ] {
            rig.rows(0, sets);
            is_free(rig, 0);
            for _ in 0..3 {
                let old = "SELECT NOW() < '2010-01-01'";
                assert_eq!(rig.rows(0, old), u8::from(stands).to_string(), "{sets}");
                assert_eq!(rig.rows(1, old), "0", "{sets}");
            }
        }
        // What it was set to cannot be told from the time.
        rig.rows(0, "SET @t=5");
        rig.rows(0, "SET timestamp=@t");
        assert_eq!(rig.pins(0), [PinReason::SessionSetting]);
        rig.rows(0, "SET timestamp=DEFAULT");
        is_free(rig, 0);
    });
}

#[test]
fn an_insert_id_ties_until_it_is_used() {
    on_servers(|rig| {
        rig.rows(0, "SET insert_id=77");
        assert_eq!(rig.pins(0), [PinReason::SessionSetting]);
        rig.rows(0, "SELECT 1");
        assert_eq!(rig.pins(0), [PinReason::SessionSetting]);
        rig.rows(1, "INSERT INTO t(v) VALUES ('b')");
        rig.rows(0, "INSERT INTO t(v) VALUES ('a')");
        is_free(rig, 0);
        assert_eq!(rig.rows(0, "SELECT id FROM t WHERE v='a'"), "77");
        assert_eq!(rig.rows(0, "SELECT LAST_INSERT_ID()"), "77");
        rig.rows(0, "SET insert_id=99");
        rig.rows(0, "SET insert_id=0");
        is_free(rig, 0);
        for _ in 0..3 {
            rig.rows(1, "INSERT INTO t(v) VALUES ('c')");
            assert_ne!(rig.rows(1, "SELECT LAST_INSERT_ID()"), "0");
        }
    });
}

#[test]
fn logging_is_switched_off_for_its_client_only() {
    on_servers(|rig| {
        rig.rows(0, "SET sql_log_bin=0");
        is_free(rig, 0);
        for _ in 0..3 {
            assert_eq!(rig.rows(0, "SELECT @@sql_log_bin"), "0");
            assert_eq!(rig.rows(1, "SELECT @@sql_log_bin"), "1");
        }
        rig.rows(0, "SET sql_log_bin=1");
        is_free(rig, 0);
        assert_eq!(rig.rows(0, "SELECT @@sql_log_bin"), "1");
    });
}

#[test]
fn measured_texts_are_forgotten_when_measuring_ends() {
    on_servers(|rig| {
        rig.rows(0, "SET profiling=1");
        assert_eq!(rig.pins(0), [PinReason::SessionSetting]);
        rig.rows(0, "SELECT 'mine'");
        assert!(rig.rows(0, "SHOW PROFILES").contains("mine"));
        rig.rows(0, "SET profiling=0");
        is_free(rig, 0);
        rig.rows(0, "SET profiling=1");
        rig.rows(0, "SELECT 'mine'");
        assert_eq!(rig.leave(0), "cleaned up");
        for _ in 0..3 {
            assert_eq!(rig.rows(1, "SHOW PROFILES"), "");
            assert_eq!(
                rig.rows(1, "SELECT @@profiling, @@profiling_history_size"),
                "0,15"
            );
        }
    });
}

#[test]
fn roles_move() {
    on_servers(|rig| {
        rig.sql(
            "CREATE ROLE r1; CREATE ROLE r2; GRANT r1 TO CURRENT_USER; GRANT r2 TO CURRENT_USER",
        );
        let own = rig.rows(1, "SELECT CURRENT_ROLE()");
        for sets in ["SET ROLE r1", "SET ROLE r2", "SET ROLE NONE"] {
            rig.rows(0, sets);
            is_free(rig, 0);
            let told = rig.rows(0, "SELECT CURRENT_ROLE()");
            assert_eq!(told == own, sets.ends_with("NONE"), "{sets}: {told}");
            for _ in 0..3 {
                assert_eq!(rig.rows(0, "SELECT CURRENT_ROLE()"), told);
                assert_eq!(rig.rows(1, "SELECT CURRENT_ROLE()"), own);
            }
        }
        rig.rows(0, "SET ROLE r1");
        // It outlives a reset, as it does on the servers.
        reset(rig, 0);
        assert!(rig.rows(0, "SELECT CURRENT_ROLE()").contains("r1"));
        rig.leave(0);
        for _ in 0..3 {
            assert_eq!(rig.rows(1, "SELECT CURRENT_ROLE()"), own);
        }
    });
}

#[test]
fn a_role_that_is_gone_is_refused() {
    on_servers(|rig| {
        rig.sql("CREATE ROLE r1; GRANT r1 TO CURRENT_USER");
        rig.rows(0, "SET ROLE r1");
        rig.rows(1, "SELECT 1");
        rig.sql("DROP ROLE r1");
        let told: Vec<_> = (0..3).map(|_| rig.query(0, "SELECT 1").error).collect();
        assert!(told.iter().any(Option::is_some), "{told:?}");
    });
}

#[test]
fn a_statement_prepared_in_sql_ties_while_it_exists() {
    on_servers(|rig| {
        let tied = [PinReason::PreparedStatement];
        rig.rows(0, "PREPARE s FROM 'SELECT ? + 1'");
        assert_eq!(rig.pins(0), tied);
        rig.rows(0, "SET @a=1");
        assert_eq!(rig.rows(0, "EXECUTE s USING @a"), "2");
        assert_eq!(rig.pins(0), tied);
        assert_eq!(rig.query(0, "PREPARE s FROM 'SELEKT'").error, Some(1064));
        is_free(rig, 0);
        assert_eq!(rig.query(0, "EXECUTE s USING @a").error, Some(1243));
        is_free(rig, 0);
        // What it does counts as if it stood in the text that executes it.
        rig.rows(0, "PREPARE s FROM 'SELECT 5 INTO @set'");
        rig.rows(0, "EXECUTE s");
        rig.rows(0, "DEALLOCATE PREPARE s");
        is_free(rig, 0);
        assert_eq!(rig.rows(0, "SELECT @set"), "5");
        assert_eq!(rig.rows(1, "SELECT @set"), "NULL");
        rig.rows(0, "PREPARE s FROM 'CREATE TEMPORARY TABLE tmp(a INT)'");
        rig.rows(0, "EXECUTE s");
        rig.rows(0, "DROP PREPARE s");
        assert_eq!(rig.pins(0), [PinReason::TemporaryObject]);
        rig.rows(0, "DROP TABLE tmp");
        is_free(rig, 0);
    });
}

#[test]
fn a_text_prepared_from_a_variable_is_read() {
    on_servers(|rig| {
        rig.rows(0, "SET @sql=CONCAT('SELECT 7 ', 'INTO @set')");
        rig.rows(0, "PREPARE s FROM @sql");
        assert_eq!(rig.pins(0), [PinReason::PreparedStatement]);
        rig.rows(0, "EXECUTE s");
        rig.rows(0, "DEALLOCATE PREPARE s");
        is_free(rig, 0);
        assert_eq!(rig.rows(0, "SELECT @set"), "7");
        assert_eq!(rig.rows(1, "SELECT @set"), "NULL");
        if !rig.is_mysql() {
            rig.rows(0, "EXECUTE IMMEDIATE 'SELECT 8 INTO @set'");
            is_free(rig, 0);
            assert_eq!(rig.rows(0, "SELECT @set"), "8");
        }
    });
}

#[test]
fn locks_whose_names_are_not_known_are_counted() {
    on_servers(|rig| {
        let tied = [PinReason::AdvisoryLock];
        let take = prepare(rig, 0, "SELECT GET_LOCK(?, 0) AS taken");
        let release = prepare(rig, 0, "SELECT RELEASE_LOCK(?)");
        for _ in 0..2 {
            let made = rig.send(0, &execute_text(take, "one"), ReplyKind::BinaryResults);
            assert_eq!(made.error, None);
            assert_eq!(rig.pins(0), tied);
        }
        assert_eq!(rig.rows(1, "SELECT GET_LOCK(CONCAT('o','ne'),0)"), "0");
        is_free(rig, 1);
        for held in [true, false] {
            let made = rig.send(0, &execute_text(release, "one"), ReplyKind::BinaryResults);
            assert_eq!(made.error, None);
            assert_eq!(!rig.pins(0).is_empty(), held);
        }
        is_free(rig, 0);
        assert_eq!(rig.rows(1, "SELECT GET_LOCK(CONCAT('o','ne'),0)"), "1");
        assert_eq!(rig.rows(1, "SELECT RELEASE_LOCK('none')"), "NULL");
        assert_eq!(rig.pins(1), tied);
        assert_eq!(
            rig.rows(1, "SELECT RELEASE_LOCK(CONCAT('o','ne')) AS r"),
            "1"
        );
        is_free(rig, 1);
    });
}

#[test]
fn pins_tell_of_the_statement_that_began_them() {
    on_servers(|rig| {
        for (text, reason, expected, end) in [
            (
                "LOCK TABLES t READ",
                PinReason::LockedTables,
                "lock tables t read",
                "UNLOCK TABLES",
            ),
            (
                "SET insert_id = 77",
                PinReason::SessionSetting,
                "set insert_id = ?",
                "SET insert_id = 0",
            ),
            (
                "SELECT GET_LOCK('secret', 0)",
                PinReason::AdvisoryLock,
                "select get_lock(?)",
                "SELECT RELEASE_LOCK('secret')",
            ),
            (
                "SELECT REPEAT('secret', 9999) INTO @long",
                PinReason::UserVariable,
                "select repeat(?) into @long",
                "SET @long = NULL",
            ),
            (
                "CREATE TEMPORARY TABLE tied (x INT)",
                PinReason::TemporaryObject,
                "create temporary table tied (x int)",
                "DROP TABLE tied",
            ),
        ] {
            rig.rows(0, text);
            let told = rig.pin_changes(0);
            let begun = PinChange::Pinned {
                reason,
                digest: Some(expected.into()),
                detail: None,
            };
            assert!(told.contains(&begun), "{text}: {told:?}");
            rig.rows(0, end);
            is_free(rig, 0);
            let told = rig.pin_changes(0);
            assert!(
                told.contains(&PinChange::Unpinned(reason)),
                "{end}: {told:?}"
            );
        }
    });
}
