//! `DescribeNetworkInterfaces`: there are none. Terraform asks before it deletes a security group.

use std::sync::Arc;

use serde::Serialize;

use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Items;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Interfaces {
    network_interface_set: Items<()>,
}

/// The operation.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    call.answer(&Interfaces {
        network_interface_set: Items(Vec::new()),
    })
}
