//! Targets and their health.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_types::{
    CheckOutcome, HealthCheck, HealthReason, HealthState, ProbeStep, TargetHealth, TargetRole,
};
use utoipa::ToSchema;

use super::schemas;
use crate::time::rfc3339;

/// Registers a database as a target of the proxy.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegisterTarget {
    /// Name or ARN of the database.
    #[schema(required = true, nullable = false, min_length = 1)]
    pub(crate) database: Option<String>,
}

/// A database registered with a proxy.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Target {
    /// Id of the registration, `tgt-…`.
    pub(crate) id: String,
    /// The database's name.
    pub(crate) database: String,
    /// Role found by the last probe that reached the top of the ladder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::target_role)]
    pub(crate) role: Option<TargetRole>,
    /// Its health.
    pub(crate) health: Health,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

/// A target's health and the evidence for it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TargetHealth)]
pub(crate) struct Health {
    /// The summary.
    #[schema(schema_with = schemas::health_state)]
    state: HealthState,
    /// Why it is not available.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::health_reason)]
    reason: Option<HealthReason>,
    /// A sentence with the server's own words.
    description: String,
    /// The rung of the ladder that broke.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::probe_step)]
    failed_step: Option<ProbeStep>,
    /// Every rung, by name: dns, tcp, tls, auth, role.
    checks: BTreeMap<ProbeName, Check>,
    /// Role found at the top of the ladder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::target_role)]
    role: Option<TargetRole>,
    /// The server's `max_connections` less what it reserves.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_connections: Option<u32>,
    /// The server's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_version: Option<String>,
    /// RFC 3339; absent before the first probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    last_check: Option<String>,
    /// Failed probes in a row.
    consecutive_failures: u32,
}

type ProbeName = String;

/// One rung of the ladder.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HealthCheck)]
pub(crate) struct Check {
    /// How it went.
    #[schema(schema_with = schemas::check_outcome)]
    outcome: CheckOutcome,
    /// Milliseconds it took.
    took_ms: u64,
    /// What was found, or the server's own words.
    detail: String,
}

impl From<TargetHealth> for Health {
    fn from(health: TargetHealth) -> Self {
        let checks = health
            .checks
            .into_iter()
            .map(|(step, check)| (name(step), Check::from(check)));
        Self {
            state: health.state,
            reason: health.reason,
            description: health.description,
            failed_step: health.failed_step,
            checks: checks.collect(),
            role: health.role,
            max_connections: health.max_connections,
            server_version: health.server_version,
            last_check: (health.last_check_unix > 0).then(|| rfc3339(health.last_check_unix)),
            consecutive_failures: health.consecutive_failures,
        }
    }
}

impl From<HealthCheck> for Check {
    fn from(check: HealthCheck) -> Self {
        Self {
            outcome: check.outcome,
            took_ms: check.took_ms,
            detail: check.detail,
        }
    }
}

fn name(step: ProbeStep) -> String {
    match step {
        ProbeStep::Dns => "dns",
        ProbeStep::Tcp => "tcp",
        ProbeStep::Tls => "tls",
        ProbeStep::Auth => "auth",
        ProbeStep::Role => "role",
    }
    .to_owned()
}
