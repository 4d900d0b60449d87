//! Managed policies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_iam::policy::PolicyKind;
use tollgate_store::{Expect, PolicyFilter, PolicyRow, PolicyScope, PolicyUsage, PolicyUse};
use tollgate_types::NameRule;

use super::fault::delete_conflict;
use super::shape::Detail;
use super::{begin, finish, given, paged, shape};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::{Kind, On};
use crate::service::identities;
use crate::service::identity_spec::PolicySpec;

pub(super) fn operations() -> Vec<Operation> {
    let one = Authorized::One(Kind::Policy, "PolicyArn");
    vec![
        Operation::new("CreatePolicy", Authorized::ByHandler, create),
        Operation::new("GetPolicy", one, get),
        Operation::new("ListPolicies", Authorized::Any(Kind::Policy), list),
        Operation::new("DeletePolicy", one, delete),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreatePolicy {
    policy_name: String,
    path: Option<String>,
    policy_document: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<given::Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OnePolicyAsked {
    policy_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OnePolicy {
    policy: shape::Policy,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policies {
    policies: Members<shape::Policy>,
    is_truncated: bool,
    marker: Option<String>,
}

async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: CreatePolicy = call.decode()?;
    let spec = PolicySpec {
        name: given::name(NameRule::IamPolicy, "PolicyName", request.policy_name)?,
        path: given::path(request.path)?,
        description: given::description(request.description)?,
        document: given::document(request.policy_document, PolicyKind::Identity)?,
        tags: given::tags(request.tags)?,
    };
    let arn = call
        .api
        .settings
        .arn
        .iam(&format!("policy{}{}", spec.path, spec.name));
    call.allow("iam:CreatePolicy", On::New, &arn).await?;
    let writing = begin(&call).await?;
    let new = identities::new_policy(&call.api.ports.random, spec);
    let row = writing.policy_create(new).await?;
    let policy = shape::policy(&call, row, PolicyUsage::default(), Detail::Full);
    let answer = call.answer(&OnePolicy { policy })?;
    finish(&call, writing, answer).await
}

async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: OnePolicyAsked = call.decode()?;
    let row = given::policy(&call, &request.policy_arn).await?;
    let mut shown = with_usage(&call, vec![row], Detail::Full).await?;
    let policy = shown.pop().ok_or_else(|| {
        Refusal::Problem(crate::problem::Problem::internal(&"a policy was not shown"))
    })?;
    call.answer(&OnePolicy { policy })
}

async fn with_usage(
    call: &Call,
    rows: Vec<PolicyRow>,
    detail: Detail,
) -> Result<Vec<shape::Policy>, Refusal> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let usage = call.api.store.policy_usage(&ids).await?;
    let shown = rows.into_iter().map(|row| {
        let used = usage.get(&row.id).copied().unwrap_or_default();
        shape::policy(call, row, used, detail)
    });
    Ok(shown.collect())
}

#[derive(Debug, Default, Deserialize)]
enum Scope {
    #[default]
    All,
    #[serde(rename = "AWS")]
    Aws,
    Local,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum UsageFilter {
    PermissionsPolicy,
    PermissionsBoundary,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListPolicies {
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    only_attached: bool,
    path_prefix: Option<String>,
    policy_usage_filter: Option<UsageFilter>,
}

async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ListPolicies = call.decode()?;
    let in_use = match (request.policy_usage_filter, request.only_attached) {
        (Some(UsageFilter::PermissionsBoundary), _) => Some(PolicyUse::Boundary),
        (Some(UsageFilter::PermissionsPolicy), _) | (None, true) => Some(PolicyUse::Permissions),
        (None, false) => None,
    };
    let filter = PolicyFilter {
        scope: match request.scope {
            Scope::All => PolicyScope::All,
            Scope::Aws => PolicyScope::AwsManaged,
            Scope::Local => PolicyScope::Own,
        },
        path: given::path_prefix(request.path_prefix)?,
        in_use,
    };
    let bound_to = format!("{filter:?}");
    let page = paged::ask(&call, &bound_to)?;
    let listed = call.api.store.policy_list_where(&filter, &page).await?;
    let marker = call.marker(listed.next.as_deref(), &bound_to)?;
    call.answer(&Policies {
        policies: Members(with_usage(&call, listed.items, Detail::Brief).await?),
        is_truncated: marker.is_some(),
        marker,
    })
}

/// As in AWS the other versions must be gone already; REST takes them along.
async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: OnePolicyAsked = call.decode()?;
    let writing = begin(&call).await?;
    let row = given::own_policy_in(&call, &writing, &request.policy_arn).await?;
    if writing.policy_version_count(&row.id).await? > 1 {
        let message = "This policy has more than one version. Before you delete a policy, you must delete the \
                       policy's versions. The default version is deleted with the policy.";
        return Err(delete_conflict(message).into());
    }
    writing.policy_delete(&row.id, Expect::Anything).await?;
    finish(&call, writing, call.done()?).await
}
