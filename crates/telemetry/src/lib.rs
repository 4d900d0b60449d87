//! Logs and metrics: how they are set up, what their fields and series are called, what they cost.
//!
//! Metrics are written without locks by the thread that owns them and added up when somebody asks.

mod catalog;
mod counter;
mod exposition;
mod family;
pub mod fields;
mod gauge;
mod histogram;
mod labels;
mod logging;

pub use catalog::Metrics;
pub use counter::Counter;
pub use exposition::{CONTENT_TYPE, encode_text};
pub use family::{Family, Metric};
pub use gauge::{Gauge, GaugeGuard};
pub use histogram::{Histogram, HistogramTotal};
pub use labels::{
    AuthLabels, AuthOutcome, Direction, DirectionLabels, EndpointLabels, LabelSet, NoLabels,
    PinLabels, ProxyLabels, ServerConnectionState, ServerStateLabels, TargetLabels,
};
pub use logging::{LogError, LogFormat, LogSettings, init_logging};
/// The set of everything that is exposed, from prometheus-client.
pub use prometheus_client::registry::Registry;
