//! Requests and replies: simple, extended, pipelined, skipped, refused.

use super::rig::check;

#[test]
fn a_query_borrows_and_gives_back() {
    check(
        "F> Q(select 1)
         ! borrow
         B> T D(1) C(SELECT 1) Z(I)
         ! release
         is Idle",
    );
}

#[test]
fn many_statements_have_one_ready() {
    check(
        "F> Q(select 1;;select 2)
         ! borrow
         is Active
         B> T D C(SELECT 1) T D C(SELECT 1) Z(I)
         ! release
         F> Q()
         ! borrow
         B> I Z(I)
         ! release",
    );
}

#[test]
fn a_transaction_keeps_its_connection() {
    check(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         is InTransaction
         F> Q(select 1/0)
         B> E(22012) Z(E)
         F> Q(select 1)
         B> E(25P02) Z(E)
         F> Q(commit)
         B> C(ROLLBACK) Z(I)
         ! release",
    );
}

#[test]
fn commands_on_databases_are_announced_before_they_run() {
    check(
        "F> Q(drop database old)
         ! borrow
         ! database command
         B> E(55006) Z(I)
         ! release
         F> P(,create database new) B(,) E() S
         ! borrow
         ! database command
         B> 1 2 C(CREATE DATABASE) Z(I)
         ! release
         F> Q(drop table old)
         ! borrow
         B> C(DROP TABLE) Z(I)
         ! release",
    );
}

#[test]
fn pipelined_queries_release_after_the_last() {
    check(
        "F> Q(select 1) Q(select 2)
         ! borrow
         B> T D C(SELECT 1) Z(I)
         B> T D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn an_error_in_a_query_ends_only_that_query() {
    check(
        "F> Q(select 1/0; select 2) Q(select 3)
         ! borrow
         B> E(22012) Z(I)
         B> T D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn an_extended_batch_ends_with_its_sync() {
    check(
        "F> P(,select $1) B(,) DP() E() S
         ! borrow
         B> 1 2 T D C(SELECT 1)
         B> Z(I)
         ! release",
    );
}

#[test]
fn several_syncs_have_several_readies() {
    check(
        "F> P(,select 1) B(,) E() S S P(,select 2) B(,) E() S
         ! borrow
         B> 1 2 D C(SELECT 1) Z(I) Z(I)
         B> 1 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn describe_of_a_statement_has_two_replies() {
    check(
        "F> P(,select $1) DS() S
         ! borrow
         B> 1 t
         B> T Z(I)
         ! release
         F> P(,insert into t values $1) DS() S
         ! borrow
         B> 1 t n Z(I)
         ! release",
    );
}

#[test]
fn a_sync_without_a_connection_is_answered_here() {
    check(
        "F S S
         <- Z(I) Z(I)
         F H
         is Idle",
    );
}

#[test]
fn closing_what_cannot_exist_is_answered_here() {
    check(
        "F CS(a) CP(p) CS() S
         <- 3 3 3 Z(I)",
    );
}

#[test]
fn a_flush_never_ends_a_link() {
    check(
        "F> P(,select 1) H
         ! borrow
         B> 1
         is Active
         F> DS() H
         B> t T
         F> B(,) E() S
         B> 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_query_closes_the_implicit_transaction() {
    check(
        "F> P(,select 1) B(,) E() H
         ! borrow
         B> 1 2 D C(SELECT 1)
         F> Q(select 1)
         B> T D C(SELECT 1) Z(I)
         ! release",
    );
    check(
        "F> P(,select 1) B(,) E() Q(select 1)
         ! borrow
         B> 1 2 D C(SELECT 1) T D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn portals_stop_at_row_limits() {
    check(
        "F> P(,select 1) B(,) E(,1) E(,1) E() S
         ! borrow
         B> 1 2 D s D s C(SELECT 0) Z(I)
         ! release",
    );
}

#[test]
fn an_error_skips_to_the_sync() {
    check(
        "F> P(,select 1) B(,) E() Q(select 1) S
         ! borrow
         B> 1 E(22012) Z(I)
         ! release",
    );
    check(
        "F> P(,selec) F(715) S
         ! borrow
         B> E(42601) Z(I)
         ! release",
    );
}

#[test]
fn an_error_before_the_sync_skips_what_is_still_sent() {
    check(
        "F> P(,selec)
         ! borrow
         B> E(42601)
         is Active
         F> B(,) E() Q(select 1) F(715) H
         F> S
         B> Z(I)
         ! release",
    );
}

#[test]
fn an_error_skips_only_its_own_segment() {
    check(
        "F> P(,select 1) B(,) E() S P(,select 2) B(,) E() S
         ! borrow
         B> 1 2 E(22012) Z(I) 1 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_commit_that_fails_answers_at_the_sync() {
    check(
        "F> P(,insert) B(,) E() S
         ! borrow
         B> 1 2 C(INSERT 0 1) E(23505) Z(I)
         ! release",
    );
}

#[test]
fn a_function_call_has_its_own_ready() {
    check(
        "F> F(952)
         ! borrow
         B> V Z(I)
         ! release
         F> F(952)
         ! borrow
         B> E(42883) Z(I)
         ! release",
    );
}

#[test]
fn notices_and_settings_are_passed_on() {
    check(
        "F> Q(select 1)
         ! borrow
         B> N T D N C(SELECT 1) S(application_name=) Z(I)
         ! release",
    );
}

#[test]
fn a_reply_to_nothing_is_out_of_sync() {
    for reply in ["1", "2", "3", "t", "n", "s", "V", "d(x)", "c", "K"] {
        check(&format!(
            "F> Q(begin)
             ! borrow
             B {reply}
             ! out of sync"
        ));
    }
    for reply in ["D", "C(X)", "Z(I)", "T", "I", "2", "G"] {
        check(&format!(
            "F> P(,select 1) S
             ! borrow
             B {reply}
             ! out of sync"
        ));
    }
}

#[test]
fn a_fatal_is_passed_on_once() {
    check(
        "F> Q(select 1)
         ! borrow
         B> T FATAL(57P01)
         ! server fatal
         gone
         ! nothing",
    );
}

#[test]
fn a_refused_query_fails_in_its_place() {
    check(
        "drained
         F Q(select 1)
         ! wait
         is Waiting
         refuse 53300
         <- E(53300) Z(I)
         is Idle
         F S
         <- Z(I)",
    );
}

#[test]
fn a_refused_batch_is_skipped_to_its_sync() {
    check(
        "drained
         F P(,select 1)
         ! wait
         refuse 53300
         <- E(53300)
         F B(,) E() Q(select 1) CS(a) H S S
         <- Z(I) Z(I)
         F F(952)
         ! wait
         refuse 57014
         <- E(57014) Z(I)",
    );
}

#[test]
fn a_goodbye_waits_for_what_was_sent_before() {
    check(
        "F Q(insert) X
         ! borrow
         ! replies
         -> Q(insert)
         B> C(INSERT 0 1) Z(I)
         ! release
         ! close Terminated",
    );
    check(
        "F X
         ! close Terminated
         gone
         ! nothing",
    );
}

#[test]
fn a_client_that_says_goodbye_and_vanishes_does_not_cancel() {
    check(
        "F Q(insert) X
         ! borrow
         ! replies
         -> Q(insert)
         gone
         ! close server",
    );
}

#[test]
fn a_goodbye_in_a_transaction_rolls_back() {
    check(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         F X
         ! close Terminated
         gone
         -> Q(ROLLBACK)
         K C(ROLLBACK) Z(I)
         ! clean",
    );
}

#[test]
fn a_goodbye_without_a_sync_closes_the_server() {
    check(
        "F P(,select 1) B(,) E() X
         -> P(,select 1) B(,) E()
         ! borrow
         ! close Terminated
         gone
         ! close server",
    );
}

#[test]
fn a_client_that_vanishes_leaves_nothing_running() {
    check(
        "F> Q(select 1)
         ! borrow
         gone
         ! cancel and close",
    );
}

#[test]
fn a_cancel_under_way_holds_the_connection() {
    check(
        "F> Q(select 1)
         ! borrow
         cancel
         B> C(SELECT 1) Z(I)
         cancelled
         ! release",
    );
}

#[test]
fn a_keepalive_proves_a_connection_clean() {
    check(
        "fresh
         keepalive
         -> Q()
         K I Z(I)
         ! clean
         keepalive
         -> Q()
         K N I S(TimeZone=CET) Z(I)
         ! failed",
    );
    check(
        "fresh
         keepalive
         -> Q()
         K FATAL(57P01)
         ! failed",
    );
}
