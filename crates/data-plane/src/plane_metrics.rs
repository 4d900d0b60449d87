//! What the supervisor shows: the configuration in force and the health of targets.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tollgate_telemetry::{Gauge, Metrics, NoLabels, TargetLabels};
use tollgate_types::{HealthState, Snapshot};

/// The supervisor's handles on the process's metrics.
pub(crate) struct PlaneMetrics {
    metrics: Arc<Metrics>,
    revision: Arc<Gauge>,
    available: Mutex<HashMap<(String, String), Arc<Gauge>>>,
}

impl PlaneMetrics {
    /// Handles on `metrics`.
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        let revision = metrics.config_revision.cell(NoLabels);
        Self {
            metrics,
            revision,
            available: Mutex::new(HashMap::new()),
        }
    }

    /// This configuration is in force; series of proxies that left it disappear.
    pub(crate) fn applied(&self, snapshot: &Snapshot) {
        self.revision
            .set(i64::try_from(snapshot.revision.0).unwrap_or(i64::MAX));
        let known = |name: &str| snapshot.proxies.iter().any(|proxy| proxy.name == name);
        self.available.lock().retain(|(proxy, target), _| {
            snapshot
                .proxies
                .iter()
                .any(|p| p.name == *proxy && p.targets.iter().any(|t| t.database == *target))
        });
        self.metrics.retain_proxies(known);
    }

    /// A probe's result.
    pub(crate) fn target_health(&self, proxy: &Arc<str>, target: &Arc<str>, state: HealthState) {
        let mut available = self.available.lock();
        let gauge = available
            .entry((proxy.to_string(), target.to_string()))
            .or_insert_with(|| {
                self.metrics.target_available.cell(TargetLabels {
                    proxy: Arc::clone(proxy),
                    target: Arc::clone(target),
                })
            });
        gauge.set(i64::from(state == HealthState::Available));
    }
}
