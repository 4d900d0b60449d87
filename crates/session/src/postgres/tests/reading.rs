//! A statement that is made again is read under the settings of its first time.

use super::rig::check;

const SWITCH: &str = "SELECT pg_catalog.set_config('tollgate.timezone',\
     pg_catalog.current_setting('timezone'),true),pg_catalog.set_config('timezone','UTC',true)";
const BACK: &str = "SELECT pg_catalog.set_config('timezone',\
     pg_catalog.current_setting('tollgate.timezone'),true)";

/// A command of ours that runs in the client's transaction, under this number.
fn aside(number: u32, command: &str) -> String {
    let name = format!("tollgate_0_{number}");
    let portal = "tollgate_aside";
    format!("P({name},{command}) B({portal},{name}) E({portal}) CP({portal}) CS({name})")
}

#[test]
fn constants_are_read_as_they_were() {
    let there = aside(2, SWITCH);
    let back = aside(4, BACK);
    check(&format!(
        "F P(s1,select '1') S
         ! borrow
         -> P(tollgate_0_2,select '1') DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F Q(set timezone to 'CET')
         ! borrow
         -> Q(set timezone to 'CET')
         B> C(SET) S(TimeZone=CET) Z(I)
         ! release
         fresh
         F B(,s1) E() S
         ! borrow
         ! replies
         -> SET(timezone=CET) {there} P(tollgate_0_3,select '1') DS(tollgate_0_3) {back} S
         B C(BEGIN) C(SET) S(TimeZone=CET) C(COMMIT) Z(I) 1 2 D() C(SELECT 1) 3 3 1 t T 1 2 D() C(SELECT 1) 3 3 Z(I)
         -> B(,tollgate_0_3) E() S
         B> 2 D C(SELECT 1) Z(I)
         ! release",
    ));
}

#[test]
fn a_statement_without_constants_needs_no_care() {
    check(
        "F P(s1,select $1) S
         ! borrow
         -> P(tollgate_0_2,select $1) DS(tollgate_0_2) S
         B 1 t T Z(I)
         <- 1 Z(I)
         ! release
         F Q(set timezone to 'CET')
         ! borrow
         -> Q(set timezone to 'CET')
         B> C(SET) S(TimeZone=CET) Z(I)
         ! release
         fresh
         F B(,s1) E() S
         ! borrow
         ! replies
         -> SET(timezone=CET) P(tollgate_0_2,select $1) DS(tollgate_0_2) S
         B C(BEGIN) C(SET) S(TimeZone=CET) C(COMMIT) Z(I) 1 t T Z(I)
         -> B(,tollgate_0_2) E() S
         B> 2 D C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn settings_of_the_transaction_are_asked_for() {
    let question = aside(3, "READING");
    check(&format!(
        "F Q(begin)
         ! borrow
         -> Q(begin)
         B> C(BEGIN) Z(T)
         F Q(set local timezone to 'CET')
         -> Q(set local timezone to 'CET')
         B> C(SET) S(TimeZone=CET) Z(T)
         F P(s1,select '1') S
         -> P(tollgate_0_2,select '1') {question} DS(tollgate_0_2) S
         B 1 1 2 READING C(SELECT 1) 3 3 t T Z(T)
         <- 1 Z(T)
         F Q(commit)
         -> Q(commit)
         B> C(COMMIT) S(TimeZone=UTC) Z(I)
         ! release",
    ));
}

#[test]
fn what_cannot_be_told_ties_the_client() {
    // The answer makes no sense.
    let question = aside(3, "READING");
    check(&format!(
        "F Q(begin)
         ! borrow
         -> Q(begin)
         B> C(BEGIN) Z(T)
         F Q(set local timezone to 'CET')
         -> Q(set local timezone to 'CET')
         B> C(SET) S(TimeZone=CET) Z(T)
         F P(s1,select '1') S
         -> P(tollgate_0_2,select '1') {question} DS(tollgate_0_2) S
         B 1 1 2 D() C(SELECT 1) 3 3 t T Z(T)
         <- 1 Z(T)
         F Q(commit)
         -> Q(commit)
         B> C(COMMIT) S(TimeZone=UTC) Z(I)
         ! pin PREPARED_STATEMENT",
    ));
}

/// Before the client's transaction begins: after a command some others are refused in the same one.
#[test]
fn settings_that_are_not_known_yet_are_awaited() {
    check(
        "F Q(set lc_monetary to 'C') P(s1,select '1') S
         ! borrow
         ! replies
         -> Q(set lc_monetary to 'C')
         B C(SET) Z(I)
         <- C(SET) Z(I)
         -> ASK(lc_monetary)",
    );
}

#[test]
fn an_error_beside_a_parse_is_that_of_the_parse() {
    let question = aside(3, "READING");
    check(&format!(
        "F Q(begin)
         ! borrow
         -> Q(begin)
         B> C(BEGIN) Z(T)
         F Q(set local timezone to 'CET') Q(select 1/0) P(s1,select '1') S
         ! replies
         -> Q(set local timezone to 'CET') Q(select 1/0)
         B> C(SET) S(TimeZone=CET) Z(T) E(22012) Z(E)
         -> P(tollgate_0_2,select '1') {question} DS(tollgate_0_2) S
         B> E(25P02) Z(E)
         F B(,s1) S
         -> B(,tollgate_0_0) S
         B> E(26000) Z(E)",
    ));
}
