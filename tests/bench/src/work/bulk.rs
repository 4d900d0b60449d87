//! CPU time of a proxy per megabyte of a result of 104 MB.

use anyhow::{Context, Result};

use super::{process, proxy_door};
use crate::{
    door::{Door, Entry, Tls},
    reading::Metric,
    stage::{Buffers, Stage},
    system::System,
    wire::Client,
};

/// Microseconds per million bytes; `None` when the system has no such way in.
pub(super) fn measure(
    stage: &Stage,
    system: System,
    tls: Tls,
) -> Result<Option<Vec<(Metric, f64)>>> {
    let entry = Entry::Cheap(tls);
    let Some(door) = proxy_door(stage, system, entry) else {
        return Ok(None);
    };
    // With its usual buffers of 4 KiB PgBouncer would be no measure: an instance for large results stands in.
    if system == System::PgBouncer {
        let instance = stage.fresh_with(system, Buffers::Large)?;
        let door = instance.door(entry).context("no door")?;
        return read_all(&door, tls).map(Some);
    }
    read_all(&door, tls).map(Some)
}

fn read_all(door: &Door, tls: Tls) -> Result<Vec<(Metric, f64)>> {
    let mut client = Client::connect(door)?.with_large_buffer();
    client.query("SELECT 1")?;
    let (time, bytes) = process(door)?.cpu_of(|| client.query("SELECT * FROM large"))?;
    client.close()?;
    let value = time.as_secs_f64() * 1e6 / (bytes as f64 / 1e6);
    let metric = match tls {
        Tls::Off => Metric::BulkPlain,
        Tls::On => Metric::BulkTls,
    };
    Ok(vec![(metric, value)])
}
