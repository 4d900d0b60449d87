//! CPU time of a proxy per transaction of sysbench on MySQL, TLS on both sides.

use anyhow::Result;

use super::{micros_each, process};
use crate::{
    load::sysbench::Protocol, options::Plan, reading::Metric, stage::MySqlStage, system::System,
};

/// Clients at once.
const CLIENTS: u32 = 32;

/// Microseconds per transaction; `None` when the system does not take part.
pub(super) fn measure(
    stage: &MySqlStage,
    plan: Plan,
    system: System,
    protocol: Protocol,
) -> Result<Option<Vec<(Metric, f64)>>> {
    let Some(door) = stage.door(system) else {
        return Ok(None);
    };
    let run = || {
        stage
            .sysbench()
            .run(&door, protocol, (CLIENTS, plan.seconds))
    };
    let (time, count) = process(&door)?.cpu_of(run)?;
    let metric = match protocol {
        Protocol::Text => Metric::MySqlText,
        Protocol::Prepared => Metric::MySqlPrepared,
    };
    Ok(Some(vec![(metric, micros_each(time, count.transactions)?)]))
}
