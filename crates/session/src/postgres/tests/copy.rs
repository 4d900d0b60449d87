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
    B E(22P02)
    -> S P(tollgate_fence,) DS(tollgate_fence) CS(tollgate_fence) S
    <- E(22P02)";

/// The answer to the fence, behind the `Z` of its first Sync.
const FENCED: &str = "1 t(4089643008,1) n 3";

#[test]
fn a_copy_that_fails_around_a_sync_is_settled_by_a_fence() {
    // Observed: d(bad) S d(ok) c S gives E Z Z.
    check(&format!(
        "{IN_DOUBT}
         B Z(I) Z(I) {FENCED} Z(I)
         <- Z(I)
         ! release
         F c S
         <- Z(I)"
    ));
    // Observed: d(ok) S d(bad) c S gives E Z.
    check(&format!(
        "{IN_DOUBT}
         B Z(I) {FENCED} Z(I)
         is Active
         F c S
         -> S
         B> Z(I)
         ! release"
    ));
}

#[test]
fn what_the_server_would_skip_is_not_sent_behind_the_fence() {
    check(&format!(
        "{IN_DOUBT}
         F c P(s1,select 1) B(,s1) Q(select 1) S
         ! replies
         B Z(I) {FENCED} Z(I)
         -> S
         B> Z(I)
         ! release"
    ));
}

#[test]
fn a_client_goes_on_behind_the_fence() {
    check(&format!(
        "{IN_DOUBT}
         F c S Q(select 1)
         ! replies
         B Z(I) Z(I) {FENCED}
         <- Z(I)
         B Z(I)
         <- Z(I)
         ! release
         ! borrow
         -> Q(select 1)
         B> T D C(SELECT 1) Z(I)
         ! release"
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
         B E(22P02)
         -> S P(tollgate_fence,) DS(tollgate_fence) CS(tollgate_fence) S
         <- E(22P02)
         B Z(E) 1 t(4089643008,1) n 3 Z(E)
         F c S
         -> S
         B> Z(E)
         F> Q(rollback)
         B> C(ROLLBACK) Z(I)
         ! release",
    );
}

#[test]
fn notices_keep_their_place_in_the_doubt() {
    check(&format!(
        "{IN_DOUBT}
         B Z(I) N
         B Z(I)
         <- Z(I) N
         B N {FENCED} Z(I)
         <- N
         ! release"
    ));
}

#[test]
fn what_the_server_reports_during_the_doubt_is_heard() {
    check(&format!(
        "{IN_DOUBT}
         B N S(TimeZone=CET) Z(I) Z(I) {FENCED} Z(I)
         <- N S(TimeZone=CET) Z(I)
         ! defaults in doubt
         ! release
         F2 Q(select 1)
         ! borrow
         -> SET(timezone=UTC) Q(select 1)"
    ));
}

#[test]
fn settings_before_a_copy_in_doubt_are_asked_for() {
    check(&format!(
        "F> P(,set work_mem = 1) B(,) E() P(,copy t from stdin) B(,) E() S
         ! borrow
         B> 1 2 C(SET) 1 2 G
         F> d(bad) S
         B E(22P02)
         -> S P(tollgate_fence,) DS(tollgate_fence) CS(tollgate_fence) S
         <- E(22P02)
         B Z(I) Z(I) {FENCED} Z(I)
         <- Z(I)
         -> ASK(work_mem)
         B ANSWER(4MB)
         ! release"
    ));
}

#[test]
fn nothing_is_sent_into_a_copy_that_may_end_in_doubt() {
    check(
        "F> P(,copy t from stdin) B(,) E() d(bad) S d(1) c
         ! borrow
         F P(,select 1) S
         ! replies
         -> H
         B> 1 2 G
         B E(22P02)
         -> S P(tollgate_fence,) DS(tollgate_fence) CS(tollgate_fence) S
         <- E(22P02)
         B Z(I) Z(I) 1 t(4089643008,1) n 3
         <- Z(I)
         B Z(I)
         ! release
         ! borrow
         -> P(,select 1) S
         B> 1 Z(I)
         ! release",
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

/// The server has given the COPY up before it reads what the client sends amid the data: it answers that.
#[test]
fn what_comes_behind_a_copy_given_up_is_meant() {
    check(
        "F P(s1,select $1) S
         ! borrow
         -> P(tollgate_0_2,select $1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F> Q(copy t from stdin)
         ! borrow
         B> G
         F d(bad) B(,s1) E() DS(s1) CS(s1)
         -> d(bad) B(,tollgate_0_2) E() DS(tollgate_0_2) CS(s1)
         B> E(22P02) Z(I) 2 D C(SELECT 1) t T 3
         F> S
         B> Z(I)
         ! release
         F B(,s1) S
         ! borrow
         -> B(,tollgate_0_0) S
         B E(26000) Z(I)
         <- E(26000) Z(I)
         ! release",
    );
}

/// What another client has left under the same name is on the connection, whatever was sent to it meanwhile.
#[test]
fn in_doubt_nobody_runs_the_statement_of_another() {
    check(&format!(
        "F2> Q(prepare s1 as select 6)
         ! borrow
         B2 C(PREPARE) Z(I)
         <- C(PREPARE)
         -> DS(s1) S
         B2 t T Z(I)
         <- Z(I)
         ! release
         F P(s1,select 1) S
         ! borrow
         -> P(tollgate_0_2,select 1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F> P(,copy t from stdin) B(,) E() H
         ! borrow
         B> 1 2 G
         F> d(bad) S P(amid,select 2) S
         B E(22P02)
         -> S P(tollgate_fence,) DS(tollgate_fence) CS(tollgate_fence) S
         <- E(22P02)
         ! pin COPY_IN_DOUBT
         B Z(I) 1 Z(I) Z(I) {FENCED} Z(I)
         <- Z(I) 1 Z(I)
         -> P(tollgate_0_3,ROSTER) B(tollgate_aside,tollgate_0_3) E(tollgate_aside) CP(tollgate_aside) CS(tollgate_0_3) S
         B 1 2 LISTED(s1=prepare s1 as select 6) C(SELECT 1) 3 3 Z(I)
         F B(,s1) E() S
         -> B(,tollgate_0_2) E() S
         B> 2 D C(SELECT 1) Z(I)"
    ));
}
