//! Who is connected, in what state, pinned and why.

use serde::Serialize;
use tollgate_types::{SessionInfo, SessionState};
use utoipa::ToSchema;

use super::schemas;
use crate::time::rfc3339;

/// One client connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    /// The correlation id of its login.
    pub(crate) id: String,
    /// Endpoint name.
    endpoint: String,
    /// Database user.
    user: String,
    /// Database.
    database: String,
    /// What the client calls itself: `application_name`, or `program_name` among MySQL's connection attributes.
    application_name: String,
    /// Peer `ip:port`.
    client: String,
    /// Caller's ARN, for token logins.
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_arn: Option<String>,
    /// Encrypted or not.
    tls: bool,
    /// What it is doing.
    #[schema(schema_with = schemas::session_state)]
    state: SessionState,
    /// Why it is pinned; empty when it is not.
    pins: Vec<Pin>,
    /// Target whose server connection it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// The server's own number of the held server connection: PostgreSQL's process id, MySQL's thread id.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_pid: Option<i64>,
    /// RFC 3339.
    #[schema(format = DateTime)]
    connected_at: String,
    /// Server connections borrowed so far.
    borrows: u64,
}

/// One reason for a pin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pin {
    /// Code from the closed list of pin reasons.
    reason: String,
}

impl From<SessionInfo> for Session {
    fn from(info: SessionInfo) -> Self {
        Self {
            id: info.id,
            endpoint: info.endpoint,
            user: info.user,
            database: info.database,
            application_name: info.application_name,
            client: info.client,
            principal_arn: info.principal_arn,
            tls: info.tls,
            state: info.state,
            pins: info
                .pins
                .into_iter()
                .map(|pin| Pin { reason: pin.reason })
                .collect(),
            target: info.target,
            server_pid: info.server_pid,
            connected_at: rfc3339(info.connected_unix),
            borrows: info.borrows,
        }
    }
}
