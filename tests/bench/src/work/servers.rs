//! CPU time per transaction as the pool grows: more clients than connections, and as many.

use anyhow::{Context, Result};

use super::{Scene, transactions};
use crate::{
    door::{Entry, Tls},
    load::pgbench::{Load, Mode, Script},
};

/// Microseconds per transaction of an instance whose pool has so many connections.
pub(super) fn cpu(scene: &Scene<'_>, connections: u32) -> Result<f64> {
    let load = Load {
        mode: Mode::Simple,
        script: Script::Builtin,
        clients: 128,
    };
    let instance = scene.stage.tollgate(1)?;
    instance.resize_pools(connections)?;
    let door = instance
        .door(Entry::Cheap(Tls::Off))
        .context("no such door")?;
    // Opens the connections.
    load.run(&door, 1)?;
    transactions::cpu(&door, load, scene.plan.seconds)
}
