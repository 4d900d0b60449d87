//! Waiting for a proxy: looks again and again until there is a verdict or time is up.

use std::time::Duration;

use tokio::time::Instant;
use tollgate_store::{ProxyRow, Store, StoreError};

use super::wait::{Seen, Verdict, Wait};
use crate::problem::Problem;

/// Pause between two looks. The reconciler may run in another process, so there is nothing to be told by.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The proxy as it is when the wait ends, and how it ended. When the proxy is gone, its last state.
pub(crate) async fn until(
    store: &Store,
    mut row: ProxyRow,
    wait: &Wait,
) -> Result<(ProxyRow, Verdict), Problem> {
    let deadline = Instant::now() + wait.timeout;
    loop {
        let verdict = wait.verdict(&Seen {
            status: row.status,
            generation: row.generation,
            observed_generation: row.observed_generation,
            conditions: &row.conditions,
        });
        if verdict != Verdict::Pending || Instant::now() >= deadline {
            return Ok((row, verdict));
        }
        tokio::time::sleep_until(deadline.min(Instant::now() + LOOK_EVERY)).await;
        match store.proxy_get(row.id.as_str()).await {
            Ok(newer) => row = newer,
            Err(StoreError::NotFound { .. }) => return Ok((row, wait.verdict_gone())),
            Err(error) => return Err(error.into()),
        }
    }
}
