//! CPU time of a proxy per transaction of pgbench.

use anyhow::Result;

use super::{micros_each, process};
use crate::{door::Door, load::pgbench::Load};

/// Microseconds per transaction, logins of the run included.
pub(super) fn cpu(door: &Door, load: Load, seconds: u32) -> Result<f64> {
    let (time, count) = process(door)?.cpu_of(|| load.run(door, seconds))?;
    micros_each(time, count.transactions)
}
