//! What pins, when, and what ends it.

use super::rig::check;

/// One statement outside of a transaction pins for one reason.
fn pins(sql: &str, tag: &str, reason: &str) {
    check(&format!(
        "F> Q({sql})
         ! borrow
         B> C({tag}) Z(I)
         ! pin {reason}
         is Pinned
         F> Q(select 1)
         B> C(SELECT 1) Z(I)"
    ));
    check(&format!(
        "F> P(,{sql}) B(,) E() S
         ! borrow
         B> 1 2 C({tag}) Z(I)
         ! pin {reason}"
    ));
}

const DISCARDED: [(&str, &str, &str); 10] = [
    ("set work_mem = '1MB'", "SET", "SESSION_SETTING"),
    ("reset all", "RESET", "SESSION_SETTING"),
    (
        "select set_config('a', 'b', false)",
        "SELECT 1",
        "SESSION_SETTING",
    ),
    (
        "create temp table t (a int)",
        "CREATE TABLE",
        "TEMPORARY_OBJECT",
    ),
    (
        "declare c cursor with hold for select 1",
        "DECLARE CURSOR",
        "HOLD_CURSOR",
    ),
    ("select pg_advisory_lock(1)", "SELECT 1", "ADVISORY_LOCK"),
    (
        "select pg_try_advisory_lock(1)",
        "SELECT 1",
        "ADVISORY_LOCK",
    ),
    ("listen c", "LISTEN", "LISTEN"),
    ("select nextval('s')", "SELECT 1", "SEQUENCE"),
    ("select currval('s')", "SELECT 1", "SEQUENCE"),
];

const LASTING: [(&str, &str, &str); 3] = [
    ("load 'auto_explain'", "LOAD", "LOADED_LIBRARY"),
    ("select setseed(0.1)", "SELECT 1", "RANDOM_SEED"),
    ("select dblink_connect('a')", "SELECT 1", "UNKNOWN"),
];

#[test]
fn session_state_pins() {
    for (sql, tag, reason) in DISCARDED.into_iter().chain(LASTING) {
        pins(sql, tag, reason);
    }
}

#[test]
fn discard_all_ends_what_it_discards() {
    for (sql, tag, reason) in DISCARDED {
        check(&format!(
            "F> Q({sql})
             ! borrow
             B> C({tag}) Z(I)
             ! pin {reason}
             F> Q(discard all)
             B> C(DISCARD ALL) Z(I)
             ! unpin {reason}
             ! release"
        ));
    }
}

#[test]
fn discard_all_does_not_end_what_it_does_not_discard() {
    for (sql, tag, reason) in LASTING {
        check(&format!(
            "F> Q({sql})
             ! borrow
             B> C({tag}) Z(I)
             ! pin {reason}
             F> Q(discard all)
             B> C(DISCARD ALL) Z(I)
             is Pinned
             gone
             ! close server"
        ));
    }
}

#[test]
fn settings_of_a_transaction_do_not_pin() {
    check(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         F> Q(set local work_mem = '1MB')
         B> C(SET) Z(T)
         F> Q(commit)
         B> C(COMMIT) Z(I)
         ! release",
    );
    check(
        "F> Q(begin transaction isolation level serializable; set transaction read only; commit)
         ! borrow
         B> C(BEGIN) C(SET) C(COMMIT) Z(I)
         ! release",
    );
}

#[test]
fn what_is_rolled_back_does_not_pin() {
    for (sql, tag) in [
        ("set work_mem = '1MB'", "SET"),
        ("create temp table t (a int)", "CREATE TABLE"),
        ("listen c", "LISTEN"),
        ("declare c cursor with hold for select 1", "DECLARE CURSOR"),
    ] {
        for (end, answer) in [
            ("rollback", "C(ROLLBACK) Z(I)"),
            ("commit", "C(ROLLBACK) Z(I)"),
            ("commit", "E(23505) Z(I)"),
        ] {
            check(&format!(
                "F> Q(begin)
                 ! borrow
                 B> C(BEGIN) Z(T)
                 F> Q({sql})
                 B> C({tag}) Z(T)
                 F> Q({end})
                 B> {answer}
                 ! release"
            ));
        }
        check(&format!(
            "F> Q({sql}; rollback)
             ! borrow
             B> C({tag}) N C(ROLLBACK) Z(I)
             ! release"
        ));
        // Observed: an error in the Query undoes the Execute before it.
        check(&format!(
            "F> P(,{sql}) B(,) E() Q(select 1/0)
             ! borrow
             B> 1 2 C({tag}) E(22012) Z(I)
             ! release"
        ));
    }
}

#[test]
fn what_is_committed_pins() {
    check(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         F> P(,set work_mem = '1MB') B(,) E() S
         B> 1 2 C(SET) Z(T)
         F> Q(commit)
         B> C(COMMIT) Z(I)
         ! pin SESSION_SETTING",
    );
    check(
        "F> Q(set x = 1; commit; select 1/0)
         ! borrow
         B> C(SET) N C(COMMIT) E(22012) Z(I)
         ! pin SESSION_SETTING",
    );
    check(
        "F> Q(begin; savepoint s; set x = 1; rollback to s; set y = 1; commit)
         ! borrow
         B> C(BEGIN) C(SAVEPOINT) C(SET) C(ROLLBACK) C(SET) C(COMMIT) Z(I)
         ! pin SESSION_SETTING",
    );
    check(
        "F> Q(rollback; set x = 1)
         ! borrow
         B> N C(ROLLBACK) C(SET) Z(I)
         ! pin SESSION_SETTING",
    );
}

#[test]
fn a_failed_statement_does_not_pin() {
    check(
        "F> Q(set work_mem = 'x')
         ! borrow
         B> E(22023) Z(I)
         ! release
         F> P(,listen c) B(,) E() S
         ! borrow
         B> 1 2 E(25006) Z(I)
         ! release
         F> Q(prepare p as selec)
         ! borrow
         B> E(42601) Z(I)
         ! release",
    );
}

#[test]
fn what_no_rollback_undoes_pins_even_if_the_statement_fails() {
    for (sql, reason) in [
        ("select pg_advisory_lock(1), 1/0", "ADVISORY_LOCK"),
        ("select nextval('s'), 1/0", "SEQUENCE"),
        ("select setseed(0), 1/0", "RANDOM_SEED"),
        ("prepare p as select 1; select 1/0", "PREPARED_STATEMENT"),
        (
            "do $$ begin set x = 1; commit; perform 1/0; end $$",
            "PROCEDURAL_BODY",
        ),
    ] {
        let also = if sql.starts_with("do") {
            "! pin SESSION_SETTING\n"
        } else {
            ""
        };
        check(&format!(
            "F> Q({sql})
             ! borrow
             B> T E(22012) Z(I)
             {also}! pin {reason}"
        ));
    }
}

#[test]
fn a_statement_that_never_ran_does_not_pin() {
    check(
        "F> P(,select 1) B(,) E() P(,select pg_advisory_lock(1)) B(,) E() S
         ! borrow
         B> 1 2 E(22012) Z(I)
         ! release
         F> P(,select pg_advisory_lock(1)) S
         ! borrow
         B> 1 Z(I)
         ! release",
    );
}

#[test]
fn a_reported_setting_pins_without_any_set() {
    check(
        "F> Q(select f())
         ! borrow
         B> T D C(SELECT 1) S(TimeZone=CET) Z(I)
         ! pin SESSION_SETTING
         F> Q(select g())
         B> T D C(SELECT 1) S(TimeZone=UTC) Z(I)
         ! unpin SESSION_SETTING
         ! release",
    );
    check(
        "F> Q(begin; set timezone = 'CET')
         ! borrow
         B> C(BEGIN) C(SET) S(TimeZone=CET) Z(T)
         F> Q(rollback)
         B> C(ROLLBACK) S(TimeZone=UTC) Z(I)
         ! release",
    );
}

#[test]
fn a_tag_says_what_the_text_hid() {
    check(
        "F> Q(select 1)
         ! borrow
         B> C(SET) Z(I)
         ! pin SESSION_SETTING",
    );
    check(
        "F> Q(select 1)
         ! borrow
         B> C(PREPARE) Z(I)
         ! pin PREPARED_STATEMENT",
    );
    check(
        "F> Q(select 1)
         ! borrow
         B> C(SELECT 1) A Z(I)
         ! pin LISTEN",
    );
}

#[test]
fn unlisten_all_ends_listening() {
    check(
        "F> Q(listen c)
         ! borrow
         B> C(LISTEN) Z(I)
         ! pin LISTEN
         B> A
         F> Q(unlisten c)
         B> C(UNLISTEN) Z(I)
         F> Q(begin)
         B> C(BEGIN) Z(T)
         F> Q(unlisten *)
         B> C(UNLISTEN) Z(T)
         F> Q(rollback)
         B> C(ROLLBACK) Z(I)
         F> Q(unlisten *)
         B> C(UNLISTEN) Z(I)
         ! unpin LISTEN
         ! release",
    );
}

#[test]
fn sequences_temp_objects_and_cursors_can_be_discarded() {
    check(
        "F> Q(select nextval('s'))
         ! borrow
         B> C(SELECT 1) Z(I)
         ! pin SEQUENCE
         F> Q(discard sequences)
         B> C(DISCARD SEQUENCES) Z(I)
         ! unpin SEQUENCE
         ! release
         F> Q(create temp table t (a int))
         ! borrow
         B> C(CREATE TABLE) Z(I)
         ! pin TEMPORARY_OBJECT
         F> Q(discard temp)
         B> C(DISCARD TEMP) Z(I)
         ! unpin TEMPORARY_OBJECT
         ! release
         F> Q(declare c cursor with hold for select 1)
         ! borrow
         B> C(DECLARE CURSOR) Z(I)
         ! pin HOLD_CURSOR
         F> Q(close all)
         B> C(CLOSE CURSOR ALL) Z(I)
         ! unpin HOLD_CURSOR
         ! release",
    );
}

#[test]
fn procedural_bodies_pin_only_if_they_name_state() {
    check(
        "F> Q(do $$ begin null; end $$)
         ! borrow
         B> C(DO) Z(I)
         ! release
         F> Q(call p())
         ! borrow
         B> C(CALL) Z(I)
         ! release
         F> Q(do $$ begin perform setval('s', 1); end $$)
         ! borrow
         B> C(DO) Z(I)
         ! pin SEQUENCE
         ! pin PROCEDURAL_BODY",
    );
}

#[test]
fn strings_that_may_be_read_otherwise_are_distrusted() {
    // If the SET takes effect first, the second text has no string that hides anything.
    check(
        "F> Q(set standard_conforming_strings = off) Q(select '\\'; select 1)
         ! borrow
         B> C(SET) S(standard_conforming_strings=off) Z(I) E(42601) Z(I)
         ! pin SESSION_SETTING
         ! pin UNKNOWN",
    );
}

#[test]
fn a_function_called_by_number_may_do_anything() {
    check(
        "F> F(2880)
         ! borrow
         B> V Z(I)
         ! pin UNKNOWN",
    );
}

#[test]
fn a_pinned_client_that_vanishes_is_cleaned_up_after() {
    check(
        "F> Q(set work_mem = '1MB')
         ! borrow
         B> C(SET) Z(I)
         ! pin SESSION_SETTING
         gone
         -> Q(DISCARD ALL)
         K C(DISCARD ALL) Z(I)
         ! clean
         F2> Q(select 1)
         ! borrow",
    );
    check(
        "F> Q(begin; select pg_advisory_lock(1))
         ! borrow
         B> C(BEGIN) C(SELECT 1) Z(T)
         ! pin ADVISORY_LOCK
         gone
         -> Q(ROLLBACK) Q(DISCARD ALL)
         K C(ROLLBACK) S(TimeZone=UTC) Z(I) N C(DISCARD ALL) Z(I)
         ! clean",
    );
    check(
        "F> Q(begin; prepare p as select 1)
         ! borrow
         B> C(BEGIN) C(PREPARE) Z(T)
         gone
         -> Q(ROLLBACK) Q(DISCARD ALL)
         K C(ROLLBACK) Z(I) C(DISCARD ALL) Z(I)
         ! clean",
    );
}

#[test]
fn a_cleanup_that_does_not_clean_fails() {
    for answer in [
        "E(57014) Z(I)",
        "C(DISCARD ALL) Z(T)",
        "C(DISCARD) Z(I)",
        "C(DISCARD ALL) S(TimeZone=CET) Z(I)",
        "C(DISCARD ALL) S(new.setting=1) Z(I)",
        "Z(I)",
        "D",
    ] {
        check(&format!(
            "F> Q(listen c)
             ! borrow
             B> C(LISTEN) Z(I)
             ! pin LISTEN
             gone
             -> Q(DISCARD ALL)
             K {answer}
             ! failed"
        ));
    }
}
