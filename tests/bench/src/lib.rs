//! Measures Tollgate beside other proxies: one run, interleaved, real servers and real load.
//!
//! The main figure is CPU time of the proxy process per transaction: it holds on a busy machine, where throughput and
//! latency do not. `cargo xtask bench` builds and starts this; `docs/performance.md` says how to read it.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to its terminal"
)]
#![allow(
    clippy::cast_precision_loss,
    reason = "counts become figures of three digits"
)]

mod door;
pub mod floor;
mod load;
mod options;
mod peers;
mod process;
mod reading;
mod report;
mod run;
mod stage;
mod statistic;
mod system;
mod wire;
mod work;

pub use options::Options;
pub use run::run;
