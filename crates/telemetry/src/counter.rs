//! A number that only grows.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::encoding::MetricEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use crate::family::Metric;
use crate::labels::{Encoded, NoLabels};

/// Counts events. Each shard has its own, so that the cache line stays where it is written.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// `count` more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// The count so far.
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Metric for Counter {
    type Total = u64;
    const TYPE: MetricType = MetricType::Counter;

    fn add_to(&self, total: &mut u64) {
        *total = total.wrapping_add(self.value());
    }

    fn retire_into(&self, total: &mut u64) {
        self.add_to(total);
    }

    fn encode(total: &u64, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_counter(total, None::<&Exemplar<Encoded<NoLabels>, f64>>)
    }
}
