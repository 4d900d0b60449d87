//! The unnamed statement follows its client from connection to connection, and nobody else.

use super::rig::check;

#[test]
fn an_unnamed_statement_is_made_again_elsewhere() {
    check(
        "F> P(,select 1) DS() S
         ! borrow
         B> 1 t T Z(I)
         ! release
         fresh
         F B(,) E() S
         ! borrow
         -> P(,select 1) B(,) E() S
         B 1 2 D C(SELECT 1) Z(I)
         <- 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn an_unnamed_statement_that_is_there_is_used() {
    check(
        "F> P(,select 1) DS() S
         ! borrow
         B> 1 t T Z(I)
         ! release
         F> B(,) E() S
         ! borrow
         B> 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn nobody_runs_the_unnamed_statement_of_another() {
    check(
        "F> P(,select 1) S
         ! borrow
         B> 1 Z(I)
         ! release
         F2 B(,) E() S
         ! borrow
         -> CS() B(,) E() S
         B2 3 E(26000) Z(I)
         <- E(26000) Z(I)
         ! release",
    );
}

#[test]
fn another_client_in_between_is_noticed() {
    check(
        "F> P(,select 1) S
         ! borrow
         B> 1 Z(I)
         ! release
         F2> P(,select 2) S
         ! borrow
         B2> 1 Z(I)
         ! release
         F DS() S
         ! borrow
         ! replies
         -> P(,select 1) S
         B 1 Z(I)
         -> DS() S
         B> t T Z(I)
         ! release
         F2> Q(select 1)
         ! borrow
         B2> C(SELECT 1) Z(I)
         ! release
         F B(,) S
         ! borrow
         -> P(,select 1) B(,) S
         B 1 2 Z(I)
         <- 2 Z(I)
         ! release",
    );
}

#[test]
fn a_statement_that_cannot_be_made_again_fails_once() {
    check(
        "F> P(,select a from t) S
         ! borrow
         B> 1 Z(I)
         ! release
         fresh
         F B(,) E() S
         ! borrow
         -> P(,select a from t) B(,) E() S
         B> E(42P01) Z(I)
         ! release",
    );
}

#[test]
fn a_query_ends_the_unnamed_statement() {
    check(
        "F> P(,select 1) S
         ! borrow
         B> 1 Z(I)
         ! release
         F> Q(select 1)
         ! borrow
         B> C(SELECT 1) Z(I)
         ! release
         fresh
         F> B(,) S
         ! borrow
         B> E(26000) Z(I)
         ! release",
    );
}

#[test]
fn a_failed_parse_ends_the_unnamed_statement() {
    check(
        "F> P(,select 1) S
         ! borrow
         B> 1 Z(I)
         ! release
         F> P(,selec) S
         ! borrow
         B> E(42601) Z(I)
         ! release
         F B(,) S
         ! borrow
         -> CS() B(,) S
         B 3 E(26000) Z(I)
         <- E(26000) Z(I)
         ! release",
    );
}

#[test]
fn a_skipped_parse_changes_nothing() {
    // The first Parse of the batch fails, so the second never ran: the old statement is in force, and the
    // connection still has that of another client.
    check(
        "F> P(,select 1) S
         ! borrow
         B> 1 Z(I)
         ! release
         F2> P(,select 2) S
         ! borrow
         B2> 1 Z(I)
         ! release
         F P(s1,selec) P(,select 3) S B(,) E() S
         ! borrow
         ! replies
         -> P(tollgate_0_2,selec) DS(tollgate_0_2) P(,select 3) S
         B E(42601)
         <- E(42601)
         -> P(,select 1) B(,) E() S
         B> Z(I)
         B 1 2 D C(SELECT 1) Z(I)
         <- 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_large_unnamed_statement_pins_until_it_is_replaced() {
    let long = format!("select '{}'", "x".repeat(200));
    check(&format!(
        "F> P(,{long}) S
         ! borrow
         B> 1 Z(I)
         ! pin UNNAMED_STATEMENT
         is Pinned
         F> B(,) E() S
         B> 2 D C(SELECT 1) Z(I)
         F> P(,select 1) B(,) E() S
         B> 1 2 D C(SELECT 1) Z(I)
         ! unpin UNNAMED_STATEMENT
         ! release"
    ));
}

#[test]
fn what_the_remembered_statement_does_is_remembered_too() {
    check(
        "F> P(,listen c) S
         ! borrow
         B> 1 Z(I)
         ! release
         fresh
         F B(,) E() S
         ! borrow
         -> P(,listen c) B(,) E() S
         B 1 2 C(LISTEN) Z(I)
         <- 2 C(LISTEN) Z(I)
         -> ASK(;channels)
         B ANSWER(;t)
         ! pin LISTEN",
    );
}

#[test]
fn an_error_of_an_earlier_request_does_not_hold_a_bind_up() {
    for failing in ["Q(select 1/0)", "P(,selec) S"] {
        check(&format!(
            "F> {failing} P(,select 41)
             ! borrow
             B> E(22012) Z(I)
             F> B(,) E() S
             B> 1 2 D C(SELECT 1) Z(I)
             ! release"
        ));
    }
}
