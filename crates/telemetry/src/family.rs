//! A metric with labels whose writers each have a cell of their own.
//!
//! Writers never look anything up: they keep the cell. Cells with equal labels are added up when somebody
//! scrapes. A writer that goes away leaves its count behind, so a counter never falls.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

use crate::labels::{Encoded, LabelSet};

/// Something that can be written by one thread and added up by another.
pub trait Metric: Debug + Default + Send + Sync + 'static {
    /// What the values of several writers add up to.
    type Total: Clone + Debug + Default + Send;

    /// How Prometheus treats it.
    const TYPE: MetricType;

    /// Adds this writer's value.
    fn add_to(&self, total: &mut Self::Total);

    /// Adds what remains of this value when its writer is gone.
    fn retire_into(&self, total: &mut Self::Total);

    /// Writes a total as one sample or several.
    fn encode(total: &Self::Total, encoder: MetricEncoder<'_>) -> fmt::Result;
}

/// All series of one metric.
#[derive(Debug)]
pub struct Family<L, M: Metric> {
    name: &'static str,
    help: &'static str,
    series: Mutex<BTreeMap<L, Series<M>>>,
}

#[derive(Debug)]
struct Series<M: Metric> {
    cells: Vec<Arc<M>>,
    /// The sum over cells whose writers are gone.
    retired: M::Total,
}

impl<M: Metric> Default for Series<M> {
    fn default() -> Self {
        Self {
            cells: Vec::new(),
            retired: M::Total::default(),
        }
    }
}

impl<M: Metric> Series<M> {
    /// The sum of all writers, letting go of cells that nobody else holds any more.
    fn total(&mut self) -> M::Total {
        let retired = &mut self.retired;
        self.cells.retain_mut(|cell| {
            // `get_mut` succeeds only if ours is the last handle, and then sees its last write.
            let Some(abandoned) = Arc::get_mut(cell) else {
                return true;
            };
            abandoned.retire_into(retired);
            false
        });
        let mut total = self.retired.clone();
        for cell in &self.cells {
            cell.add_to(&mut total);
        }
        total
    }
}

impl<L: LabelSet, M: Metric> Family<L, M> {
    /// A metric without series. Counters are named without `_total`, which the text format adds.
    pub fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            series: Mutex::default(),
        }
    }

    /// A new cell for one writer. Takes a lock: keep the cell, never ask on the query path.
    #[must_use]
    pub fn cell(&self, labels: L) -> Arc<M> {
        let cell = Arc::new(M::default());
        self.series
            .lock()
            .entry(labels)
            .or_default()
            .cells
            .push(Arc::clone(&cell));
        cell
    }

    /// Forgets the series that `keep` refuses, such as those of a deleted proxy. Writers that still hold a
    /// cell of such a series write unseen.
    pub fn retain(&self, mut keep: impl FnMut(&L) -> bool) {
        self.series.lock().retain(|labels, _| keep(labels));
    }

    /// The sum over the writers of one series, if it exists.
    pub fn total(&self, labels: &L) -> Option<M::Total> {
        self.series.lock().get_mut(labels).map(Series::total)
    }
}

impl<L: LabelSet, M: Metric> Collector for Family<L, M> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Totals first: encoding must not hold up a writer that registers.
        let totals: Vec<(L, M::Total)> = self
            .series
            .lock()
            .iter_mut()
            .map(|(labels, series)| (labels.clone(), series.total()))
            .collect();
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, M::TYPE)?;
        for (labels, total) in totals {
            if labels.is_empty() {
                // A family would write `name{}`, which is legal but looks broken.
                return M::encode(&total, metric);
            }
            M::encode(&total, metric.encode_family(&Encoded(labels))?)?;
        }
        Ok(())
    }
}
