//! Every metric there is, with the names the documentation promises.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::exposition::{BuildInfo, Computed, ComputedKind, encode_text};
use crate::labels::{
    AuthLabels, DirectionLabels, EndpointLabels, LabelSet, NoLabels, PinLabels, ProxyLabels,
    ServerStateLabels, TargetLabels,
};
use crate::{Counter, Family, Gauge, Histogram, Metric};

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    /// `tollgate_client_connections{proxy,endpoint}`: client connections open now.
    pub client_connections: Arc<Family<EndpointLabels, Gauge>>,
    /// `tollgate_server_connections{proxy,target,state}`: server connections by what they are doing.
    pub server_connections: Arc<Family<ServerStateLabels, Gauge>>,
    /// `tollgate_borrows_total{proxy,target}`: server connections lent.
    pub borrows: Arc<Family<TargetLabels, Counter>>,
    /// `tollgate_borrow_wait_seconds{proxy}`: time clients waited for a server connection.
    pub borrow_wait: Arc<Family<ProxyLabels, Histogram>>,
    /// `tollgate_borrow_timeouts_total{proxy}`: clients that waited in vain.
    pub borrow_timeouts: Arc<Family<ProxyLabels, Counter>>,
    /// `tollgate_pins_total{proxy,reason}`: pins set.
    pub pins: Arc<Family<PinLabels, Counter>>,
    /// `tollgate_pinned_clients{proxy}`: clients pinned now.
    pub pinned_clients: Arc<Family<ProxyLabels, Gauge>>,
    /// `tollgate_pins_held{proxy,reason}`: pins in force now. A client may have several.
    pub pins_held: Arc<Family<PinLabels, Gauge>>,
    /// `tollgate_pin_held_seconds{proxy,reason}`: how long pins lasted that are over.
    pub pin_held: Arc<Family<PinLabels, Histogram>>,
    /// `tollgate_auth_decisions_total{proxy,outcome,reason}`: logins decided.
    pub auth_decisions: Arc<Family<AuthLabels, Counter>>,
    /// `tollgate_target_available{proxy,target}`: 1 while the target's last probe reached the top.
    pub target_available: Arc<Family<TargetLabels, Gauge>>,
    /// `tollgate_bytes_total{proxy,direction}`: bytes carried between clients and servers.
    pub bytes: Arc<Family<DirectionLabels, Counter>>,
    /// `tollgate_config_revision`: revision of the configuration in force.
    pub config_revision: Arc<Family<NoLabels, Gauge>>,
    registry: Registry,
}

impl Metrics {
    /// All metrics without series, and `tollgate_build_info{version}`.
    pub fn new(version: &str) -> Self {
        let mut registry = Registry::default();
        let r = &mut registry;
        let client_connections = family(
            r,
            "tollgate_client_connections",
            "Client connections open now",
        );
        let server_connections = family(
            r,
            "tollgate_server_connections",
            "Server connections by what they are doing",
        );
        let borrows = family(r, "tollgate_borrows", "Server connections lent to clients");
        let borrow_wait = family(
            r,
            "tollgate_borrow_wait_seconds",
            "Time clients waited for a server connection",
        );
        let borrow_timeouts = family(
            r,
            "tollgate_borrow_timeouts",
            "Clients that waited for a server connection in vain",
        );
        let pinning = Pinning::new(r);
        let auth_decisions = family(r, "tollgate_auth_decisions", "Logins decided");
        let target_available = family(
            r,
            "tollgate_target_available",
            "1 while the target is available, else 0",
        );
        let bytes = family(
            r,
            "tollgate_bytes",
            "Bytes carried between clients and servers",
        );
        let config_revision = family(
            r,
            "tollgate_config_revision",
            "Revision of the configuration in force",
        );
        registry.register_collector(Box::new(BuildInfo {
            version: version.to_owned(),
        }));
        Self {
            client_connections,
            server_connections,
            borrows,
            borrow_wait,
            borrow_timeouts,
            pins: pinning.pins,
            pinned_clients: pinning.clients,
            pins_held: pinning.held,
            pin_held: pinning.lasted,
            auth_decisions,
            target_available,
            bytes,
            config_revision,
            registry,
        }
    }

    /// Adds `tollgate_config_age_seconds`: `age_s` is asked at each scrape for the seconds since the
    /// configuration in force was made.
    pub fn register_config_age(&mut self, age_s: impl Fn() -> f64 + Send + Sync + 'static) {
        self.registry.register_collector(Box::new(Computed {
            name: "tollgate_config_age_seconds",
            help: "Seconds since the configuration in force was made",
            kind: ComputedKind::Gauge,
            value: age_s,
        }));
    }

    /// Adds `tollgate_audit_events_dropped_total`: `dropped` is asked at each scrape for the number of audit
    /// events so far that were not written.
    pub fn register_audit_dropped(&mut self, dropped: impl Fn() -> u64 + Send + Sync + 'static) {
        self.registry.register_collector(Box::new(Computed {
            name: "tollgate_audit_events_dropped",
            help: "Audit events that were not written because the metadata store was away or slow",
            kind: ComputedKind::Counter,
            value: dropped,
        }));
    }

    /// Forgets all series of proxies that `keep` refuses by name.
    pub fn retain_proxies(&self, keep: impl Fn(&str) -> bool) {
        self.client_connections.retain(|labels| keep(&labels.proxy));
        self.server_connections.retain(|labels| keep(&labels.proxy));
        self.borrows.retain(|labels| keep(&labels.proxy));
        self.borrow_wait.retain(|labels| keep(&labels.proxy));
        self.borrow_timeouts.retain(|labels| keep(&labels.proxy));
        self.pins.retain(|labels| keep(&labels.proxy));
        self.pinned_clients.retain(|labels| keep(&labels.proxy));
        self.pins_held.retain(|labels| keep(&labels.proxy));
        self.pin_held.retain(|labels| keep(&labels.proxy));
        self.auth_decisions.retain(|labels| keep(&labels.proxy));
        self.target_available.retain(|labels| keep(&labels.proxy));
        self.bytes.retain(|labels| keep(&labels.proxy));
    }

    /// The registry, for metrics of other parts of the program.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Everything as `OpenMetrics` text; see [`crate::CONTENT_TYPE`].
    pub fn encode_text(&self) -> String {
        encode_text(&self.registry)
    }
}

/// The metrics about pins.
struct Pinning {
    pins: Arc<Family<PinLabels, Counter>>,
    clients: Arc<Family<ProxyLabels, Gauge>>,
    held: Arc<Family<PinLabels, Gauge>>,
    lasted: Arc<Family<PinLabels, Histogram>>,
}

impl Pinning {
    fn new(r: &mut Registry) -> Self {
        Self {
            pins: family(
                r,
                "tollgate_pins",
                "Clients pinned to a server connection, by reason",
            ),
            clients: family(
                r,
                "tollgate_pinned_clients",
                "Clients pinned to a server connection now",
            ),
            held: family(r, "tollgate_pins_held", "Pins in force now, by reason"),
            lasted: family(
                r,
                "tollgate_pin_held_seconds",
                "How long pins lasted that are over, by reason",
            ),
        }
    }
}

fn family<L: LabelSet, M: Metric>(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
) -> Arc<Family<L, M>> {
    let family = Arc::new(Family::new(name, help));
    registry.register_collector(Box::new(Arc::clone(&family)));
    family
}

#[cfg(test)]
mod tests;
