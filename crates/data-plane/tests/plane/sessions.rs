//! Sessions over the data plane: logins, queries, waiting, and what others see of them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Semaphore;
use tollgate_types::{AuthOutcome, IamAuth, PoolPolicy};

use crate::fixture::{Fixture, Setup, ask, first_value};

fn small_pool(size: u32) -> PoolPolicy {
    PoolPolicy {
        maximum_pool_size: Some(size),
        ..PoolPolicy::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_a_session_and_a_query_runs() -> Result<()> {
    let f = Fixture::start(small_pool(4), IamAuth::Required).await?;
    let said = f.psql(
        &f.token("app"),
        "verify-full",
        "select current_user || 40 + 2",
    )?;
    assert_eq!(said, "app42");
    let decisions = f.decisions.0.lock().clone();
    assert_eq!(
        decisions.last().map(|d| d.outcome),
        Some(AuthOutcome::Allow)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_is_refused_with_an_id_that_explains() -> Result<()> {
    let f = Fixture::start(small_pool(4), IamAuth::Required).await?;
    let error = f
        .psql(&f.token("other"), "require", "select 1")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("IAM authentication failed for user \"app\""),
        "{error}"
    );
    let decision = f.decisions.0.lock().last().cloned().expect("a decision");
    assert_eq!(decision.reason, "USER_MISMATCH");
    assert!(error.contains(&decision.correlation_id), "{error}");
    let error = f
        .psql(&f.token("app"), "disable", "select 1")
        .unwrap_err()
        .to_string();
    assert!(error.contains("only with TLS"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_opens_a_session_with_scram() -> Result<()> {
    let f = Fixture::start(small_pool(2), IamAuth::Disabled).await?;
    for mode in ["disable", "require"] {
        assert_eq!(
            f.psql(Fixture::password(), mode, "select 7")?,
            "7",
            "{mode}"
        );
    }
    let error = f
        .psql("wrong", "require", "select 1")
        .unwrap_err()
        .to_string();
    assert!(error.contains("password authentication failed"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_share_few_server_connections() -> Result<()> {
    let f = Fixture::start(small_pool(3), IamAuth::Disabled).await?;
    let mut tasks = Vec::new();
    // A login has only a few seconds, and hashing passwords is slow in a build without optimisation.
    let doorway = Arc::new(Semaphore::new(4));
    for number in 0..60_i64 {
        let doorway = Arc::clone(&doorway);
        let dsn = format!(
            "host=127.0.0.1 port={} user=app dbname=orders password='{}' sslmode=disable",
            f.port,
            Fixture::password()
        );
        tasks.push(tokio::spawn(async move {
            let turn = doorway.acquire().await?;
            let (client, connection) = tokio_postgres::connect(&dsn, tokio_postgres::NoTls).await?;
            drop(turn);
            let driver = tokio::spawn(connection);
            for round in 0..10_i64 {
                let sql = format!("select {number} * 1000 + {round}");
                let rows = client.simple_query(&sql).await?;
                let got = first_value(&rows);
                assert_eq!(got, Some((number * 1000 + round).to_string()));
            }
            drop(client);
            driver.await??;
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        tokio::time::timeout(Duration::from_mins(1), task).await???;
    }
    assert!(f.postgres.backends("orders")? <= 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_get_the_connection_back_that_has_their_settings() -> Result<()> {
    let setup = Setup {
        shards: 1,
        ..Setup::new(small_pool(2), IamAuth::Disabled)
    };
    let f = Fixture::start_as(setup).await?;
    let (one, two) = (f.connect().await?, f.connect().await?);
    one.batch_execute("begin").await?;
    two.batch_execute("set time zone 'Europe/Paris'").await?;
    one.batch_execute("set time zone 'Asia/Tokyo'; commit")
        .await?;
    let pid = "select pg_backend_pid()";
    let pids = (ask(&one, pid).await?, ask(&two, pid).await?);
    assert_ne!(pids.0, pids.1);
    for _ in 0..4 {
        assert_eq!(ask(&one, pid).await?, pids.0);
        assert_eq!(ask(&two, pid).await?, pids.1);
        assert_eq!(ask(&two, pid).await?, pids.1);
    }
    // Whom neither suits gets one all the same, and its own settings with it.
    let three = f.connect().await?;
    three.batch_execute("set time zone 'UTC'").await?;
    assert_eq!(ask(&three, "show time zone").await?, "UTC");
    assert_eq!(ask(&one, "show time zone").await?, "Asia/Tokyo");
    Ok(())
}
