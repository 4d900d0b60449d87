//! What a process has used so far: scheduler time of all its threads, and memory of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// A process by its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// CPU time of all living threads, user and kernel, to the nanosecond: the first number of
    /// `/proc/PID/task/TID/schedstat` (Documentation/scheduler/sched-stats in the kernel's sources).
    pub(crate) fn cpu(self) -> Result<Duration> {
        let nanoseconds = self.tasks()?.iter().map(|folder| run_time_ns(folder)).sum();
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The living threads whose name begins like this.
    pub(crate) fn threads(self, prefix: &str) -> Result<Vec<Thread>> {
        let mut tasks = self.tasks()?;
        tasks.retain(|folder| {
            let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
            name.starts_with(prefix)
        });
        Ok(tasks.into_iter().map(Thread).collect())
    }

    /// CPU time that passes for these threads while `work` runs, and what `work` returns.
    pub(crate) fn cpu_of_threads<T>(
        threads: &[Thread],
        work: impl FnOnce() -> Result<T>,
    ) -> Result<(Duration, T)> {
        let now = || -> u64 { threads.iter().map(|thread| run_time_ns(&thread.0)).sum() };
        let before = now();
        let result = work()?;
        let used = now().saturating_sub(before);
        Ok((Duration::from_nanos(used), result))
    }

    fn tasks(self) -> Result<Vec<PathBuf>> {
        let folder = format!("/proc/{}/task", self.0);
        let entries = fs::read_dir(&folder).with_context(|| format!("{folder}: is it gone?"))?;
        Ok(entries.flatten().map(|entry| entry.path()).collect())
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

/// A thread, by its folder in `/proc`.
#[derive(Debug)]
pub(crate) struct Thread(PathBuf);

/// How long something may run in every period.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    /// Microseconds of a processor.
    pub(crate) runtime_us: u32,
    /// Microseconds of a period.
    pub(crate) period_us: u32,
}

impl Allowance {
    /// The part of a processor that it is.
    pub(crate) fn share(self) -> f64 {
        f64::from(self.runtime_us) / f64::from(self.period_us)
    }
}

impl Thread {
    /// Lets the kernel hold the thread to this (`SCHED_DEADLINE`, sched(7)). Needs to be root.
    pub(crate) fn confine(&self, allowance: Allowance) -> Result<()> {
        let number = self.0.file_name().context("no thread")?;
        let (runtime, period) = (
            u64::from(allowance.runtime_us) * 1000,
            u64::from(allowance.period_us) * 1000,
        );
        let output = Command::new("chrt")
            // A thread that it starts is not held to anything: the kernel would refuse it otherwise.
            .args(["--reset-on-fork", "--deadline"])
            .args(["--sched-runtime", &runtime.to_string()])
            .args(["--sched-deadline", &period.to_string()])
            .args(["--sched-period", &period.to_string(), "--pid", "0"])
            .arg(number)
            .output()
            .context("running chrt (of util-linux)")?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("this needs to be root: {}", errors.trim());
        }
        Ok(())
    }
}

/// Nanoseconds that a thread has run; 0 when it has ended since it was listed.
fn run_time_ns(folder: &Path) -> u64 {
    let text = fs::read_to_string(folder.join("schedstat")).unwrap_or_default();
    let first = text.split_whitespace().next();
    first.and_then(|word| word.parse().ok()).unwrap_or_default()
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
    fn threads_are_found_by_name() {
        let ourselves = Process(std::process::id());
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("odd-name-1".to_owned());
        let body = move || begun.send(()).is_ok() && wait.recv().is_err();
        let thread = thread.spawn(body).unwrap();
        begins.recv().unwrap();
        assert_eq!(ourselves.threads("odd-name-").unwrap().len(), 1);
        assert!(ourselves.threads("even-name-").unwrap().is_empty());
        drop(end);
        assert!(thread.join().unwrap());
    }

    #[test]
    fn a_process_has_memory() {
        assert!(Process(std::process::id()).anonymous_bytes().unwrap() > 0);
    }
}
