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
         -> SET(timezone=CET) {there} P(tollgate_0_3,select '1') {back} DS(tollgate_0_3) S
         B C(BEGIN) C(SET) S(TimeZone=CET) C(COMMIT) Z(I) 1 2 D() C(SELECT 1) 3 3 1 1 2 D() C(SELECT 1) 3 3 t T Z(I)
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
         -> SET(timezone=CET) P(tollgate_0_2,select $1) DS(tollgate_0_2) H
         B C(BEGIN) C(SET) S(TimeZone=CET) C(COMMIT) Z(I) 1 t T
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

#[test]
fn an_error_beside_a_parse_is_that_of_the_parse() {
    let question = aside(3, "READING");
    check(&format!(
        "F Q(begin)
         ! borrow
         -> Q(begin)
         B> C(BEGIN) Z(T)
         F Q(set local timezone to 'CET') Q(select 1/0) P(s1,select '1') S
         -> Q(set local timezone to 'CET') Q(select 1/0) P(tollgate_0_2,select '1') {question} DS(tollgate_0_2) S
         B C(SET) S(TimeZone=CET) Z(T) E(22012) Z(E) E(25P02) Z(E)
         <- C(SET) S(TimeZone=CET) Z(T) E(22012) Z(E) E(25P02) Z(E)
         F B(,s1) S
         -> B(,tollgate_0_0) S
         B> E(26000) Z(E)",
    ));
}
