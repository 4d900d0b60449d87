//! What a proxy adds to the time of one client's round trip, batches of all systems mixed.

use std::time::Instant;

use anyhow::{Context, Result};

use super::{Outcome, Scene};
use crate::{
    door::{Entry, Tls},
    reading::Metric,
    statistic::quantile,
    system::System,
    wire::{Client, query_message},
};

/// Round trips in one batch.
const BATCH: usize = 100;
/// Round trips before each batch that do not count.
const WARM: usize = 5;

struct Runner {
    system: System,
    client: Client,
    micros: Vec<f64>,
}

/// Microseconds more than without a proxy, at the least disturbed tenth and in the middle.
///
/// The server is reached without TLS: what TLS between client and proxy costs is part of the result.
pub(super) fn measure(scene: &Scene<'_>, tls: Tls, systems: &[System]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut runners = Vec::new();
    for &system in systems {
        let entry = match system {
            System::Direct => Entry::Cheap(Tls::Off),
            System::Tollgate
            | System::PgBouncer
            | System::HaProxy
            | System::Router
            | System::Floor => Entry::Cheap(tls),
        };
        let Some(door) = scene.stage.door(system, entry) else {
            continue;
        };
        match Client::connect(&door) {
            Ok(client) => runners.push(Runner {
                system,
                client,
                micros: Vec::new(),
            }),
            Err(error) => outcomes.push((system, Err(error))),
        }
    }
    let request = query_message("SELECT 1");
    for round in 0..scene.plan.rounds {
        let count = runners.len();
        for place in 0..count {
            // Another one begins every round.
            let place = (place + round as usize) % count;
            if let Err(error) = runners[place].batch(&request) {
                let system = runners[place].system;
                outcomes.push((system, Err(error)));
                return outcomes;
            }
        }
    }
    let direct = runners
        .iter()
        .find(|runner| runner.system == System::Direct)
        .map(Runner::quantiles);
    for runner in &runners {
        if runner.system != System::Direct {
            outcomes.push((runner.system, added(runner, direct.as_ref(), tls)));
        }
    }
    outcomes
}

impl Runner {
    fn batch(&mut self, request: &[u8]) -> Result<()> {
        for number in 0..WARM + BATCH {
            let started = Instant::now();
            self.client.roundtrip(request)?;
            if number >= WARM {
                self.micros.push(started.elapsed().as_secs_f64() * 1e6);
            }
        }
        Ok(())
    }

    fn quantiles(&self) -> Option<(f64, f64)> {
        Some((quantile(&self.micros, 10)?, quantile(&self.micros, 50)?))
    }
}

fn added(
    runner: &Runner,
    direct: Option<&Option<(f64, f64)>>,
    tls: Tls,
) -> Result<Vec<(Metric, f64)>> {
    let direct = direct.copied().flatten().context("no direct client")?;
    let here = runner.quantiles().context("nothing was measured")?;
    let (tenth, middle) = match tls {
        Tls::Off => (Metric::AddedP10, Metric::AddedP50),
        Tls::On => (Metric::AddedTlsP10, Metric::AddedTlsP50),
    };
    Ok(vec![
        (tenth, here.0 - direct.0),
        (middle, here.1 - direct.1),
    ])
}
