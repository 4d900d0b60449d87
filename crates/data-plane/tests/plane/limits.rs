//! What happens when connections run out, are held, are cancelled or die.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{sleep, timeout};
use tokio_postgres::NoTls;
use tollgate_testkit::{ChaosLink, LinkMode};
use tollgate_types::{IamAuth, PoolPolicy, SessionInfo, SessionState};

use crate::fixture::{Fixture, PATIENCE, ask, state};

/// As short as clients that wait in vain may wait. It counts for those as well that a connection is opened for, which
/// takes long on a busy machine.
const SHORT_S: u32 = 5;

fn policy(size: u32, borrow_timeout_s: u32) -> PoolPolicy {
    PoolPolicy {
        maximum_pool_size: Some(size),
        connection_borrow_timeout: borrow_timeout_s,
        ..PoolPolicy::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_borrow_timeout_is_an_error_and_the_client_stays() -> Result<()> {
    let f = Fixture::start(policy(1, SHORT_S), IamAuth::Disabled).await?;
    let (holder, waiter) = (f.connect().await?, f.connect().await?);
    holder.batch_execute("begin; select 1").await?;
    let refused = waiter.simple_query("select 1").await;
    assert_eq!(state(&refused), "53300");
    let error = refused.unwrap_err();
    let detail = error
        .as_db_error()
        .and_then(|e| e.detail())
        .unwrap_or_default();
    assert!(
        detail.contains("pool size 1, in use 1, waiting 1, pinned 0"),
        "{detail}"
    );
    holder.batch_execute("commit").await?;
    assert_eq!(ask(&waiter, "select 2").await?, "2");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_in_the_extended_protocol_is_refused_in_order_too() -> Result<()> {
    let f = Fixture::start(policy(1, SHORT_S), IamAuth::Disabled).await?;
    let (holder, waiter) = (f.connect().await?, f.connect().await?);
    holder.batch_execute("begin").await?;
    assert_eq!(state(&waiter.query("select 1", &[]).await), "53300");
    holder.batch_execute("commit").await?;
    let row = waiter.query_one("select 3", &[]).await?;
    assert_eq!(row.get::<_, i32>(0), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_objects_never_reach_another_client() -> Result<()> {
    let f = Fixture::start(policy(2, 30), IamAuth::Disabled).await?;
    let (one, other) = (f.connect().await?, f.connect().await?);
    one.batch_execute("set work_mem = '7MB'").await?;
    one.batch_execute("create temp table t (i int); listen news")
        .await?;
    for _ in 0..20 {
        assert_ne!(ask(&other, "show work_mem").await?, "7MB");
        assert_eq!(ask(&one, "show work_mem").await?, "7MB");
    }
    let sessions = f.sessions().await;
    let pinned: Vec<_> = sessions.iter().filter(|s| !s.pins.is_empty()).collect();
    assert_eq!(pinned.len(), 1);
    let reasons: Vec<_> = pinned[0]
        .pins
        .iter()
        .map(|pin| pin.reason.as_str())
        .collect();
    assert_eq!(reasons, ["TEMPORARY_OBJECT", "LISTEN"]);
    drop(one);
    for _ in 0..3000 {
        if f.sessions().await.len() == 1 {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    for _ in 0..10 {
        assert_ne!(ask(&other, "show work_mem").await?, "7MB");
        assert_eq!(state(&other.simple_query("select * from t").await), "42P01");
    }
    Ok(())
}

/// The server is asked what is left of a statement only after its client was answered.
async fn becomes(f: &Fixture, state: SessionState, pins: usize) -> Result<()> {
    for _ in 0..3000 {
        let session = f.sessions().await.remove(0);
        if (session.state, session.pins.len()) == (state, pins) {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("never {state:?} with {pins} pins")
}

#[tokio::test(flavor = "multi_thread")]
async fn discard_all_ends_a_pin() -> Result<()> {
    let f = Fixture::start(policy(2, 30), IamAuth::Disabled).await?;
    let client = f.connect().await?;
    client.batch_execute("listen news").await?;
    becomes(&f, SessionState::Pinned, 1).await?;
    client.batch_execute("discard all").await?;
    becomes(&f, SessionState::Idle, 0).await
}

/// Waits until the server sleeps for a client: a cancel request that comes earlier is for nothing.
async fn until_asleep(f: &Fixture) -> Result<()> {
    let asleep =
        "select count(*) from pg_stat_activity where datname = 'orders' and wait_event = 'PgSleep'";
    let falling = async {
        while f.postgres.superuser_sql("postgres", asleep)? != "1" {
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, falling).await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_query_can_be_cancelled() -> Result<()> {
    let f = Fixture::start(policy(1, 30), IamAuth::Disabled).await?;
    let client = f.connect().await?;
    let token = client.cancel_token();
    let query = tokio::spawn(async move {
        let result = client.simple_query("select pg_sleep(600)").await;
        (state(&result), client)
    });
    until_asleep(&f).await?;
    token.cancel_query(NoTls).await?;
    let (code, client) = timeout(PATIENCE, query).await??;
    assert_eq!(code, "57014");
    assert_eq!(ask(&client, "select 1").await?, "1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_that_gets_lost_hits_nobody_later() -> Result<()> {
    let mut f = Fixture::start(policy(1, 30), IamAuth::Disabled).await?;
    let link = ChaosLink::start(f.postgres.port())?;
    let port = link.port();
    f.change(|snapshot| {
        snapshot.proxies[0].targets[0].port = port;
        snapshot.proxies[0].targets[0].generation += 1;
    })
    .await?;
    f.wait_available().await?;
    let client = f.connect().await?;
    let token = client.cancel_token();
    let query =
        tokio::spawn(async move { state(&client.simple_query("select pg_sleep(600)").await) });
    until_asleep(&f).await?;
    link.set(LinkMode::Stall);
    token.cancel_query(NoTls).await?;
    // Whether the server has been asked is not known, so the connection is not given to anybody else.
    assert_eq!(timeout(PATIENCE, query).await??, "08006");
    link.set(LinkMode::Forward);
    f.wait_available().await?;
    let next = f.connect().await?;
    assert_eq!(ask(&next, "select 1 from pg_sleep(1)").await?, "1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_query_can_be_cancelled() -> Result<()> {
    let f = Fixture::start(policy(1, 120), IamAuth::Disabled).await?;
    let (holder, waiter) = (f.connect().await?, f.connect().await?);
    holder.batch_execute("begin").await?;
    let token = waiter.cancel_token();
    let query = tokio::spawn(async move {
        let result = waiter.simple_query("select 1").await;
        (state(&result), waiter)
    });
    let waits = async {
        let is_waiting = |session: &SessionInfo| session.state == SessionState::Waiting;
        while !f.sessions().await.iter().any(is_waiting) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waits).await?;
    token.cancel_query(NoTls).await?;
    let (code, waiter) = timeout(PATIENCE, query).await??;
    assert_eq!(code, "57014");
    holder.batch_execute("commit").await?;
    assert_eq!(ask(&waiter, "select 1").await?, "1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_survive_the_server() -> Result<()> {
    let mut f = Fixture::start(policy(2, 5), IamAuth::Disabled).await?;
    let (idle, busy) = (f.connect().await?, f.connect().await?);
    assert_eq!(ask(&idle, "select 1").await?, "1");
    busy.batch_execute("begin").await?;
    f.postgres.kill()?;
    // The session in a transaction was told at once and closed, as PostgreSQL itself would have.
    let lost = timeout(PATIENCE, busy.simple_query("select 1")).await?;
    assert!(lost.is_err());
    let refused = timeout(PATIENCE, idle.simple_query("select 1")).await?;
    assert_eq!(state(&refused), "08006");
    f.postgres.restart()?;
    f.wait_available().await?;
    // A probe of the server that was not there yet may come to its end only now.
    let again = async {
        while ask(&idle, "select 2").await.is_err() {
            anyhow::ensure!(!idle.is_closed(), "the idle client was closed");
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, again).await??;
    assert_eq!(ask(&idle, "select 3").await?, "3");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_needs_no_server_connection_when_the_pool_is_full() -> Result<()> {
    let f = Fixture::start(policy(1, SHORT_S), IamAuth::Disabled).await?;
    let holder = f.connect().await?;
    holder.batch_execute("begin").await?;
    // Twice, so that shards that have never opened a connection are met as well.
    for name in ["first", "second"] {
        let known = f.connect_with(&format!("application_name={name}")).await?;
        let unknown = f.connect_with("options='-c timezone=Asia/Tokyo'").await?;
        assert_eq!(state(&known.simple_query("select 1").await), "53300");
        assert_eq!(state(&unknown.simple_query("select 1").await), "53300");
    }
    holder.batch_execute("commit").await?;
    let tokyo = f.connect_with("options='-c timezone=Asia/Tokyo'").await?;
    assert_eq!(ask(&tokyo, "show timezone").await?, "Asia/Tokyo");
    assert_eq!(
        ask(&holder, "show timezone").await?,
        ask(&f.connect().await?, "show timezone").await?
    );
    Ok(())
}
