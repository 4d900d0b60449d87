//! On what was measured: processors, kernel, versions.

use std::{fs, process::Command};

use crate::{peers, system::System};

/// Lines that describe a run.
pub(crate) struct Machine {
    lines: Vec<String>,
}

impl Machine {
    /// What can be read of this machine, and the versions of `systems`.
    pub(crate) fn read(systems: &[System]) -> Self {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
        let count = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        let mut lines = vec![
            format!("machine: {count} × {model}"),
            format!(
                "kernel: {}, load average at the start: {load}",
                kernel.trim()
            ),
        ];
        for &system in systems {
            let version = peers::version(system);
            if !version.is_empty() {
                lines.push(format!("{}: {version}", system.name()));
            }
        }
        let pgbench = Command::new("pgbench").arg("--version").output();
        if let Ok(output) = pgbench {
            let text = String::from_utf8_lossy(&output.stdout);
            lines.push(text.trim().to_owned());
        }
        Self { lines }
    }

    /// Adds something that the run has found out.
    pub(crate) fn note(&mut self, line: String) {
        self.lines.push(line);
    }

    /// All lines.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }
}
