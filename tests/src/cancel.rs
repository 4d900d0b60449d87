//! Cancel requests: the right statement, nobody else's, and only with the right secret.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::AsyncWriteExt;
use tollgate_testkit::{
    ScriptedClient,
    scripted::{Message, cancel_request},
};

use crate::support::{Orders, Setup, eventually};

/// A raw client with its cancel key.
async fn with_key(orders: &Orders) -> Result<(ScriptedClient, Vec<u8>)> {
    let mut client = ScriptedClient::tls(orders.port, &orders.tls).await?;
    let heard = client.login("app", "orders", &orders.token()).await?;
    let key = heard
        .into_iter()
        .find(|message| message.tag == b'K')
        .context("no key")?;
    Ok((client, key.body))
}

async fn send_cancel(orders: &Orders, key: &[u8]) -> Result<()> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", orders.port)).await?;
    stream.write_all(&cancel_request(key)).await?;
    // The answer is a close and nothing else.
    let mut rest = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await?;
    assert!(rest.is_empty(), "a cancel request was answered: {rest:?}");
    Ok(())
}

async fn until_state(orders: &Orders, state: &str) -> Result<()> {
    eventually(async || {
        let sessions = orders.sessions().await?;
        anyhow::ensure!(
            sessions.iter().any(|row| row["state"] == state),
            "{sessions:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_active_statement_is_cancelled() -> Result<()> {
    let orders = Orders::start().await?;
    let (mut client, key) = with_key(&orders).await?;
    client.query("SELECT pg_sleep(30)").await?;
    eventually(async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";
        anyhow::ensure!(orders.postgres.superuser_sql("postgres", sql)? == "1", "not running yet");
        Ok(())
    })
    .await?;
    send_cancel(&orders, &key).await?;
    let heard = client.until_ready().await?;
    let error = heard
        .iter()
        .find(|message| message.tag == b'E')
        .context("no error")?;
    assert_eq!(error.sqlstate().as_deref(), Some("57014"));
    client.query("SELECT 1").await?;
    assert!(
        client
            .until_ready()
            .await?
            .iter()
            .any(|message| message.tag == b'D')
    );
    Ok(())
}

#[tokio::test]
async fn a_waiting_statement_is_cancelled_without_a_server() -> Result<()> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    let holder = orders.connect().await?;
    holder.batch_execute("BEGIN").await?;
    let (mut client, key) = with_key(&orders).await?;
    client.query("SELECT 1").await?;
    until_state(&orders, "waiting").await?;
    send_cancel(&orders, &key).await?;
    let heard = client.until_ready().await?;
    assert_eq!(
        heard.first().and_then(Message::sqlstate).as_deref(),
        Some("57014")
    );
    holder.batch_execute("COMMIT").await?;
    client.query("SELECT 2").await?;
    assert!(
        client
            .until_ready()
            .await?
            .iter()
            .any(|message| message.tag == b'D')
    );
    Ok(())
}

#[tokio::test]
async fn an_idle_clients_cancel_hits_nobody() -> Result<()> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    let (mut idle, key) = with_key(&orders).await?;
    idle.query("SELECT 1").await?;
    idle.until_ready().await?;
    // The same server connection now works for somebody else.
    let worker = orders.connect().await?;
    let working = worker.simple_query("SELECT pg_sleep(1)");
    let cancelling = async {
        for _ in 0..20 {
            send_cancel(&orders, &key).await?;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        anyhow::Ok(())
    };
    let (outcome, cancelled) = tokio::join!(working, cancelling);
    cancelled?;
    outcome.context("somebody else's statement was cancelled")?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_secret_cancels_nothing() -> Result<()> {
    let orders = Orders::start().await?;
    // A statement that lasts as long as the test wants it to.
    let holder = orders.connect().await?;
    holder
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(42)")
        .await?;
    let (mut client, mut key) = with_key(&orders).await?;
    client.query("SELECT pg_advisory_xact_lock(42)").await?;
    eventually(async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        let waiting = orders.postgres.superuser_sql("postgres", sql)?;
        anyhow::ensure!(waiting == "1", "{waiting} wait for the lock");
        Ok(())
    })
    .await?;
    if let Some(last) = key.last_mut() {
        *last = last.wrapping_add(1);
    }
    for length in [key.len(), 8, 260] {
        let mut forged = key.clone();
        forged.resize(length, 7);
        send_cancel(&orders, &forged).await?;
    }
    holder.batch_execute("COMMIT").await?;
    assert!(
        client
            .until_ready()
            .await?
            .iter()
            .all(|message| message.tag != b'E')
    );
    Ok(())
}

#[tokio::test]
async fn a_cancel_does_not_hit_the_next_statement() -> Result<()> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    let (mut client, key) = with_key(&orders).await?;
    let other = orders.connect().await?;
    for _ in 0..30 {
        client.query("SELECT pg_sleep(0.005)").await?;
        let cancelling = send_cancel(&orders, &key);
        let answering = client.until_ready();
        let (cancelled, answered) = tokio::join!(cancelling, answering);
        cancelled?;
        answered?;
        other
            .simple_query("SELECT 1")
            .await
            .context("another client was hit")?;
    }
    Ok(())
}
