//! What an operator can watch: metrics by their promised names, health, sessions, the API description.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::support::{Orders, eventually};

#[tokio::test]
async fn every_promised_metric_is_there() -> Result<()> {
    let orders = Orders::start().await?;
    let client = orders.connect().await?;
    client.simple_query("SELECT 1").await?;
    eventually(async || {
        let metrics = orders.metrics().await?;
        for name in [
            "tollgate_client_connections{",
            "tollgate_server_connections{",
            "tollgate_borrows_total{",
            "tollgate_borrow_wait_seconds_bucket{",
            "tollgate_auth_decisions_total{",
            "tollgate_target_available{",
            "tollgate_bytes_total{",
            "tollgate_config_revision ",
            "tollgate_config_age_seconds ",
            "tollgate_build_info{",
        ] {
            let found = metrics.lines().any(|line| line.starts_with(name));
            anyhow::ensure!(found, "{name} is missing in\n{metrics}");
        }
        for family in [
            "tollgate_borrow_timeouts",
            "tollgate_pins",
            "tollgate_pinned_clients",
        ] {
            anyhow::ensure!(
                metrics.contains(&format!("# TYPE {family}")),
                "{family} is missing"
            );
        }
        let clients = metrics
            .lines()
            .find(|line| line.starts_with("tollgate_client_connections{"));
        anyhow::ensure!(
            clients.is_some_and(|line| line.ends_with(" 1")),
            "{clients:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn health_pages_need_no_credentials() -> Result<()> {
    let orders = Orders::start().await?;
    assert_eq!(orders.api.anonymous("/livez").await?.status.as_u16(), 200);
    assert_eq!(orders.api.anonymous("/readyz").await?.status.as_u16(), 200);
    let verbose = orders.api.anonymous("/readyz?verbose").await?;
    assert!(
        verbose.json.is_object() || verbose.json.is_array(),
        "{}",
        verbose.text
    );
    Ok(())
}

#[tokio::test]
async fn the_sessions_view_tells_who_is_connected() -> Result<()> {
    let orders = Orders::start().await?;
    let mut config = orders.config();
    config.application_name("checkout");
    let client = orders.connect_as(&config).await?;
    client.batch_execute("BEGIN").await?;
    let session = eventually(async || {
        let sessions = orders.sessions().await?;
        let session = sessions.first().context("no session")?.clone();
        anyhow::ensure!(session["state"] == "inTransaction", "{session}");
        Ok(session)
    })
    .await?;
    assert_eq!(session["user"], "app");
    assert_eq!(session["database"], "orders");
    assert_eq!(session["applicationName"], "checkout");
    assert_eq!(session["tls"], true);
    assert_eq!(session["principalArn"], "arn:aws:iam::000000000000:user/fn");
    assert!(
        session["client"]
            .as_str()
            .unwrap_or_default()
            .starts_with("127.0.0.1:")
    );
    drop(client);
    eventually(async || {
        let sessions = orders.sessions().await?;
        anyhow::ensure!(sessions.is_empty(), "{sessions:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_api_describes_itself_as_committed() -> Result<()> {
    let orders = Orders::start().await?;
    let served = orders.api.get("/openapi.json").await?.expect(200)?;
    assert!(
        served["openapi"]
            .as_str()
            .unwrap_or_default()
            .starts_with("3.1")
    );
    let paths = served["paths"].as_object().map_or(0, serde_json::Map::len);
    assert!(paths > 20, "only {paths} paths");
    Ok(())
}

#[tokio::test]
async fn the_log_is_one_json_object_per_line() -> Result<()> {
    let orders = Orders::start().await?;
    orders.connect().await?.simple_query("SELECT 1").await?;
    let log = orders.tollgate.log();
    // The last line may be in the middle of being written.
    let (whole, _) = log.rsplit_once('\n').context("no line")?;
    for line in whole.lines() {
        serde_json::from_str::<Value>(line).with_context(|| format!("not JSON: {line}"))?;
    }
    Ok(())
}
