//! tokio-postgres through the proxy: pipelining, prepared statements, transactions, COPY, cancel, errors.

use anyhow::Result;
use futures_util::{SinkExt, StreamExt, future::try_join_all, pin_mut};
use tokio_postgres::{SimpleQueryMessage, error::SqlState};

use crate::support::{Orders, Setup, eventually};

#[tokio::test]
async fn queries_prepares_and_pipelines() -> Result<()> {
    let orders = Setup::newest()?.pool_size(4).start().await?;
    let client = orders.connect().await?;
    let statement = client.prepare("SELECT $1::int4 * 2").await?;
    for n in 0..20_i32 {
        assert_eq!(
            client.query_one(&statement, &[&n]).await?.get::<_, i32>(0),
            n * 2
        );
    }
    let at_once = (0..100_i32).map(|n| {
        let client = &client;
        async move { client.query_one("SELECT $1::int4 + 1", &[&n]).await }
    });
    for (n, row) in (0..100_i32).zip(try_join_all(at_once).await?) {
        assert_eq!(row.get::<_, i32>(0), n + 1);
    }
    let messages = client.simple_query("SELECT 1; SELECT 2").await?;
    let rows = messages
        .iter()
        .filter(|m| matches!(m, SimpleQueryMessage::Row(_)));
    assert_eq!(rows.count(), 2);
    Ok(())
}

#[tokio::test]
async fn commits_rolls_back_and_reads_portals() -> Result<()> {
    let orders = Setup::newest()?.pool_size(2).start().await?;
    let mut client = orders.connect().await?;
    client
        .batch_execute("CREATE TABLE kept (n int PRIMARY KEY)")
        .await?;
    let transaction = client.transaction().await?;
    transaction
        .execute("INSERT INTO kept VALUES (1)", &[])
        .await?;
    transaction.commit().await?;
    let transaction = client.transaction().await?;
    transaction
        .execute("INSERT INTO kept VALUES (2)", &[])
        .await?;
    transaction.rollback().await?;
    let transaction = client.transaction().await?;
    let portal = transaction
        .bind("SELECT n FROM generate_series(1, 250) n", &[])
        .await?;
    let mut seen = 0;
    loop {
        let rows = transaction.query_portal(&portal, 100).await?;
        seen += rows.len();
        if rows.len() < 100 {
            break;
        }
    }
    transaction.commit().await?;
    assert_eq!(seen, 250);
    let count: i64 = client
        .query_one("SELECT count(*) FROM kept", &[])
        .await?
        .get(0);
    assert_eq!(count, 1);
    Ok(())
}

#[tokio::test]
async fn copies_in_and_out() -> Result<()> {
    let orders = Setup::newest()?.pool_size(2).start().await?;
    let client = orders.connect().await?;
    client
        .batch_execute("CREATE TABLE copied (n int, t text)")
        .await?;
    let sink = client.copy_in("COPY copied FROM STDIN").await?;
    pin_mut!(sink);
    for n in 0..5_000 {
        let row = format!("{n}\t{}\n", "x".repeat(200));
        sink.send(as_buf(row)).await?;
    }
    assert_eq!(sink.finish().await?, 5_000);
    let stream = client.copy_out("COPY copied TO STDOUT").await?;
    pin_mut!(stream);
    let mut lines = 0;
    while let Some(chunk) = stream.next().await {
        lines += chunk?.split(|byte| *byte == b'\n').count() - 1;
    }
    assert_eq!(lines, 5_000);
    Ok(())
}

/// tokio-postgres takes any `Buf`; a cursor over the text is one.
fn as_buf(text: String) -> std::io::Cursor<Vec<u8>> {
    std::io::Cursor::new(text.into_bytes())
}

#[tokio::test]
async fn cancels_over_tls_and_stays_usable() -> Result<()> {
    let orders = Orders::start().await?;
    let client = orders.connect().await?;
    let (token, tls) = (client.cancel_token(), orders.tls.clone());
    let cancelling = async {
        // Before the server sleeps there is nothing to cancel.
        eventually(async || {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
            let asleep = orders.postgres.superuser_sql("postgres", sql)?;
            anyhow::ensure!(asleep == "1", "{asleep} asleep");
            Ok(())
        })
        .await?;
        anyhow::Ok(token.cancel_query(tls).await?)
    };
    let sleeping = client.batch_execute("SELECT pg_sleep(600)");
    let (slept, cancelled) = tokio::join!(sleeping, cancelling);
    cancelled?;
    let error = slept.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
    assert_eq!(client.query_one("SELECT 2", &[]).await?.get::<_, i32>(0), 2);
    Ok(())
}

#[tokio::test]
async fn errors_carry_the_servers_code_and_leave_the_session_usable() -> Result<()> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    let client = orders.connect().await?;
    for (sql, code) in [
        ("SELECT 1/0", SqlState::DIVISION_BY_ZERO),
        ("SELECT * FROM nowhere", SqlState::UNDEFINED_TABLE),
        ("SELEKT", SqlState::SYNTAX_ERROR),
    ] {
        let simple = client.batch_execute(sql).await.unwrap_err();
        assert_eq!(simple.code(), Some(&code), "{sql}");
        let extended = client.query(sql, &[]).await.unwrap_err();
        assert_eq!(extended.code(), Some(&code), "{sql}");
    }
    assert_eq!(client.query_one("SELECT 3", &[]).await?.get::<_, i32>(0), 3);
    Ok(())
}
