//! Proxies and their endpoints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_types::{
    ClientPasswordAuth, ConditionStatus, ConditionType, EngineFamily, IamAuth, ProxyStatus,
    TargetRole,
};
use utoipa::ToSchema;

use super::schemas;

/// Creates a proxy, its default endpoint and its default target group.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateProxy {
    /// 1–63 letters, digits or hyphens, starting with a letter.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 63)]
    pub(crate) name: Option<String>,
    /// The protocol spoken; MYSQL is MariaDB's, too.
    #[schema(required = true, schema_with = schemas::engine_family)]
    pub(crate) engine_family: Option<EngineFamily>,
    /// Refuse clients without TLS; `false` when absent.
    pub(crate) require_tls: Option<bool>,
    /// Seconds without a request after which a client connection is closed; 1800 when absent.
    #[schema(minimum = 1, maximum = 28800, default = 1800)]
    pub(crate) idle_client_timeout: Option<u32>,
    /// Who logs in how; at most 200 rules.
    #[schema(max_items = 200)]
    pub(crate) auth: Option<Vec<AuthRule>>,
    /// Tags.
    #[schema(schema_with = schemas::tags)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

/// Changes a proxy (RFC 7396 merge-patch; `auth` is replaced as a whole). Name and engine family stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "the document's shape of a patch, which is merged as JSON"
)]
pub(crate) struct PatchProxy {
    /// Refuse clients without TLS.
    require_tls: Option<bool>,
    /// Seconds without a request after which a client connection is closed.
    #[schema(minimum = 1, maximum = 28800)]
    idle_client_timeout: Option<u32>,
    /// Who logs in how; at most 200 rules.
    #[schema(max_items = 200)]
    auth: Option<Vec<AuthRule>>,
}

/// One auth rule: clients that log in as the secret's user.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AuthRule {
    /// Name or ARN of the secret with the server's user and password.
    #[schema(required = true, nullable = false, min_length = 1)]
    pub(crate) secret: Option<String>,
    /// Tokens only, or passwords only; DISABLED when absent.
    #[schema(schema_with = schemas::iam_auth)]
    pub(crate) iam_auth: Option<IamAuth>,
    /// How passwords are checked, one of the engine family's ways; `POSTGRES_SCRAM_SHA_256` or
    /// `MYSQL_CACHING_SHA2_PASSWORD` when absent.
    #[schema(schema_with = schemas::client_password_auth)]
    pub(crate) client_password_auth_type: Option<ClientPasswordAuth>,
    /// What the user is called; a label only, who logs in is said by the secret.
    #[schema(min_length = 1, max_length = 128)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_name: Option<String>,
    /// What it is for.
    #[schema(max_length = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

/// A proxy.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "members of a document, each a fact of its own"
)]
pub(crate) struct Proxy {
    /// Unique name.
    pub(crate) name: String,
    /// Unchanging id, `prx-…`.
    pub(crate) id: String,
    /// ARN.
    pub(crate) arn: String,
    /// Template of the resource that policies allow `rds-db:connect` on.
    pub(crate) connect_arn: String,
    /// The protocol spoken.
    #[schema(schema_with = schemas::engine_family)]
    pub(crate) engine_family: EngineFamily,
    /// The summary.
    #[schema(schema_with = schemas::proxy_status)]
    pub(crate) status: ProxyStatus,
    /// Why the status is what it is, when it is not a good one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status_reason: Option<String>,
    /// What is true of it, since when, and why not.
    pub(crate) conditions: Vec<Condition>,
    /// Where it listens.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Who logs in how.
    pub(crate) auth: Vec<AuthRule>,
    /// Whether clients without TLS are refused.
    pub(crate) require_tls: bool,
    /// Seconds without a request after which a client connection is closed.
    #[schema(minimum = 1, maximum = 28800)]
    pub(crate) idle_client_timeout: u32,
    /// ARN of the role whose policies must allow reading the secrets. Set over the AWS-compatible API; without
    /// one, whoever named a secret had to be allowed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role_arn: Option<String>,
    /// Whether debug logging was asked for within the last 24 hours, over the AWS-compatible API.
    pub(crate) debug_logging: bool,
    /// Rises with every change of the proxy, its pool, targets, endpoints or secrets.
    pub(crate) generation: u64,
    /// The generation that the data plane runs.
    pub(crate) observed_generation: u64,
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

/// What is true of a proxy.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition {
    /// What it speaks about.
    #[serde(rename = "type")]
    #[schema(schema_with = schemas::condition_type)]
    pub(crate) kind: ConditionType,
    /// Whether it holds.
    #[schema(schema_with = schemas::condition_status)]
    pub(crate) status: ConditionStatus,
    /// One CamelCase word for machines.
    pub(crate) reason: String,
    /// A sentence for people.
    pub(crate) message: String,
    /// The generation this was observed for.
    pub(crate) observed_generation: u64,
    /// RFC 3339; when `status` last changed.
    #[schema(format = DateTime)]
    pub(crate) last_transition_time: String,
}

/// Adds an endpoint; it gets a free port.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateEndpoint {
    /// 1–63 letters, digits or hyphens, starting with a letter.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 63)]
    pub(crate) name: Option<String>,
    /// Which targets it leads to; `READ_ONLY` when absent.
    #[schema(schema_with = schemas::target_role)]
    pub(crate) target_role: Option<TargetRole>,
    /// Further host names that tokens may name.
    #[schema(max_items = 20)]
    pub(crate) aliases: Option<Vec<String>>,
}

/// Changes an endpoint (RFC 7396 merge-patch). Name, role and port stay.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PatchEndpoint {
    /// Further host names that tokens may name.
    #[schema(max_items = 20)]
    pub(crate) aliases: Option<Vec<String>>,
}

/// Where clients connect.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoint {
    /// `default`, or the name it was created with.
    pub(crate) name: String,
    /// Which targets it leads to.
    #[schema(schema_with = schemas::target_role)]
    pub(crate) target_role: TargetRole,
    /// Host to connect to and to put into tokens.
    pub(crate) host: String,
    /// Port to connect to and to put into tokens.
    #[schema(minimum = 1, maximum = 65535)]
    pub(crate) port: u16,
    /// Further host names that tokens may name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) aliases: Vec<String>,
    /// The proxy's status, as far as this endpoint goes.
    #[schema(schema_with = schemas::proxy_status)]
    pub(crate) status: ProxyStatus,
    /// Whether it was made with the proxy.
    pub(crate) is_default: bool,
}
