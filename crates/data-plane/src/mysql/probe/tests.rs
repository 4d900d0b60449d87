//! Climbing to real servers, and falling off at every rung.

use std::time::Duration;

use tollgate_testkit::{MySqlOptions, MySqlServer, Ports, TestCa};
use tollgate_types::{
    CheckOutcome, Engine, HealthReason, HealthState, TargetConfig, TargetHealth, TlsMode,
};

use super::*;
use crate::fingerprint::{Found, Sights};
use crate::mysql::server::tests::{PASSWORD, kinds, target, target_at};
use crate::probe::{Climb, climb};
use crate::server::ScramKeyCache;
use crate::server::tests::{policy, random};
use crate::tls::mysql_client_config;

const LIMIT: Duration = Duration::from_secs(20);

async fn probe(target: &TargetConfig, users: &[(&str, &[&str])]) -> TargetHealth {
    climbed(target, users).await.health
}

async fn climbed(target: &TargetConfig, users: &[(&str, &[&str])]) -> Climb {
    let owned: Vec<(&str, Vec<SecretString>)> = users
        .iter()
        .map(|(user, words)| (*user, words.iter().map(|word| (*word).into()).collect()))
        .collect();
    let logins: Vec<(&str, &[SecretString])> = owned
        .iter()
        .map(|(user, passwords)| (*user, passwords.as_slice()))
        .collect();
    let climbed = climb(&ProbePlan {
        target,
        tls: Some(mysql_client_config(&target.tls).unwrap()),
        tls_error: None,
        logins: &logins,
        key_cache: &ScramKeyCache::default(),
        random,
        deadline: LIMIT,
    })
    .await;
    assert_eq!(climbed.health.checks.len(), ProbeStep::ALL.len());
    climbed
}

fn started(options: MySqlOptions) -> MySqlServer {
    let server = MySqlServer::start_with(options).unwrap();
    server.user_create("app", PASSWORD).unwrap();
    server
}

fn plain(server: &MySqlServer) -> TargetConfig {
    target(server, policy(TlsMode::Disable, None))
}

/// One letter per rung: ok, failed, skipped.
fn rungs(health: &TargetHealth) -> String {
    let letter = |step| match health.checks[&step].outcome {
        CheckOutcome::Ok => 'o',
        CheckOutcome::Failed => 'f',
        CheckOutcome::Skipped => 's',
    };
    ProbeStep::ALL.into_iter().map(letter).collect()
}

#[tokio::test]
async fn reports_every_rung_up_to_role_and_room() {
    let ca = TestCa::new().unwrap();
    for kind in kinds() {
        let identity = ca.server(&["127.0.0.1"]).unwrap();
        let server = started(MySqlOptions::new(kind).tls(identity).max_connections(50));
        let place = target(&server, policy(TlsMode::VerifyFull, Some(&ca)));
        let health = probe(&place, &[("app", &[PASSWORD])]).await;
        assert_eq!(health.state, HealthState::Available, "{health:?}");
        assert_eq!(rungs(&health), "ooooo");
        assert_eq!(health.checks[&ProbeStep::Tls].detail, "1.3 verify-full");
        assert_eq!(health.role, Some(TargetRole::ReadWrite));
        assert_eq!(health.max_connections, Some(50));
        let version = server.superuser_sql("mysql", "SELECT version()").unwrap();
        assert_eq!(health.server_version, Some(version));
    }
}

#[tokio::test]
async fn a_read_only_server_is_a_reader() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        let place = plain(&server);
        let role = async || probe(&place, &[("app", &[PASSWORD])]).await.role;
        assert_eq!(role().await, Some(TargetRole::ReadWrite));
        server
            .superuser_sql("mysql", "SET GLOBAL read_only = ON")
            .unwrap();
        assert_eq!(role().await, Some(TargetRole::ReadOnly), "{kind:?}");
        server
            .superuser_sql("mysql", "SET GLOBAL read_only = OFF")
            .unwrap();
        assert_eq!(role().await, Some(TargetRole::ReadWrite), "{kind:?}");
    }
}

#[tokio::test]
async fn changed_defaults_are_seen_and_other_changes_are_not() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        let place = plain(&server);
        let mut sights = Sights::default();
        let mut found = async |sql: &str| {
            server.superuser_sql("mysql", sql).unwrap();
            let climbed = climbed(&place, &[("app", &[PASSWORD])]).await;
            sights.note(climbed.sight.expect("a server that answers says so"))
        };
        assert_eq!(found("DO 1").await, Found::AsBefore);
        assert_eq!(found("DO 1").await, Found::AsBefore, "{kind:?}");
        for (sql, back) in [
            ("SET GLOBAL sql_mode = ''", "SET GLOBAL sql_mode = DEFAULT"),
            (
                "SET GLOBAL time_zone = '+03:00'",
                "SET GLOBAL time_zone = SYSTEM",
            ),
            (
                "SET GLOBAL init_connect = 'SET @a = 1'",
                "SET GLOBAL init_connect = ''",
            ),
        ] {
            assert_eq!(found(sql).await, Found::Changed, "{kind:?} {sql}");
            assert_eq!(found("DO 1").await, Found::AsBefore, "{kind:?} {sql}");
            assert_eq!(found(back).await, Found::Changed, "{kind:?} {back}");
        }
        let busy = "CREATE DATABASE d; CREATE TABLE d.t (n int); INSERT INTO d.t VALUES (1); \
                    SET GLOBAL slow_query_log = ON; SET GLOBAL max_connections = 99; \
                    SET GLOBAL read_only = ON";
        assert_eq!(found(busy).await, Found::AsBefore, "{kind:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_fails_the_login_and_is_named() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        let health = probe(&plain(&server), &[("app", &["not it"])]).await;
        assert_eq!(health.failed_step, Some(ProbeStep::Auth));
        assert_eq!(health.reason, Some(HealthReason::AuthFailure));
        assert!(
            health.description.contains("error 1045 (28000)"),
            "{health:?}"
        );
        let users: &[(&str, &[&str])] = &[("ghost", &["x"]), ("app", &["not it", PASSWORD])];
        let health = probe(&plain(&server), users).await;
        assert_eq!(health.state, HealthState::Available, "{health:?}");
        assert!(health.description.contains("user \"ghost\""), "{health:?}");
    }
}

#[tokio::test]
async fn with_nobody_to_log_in_the_server_is_left_alone() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        let count = || {
            server
                .superuser_sql("mysql", "SHOW GLOBAL STATUS LIKE 'Aborted_connects'")
                .unwrap()
        };
        let before = count();
        let health = probe(&plain(&server), &[]).await;
        assert_eq!(health.reason, Some(HealthReason::AuthFailure));
        assert_eq!(rungs(&health), "ossfs");
        assert_eq!(count(), before);
    }
}

#[tokio::test]
async fn a_full_server_fails_the_login_without_blaming_the_password() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind).max_connections(10));
        let place = plain(&server);
        // Connections that have not logged in count too, on both families.
        let mut held = Vec::new();
        for _ in 0..12 {
            let address = (place.host.as_str(), place.port);
            held.push(tokio::net::TcpStream::connect(address).await.unwrap());
        }
        let mut health = probe(&place, &[("app", &[PASSWORD])]).await;
        // The server may still be taking them in.
        for _ in 0..50 {
            if health.state == HealthState::Unavailable {
                break;
            }
            health = probe(&place, &[("app", &[PASSWORD])]).await;
        }
        assert_eq!(health.failed_step, Some(ProbeStep::Auth), "{health:?}");
        assert_eq!(health.reason, Some(HealthReason::ConnectionFailed));
        assert!(health.description.contains("error 1040"), "{health:?}");
        assert_eq!(rungs(&health), "oosfs", "{kind:?}");
    }
}

#[tokio::test]
async fn nobody_there_fails_the_socket_and_another_protocol_the_greeting() {
    let ports = Ports::reserve(1).unwrap();
    let place = target_at(Engine::Mysql, ports.first(), policy(TlsMode::Disable, None));
    let health = probe(&place, &[("app", &[PASSWORD])]).await;
    assert_eq!(health.failed_step, Some(ProbeStep::Tcp));
    assert_eq!(health.reason, Some(HealthReason::Unreachable));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let actor = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let words = b"SSH-2.0-OpenSSH_9.2\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut socket, words)
            .await
            .unwrap();
    });
    let place = target_at(Engine::Mysql, port, policy(TlsMode::Disable, None));
    let health = probe(&place, &[("app", &[PASSWORD])]).await;
    actor.await.unwrap();
    assert_eq!(health.failed_step, Some(ProbeStep::Tls), "{health:?}");
    assert!(health.description.contains("is this MySQL?"), "{health:?}");
}
