//! Durations in buckets of constant relative width.
//!
//! Four buckets to each power of two, from 5 µs to over five minutes: 106 counters, at most 25 % wide,
//! found with a shift and a mask. A record costs two relaxed additions and never allocates.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::encoding::MetricEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use crate::family::Metric;
use crate::labels::{Encoded, NoLabels};

/// Buckets per power of two.
const STEPS: u64 = 4;

/// Buckets with an upper bound. The last of them ends at 10 · 2^25 µs, 335 s, beyond the longest wait
/// that can be configured (300 s).
const BOUNDED: usize = 105;

/// All buckets, the unbounded last one included.
const BUCKETS: usize = BOUNDED + 1;

/// How long things took. Each shard has its own.
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

/// The sum of several histograms.
#[derive(Debug, Clone)]
pub struct HistogramTotal {
    buckets: [u64; BUCKETS],
    sum_us: u64,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&self, took: Duration) {
        self.record_us(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts one duration of so many microseconds.
    pub fn record_us(&self, duration_us: u64) {
        if let Some(bucket) = self.buckets.get(bucket_of(duration_us)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.sum_us.fetch_add(duration_us, Relaxed);
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum_us: AtomicU64::new(0),
        }
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut total = HistogramTotal::default();
        self.add_to(&mut total);
        f.debug_struct("Histogram")
            .field("count", &total.count())
            .field("sum_us", &total.sum_us)
            .finish()
    }
}

impl Default for HistogramTotal {
    fn default() -> Self {
        Self {
            buckets: [0; BUCKETS],
            sum_us: 0,
        }
    }
}

impl HistogramTotal {
    /// Durations counted.
    pub fn count(&self) -> u64 {
        self.buckets
            .iter()
            .fold(0, |sum, bucket| sum.wrapping_add(*bucket))
    }
}

impl Metric for Histogram {
    type Total = HistogramTotal;
    const TYPE: MetricType = MetricType::Histogram;

    fn add_to(&self, total: &mut HistogramTotal) {
        for (sum, bucket) in total.buckets.iter_mut().zip(&self.buckets) {
            *sum = sum.wrapping_add(bucket.load(Relaxed));
        }
        total.sum_us = total.sum_us.wrapping_add(self.sum_us.load(Relaxed));
    }

    fn retire_into(&self, total: &mut HistogramTotal) {
        self.add_to(total);
    }

    fn encode(total: &HistogramTotal, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let buckets: Vec<(f64, u64)> = total
            .buckets
            .iter()
            .enumerate()
            .map(|(index, count)| (upper_bound_s(index), *count))
            .collect();
        let sum_s = Duration::from_micros(total.sum_us).as_secs_f64();
        encoder.encode_histogram(
            sum_s,
            total.count(),
            &buckets,
            None::<&std::collections::HashMap<usize, Exemplar<Encoded<NoLabels>, f64>>>,
        )
    }
}

/// Durations below 5 µs share the first bucket; above that, the two bits below the highest one choose
/// among the four buckets of their power of two.
fn bucket_of(duration_us: u64) -> usize {
    let value = duration_us.max(STEPS);
    let power = u64::from(value.ilog2()) - 2;
    let step = (value >> power) & (STEPS - 1);
    usize::try_from(power * STEPS + step).map_or(BOUNDED, |index| index.min(BOUNDED))
}

/// The first duration, in seconds, that no longer belongs to the bucket. Prometheus counts it in (`le`);
/// durations are whole microseconds, so that makes no difference anybody can see.
fn upper_bound_s(index: usize) -> f64 {
    let index = index as u64;
    if index >= BOUNDED as u64 {
        return f64::INFINITY;
    }
    Duration::from_micros((index % STEPS + STEPS + 1) << (index / STEPS)).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_below_its_bound_and_not_below_the_one_before() {
        for power in 0..40 {
            for offset in [0_u64, 1, 7] {
                let duration_us = (1_u64 << power) + offset;
                let index = bucket_of(duration_us);
                let seconds = Duration::from_micros(duration_us).as_secs_f64();
                assert!(
                    seconds < upper_bound_s(index),
                    "{duration_us} µs in bucket {index}"
                );
                if index > 0 {
                    assert!(
                        seconds >= upper_bound_s(index - 1),
                        "{duration_us} µs in bucket {index}"
                    );
                }
            }
        }
    }

    #[test]
    fn bounds_rise_from_microseconds_to_a_minute() {
        let bounds: Vec<f64> = (0..BUCKETS).map(upper_bound_s).collect();
        assert!(bounds.is_sorted_by(|a, b| a < b));
        assert!((bounds[0] - 5e-6).abs() < 1e-12);
        assert!(
            bounds[BOUNDED - 1] > 60.0 && bounds[BOUNDED - 1] < 700.0,
            "{}",
            bounds[BOUNDED - 1]
        );
        assert!(bounds[BOUNDED].is_infinite());
    }

    #[test]
    fn extremes_are_counted_and_not_lost() {
        let histogram = Histogram::default();
        histogram.record_us(0);
        histogram.record(Duration::from_hours(24 * 365));
        let mut total = HistogramTotal::default();
        histogram.add_to(&mut total);
        assert_eq!(
            (total.buckets[0], total.buckets[BOUNDED], total.count()),
            (1, 1, 2)
        );
    }
}
