//! Users, groups and roles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::schemas;

/// Creates a user.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateUser {
    /// 1–64 of letters, digits and `+=,.@_-`.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 64)]
    pub(crate) name: Option<String>,
    /// Tags (`aws:PrincipalTag/*`).
    #[schema(schema_with = schemas::tags)]
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    /// Unique name.
    pub(crate) name: String,
    /// Unique id, never reused.
    pub(crate) id: String,
    /// ARN.
    pub(crate) arn: String,
    /// `/`, or the path in its ARN.
    pub(crate) path: String,
    /// Name of the policy that bounds its permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) permissions_boundary: Option<String>,
    /// Rises with every change.
    pub(crate) generation: u64,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// Tags.
    #[schema(schema_with = schemas::tags)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// Creates a group.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateGroup {
    /// 1–64 of letters, digits and `+=,.@_-`.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 64)]
    pub(crate) name: Option<String>,
}

/// A group: policies attached to it count for its members.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    /// Unique name.
    pub(crate) name: String,
    /// Unique id, never reused.
    pub(crate) id: String,
    /// ARN.
    pub(crate) arn: String,
    /// `/`, or the path in its ARN.
    pub(crate) path: String,
    /// Rises with every change.
    pub(crate) generation: u64,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

/// A member of a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupMember)]
pub(crate) struct Member {
    /// The user's name.
    pub(crate) user: String,
    /// The user's ARN.
    pub(crate) arn: String,
}

/// Creates a role.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateRole {
    /// 1–64 of letters, digits and `+=,.@_-`.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 64)]
    pub(crate) name: Option<String>,
    /// Who may assume it.
    #[schema(required = true, schema_with = schemas::document)]
    pub(crate) trust_policy: Option<Value>,
    /// Longest session in seconds; 3600 when absent.
    #[schema(minimum = 900, maximum = 43200, default = 3600)]
    pub(crate) max_session_duration: Option<u32>,
    /// Tags (`aws:PrincipalTag/*`).
    #[schema(schema_with = schemas::tags)]
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Role {
    /// Unique name.
    pub(crate) name: String,
    /// Unique id, never reused.
    pub(crate) id: String,
    /// ARN.
    pub(crate) arn: String,
    /// `/`, or the path in its ARN.
    pub(crate) path: String,
    /// What it is for.
    pub(crate) description: String,
    /// Who may assume it.
    #[schema(schema_with = schemas::document)]
    pub(crate) trust_policy: Value,
    /// Longest session in seconds.
    pub(crate) max_session_duration: u32,
    /// Name of the policy that bounds its permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) permissions_boundary: Option<String>,
    /// Rises with every change.
    pub(crate) generation: u64,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// Tags.
    #[schema(schema_with = schemas::tags)]
    pub(crate) tags: BTreeMap<String, String>,
}
