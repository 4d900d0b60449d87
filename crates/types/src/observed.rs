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

/// One proxy as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedProxy {
    /// Which proxy.
    pub id: ProxyId,
    /// Generation applied on every shard.
    pub generation: u64,
    /// Its endpoints.
    pub endpoints: Vec<ObservedEndpoint>,
    /// Client connections open now.
    pub client_connections: u32,
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
