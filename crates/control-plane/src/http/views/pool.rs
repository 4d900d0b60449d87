//! Pool settings: what a target group consists of.

use serde::Serialize;
use tollgate_types::{PoolPolicy, SessionPinningFilter};
use utoipa::ToSchema;

use super::schemas;

/// Pool settings of the default target group. RDS's names are in seconds, HikariCP's in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PoolSettings {
    /// Percent of the target's `max_connections`.
    #[schema(minimum = 1, maximum = 100, default = 100)]
    max_connections_percent: u8,
    /// Percent of the target's `max_connections` kept idle at most; not above `maxConnectionsPercent`.
    #[schema(minimum = 0, maximum = 100, default = 50)]
    max_idle_connections_percent: u8,
    /// Seconds a request waits for a server connection; 0 fails unless one is idle.
    #[schema(minimum = 0, maximum = 300, default = 120)]
    connection_borrow_timeout: u32,
    /// RDS's pinning filters; for MYSQL only.
    #[schema(schema_with = schemas::pinning_filters)]
    session_pinning_filters: Vec<SessionPinningFilter>,
    /// SQL run once on every new server connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 16384)]
    init_query: Option<String>,
    /// Absolute alternative to `maxConnectionsPercent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 262_143)]
    maximum_pool_size: Option<u32>,
    /// Server connections kept open for keys in use.
    #[schema(minimum = 0, default = 0)]
    minimum_idle: u32,
    /// Milliseconds after which an idle server connection is closed.
    #[schema(minimum = 10000, maximum = 604_800_000, default = 600_000)]
    idle_timeout: u64,
    /// Milliseconds a server connection lives (less up to 25 % jitter), 30000 or more; 0 = no end.
    #[schema(minimum = 0, maximum = 604_800_000, default = 1_800_000)]
    max_lifetime: u64,
    /// Milliseconds after which an idle server connection is tested, 30000 or more; 0 = never.
    #[schema(minimum = 0, maximum = 604_800_000, default = 120_000)]
    keepalive_time: u64,
    /// Milliseconds a test may take.
    #[schema(minimum = 250, maximum = 604_800_000, default = 5000)]
    validation_timeout: u64,
    /// Milliseconds a server connection may be held before an event says so, 2000 or more; 0 = off.
    #[schema(minimum = 0, maximum = 604_800_000, default = 0)]
    leak_detection_threshold: u64,
}

impl From<PoolPolicy> for PoolSettings {
    fn from(policy: PoolPolicy) -> Self {
        let PoolPolicy {
            max_connections_percent,
            max_idle_connections_percent,
            connection_borrow_timeout,
            session_pinning_filters,
            init_query,
            maximum_pool_size,
            minimum_idle,
            idle_timeout,
            max_lifetime,
            keepalive_time,
            validation_timeout,
            leak_detection_threshold,
        } = policy;
        Self {
            max_connections_percent,
            max_idle_connections_percent,
            connection_borrow_timeout,
            session_pinning_filters,
            init_query,
            maximum_pool_size,
            minimum_idle,
            idle_timeout,
            max_lifetime,
            keepalive_time,
            validation_timeout,
            leak_detection_threshold,
        }
    }
}

/// Changes pool settings (RFC 7396 merge-patch; null brings the default back).
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "the document's shape of a patch, which is merged as JSON"
)]
pub(crate) struct PatchPool {
    /// Percent of the target's `max_connections`.
    #[schema(minimum = 1, maximum = 100)]
    max_connections_percent: Option<u8>,
    /// Percent of the target's `max_connections` kept idle at most; not above `maxConnectionsPercent`.
    #[schema(minimum = 0, maximum = 100)]
    max_idle_connections_percent: Option<u8>,
    /// Seconds a request waits for a server connection.
    #[schema(minimum = 0, maximum = 300)]
    connection_borrow_timeout: Option<u32>,
    /// RDS's pinning filters; for MYSQL only.
    #[schema(schema_with = schemas::pinning_filters)]
    session_pinning_filters: Option<Vec<SessionPinningFilter>>,
    /// SQL run once on every new server connection.
    #[schema(max_length = 16384)]
    init_query: Option<String>,
    /// Absolute alternative to `maxConnectionsPercent`.
    #[schema(minimum = 1, maximum = 262_143)]
    maximum_pool_size: Option<u32>,
    /// Server connections kept open for keys in use.
    #[schema(minimum = 0)]
    minimum_idle: Option<u32>,
    /// Milliseconds after which an idle server connection is closed.
    #[schema(minimum = 10000, maximum = 604_800_000)]
    idle_timeout: Option<u64>,
    /// Milliseconds a server connection lives, 30000 or more; 0 = no end.
    #[schema(minimum = 0, maximum = 604_800_000)]
    max_lifetime: Option<u64>,
    /// Milliseconds after which an idle server connection is tested, 30000 or more; 0 = never.
    #[schema(minimum = 0, maximum = 604_800_000)]
    keepalive_time: Option<u64>,
    /// Milliseconds a test may take.
    #[schema(minimum = 250, maximum = 604_800_000)]
    validation_timeout: Option<u64>,
    /// Milliseconds a server connection may be held before an event says so, 2000 or more; 0 = off.
    #[schema(minimum = 0, maximum = 604_800_000)]
    leak_detection_threshold: Option<u64>,
}
