//! What triggers and the functions in views leave stays with the client that set them off: on MySQL and MariaDB, every
//! command on another server connection than the last where nothing ties.

use super::real::prepare;
use super::rig::{Rig, on_servers};
use crate::PinReason;

fn is_free(rig: &Rig, who: usize) {
    assert!(!rig.is_attached(who), "{}", rig.held_by(who));
    assert!(rig.pins(who).is_empty());
}

/// What the client and another one see of `@leak`, each on several connections.
fn leak(rig: &mut Rig) -> (String, String) {
    let own = rig.rows(0, "SELECT @leak");
    for _ in 0..3 {
        assert_eq!(rig.rows(0, "SELECT @leak"), own);
    }
    let others = rig.rows(1, "SELECT @leak");
    for _ in 0..3 {
        assert_eq!(rig.rows(1, "SELECT @leak"), others);
    }
    (own, others)
}

fn only_own(rig: &mut Rig, value: &str) {
    assert_eq!(leak(rig), (value.to_owned(), "NULL".to_owned()));
}

#[test]
fn variables_that_triggers_write_stay_with_their_client() {
    on_servers(|rig| {
        rig.sql(
            "CREATE TABLE plain(a INT); CREATE TABLE watched(a INT); CREATE TABLE further(a INT); \
             CREATE VIEW over_watched AS SELECT a FROM watched; \
             CREATE TRIGGER x1 BEFORE INSERT ON watched FOR EACH ROW SELECT NEW.a INTO @leak; \
             CREATE TRIGGER x2 BEFORE DELETE ON watched FOR EACH ROW SET @leak='deleted'; \
             CREATE TRIGGER x3 AFTER INSERT ON further FOR EACH ROW INSERT INTO watched VALUES (NEW.a); \
             CREATE PROCEDURE indirectly(x INT) INSERT INTO watched VALUES (x)",
        );
        for (writes, value) in [
            ("INSERT INTO watched VALUES (1)", "1"),
            ("INSERT INTO `over_watched` VALUES (2)", "2"),
            ("INSERT INTO further VALUES (3)", "3"),
            ("CALL indirectly(4)", "4"),
            ("DELETE FROM a.watched WHERE a=4", "deleted"),
            ("INSERT INTO /*!50000watched*/ VALUES (6)", "6"),
        ] {
            rig.rows(0, writes);
            is_free(rig, 0);
            only_own(rig, value);
        }
        let id = prepare(rig, 0, "INSERT INTO watched VALUES (7)");
        rig.send(
            0,
            &super::real::bare_execute(id),
            tollgate_wire_mysql::reply::ReplyKind::BinaryResults,
        );
        is_free(rig, 0);
        only_own(rig, "7");
        rig.rows(0, "PREPARE s FROM 'INSERT INTO watched VALUES (8)'");
        rig.rows(0, "EXECUTE s");
        rig.rows(0, "DEALLOCATE PREPARE s");
        is_free(rig, 0);
        only_own(rig, "8");
        let long = format!(
            "INSERT INTO watched VALUES (9) /* {} */",
            "x".repeat(300_000)
        );
        rig.rows(0, &long);
        is_free(rig, 0);
        only_own(rig, "9");
    });
}

#[test]
fn functions_in_views_and_triggers_are_read() {
    on_servers(|rig| {
        rig.sql(
            "DELIMITER //\n\
             CREATE FUNCTION writes() RETURNS INT DETERMINISTIC BEGIN SELECT 11 INTO @leak; RETURN 1; END//\n\
             CREATE FUNCTION takes_lock() RETURNS INT DETERMINISTIC RETURN GET_LOCK('hidden',0)//\n\
             DELIMITER ;\n\
             CREATE VIEW calls AS SELECT writes() AS w; CREATE VIEW calls_calls AS SELECT w FROM calls; \
             CREATE VIEW takes AS SELECT GET_LOCK('in view',0) AS l; CREATE TABLE watched(a INT); \
             CREATE TRIGGER x BEFORE UPDATE ON watched FOR EACH ROW SET NEW.a=takes_lock(); \
             INSERT INTO watched VALUES (0)",
        );
        rig.rows(0, "SELECT * FROM calls_calls");
        is_free(rig, 0);
        only_own(rig, "11");
        let tied = [PinReason::AdvisoryLock];
        assert_eq!(rig.rows(0, "SELECT l FROM takes"), "1");
        assert_eq!(rig.pins(0), tied);
        assert_eq!(rig.rows(1, "SELECT IS_FREE_LOCK('in view')"), "0");
        rig.rows(0, "DO RELEASE_LOCK('in view')");
        is_free(rig, 0);
        rig.rows(0, "UPDATE watched SET a=5");
        assert_eq!(rig.pins(0), tied);
        rig.rows(0, "SELECT RELEASE_ALL_LOCKS()");
        is_free(rig, 0);
    });
}

#[test]
fn triggers_that_are_made_later_are_read() {
    on_servers(|rig| {
        rig.sql("CREATE TABLE watched(a INT)");
        rig.rows(0, "INSERT INTO watched VALUES (1)");
        only_own(rig, "NULL");
        for (at, value) in [(1, "first"), (2, "second")] {
            let text = format!(
                "CREATE TRIGGER x BEFORE INSERT ON watched FOR EACH ROW SELECT '{value}' INTO @leak"
            );
            rig.rows(at, &text);
            rig.rows(0, "INSERT INTO watched VALUES (2)");
            is_free(rig, 0);
            only_own(rig, value);
            rig.rows(at, "DROP TRIGGER x");
        }
        rig.rows(
            1,
            "CREATE TRIGGER x BEFORE INSERT ON watched FOR EACH ROW SELECT 'moved' INTO @leak",
        );
        rig.rows(1, "RENAME TABLE watched TO moved");
        rig.rows(0, "INSERT INTO moved VALUES (3)");
        only_own(rig, "moved");
    });
}

#[test]
fn a_trigger_that_the_user_cannot_see_leaves_nothing_to_others() {
    on_servers(|rig| {
        rig.sql(
            "CREATE TABLE watched(a INT); CREATE TRIGGER x BEFORE INSERT ON watched FOR EACH ROW SELECT 13 INTO @leak;\n\
             DELIMITER //\n\
             CREATE FUNCTION writes() RETURNS INT DETERMINISTIC BEGIN SELECT 14 INTO @leak; RETURN 1; END//\n\
             DELIMITER ;\n\
             CREATE VIEW calls AS SELECT writes() AS w",
        );
        rig.log_in_as("modest", "SELECT, INSERT");
        rig.rows(0, "INSERT INTO watched VALUES (1)");
        is_free(rig, 0);
        for _ in 0..3 {
            assert_eq!(rig.rows(1, "SELECT @leak"), "NULL");
        }
        rig.rows(0, "SELECT COUNT(*) FROM calls");
        rig.rows(0, "SELECT w FROM calls");
        for _ in 0..3 {
            assert_eq!(rig.rows(1, "SELECT @leak"), "NULL");
        }
    });
}
