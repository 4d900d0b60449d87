//! What an idle client costs: a thousand of them, in plain text and over TLS, measured from outside.

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio_postgres::{Client, config::SslMode};

use crate::support::{APP_PASSWORD, Orders, Setup};

/// How many idle clients are measured.
const CLIENTS: u64 = 1_000;

/// Budgets of resident bytes per idle client: half as much again as a quiet machine showed when they were set (4,990 and
/// 10,930; a busy one has shown 6,000). Twice as much would be noticed.
///
/// The aim is 2.5 KB and 12 KB (`docs/performance.md`); whoever comes nearer to it lowers the budget.
const PLAIN_BYTES_MAX: u64 = 7_490;
const TLS_BYTES_MAX: u64 = 16_400;

async fn idle_clients(orders: &Orders, ssl: SslMode, count: u64) -> Result<Vec<Client>> {
    let mut config = orders.config();
    config.ssl_mode(ssl).password(APP_PASSWORD);
    let mut clients = Vec::new();
    for _ in 0..count / 50 {
        let some = try_join_all((0..50).map(|_| orders.connect_as(&config))).await?;
        try_join_all(some.iter().map(|client| client.simple_query("SELECT 1"))).await?;
        clients.extend(some);
    }
    Ok(clients)
}

fn resident_bytes(orders: &Orders) -> Result<u64> {
    let id = orders.tollgate.id().context("not running")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .context("no RssAnon")?;
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .context("no number")?
        .parse()?;
    Ok(kib * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_clients_stay_small() -> Result<()> {
    let mut setup = Setup::newest()?.passwords("POSTGRES_MD5").pool_size(4);
    // What a shard has for itself would otherwise count as often as the machine has processors.
    setup.tollgate = setup.tollgate.arg("--shards", "2");
    let orders = setup.proxy("requireTls", json!(false)).start().await?;
    // The first round fills pools and caches that are not any client's. Nobody leaves before the end: what
    // a leaving client frees would be used again and hide what the next ones cost.
    let mut connected = idle_clients(&orders, SslMode::Require, 50).await?;
    for (ssl, budget) in [
        (SslMode::Disable, PLAIN_BYTES_MAX),
        (SslMode::Require, TLS_BYTES_MAX),
    ] {
        let before = resident_bytes(&orders)?;
        connected.extend(idle_clients(&orders, ssl, CLIENTS).await?);
        let each = resident_bytes(&orders)?.saturating_sub(before) / CLIENTS;
        println!("{ssl:?}: {each} bytes of resident memory more per idle client");
        assert!(
            each <= budget,
            "{ssl:?}: {each} bytes per idle client, the budget is {budget}"
        );
    }
    Ok(())
}
