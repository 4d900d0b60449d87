//! What the command line asks for.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::{system::System, work::Group};

/// Measures Tollgate beside other proxies.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
pub struct Options {
    /// Fewer and shorter runs: under three minutes once everything is built
    #[arg(long)]
    quick: bool,
    /// Which peers take part, of pgbouncer, haproxy, mysqlrouter, floor, or none [default: all that are installed]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    peers: Option<Vec<String>>,
    /// Only these groups: transactions, state, connections, idle, latency, bulk, waiters, shards, mysql,
    /// instructions, growth
    #[arg(long, value_delimiter = ',', value_name = "GROUPS")]
    only: Option<Vec<String>>,
    /// Repetitions of every measurement [default: 5, with --quick 3]
    #[arg(long, value_name = "N")]
    repetitions: Option<u32>,
    /// Where the results go as JSON; a picture is drawn beside it [default: bench.json in the target folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// How long and how often things run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Runs of everything that varies.
    pub(crate) repetitions: u32,
    /// Seconds of one run of a load generator.
    pub(crate) seconds: u32,
    /// Logins of one run.
    pub(crate) logins: u32,
    /// Rounds of the measurement of latency.
    pub(crate) rounds: u32,
    /// Idle clients held at once.
    pub(crate) idle_clients: u32,
    /// Which measurements.
    pub(crate) length: Length,
}

/// The two forms of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// For every day.
    Quick,
    /// For `docs/performance.md`.
    Full,
}

impl Options {
    /// How long and how often.
    pub(crate) fn plan(&self) -> Plan {
        if self.quick {
            Plan {
                repetitions: self.repetitions.unwrap_or(3),
                seconds: 1,
                logins: 100,
                rounds: 12,
                idle_clients: 1_000,
                length: Length::Quick,
            }
        } else {
            Plan {
                repetitions: self.repetitions.unwrap_or(5),
                seconds: 3,
                logins: 400,
                rounds: 60,
                idle_clients: 10_000,
                length: Length::Full,
            }
        }
    }

    /// Everything that takes part, ours first, each only if it is installed.
    pub(crate) fn systems(&self) -> Result<Vec<System>> {
        let mut systems = vec![System::Tollgate, System::Direct];
        let Some(names) = &self.peers else {
            systems.extend(
                ["pgbouncer", "haproxy", "mysqlrouter", "floor"]
                    .map(System::peer)
                    .into_iter()
                    .flatten(),
            );
            return Ok(systems);
        };
        for name in names.iter().filter(|name| *name != "none") {
            systems.push(System::peer(name).with_context(|| format!("no peer is called {name}"))?);
        }
        Ok(systems)
    }

    /// The groups that are wanted.
    pub(crate) fn groups(&self) -> Result<Vec<Group>> {
        let Some(names) = &self.only else {
            return Ok(Group::ALL.to_vec());
        };
        let mut groups = Vec::new();
        for name in names {
            match Group::ALL.into_iter().find(|group| group.name() == name) {
                Some(group) => groups.push(group),
                None => bail!("no group is called {name}"),
            }
        }
        Ok(groups)
    }
}
