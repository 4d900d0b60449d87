//! How IAM shows users, groups, roles, policies and tags.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_with::skip_serializing_none;
use tollgate_store::{GroupRow, PolicyRow, PolicyUsage, RoleRow, StoreError, UserRow};

use crate::aws::call::Call;
use crate::aws::shape::Members;
use crate::http::path;
use crate::service::identities;
use crate::time::rfc3339;

/// A tag.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// A permissions boundary.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Boundary {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct User {
    path: String,
    user_name: String,
    user_id: String,
    arn: String,
    create_date: String,
    permissions_boundary: Option<Boundary>,
    tags: Option<Members<Tag>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Group {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: String,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Role {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: String,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: u32,
    permissions_boundary: Option<Boundary>,
    tags: Option<Members<Tag>>,
    role_last_used: Option<RoleLastUsed>,
}

/// Always empty: when a role was used last is not recorded.
#[derive(Serialize)]
pub(super) struct RoleLastUsed {}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: u64,
    permissions_boundary_usage_count: u64,
    is_attachable: bool,
    description: Option<String>,
    create_date: String,
    update_date: String,
    tags: Option<Members<Tag>>,
}

/// How much is shown: lists leave out what costs AWS another look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Brief,
    Full,
}

/// Tags in the order of their keys.
pub(super) fn tags(tags: BTreeMap<String, String>) -> Members<Tag> {
    Members(
        tags.into_iter()
            .map(|(key, value)| Tag { key, value })
            .collect(),
    )
}

/// `None` where AWS leaves the element out.
fn some_tags(all: BTreeMap<String, String>, detail: Detail) -> Option<Members<Tag>> {
    (detail == Detail::Full && !all.is_empty()).then(|| tags(all))
}

/// A document as answers carry it: percent-encoded as RFC 3986 says.
pub(super) fn document(text: &str) -> String {
    path::segment(text)
}

/// A user in a list.
pub(super) fn user(call: &Call, row: UserRow) -> User {
    user_as(call, row, None, Detail::Brief)
}

/// A user with everything about it.
pub(super) async fn user_in_full(call: &Call, row: UserRow) -> Result<User, StoreError> {
    let boundary = boundary(call, row.boundary.as_deref()).await?;
    Ok(user_as(call, row, boundary, Detail::Full))
}

fn user_as(call: &Call, row: UserRow, boundary: Option<Boundary>, detail: Detail) -> User {
    User {
        arn: identities::user_arn(&call.api.settings.arn, &row),
        path: row.path,
        user_name: row.name,
        user_id: row.id,
        create_date: rfc3339(row.created_at),
        permissions_boundary: boundary,
        tags: some_tags(row.tags, detail),
    }
}

/// The root, who is no user but may ask for itself.
pub(super) fn root(call: &Call) -> User {
    User {
        path: "/".to_owned(),
        user_name: call.caller.name.clone(),
        user_id: call.caller.id.clone(),
        arn: call.caller.arn.clone(),
        create_date: rfc3339(0),
        permissions_boundary: None,
        tags: None,
    }
}

/// A group.
pub(super) fn group(call: &Call, row: GroupRow) -> Group {
    Group {
        arn: identities::group_arn(&call.api.settings.arn, &row),
        path: row.path,
        group_name: row.name,
        group_id: row.id,
        create_date: rfc3339(row.created_at),
    }
}

/// A role in a list.
pub(super) fn role(call: &Call, row: RoleRow) -> Role {
    role_as(call, row, None, Detail::Brief)
}

/// A role with everything about it.
pub(super) async fn role_in_full(call: &Call, row: RoleRow) -> Result<Role, StoreError> {
    let boundary = boundary(call, row.boundary.as_deref()).await?;
    Ok(role_as(call, row, boundary, Detail::Full))
}

fn role_as(call: &Call, row: RoleRow, boundary: Option<Boundary>, detail: Detail) -> Role {
    Role {
        arn: identities::role_arn(&call.api.settings.arn, &row),
        path: row.path,
        role_name: row.name,
        role_id: row.id,
        create_date: rfc3339(row.created_at),
        assume_role_policy_document: document(&row.trust_policy),
        description: Some(row.description).filter(|text| !text.is_empty()),
        max_session_duration: row.max_session_s,
        permissions_boundary: boundary,
        tags: some_tags(row.tags, detail),
        role_last_used: (detail == Detail::Full).then_some(RoleLastUsed {}),
    }
}

async fn boundary(call: &Call, policy: Option<&str>) -> Result<Option<Boundary>, StoreError> {
    let Some(policy) = policy else {
        return Ok(None);
    };
    let row = call.api.store.policy_get(policy).await?;
    Ok(Some(Boundary {
        permissions_boundary_type: "PermissionsBoundaryPolicy",
        permissions_boundary_arn: identities::policy_arn(&call.api.settings.arn, &row),
    }))
}

/// A policy.
pub(super) fn policy(call: &Call, row: PolicyRow, usage: PolicyUsage, detail: Detail) -> Policy {
    Policy {
        arn: identities::policy_arn(&call.api.settings.arn, &row),
        policy_name: row.short_name().to_owned(),
        policy_id: row.id,
        path: row.path,
        default_version_id: format!("v{}", row.default_version),
        attachment_count: usage.attachments,
        permissions_boundary_usage_count: usage.boundaries,
        is_attachable: true,
        description: Some(row.description)
            .filter(|text| detail == Detail::Full && !text.is_empty()),
        create_date: rfc3339(row.created_at),
        update_date: rfc3339(row.updated_at),
        tags: some_tags(row.tags, detail),
    }
}
