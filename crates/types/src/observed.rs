//! What a data plane reports upwards: which generation it runs and how its targets do.

use serde::{Deserialize, Serialize};

use crate::{ProxyId, Revision, TargetHealth, TargetId};

/// One report, always whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Observation {
    /// Newest revision the data plane has taken in.
    pub revision: Revision,
    /// Every proxy it knows.
    pub proxies: Vec<ObservedProxy>,
    /// Every target it probes.
    pub targets: Vec<ObservedTarget>,
}

impl Observation {
    /// Whether somebody who knows `earlier` learns anything: that a probe came to the same result again is no
    /// news.
    pub fn is_news_after(&self, earlier: &Self) -> bool {
        let same_target = |now: &ObservedTarget, then: &ObservedTarget| {
            now.proxy == then.proxy
                && now.target == then.target
                && now.health.says_the_same(&then.health)
        };
        self.revision != earlier.revision
            || self.proxies != earlier.proxies
            || self.targets.len() != earlier.targets.len()
            || self
                .targets
                .iter()
                .zip(&earlier.targets)
                .any(|(now, then)| !same_target(now, then))
    }
}

/// One proxy as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedProxy {
    /// Which proxy.
    pub id: ProxyId,
    /// Generation applied on every shard.
    pub generation: u64,
    /// Its endpoints.
    pub endpoints: Vec<ObservedEndpoint>,
    /// A draining proxy has no session left and its listeners are closed.
    pub drained: bool,
}

/// One endpoint as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedEndpoint {
    /// The endpoint's name.
    pub name: String,
    /// Listening or not.
    pub state: EndpointState,
}

/// Whether an endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndpointState {
    /// Bound on every shard.
    Listening,
    /// The port could not be bound.
    PortRejected {
        /// The operating system's words.
        message: String,
    },
    /// Descriptors or memory ran out.
    ResourcesRejected {
        /// The operating system's words.
        message: String,
    },
}

/// One target as it was last probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedTarget {
    /// The proxy it belongs to.
    pub proxy: ProxyId,
    /// The registration.
    pub target: TargetId,
    /// Its health.
    pub health: TargetHealth,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CheckOutcome, HealthCheck, ProbeStep};

    fn observation() -> Observation {
        let check = HealthCheck {
            outcome: CheckOutcome::Ok,
            took_ms: 1,
            detail: "127.0.0.1".to_owned(),
        };
        Observation {
            revision: Revision(3),
            proxies: vec![ObservedProxy {
                id: "prx-0a1b2c3d4e5f60718".parse().unwrap(),
                generation: 1,
                endpoints: vec![ObservedEndpoint {
                    name: "default".to_owned(),
                    state: EndpointState::PortRejected {
                        message: "in use".to_owned(),
                    },
                }],
                drained: false,
            }],
            targets: vec![ObservedTarget {
                proxy: "prx-0a1b2c3d4e5f60718".parse().unwrap(),
                target: "tgt-0a1b2c3d4e5f60718".parse().unwrap(),
                health: TargetHealth {
                    checks: [(ProbeStep::Tcp, check)].into(),
                    ..TargetHealth::registering()
                },
            }],
        }
    }

    #[test]
    fn the_same_result_at_another_time_is_no_news() {
        let earlier = observation();
        let mut later = observation();
        let health = &mut later.targets[0].health;
        health.last_check_unix += 10;
        health.consecutive_failures += 1;
        health.checks.get_mut(&ProbeStep::Tcp).unwrap().took_ms = 7;
        assert_ne!(later, earlier);
        assert!(!later.is_news_after(&earlier));
    }

    #[test]
    fn whatever_else_differs_is_news() {
        type Change = fn(&mut Observation);
        let changes: [Change; 8] = [
            |o| o.revision = Revision(4),
            |o| o.proxies.clear(),
            |o| o.proxies[0].generation += 1,
            |o| o.proxies[0].drained = true,
            |o| o.proxies[0].endpoints[0].state = EndpointState::Listening,
            |o| o.targets.clear(),
            |o| o.targets[0].health.description = "refused".to_owned(),
            |o| {
                let checks = &mut o.targets[0].health.checks;
                checks.get_mut(&ProbeStep::Tcp).unwrap().outcome = CheckOutcome::Failed;
            },
        ];
        for change in changes {
            let mut later = observation();
            change(&mut later);
            assert!(later.is_news_after(&observation()), "{later:?}");
            assert!(observation().is_news_after(&later), "{later:?}");
        }
    }
}
