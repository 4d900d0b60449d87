//! What the pool does on its own, seen from the server: floors, ends of life, tests; and roles.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tollgate_types::{IamAuth, PoolPolicy, TargetRole};

use crate::fixture::{Fixture, PATIENCE, ask, state};

fn policy() -> PoolPolicy {
    PoolPolicy {
        maximum_pool_size: Some(6),
        ..PoolPolicy::default()
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await? {
        if Instant::now() > deadline {
            bail!("never: {what}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_idle_floor_is_filled_without_being_asked() -> Result<()> {
    let f = Fixture::start(
        PoolPolicy {
            minimum_idle: 4,
            ..policy()
        },
        IamAuth::Disabled,
    )
    .await?;
    let client = f.connect().await?;
    assert_eq!(ask(&client, "select 1").await?, "1");
    until("two idle connections on the shard in use", async || {
        Ok(f.postgres.backends("orders")? >= 2)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_server_connections_end_and_the_client_stays() -> Result<()> {
    let f = Fixture::start(
        PoolPolicy {
            idle_timeout: 300,
            ..policy()
        },
        IamAuth::Disabled,
    )
    .await?;
    let client = f.connect().await?;
    assert_eq!(ask(&client, "select 1").await?, "1");
    until("no server connection left", async || {
        Ok(f.postgres.backends("orders")? == 0)
    })
    .await?;
    assert_eq!(ask(&client, "select 2").await?, "2");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn old_server_connections_are_replaced_between_transactions() -> Result<()> {
    let f = Fixture::start(
        PoolPolicy {
            max_lifetime: 400,
            ..policy()
        },
        IamAuth::Disabled,
    )
    .await?;
    let client = f.connect().await?;
    let mut seen = HashSet::new();
    until("three generations of server processes", async || {
        seen.insert(ask(&client, "select pg_backend_pid()").await?);
        Ok(seen.len() >= 3)
    })
    .await?;
    client.batch_execute("begin").await?;
    let before = ask(&client, "select pg_backend_pid()").await?;
    tokio::time::sleep(Duration::from_millis(900)).await;
    let after = ask(&client, "select pg_backend_pid()").await?;
    assert_eq!(before, after, "never under a transaction");
    client.batch_execute("commit").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_server_connections_are_tested_and_kept() -> Result<()> {
    let quick = PoolPolicy {
        keepalive_time: 200,
        validation_timeout: 30_000,
        ..policy()
    };
    let f = Fixture::start(quick, IamAuth::Disabled).await?;
    let client = f.connect().await?;
    let pid = ask(&client, "select pg_backend_pid()").await?;
    let spoken = || {
        let sql = format!("select state_change from pg_stat_activity where pid = {pid}");
        f.postgres.superuser_sql("postgres", &sql)
    };
    let first = spoken()?;
    assert!(!first.trim().is_empty(), "the connection is there");
    until("the server heard from it again", async || {
        let now = spoken()?;
        Ok(!now.trim().is_empty() && now != first)
    })
    .await?;
    assert_eq!(ask(&client, "select pg_backend_pid()").await?, pid);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_lead_to_targets_of_their_role_only() -> Result<()> {
    let mut f = Fixture::start(policy(), IamAuth::Disabled).await?;
    let writer = f.connect().await?;
    f.change(|s| s.proxies[0].endpoints[0].target_role = TargetRole::ReadOnly)
        .await?;
    assert_eq!(
        state(&writer.simple_query("select 1").await),
        "08006",
        "there is no reader yet"
    );
    f.postgres.superuser_sql(
        "postgres",
        "alter system set default_transaction_read_only = on",
    )?;
    f.postgres
        .superuser_sql("postgres", "select pg_reload_conf()")?;
    // A changed registration is probed at once.
    f.change(|s| s.proxies[0].targets[0].generation += 1)
        .await?;
    until("the server is known as a reader", async || {
        Ok(state(&writer.simple_query("select 1").await) == "ok")
    })
    .await?;
    f.change(|s| s.proxies[0].endpoints[0].target_role = TargetRole::ReadWrite)
        .await?;
    assert_eq!(
        state(&writer.simple_query("select 1").await),
        "08006",
        "there is no writer now"
    );
    Ok(())
}
