//! Who is connected, in what state, pinned and why: the rows of the sessions view.

use serde::{Deserialize, Serialize};

/// What a client connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionState {
    /// No request under way, no server connection held.
    Idle,
    /// Waiting for a server connection.
    Waiting,
    /// A request is under way.
    Active,
    /// Idle inside a transaction.
    InTransaction,
    /// Idle, but holding a server connection because of session state.
    Pinned,
}

/// One reason for a pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinInfo {
    /// Code from the closed list.
    pub reason: String,
}

/// One client connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionInfo {
    /// The correlation id of its login.
    pub id: String,
    /// Endpoint name.
    pub endpoint: String,
    /// Database user.
    pub user: String,
    /// Database.
    pub database: String,
    /// What the client calls itself: `application_name` of the startup packet, `program_name` among the
    /// connection attributes of MySQL.
    pub application_name: String,
    /// Peer `ip:port`.
    pub client: String,
    /// Caller's ARN, for token logins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_arn: Option<String>,
    /// Encrypted or not.
    pub tls: bool,
    /// What it is doing.
    pub state: SessionState,
    /// Why it is pinned; empty when it is not.
    pub pins: Vec<PinInfo>,
    /// Target whose server connection it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The server's own number of the held server connection: PostgreSQL's process id, MySQL's thread id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_pid: Option<i64>,
    /// Seconds since the epoch of the login.
    pub connected_unix: i64,
    /// Server connections borrowed so far.
    pub borrows: u64,
}
