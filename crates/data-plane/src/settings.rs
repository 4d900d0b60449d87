//! What the binary hands to the data plane when it starts.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tollgate_pool::Reuse;
use tollgate_telemetry::Metrics;
use tollgate_types::AuthDecision;

use crate::tls::ServerIdentity;

/// Takes in audit events. Called on a shard's thread, so it must not block.
pub trait DecisionSink: Send + Sync {
    /// Records one decision; an implementation that is full drops and counts it.
    fn record(&self, decision: AuthDecision);
}

/// Settings of a data plane. Every field is required: defaults live in the binary's configuration.
#[derive(Clone)]
pub struct Settings {
    /// Address that endpoints bind.
    pub bind: IpAddr,
    /// Number of shards, that is of threads that serve connections; at least 1.
    pub shards: usize,
    /// Certificates shown to clients; reloadable through [`crate::DataPlane::reload_identity`].
    pub identity: ServerIdentity,
    /// Where decisions go.
    pub decisions: Arc<dyn DecisionSink>,
    /// The process's metrics.
    pub metrics: Arc<Metrics>,
    /// Client connections accepted at once over all proxies; further ones get 53300.
    pub max_client_connections: usize,
    /// Time a client has from accept to a finished login.
    pub handshake_timeout: Duration,
    /// Which of several idle server connections a client gets. Only tests ask for
    /// [`Reuse::LeastRecent`]: sessions then move to another server connection at every boundary.
    pub reuse: Reuse,
}
