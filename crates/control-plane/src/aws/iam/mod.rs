//! Identity and Access Management, version 2010-05-08.
//!
//! Everything here works on the rows that REST works on. Source of operations, members and bounds: botocore's
//! service model `iam/2010-05-08` and the IAM API Reference.
#![allow(
    clippy::struct_field_names,
    reason = "members are called as the service model calls them"
)]

mod absent;
mod access_keys;
mod attachments;
mod entities;
mod fault;
mod given;
mod groups;
mod inline;
mod oidc;
mod paged;
mod policies;
mod policy_versions;
mod principal;
mod roles;
mod shape;
mod simulate;
mod tags;
mod users;

pub(in crate::aws) use given::policy;

use tollgate_store::Write;

pub(super) use fault::fault;

use super::call::{Answer, Call};
use super::fault::Refusal;
use super::table::Operation;

/// The table.
pub(super) fn operations() -> Vec<Operation> {
    [
        users::operations(),
        groups::operations(),
        roles::operations(),
        policies::operations(),
        policy_versions::operations(),
        inline::operations(),
        attachments::operations(),
        entities::operations(),
        access_keys::operations(),
        oidc::operations(),
        tags::operations(),
        simulate::operations(),
        absent::operations(),
    ]
    .concat()
}

/// Opens the transaction of a write.
async fn begin(call: &Call) -> Result<Write, Refusal> {
    Ok(call.api.store.begin_at(call.now()).await?)
}

/// Makes a write durable, wakes the reconciler, and answers.
async fn finish(call: &Call, writing: Write, answer: Answer) -> Result<Answer, Refusal> {
    writing.commit().await?;
    call.api.wake.notify_one();
    Ok(answer)
}
