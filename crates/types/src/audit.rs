//! The audit event of one authentication decision, allow or deny.

use serde::{Deserialize, Serialize};

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthOutcome {
    /// Let in.
    Allow,
    /// Refused.
    Deny,
}

/// Where the client came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionSource {
    /// The socket's peer address.
    pub ip: String,
    /// The socket's peer port.
    pub port: u16,
}

/// How the client's side was encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionTls {
    /// `1.2` or `1.3`.
    pub version: String,
    /// The server name the client asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
}

/// Everything an operator needs to understand one decision. It never carries a token or password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthDecision {
    /// The id the client was shown (`c-` and 16 hex digits).
    pub correlation_id: String,
    /// Milliseconds since the epoch.
    pub time_unix_ms: i64,
    /// Allow or deny.
    pub outcome: AuthOutcome,
    /// `ALLOWED`, or a code of the closed list of reasons.
    pub reason: String,
    /// A sentence with what was expected and what came, without secrets.
    pub detail: String,
    /// Proxy id.
    pub proxy: String,
    /// Proxy name.
    pub proxy_name: String,
    /// `host:port` of the endpoint.
    pub endpoint: String,
    /// `postgresql` or `mysql`.
    pub engine: String,
    /// User named by the client's first message.
    pub db_user: String,
    /// Database or schema named there.
    pub database: String,
    /// What was asked for: `iam-token` or `password`.
    pub method: String,
    /// The caller's ARN once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_arn: Option<String>,
    /// The access key named in the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Seconds since the epoch at which the token says it was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_issued_unix: Option<i64>,
    /// Policy, version and statement that decided, or the layer that lacked an Allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Where the client came from.
    pub source: DecisionSource,
    /// TLS, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<DecisionTls>,
    /// Revision of the configuration that was used.
    pub revision: u64,
}
