//! What clients cost that do nothing: memory of an instance that nobody else uses, and its CPU time.

use std::{thread, time::Duration};

use anyhow::{Context, Result};

use super::Scene;
use crate::{
    door::{Entry, Tls},
    reading::Metric,
    system::System,
    wire::Client,
};

/// Clients before the count begins: they fill pools and caches that are not any client's.
const FIRST: u32 = 50;
/// How long nothing happens while CPU time is read.
const QUIET: Duration = Duration::from_secs(2);

/// Bytes per client that has run one query, and, without TLS, the part of one processor that all of them take.
pub(super) fn measure(scene: &Scene<'_>, system: System, tls: Tls) -> Result<Vec<(Metric, f64)>> {
    let instance = scene.stage.fresh(system)?;
    let door = instance.door(Entry::Cheap(tls)).context("no door")?;
    let process = instance.process().context("no process")?;
    let connect = || -> Result<Client> {
        let mut client = Client::connect(&door)?;
        client.query("SELECT 1")?;
        Ok(client)
    };
    // Nobody leaves before the end: what a leaving client frees would be used again.
    let mut clients = Vec::new();
    for _ in 0..FIRST {
        clients.push(connect()?);
    }
    let before = process.anonymous_bytes()?;
    for _ in 0..scene.plan.idle_clients {
        clients.push(connect()?);
    }
    thread::sleep(Duration::from_secs(1));
    let grown = process.anonymous_bytes()?.saturating_sub(before);
    let each = grown as f64 / f64::from(scene.plan.idle_clients);
    match tls {
        Tls::On => Ok(vec![(Metric::IdleTls, each)]),
        Tls::Off => {
            let rest = || {
                thread::sleep(QUIET);
                Ok(())
            };
            let (used, ()) = process.cpu_of(rest)?;
            let percent = used.as_secs_f64() / QUIET.as_secs_f64() * 100.0;
            Ok(vec![(Metric::IdlePlain, each), (Metric::IdleCpu, percent)])
        }
    }
}
