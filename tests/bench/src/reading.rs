//! Single results, and what they are results of.

mod facts;

use serde::Serialize;

pub(crate) use facts::Target;

use crate::{
    statistic::{median, range},
    system::System,
};

/// One quantity: what the rows of the table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metric {
    Simple,
    Extended,
    Prepared,
    SimpleMany,
    PreparedMany,
    SimpleTls,
    StateNone,
    StateOwn,
    ConnectToken,
    ConnectScram,
    IdlePlain,
    IdleTls,
    IdleCpu,
    AddedP10,
    AddedP50,
    AddedTlsP10,
    AddedTlsP50,
    BulkPlain,
    BulkTls,
    WaitSpread,
    WaitCpu,
    ShardGain,
    MySqlText,
    MySqlPrepared,
    Instructions,
    Growth1,
    Growth8,
    Growth128,
    Growth1000,
    Rows100,
    Rows10000,
    Servers5,
    Servers20,
    Servers80,
}

/// One result of one system.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reading {
    /// Of what.
    pub(crate) metric: Metric,
    /// Of whom.
    pub(crate) system: System,
    /// In the metric's unit.
    pub(crate) value: f64,
    /// From 0.
    pub(crate) repetition: u32,
}

/// A measurement that could not be made.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Failure {
    /// Which one.
    pub(crate) work: String,
    /// Of whom.
    pub(crate) system: System,
    /// Why.
    pub(crate) reason: String,
}

/// All results of a run.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    /// Results.
    pub(crate) taken: Vec<Reading>,
    /// What could not be measured, each once.
    pub(crate) failures: Vec<Failure>,
}

/// Middle and range of several results.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// The median.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The greatest.
    pub(crate) greatest: f64,
}

impl Readings {
    /// What all repetitions say about one metric of one system.
    pub(crate) fn summary(&self, metric: Metric, system: System) -> Option<Summary> {
        let values: Vec<f64> = self
            .taken
            .iter()
            .filter(|reading| reading.metric == metric && reading.system == system)
            .map(|reading| reading.value)
            .collect();
        let (least, greatest) = range(&values)?;
        Some(Summary {
            median: median(&values)?,
            least,
            greatest,
        })
    }

    /// How many times `under` ours is: the median over the repetitions that have both, so that what disturbed one
    /// repetition disturbs one ratio. What is measured once has one ratio.
    pub(crate) fn ratio(&self, metric: Metric, under: (Metric, System)) -> Option<f64> {
        let of = |(metric, system): (Metric, System), repetition: u32| {
            let same = |reading: &&Reading| {
                (reading.metric, reading.system, reading.repetition) == (metric, system, repetition)
            };
            self.taken.iter().find(same).map(|reading| reading.value)
        };
        let ours = self
            .taken
            .iter()
            .filter(|reading| (reading.metric, reading.system) == (metric, System::Tollgate));
        let ratios: Vec<f64> = ours
            .filter_map(|ours| Some(ours.value / of(under, ours.repetition)?))
            .collect();
        median(&ratios)
    }

    /// The metrics that somebody has a result of, in order.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let mut metrics: Vec<Metric> = self.taken.iter().map(|reading| reading.metric).collect();
        metrics.sort_unstable();
        metrics.dedup();
        metrics
    }

    /// Notes what one measurement gave.
    pub(crate) fn took(&mut self, system: System, repetition: u32, values: &[(Metric, f64)]) {
        for &(metric, value) in values {
            self.taken.push(Reading {
                metric,
                system,
                value,
                repetition,
            });
        }
    }

    /// Notes that a measurement failed; the same one fails in every repetition.
    pub(crate) fn failed(&mut self, work: &str, system: System, reason: String) {
        let known = |failure: &Failure| failure.work == work && failure.system == system;
        if !self.failures.iter().any(known) {
            self.failures.push(Failure {
                work: work.to_owned(),
                system,
                reason,
            });
        }
    }
}
