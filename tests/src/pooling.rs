//! Many clients, few server connections: the limit holds, everybody is served, waiting has an end.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::{join_all, try_join_all};
use serde_json::json;
use tokio_postgres::error::SqlState;

use crate::support::{Orders, Setup, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_clients_on_twenty_server_connections() -> Result<()> {
    let orders = Setup::newest()?.pool_size(20).start().await?;
    let mut clients = Vec::new();
    // Handshakes cost the test's side as much as the proxy's: fifty at a time.
    for _ in 0..6 {
        clients.extend(try_join_all((0..50).map(|_| orders.connect())).await?);
    }
    assert_eq!(clients.len(), 300);
    let watching = async {
        let mut most = 0;
        loop {
            match orders.postgres.backends("orders") {
                Ok(count) => most = most.max(count),
                Err(error) => return Err(error),
            }
            if most > 20 {
                return Ok(most);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let working = try_join_all(
        clients
            .iter()
            .enumerate()
            .map(|(index, client)| async move {
                for round in 0..20_i32 {
                    let expected = i32::try_from(index)? * 100 + round;
                    let row = client
                        .query_one("SELECT $1::int4, pg_sleep(0.002)", &[&expected])
                        .await?;
                    anyhow::ensure!(
                        row.get::<_, i32>(0) == expected,
                        "client {index} got another's answer"
                    );
                }
                Ok(())
            }),
    );
    tokio::select! {
        most = watching => anyhow::bail!("{} server connections", most?),
        done = working => done?,
    };
    let left = orders.postgres.backends("orders")?;
    assert!(left <= 20, "{left} server connections");
    Ok(())
}

#[tokio::test]
async fn idle_clients_hold_no_server_connection() -> Result<()> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    let clients = try_join_all((0..10).map(|_| orders.connect())).await?;
    for client in &clients {
        client.simple_query("SELECT 1").await?;
    }
    assert_eq!(orders.sessions().await?.len(), 10);
    Ok(())
}

/// As short as clients that wait in vain may wait. It counts for those as well that a connection is opened for, which
/// takes long on a busy machine.
const SHORT_S: u32 = 5;

/// Waits until so many clients wait for a server connection.
async fn until_waiting(orders: &Orders, wanted: usize) -> Result<()> {
    eventually(async || {
        let sessions = orders.sessions().await?;
        let waiting = sessions.iter().filter(|row| row["state"] == "waiting");
        let count = waiting.count();
        anyhow::ensure!(count == wanted, "{count} wait");
        Ok(())
    })
    .await
}

fn pool_of_one(timeout_s: u32) -> Result<Setup> {
    let setup = Setup::newest()?.pool_size(1);
    Ok(setup.pool("connectionBorrowTimeout", json!(timeout_s)))
}

async fn busy_pool_of_one(timeout_s: u32) -> Result<(Orders, tokio_postgres::Client)> {
    held(pool_of_one(timeout_s)?).await
}

/// The only server connection is in a transaction of the client.
async fn held(setup: Setup) -> Result<(Orders, tokio_postgres::Client)> {
    let orders = setup.start().await?;
    let holder = orders.connect().await?;
    holder.batch_execute("BEGIN").await?;
    Ok((orders, holder))
}

#[tokio::test]
async fn waiting_ends_with_53300_and_the_client_stays() -> Result<()> {
    let (orders, holder) = busy_pool_of_one(SHORT_S).await?;
    let waiter = orders.connect().await?;
    let error = waiter.query("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(
        error.code(),
        Some(&SqlState::TOO_MANY_CONNECTIONS),
        "{error:?}"
    );
    let error = error.as_db_error().context("no error of the protocol")?;
    assert_eq!(error.severity(), "ERROR");
    let detail = error.detail().context("no DETAIL")?;
    for word in ["pool size 1", "in use 1", "waiting", "pinned 0"] {
        assert!(detail.contains(word), "{word}: {detail}");
    }
    holder.batch_execute("COMMIT").await?;
    assert_eq!(waiter.query_one("SELECT 2", &[]).await?.get::<_, i32>(0), 2);
    let metrics = orders.metrics().await?;
    let timeouts = metrics
        .lines()
        .find(|line| line.starts_with("tollgate_borrow_timeouts_total{"));
    assert!(
        timeouts.is_some_and(|line| line.ends_with(" 1")),
        "{timeouts:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_timeout_comes_in_order_inside_a_pipeline() -> Result<()> {
    let (orders, holder) = busy_pool_of_one(SHORT_S).await?;
    let mut raw = orders.scripted().await?;
    let query = tollgate_testkit::scripted::message(b'Q', b"SELECT 1\0");
    raw.send(&[query.clone(), query].concat()).await?;
    let first: Vec<u8> = raw
        .until_ready()
        .await?
        .iter()
        .map(|message| message.tag)
        .collect();
    assert_eq!(first, b"EZ");
    holder.batch_execute("COMMIT").await?;
    let second: Vec<u8> = raw
        .until_ready()
        .await?
        .iter()
        .map(|message| message.tag)
        .collect();
    assert!(second == b"TDCZ" || second == b"EZ", "{second:?}");
    raw.query("SELECT 3").await?;
    let third: Vec<u8> = raw
        .until_ready()
        .await?
        .iter()
        .map(|message| message.tag)
        .collect();
    assert_eq!(third, b"TDCZ");
    Ok(())
}

#[tokio::test]
async fn waiters_are_served_in_the_order_they_came() -> Result<()> {
    let mut setup = pool_of_one(120)?;
    // Between shards only a wait that is longer by more than `tollgate_pool::SHARD_FAIRNESS` goes first.
    setup.tollgate = setup.tollgate.arg("--shards", "1");
    let (orders, holder) = held(setup).await?;
    let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let clients = try_join_all((0..5).map(|_| orders.connect())).await?;
    let waiting = join_all(clients.iter().enumerate().map(|(index, client)| {
        let order = std::rc::Rc::clone(&order);
        let orders = &orders;
        async move {
            // All that come before are in the queue.
            until_waiting(orders, index).await?;
            client.simple_query("SELECT 1").await?;
            order.borrow_mut().push(index);
            anyhow::Ok(())
        }
    }));
    let releasing = async {
        until_waiting(&orders, clients.len()).await?;
        holder.batch_execute("COMMIT").await?;
        anyhow::Ok(())
    };
    let (served, released) = tokio::join!(waiting, releasing);
    released?;
    served.into_iter().collect::<Result<Vec<()>>>()?;
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_while_waiting_takes_nothing_with_it() -> Result<()> {
    let (orders, holder) = busy_pool_of_one(120).await?;
    let mut leaver = orders.scripted().await?;
    leaver.query("SELECT 1").await?;
    eventually(async || {
        let sessions = orders.sessions().await?;
        anyhow::ensure!(
            sessions.iter().any(|row| row["state"] == "waiting"),
            "nobody waits"
        );
        Ok(())
    })
    .await?;
    drop(leaver);
    let stayer = orders.connect().await?;
    holder.batch_execute("COMMIT").await?;
    assert_eq!(stayer.query_one("SELECT 2", &[]).await?.get::<_, i32>(0), 2);
    Ok(())
}

#[tokio::test]
async fn the_pool_takes_its_limit_from_the_server() -> Result<()> {
    let mut setup = Setup::newest()?.pool("maxConnectionsPercent", json!(50));
    setup.postgres = setup
        .postgres
        .max_connections(13)
        .setting("superuser_reserved_connections", "3");
    let orders = setup.start().await?;
    let clients = try_join_all((0..20).map(|_| orders.connect())).await?;
    try_join_all(
        clients
            .iter()
            .map(|client| client.simple_query("SELECT pg_sleep(0.05)")),
    )
    .await?;
    let open = orders.postgres.backends("orders")?;
    assert!(
        (1..=5).contains(&open),
        "{open} server connections of 10 usable, 50 %"
    );
    Ok(())
}
