//! Secrets: written, never read back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_types::SecretString;
use utoipa::ToSchema;

use super::schemas;

/// Stores a user name and password for databases.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateSecret {
    /// 1–512 of letters, digits and `/_+=.@-`.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 512)]
    pub(crate) name: Option<String>,
    /// What it is for.
    #[schema(max_length = 2048)]
    pub(crate) description: Option<String>,
    /// The database user.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 128)]
    pub(crate) username: Option<String>,
    /// The password. No answer of this API shows it again.
    #[schema(required = true, value_type = String, write_only, min_length = 1, max_length = 4096)]
    pub(crate) password: Option<SecretString>,
    /// Tags.
    #[schema(schema_with = schemas::tags)]
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

/// Replaces the value; the previous one stays in use for logins until servers take the new one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PutSecretValue {
    /// The database user.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 128)]
    pub(crate) username: Option<String>,
    /// The password.
    #[schema(required = true, value_type = String, write_only, min_length = 1, max_length = 4096)]
    pub(crate) password: Option<SecretString>,
}

/// A secret, without its password.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Secret {
    /// Unique name.
    pub(crate) name: String,
    /// ARN.
    pub(crate) arn: String,
    /// What it is for.
    pub(crate) description: String,
    /// The database user; absent when the value, written through the AWS-compatible interface, is no login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    /// Id of the version in force; absent as long as there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version_id: Option<String>,
    /// RFC 3339; when it will be deleted, if it is marked for that. It cannot be used until it is restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(crate) delete_after: Option<String>,
    /// Rises with every new value.
    pub(crate) generation: u64,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// RFC 3339; the last time the value changed.
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
    /// Tags.
    #[schema(schema_with = schemas::tags)]
    pub(crate) tags: BTreeMap<String, String>,
}
