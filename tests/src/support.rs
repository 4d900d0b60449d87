//! What every acceptance test starts from: a PostgreSQL server, a Tollgate, and a proxy between them.

mod audit;
mod aws;
mod mysql_orders;
mod orders;
mod scripts;

use std::time::Duration;

use anyhow::{Result, bail};

pub(crate) use audit::{correlation_id, decision, refusal};
pub(crate) use aws::{boto3, with_database};
pub(crate) use mysql_orders::MySqlOrders;
pub(crate) use orders::{APP_PASSWORD, Key, Orders, Setup, connect_policy, now_unix};
pub(crate) use scripts::{Place, output, point_at, python, run_script, script};

/// How long a test waits for something that happens by itself.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Tries until it works; the last error tells what was missing when the patience ends.
pub(crate) async fn eventually<T, F>(mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let started = std::time::Instant::now();
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) if started.elapsed() > PATIENCE => {
                bail!("not within {PATIENCE:?}: {error:#}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
