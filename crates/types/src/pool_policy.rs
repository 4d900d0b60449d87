//! Connection pool settings with RDS's and HikariCP's names, defaults and rules.

use serde::{Deserialize, Serialize};

use crate::{EngineFamily, FieldProblem};

/// How many server connections a target may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionLimit {
    /// Percent (1–100) of the server's own `max_connections`.
    Percent(u8),
    /// An absolute number.
    Absolute(u32),
}

/// RDS's session pinning filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionPinningFilter {
    /// Do not pin because of SET. For MYSQL only, as in RDS.
    ExcludeVariableSets,
}

/// Pool settings of a target group. `*_timeout` of RDS are seconds, HikariCP's are milliseconds, as
/// in the products the names come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct PoolPolicy {
    /// Percent of the target's `max_connections`, 1–100.
    pub max_connections_percent: u8,
    /// Percent of the target's `max_connections` kept idle at most, 0–`maxConnectionsPercent`.
    pub max_idle_connections_percent: u8,
    /// Seconds a request waits for a server connection, 0–300; 0 fails unless one is idle.
    pub connection_borrow_timeout: u32,
    /// RDS's pinning filters.
    pub session_pinning_filters: Vec<SessionPinningFilter>,
    /// SQL run once on every new server connection; statements separated by `;`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_query: Option<String>,
    /// Absolute alternative to `maxConnectionsPercent`, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_pool_size: Option<u32>,
    /// Server connections kept open for keys in use, 0–maximum.
    pub minimum_idle: u32,
    /// Milliseconds after which an idle server connection is closed, 10 000 or more.
    pub idle_timeout: u64,
    /// Milliseconds a server connection lives (less up to 25 % jitter), 30 000 or more; 0 = no end.
    pub max_lifetime: u64,
    /// Milliseconds after which an idle server connection is tested, 30 000 or more; 0 = never.
    pub keepalive_time: u64,
    /// Milliseconds a test may take, 250 or more.
    pub validation_timeout: u64,
    /// Milliseconds a server connection may be held before an event says so; 0 = off, else 2 000 or more.
    pub leak_detection_threshold: u64,
}

impl Default for PoolPolicy {
    fn default() -> Self {
        Self {
            max_connections_percent: 100,
            max_idle_connections_percent: 50,
            connection_borrow_timeout: 120,
            session_pinning_filters: Vec::new(),
            init_query: None,
            maximum_pool_size: None,
            minimum_idle: 0,
            idle_timeout: 600_000,
            max_lifetime: 1_800_000,
            keepalive_time: 120_000,
            validation_timeout: 5_000,
            leak_detection_threshold: 0,
        }
    }
}

impl PoolPolicy {
    /// Upper bound of every duration: one week in milliseconds.
    pub const MAX_DURATION_MS: u64 = 604_800_000;
    /// Upper bound of `maximumPoolSize`: more than any server's `max_connections` (PostgreSQL: 262 143).
    pub const MAX_POOL_SIZE: u32 = 262_143;
    /// Upper bound of `initQuery`, in bytes.
    pub const MAX_INIT_QUERY: usize = 16_384;

    /// Which of the two limits is in force.
    pub fn limit(&self) -> ConnectionLimit {
        self.maximum_pool_size.map_or(
            ConnectionLimit::Percent(self.max_connections_percent),
            ConnectionLimit::Absolute,
        )
    }

    /// Server connections allowed on a server that takes `max_connections`; at least 1.
    pub fn connections_allowed(&self, max_connections: u32) -> u32 {
        match self.limit() {
            ConnectionLimit::Absolute(size) => size.max(1),
            ConnectionLimit::Percent(percent) => share(max_connections, percent).max(1),
        }
    }

    /// Idle server connections allowed on a server that takes `max_connections`.
    pub fn idle_allowed(&self, max_connections: u32) -> u32 {
        match self.limit() {
            ConnectionLimit::Absolute(size) => {
                // With an absolute size the idle share keeps its proportion to the maximum.
                let ratio =
                    u64::from(self.max_idle_connections_percent).saturating_mul(u64::from(size));
                let of = u64::from(self.max_connections_percent.max(1));
                let idle = ratio.checked_div(of).unwrap_or(0);
                u32::try_from(idle).unwrap_or(size).max(self.minimum_idle)
            }
            ConnectionLimit::Percent(_) => {
                share(max_connections, self.max_idle_connections_percent).max(self.minimum_idle)
            }
        }
    }

    /// Every rule this policy breaks for a proxy of `family`, with pointers relative to the policy object.
    pub fn problems(&self, family: EngineFamily) -> Vec<FieldProblem> {
        let mut found = self.percent_problems();
        found.extend(self.filter_problem(family));
        found.extend(self.duration_problems());
        found.extend(self.combination_problems());
        found
    }

    fn percent_problems(&self) -> Vec<FieldProblem> {
        let mut found = Vec::new();
        if !(1..=100).contains(&self.max_connections_percent) {
            found.push(FieldProblem::new(
                "/maxConnectionsPercent",
                "1 <= maxConnectionsPercent <= 100",
                "maxConnectionsPercent must be between 1 and 100",
            ));
        }
        if self.max_idle_connections_percent > self.max_connections_percent {
            found.push(FieldProblem::new(
                "/maxIdleConnectionsPercent",
                "0 <= maxIdleConnectionsPercent <= maxConnectionsPercent",
                "maxIdleConnectionsPercent must not be greater than maxConnectionsPercent",
            ));
        }
        if let Some(size) = self.maximum_pool_size
            && !(1..=Self::MAX_POOL_SIZE).contains(&size)
        {
            found.push(FieldProblem::new(
                "/maximumPoolSize",
                "1 <= maximumPoolSize <= 262143",
                "maximumPoolSize must be between 1 and 262143",
            ));
        }
        if self.connection_borrow_timeout > 300 {
            found.push(FieldProblem::new(
                "/connectionBorrowTimeout",
                "0 <= connectionBorrowTimeout <= 300",
                "connectionBorrowTimeout must be between 0 and 300 seconds",
            ));
        }
        if self
            .init_query
            .as_ref()
            .is_some_and(|sql| sql.len() > Self::MAX_INIT_QUERY)
        {
            found.push(FieldProblem::new(
                "/initQuery",
                "length <= 16384 bytes",
                "initQuery must not be longer than 16384 bytes",
            ));
        }
        found
    }

    /// PostgreSQL's clients take their settings along, so that there is nothing to leave out. Source: RDS API,
    /// `ConnectionPoolConfiguration`.
    fn filter_problem(&self, family: EngineFamily) -> Option<FieldProblem> {
        match family {
            EngineFamily::Postgresql if !self.session_pinning_filters.is_empty() => {
                Some(FieldProblem::new(
                    "/sessionPinningFilters",
                    "empty unless engineFamily = MYSQL",
                    "sessionPinningFilters are for proxies whose engineFamily is MYSQL",
                ))
            }
            EngineFamily::Postgresql | EngineFamily::Mysql => None,
        }
    }

    fn duration_problems(&self) -> Vec<FieldProblem> {
        let bounds = [
            ("idleTimeout", self.idle_timeout, 10_000, Zero::Refused),
            ("maxLifetime", self.max_lifetime, 30_000, Zero::Off),
            ("keepaliveTime", self.keepalive_time, 30_000, Zero::Off),
            (
                "validationTimeout",
                self.validation_timeout,
                250,
                Zero::Refused,
            ),
            (
                "leakDetectionThreshold",
                self.leak_detection_threshold,
                2_000,
                Zero::Off,
            ),
        ];
        bounds
            .into_iter()
            .filter(|(_, value, min, zero)| {
                let off = *zero == Zero::Off && *value == 0;
                !off && !(*min..=Self::MAX_DURATION_MS).contains(value)
            })
            .map(|(name, _, min, zero)| {
                let off = if zero == Zero::Off {
                    ", or 0 to switch it off"
                } else {
                    ""
                };
                FieldProblem::new(
                    &format!("/{name}"),
                    &format!("{min} <= {name} <= {}", Self::MAX_DURATION_MS),
                    &format!(
                        "{name} must be between {min} and {} milliseconds{off}",
                        Self::MAX_DURATION_MS
                    ),
                )
            })
            .collect()
    }

    fn combination_problems(&self) -> Vec<FieldProblem> {
        let mut found = Vec::new();
        if let Some(size) = self.maximum_pool_size
            && self.minimum_idle > size
        {
            found.push(FieldProblem::new(
                "/minimumIdle",
                "minimumIdle <= maximumPoolSize",
                "minimumIdle must not be greater than maximumPoolSize",
            ));
        }
        if self.max_lifetime > 0 && self.keepalive_time >= self.max_lifetime {
            found.push(FieldProblem::new(
                "/keepaliveTime",
                "keepaliveTime < maxLifetime",
                "keepaliveTime must be less than maxLifetime",
            ));
        }
        if self.max_lifetime > 0 && self.leak_detection_threshold > self.max_lifetime {
            found.push(FieldProblem::new(
                "/leakDetectionThreshold",
                "leakDetectionThreshold <= maxLifetime",
                "leakDetectionThreshold must not be greater than maxLifetime",
            ));
        }
        if self.keepalive_time > 0 && self.validation_timeout >= self.keepalive_time {
            found.push(FieldProblem::new(
                "/validationTimeout",
                "validationTimeout < keepaliveTime",
                "validationTimeout must be less than keepaliveTime",
            ));
        }
        found
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Zero {
    Off,
    Refused,
}

fn share(of: u32, percent: u8) -> u32 {
    let part = u64::from(of)
        .saturating_mul(u64::from(percent))
        .checked_div(100)
        .unwrap_or(0);
    u32::try_from(part).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_break_no_rule() {
        for family in [EngineFamily::Postgresql, EngineFamily::Mysql] {
            assert_eq!(PoolPolicy::default().problems(family), vec![]);
        }
    }

    #[test]
    fn pinning_filters_are_for_mysql() {
        let policy = PoolPolicy {
            session_pinning_filters: vec![SessionPinningFilter::ExcludeVariableSets],
            ..PoolPolicy::default()
        };
        assert_eq!(policy.problems(EngineFamily::Mysql), vec![]);
        let refused = policy.problems(EngineFamily::Postgresql);
        let pointers: Vec<_> = refused.iter().map(|p| p.pointer.as_str()).collect();
        assert_eq!(pointers, ["/sessionPinningFilters"]);
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let policy = PoolPolicy {
            max_connections_percent: 0,
            max_idle_connections_percent: 50,
            connection_borrow_timeout: 301,
            keepalive_time: 1_900_000,
            idle_timeout: 1,
            ..PoolPolicy::default()
        };
        let problems = policy.problems(EngineFamily::Postgresql);
        let pointers: Vec<_> = problems.into_iter().map(|p| p.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/maxConnectionsPercent",
                "/maxIdleConnectionsPercent",
                "/connectionBorrowTimeout",
                "/idleTimeout",
                "/keepaliveTime"
            ]
        );
    }

    #[test]
    fn percent_is_of_what_the_server_takes() {
        let policy = PoolPolicy {
            max_connections_percent: 20,
            ..PoolPolicy::default()
        };
        assert_eq!(policy.connections_allowed(97), 19);
        assert_eq!(policy.connections_allowed(1), 1);
    }

    #[test]
    fn an_absolute_size_wins() {
        let policy = PoolPolicy {
            maximum_pool_size: Some(20),
            ..PoolPolicy::default()
        };
        assert_eq!(policy.connections_allowed(97), 20);
        assert_eq!(policy.idle_allowed(97), 10);
    }
}
