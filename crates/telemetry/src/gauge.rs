//! A number that goes up and down.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use prometheus_client::encoding::MetricEncoder;
use prometheus_client::metrics::MetricType;

use crate::family::Metric;

/// How many there are now. Things that come and go hold a [`GaugeGuard`].
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Replaces the value.
    pub fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    /// The value now.
    pub fn value(&self) -> i64 {
        self.0.load(Relaxed)
    }

    /// Counts one until the guard is dropped.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> GaugeGuard {
        self.0.fetch_add(1, Relaxed);
        GaugeGuard(Arc::clone(self))
    }
}

/// One of what its gauge counts; dropping it counts down, on every path out.
#[derive(Debug)]
pub struct GaugeGuard(Arc<Gauge>);

impl GaugeGuard {
    /// Moves on to be counted by another gauge, for a thing that changes its state.
    pub fn move_to(&mut self, gauge: &Arc<Gauge>) {
        *self = gauge.hold();
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

impl Metric for Gauge {
    type Total = i64;
    const TYPE: MetricType = MetricType::Gauge;

    fn add_to(&self, total: &mut i64) {
        *total = total.wrapping_add(self.value());
    }

    /// What nobody measures any more is nothing.
    fn retire_into(&self, _total: &mut i64) {}

    fn encode(total: &i64, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_gauge(total)
    }
}
