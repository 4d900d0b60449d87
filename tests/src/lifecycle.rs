//! Ends and obstacles: deleting drains, a taken port is said and heals, SIGTERM drains.

use std::net::TcpListener;

use anyhow::{Context, Result};
use serde_json::json;
use tollgate_testkit::{Ended, Tollgate};

use crate::support::{Orders, PATIENCE, Setup, eventually};

/// The error that ends a session is the one of its connection task; asking once more shows it.
async fn ended_with(client: &mut tollgate_testkit::ScriptedClient) -> Result<String> {
    let heard = client.until_closed().await?;
    let error = heard.iter().rev().find(|message| message.tag == b'E');
    error
        .and_then(tollgate_testkit::scripted::Message::sqlstate)
        .context("closed without a word")
}

#[tokio::test]
async fn deleting_ends_idle_sessions_and_lets_a_transaction_finish() -> Result<()> {
    let orders = Setup::newest()?.pool_size(3).start().await?;
    let mut idle = orders.scripted().await?;
    let busy = orders.connect().await?;
    busy.batch_execute("CREATE TABLE kept (n int); BEGIN; INSERT INTO kept VALUES (1)")
        .await?;
    let deleted = orders.api.delete("/v1/proxies/orders").await?;
    assert_eq!(deleted.status.as_u16(), 202, "{}", deleted.text);
    assert_eq!(deleted.json["status"], "deleting");
    assert_eq!(ended_with(&mut idle).await?, "57P01");
    busy.batch_execute("INSERT INTO kept VALUES (2)").await?;
    busy.batch_execute("COMMIT").await?;
    eventually(async || {
        let gone = orders.api.get("/v1/proxies/orders").await?.status.as_u16() == 404;
        anyhow::ensure!(gone, "the proxy is still there");
        Ok(())
    })
    .await?;
    assert!(
        tokio::net::TcpStream::connect(("127.0.0.1", orders.port))
            .await
            .is_err()
    );
    let kept = orders
        .postgres
        .superuser_sql("orders", "SELECT count(*) FROM kept")?;
    assert_eq!(kept, "2");
    // A server process needs a moment to notice that its connection is gone.
    eventually(async || {
        let sessions = orders.postgres.backends("orders")?;
        anyhow::ensure!(sessions == 0, "server connections outlived the proxy");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn deleting_cuts_a_transaction_that_does_not_end() -> Result<()> {
    let mut setup = Setup::newest()?.pool_size(2);
    setup.tollgate = setup.tollgate.arg("--drain-timeout", "2");
    let orders = setup.start().await?;
    let mut stubborn = orders.scripted().await?;
    stubborn.query("BEGIN").await?;
    stubborn.until_ready().await?;
    orders.api.delete("/v1/proxies/orders").await?.expect(202)?;
    assert_eq!(ended_with(&mut stubborn).await?, "57P01");
    eventually(async || {
        let reply = orders.api.get("/v1/proxies/orders").await?;
        anyhow::ensure!(reply.status.as_u16() == 404, "{}", reply.text);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_taken_port_is_incompatible_network_until_it_is_free() -> Result<()> {
    let tollgate = Tollgate::start()?;
    let api = tollgate.api()?;
    let squatter = TcpListener::bind(("127.0.0.1", tollgate.first_endpoint_port()))?;
    let body = json!({"name": "orders", "engineFamily": "POSTGRESQL", "auth": []});
    api.post("/v1/proxies", &body).await?.expect(201)?;
    let proxy = api
        .until("/v1/proxies/orders", PATIENCE, |proxy| {
            proxy["status"] == "incompatible-network"
        })
        .await?;
    let words = proxy["conditions"].to_string();
    assert!(
        words.contains(&tollgate.first_endpoint_port().to_string()),
        "{words}"
    );
    drop(squatter);
    api.until("/v1/proxies/orders", PATIENCE, |proxy| {
        proxy["status"] == "available"
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn sigterm_lets_transactions_finish_and_exits_cleanly() -> Result<()> {
    let mut orders = Setup::newest()?.pool_size(3).start().await?;
    let mut idle = orders.scripted().await?;
    let busy = orders.connect().await?;
    busy.batch_execute("CREATE TABLE kept (n int); BEGIN; INSERT INTO kept VALUES (1)")
        .await?;
    orders.tollgate.terminate();
    assert_eq!(ended_with(&mut idle).await?, "57P01");
    let ready = orders.api.anonymous("/readyz").await;
    assert!(ready.is_err() || ready.is_ok_and(|reply| reply.status.as_u16() == 503));
    busy.batch_execute("COMMIT").await?;
    assert_eq!(
        orders.tollgate.wait(PATIENCE)?,
        Ended::Exited(Some(0)),
        "{}",
        orders.tollgate.log()
    );
    let kept = orders
        .postgres
        .superuser_sql("orders", "SELECT count(*) FROM kept")?;
    assert_eq!(kept, "1");
    Ok(())
}

#[tokio::test]
async fn an_idle_client_is_told_when_its_time_is_over() -> Result<()> {
    let orders = Setup::newest()?
        // Long enough for a client that has logged in to ask something, on a busy machine too.
        .proxy("idleClientTimeout", json!(5))
        .start()
        .await?;
    let mut client = orders.scripted().await?;
    client.query("SELECT 1").await?;
    client.until_ready().await?;
    assert_eq!(ended_with(&mut client).await?, "57P05");
    Ok(())
}

#[tokio::test]
async fn a_restart_keeps_proxies_keys_and_certificates() -> Result<()> {
    let mut orders = Orders::start().await?;
    let ca = std::fs::read_to_string(orders.tollgate.ca_file())?;
    let (root, port) = (orders.tollgate.root_key()?.secret_access_key, orders.port);
    orders.tollgate.restart()?;
    orders.wait_until_available().await?;
    assert_eq!(orders.port, port);
    assert_eq!(std::fs::read_to_string(orders.tollgate.ca_file())?, ca);
    assert_eq!(orders.tollgate.root_key()?.secret_access_key, root);
    orders.wait_for_target("AVAILABLE").await?;
    // Both are what the last run has written: the port may be opened a moment later.
    let client = eventually(async || orders.connect().await).await?;
    client.simple_query("SELECT 1").await?;
    Ok(())
}

#[tokio::test]
async fn a_crash_in_the_middle_of_creating_is_finished_by_the_next_start() -> Result<()> {
    let mut tollgate = Tollgate::start()?;
    let api = tollgate.api()?;
    let body = json!({"name": "orders", "engineFamily": "POSTGRESQL", "auth": []});
    api.post("/v1/proxies", &body).await?.expect(201)?;
    tollgate.kill()?;
    tollgate.restart()?;
    let path = "/v1/proxies/orders?waitFor=available&timeout=60s";
    assert_eq!(api.get(path).await?.expect(200)?["status"], "available");
    Ok(())
}

#[tokio::test]
async fn sessions_of_two_proxies_are_told_apart() -> Result<()> {
    let orders = Orders::start().await?;
    let body = json!({"name": "other", "engineFamily": "POSTGRESQL", "auth": []});
    orders.api.post("/v1/proxies", &body).await?.expect(201)?;
    let _client = orders.connect().await?;
    assert_eq!(orders.sessions().await?.len(), 1);
    let other = orders
        .api
        .get("/v1/proxies/other/sessions")
        .await?
        .expect(200)?;
    assert_eq!(other["items"].as_array().map(Vec::len), Some(0));
    Ok(())
}
