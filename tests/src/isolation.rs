//! Nothing of one client ever reaches another, however few server connections they share.

use anyhow::Result;
use futures_util::future::try_join_all;
use tokio_postgres::{Client, SimpleQueryMessage, error::SqlState};

use crate::support::{Orders, Setup, eventually};

/// Two clients on a pool of two: a pinned one cannot lock the other out, and they do share.
async fn pair() -> Result<(Orders, Client, Client)> {
    let orders = Setup::newest()?.pool_size(2).start().await?;
    let (one, other) = (orders.connect().await?, orders.connect().await?);
    Ok((orders, one, other))
}

async fn text(client: &Client, sql: &str) -> Result<String> {
    Ok(client.query_one(sql, &[]).await?.get(0))
}

/// After `mess` and a disconnect, the next clients find every server connection as new.
async fn leaves_nothing_behind(mess: &str, probe: &str, clean: &str) -> Result<()> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    let dirty = orders.connect().await?;
    dirty.batch_execute(mess).await?;
    assert_ne!(
        simple(&dirty, probe).await?,
        clean,
        "the mess `{mess}` is not seen by its maker"
    );
    drop(dirty);
    let next = orders.connect().await?;
    assert_eq!(simple(&next, probe).await?, clean, "`{mess}` was inherited");
    Ok(())
}

/// The first column of the first row, or the SQLSTATE, as text.
async fn simple(client: &Client, sql: &str) -> Result<String> {
    match client.simple_query(sql).await {
        Ok(messages) => Ok(first_cell(&messages)),
        Err(error) => Ok(error
            .code()
            .map(SqlState::code)
            .unwrap_or_default()
            .to_owned()),
    }
}

fn first_cell(messages: &[SimpleQueryMessage]) -> String {
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            return row.get(0).unwrap_or("NULL").to_owned();
        }
    }
    String::new()
}

#[tokio::test]
async fn settings_stay_with_their_client() -> Result<()> {
    let (_orders, one, other) = pair().await?;
    one.batch_execute("SET work_mem = '7MB'; SET TimeZone = 'Asia/Tokyo'")
        .await?;
    for _ in 0..5 {
        assert_eq!(text(&one, "SHOW work_mem").await?, "7MB");
        assert_eq!(text(&one, "SHOW TimeZone").await?, "Asia/Tokyo");
        assert_eq!(text(&other, "SHOW work_mem").await?, "4MB");
        assert_ne!(text(&other, "SHOW TimeZone").await?, "Asia/Tokyo");
    }
    Ok(())
}

#[tokio::test]
async fn a_rolled_back_setting_is_gone_and_a_local_one_ends_with_its_transaction() -> Result<()> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    let (one, other) = (orders.connect().await?, orders.connect().await?);
    one.batch_execute("BEGIN; SET work_mem = '7MB'; ROLLBACK")
        .await?;
    one.batch_execute("BEGIN; SET LOCAL work_mem = '8MB'; COMMIT")
        .await?;
    // On a pool of one this also proves that neither of them pinned.
    assert_eq!(text(&other, "SHOW work_mem").await?, "4MB");
    assert_eq!(text(&one, "SHOW work_mem").await?, "4MB");
    Ok(())
}

#[tokio::test]
async fn no_kind_of_session_state_is_inherited() -> Result<()> {
    let locks = "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'";
    let listening = "SELECT count(*)::text FROM pg_listening_channels()";
    let prepared = "SELECT count(*)::text FROM pg_prepared_statements WHERE from_sql";
    let cursors = "SELECT count(*)::text FROM pg_cursors WHERE is_holdable";
    for (mess, probe, clean) in [
        ("SET work_mem = '7MB'", "SHOW work_mem", "4MB"),
        (
            "SET search_path = pg_catalog",
            "SHOW search_path",
            "\"$user\", public",
        ),
        (
            "CREATE TEMP TABLE t (n int)",
            "SELECT count(*)::text FROM t",
            "42P01",
        ),
        (
            "SELECT 1 AS n INTO TEMP t",
            "SELECT count(*)::text FROM t",
            "42P01",
        ),
        ("SELECT pg_advisory_lock(42)", locks, "0"),
        ("LISTEN news", listening, "0"),
        ("PREPARE p AS SELECT 1", prepared, "0"),
        (
            "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT",
            cursors,
            "0",
        ),
    ] {
        leaves_nothing_behind(mess, probe, clean).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_random_seed_is_not_inherited() -> Result<()> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    let seeded = orders.connect().await?;
    let first = {
        simple(&seeded, "SELECT setseed(0.5)").await?;
        simple(&seeded, "SELECT random()").await?
    };
    simple(&seeded, "SELECT setseed(0.5)").await?;
    drop(seeded);
    let next = orders.connect().await?;
    assert_ne!(simple(&next, "SELECT random()").await?, first);
    Ok(())
}

#[tokio::test]
async fn prepared_names_are_private() -> Result<()> {
    let (_orders, one, other) = pair().await?;
    // tokio-postgres names its statements s0, s1, … in every client alike.
    let (mine, theirs) = (
        one.prepare("SELECT 'one'").await?,
        other.prepare("SELECT 'other'").await?,
    );
    for _ in 0..5 {
        assert_eq!(one.query_one(&mine, &[]).await?.get::<_, String>(0), "one");
        assert_eq!(
            other.query_one(&theirs, &[]).await?.get::<_, String>(0),
            "other"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_open_transaction_keeps_its_server_connection_to_itself() -> Result<()> {
    let (_orders, mut one, other) = pair().await?;
    other.batch_execute("CREATE TABLE seen (n int)").await?;
    let transaction = one.transaction().await?;
    transaction
        .execute("INSERT INTO seen VALUES (1)", &[])
        .await?;
    for _ in 0..5 {
        let count: i64 = other
            .query_one("SELECT count(*) FROM seen", &[])
            .await?
            .get(0);
        assert_eq!(count, 0);
    }
    transaction.commit().await?;
    let count: i64 = other
        .query_one("SELECT count(*) FROM seen", &[])
        .await?
        .get(0);
    assert_eq!(count, 1);
    Ok(())
}

#[tokio::test]
async fn a_transaction_of_a_vanished_client_is_rolled_back() -> Result<()> {
    let orders = Setup::newest()?.pool_size(2).start().await?;
    let survivor = orders.connect().await?;
    survivor.batch_execute("CREATE TABLE seen (n int)").await?;
    let gone = orders.connect().await?;
    gone.batch_execute("BEGIN; INSERT INTO seen VALUES (1)")
        .await?;
    drop(gone);
    eventually(async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
        let open = orders.postgres.superuser_sql("orders", sql)?;
        anyhow::ensure!(open == "0", "{open} transactions are still open");
        Ok(())
    })
    .await?;
    let count: i64 = survivor
        .query_one("SELECT count(*) FROM seen", &[])
        .await?
        .get(0);
    assert_eq!(count, 0);
    Ok(())
}

#[tokio::test]
async fn forty_clients_on_three_connections_each_get_their_own_answers() -> Result<()> {
    let orders = Setup::newest()?.pool_size(3).start().await?;
    let clients = try_join_all((0..40).map(|_| orders.connect())).await?;
    let rounds = clients
        .iter()
        .enumerate()
        .map(|(index, client)| async move {
            for round in 0..10 {
                let sql = format!("SELECT '{index}-{round}', pg_sleep(0.001)");
                let rows = client.simple_query(&sql).await?;
                let found = first_cell(&rows) == format!("{index}-{round}");
                anyhow::ensure!(found, "client {index} got somebody else's answer");
            }
            Ok(())
        });
    try_join_all(rounds).await?;
    Ok(())
}
