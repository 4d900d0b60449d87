//! Climbing to real servers, and falling off at every rung.

use tollgate_testkit::{HostAuth, Ports, Postgres, PostgresOptions, PostgresVersion, TestCa};
use tollgate_types::{HealthReason, TargetTls, TlsMode};

use super::*;
use crate::server::resolve;
use crate::server::tests::{PASSWORD, policy, random, target};
use crate::tls::client_config;

const LIMIT: Duration = Duration::from_secs(20);

fn server(options: PostgresOptions) -> Postgres {
    let postgres = Postgres::start_with(options).unwrap();
    postgres.user_create("app", PASSWORD).unwrap();
    postgres
}

fn options() -> PostgresOptions {
    PostgresOptions::new(PostgresVersion::V15).auth(HostAuth::Scram)
}

async fn probe(target: &TargetConfig, logins: &[(&str, &[&str])]) -> TargetHealth {
    let owned: Vec<(&str, Vec<SecretString>)> = logins
        .iter()
        .map(|(user, passwords)| (*user, passwords.iter().map(|word| (*word).into()).collect()))
        .collect();
    let logins: Vec<(&str, &[SecretString])> = owned
        .iter()
        .map(|(user, passwords)| (*user, passwords.as_slice()))
        .collect();
    let health = climb(&ProbePlan {
        target,
        tls: Some(client_config(&target.tls).unwrap()),
        tls_error: None,
        logins: &logins,
        key_cache: &ScramKeyCache::default(),
        random,
        deadline: LIMIT,
    })
    .await
    .health;
    assert_eq!(
        health.checks.len(),
        ProbeStep::ALL.len(),
        "every rung is reported"
    );
    assert!(health.last_check_unix > 0);
    health
}

async fn probe_app(target: &TargetConfig) -> TargetHealth {
    probe(target, &[("app", &[PASSWORD])]).await
}

fn plain(postgres: &Postgres) -> TargetConfig {
    target(
        postgres.host(),
        postgres.port(),
        policy(TlsMode::Disable, None),
    )
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

fn detail(health: &TargetHealth, step: ProbeStep) -> &str {
    &health.checks[&step].detail
}

fn assert_failed(health: &TargetHealth, step: ProbeStep, reason: HealthReason, words: &str) {
    assert_eq!(health.state, HealthState::Unavailable, "{health:?}");
    assert_eq!(
        (health.failed_step, health.reason),
        (Some(step), Some(reason)),
        "{health:?}"
    );
    assert!(health.description.contains(words), "{}", health.description);
    assert!(detail(health, step).contains(words), "{health:?}");
    assert_eq!((health.role, health.max_connections), (None, None));
}

#[tokio::test]
async fn reports_every_rung_up_to_role_and_room() {
    let ca = TestCa::new().unwrap();
    let identity = ca.server(&["localhost", "127.0.0.1"]).unwrap();
    let postgres = server(options().tls(identity).max_connections(50));
    let place = target(
        "127.0.0.1",
        postgres.port(),
        policy(TlsMode::VerifyFull, Some(&ca)),
    );
    let health = probe_app(&place).await;
    assert_eq!(
        (health.state, health.reason),
        (HealthState::Available, None),
        "{health:?}"
    );
    assert_eq!(
        (health.failed_step, rungs(&health).as_str()),
        (None, "ooooo")
    );
    assert_eq!(detail(&health, ProbeStep::Dns), "127.0.0.1");
    assert_eq!(
        detail(&health, ProbeStep::Tcp),
        format!("127.0.0.1:{}", postgres.port())
    );
    assert_eq!(detail(&health, ProbeStep::Tls), "1.3 verify-full");
    assert_eq!(detail(&health, ProbeStep::Auth), "app");
    assert_eq!(health.role, Some(TargetRole::ReadWrite));
    assert_eq!(
        health.max_connections,
        Some(47),
        "less three for superusers"
    );
    assert!(health.server_version.unwrap().starts_with("15"));
}

#[tokio::test]
async fn tls_that_is_off_or_not_offered_is_skipped() {
    let postgres = server(options());
    for mode in [TlsMode::Disable, TlsMode::Prefer] {
        let place = target(postgres.host(), postgres.port(), policy(mode, None));
        let health = probe_app(&place).await;
        assert_eq!(rungs(&health), "oosoo", "{mode:?}");
        assert_eq!(health.state, HealthState::Available);
    }
    let place = target(
        postgres.host(),
        postgres.port(),
        policy(TlsMode::Require, None),
    );
    let health = probe_app(&place).await;
    assert_failed(
        &health,
        ProbeStep::Tls,
        HealthReason::ConnectionFailed,
        "does not offer",
    );
    assert_eq!(rungs(&health), "oofss");
}

#[tokio::test]
async fn a_refused_password_fails_with_the_servers_words() {
    let postgres = server(options());
    let health = probe(&plain(&postgres), &[("app", &["not it", "nor this"])]).await;
    let words = "28P01 password authentication failed for user \"app\"";
    assert_failed(&health, ProbeStep::Auth, HealthReason::AuthFailure, words);
    assert_eq!(rungs(&health), "oosfs");
    assert!(!format!("{health:?}").contains("not it"));
}

#[tokio::test]
async fn one_good_secret_is_enough_and_the_others_are_named() {
    let postgres = server(options());
    postgres.user_create("second", "right").unwrap();
    let logins: [(&str, &[&str]); 3] = [
        ("app", &["not it"]),
        ("second", &["old", "right"]),
        ("nobody", &["x"]),
    ];
    let health = probe(&plain(&postgres), &logins).await;
    assert_eq!(
        (health.state, health.reason),
        (HealthState::Available, None),
        "{health:?}"
    );
    for name in ["\"app\"", "\"nobody\""] {
        assert!(health.description.contains(name), "{}", health.description);
    }
    assert!(
        !health.description.contains("\"second\""),
        "{}",
        health.description
    );
    assert!(detail(&health, ProbeStep::Auth).starts_with("second; failed: "));
}

#[tokio::test]
async fn without_credentials_it_says_what_rds_says() {
    let postgres = server(options());
    let health = probe(&plain(&postgres), &[]).await;
    let words = "Proxy does not have any registered credentials";
    assert_failed(&health, ProbeStep::Auth, HealthReason::AuthFailure, words);
}

#[tokio::test]
async fn an_unreachable_target_says_at_which_rung() {
    let nameless = target("no-such-host.invalid", 5432, TargetTls::default());
    let health = probe_app(&nameless).await;
    let words = "no-such-host.invalid";
    assert_failed(&health, ProbeStep::Dns, HealthReason::Unreachable, words);
    assert_eq!(rungs(&health), "fssss");

    let nobody = Ports::reserve(1).unwrap();
    let closed = target("127.0.0.1", nobody.first(), TargetTls::default());
    let health = probe_app(&closed).await;
    assert_failed(
        &health,
        ProbeStep::Tcp,
        HealthReason::Unreachable,
        "refused",
    );
    assert_eq!(rungs(&health), "ofsss");
}

#[tokio::test]
async fn a_certificate_of_another_ca_fails_at_tls() {
    let (ca, stranger) = (TestCa::new().unwrap(), TestCa::new().unwrap());
    let postgres = server(options().tls(ca.server(&["127.0.0.1"]).unwrap()));
    let mut place = target(
        "127.0.0.1",
        postgres.port(),
        policy(TlsMode::VerifyCa, Some(&stranger)),
    );
    let health = probe_app(&place).await;
    let words = "invalid peer certificate";
    assert_failed(
        &health,
        ProbeStep::Tls,
        HealthReason::ConnectionFailed,
        words,
    );

    place.tls = policy(TlsMode::VerifyFull, Some(&ca));
    let health = climb(&ProbePlan {
        target: &place,
        tls: None,
        tls_error: Some("the CA certificate holds no certificate"),
        logins: &[],
        key_cache: &ScramKeyCache::default(),
        random,
        deadline: LIMIT,
    })
    .await
    .health;
    let words = "holds no certificate";
    assert_failed(
        &health,
        ProbeStep::Tls,
        HealthReason::ConnectionFailed,
        words,
    );
}

#[tokio::test]
async fn a_full_server_is_no_failure_of_the_password() {
    let postgres = server(options().max_connections(4));
    let place = plain(&postgres);
    let mut held = Vec::new();
    // One slot is all that superusers leave; psql of the set-up may still hold it for a moment.
    let health = loop {
        let deadline = Deadline::after(LIMIT);
        let addresses = resolve(&place, deadline).await.unwrap();
        let tcp = dial(&addresses, deadline).await.unwrap();
        let stream = secure(tcp, &place, None, deadline)
            .await
            .unwrap_or_else(|_| panic!())
            .stream;
        let credentials = Credentials {
            user: "app",
            password: Some(&PASSWORD.into()),
            database: "postgres",
            params: &[],
            key_cache: &ScramKeyCache::default(),
            random,
            tls_mode: TlsMode::Disable,
        };
        match log_in(stream, &credentials).await {
            Ok(connection) => held.push(connection),
            Err(_full) => break probe_app(&place).await,
        }
    };
    assert_failed(
        &health,
        ProbeStep::Auth,
        HealthReason::ConnectionFailed,
        "53300",
    );
}

#[tokio::test]
async fn a_server_that_refuses_writes_is_read_only() {
    let postgres = server(options());
    let sql = "ALTER DATABASE postgres SET default_transaction_read_only = on";
    postgres.superuser_sql("postgres", sql).unwrap();
    assert_eq!(
        probe_app(&plain(&postgres)).await.role,
        Some(TargetRole::ReadOnly)
    );
}

#[tokio::test]
async fn a_standby_is_read_only_and_a_promoted_one_is_not() {
    let mut postgres = server(options());
    assert_eq!(
        probe_app(&plain(&postgres)).await.role,
        Some(TargetRole::ReadWrite)
    );
    postgres
        .superuser_sql(
            "postgres",
            "COPY (SELECT 1) TO PROGRAM 'cat > standby.signal'",
        )
        .unwrap();
    postgres.restart().unwrap();
    assert_eq!(
        probe_app(&plain(&postgres)).await.role,
        Some(TargetRole::ReadOnly)
    );
    postgres
        .superuser_sql("postgres", "SELECT pg_promote()")
        .unwrap();
    assert_eq!(
        probe_app(&plain(&postgres)).await.role,
        Some(TargetRole::ReadWrite)
    );
}

#[tokio::test]
async fn any_database_will_do() {
    let postgres = server(options());
    postgres
        .superuser_sql("template1", "DROP DATABASE postgres")
        .unwrap();
    assert_eq!(
        probe_app(&plain(&postgres)).await.state,
        HealthState::Available
    );
    postgres
        .superuser_sql("template1", "CREATE DATABASE app")
        .unwrap();
    assert_eq!(
        probe_app(&plain(&postgres)).await.state,
        HealthState::Available
    );
}

#[tokio::test]
async fn reserved_connections_of_newer_servers_are_not_ours() {
    if !PostgresVersion::V18.available() {
        return;
    }
    let options = PostgresOptions::new(PostgresVersion::V18)
        .auth(HostAuth::Scram)
        .max_connections(50)
        .setting("reserved_connections", "5");
    let postgres = server(options);
    let health = probe_app(&plain(&postgres)).await;
    assert_eq!(health.max_connections, Some(42), "{health:?}");
}

#[tokio::test]
async fn a_server_that_goes_down_and_comes_back_is_seen() {
    let mut postgres = server(options());
    let place = plain(&postgres);
    // Throw-away servers write late; what was set up must outlive the kill.
    postgres.superuser_sql("postgres", "CHECKPOINT").unwrap();
    postgres.kill().unwrap();
    let health = probe_app(&place).await;
    assert_failed(
        &health,
        ProbeStep::Tcp,
        HealthReason::Unreachable,
        "refused",
    );
    postgres.restart().unwrap();
    let health = probe_app(&place).await;
    assert_eq!(health.state, HealthState::Available, "{health:?}");
}
