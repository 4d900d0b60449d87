//! What a second shard is worth: throughput of an instance with two over that of one with one.

use anyhow::{Context, Result, ensure};

use super::{Scene, process};
use crate::{
    door::{Entry, Tls},
    load::pgbench::{Load, Mode, Script},
    process::{Allowance, Process},
    reading::Metric,
};

/// Load generator, server and two shards each want processors of their own.
const PROCESSORS_MIN: usize = 6;

/// With fewer processors every shard gets a small one: a fifth of the time, so that load and server never run
/// short, and the shards are what limits the throughput.
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
    let processors = std::thread::available_parallelism()?.get();
    let small = (processors < PROCESSORS_MIN).then_some(SMALL);
    let one = throughput(scene, 1, small)?;
    let two = throughput(scene, 2, small)?;
    ensure!(one > 0.0, "nothing was done");
    Ok(vec![(Metric::ShardGain, two / one)])
}

/// Transactions per second of an instance on so many shards, each of which may use `allowance`, or a whole
/// processor.
fn throughput(scene: &Scene<'_>, shards: u32, allowance: Option<Allowance>) -> Result<f64> {
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
    if let Some(allowance) = allowance {
        for thread in &threads {
            thread.confine(allowance)?;
        }
    }
    let seconds = scene.plan.seconds;
    let (used, count) = Process::cpu_of_threads(&threads, || load.run(&door, seconds))?;
    let share = allowance.map_or(1.0, Allowance::share);
    let allowed = share * f64::from(shards) * f64::from(seconds);
    let busy = used.as_secs_f64() / allowed;
    ensure!(
        busy >= BUSY_MIN,
        "{shards} shards used {:.0} % of what they may: something else was the limit",
        busy * 100.0
    );
    Ok(count.per_second)
}
