//! Policies, attachments, access keys, and what a policy would decide.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::schemas;

/// Creates a policy with its first version.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreatePolicy {
    /// 1–128 of letters, digits and `+=,.@_-`.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 128)]
    pub(crate) name: Option<String>,
    /// What it is for.
    #[schema(max_length = 1000)]
    pub(crate) description: Option<String>,
    /// The policy.
    #[schema(required = true, schema_with = schemas::document)]
    pub(crate) document: Option<Value>,
}

/// Adds a version to a policy; five are kept at most.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreatePolicyVersion {
    /// The policy.
    #[schema(required = true, schema_with = schemas::document)]
    pub(crate) document: Option<Value>,
    /// Put it into force at once; `true` when absent.
    pub(crate) set_as_default: Option<bool>,
}

/// Names the version that is in force.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SetDefaultVersion {
    /// The version's number.
    #[schema(required = true, nullable = false, minimum = 1)]
    pub(crate) version: Option<u32>,
}

/// A policy with the version in force.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Policy {
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
    /// Number of the version in force.
    pub(crate) default_version: u32,
    /// The document in force.
    #[schema(schema_with = schemas::document)]
    pub(crate) document: Value,
    /// What looks like a mistake though it is allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) findings: Vec<Finding>,
    /// Rises with every change.
    pub(crate) generation: u64,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
    /// Tags.
    #[schema(schema_with = schemas::tags)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// Something in a policy that looks like a mistake.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PolicyFinding)]
pub(crate) struct Finding {
    /// Stable code.
    pub(crate) code: String,
    /// RFC 6901 pointer into the policy document.
    pub(crate) pointer: String,
    /// A sentence for people.
    pub(crate) message: String,
}

/// One version of a policy.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyVersion {
    /// Its number.
    pub(crate) version: u32,
    /// Whether it is in force.
    pub(crate) is_default: bool,
    /// The document.
    #[schema(schema_with = schemas::document)]
    pub(crate) document: Value,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

/// A policy attached to a user, group or role.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttachedPolicy {
    /// The policy's name.
    pub(crate) name: String,
    /// The policy's ARN.
    pub(crate) arn: String,
}

/// Bounds the permissions of a user or role by a policy.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PutPermissionsBoundary {
    /// Name or ARN of the policy.
    #[schema(required = true, nullable = false, min_length = 1)]
    pub(crate) policy: Option<String>,
}

/// An access key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessKey {
    /// `AKIA…`.
    #[serde(rename = "accessKeyId")]
    pub(crate) id: String,
    /// The owner's name.
    pub(crate) user: String,
    /// Inactive keys are refused.
    pub(crate) active: bool,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

/// A new access key. The secret is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewAccessKey {
    /// `AKIA…`.
    pub(crate) access_key_id: String,
    /// The secret; it cannot be read again.
    pub(crate) secret_access_key: String,
    /// The owner's name.
    pub(crate) user: String,
    /// New keys are active.
    pub(crate) active: bool,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

/// Switches an access key on or off.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PatchAccessKey {
    /// Inactive keys are refused.
    #[schema(required = true, nullable = false)]
    pub(crate) active: Option<bool>,
}

/// Asks what the policies of a principal would decide.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Simulate {
    /// ARN of the principal.
    #[schema(required = true, nullable = false, min_length = 1)]
    pub(crate) principal: Option<String>,
    /// The action, for example `rds-db:connect`.
    #[schema(required = true, nullable = false, min_length = 1)]
    pub(crate) action: Option<String>,
    /// ARN of the resource.
    #[schema(required = true, nullable = false, min_length = 1)]
    pub(crate) resource: Option<String>,
    /// Condition keys and values; those of the principal are filled in.
    #[schema(schema_with = schemas::context)]
    pub(crate) context: Option<BTreeMap<String, Value>>,
    /// Explain every statement; `true` when absent.
    pub(crate) trace: Option<bool>,
}

/// What the policies decide, and why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Simulation {
    /// The decision.
    #[schema(schema_with = schemas::decision)]
    pub(crate) decision: String,
    /// The layer that decided or lacked an Allow.
    pub(crate) layer: String,
    /// Every statement: matched, or which element did not and why; empty without `trace`.
    pub(crate) statements: Vec<Value>,
}

/// Makes temporary credentials void.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RevokeSessions {
    /// ARN of the role or user (or of the root) whose sessions they are.
    #[schema(required = true, nullable = false, min_length = 1)]
    pub(crate) principal: Option<String>,
}

/// What was made void.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevokedSessions {
    /// ARN of the role or user.
    pub(crate) principal: String,
    /// Every session issued until then is void. RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) revoked_at: String,
}

/// A policy document that lets its holder connect to a proxy as one database user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectPolicy {
    /// The resource it names.
    pub(crate) connect_arn: String,
    /// Ready to send to `POST /v1/iam/policies`, here or at AWS.
    #[schema(schema_with = schemas::document)]
    pub(crate) document: Value,
}
