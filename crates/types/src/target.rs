//! Targets: how a server is reached and what the probe ladder found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How the data plane speaks TLS to a database server; libpq's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Never TLS.
    Disable,
    /// TLS when the server offers it, without checking who answers.
    #[default]
    Prefer,
    /// TLS always, without checking who answers.
    Require,
    /// TLS always, the chain must lead to a trusted CA.
    VerifyCa,
    /// TLS always, trusted chain, and the certificate names the host.
    VerifyFull,
}

/// A database's TLS policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetTls {
    /// How strict.
    pub mode: TlsMode,
    /// Trusted CA certificates as PEM; absent means the system's roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
}

/// What an endpoint asks for and what a server is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TargetRole {
    /// Accepts writes (a primary).
    ReadWrite,
    /// Does not (a replica).
    ReadOnly,
}

/// RDS's target health states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthState {
    /// No probe has finished yet.
    Registering,
    /// The whole ladder was climbed.
    Available,
    /// A step failed.
    Unavailable,
}

/// RDS's reasons for an unavailable target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthReason {
    /// The name does not resolve or nothing answers.
    Unreachable,
    /// Something answers but the connection cannot be set up (TLS, protocol).
    ConnectionFailed,
    /// The server refused the credentials.
    AuthFailure,
    /// The data plane has not come to it yet.
    PendingProxyCapacity,
    /// The role cannot be told or fits no endpoint.
    InvalidReplicationState,
}

/// The rungs of the probe ladder, in climbing order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeStep {
    /// Resolve the host name.
    Dns,
    /// Open a TCP connection.
    Tcp,
    /// Shake hands (`skipped` where TLS is off or not offered).
    Tls,
    /// Log in with the registered secret.
    Auth,
    /// Ask for the role and `max_connections`.
    Role,
}

impl ProbeStep {
    /// All rungs in order.
    pub const ALL: [Self; 5] = [Self::Dns, Self::Tcp, Self::Tls, Self::Auth, Self::Role];
}

/// How one rung went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// Climbed.
    Ok,
    /// Broke here.
    Failed,
    /// Not tried, or not needed.
    Skipped,
}

/// One rung's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// How it went.
    pub outcome: CheckOutcome,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// What was found, or the other side's own words.
    pub detail: String,
}

/// A target's health: RDS's view plus the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetHealth {
    /// The summary.
    pub state: HealthState,
    /// Why it is unavailable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<HealthReason>,
    /// A sentence with the server's own words.
    pub description: String,
    /// The rung that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_step: Option<ProbeStep>,
    /// Every rung's result.
    pub checks: BTreeMap<ProbeStep, HealthCheck>,
    /// Role found at the top of the ladder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TargetRole>,
    /// The server's `max_connections` less what it reserves for superusers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// The server's version text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// Seconds since the epoch of the last finished probe; 0 before the first.
    pub last_check_unix: i64,
    /// Failed probes in a row.
    pub consecutive_failures: u32,
}

impl TargetHealth {
    /// Health before the first probe.
    pub fn registering() -> Self {
        Self {
            state: HealthState::Registering,
            reason: Some(HealthReason::PendingProxyCapacity),
            description: "waiting for the first health check".to_owned(),
            failed_step: None,
            checks: BTreeMap::new(),
            role: None,
            max_connections: None,
            server_version: None,
            last_check_unix: 0,
            consecutive_failures: 0,
        }
    }

    /// Equal but for times and counts.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.state == other.state
            && self.reason == other.reason
            && self.description == other.description
            && self.failed_step == other.failed_step
            && self.role == other.role
            && self.max_connections == other.max_connections
            && self.server_version == other.server_version
            && self.outcomes().eq(other.outcomes())
    }

    fn outcomes(&self) -> impl Iterator<Item = (ProbeStep, CheckOutcome)> {
        self.checks
            .iter()
            .map(|(step, check)| (*step, check.outcome))
    }
}
