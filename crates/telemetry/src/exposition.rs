//! The text that a scrape gets.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use crate::labels::{Encoded, LabelSet, NoLabels};

/// The `Content-Type` of [`encode_text`]'s result.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything in `registry` as `OpenMetrics` text.
pub fn encode_text(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).expect(
        "writing into a String cannot fail, and our collectors have no errors of their own",
    );
    text
}

/// `tollgate_build_info{version}`, always 1.
#[derive(Debug)]
pub(crate) struct BuildInfo {
    pub(crate) version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct VersionLabel(String);

impl LabelSet for VersionLabel {
    fn visit(&self, visit: &mut dyn FnMut(&'static str, &str)) {
        visit("version", &self.0);
    }
}

impl Collector for BuildInfo {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encoder
            .encode_descriptor(
                "tollgate_build",
                "The running program",
                None,
                MetricType::Info,
            )?
            .encode_info(&Encoded(VersionLabel(self.version.clone())))
    }
}

/// How Prometheus treats a [`Computed`] metric.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ComputedKind {
    Gauge,
    Counter,
}

/// A number that is worked out when somebody asks.
pub(crate) struct Computed<F> {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: ComputedKind,
    pub(crate) value: F,
}

impl<F> fmt::Debug for Computed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computed")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<F, N> Collector for Computed<F>
where
    F: Fn() -> N + Send + Sync + 'static,
    N: EncodeGaugeValue + EncodeCounterValue,
{
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let value = (self.value)();
        let kind = match self.kind {
            ComputedKind::Gauge => MetricType::Gauge,
            ComputedKind::Counter => MetricType::Counter,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        match self.kind {
            ComputedKind::Gauge => metric.encode_gauge(&value),
            ComputedKind::Counter => {
                metric.encode_counter(&value, None::<&Exemplar<Encoded<NoLabels>, f64>>)
            }
        }
    }
}
