//! SQL that names prepared statements: what a text needs of them, what it leaves, and what is asked behind it.

use super::rig::{check, check_whole};

/// A command of ours that runs in the client's transaction, under this number.
fn aside(number: u32, command: &str) -> String {
    let name = format!("tollgate_0_{number}");
    let portal = "tollgate_aside";
    format!("P({name},{command}) B({portal},{name}) E({portal}) CP({portal}) CS({name})")
}

#[test]
fn several_statements_of_one_text_move_with_their_client() {
    let a = aside(2, "prepare a as select 1");
    let b = aside(3, "prepare b as select 2");
    check(&format!(
        "F> Q(prepare a as select 1; prepare b as select 2; select 3)
         ! borrow
         B C(PREPARE) C(PREPARE) T D C(SELECT 1) Z(I)
         <- C(PREPARE) C(PREPARE) T D C(SELECT 1)
         -> DS(a) DS(b) S
         B t T t T Z(I)
         <- Z(I)
         ! release
         fresh
         F Q(execute a; execute b)
         ! borrow
         ! replies
         -> {a} DS(a) {b} DS(b) S
         B 1 2 C(PREPARE) 3 3 t T 1 2 C(PREPARE) 3 3 t T Z(I)
         -> Q(execute a; execute b)
         B> T D C(SELECT 1) T D C(SELECT 1) Z(I)
         ! release"
    ));
}

#[test]
fn only_those_that_ran_are_there() {
    let roster = aside(2, "ROSTER");
    check(&format!(
        "F> Q(prepare a as select 1; prepare b as select * from t; prepare c as select 3)
         ! borrow
         B C(PREPARE) E(42P01) Z(I)
         <- C(PREPARE) E(42P01)
         -> {roster} S
         B 1 2 LISTED(a=prepare a as select 1; prepare b as select * from t; prepare c as select 3) C(SELECT 1) 3 3 Z(I)
         -> DS(a) S
         B t T Z(I)
         <- Z(I)
         ! release
         F> Q(execute b)
         ! borrow
         B> E(26000) Z(I)
         ! release"
    ));
}

#[test]
fn the_next_message_waits_until_the_result_is_known() {
    check(
        "F Q(begin; prepare a as select 1) Q(alter table t add i int)
         ! borrow
         ! replies
         -> Q(begin; prepare a as select 1)
         B C(BEGIN) C(PREPARE) Z(T)
         <- C(BEGIN) C(PREPARE)
         -> DS(a) S
         B t T Z(T)
         <- Z(T)
         -> Q(alter table t add i int)
         B> C(ALTER TABLE) Z(T)",
    );
}

#[test]
fn constants_read_under_settings_of_a_transaction_are_asked_for() {
    let question = aside(2, "READING");
    check_whole(&format!(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         F> Q(set local timezone to 'CET')
         B> C(SET) S(TimeZone=CET) Z(T)
         F Q(prepare a as select '1')
         ! replies
         -> {question} S
         B 1 2 READING C(SELECT 1) 3 3 Z(T)
         -> Q(prepare a as select '1')
         B C(PREPARE) Z(T)
         <- C(PREPARE)
         -> DS(a) S
         B t T Z(T)
         <- Z(T)
         F> Q(commit)
         B> C(COMMIT) S(TimeZone=UTC) Z(I)
         ! release"
    ));
}

/// What reads a text again under these settings where others are in force: there and back.
fn switch(name: &str, value: &str) -> (String, String) {
    let there = format!(
        "SELECT pg_catalog.set_config('tollgate.{name}',pg_catalog.current_setting('{name}'),true),\
         pg_catalog.set_config('{name}','{value}',true)"
    );
    let back = format!(
        "SELECT pg_catalog.set_config('{name}',pg_catalog.current_setting('tollgate.{name}'),true)"
    );
    (there, back)
}

#[test]
fn a_text_that_prepares_and_ends_its_transaction_moves() {
    let again = aside(2, "prepare q as select 'k'");
    check(&format!(
        "F> Q(begin; prepare q as select 'k'; commit)
         ! borrow
         B C(BEGIN) C(PREPARE) C(COMMIT) Z(I)
         <- C(BEGIN) C(PREPARE) C(COMMIT)
         -> DS(q) S
         B t T Z(I)
         <- Z(I)
         ! release
         fresh
         F Q(execute q)
         ! borrow
         ! replies
         -> {again} DS(q) S
         B 1 2 C(PREPARE) 3 3 t T Z(I)
         -> Q(execute q)
         B> T D C(SELECT 1) Z(I)
         ! release"
    ));
}

#[test]
fn what_a_text_sets_before_it_prepares_is_followed() {
    let (there, back) = switch("timezone", "CET");
    let there = aside(2, &there);
    let again = aside(3, "prepare q as select 'k'");
    let back = aside(4, &back);
    check(&format!(
        "F> Q(begin; set local timezone to 'CET'; prepare q as select 'k'; rollback)
         ! borrow
         B C(BEGIN) C(SET) C(PREPARE) C(ROLLBACK) Z(I)
         <- C(BEGIN) C(SET) C(PREPARE) C(ROLLBACK)
         -> DS(q) S
         B t T Z(I)
         <- Z(I)
         ! release
         fresh
         F Q(execute q)
         ! borrow
         ! replies
         -> {there} {again} DS(q) {back} S
         B 1 2 D() C(SELECT 1) 3 3 1 2 C(PREPARE) 3 3 t T 1 2 D() C(SELECT 1) 3 3 Z(I)
         -> Q(execute q)
         B> T D C(SELECT 1) Z(I)
         ! release"
    ));
}

#[test]
fn a_transaction_with_settings_is_asked_before_a_text_that_ends_it() {
    let question = aside(2, "READING");
    check_whole(&format!(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         F> Q(set local timezone to 'CET')
         B> C(SET) S(TimeZone=CET) Z(T)
         F Q(prepare a as select '1'; commit)
         ! replies
         -> {question} S
         B 1 2 READING C(SELECT 1) 3 3 Z(T)
         -> Q(prepare a as select '1'; commit)
         B C(PREPARE) C(COMMIT) S(TimeZone=UTC) Z(I)
         <- C(PREPARE) C(COMMIT) S(TimeZone=UTC)
         -> DS(a) S
         B t T Z(I)
         <- Z(I)
         ! release"
    ));
}

#[test]
fn a_pipeline_is_asked_right_before_it_prepares() {
    let question = aside(2, "READING");
    check_whole(&format!(
        "F P(,set local timezone to 'CET') B(,) E() P(,prepare a as select '1') B(,) E() S
         ! borrow
         -> P(,set local timezone to 'CET') B(,) E() P(,prepare a as select '1') B(,) {question} E() S
         B 1 2 C(SET) 1 2 1 2 READING C(SELECT 1) 3 3 C(PREPARE) Z(I)
         <- 1 2 C(SET) 1 2 C(PREPARE)
         -> DS(a) S
         B t T Z(I)
         <- Z(I)
         ! release"
    ));
}

#[test]
fn what_code_sets_before_a_text_prepares_ties_the_client() {
    check_whole(
        "F> Q(select set_config('timezone', 'CET', true); prepare a as select '1')
         ! borrow
         B T D C(SELECT 1) C(PREPARE) Z(I)
         <- T D C(SELECT 1) C(PREPARE)
         -> DS(a) S
         B t T Z(I)
         <- Z(I)
         ! pin PREPARED_STATEMENT
         F> Q(deallocate a)
         B> C(DEALLOCATE) Z(I)
         ! unpin PREPARED_STATEMENT
         ! release",
    );
}

#[test]
fn code_that_executes_a_statement_that_sets_is_asked_about() {
    check_whole(
        "F> Q(prepare a as select set_config('work_mem', $1, false))
         ! borrow
         B C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(a) S
         B t T Z(I)
         <- Z(I)
         -> ASK(work_mem)
         B ANSWER(none)
         ! release
         F> Q(do $$ begin execute 'execute a(1)'; end $$)
         ! borrow
         B> C(DO) Z(I)
         -> ASK(role,work_mem;locks,temp,cursors,channels,list)
         B ANSWER(none,4MB;f,f,f,f,\"\")
         ! release
         F> Q(execute a('5MB'))
         ! borrow
         B> T D C(SELECT 1) Z(I)
         -> ASK(work_mem)
         B ANSWER(5MB)
         ! release",
    );
}

#[test]
fn a_question_that_fails_a_transaction_ends_the_session() {
    check(
        "F> Q(begin; prepare a as select 1)
         ! borrow
         B C(BEGIN) C(PREPARE) Z(T)
         <- C(BEGIN) C(PREPARE)
         -> DS(a) S
         B E(57014) Z(E)
         ! out of sync",
    );
}

#[test]
fn a_question_that_fails_alone_costs_nothing() {
    check(
        "F> Q(prepare a as select 1)
         ! borrow
         B C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(a) S
         B E(57014) Z(I)
         <- Z(I)
         ! release",
    );
}

#[test]
fn execute_of_a_statement_with_another_result_fails_as_it_does_alone() {
    let again = aside(2, "prepare q as select * from t");
    let once_more = aside(3, "prepare q as select * from t");
    check(&format!(
        "F> Q(prepare q as select * from t)
         ! borrow
         B C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(q) S
         B t T Z(I)
         <- Z(I)
         ! release
         fresh
         F Q(select 1; execute q)
         ! borrow
         ! replies
         -> {again} DS(q) S
         B 1 2 C(PREPARE) 3 3 t(23) T(i) Z(I)
         -> CS(q) P(q,STALE) S
         B 3 1 Z(I)
         -> Q(select 1; execute q)
         B T D C(SELECT 1) STALE Z(I)
         <- T D C(SELECT 1) E(0A000) Z(I)
         ! release
         F Q(execute q)
         ! borrow
         ! replies
         -> CS(q) {once_more} DS(q) S
         B 3 1 2 C(PREPARE) 3 3 t(23) T Z(I)
         -> Q(execute q)
         B> T D C(SELECT 1) Z(I)
         ! release"
    ));
}

#[test]
fn a_stale_statement_of_sql_is_stale_to_the_protocol() {
    let again = aside(2, "prepare q as select * from t");
    check(&format!(
        "F> Q(prepare q as select * from t)
         ! borrow
         B C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(q) S
         B t T Z(I)
         <- Z(I)
         ! release
         fresh
         F DS(q) S
         ! borrow
         ! replies
         -> {again} DS(q) S
         B 1 2 C(PREPARE) 3 3 t(23) n Z(I)
         -> CS(q) P(q,STALE) S
         B 3 1 Z(I)
         -> DS(tollgate_0_0) S
         B E(26000) Z(I)
         <- t E(0A000) Z(I)
         ! release"
    ));
}

#[test]
fn what_cannot_be_made_is_in_nobodys_way() {
    let broken = aside(2, "prepare broken as select * from t");
    let fine = aside(3, "prepare fine as select 1");
    check(&format!(
        "F> Q(prepare broken as select * from t; prepare fine as select 1)
         ! borrow
         B C(PREPARE) C(PREPARE) Z(I)
         <- C(PREPARE) C(PREPARE)
         -> DS(broken) DS(fine) S
         B t T t T Z(I)
         <- Z(I)
         ! release
         fresh
         F Q(execute fine; deallocate nothing)
         ! borrow
         ! replies
         -> {} DS(fine) S
         B 1 2 C(PREPARE) 3 3 t T Z(I)
         -> Q(execute fine; deallocate nothing)
         B> T D C(SELECT 1) E(26000) Z(I)
         -> P(tollgate_0_3,ROSTER) B(tollgate_aside,tollgate_0_3) E(tollgate_aside) CP(tollgate_aside) CS(tollgate_0_3) S
         B 1 2 LISTED(fine=prepare fine as select 1) C(SELECT 1) 3 3 Z(I)
         ! release
         fresh
         F Q(select * from pg_prepared_statements)
         ! borrow
         ! replies
         -> {broken} DS(broken) S {fine} DS(fine) S
         B 1 2 E(42P01) Z(I) 1 2 C(PREPARE) 3 3 t T Z(I)
         -> CS(tollgate_0_2) S P(broken,) S
         B 3 Z(I) 1 Z(I)
         -> Q(select * from pg_prepared_statements)
         B> T D D C(SELECT 2) Z(I)
         ! release",
        aside(2, "prepare fine as select 1"),
    ));
}

#[test]
fn what_code_drops_is_gone() {
    let roster = aside(2, "ROSTER");
    check(&format!(
        "F> Q(prepare a as select 1; prepare b as select 2)
         ! borrow
         B C(PREPARE) C(PREPARE) Z(I)
         <- C(PREPARE) C(PREPARE)
         -> DS(a) DS(b) S
         B t T t T Z(I)
         <- Z(I)
         ! release
         F> Q(do $$ begin execute 'deallocate a'; end $$)
         ! borrow
         B> C(DO) Z(I)
         -> {roster} S
         B 1 2 LISTED(b=prepare a as select 1; prepare b as select 2) C(SELECT 1) 3 3 Z(I)
         -> ASK(role;locks,temp,cursors,channels,list)
         B ANSWER(none;f,f,f,f,\"\")
         ! release
         F> Q(execute a)
         ! borrow
         B> E(26000) Z(I)
         ! release"
    ));
}

#[test]
fn what_code_prepares_is_the_clients() {
    let roster = aside(2, "ROSTER");
    check(&format!(
        "F> Q(do $$ begin execute 'prepare a as select 1'; end $$)
         ! borrow
         B> C(DO) Z(I)
         -> {roster} S
         B 1 2 LISTED(a=prepare a as select 1) C(SELECT 1) 3 3 Z(I)
         -> DS(a) S
         B t T Z(I)
         -> ASK(role;locks,temp,cursors,channels,list)
         B ANSWER(none;f,f,f,f,\"\")
         ! release
         F2 Q(execute a)
         ! borrow
         ! replies
         -> CS(a) S
         B2 3 Z(I)
         -> Q(execute a)
         B2> E(26000) Z(I)
         ! release"
    ));
}

#[test]
fn what_the_server_will_not_say_ties_the_client() {
    let roster = aside(2, "ROSTER");
    check_whole(&format!(
        "F> Q(do $$ begin execute 'prepare a as select 1'; end $$)
         ! borrow
         B> C(DO) Z(I)
         -> {roster} S
         B E(57014) Z(I)
         -> ASK(role;locks,temp,cursors,channels,list)
         B ANSWER(none;f,f,f,f,\"\")
         ! pin PREPARED_STATEMENT
         F> Q(deallocate all)
         B> C(DEALLOCATE ALL) Z(I)
         ! unpin PREPARED_STATEMENT
         ! release"
    ));
}

#[test]
fn every_sync_behind_a_prepare_is_answered() {
    check(
        "F P(,prepare a as select 1) B(,) E() S S S
         ! borrow
         ! replies
         -> P(,prepare a as select 1) B(,) E() S
         B 1 2 C(PREPARE) Z(I)
         <- 1 2 C(PREPARE)
         -> DS(a) S
         B t T Z(I)
         <- Z(I) Z(I) Z(I)
         ! release",
    );
}

#[test]
fn behind_a_failure_nobody_runs_the_statement_of_another() {
    let leaves = aside(2, "ROLLBACK AND CHAIN");
    let name = "tollgate_0_3";
    check(&format!(
        "F> Q(prepare q as select 5)
         ! borrow
         B C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(q) S
         B t T Z(I)
         <- Z(I)
         ! release
         F2> Q(begin) Q(select 1/0)
         ! borrow
         B2> C(BEGIN) Z(T) E(22012) Z(E)
         F2> P(,rollback) B(p1,) H
         B2> 1 2
         F2 Q(rollback; execute q)
         ! replies
         -> CP(tollgate_aside) {leaves} CS(q) P({name},ROLLBACK TO tollgate) B(tollgate_aside,{name}) E(tollgate_aside) CP(tollgate_aside) CS({name}) S
         B2 3 1 2 C(ROLLBACK) 3 3 3 1 2 E(3B001) Z(E)
         -> Q(rollback; execute q)
         B2> C(ROLLBACK) E(26000) Z(I)
         ! release"
    ));
}
