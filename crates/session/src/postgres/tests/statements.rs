//! Prepared statements with names: shared, moved, remade, and never in the way.

use super::rig::check;

#[test]
fn a_named_statement_does_not_pin() {
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         is Idle
         F B(,s1) E() S
         ! borrow
         -> B(,tollgate_0_2) E() S
         B> 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_statement_is_used_in_the_segment_that_makes_it() {
    check(
        "F P(s1,select 1) B(,s1) DS(s1) E() S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) B(,tollgate_0_2) DS(tollgate_0_2) E() S
         B 1 t T 2 t T D C(SELECT 1) Z(I)
         <- 1 2 t T D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_statement_is_made_where_it_is_missing() {
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         fresh
         F B(,s1) E() S
         ! borrow
         ! replies
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         -> B(,tollgate_0_2) E() S
         B> 2 D C(SELECT 1) Z(I)
         ! release
         F DS(s1) S
         ! borrow
         -> DS(tollgate_0_2) S
         B> t T Z(I)
         ! release",
    );
}

/// A Parse looks at the database, a Describe does not: what follows could tell.
#[test]
fn what_is_made_shows_in_no_transaction_of_the_client() {
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         fresh
         F P(,begin) DS(s1) H Q(begin isolation level serializable)
         ! borrow
         ! replies
         -> P(,begin) H
         B> 1
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         -> DS(tollgate_0_2) H Q(begin isolation level serializable)
         B> t T C(BEGIN) Z(T)
         ! pin UNKNOWN",
    );
}

/// What is wrong with a Bind itself comes before what is wrong with its statement by now.
#[test]
fn a_bind_that_may_have_faults_is_rehearsed() {
    check(
        "F P(s1,select * from t) S
         ! borrow
         -> P(tollgate_0_2,select * from t) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         fresh
         F B(p,s1) E(p) S
         ! borrow
         ! replies
         -> P(tollgate_0_2,) B(p,tollgate_0_2) P(tollgate_0_3,select * from t) DS(tollgate_0_3) CP(p) CS(tollgate_0_2) S
         B E(42P03) Z(I)
         <- E(42P03)
         -> S
         B> Z(I)
         ! release
         fresh
         F B(p,s1) E(p) S
         ! borrow
         ! replies
         -> P(tollgate_0_2,) B(p,tollgate_0_2) P(tollgate_0_3,select * from t) DS(tollgate_0_3) CP(p) CS(tollgate_0_2) S
         B 1 2 E(42P01) Z(I)
         <- E(42P01)
         -> S
         B> Z(I)
         ! release",
    );
}

/// In a transaction that has failed an empty statement would be refused where this one is not.
#[test]
fn the_end_of_a_failed_transaction_is_not_rehearsed() {
    check(
        "F P(s1,rollback) S
         ! borrow
         -> P(tollgate_0_2,rollback) DS(tollgate_0_2) S
         B 1 t n Z(I)
         <- 1 Z(I)
         ! release
         fresh
         F> Q(begin; select 1/0)
         ! borrow
         B> C(BEGIN) E(22012) Z(E)
         F B(p,s1) E(p) S
         ! replies
         -> P(tollgate_0_2,rollback) DS(tollgate_0_2) S
         B 1 t n Z(E)
         -> B(p,tollgate_0_2) E(p) S
         B> 2 C(ROLLBACK) Z(I)
         ! release",
    );
}

/// The server says what it was told when it made the statement, whatever has become of its tables.
#[test]
fn a_statement_without_rows_need_not_be_made_to_be_described() {
    check(
        "F P(s1,delete from t) S
         ! borrow
         -> P(tollgate_0_2,delete from t) DS(tollgate_0_2) S
         B 1 t n Z(I)
         <- 1 Z(I)
         ! release
         fresh
         F DS(s1) S
         ! borrow
         -> P(tollgate_0_2,) DS(tollgate_0_2) S
         B 1 t n Z(I)
         <- t n Z(I)
         ! release",
    );
}

#[test]
fn two_clients_share_a_statement_and_not_its_name() {
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F2 P(s1,select 2) S
         ! borrow
         -> P(tollgate_0_3,select 2) DS(tollgate_0_3) S
         B2 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F2 P(s2,select 1) S
         ! borrow
         -> P(tollgate_0_4,select 1) DS(tollgate_0_4) S
         B2 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F B(,s1) E() S
         ! borrow
         -> B(,tollgate_0_4) E() S
         B> 2 D C(SELECT 1) Z(I)
         ! release
         F2 P(s3,select 3) S
         ! borrow
         -> P(tollgate_0_5,select 3) DS(tollgate_0_5) CS(tollgate_0_2) S
         B2 1 t n 3 Z(I)
         <- 1 Z(I)
         ! release",
    );
}

#[test]
fn another_result_is_another_statement() {
    // Between the two, somebody changed the table.
    check(
        "F P(s1,select * from t) S
         ! borrow
         -> P(tollgate_0_2,select * from t) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F2 P(s1,select * from t) S
         ! borrow
         -> P(tollgate_0_3,select * from t) DS(tollgate_0_3) S
         B2 1 t n Z(I)
         <- 1 Z(I)
         ! release
         F B(,s1) S
         ! borrow
         -> B(,tollgate_0_2) S
         B> E(0A000) Z(I)
         ! release
         F2 B(,s1) E() S
         ! borrow
         -> B(,tollgate_0_3) E() S
         B2> 2 C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_stale_statement_fails_on_another_connection_as_well() {
    check(
        "F P(s1,select * from t) S
         ! borrow
         -> P(tollgate_0_2,select * from t) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         fresh
         F Q(begin)
         ! borrow
         -> Q(begin)
         B> C(BEGIN) Z(T)
         F B(,s1) E() S
         ! replies
         -> P(tollgate_0_2,select * from t) DS(tollgate_0_2) S
         B 1 t n Z(T)
         -> B(,tollgate_0_0) E() S
         B E(26000) Z(E)
         <- E(0A000) Z(E)
         F> Q(rollback)
         B> C(ROLLBACK) Z(I)
         ! release
         F DS(s1) S
         ! borrow
         ! replies
         -> P(tollgate_0_3,select * from t) DS(tollgate_0_3) CS(tollgate_0_2) S
         B 1 t n 3 Z(I)
         -> DS(tollgate_0_0) S
         B E(26000) Z(I)
         <- t E(0A000) Z(I)
         ! release",
    );
}

#[test]
fn the_error_of_a_remade_statement_is_the_clients() {
    check(
        "F P(s1,select * from t) S
         ! borrow
         -> P(tollgate_0_2,select * from t) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         fresh
         F P(,select 1) B(,) E() B(,s1) E() S
         ! borrow
         ! replies
         -> P(,select 1) B(,) E() H
         B 1 2 D C(SELECT 1)
         <- 1 2 D C(SELECT 1)
         -> P(tollgate_0_2,select * from t) DS(tollgate_0_2) H
         B> E(42P01)
         -> B(,s1) E() S
         B> Z(I)
         ! release",
    );
}

#[test]
fn a_name_that_exists_is_refused_by_the_server() {
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F P(s1,select 2) S
         ! borrow
         -> P(tollgate_0_1,) P(tollgate_0_1,select 2) S
         B 1 E(42P05) Z(I)
         <- E(42P05) Z(I)
         ! release
         F P(s1,select 3) S P(s1,select 4) S
         ! borrow
         -> P(tollgate_0_1,select 3) S P(tollgate_0_1,select 4) S
         B> E(42P05) Z(I) E(42P05) Z(I)
         ! release
         F B(,s1) E() S
         ! borrow
         -> B(,tollgate_0_2) E() S
         B> 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_name_that_does_not_exist_is_nobody_elses() {
    check(
        "F B(,s1) S
         ! borrow
         -> B(,tollgate_0_0) S
         B> E(26000) Z(I)
         ! release
         F DS(tollgate_0_2) S
         ! borrow
         -> DS(tollgate_0_0) S
         B> E(26000) Z(I)
         ! release",
    );
}

#[test]
fn a_failed_named_parse_leaves_no_name() {
    check(
        "F P(s1,selec) S
         ! borrow
         -> P(tollgate_0_2,selec) DS(tollgate_0_2) S
         B> E(42601) Z(I)
         ! release
         F P(,select 1/0) B(,) E() P(s1,select 1) S
         ! borrow
         -> P(,select 1/0) B(,) E() P(tollgate_0_3,select 1) DS(tollgate_0_3) S
         B> 1 2 E(22012) Z(I)
         ! release
         F B(,s1) S
         ! borrow
         -> B(,tollgate_0_0) S
         B> E(26000) Z(I)
         ! release",
    );
}

#[test]
fn a_statement_the_server_does_not_describe_stays_where_it_is() {
    // A cancel came between the two.
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 E(57014) Z(I)
         <- 1 E(57014) Z(I)
         ! pin PREPARED_STATEMENT
         F B(,s1) E() S
         -> B(,tollgate_0_2) E() S
         B> 2 D C(SELECT 1) Z(I)
         F CS(s1) S
         -> CS(tollgate_0_2) S
         B> 3 Z(I)
         ! unpin PREPARED_STATEMENT
         ! release",
    );
}

#[test]
fn a_closed_name_is_gone_and_its_statement_is_not() {
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F2 P(x,select 1) S
         ! borrow
         -> P(tollgate_0_3,select 1) DS(tollgate_0_3) S
         B2 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F CS(s1) S
         <- 3 Z(I)
         F B(,s1) S
         ! borrow
         -> B(,tollgate_0_0) S
         B> E(26000) Z(I)
         ! release
         F2 P(,select 1) CS(x) B(,x) S
         ! borrow
         -> P(,select 1) CS(x) B(,tollgate_0_0) S
         B2> 1 3 E(26000) Z(I)
         ! release",
    );
}

#[test]
fn a_skipped_close_leaves_the_name() {
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F> P(,selec) CS(s1) S
         ! borrow
         B> E(42601) Z(I)
         ! release
         F B(,s1) E() S
         ! borrow
         -> B(,tollgate_0_2) E() S
         B> 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn names_of_an_earlier_segment_are_waited_for() {
    check(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         F P(s1,select 1) S B(,s1) E() S
         ! replies
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(T)
         <- 1 Z(T)
         -> B(,tollgate_0_2) E() S
         B> 2 D C(SELECT 1) Z(T)",
    );
}

#[test]
fn deallocate_all_ends_only_older_names() {
    check(
        "F P(s1,select 1) S Q(deallocate all) P(s2,select 2) S
         ! borrow
         ! replies
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S Q(deallocate all)
         B 1 t T Z(I) C(DEALLOCATE ALL) Z(I)
         <- 1 Z(I) C(DEALLOCATE ALL) Z(I)
         ! release
         ! borrow
         -> P(tollgate_0_3,select 2) DS(tollgate_0_3) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F B(,s1) S B(,s2) E() S
         ! borrow
         -> B(,tollgate_0_0) S B(,tollgate_0_3) E() S
         B> E(26000) Z(I) 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn discard_all_takes_everybodys_statements_off_the_connection() {
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F2> Q(discard all)
         ! borrow
         B2> C(DISCARD ALL) Z(I)
         ! release
         F B(,s1) E() S
         ! borrow
         ! replies
         -> P(tollgate_0_3,select 1) DS(tollgate_0_3) S
         B 1 t T Z(I)
         -> B(,tollgate_0_3) E() S
         B> 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn what_a_named_statement_does_counts_whenever_it_runs() {
    check(
        "F P(s1,listen c) S
         ! borrow
         -> P(tollgate_0_2,listen c) DS(tollgate_0_2) S
         B 1 t n Z(I)
         <- 1 Z(I)
         ! release
         F B(,s1) E() S
         ! borrow
         -> B(,tollgate_0_2) E() S
         B> 2 C(LISTEN) Z(I)
         -> ASK(;channels)
         B ANSWER(;t)
         ! pin LISTEN",
    );
    check(
        "F> Q(prepare p as select pg_advisory_lock(1))
         ! borrow
         B C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(p) S
         B t T Z(I)
         <- Z(I)
         -> ASK(;locks)
         B ANSWER(;f)
         ! release",
    );
}

#[test]
fn a_long_statement_stays_on_its_connection() {
    let text = "x".repeat(300_000);
    check(&format!(
        "F P(s1,{text}) S
         ! borrow
         -> P(tollgate_0_2,{text}) S
         B> 1 Z(I)
         ! pin PREPARED_STATEMENT
         F B(,s1) E() CS(s1) S
         -> B(,tollgate_0_2) E() CS(tollgate_0_2) S
         B> 2 D C(SELECT 1) 3 Z(I)
         ! unpin PREPARED_STATEMENT
         ! release"
    ));
}

#[test]
fn a_statement_of_sql_moves_with_its_client() {
    check(
        "F> Q(prepare q as select 5)
         ! borrow
         B C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(q) S
         B t T Z(I)
         <- Z(I)
         ! release
         F> Q(execute q)
         ! borrow
         B> T D C(SELECT 1) Z(I)
         ! release
         fresh
         F Q(execute q)
         ! borrow
         ! replies
         -> P(tollgate_0_2,prepare q as select 5) B(tollgate_aside,tollgate_0_2) E(tollgate_aside) CP(tollgate_aside) CS(tollgate_0_2) DS(q) S
         B 1 2 C(PREPARE) 3 3 t T Z(I)
         -> Q(execute q)
         B> T D C(SELECT 1) Z(I)
         ! release
         F Q(deallocate q)
         <- C(DEALLOCATE) Z(I)",
    );
}

#[test]
fn a_statement_of_sql_is_nobody_elses() {
    check(
        "F> Q(prepare q as select 5)
         ! borrow
         B C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(q) S
         B t T Z(I)
         <- Z(I)
         ! release
         F2 B(,q) S
         ! borrow
         -> B(,tollgate_0_0) S
         B2> E(26000) Z(I)
         ! release
         F2 Q(prepare q as select 6)
         ! borrow
         ! replies
         -> CS(q) S
         B2 3 Z(I)
         -> Q(prepare q as select 6)
         B2 C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(q) S
         B2 t T Z(I)
         <- Z(I)
         ! release
         F Q(execute q)
         ! borrow
         ! replies
         -> CS(q) P(tollgate_0_2,prepare q as select 5) B(tollgate_aside,tollgate_0_2) E(tollgate_aside) CP(tollgate_aside) CS(tollgate_0_2) DS(q) S
         B 3 1 2 C(PREPARE) 3 3 t T Z(I)
         -> Q(execute q)
         B> T D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn sql_reaches_statements_of_the_protocol() {
    check(
        "F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F Q(execute s1)
         ! borrow
         ! replies
         -> P(s1,select 1) DS(s1) S
         B 1 t T Z(I)
         -> Q(execute s1)
         B> T D C(SELECT 1) Z(I)
         ! release
         F> Q(execute s1)
         ! borrow
         B> T D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn dropping_a_statement_does_not_need_it() {
    // Its table may be out of sight by now.
    check(
        "F P(s1,select * from t) S
         ! borrow
         -> P(tollgate_0_2,select * from t) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         F Q(deallocate s1)
         ! replies
         -> P(s1,) S
         B 1 Z(T)
         -> Q(deallocate s1)
         B> C(DEALLOCATE) Z(T)
         F B(,s1) S
         -> B(,tollgate_0_0) S
         B> E(26000) Z(E)",
    );
}

#[test]
fn deallocate_without_a_connection_is_answered_here() {
    check(
        "F P(s1,select 1) P(,select 2) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) P(,select 2) S
         B 1 t T 1 Z(I)
         <- 1 1 Z(I)
         ! release
         F Q(deallocate prepare s1)
         <- C(DEALLOCATE) Z(I)
         F B(,) S
         ! borrow
         -> CS() B(,) S
         B 3 E(26000) Z(I)
         <- E(26000) Z(I)
         ! release
         F> Q(deallocate s1)
         ! borrow
         B> E(26000) Z(I)
         ! release",
    );
}

#[test]
fn a_failure_to_make_a_statement_of_sql_is_the_texts_failure() {
    check(
        "F> Q(prepare q as select * from t)
         ! borrow
         B C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(q) S
         B t T Z(I)
         <- Z(I)
         ! release
         fresh
         F Q(execute q) Q(select 1)
         ! borrow
         ! replies
         -> P(tollgate_0_2,prepare q as select * from t) B(tollgate_aside,tollgate_0_2) E(tollgate_aside) CP(tollgate_aside) CS(tollgate_0_2) DS(q) S
         B 1 2 E(42P01)
         <- E(42P01)
         B Z(I)
         <- Z(I)
         ! release
         ! borrow
         -> Q(select 1)
         B> T D C(SELECT 1) Z(I)
         ! release",
    );
}
