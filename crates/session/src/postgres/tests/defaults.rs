//! Server connections with other defaults than those a client was greeted with.

use super::messages::{Side, bytes, spell};
use super::rig::{check, defaults, other, table, write};
use crate::Effects;
use crate::postgres::{Session, SessionConfig, Want};

#[test]
fn a_client_keeps_what_it_was_told() {
    check(
        "fresh TimeZone=CET client_encoding=LATIN1
         F Q(select 1)
         ! borrow
         -> SET(client_encoding=UTF8,timezone=UTC) Q(select 1)
         B SET S(client_encoding=UTF8) S(TimeZone=UTC) C(SELECT 1) Z(I)
         <- S(client_encoding=UTF8) S(TimeZone=UTC) C(SELECT 1) Z(I)
         ! release",
    );
}

/// The same in the order of a real server: what the replay changes is reported before it is ready.
#[test]
fn what_the_replay_keeps_is_not_told_again() {
    check(
        "fresh TimeZone=CET
         F P(,select 1) B(,) E() S
         ! borrow
         -> SET(timezone=UTC) P(,select 1) B(,) E() S
         B C(BEGIN) C(SET) C(COMMIT) S(TimeZone=UTC) Z(I) 1 2 C(SELECT 1) Z(I)
         <- 1 2 C(SELECT 1) Z(I)
         ! release
         F> Q(select 2)
         ! borrow
         B> C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn what_it_has_set_itself_needs_no_keeping() {
    check(
        "F> Q(set timezone = 'GMT')
         ! borrow
         B> C(SET) S(TimeZone=GMT) Z(I)
         ! release
         fresh TimeZone=CET
         F Q(select 1)
         ! borrow
         -> SET(timezone=GMT) Q(select 1)
         B C(BEGIN) C(SET) C(COMMIT) S(TimeZone=GMT) Z(I) C(SELECT 1) Z(I)
         <- C(SELECT 1) Z(I)
         ! release
         F> Q(reset timezone)
         ! borrow
         B> C(RESET) S(TimeZone=CET) Z(I)
         ! release",
    );
}

#[test]
fn a_reset_goes_to_the_new_default_and_stays_there() {
    check(
        "fresh TimeZone=CET
         F Q(select 1)
         ! borrow
         -> SET(timezone=UTC) Q(select 1)
         B C(BEGIN) C(SET) C(COMMIT) S(TimeZone=UTC) Z(I) C(SELECT 1) Z(I)
         <- C(SELECT 1) Z(I)
         ! release
         F> Q(reset timezone)
         ! borrow
         B> C(RESET) S(TimeZone=CET) Z(I)
         ! release
         fresh
         F Q(select 1)
         ! borrow
         -> SET(timezone=CET) Q(select 1)",
    );
}

#[test]
fn what_nobody_can_set_is_told() {
    check(
        "fresh is_superuser=on server_version=15.9
         F> Q(select 1)
         ! borrow
         <- S(is_superuser=on) S(server_version=15.9)
         B> C(SELECT 1) Z(I)
         ! release
         F> Q(select 2)
         ! borrow
         B> C(SELECT 1) Z(I)
         ! release
         F2> Q(select 1)
         ! borrow
         <- S(is_superuser=on) S(server_version=15.9)",
    );
    // Behind the replay, and before the reply that the client waits for.
    check(
        "fresh is_superuser=on TimeZone=CET
         F Q(select 1)
         ! borrow
         -> SET(timezone=UTC) Q(select 1)
         B C(BEGIN) C(SET) C(COMMIT) S(TimeZone=UTC) Z(I)
         <- S(is_superuser=on)
         B> C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_promotion_is_told_to_those_who_were_away() {
    check(
        "F> Q(select 1)
         ! borrow
         F2> Q(select 1)
         ! borrow
         B2> C(SELECT 1) Z(I)
         ! release
         B> S(in_hot_standby=on) C(SELECT 1) Z(I)
         ! release
         F2> Q(select 2)
         ! borrow
         <- S(in_hot_standby=on)
         B2> C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_role_that_is_a_superuser_is_told_of_once() {
    check(
        "F> Q(set role admin)
         ! borrow
         B> C(SET) S(is_superuser=on) Z(I)
         -> ASK(role)
         B ANSWER(admin)
         ! release
         F2 Q(select 1)
         ! borrow
         -> SET(-ROLE,-SESSION AUTHORIZATION)
         ! replies
         B2 C(BEGIN) C(RESET) C(RESET) C(COMMIT) S(is_superuser=off) Z(I)
         -> Q(select 1)
         B2> C(SELECT 1) Z(I)
         ! release",
    );
    check(
        "F> Q(set role admin)
         ! borrow
         B> C(SET) S(is_superuser=on) Z(I)
         -> ASK(role)
         B ANSWER(admin)
         ! release
         fresh
         F Q(select 1)
         ! borrow
         -> SET(-ROLE,-SESSION AUTHORIZATION,ROLE \"admin\")
         ! replies
         B C(BEGIN) C(RESET) C(RESET) C(SET) C(COMMIT) S(is_superuser=on) Z(I)
         -> Q(select 1)
         B> C(SELECT 1) Z(I)
         ! release",
    );
}

#[test]
fn a_default_that_moved_under_a_connection_is_set_and_never_reset_to() {
    // A reload: the report comes behind whatever runs next.
    check(
        "F> Q(select 1)
         ! borrow
         B> C(SELECT 1) S(TimeZone=CET) Z(I)
         ! defaults in doubt
         ! release
         F2 Q(select 1)
         ! borrow
         -> SET(timezone=UTC) Q(select 1)
         B2 C(BEGIN) C(SET) C(COMMIT) S(TimeZone=UTC) Z(I) C(SELECT 1) Z(I)
         <- C(SELECT 1) Z(I)
         ! release
         F Q(select 2)
         ! borrow
         -> SET(timezone=CET) Q(select 2)
         B C(BEGIN) C(SET) C(COMMIT) S(TimeZone=CET) Z(I) C(SELECT 1) Z(I)
         <- C(SELECT 1) Z(I)
         ! release
         F2 Q(select 2)
         ! borrow
         -> SET(timezone=UTC) Q(select 2)",
    );
}

#[test]
fn what_a_reset_went_to_stays_when_it_is_repeated() {
    check(
        "F> Q(set timezone = 'GMT')
         ! borrow
         B> C(SET) S(TimeZone=GMT) Z(I)
         ! release
         F> Q(reset timezone)
         ! borrow
         B> C(RESET) S(TimeZone=CET) Z(I)
         ! defaults in doubt
         ! release
         F> Q(reset timezone)
         ! borrow
         B> C(RESET) Z(I)
         ! release
         fresh
         F Q(select 1)
         ! borrow
         -> SET(timezone=CET) Q(select 1)",
    );
}

#[test]
fn a_default_that_moved_out_of_sight_is_told_when_it_shows() {
    check(
        "F> Q(set timezone = 'GMT')
         ! borrow
         B> C(SET) S(TimeZone=GMT) Z(I)
         ! release
         F2 Q(select 1)
         ! borrow
         -> SET(-timezone) Q(select 1)
         B2 C(BEGIN) C(RESET) C(COMMIT) S(TimeZone=CET) Z(I)
         <- S(TimeZone=CET)
         ! defaults in doubt
         B2> C(SELECT 1) Z(I)
         ! release
         fresh
         F2 Q(select 1)
         ! borrow
         -> SET(timezone=CET) Q(select 1)",
    );
}

/// The answer to a question of our own reports the reload. The client was told, so that is what it keeps,
/// whatever others who use the connection in between were told.
#[test]
fn a_default_that_moved_behind_a_transaction_is_kept_as_it_was_told() {
    check(
        "F> Q(set work_mem = 7MB)
         ! borrow
         B> C(SET) Z(I)
         -> ASK(work_mem)
         B S(TimeZone=CET) ANSWER(7MB)
         <- S(TimeZone=CET)
         ! defaults in doubt
         ! release
         F2 Q(select 1)
         ! borrow
         -> SET(-work_mem,timezone=UTC) Q(select 1)
         B2 C(BEGIN) C(RESET) C(SET) C(COMMIT) S(TimeZone=UTC) Z(I) C(SELECT 1) Z(I)
         <- C(SELECT 1) Z(I)
         ! release
         F Q(select 2)
         ! borrow
         -> SET(timezone=CET,work_mem=7MB) Q(select 2)
         B C(BEGIN) C(SET) C(SET) C(COMMIT) S(TimeZone=CET) Z(I) C(SELECT 1) Z(I)
         <- C(SELECT 1) Z(I)
         ! release",
    );
}

/// What was reported within a transaction that set the same is explained only if that was committed.
#[test]
fn a_default_that_moved_in_a_transaction_is_doubted_after_its_rollback() {
    check(
        "F> Q(begin)
         ! borrow
         B> C(BEGIN) S(TimeZone=CET) Z(T)
         F> Q(set timezone = 'EST')
         B> C(SET) S(TimeZone=EST) Z(T)
         F> Q(rollback)
         B> C(ROLLBACK) S(TimeZone=CET) Z(I)
         ! defaults in doubt
         ! release
         F2 Q(select 1)
         ! borrow
         -> SET(timezone=UTC) Q(select 1)",
    );
}

/// Somebody has set what has become the default by then: to reset that is reported by nobody.
#[test]
fn a_default_that_moved_to_what_was_set_is_told() {
    check(
        "F> Q(set timezone = 'CET')
         ! borrow
         B> C(SET) S(TimeZone=CET) Z(I)
         ! release
         F2 Q(select 1)
         ! borrow
         -> SET(-timezone) Q(select 1)
         B2 C(BEGIN) C(RESET) C(COMMIT) Z(I)
         <- S(TimeZone=CET)
         ! defaults in doubt
         B2> C(SELECT 1) Z(I)
         ! release
         fresh
         F2 Q(select 2)
         ! borrow
         -> SET(timezone=CET) Q(select 2)",
    );
}

#[test]
fn commands_that_change_defaults_are_noticed_when_they_are_committed() {
    for text in [
        "alter role app set timezone = 'CET'",
        "alter database d reset all",
        "select pg_reload_conf()",
    ] {
        let early = if text.contains("database") {
            "! database command"
        } else {
            ""
        };
        check(&format!(
            "F> Q({text})
             ! borrow
             {early}
             B> C(ALTER) Z(I)
             ! defaults changed
             ! release"
        ));
        check(&format!(
            "F> Q(begin)
             ! borrow
             B> C(BEGIN) Z(T)
             F> P(,{text}) B(,) E() S
             {early}
             B> 1 2 C(ALTER) Z(T)
             F> Q(commit)
             B> C(COMMIT) Z(I)
             ! defaults changed
             ! release"
        ));
        check(&format!(
            "F> Q(begin)
             ! borrow
             B> C(BEGIN) Z(T)
             F> Q({text})
             {early}
             B> C(ALTER) Z(T)
             F> Q(rollback)
             B> C(ROLLBACK) Z(I)
             ! release
             F> Q({text})
             ! borrow
             {early}
             B> E(42501) Z(I)
             ! release"
        ));
    }
}

#[test]
fn defaults_are_told_by_the_last_commit_of_a_text() {
    check(
        "F> Q(alter user app reset all; commit; select 1/0)
         ! borrow
         B> C(ALTER ROLE) N C(COMMIT) E(22012) Z(I)
         ! defaults changed
         ! release",
    );
}

/// What is swallowed in the middle of a transaction says nothing about defaults.
#[test]
fn a_transactions_own_settings_are_told_once() {
    check(
        "F> Q(select nextval('s'))
         ! borrow
         B> C(SELECT 1) Z(I)
         ! release
         F2> Q(begin)
         ! borrow
         B2> C(BEGIN) Z(T)
         F2> Q(set timezone = 'CET')
         B2> C(SET) S(TimeZone=CET) Z(T)
         F2 Q(select currval('s'))
         -> Q(DISCARD SEQUENCES) Q(select currval('s'))
         B2 C(DISCARD SEQUENCES) Z(T) E(55000) Z(E)
         <- E(55000) Z(E)
         ! pin SEQUENCE",
    );
}

/// What a client was told in its own encoding cannot be set without knowing another one.
#[test]
fn a_value_that_is_not_ascii_follows_the_server() {
    let config = SessionConfig {
        id: 1,
        max_remembered_unnamed: 100,
        process_id: 1,
    };
    let greeting = defaults("").with(b"search_path", "\u{e9}".as_bytes());
    let mut session = Session::new(config, table()).greeted(greeting);
    let input = bytes(Side::Client, "Q(select 1)");
    let mut out = Effects::new();
    let progress = session.on_client(&input, &mut out);
    assert!(matches!(progress.want, Want::Server));
    session.attach(other("search_path=public"));
    out.clear();
    session.on_client(&input, &mut out);
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    write(out.to_client(), &[], &mut to_client);
    write(out.to_server(), &input, &mut to_server);
    assert_eq!(spell(Side::Server, &to_client), "S(search_path=public)");
    assert_eq!(spell(Side::Client, &to_server), "Q(select 1)");
}
