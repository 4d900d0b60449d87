//! COPY both ways, and what it does to the Syncs around it.

use super::rig::check;

#[test]
fn a_simple_copy_from_the_client() {
    check(
        "F> Q(copy t from stdin)
         ! borrow
         B> G
         F> d(1) d(2) c
         B> C(COPY 2) Z(I)
         ! release",
    );
}

#[test]
fn a_copy_sent_ahead() {
    check(
        "F> Q(copy t from stdin; copy t from stdin) d(1) c d(2) c
         ! borrow
         B> G C(COPY 1) G C(COPY 1) Z(I)
         ! release",
    );
}

#[test]
fn a_copy_to_the_client() {
    check(
        "F> Q(copy t to stdout)
         ! borrow
         B> H d(1) d(2) c C(COPY 2) Z(I)
         ! release
         F> P(,copy t to stdout) B(,) DP() E() S
         ! borrow
         B> 1 2 n H d(1) c C(COPY 1) Z(I)
         ! release",
    );
}

#[test]
fn a_sync_sent_before_the_copy_began_is_swallowed() {
    // Observed: P B E S S d c S gives one ready.
    check(
        "F> P(,copy t from stdin) B(,) E() S S d(1) c S
         ! borrow
         B> 1 2 G C(COPY 1) Z(I)
         ! release",
    );
}

#[test]
fn a_sync_sent_during_the_copy_is_swallowed() {
    check(
        "F> P(,copy t from stdin) B(,) E() S
         ! borrow
         B> 1 2 G
         F> d(1) S H d(2) c S
         B> C(COPY 2) Z(I)
         ! release",
    );
    // Observed: Q S d S c S gives two readies.
    check(
        "F> Q(copy t from stdin) S d(1) S c S
         ! borrow
         B> G C(COPY 1) Z(I)
         B> Z(I)
         ! release",
    );
}

#[test]
fn syncs_count_when_the_copy_never_began() {
    // Observed: P B E S d c S gives 1 2 E Z Z.
    check(
        "F> P(,copy nothing from stdin) B(,) E() S d(1) c S
         ! borrow
         B> 1 2 E(42P01) Z(I)
         B> Z(I)
         ! release",
    );
}

#[test]
fn a_copy_that_fails_without_syncs_is_no_riddle() {
    check(
        "F> P(,copy t from stdin) B(,) E() H
         ! borrow
         B> 1 2 G
         F> d(bad)
         B> E(22P02)
         F> d(1) c S
         B> Z(I)
         ! release",
    );
}

/// A COPY that has failed around a Sync: how many times the server will be ready is not known.
const IN_DOUBT: &str = "F> P(,copy t from stdin) B(,) E() S
    ! borrow
    B> 1 2 G
    F> d(bad) S
    B> E(22P02)";

#[test]
fn a_copy_that_fails_around_a_sync_is_settled_by_a_fence() {
    // Observed: d(ok) S d(bad) c S gives E Z, the fence I Z.
    check(&format!(
        "{IN_DOUBT}
         F> c S
         B> Z(I)
         -> Q()
         B I Z(I)
         ! release"
    ));
    // Observed: d(bad) S d(ok) c S gives E Z Z.
    check(&format!(
        "{IN_DOUBT}
         B> Z(I)
         F> d(1) c S
         B> Z(I)
         -> Q()
         B I Z(I)
         ! release"
    ));
    check(&format!(
        "{IN_DOUBT}
         F> c S
         B> Z(I)
         -> Q()
         B Z(I) I Z(I)
         <- Z(I)
         ! release"
    ));
}

#[test]
fn the_fence_follows_a_sync_that_was_sent_behind_the_data() {
    for readies in ["Z(I)", "Z(I) Z(I)"] {
        check(&format!(
            "F> P(,copy t from stdin) B(,) E()
             ! borrow
             B> 1 2 G
             F> d(1) S d(bad) c S
             B> E(22P02)
             -> Q()
             B {readies} I Z(I)
             <- {readies}
             ! release"
        ));
    }
}

#[test]
fn a_client_goes_on_behind_the_fence() {
    check(&format!(
        "{IN_DOUBT}
         F> c S
         F Q(select 1) Q(select 2)
         -> Q()
         ! replies
         B> Z(I)
         B I Z(I)
         -> Q(select 1) Q(select 2)
         ! release
         ! borrow
         B> C(SELECT 1) Z(I) C(SELECT 1) Z(I)
         ! release"
    ));
}

#[test]
fn the_unnamed_statement_is_made_again_behind_a_fence() {
    check(&format!(
        "{IN_DOUBT}
         F> c S
         B> Z(I)
         -> Q()
         B I Z(I)
         ! release
         F B(,) E() S
         ! borrow
         -> P(,copy t from stdin) B(,) E() S"
    ));
}

#[test]
fn an_unnamed_statement_that_cannot_be_made_again_has_no_fence_behind_it() {
    let long = "x".repeat(200);
    check(&format!(
        "F> P(,copy t from stdin with (delimiter '{long}')) B(,) E() S
         ! borrow
         B> 1 2 G
         F> d(bad) S
         B> E(22P02)
         ! pin COPY_IN_DOUBT
         F> c S
         B> Z(I)
         F> B(,) S
         B> 2 Z(I)"
    ));
}

#[test]
fn a_transaction_goes_on_behind_a_fence() {
    check(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) Z(T)
         F> P(,copy t from stdin) B(,) E() S
         B> 1 2 G
         F> d(bad) S
         B> E(22P02)
         F> c S
         B> Z(E)
         -> Q()
         B I Z(E)
         F> Q(rollback)
         B> C(ROLLBACK) Z(I)
         ! release",
    );
}

#[test]
fn what_the_server_reports_during_the_doubt_is_heard() {
    check(&format!(
        "{IN_DOUBT}
         F> c S
         B> N S(TimeZone=CET) Z(I)
         -> Q()
         B I Z(I)
         ! release
         F2 Q(select 1)
         ! borrow
         -> SET(-timezone) Q(select 1)"
    ));
}

#[test]
fn a_copy_that_the_data_ends_is_in_doubt_too() {
    // A line of a backslash and a dot, before the client says that it is done.
    check(
        "F> P(,copy t from stdin) B(,) E() S
         ! borrow
         B> 1 2 G
         F> d(end) S
         B> C(COPY 1)
         F> c S
         B> Z(I)
         -> Q()
         B I Z(I)
         ! release",
    );
}

#[test]
fn settings_before_a_copy_in_doubt_are_asked_for() {
    check(
        "F> P(,set work_mem = 1) B(,) E() P(,copy t from stdin) B(,) E() S
         ! borrow
         B> 1 2 C(SET) 1 2 G
         F> d(bad) S
         B> E(22P02)
         F> c S
         B> Z(I)
         -> Q()
         B I Z(I)
         -> ASK(work_mem)
         B ANSWER(4MB)
         ! release",
    );
}

#[test]
fn requests_behind_a_copy_in_doubt_may_have_run() {
    for (behind, answer) in [
        ("P(s1,select 1)", "1"),
        ("P(,select 1)", "1"),
        ("Q(select 1)", "C(SELECT 1) Z(I)"),
    ] {
        check(&format!(
            "F> P(,copy t from stdin) B(,) E() d(bad) S d(1) c {behind} S
             ! borrow
             B> 1 2 G E(22P02) Z(I) {answer} Z(I)
             ! pin COPY_IN_DOUBT
             gone
             ! close server"
        ));
    }
}

#[test]
fn what_comes_before_the_next_sync_makes_the_doubt_last() {
    check(&format!(
        "{IN_DOUBT}
         F> Q(select 1)
         B> Z(I)
         ! pin COPY_IN_DOUBT
         B> C(SELECT 1) Z(I)
         F> c S Q()
         B> Z(I) I Z(I)
         F X
         ! close Terminated
         gone
         ! close server"
    ));
    // A Query whose COPY fails is answered at once; whether the Sync is, nobody knows.
    check(
        "F> Q(copy t from stdin)
         ! borrow
         B> G
         F> d(bad) S
         B> E(22P02) Z(I)
         ! pin COPY_IN_DOUBT
         B> Z(I)
         F> Q(select 1)
         B> C(SELECT 1) Z(I)
         gone
         ! close server",
    );
}

#[test]
fn a_client_that_vanishes_in_doubt_closes_the_server() {
    check(&format!(
        "{IN_DOUBT}
         gone
         ! close server"
    ));
}

#[test]
fn late_data_after_a_failed_copy_goes_nowhere() {
    check(
        "F> Q(copy t from stdin)
         ! borrow
         B> G
         F> d(bad)
         B> E(22P02) Z(I)
         ! release
         F d(1) d(2) c
         F> Q(select 1)
         ! borrow
         B> C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn late_data_before_the_ready_goes_to_the_server() {
    check(
        "F> Q(copy t from stdin)
         ! borrow
         B> G
         F> d(bad)
         B> E(22P02)
         F> d(1) c
         B> Z(I)
         ! release",
    );
}

#[test]
fn a_client_gives_the_copy_up() {
    check(
        "F> Q(copy t from stdin)
         ! borrow
         B> G
         F> d(1) f(no)
         B> E(57014) Z(I)
         ! release",
    );
}

#[test]
fn another_message_during_a_copy_is_the_servers_to_refuse() {
    check(
        "F> Q(copy t from stdin)
         ! borrow
         B> G
         F> Q(select 1)
         B> E(08P01) FATAL(08P01)
         ! server fatal",
    );
}

#[test]
fn a_client_that_vanishes_in_a_copy_closes_the_server() {
    check(
        "F> Q(copy t from stdin)
         ! borrow
         B> G
         F> d(1)
         gone
         ! cancel and close",
    );
}

#[test]
fn replication_is_never_given_back() {
    check(
        "F> Q(START_REPLICATION)
         ! borrow
         B> W
         ! pin UNKNOWN
         F> d(x)
         B> d(y)
         F> c
         B> c C(COPY 0) Z(I)
         gone
         ! close server",
    );
}
