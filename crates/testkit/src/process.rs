//! Child processes that end with the test that started them.

use std::{
    fs,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// How a wait for a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this code (`None`: a signal ended it).
    Exited(Option<i32>),
    /// It was still running at the deadline.
    StillRunning,
}

/// A child process; dropping it ends the child and every process below it, by process id.
#[derive(Debug)]
pub struct Guarded {
    child: Child,
    last_wish: Signal,
    patience: Duration,
}

impl Guarded {
    /// Guards `child`: on drop it gets `last_wish`, and SIGKILL after `patience`.
    pub fn new(child: Child, last_wish: Signal, patience: Duration) -> Self {
        Self {
            child,
            last_wish,
            patience,
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal`; a process that is gone already is no error.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = pid_of(self.child.id()) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Kills the process and everything below it outright, and waits until all of it is gone: only then
    /// has the kernel closed every socket, which is what tests of a server's death wait for.
    pub fn kill_tree(&mut self) -> Result<()> {
        let mut tree = descendants(self.child.id());
        tree.push(self.child.id());
        // Stop the parent first, or it may start a replacement between two kills.
        self.signal(Signal::STOP);
        tree.extend(descendants(self.child.id()));
        for id in &tree {
            if let Some(pid) = pid_of(*id) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        self.child.wait().context("waiting for a killed process")?;
        let deadline = Instant::now() + self.patience;
        while tree.iter().any(|id| lives(*id)) {
            ensure!(Instant::now() < deadline, "a killed process lives on");
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Stops every thread of the process where it is; SIGCONT lets it go on.
    ///
    /// The signal alone is not enough: threads go on until the kernel has reached each of them.
    pub fn freeze(&self, limit: Duration) -> Result<()> {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + limit;
        while !all_threads_stopped(self.child.id()) {
            ensure!(Instant::now() < deadline, "a process did not stand still");
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Waits until the process has ended or `limit` has passed.
    pub fn wait(&mut self, limit: Duration) -> Result<Ended> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().context("waiting for a process")? {
                return Ok(Ended::Exited(status.code()));
            }
            if Instant::now() >= deadline {
                return Ok(Ended::StillRunning);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Ok(Ended::Exited(_)) = self.wait(Duration::ZERO) {
            return;
        }
        let below = descendants(self.child.id());
        self.signal(Signal::CONT);
        self.signal(self.last_wish);
        if !matches!(self.wait(self.patience), Ok(Ended::Exited(_))) {
            let _ = self.kill_tree();
        }
        // Children that outlived their parent (a crash) are ended too; ids are checked again so
        // that a reused one is not hit.
        for id in below {
            if parent_of(id) == Some(1)
                && let Some(pid) = pid_of(id)
            {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn pid_of(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

/// Whether the state of every thread is `T`: the first field after the `)` that ends the name.
fn all_threads_stopped(id: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{id}/task")) else {
        return true;
    };
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(')')
            .is_none_or(|(_, fields)| fields.trim_start().starts_with('T'))
    })
}

/// Every process below `root`, read from `/proc`.
fn descendants(root: u32) -> Vec<u32> {
    let mut parents: Vec<(u32, u32)> = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Some(id) = name.to_str().and_then(|text| text.parse().ok())
            && let Some(parent) = parent_of(id)
        {
            parents.push((id, parent));
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        next += 1;
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(id, _)| *id),
        );
    }
    found.retain(|id| *id != root);
    found
}

/// Whether a process still runs or holds anything: one that ended and that nobody has waited for (state
/// `Z`) does not.
fn lives(id: u32) -> bool {
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, fields)| !fields.trim_start().starts_with('Z'))
    })
}

/// The parent's id: the second field after the `)` that ends the command name in `/proc/<id>/stat`.
fn parent_of(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn dropping_ends_the_whole_tree() {
        let child = Command::new("sh")
            .args(["-c", "sleep 300 & sleep 300 & wait"])
            .spawn()
            .unwrap();
        let guard = Guarded::new(child, Signal::TERM, Duration::from_secs(2));
        let root = guard.id();
        let deadline = Instant::now() + Duration::from_secs(5);
        while descendants(root).len() < 2 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let below = descendants(root);
        assert_eq!(below.len(), 2);
        drop(guard);
        let gone = || below.iter().all(|id| !lives(*id));
        let deadline = Instant::now() + Duration::from_secs(5);
        while !gone() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        assert!(gone(), "a child survived");
    }

    #[test]
    fn a_frozen_process_stands_still_until_it_may_go_on() {
        let child = Command::new("sh")
            .args(["-c", "read line; exit 3"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut guard = Guarded::new(child, Signal::TERM, Duration::from_secs(2));
        guard.freeze(Duration::from_secs(10)).unwrap();
        drop(guard.child.stdin.take());
        let limit = Duration::from_millis(100);
        assert_eq!(guard.wait(limit).unwrap(), Ended::StillRunning);
        guard.signal(Signal::CONT);
        let ended = guard.wait(Duration::from_secs(10)).unwrap();
        assert_eq!(ended, Ended::Exited(Some(3)));
    }

    #[test]
    fn reports_the_exit_code() {
        let child = Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
        let mut guard = Guarded::new(child, Signal::TERM, Duration::from_secs(1));
        assert_eq!(
            guard.wait(Duration::from_secs(10)).unwrap(),
            Ended::Exited(Some(7))
        );
    }
}
