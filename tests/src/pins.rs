//! Pins are visible with their reason, and end with the state that caused them.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::{Orders, Setup, eventually};

/// The reasons of the only session, once the view has them as `wanted`.
async fn pinned_as(orders: &Orders, wanted: &[&str]) -> Result<()> {
    eventually(async || {
        let sessions = orders.sessions().await?;
        let session = sessions.first().context("no session")?;
        let reasons: Vec<&str> = session["pins"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .filter_map(|pin| pin["reason"].as_str())
            .collect();
        anyhow::ensure!(reasons == wanted, "{session}");
        let pinned = session["state"] == "pinned";
        anyhow::ensure!(pinned != wanted.is_empty(), "{session}");
        Ok(())
    })
    .await
}

async fn one_client() -> Result<(Orders, Client)> {
    let orders = Setup::newest()?.pool_size(1).start().await?;
    let client = orders.connect().await?;
    Ok((orders, client))
}

#[tokio::test]
async fn what_cannot_move_pins_with_its_reason() -> Result<()> {
    for (sql, reason) in [
        (
            "SELECT set_config('work' || '_mem', '7MB', false)",
            "SESSION_SETTING",
        ),
        ("CREATE TEMP TABLE t (n int)", "TEMPORARY_OBJECT"),
        (
            "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT",
            "HOLD_CURSOR",
        ),
        ("SELECT pg_advisory_lock(42)", "ADVISORY_LOCK"),
        ("LISTEN news", "LISTEN"),
        ("SELECT setseed(0.5)", "RANDOM_SEED"),
    ] {
        let (orders, client) = one_client().await?;
        client.simple_query("SELECT 1").await?;
        pinned_as(&orders, &[]).await?;
        client.batch_execute(sql).await?;
        pinned_as(&orders, &[reason])
            .await
            .with_context(|| sql.to_owned())?;
        let held = orders.sessions().await?[0]["serverPid"].clone();
        assert!(
            matches!(held, Value::Number(_)),
            "{sql}: no server connection is shown"
        );
    }
    Ok(())
}

#[tokio::test]
async fn plain_work_never_pins() -> Result<()> {
    let (orders, client) = one_client().await?;
    for sql in [
        "SELECT 1",
        "BEGIN; SELECT 1; COMMIT",
        "BEGIN; SET LOCAL work_mem = '7MB'; COMMIT",
        "BEGIN; SELECT pg_advisory_xact_lock(1); COMMIT",
        "SELECT 'LISTEN to SET work_mem'; -- SET x = 1",
        "CREATE TABLE plain (n int)",
        "SET work_mem = '7MB'",
        "SET TIME ZONE 'Europe/Berlin'",
        "PREPARE p AS SELECT 1",
        "SELECT pg_advisory_lock(1); SELECT pg_advisory_unlock(1)",
        "CREATE TEMP TABLE t (n int); DROP TABLE t",
        "LISTEN news; UNLISTEN news",
    ] {
        client.batch_execute(sql).await?;
        pinned_as(&orders, &[])
            .await
            .with_context(|| sql.to_owned())?;
    }
    assert!(
        client
            .batch_execute("SET no_such_setting = 1")
            .await
            .is_err()
    );
    pinned_as(&orders, &[]).await.context("a failed SET")
}

#[tokio::test]
async fn a_pin_ends_when_its_state_is_gone() -> Result<()> {
    let (orders, client) = one_client().await?;
    for mess in [
        "SELECT set_config('work' || '_mem', '7MB', false)",
        "LISTEN news",
        "SELECT pg_advisory_lock(42)",
        "CREATE TEMP TABLE t (n int)",
    ] {
        client.batch_execute(mess).await?;
        client.batch_execute("DISCARD ALL").await?;
        pinned_as(&orders, &[])
            .await
            .with_context(|| mess.to_owned())?;
    }
    // Nobody holds the only server connection any more.
    let other = orders.connect().await?;
    other.simple_query("SELECT 1").await?;
    Ok(())
}

#[tokio::test]
async fn settings_and_statements_move_with_their_client() -> Result<()> {
    let (orders, one) = one_client().await?;
    let other = orders.connect().await?;
    for (client, value) in [(&one, "7MB"), (&other, "8MB")] {
        client
            .batch_execute(&format!("SET work_mem = '{value}'"))
            .await?;
        client
            .batch_execute("PREPARE p AS SELECT current_setting('work_mem')")
            .await?;
    }
    let named = "SELECT current_setting('work_mem')";
    let (first, second) = (one.prepare(named).await?, other.prepare(named).await?);
    // There is one server connection, and every query changes hands.
    for _ in 0..20 {
        for (client, statement, value) in [(&one, &first, "7MB"), (&other, &second, "8MB")] {
            let row = client.query_one(statement, &[]).await?;
            assert_eq!(row.get::<_, String>(0), value);
            let rows = client.simple_query("EXECUTE p").await?;
            let told = rows.iter().find_map(|message| {
                if let SimpleQueryMessage::Row(row) = message {
                    row.get(0)
                } else {
                    None
                }
            });
            assert_eq!(told, Some(value));
        }
    }
    let metrics = orders.metrics().await?;
    let pins = metrics
        .lines()
        .filter(|line| line.starts_with("tollgate_pins_total{") && !line.ends_with(" 0"));
    assert_eq!(pins.collect::<Vec<_>>(), Vec::<&str>::new());
    Ok(())
}

#[tokio::test]
async fn pins_are_counted_by_reason() -> Result<()> {
    let (orders, client) = one_client().await?;
    client.batch_execute("LISTEN news").await?;
    eventually(async || {
        let metrics = orders.metrics().await?;
        let counted = metrics.lines().any(|line| {
            line.starts_with("tollgate_pins_total{")
                && line.contains("reason=\"LISTEN\"")
                && line.ends_with(" 1")
        });
        anyhow::ensure!(counted, "not counted");
        let now = metrics
            .lines()
            .any(|line| line.starts_with("tollgate_pinned_clients{") && line.ends_with(" 1"));
        anyhow::ensure!(now, "no pinned client");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn notifications_reach_the_listener_and_nobody_else() -> Result<()> {
    let orders = Setup::newest()?.pool_size(3).start().await?;
    let mut listener = orders.scripted().await?;
    listener.query("LISTEN news").await?;
    listener.until_ready().await?;
    let mut deaf = orders.scripted().await?;
    deaf.query("SELECT 1").await?;
    deaf.until_ready().await?;
    let sender = orders.connect().await?;
    sender.batch_execute("NOTIFY news, 'hello'").await?;
    let heard = listener.next().await?;
    assert_eq!(heard.tag, b'A');
    assert!(heard.body.ends_with(b"news\0hello\0"), "{heard:?}");
    deaf.query("SELECT 2").await?;
    assert!(
        deaf.until_ready()
            .await?
            .iter()
            .all(|message| message.tag != b'A')
    );
    Ok(())
}
