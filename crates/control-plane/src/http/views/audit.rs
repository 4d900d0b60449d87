//! Authentication decisions.

use serde::Serialize;
use tollgate_types::{AuthDecision, AuthOutcome};
use utoipa::ToSchema;

use super::schemas;
use crate::time::{rfc3339, rfc3339_ms};

/// One authentication decision, found by the id that the client was shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Decision {
    /// The id that the client was shown.
    pub(crate) correlation_id: String,
    /// RFC 3339 with milliseconds.
    #[schema(format = DateTime)]
    time: String,
    /// Allow or deny.
    #[schema(schema_with = schemas::auth_outcome)]
    outcome: AuthOutcome,
    /// `ALLOWED`, or a code of the closed list of reasons.
    reason: String,
    /// What was expected and what came.
    detail: String,
    /// Proxy id.
    proxy: String,
    /// Proxy name.
    proxy_name: String,
    /// `host:port` of the endpoint.
    endpoint: String,
    /// `postgresql` or `mysql`.
    engine: String,
    /// Database user.
    db_user: String,
    /// Database.
    database: String,
    /// What was asked for: `iam-token` or `password`.
    method: String,
    /// The caller's ARN once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_arn: Option<String>,
    /// The access key named in the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    /// RFC 3339; when the token says it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    token_issued_at: Option<String>,
    /// Policy, version and statement that decided, or the layer that lacked an Allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// Where the client came from.
    source: Source,
    /// TLS, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<ClientTls>,
    /// Revision of the configuration that was used.
    revision: u64,
}

/// Where a client came from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DecisionSource)]
pub(crate) struct Source {
    /// Peer address.
    ip: String,
    /// Peer port.
    port: u16,
}

/// How a client's side was encrypted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DecisionTls)]
pub(crate) struct ClientTls {
    /// `1.2` or `1.3`.
    version: String,
    /// The server name that the client asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sni: Option<String>,
}

impl From<AuthDecision> for Decision {
    fn from(decision: AuthDecision) -> Self {
        Self {
            correlation_id: decision.correlation_id,
            time: rfc3339_ms(decision.time_unix_ms),
            outcome: decision.outcome,
            reason: decision.reason,
            detail: decision.detail,
            proxy: decision.proxy,
            proxy_name: decision.proxy_name,
            endpoint: decision.endpoint,
            engine: decision.engine,
            db_user: decision.db_user,
            database: decision.database,
            method: decision.method,
            principal_arn: decision.principal_arn,
            access_key_id: decision.access_key_id,
            token_issued_at: decision.token_issued_unix.map(rfc3339),
            policy: decision.policy,
            source: Source {
                ip: decision.source.ip,
                port: decision.source.port,
            },
            tls: decision.tls.map(|tls| ClientTls {
                version: tls.version,
                sni: tls.sni,
            }),
            revision: decision.revision,
        }
    }
}
