//! Operations that this installation has nothing behind: rotation by functions, and replicas elsewhere.

use std::sync::Arc;

use serde::Deserialize;

use super::named::{allowed, invalid_request};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;

/// Their names.
pub(super) const NAMES: [&str; 5] = [
    "RotateSecret",
    "CancelRotateSecret",
    "ReplicateSecretToRegions",
    "RemoveRegionsFromReplication",
    "StopReplicationToReplica",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfSecret {
    secret_id: String,
}

/// Says what to do instead, to those who may ask.
pub(super) async fn refuse(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: OfSecret = call.decode()?;
    allowed(&call, &request.secret_id).await?;
    let why = match call.operation {
        "RotateSecret" | "CancelRotateSecret" => {
            "this installation runs no rotation functions; put new values with PutSecretValue, and proxies \
             follow live"
        }
        _ => "this installation has one region and replicates nothing",
    };
    Err(invalid_request(format!(
        "{} is not supported: {why}.",
        call.operation
    )))
}
