//! What a second shard is worth: throughput of an instance with two over that of one with one.

use anyhow::{Context, Result, ensure};

use super::Scene;
use crate::{
    door::{Entry, Tls},
    load::pgbench::{Load, Mode, Script},
    reading::Metric,
};

/// Load generator, server and two shards each want processors of their own; with fewer, the result says nothing.
const PROCESSORS_MIN: usize = 6;

/// The ratio.
pub(super) fn measure(scene: &Scene<'_>) -> Result<Vec<(Metric, f64)>> {
    let processors = std::thread::available_parallelism()?.get();
    ensure!(
        processors >= PROCESSORS_MIN,
        "needs {PROCESSORS_MIN} processors for itself, the server and the load; here are {processors}"
    );
    let load = Load {
        mode: Mode::Simple,
        script: Script::Builtin,
        clients: 128,
    };
    let throughput = |shards| -> Result<f64> {
        let instance = scene.stage.tollgate(shards)?;
        let door = instance
            .door(Entry::Cheap(Tls::Off))
            .context("no such door")?;
        load.run(&door, 1)?;
        Ok(load.run(&door, scene.plan.seconds)?.per_second)
    };
    let one = throughput(1)?;
    ensure!(one > 0.0, "nothing was done");
    Ok(vec![(Metric::ShardGain, throughput(2)? / one)])
}
