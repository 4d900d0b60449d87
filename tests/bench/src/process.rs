//! What a process has used so far: scheduler time of all its threads, and memory of its own.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// A process by its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// CPU time of all living threads, user and kernel, to the nanosecond: the first number of
    /// `/proc/PID/task/TID/schedstat` (Documentation/scheduler/sched-stats in the kernel's sources).
    pub(crate) fn cpu(self) -> Result<Duration> {
        let folder = format!("/proc/{}/task", self.0);
        let threads = fs::read_dir(&folder).with_context(|| format!("{folder}: is it gone?"))?;
        let mut nanoseconds = 0;
        for thread in threads.flatten() {
            // A thread may end between the listing and the reading.
            let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            nanoseconds += text
                .split_whitespace()
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or_default();
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// CPU time that passes for the process while `work` runs, and what `work` returns.
    pub(crate) fn cpu_of<T>(self, work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
        let before = self.cpu()?;
        let result = work()?;
        Ok((self.cpu()?.saturating_sub(before), result))
    }

    /// Bytes of resident memory that belong to nobody else and to no file.
    pub(crate) fn anonymous_bytes(self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.0);
        let status = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let kib: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .and_then(|rest| rest.split_whitespace().next())
            .context("no RssAnon")?
            .parse()?;
        Ok(kib * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_while_this_process_works() {
        let ourselves = Process(std::process::id());
        let spin = || Ok((0..2_000_000_u64).fold(1_u64, |sum, next| sum.wrapping_mul(next | 1)));
        let (used, sum) = ourselves.cpu_of(spin).unwrap();
        assert!(used > Duration::ZERO, "{sum}");
    }

    #[test]
    fn a_process_has_memory() {
        assert!(Process(std::process::id()).anonymous_bytes().unwrap() > 0);
    }
}
