//! A shard's handles on the process's metrics: looked up once, written without locks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tollgate_iam::token::Rejection;
use tollgate_pool::Stats;
use tollgate_session::PinReason;
use tollgate_telemetry::{
    AuthLabels, AuthOutcome, Counter, Direction, DirectionLabels, EndpointLabels, Gauge,
    GaugeGuard, Histogram, Metrics, PinLabels, ProxyLabels, ServerConnectionState,
    ServerStateLabels, TargetLabels,
};
use tollgate_types::ProxyConfig;

use crate::target::TargetShared;

/// What one shard counts.
pub(crate) struct ShardMetrics {
    metrics: Arc<Metrics>,
    endpoints: RefCell<HashMap<(String, String), Rc<ProxyMetrics>>>,
}

impl ShardMetrics {
    /// Handles on `metrics` for one shard.
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            endpoints: RefCell::new(HashMap::new()),
        }
    }

    /// The handles of one endpoint of a proxy.
    pub(crate) fn endpoint(&self, proxy: &ProxyConfig, endpoint: &str) -> Rc<ProxyMetrics> {
        let key = (proxy.name.clone(), endpoint.to_owned());
        let mut endpoints = self.endpoints.borrow_mut();
        let handles = endpoints
            .entry(key)
            .or_insert_with(|| Rc::new(ProxyMetrics::new(&self.metrics, &proxy.name, endpoint)));
        Rc::clone(handles)
    }

    /// The handles of one target.
    pub(crate) fn pool(&self, target: &TargetShared) -> PoolMetrics {
        PoolMetrics::new(&self.metrics, &target.proxy_name, &target.database)
    }

    /// Forgets proxies that are no longer configured.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.endpoints
            .borrow_mut()
            .retain(|(proxy, _), _| keep(proxy));
    }
}

/// Counters of one endpoint's clients on one shard.
pub(crate) struct ProxyMetrics {
    metrics: Arc<Metrics>,
    proxy: Arc<str>,
    /// Client connections open now.
    pub(crate) clients: Arc<Gauge>,
    /// Clients pinned now.
    pub(crate) pinned_clients: Arc<Gauge>,
    /// Bytes sent to clients.
    pub(crate) to_client: Arc<Counter>,
    /// Bytes sent to servers.
    pub(crate) to_server: Arc<Counter>,
    pins: RefCell<HashMap<PinReason, PinMetrics>>,
    decisions: RefCell<HashMap<&'static str, Arc<Counter>>>,
}

/// Counters of the pins of one reason.
struct PinMetrics {
    begun: Arc<Counter>,
    held: Arc<Gauge>,
    lasted: Arc<Histogram>,
}

impl ProxyMetrics {
    fn new(metrics: &Arc<Metrics>, proxy: &str, endpoint: &str) -> Self {
        let proxy: Arc<str> = Arc::from(proxy);
        let bytes = |direction| {
            metrics.bytes.cell(DirectionLabels {
                proxy: Arc::clone(&proxy),
                direction,
            })
        };
        Self {
            clients: metrics.client_connections.cell(EndpointLabels {
                proxy: Arc::clone(&proxy),
                endpoint: Arc::from(endpoint),
            }),
            pinned_clients: metrics.pinned_clients.cell(ProxyLabels {
                proxy: Arc::clone(&proxy),
            }),
            to_client: bytes(Direction::ToClient),
            to_server: bytes(Direction::ToServer),
            pins: RefCell::new(HashMap::new()),
            decisions: RefCell::new(HashMap::new()),
            metrics: Arc::clone(metrics),
            proxy,
        }
    }

    /// One more pin, in force until the guard is dropped.
    #[must_use]
    pub(crate) fn pinned(&self, reason: PinReason) -> GaugeGuard {
        self.of_pin(reason, |pin| {
            pin.begun.increment();
            pin.held.hold()
        })
    }

    /// A pin is over that lasted this long.
    pub(crate) fn unpinned(&self, reason: PinReason, lasted: Duration) {
        self.of_pin(reason, |pin| pin.lasted.record(lasted));
    }

    fn of_pin<T>(&self, reason: PinReason, count: impl FnOnce(&PinMetrics) -> T) -> T {
        let mut pins = self.pins.borrow_mut();
        let pin = pins.entry(reason).or_insert_with(|| {
            let labels = PinLabels {
                proxy: Arc::clone(&self.proxy),
                reason: reason.code(),
            };
            PinMetrics {
                begun: self.metrics.pins.cell(labels.clone()),
                held: self.metrics.pins_held.cell(labels.clone()),
                lasted: self.metrics.pin_held.cell(labels),
            }
        });
        count(pin)
    }

    /// One more login decided; `None` is an Allow.
    pub(crate) fn decided(&self, refused: Option<Rejection>) {
        let (outcome, reason) = match refused {
            None => (AuthOutcome::Allow, "ALLOWED"),
            Some(reason) => (AuthOutcome::Deny, reason.code()),
        };
        let mut decisions = self.decisions.borrow_mut();
        let counter = decisions.entry(reason).or_insert_with(|| {
            self.metrics.auth_decisions.cell(AuthLabels {
                proxy: Arc::clone(&self.proxy),
                outcome,
                reason,
            })
        });
        counter.increment();
    }
}

/// Counters of one target's pool on one shard.
pub(crate) struct PoolMetrics {
    /// Server connections lent.
    pub(crate) borrows: Arc<Counter>,
    /// How long borrowers waited.
    pub(crate) borrow_wait: Arc<Histogram>,
    /// Borrowers that waited in vain.
    pub(crate) borrow_timeouts: Arc<Counter>,
    idle: Arc<Gauge>,
    borrowed: Arc<Gauge>,
    pinned: Arc<Gauge>,
    opening: Arc<Gauge>,
}

impl PoolMetrics {
    fn new(metrics: &Metrics, proxy: &Arc<str>, target: &Arc<str>) -> Self {
        let state = |state| {
            metrics.server_connections.cell(ServerStateLabels {
                proxy: Arc::clone(proxy),
                target: Arc::clone(target),
                state,
            })
        };
        Self {
            borrows: metrics.borrows.cell(TargetLabels {
                proxy: Arc::clone(proxy),
                target: Arc::clone(target),
            }),
            borrow_wait: metrics.borrow_wait.cell(ProxyLabels {
                proxy: Arc::clone(proxy),
            }),
            borrow_timeouts: metrics.borrow_timeouts.cell(ProxyLabels {
                proxy: Arc::clone(proxy),
            }),
            idle: state(ServerConnectionState::Idle),
            borrowed: state(ServerConnectionState::Borrowed),
            pinned: state(ServerConnectionState::Pinned),
            opening: state(ServerConnectionState::Opening),
        }
    }

    /// Shows the pool's counts; `borrowed` is without the pinned ones.
    pub(crate) fn show(&self, stats: &Stats) {
        let signed = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.idle.set(signed(stats.idle));
        self.borrowed
            .set(signed(stats.borrowed.saturating_sub(stats.pinned)));
        self.pinned.set(signed(stats.pinned));
        self.opening.set(signed(stats.opening));
    }
}
