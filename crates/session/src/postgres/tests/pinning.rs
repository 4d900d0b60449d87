//! What pins, when, and what ends it.

use super::rig::{check, check_whole};

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

/// What the server is asked about, and pins if it says so.
const ASKED: [(&str, &str, &str, &str); 6] = [
    (
        "create temp table t (a int)",
        "CREATE TABLE",
        "temp",
        "TEMPORARY_OBJECT",
    ),
    (
        "select 1 into temp t",
        "SELECT 1",
        "temp",
        "TEMPORARY_OBJECT",
    ),
    (
        "declare c cursor with hold for select 1",
        "DECLARE CURSOR",
        "cursors",
        "HOLD_CURSOR",
    ),
    (
        "select pg_advisory_lock(1)",
        "SELECT 1",
        "locks",
        "ADVISORY_LOCK",
    ),
    (
        "select pg_try_advisory_lock(1)",
        "SELECT 1",
        "locks",
        "ADVISORY_LOCK",
    ),
    ("listen c", "LISTEN", "channels", "LISTEN"),
];

/// What pins at once, until it is discarded.
const DISCARDED: [(&str, &str, &str); 2] = [
    (
        "select set_config(a, 'b', false) from t",
        "SELECT 1",
        "SESSION_SETTING",
    ),
    (
        "update pg_settings set setting = '1MB'",
        "UPDATE 0",
        "SESSION_SETTING",
    ),
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
fn what_the_server_says_is_there_pins() {
    for (sql, tag, fact, reason) in ASKED {
        check(&format!(
            "F> Q({sql})
             ! borrow
             B> C({tag}) Z(I)
             -> ASK(;{fact})
             is Active
             B ANSWER(;t)
             ! pin {reason}
             is Pinned
             F> Q(select 1)
             B> C(SELECT 1) Z(I)
             is Pinned"
        ));
    }
}

#[test]
fn what_the_server_says_is_not_there_does_not_pin() {
    for (sql, tag, fact, _) in ASKED {
        check(&format!(
            "F> P(,{sql}) B(,) E() S
             ! borrow
             B> 1 2 C({tag}) Z(I)
             -> ASK(;{fact})
             B ANSWER(;f)
             ! release
             is Idle"
        ));
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
    for (sql, tag, fact, reason) in ASKED {
        check(&format!(
            "F> Q({sql})
             ! borrow
             B> C({tag}) Z(I)
             -> ASK(;{fact})
             B ANSWER(;t)
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
fn what_is_rolled_back_is_asked_about_and_does_not_pin() {
    for (sql, tag, fact) in [
        ("create temp table t (a int)", "CREATE TABLE", "temp"),
        ("listen c", "LISTEN", "channels"),
        (
            "declare c cursor with hold for select 1",
            "DECLARE CURSOR",
            "cursors",
        ),
        ("select pg_advisory_lock(1)", "SELECT 1", "locks"),
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
                 -> ASK(;{fact})
                 B ANSWER(;f)
                 ! release"
            ));
        }
        check(&format!(
            "F> Q({sql}; rollback)
             ! borrow
             B> C({tag}) N C(ROLLBACK) Z(I)
             -> ASK(;{fact})
             B ANSWER(;f)
             ! release"
        ));
        // Observed: an error in the Query undoes the Execute before it.
        check(&format!(
            "F> P(,{sql}) B(,) E() Q(select 1/0)
             ! borrow
             B> 1 2 C({tag}) E(22012) Z(I)
             -> ASK(;{fact})
             B ANSWER(;f)
             ! release"
        ));
    }
}

#[test]
fn a_failed_statement_does_not_pin() {
    check(
        "F> P(,listen c) B(,) E() S
         ! borrow
         B> 1 2 E(25006) Z(I)
         -> ASK(;channels)
         B ANSWER(;f)
         ! release
         F> Q(prepare p as selec)
         ! borrow
         B> E(42601) Z(I)
         ! release",
    );
}

#[test]
fn what_no_rollback_undoes_pins_even_if_the_statement_fails() {
    for (sql, reasons) in [
        ("select setseed(0), 1/0", "! pin RANDOM_SEED"),
        (
            "prepare p as select 1; select 1/0",
            "-> P(tollgate_0_2,ROSTER) B(tollgate_aside,tollgate_0_2) E(tollgate_aside) CP(tollgate_aside) CS(tollgate_0_2) S
             B 1 2 LISTED(p=prepare p as select 1) C(SELECT 1) 3 3 Z(I)
             -> DS(p) S
             B t T Z(I)
             ! release",
        ),
        (
            "do $$ begin set x = 1; commit; perform 1/0; end $$",
            "-> ASK(role,x;locks,temp,cursors,channels,list)
             B ANSWER(none,NULL;f,f,f,f,\"\")
             ! release",
        ),
    ] {
        check_whole(&format!(
            "F> Q({sql})
             ! borrow
             B> T E(22012) Z(I)
             {reasons}"
        ));
    }
    check(
        "F> Q(select pg_advisory_lock(1), 1/0)
         ! borrow
         B> T E(22012) Z(I)
         -> ASK(;locks)
         B ANSWER(;t)
         ! pin ADVISORY_LOCK",
    );
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
         B C(PREPARE) Z(I)
         <- C(PREPARE) Z(I)
         -> P(tollgate_0_2,ROSTER) B(tollgate_aside,tollgate_0_2) E(tollgate_aside) CP(tollgate_aside) CS(tollgate_0_2) S
         B E(57014) Z(I)
         ! pin PREPARED_STATEMENT",
    );
    check(
        "F> Q(select 1)
         ! borrow
         B> C(SELECT 1) A(9) Z(I)
         ! pin LISTEN",
    );
}

#[test]
fn pins_end_when_the_server_says_so() {
    check(
        "F> Q(listen c)
         ! borrow
         B> C(LISTEN) Z(I)
         -> ASK(;channels)
         B ANSWER(;t)
         ! pin LISTEN
         B> A(9)
         F> Q(unlisten d)
         B> C(UNLISTEN) Z(I)
         -> ASK(;channels)
         B ANSWER(;t)
         F> Q(begin)
         B> C(BEGIN) Z(T)
         F> Q(unlisten *)
         B> C(UNLISTEN) Z(T)
         F> Q(rollback)
         B> C(ROLLBACK) Z(I)
         -> ASK(;channels)
         B ANSWER(;t)
         F> Q(unlisten c)
         B> C(UNLISTEN) Z(I)
         -> ASK(;channels)
         B ANSWER(;f)
         ! unpin LISTEN
         ! release",
    );
    check(
        "F> Q(select pg_advisory_lock(1), pg_advisory_lock(1))
         ! borrow
         B> C(SELECT 1) Z(I)
         -> ASK(;locks)
         B ANSWER(;t)
         ! pin ADVISORY_LOCK
         F> Q(select pg_advisory_unlock(1))
         B> C(SELECT 1) Z(I)
         -> ASK(;locks)
         B ANSWER(;t)
         F> Q(select pg_advisory_unlock_all())
         B> C(SELECT 1) Z(I)
         -> ASK(;locks)
         B ANSWER(;f)
         ! unpin ADVISORY_LOCK
         ! release",
    );
}

#[test]
fn every_pin_has_statements_that_may_end_it() {
    let temp = ["create temp table t (a int)", "temp", "TEMPORARY_OBJECT"];
    let cursor = [
        "declare c cursor with hold for select 1",
        "cursors",
        "HOLD_CURSOR",
    ];
    let listen = ["listen c", "channels", "LISTEN"];
    for ([begin, fact, reason], end) in [
        (temp, "discard temp"),
        (temp, "drop table t"),
        (cursor, "close c"),
        (cursor, "close all"),
        (listen, "unlisten *"),
    ] {
        check(&format!(
            "F> Q({begin})
             ! borrow
             B> C(WHATEVER) Z(I)
             -> ASK(;{fact})
             B ANSWER(;t)
             ! pin {reason}
             F> Q({end})
             B> C(WHATEVER) Z(I)
             -> ASK(;{fact})
             B ANSWER(;f)
             ! unpin {reason}
             ! release"
        ));
    }
}

#[test]
fn what_would_end_a_pin_is_no_reason_to_ask_without_one() {
    for (sql, tag) in [
        ("drop table t", "DROP TABLE"),
        ("close all", "CLOSE CURSOR ALL"),
        ("unlisten *", "UNLISTEN"),
        ("select pg_advisory_unlock_all()", "SELECT 1"),
        ("discard temp", "DISCARD TEMP"),
    ] {
        check(&format!(
            "F> Q({sql})
             ! borrow
             B> C({tag}) Z(I)
             ! release"
        ));
    }
}

#[test]
fn a_sequence_pins_only_those_who_ask_what_it_gave() {
    check(
        "F> Q(select nextval('s'))
         ! borrow
         B> C(SELECT 1) Z(I)
         ! release
         F> Q(insert into t default values)
         ! borrow
         B> C(INSERT 0 1) Z(I)
         ! release",
    );
    check(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         F> Q(select currval('s'))
         B> C(SELECT 1) Z(T)
         ! pin SEQUENCE
         F> Q(commit)
         B> C(COMMIT) Z(I)
         F> Q(discard sequences)
         B> C(DISCARD SEQUENCES) Z(I)
         ! unpin SEQUENCE
         ! release",
    );
    // From then on every insert may have moved a sequence that it will ask for.
    check(
        "F> Q(select lastval())
         ! borrow
         B> E(55000) Z(I)
         ! pin SEQUENCE
         F> Q(discard sequences)
         B> C(DISCARD SEQUENCES) Z(I)
         ! unpin SEQUENCE
         ! release
         F> Q(insert into t default values)
         ! borrow
         B> C(INSERT 0 1) Z(I)
         ! pin SEQUENCE",
    );
}

#[test]
fn nobody_reads_what_the_sequences_gave_to_another() {
    for text in [
        "Q(select currval('s'))",
        "Q(SELECT LASTVAL())",
        "P(,select currval('s')) B(,) E() S",
    ] {
        check(&format!(
            "F> Q(select nextval('s'))
             ! borrow
             B> C(SELECT 1) Z(I)
             ! release
             F2 {text}
             ! borrow
             -> Q(DISCARD SEQUENCES) {text}
             B2 C(DISCARD SEQUENCES) Z(I)"
        ));
        // What it left there itself is its own.
        check(&format!(
            "F> Q(select nextval('s'))
             ! borrow
             B> C(SELECT 1) Z(I)
             ! release
             F> {text}
             ! borrow"
        ));
    }
}

#[test]
fn sequences_read_in_a_transaction_are_ones_own() {
    check(
        "F> Q(select nextval('s'))
         ! borrow
         B> C(SELECT 1) Z(I)
         ! release
         F2> Q(begin)
         ! borrow
         B2> C(BEGIN) Z(T)
         F2 Q(select currval('s'))
         -> Q(DISCARD SEQUENCES) Q(select currval('s'))
         B2 C(DISCARD SEQUENCES) Z(T) E(55000) Z(E)
         <- E(55000) Z(E)
         ! pin SEQUENCE",
    );
    check(
        "F> Q(select nextval('s'))
         ! borrow
         B> C(SELECT 1) Z(I)
         ! release
         F2> Q(begin)
         ! borrow
         B2> C(BEGIN) Z(T)
         F2> Q(insert into t default values)
         B2> C(INSERT 0 1) Z(T)
         F2> Q(select currval('s'))
         B2> C(SELECT 1) Z(T)
         ! pin SEQUENCE",
    );
}

#[test]
fn a_statement_made_again_reads_ones_own_sequences() {
    check(
        "F2> P(,select currval('s')) S
         ! borrow
         B2> 1 Z(I)
         ! release
         fresh
         F> Q(select nextval('s'))
         ! borrow
         B> C(SELECT 1) Z(I)
         ! release
         F2 B(,) E() S
         ! borrow
         -> Q(DISCARD SEQUENCES) P(,select currval('s')) B(,) E() S",
    );
}

#[test]
fn what_a_procedure_has_set_is_listed() {
    for (text, tag) in [
        ("do $$ begin null; end $$", "DO"),
        ("call p()", "CALL"),
        ("do $$ begin perform setval('s', 1); end $$", "DO"),
    ] {
        check(&format!(
            "F> Q({text})
             ! borrow
             B> C({tag}) Z(I)
             -> ASK(role;locks,temp,cursors,channels,list)
             B ANSWER(none;f,f,f,f,\"\")
             ! release"
        ));
    }
    check(
        "F> Q(do $$ begin perform pg_advisory_lock(1); end $$)
         ! borrow
         B> C(DO) Z(I)
         -> ASK(role;locks,temp,cursors,channels,list)
         B ANSWER(none;f,f,f,f,\"\")
         ! release",
    );
    // What is on the list is asked for in its turn.
    check(
        "F> Q(call p())
         ! borrow
         B> C(CALL) Z(I)
         -> ASK(role;locks,temp,cursors,channels,list)
         B ANSWER(none;f,f,f,f,TimeZone+work_mem)
         -> ASK(work_mem)
         B ANSWER(3MB)
         ! release
         fresh
         F2> Q(select 1)
         ! borrow",
    );
    check(
        "F> Q(listen c)
         ! borrow
         B> C(LISTEN) Z(I)
         -> ASK(;channels)
         B ANSWER(;t)
         ! pin LISTEN
         F> Q(call p())
         B> C(CALL) Z(I)
         -> ASK(role;locks,temp,cursors,channels,list)
         B ANSWER(none;f,f,f,f,\"\")
         ! unpin LISTEN
         ! release",
    );
}

#[test]
fn a_procedural_body_that_names_settings_is_asked_about() {
    check_whole(
        "F> Q(do $$ begin set work_mem = 1; perform set_config('a.b', 'c', false); end $$)
         ! borrow
         B> C(DO) Z(I)
         -> ASK(a.b,role,work_mem;locks,temp,cursors,channels,list)
         B ANSWER(c,none,1kB;f,f,f,f,work_mem)
         -> ASK(work_mem)
         B ANSWER(1kB)
         ! release",
    );
}

#[test]
fn a_procedural_body_that_computes_the_name_of_a_setting_pins() {
    check_whole(
        "F> Q(do $$ begin perform set_config(a, 'c', false); end $$)
         ! borrow
         B> C(DO) Z(I)
         -> ASK(role;locks,temp,cursors,channels,list)
         B ANSWER(none;f,f,f,f,\"\")
         ! pin PROCEDURAL_BODY
         ! pin SESSION_SETTING",
    );
}

#[test]
fn strings_that_may_be_read_otherwise_are_distrusted() {
    // If the SET takes effect first, the second text has no string that hides anything.
    check(
        "F> Q(set standard_conforming_strings = off) Q(select '\\'; select 1)
         ! borrow
         B> C(SET) S(standard_conforming_strings=off) Z(I) E(42601) Z(I)
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
        "F> Q(listen c)
         ! borrow
         B C(LISTEN) Z(I)
         <- C(LISTEN) Z(I)
         -> ASK(;channels)
         B ANSWER(;t)
         ! pin LISTEN
         gone
         -> Q(DISCARD ALL)
         K C(DISCARD ALL) Z(I)
         ! clean
         F2> Q(select 1)
         ! borrow",
    );
    check(
        "F> Q(listen c)
         ! borrow
         B> C(LISTEN) Z(I)
         -> ASK(;channels)
         B ANSWER(;t)
         ! pin LISTEN
         F> Q(begin)
         B> C(BEGIN) Z(T)
         gone
         -> Q(ROLLBACK) Q(DISCARD ALL)
         K C(ROLLBACK) S(TimeZone=UTC) Z(I) N C(DISCARD ALL) Z(I)
         ! clean",
    );
    check(
        "F> Q(begin; prepare p as select 1)
         ! borrow
         B C(BEGIN) C(PREPARE) Z(T)
         <- C(BEGIN) C(PREPARE)
         -> DS(p) S
         B t T Z(T)
         <- Z(T)
         gone
         -> Q(ROLLBACK)
         K C(ROLLBACK) Z(I)
         ! clean",
    );
}

#[test]
fn a_lock_taken_in_an_open_transaction_does_not_outlive_its_client() {
    check(
        "F> Q(begin; select pg_advisory_lock(1))
         ! borrow
         B> C(BEGIN) C(SELECT 1) Z(T)
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
             B C(LISTEN) Z(I)
             <- C(LISTEN) Z(I)
             -> ASK(;channels)
             B ANSWER(;t)
             ! pin LISTEN
             gone
             -> Q(DISCARD ALL)
             K {answer}
             ! failed"
        ));
    }
}
