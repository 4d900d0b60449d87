//! What every metric is called, what it is counted in, and what should be reached.

use super::Metric;
use crate::system::System;

/// What is known of a metric before anything is measured.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Its name in tables.
    pub(crate) title: &'static str,
    /// What is counted.
    pub(crate) unit: &'static str,
    /// What ours should reach.
    pub(crate) targets: &'static [Target],
}

/// What ours should reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// At most so many times what a peer needs in the same run.
    Times(f64, System),
    /// At most so many times what ours needs for something else.
    TimesOwn(f64, Metric),
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

use System::{HaProxy, PgBouncer, Router};
use Target::{AtLeast, AtMost, Times, TimesOwn};

impl Metric {
    /// What is known of it.
    pub(crate) fn facts(self) -> &'static Facts {
        let known = TABLE.iter().find(|(metric, _)| *metric == self);
        known.map_or(&UNKNOWN, |(_, facts)| facts)
    }
}

const UNKNOWN: Facts = facts("unnamed", "", &[]);
const TRANSACTION: &str = "µs CPU/transaction";
const CONNECTION: &str = "µs CPU/connection";
const CLIENT: &str = "bytes/client";

const fn facts(title: &'static str, unit: &'static str, targets: &'static [Target]) -> Facts {
    Facts {
        title,
        unit,
        targets,
    }
}

const TABLE: &[(Metric, Facts)] = &[
    (
        Metric::Simple,
        facts("simple, 32 clients", TRANSACTION, &[Times(0.90, PgBouncer)]),
    ),
    (
        Metric::Extended,
        facts(
            "extended, 32 clients",
            TRANSACTION,
            &[Times(0.95, PgBouncer)],
        ),
    ),
    (
        Metric::Prepared,
        facts(
            "prepared, 32 clients",
            TRANSACTION,
            &[Times(0.80, PgBouncer)],
        ),
    ),
    (
        Metric::SimpleMany,
        facts(
            "simple, 256 clients",
            TRANSACTION,
            &[Times(0.90, PgBouncer)],
        ),
    ),
    (
        Metric::PreparedMany,
        facts(
            "prepared, 256 clients",
            TRANSACTION,
            &[Times(0.90, PgBouncer)],
        ),
    ),
    (
        Metric::SimpleTls,
        facts(
            "simple over TLS, 32 clients",
            TRANSACTION,
            &[Times(0.75, PgBouncer)],
        ),
    ),
    (
        Metric::StateNone,
        facts("simple from a file, 32 clients", TRANSACTION, &[]),
    ),
    (
        Metric::StateOwn,
        facts(
            "the same, each with its own settings",
            TRANSACTION,
            &[TimesOwn(1.5, Metric::StateNone)],
        ),
    ),
    (
        Metric::ConnectToken,
        facts(
            "new connection: TLS and token (peers: SCRAM)",
            CONNECTION,
            &[Times(0.65, PgBouncer)],
        ),
    ),
    (
        Metric::ConnectScram,
        facts(
            "new connection: SCRAM, no TLS",
            CONNECTION,
            &[Times(1.0, PgBouncer)],
        ),
    ),
    (
        Metric::IdlePlain,
        facts("idle client", CLIENT, &[AtMost(2_560.0)]),
    ),
    (
        Metric::IdleTls,
        facts("idle client, TLS", CLIENT, &[AtMost(12_288.0)]),
    ),
    (
        Metric::IdleCpu,
        facts("all idle clients", "% of a processor", &[AtMost(1.0)]),
    ),
    (
        Metric::AddedP10,
        facts("added latency, p10", "µs", &[Times(1.0, PgBouncer)]),
    ),
    (
        Metric::AddedP50,
        facts("added latency, p50", "µs", &[Times(1.0, PgBouncer)]),
    ),
    (
        Metric::AddedTlsP10,
        facts(
            "added latency over TLS, p10",
            "µs",
            &[Times(1.0, PgBouncer)],
        ),
    ),
    (
        Metric::AddedTlsP50,
        facts(
            "added latency over TLS, p50",
            "µs",
            &[Times(1.0, PgBouncer)],
        ),
    ),
    (
        Metric::BulkPlain,
        facts("104 MB result", "µs CPU/MB", &[Times(1.05, PgBouncer)]),
    ),
    (
        Metric::BulkTls,
        facts(
            "104 MB result over TLS",
            "µs CPU/MB",
            &[Times(0.85, PgBouncer)],
        ),
    ),
    (
        Metric::WaitSpread,
        facts("1,000 waiters: p99 over mean", "", &[AtMost(1.3)]),
    ),
    (
        Metric::WaitCpu,
        facts(
            "1,000 waiters, nothing moves",
            "% of a processor",
            &[AtMost(1.0)],
        ),
    ),
    (
        Metric::ShardGain,
        facts("two shards over one", "× throughput", &[AtLeast(1.7)]),
    ),
    (
        Metric::MySqlText,
        facts(
            "MySQL text over TLS, 32 clients",
            TRANSACTION,
            &[Times(0.30, Router), Times(1.1, HaProxy)],
        ),
    ),
    (
        Metric::MySqlPrepared,
        facts(
            "MySQL prepared over TLS, 32 clients",
            TRANSACTION,
            &[Times(0.40, Router)],
        ),
    ),
    (
        Metric::Instructions,
        facts(
            "simple, in user space",
            "instructions/transaction",
            &[AtMost(5_500.0)],
        ),
    ),
    (Metric::Growth1, facts("simple, 1 client", TRANSACTION, &[])),
    (
        Metric::Growth8,
        facts("simple, 8 clients", TRANSACTION, &[]),
    ),
    (
        Metric::Growth128,
        facts("simple, 128 clients", TRANSACTION, &[]),
    ),
    (
        Metric::Growth1000,
        facts("simple, 1,000 clients", TRANSACTION, &[]),
    ),
    (
        Metric::Rows100,
        facts("simple, 100 rows, 8 clients", TRANSACTION, &[]),
    ),
    (
        Metric::Rows10000,
        facts("simple, 10,000 rows, 8 clients", TRANSACTION, &[]),
    ),
    (
        Metric::Servers5,
        facts("simple, 128 clients on 5 servers", TRANSACTION, &[]),
    ),
    (
        Metric::Servers20,
        facts("simple, 128 clients on 20 servers", TRANSACTION, &[]),
    ),
    (
        Metric::Servers80,
        facts("simple, 128 clients on 80 servers", TRANSACTION, &[]),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_name_of_its_own() {
        let mut titles: Vec<&str> = TABLE.iter().map(|(_, facts)| facts.title).collect();
        titles.sort_unstable();
        titles.dedup();
        assert_eq!(titles.len(), TABLE.len());
        assert_eq!(Metric::Growth1000.facts().title, "simple, 1,000 clients");
    }
}
