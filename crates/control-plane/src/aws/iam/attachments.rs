//! Managed policies attached to users, groups and roles.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{Kind as StoreKind, StoreError};

use super::fault::{limit_exceeded, no_such_entity};
use super::principal::{GROUP, Principal, ROLE, USER};
use super::{begin, finish, given, paged};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::views::access;
use crate::service::identities;

/// Most managed policies of one principal. Source: IAM User Guide, "IAM quotas".
const ATTACHED_MAX: u64 = 10;

/// What the operations of each kind of principal are called: attach, detach, list.
const NAMES: [(Principal, [&str; 3]); 3] = [
    (
        USER,
        [
            "AttachUserPolicy",
            "DetachUserPolicy",
            "ListAttachedUserPolicies",
        ],
    ),
    (
        GROUP,
        [
            "AttachGroupPolicy",
            "DetachGroupPolicy",
            "ListAttachedGroupPolicies",
        ],
    ),
    (
        ROLE,
        [
            "AttachRolePolicy",
            "DetachRolePolicy",
            "ListAttachedRolePolicies",
        ],
    ),
];

pub(super) fn operations() -> Vec<Operation> {
    NAMES
        .into_iter()
        .flat_map(|(of, [attach_name, detach_name, list_name])| {
            let one = Authorized::One(of.kind, of.member);
            [
                Operation::new(attach_name, one, move |call| attach(call, of)),
                Operation::new(detach_name, one, move |call| detach(call, of)),
                Operation::new(list_name, one, move |call| list(call, of)),
            ]
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyAsked {
    policy_arn: String,
}

/// Attached once is enough; the limit is AWS's and counts only here.
async fn attach(call: Arc<Call>, of: Principal) -> Result<Answer, Refusal> {
    let request: PolicyAsked = call.decode()?;
    let principal = of.named(&call)?;
    let writing = begin(&call).await?;
    let policy = given::policy_in(&call, &writing, &request.policy_arn).await?;
    writing.attachment_put(of.to, principal, &policy.id).await?;
    if writing.attachment_count(of.to, principal).await? > ATTACHED_MAX {
        let message =
            format!("Cannot exceed quota for policies attached to {principal}: {ATTACHED_MAX}");
        return Err(limit_exceeded(message).into());
    }
    finish(&call, writing, call.done()?).await
}

async fn detach(call: Arc<Call>, of: Principal) -> Result<Answer, Refusal> {
    let request: PolicyAsked = call.decode()?;
    let principal = of.named(&call)?;
    let writing = begin(&call).await?;
    let policy = given::policy_in(&call, &writing, &request.policy_arn).await?;
    let detached = writing
        .attachment_remove(of.to, principal, &policy.id)
        .await;
    match detached {
        Ok(()) => finish(&call, writing, call.done()?).await,
        Err(StoreError::NotFound {
            kind: StoreKind::Attachment,
            ..
        }) => Err(no_such_entity(format!("Policy {} was not found.", request.policy_arn)).into()),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAttached {
    path_prefix: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attached {
    attached_policies: Members<AttachedPolicy>,
    is_truncated: bool,
    marker: Option<String>,
}

/// A path prefix makes pages shorter, as AWS says it may.
async fn list(call: Arc<Call>, of: Principal) -> Result<Answer, Refusal> {
    let prefix = given::path_prefix(call.decode::<ListAttached>()?.path_prefix)?;
    let principal = of.named(&call)?;
    let filter = format!("{principal}\n{prefix}");
    let page = paged::ask(&call, &filter)?;
    let listed = call
        .api
        .store
        .attachment_list(of.to, principal, &page)
        .await?;
    let marker = call.marker(listed.next.as_deref(), &filter)?;
    let below = listed
        .items
        .iter()
        .filter(|row| row.path.starts_with(&prefix));
    let shown = below.map(|row| {
        let access::AttachedPolicy { name, arn } =
            identities::attached_view(row, &call.api.settings.arn);
        AttachedPolicy {
            policy_name: name,
            policy_arn: arn,
        }
    });
    call.answer(&Attached {
        attached_policies: Members(shown.collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}
