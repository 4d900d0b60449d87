//! Roles.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_iam::policy::PolicyKind;
use tollgate_store::{Expect, RoleRow, RoleUpdate};
use tollgate_types::NameRule;

use super::principal::ROLE;
use super::{begin, finish, given, paged, shape};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::{Kind, On};
use crate::service::identities;
use crate::service::identity_spec::{RoleSpec, SESSION_S_DEFAULT};

/// Source: IAM API, `roleMaxSessionDurationType`.
const SESSION_S_BOUNDS: RangeInclusive<u32> = 3_600..=43_200;

pub(super) fn operations() -> Vec<Operation> {
    let one = Authorized::One(Kind::Role, ROLE.member);
    vec![
        Operation::new("CreateRole", Authorized::ByHandler, create),
        Operation::new("GetRole", one, get),
        Operation::new("ListRoles", Authorized::Any(Kind::Role), list),
        Operation::new("UpdateRole", one, update),
        Operation::new("UpdateRoleDescription", one, update_description),
        Operation::new("UpdateAssumeRolePolicy", one, update_trust),
        Operation::new("DeleteRole", one, delete),
        Operation::new("PutRolePermissionsBoundary", one, put_boundary),
        Operation::new("DeleteRolePermissionsBoundary", one, delete_boundary),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRole {
    role_name: String,
    path: Option<String>,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<given::Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneRole {
    role: shape::Role,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Roles {
    roles: Members<shape::Role>,
    is_truncated: bool,
    marker: Option<String>,
}

async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: CreateRole = call.decode()?;
    let spec = RoleSpec {
        name: given::name(NameRule::Iam, ROLE.member, request.role_name)?,
        path: given::path(request.path)?,
        description: given::description(request.description)?,
        trust_policy: given::document(request.assume_role_policy_document, PolicyKind::Trust)?,
        max_session_s: session_s(request.max_session_duration.unwrap_or(SESSION_S_DEFAULT))?,
        tags: given::tags(request.tags)?,
    };
    let arn = call
        .api
        .settings
        .arn
        .iam(&format!("role{}{}", spec.path, spec.name));
    call.allow("iam:CreateRole", On::New, &arn).await?;
    let writing = begin(&call).await?;
    let new = identities::new_role(&call.api.ports.random, spec);
    let mut row = writing.role_create(new).await?;
    if let Some(boundary) = request.permissions_boundary {
        let policy = given::policy_in(&call, &writing, &boundary).await?;
        row = writing
            .role_boundary_set(&row.id, Expect::Anything, Some(&policy.id))
            .await?;
    }
    let role = shape::role_in_full(&call, row).await?;
    let answer = call.answer(&OneRole { role })?;
    finish(&call, writing, answer).await
}

fn session_s(given: u32) -> Result<u32, Refusal> {
    if SESSION_S_BOUNDS.contains(&given) {
        return Ok(given);
    }
    let (min, max) = (SESSION_S_BOUNDS.start(), SESSION_S_BOUNDS.end());
    let message = format!("MaxSessionDuration must be between {min} and {max} seconds");
    Err(Refusal::Invalid(message))
}

async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let row = call.api.store.role_get(ROLE.named(&call)?).await?;
    let role = shape::role_in_full(&call, row).await?;
    call.answer(&OneRole { role })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRoles {
    path_prefix: Option<String>,
}

async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let prefix = given::path_prefix(call.decode::<ListRoles>()?.path_prefix)?;
    let page = paged::ask(&call, &prefix)?;
    let listed = call.api.store.role_list_in(&prefix, &page).await?;
    let marker = call.marker(listed.next.as_deref(), &prefix)?;
    let roles = listed.items.into_iter().map(|row| shape::role(&call, row));
    call.answer(&Roles {
        roles: Members(roles.collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}

#[derive(Serialize)]
struct Empty {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateRole {
    role_name: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
}

async fn update(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UpdateRole = call.decode()?;
    changed(&call, &request.role_name, |update| {
        if let Some(description) = request.description {
            update.description = given::description(Some(description))?;
        }
        if let Some(seconds) = request.max_session_duration {
            update.max_session_s = session_s(seconds)?;
        }
        Ok(())
    })
    .await?;
    call.answer(&Empty {})
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateDescription {
    role_name: String,
    description: String,
}

async fn update_description(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UpdateDescription = call.decode()?;
    let row = changed(&call, &request.role_name, |update| {
        update.description = given::description(Some(request.description))?;
        Ok(())
    })
    .await?;
    let role = shape::role_in_full(&call, row).await?;
    call.answer(&OneRole { role })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateTrust {
    role_name: String,
    policy_document: String,
}

async fn update_trust(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UpdateTrust = call.decode()?;
    changed(&call, &request.role_name, |update| {
        update.trust_policy = given::document(request.policy_document, PolicyKind::Trust)?;
        Ok(())
    })
    .await?;
    call.done()
}

/// Changes a role in one write; what is not changed stays.
async fn changed(
    call: &Call,
    name: &str,
    change: impl FnOnce(&mut RoleUpdate) -> Result<(), Refusal>,
) -> Result<RoleRow, Refusal> {
    let writing = begin(call).await?;
    let row = writing.role_get(name).await?;
    let mut update = RoleUpdate {
        description: row.description,
        trust_policy: row.trust_policy,
        max_session_s: row.max_session_s,
    };
    change(&mut update)?;
    let row = writing
        .role_update(&row.id, Expect::Anything, update)
        .await?;
    writing.commit().await?;
    call.api.wake.notify_one();
    Ok(row)
}

async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let writing = begin(&call).await?;
    let name = ROLE.named(&call)?;
    writing.role_delete(name, Expect::Anything).await?;
    finish(&call, writing, call.done()?).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutBoundary {
    role_name: String,
    permissions_boundary: String,
}

async fn put_boundary(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: PutBoundary = call.decode()?;
    let writing = begin(&call).await?;
    let policy = given::policy_in(&call, &writing, &request.permissions_boundary).await?;
    writing
        .role_boundary_set(&request.role_name, Expect::Anything, Some(&policy.id))
        .await?;
    finish(&call, writing, call.done()?).await
}

async fn delete_boundary(call: Arc<Call>) -> Result<Answer, Refusal> {
    let writing = begin(&call).await?;
    let name = ROLE.named(&call)?;
    writing
        .role_boundary_set(name, Expect::Anything, None)
        .await?;
    finish(&call, writing, call.done()?).await
}
