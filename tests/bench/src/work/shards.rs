//! What a second shard is worth: throughput of an instance with two over that of one with one.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::{Scene, process};
use crate::{
    door::{Entry, Tls},
    load::pgbench::{Load, Mode, Script},
    process::{Allowance, Process},
    reading::Metric,
};

/// Every shard gets a small processor, a fifth of the time of one: load generator and server never run short on a
/// machine with few, and the shards are what limits the throughput on any.
const SMALL: Allowance = Allowance {
    runtime_us: 2_000,
    period_us: 10_000,
};

/// Of what the shards may use, at least this part must be used: otherwise something else was the limit.
const BUSY_MIN: f64 = 0.85;

/// Threads of the proxy that serve clients.
const SHARD: &str = "shard-";

/// The ratio.
pub(super) fn measure(scene: &Scene<'_>) -> Result<Vec<(Metric, f64)>> {
    let one = throughput(scene, 1)?;
    let two = throughput(scene, 2)?;
    ensure!(one > 0.0, "nothing was done");
    Ok(vec![(Metric::ShardGain, two / one)])
}

/// Transactions per second of an instance on so many shards.
fn throughput(scene: &Scene<'_>, shards: u32) -> Result<f64> {
    let load = Load {
        mode: Mode::Simple,
        script: Script::Builtin,
        clients: 128,
    };
    let instance = scene.stage.tollgate(shards)?;
    let door = instance
        .door(Entry::Cheap(Tls::Off))
        .context("no such door")?;
    // Opens the server connections.
    load.run(&door, 1)?;
    let threads = process(&door)?.threads(SHARD)?;
    ensure!(
        threads.len() == shards as usize,
        "{} threads are called {SHARD}",
        threads.len()
    );
    for thread in &threads {
        thread.confine(SMALL)?;
    }
    let started = Instant::now();
    let (used, count) = Process::cpu_of_threads(&threads, || load.run(&door, scene.plan.seconds))?;
    let allowed = SMALL.share() * f64::from(shards) * started.elapsed().as_secs_f64();
    let busy = used.as_secs_f64() / allowed;
    ensure!(
        busy >= BUSY_MIN,
        "{shards} shards used {:.0} % of what they may: something else was the limit",
        busy * 100.0
    );
    Ok(count.per_second)
}
