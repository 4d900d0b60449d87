//! Learning a greeting while the pool is full: one short-lived server connection beside the pool.
//!
//! A login with startup parameters nobody has used before can only be answered by a server. When all
//! server connections are at work, it would wait for one although it needs none for itself. So one scout
//! at a time may log in, on the place that the pool's limit leaves for the prober, read what the server
//! reports, and close.

use std::sync::Arc;

use crate::opening;
use crate::pool_key::PoolKey;
use crate::server::OpenError;
use crate::target::TargetShared;

/// What a server connection of `key` reports. Waits for its turn.
pub(crate) async fn scout(
    target: &TargetShared,
    key: &Arc<PoolKey>,
) -> Result<Vec<(Box<str>, Box<str>)>, OpenError> {
    // The semaphore is never closed; without a permit the scout would only be less patient.
    let _turn = target.scout.acquire().await.ok();
    let mut connection = opening::postgres(target, key).await?;
    let parameters = std::mem::take(&mut connection.parameters);
    connection.close();
    Ok(parameters)
}
