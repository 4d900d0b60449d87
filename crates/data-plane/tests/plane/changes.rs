//! Live changes: settings, ports and the end of a proxy, with sessions open.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Result;
use tokio::time::timeout;
use tollgate_testkit::Ports;
use tollgate_types::{EndpointState, IamAuth, PoolPolicy, ProxyPhase};

use crate::fixture::{Fixture, PATIENCE, ask};

fn policy(size: u32) -> PoolPolicy {
    PoolPolicy {
        maximum_pool_size: Some(size),
        ..PoolPolicy::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_or_larger_pool_acts_at_once_and_drops_nobody() -> Result<()> {
    let mut f = Fixture::start(policy(1), IamAuth::Disabled).await?;
    let (one, two) = (f.connect().await?, f.connect().await?);
    one.batch_execute("begin").await?;
    let waiting = tokio::spawn(async move { ask(&two, "select 5").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    f.change(|snapshot| snapshot.proxies[0].pool = policy(2))
        .await?;
    assert_eq!(timeout(PATIENCE, waiting).await???, "5");
    f.change(|snapshot| snapshot.proxies[0].pool = policy(1))
        .await?;
    one.batch_execute("commit").await?;
    assert_eq!(ask(&one, "select 6").await?, "6");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_reported_and_healed() -> Result<()> {
    let mut f = Fixture::start(policy(1), IamAuth::Disabled).await?;
    let client = f.connect().await?;
    let reserved = Ports::reserve(1)?;
    let taken = TcpListener::bind(("127.0.0.1", reserved.first()))?;
    let port = taken.local_addr()?.port();
    f.change(|snapshot| snapshot.proxies[0].endpoints[0].port = port)
        .await?;
    let seen = f.plane.observations().borrow().clone();
    let state = &seen.proxies[0].endpoints[0].state;
    assert!(
        matches!(state, EndpointState::PortRejected { .. }),
        "{state:?}"
    );
    assert_eq!(
        ask(&client, "select 1").await?,
        "1",
        "running sessions go on"
    );
    drop(taken);
    f.wait_available().await?;
    f.port = port;
    f.connect().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_proxy_ends_sessions_at_their_boundary() -> Result<()> {
    let mut f = Fixture::start(policy(2), IamAuth::Disabled).await?;
    let (idle, busy) = (f.connect().await?, f.connect().await?);
    busy.batch_execute("begin").await?;
    let deadline_unix = chrono::Utc::now().timestamp() + 30;
    f.change(|s| s.proxies[0].phase = ProxyPhase::Draining { deadline_unix })
        .await?;
    assert!(f.connect().await.is_err(), "no new sessions");
    let gone = timeout(PATIENCE, idle.simple_query("select 1")).await?;
    assert!(gone.is_err());
    assert_eq!(ask(&busy, "select 1").await?, "1", "a transaction may end");
    busy.batch_execute("commit").await?;
    let gone = timeout(PATIENCE, busy.simple_query("select 1")).await?;
    assert!(gone.is_err());
    let mut seen = f.plane.observations();
    let drained = seen.wait_for(|observation| observation.proxies[0].drained);
    timeout(PATIENCE, drained).await??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_is_cut_when_its_time_is_over() -> Result<()> {
    let mut f = Fixture::start(policy(2), IamAuth::Disabled).await?;
    let busy = f.connect().await?;
    busy.batch_execute("begin").await?;
    let deadline_unix = chrono::Utc::now().timestamp() + 1;
    f.change(|s| s.proxies[0].phase = ProxyPhase::Draining { deadline_unix })
        .await?;
    // Its driver ends with the connection. A busy machine cuts later than the deadline says.
    let cut = async {
        while !busy.is_closed() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, cut).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_is_used_for_new_server_connections() -> Result<()> {
    let mut f = Fixture::start(policy(2), IamAuth::Disabled).await?;
    let client = f.connect().await?;
    assert_eq!(ask(&client, "select 1").await?, "1");
    f.postgres
        .superuser_sql("postgres", "alter role app password 'rotated'")?;
    f.change(|s| s.proxies[0].auth[0].passwords = vec!["rotated".into(), "old".into()])
        .await?;
    f.postgres.terminate_backends("orders")?;
    // They are only told to go. One that has not gone yet might still be lent.
    let gone = async {
        while f.postgres.backends("orders")? > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, gone).await??;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(ask(&client, "select 2").await?, "2");
    Ok(())
}
