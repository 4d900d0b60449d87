//! Whether ours reaches what it should.

use crate::{
    reading::{Metric, Readings, Target},
    system::System,
};

/// One target beside what was measured.
pub(super) struct Verdict {
    /// Of what.
    pub(super) metric: Metric,
    /// In words, with the ratio where it is one.
    pub(super) target: String,
    /// `None`: what it compares with was not measured.
    pub(super) reached: Option<bool>,
}

/// All targets of everything that ours has a result of.
pub(super) fn all(readings: &Readings) -> Vec<Verdict> {
    let metrics = readings.metrics().into_iter();
    metrics.flat_map(|metric| of(readings, metric)).collect()
}

/// The targets of one metric.
pub(super) fn of(readings: &Readings, metric: Metric) -> Vec<Verdict> {
    let Some(ours) = readings.summary(metric, System::Tollgate) else {
        return Vec::new();
    };
    let judge = |target: &Target| {
        let (target, reached) = match *target {
            Target::Times(most, peer) => {
                times(readings.ratio(metric, (metric, peer)), most, peer.name())
            }
            Target::TimesOwn(most, other) => {
                let ratio = readings.ratio(metric, (other, System::Tollgate));
                times(ratio, most, "the same without")
            }
            Target::AtMost(most) => (format!("≤ {most}"), Some(ours.median <= most)),
            Target::AtLeast(least) => (format!("≥ {least}"), Some(ours.median >= least)),
        };
        Verdict {
            metric,
            target,
            reached,
        }
    };
    metric.facts().targets.iter().map(judge).collect()
}

fn times(ratio: Option<f64>, most: f64, of: &str) -> (String, Option<bool>) {
    // Differences of latencies may come out below zero on a busy machine; a ratio of them means nothing.
    match ratio.filter(|ratio| *ratio > 0.0) {
        Some(ratio) => (
            format!("{ratio:.2} × {of}, ≤ {most:.2}"),
            Some(ratio <= most),
        ),
        None => (format!("≤ {most:.2} × {of}"), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Reading;

    fn readings(values: &[(System, f64)]) -> Readings {
        let mut readings = Readings::default();
        for &(system, value) in values {
            readings.taken.push(Reading {
                metric: Metric::Simple,
                system,
                value,
                repetition: 0,
            });
        }
        readings
    }

    #[test]
    fn a_ratio_above_its_target_is_not_reached() {
        let found = readings(&[(System::Tollgate, 19.0), (System::PgBouncer, 20.0)]);
        let verdicts = all(&found);
        assert_eq!(verdicts.len(), 1);
        assert_eq!(verdicts[0].reached, Some(false));
        let found = readings(&[(System::Tollgate, 17.0), (System::PgBouncer, 20.0)]);
        assert_eq!(all(&found)[0].reached, Some(true));
    }

    #[test]
    fn a_repetition_that_was_disturbed_spoils_one_ratio_only() {
        let mut found = Readings::default();
        for (repetition, noise) in [(0, 1.0), (1, 3.0), (2, 1.5)] {
            for (system, value) in [(System::Tollgate, 8.0), (System::PgBouncer, 10.0)] {
                found.took(system, repetition, &[(Metric::Simple, value * noise)]);
            }
        }
        assert_eq!(all(&found)[0].target, "0.80 × pgbouncer, ≤ 0.90");
    }

    #[test]
    fn without_the_peer_there_is_no_verdict() {
        assert_eq!(all(&readings(&[(System::Tollgate, 1.0)]))[0].reached, None);
        assert!(all(&readings(&[(System::PgBouncer, 1.0)])).is_empty());
    }
}
