//! What is measured: every kind of work, which systems can do it, and how its cost is read.

mod bulk;
mod connections;
mod idle;
mod instructions;
mod latency;
mod servers;
mod shards;
mod sysbench;
mod transactions;
mod waiters;

use anyhow::{Context, Result};

use crate::{
    door::{Door, Entry, Tls},
    load::{
        pgbench::{Load, Mode, Script},
        sysbench::Protocol,
    },
    options::{Length, Plan},
    reading::Metric,
    stage::{MySqlStage, Stage},
    system::System,
};

/// Kinds of work, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Transactions,
    State,
    Connections,
    Idle,
    Latency,
    Bulk,
    Waiters,
    Shards,
    MySql,
    Instructions,
    Growth,
}

impl Group {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 11] = [
        Self::Transactions,
        Self::State,
        Self::Connections,
        Self::Idle,
        Self::Latency,
        Self::Bulk,
        Self::Waiters,
        Self::Shards,
        Self::MySql,
        Self::Instructions,
        Self::Growth,
    ];

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::State => "state",
            Self::Connections => "connections",
            Self::Idle => "idle",
            Self::Latency => "latency",
            Self::Bulk => "bulk",
            Self::Waiters => "waiters",
            Self::Shards => "shards",
            Self::MySql => "mysql",
            Self::Instructions => "instructions",
            Self::Growth => "growth",
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// CPU per transaction of pgbench.
    Transactions(Metric, Load, Tls),
    /// CPU per new connection with one query.
    Connections(Metric, Entry),
    /// Memory per idle client.
    Idle(Tls),
    /// What one client waits longer than without a proxy.
    Latency(Tls),
    /// CPU per megabyte of a large result.
    Bulk(Tls),
    /// A thousand clients wait for a full pool.
    Waiters,
    /// Throughput of two shards over that of one.
    Shards,
    /// CPU per transaction of sysbench.
    MySql(Protocol),
    /// CPU per transaction with a pool of so many server connections.
    Servers(Metric, u32),
    /// Instructions in user space per transaction, under valgrind.
    Instructions,
}

/// Everything that a measurement may use.
pub(crate) struct Scene<'a> {
    /// PostgreSQL and what stands before it.
    pub(crate) stage: &'a Stage,
    /// MySQL and what stands before it, when it is measured.
    pub(crate) mysql: Option<&'a MySqlStage>,
    /// How long and how often.
    pub(crate) plan: Plan,
}

/// What one system gave.
pub(crate) type Outcome = (System, Result<Vec<(Metric, f64)>>);

impl Work {
    /// For messages.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Transactions(metric, ..)
            | Self::Connections(metric, _)
            | Self::Servers(metric, _) => metric.facts().title.to_owned(),
            Self::Idle(tls) => format!("idle clients, TLS {tls:?}"),
            Self::Latency(tls) => format!("added latency, TLS {tls:?}"),
            Self::Bulk(tls) => format!("large result, TLS {tls:?}"),
            Self::Waiters => "1,000 waiters".to_owned(),
            Self::Shards => "two shards".to_owned(),
            Self::MySql(protocol) => format!("MySQL, {protocol:?}"),
            Self::Instructions => "instructions".to_owned(),
        }
    }

    /// Whether more repetitions would say the same.
    pub(crate) fn is_repeatable(self) -> bool {
        match self {
            Self::Idle(_) | Self::Instructions | Self::Waiters => true,
            Self::Transactions(..)
            | Self::Connections(..)
            | Self::Latency(_)
            | Self::Bulk(_)
            | Self::Shards
            | Self::Servers(..)
            | Self::MySql(_) => false,
        }
    }

    /// Measures once, every system in the order given.
    pub(crate) fn measure(self, scene: &Scene<'_>, systems: &[System]) -> Vec<Outcome> {
        if let Self::Latency(tls) = self {
            return latency::measure(scene, tls, systems);
        }
        let one = |system: &System| match self.measure_one(scene, *system) {
            Ok(None) => None,
            Ok(Some(values)) => Some((*system, Ok(values))),
            Err(error) => Some((*system, Err(error))),
        };
        systems.iter().filter_map(one).collect()
    }

    /// `None`: the system cannot do that.
    fn measure_one(self, scene: &Scene<'_>, system: System) -> Result<Option<Vec<(Metric, f64)>>> {
        match self {
            // Others do not move settings with a client: there is nothing to compare.
            Self::Transactions(Metric::StateNone | Metric::StateOwn, ..)
                if system != System::Tollgate =>
            {
                Ok(None)
            }
            Self::Transactions(
                Metric::Growth1
                | Metric::Growth8
                | Metric::Growth128
                | Metric::Growth1000
                | Metric::Rows100
                | Metric::Rows10000,
                ..,
            ) if !matches!(system, System::Tollgate | System::PgBouncer) => Ok(None),
            Self::Transactions(metric, load, tls) => {
                let Some(door) = proxy_door(scene.stage, system, Entry::Cheap(tls)) else {
                    return Ok(None);
                };
                transactions::cpu(&door, load, scene.plan.seconds)
                    .map(|value| Some(vec![(metric, value)]))
            }
            Self::Connections(metric, entry) => {
                let Some(door) = connections::door(scene.stage, system, entry) else {
                    return Ok(None);
                };
                connections::cpu(&door, scene.plan.logins).map(|value| Some(vec![(metric, value)]))
            }
            Self::Idle(tls) => match system {
                System::Tollgate | System::PgBouncer => idle::measure(scene, system, tls).map(Some),
                System::Direct | System::HaProxy | System::Router | System::Floor => Ok(None),
            },
            Self::Bulk(tls) => bulk::measure(scene.stage, system, tls),
            Self::Waiters => match system {
                System::Tollgate | System::PgBouncer => waiters::measure(scene, system).map(Some),
                System::Direct | System::HaProxy | System::Router | System::Floor => Ok(None),
            },
            Self::Shards if system == System::Tollgate => shards::measure(scene).map(Some),
            Self::Servers(metric, connections) if system == System::Tollgate => {
                let value = servers::cpu(scene, connections)?;
                Ok(Some(vec![(metric, value)]))
            }
            Self::MySql(protocol) => match scene.mysql {
                Some(stage) => sysbench::measure(stage, scene.plan, system, protocol),
                None => Ok(None),
            },
            Self::Instructions if system == System::Tollgate => {
                instructions::measure(scene).map(Some)
            }
            Self::Latency(_) | Self::Shards | Self::Servers(..) | Self::Instructions => Ok(None),
        }
    }
}

/// A way in that leads through a proxy.
fn proxy_door(stage: &Stage, system: System, entry: Entry) -> Option<Door> {
    let door = stage.door(system, entry)?;
    door.process.is_some().then_some(door)
}

/// The measurements of the wanted groups.
pub(crate) fn chosen(groups: &[Group], length: Length) -> Vec<Work> {
    let select = |mode, clients| Load {
        mode,
        script: Script::Builtin,
        clients,
    };
    let state = |script| Load {
        mode: Mode::Simple,
        script,
        clients: 32,
    };
    let rows = |rows| Load {
        mode: Mode::Simple,
        script: Script::Rows(rows),
        clients: 8,
    };
    let plain = |metric, load| Work::Transactions(metric, load, Tls::Off);
    let mut chosen = Vec::new();
    for group in groups {
        match group {
            Group::Transactions => {
                chosen.extend([
                    plain(Metric::Simple, select(Mode::Simple, 32)),
                    plain(Metric::Extended, select(Mode::Extended, 32)),
                    plain(Metric::Prepared, select(Mode::Prepared, 32)),
                    Work::Transactions(Metric::SimpleTls, select(Mode::Simple, 32), Tls::On),
                ]);
                if length == Length::Full {
                    chosen.push(plain(Metric::SimpleMany, select(Mode::Simple, 256)));
                    chosen.push(plain(Metric::PreparedMany, select(Mode::Prepared, 256)));
                }
            }
            Group::State => chosen.extend([
                plain(Metric::StateNone, state(Script::NoState)),
                plain(Metric::StateOwn, state(Script::OwnState)),
            ]),
            Group::Connections => chosen.extend([
                Work::Connections(Metric::ConnectToken, Entry::Token),
                Work::Connections(Metric::ConnectScram, Entry::Scram(Tls::Off)),
            ]),
            Group::Idle => chosen.extend([Work::Idle(Tls::Off), Work::Idle(Tls::On)]),
            Group::Latency => chosen.extend([Work::Latency(Tls::Off), Work::Latency(Tls::On)]),
            Group::Bulk => chosen.extend([Work::Bulk(Tls::Off), Work::Bulk(Tls::On)]),
            Group::Waiters => chosen.push(Work::Waiters),
            Group::Shards => chosen.push(Work::Shards),
            Group::MySql => {
                chosen.extend([Work::MySql(Protocol::Text), Work::MySql(Protocol::Prepared)]);
            }
            // Valgrind needs minutes for what takes seconds without it.
            Group::Instructions if length == Length::Full => chosen.push(Work::Instructions),
            Group::Growth if length == Length::Full => chosen.extend([
                plain(Metric::Growth1, select(Mode::Simple, 1)),
                plain(Metric::Growth8, select(Mode::Simple, 8)),
                plain(Metric::Growth128, select(Mode::Simple, 128)),
                plain(Metric::Growth1000, select(Mode::Simple, 1_000)),
                plain(Metric::Rows100, rows(100)),
                plain(Metric::Rows10000, rows(10_000)),
                Work::Servers(Metric::Servers5, 5),
                Work::Servers(Metric::Servers20, 20),
                Work::Servers(Metric::Servers80, 80),
            ]),
            Group::Instructions | Group::Growth => {}
        }
    }
    chosen
}

/// Microseconds per piece.
fn micros_each(time: std::time::Duration, pieces: u64) -> Result<f64> {
    anyhow::ensure!(pieces > 0, "nothing was done");
    Ok(time.as_secs_f64() * 1e6 / pieces as f64)
}

/// The process of a proxy.
fn process(door: &Door) -> Result<crate::process::Process> {
    door.process.context("the server itself is no proxy")
}
