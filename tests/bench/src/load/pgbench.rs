//! pgbench: point selects in each of its protocols.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::Count;
use crate::door::{Door, Tls};

/// A select like pgbench's own, so that what comes before it is all that differs.
const SELECT: &str =
    "\\set aid random(1, 500000)\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n";

/// Done once per client: search path and time zone of its own.
const OWN_STATE: &str = "\\if :first\n\\set zone :client_id % 12\nSET search_path TO s:client_id, public;\n\
     SET timezone TO :zone;\n\\set first 0\n\\endif\n";

/// The protocol of `pgbench --protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// One `Query` message.
    Simple,
    /// Parse, bind, execute, every time.
    Extended,
    /// A named statement, prepared once per client.
    Prepared,
}

/// What the transactions do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Script {
    /// `pgbench -S`.
    Builtin,
    /// The same from a file, without session state.
    NoState,
    /// The same from a file; every client has set its own search path and time zone before.
    OwnState,
    /// A select of so many short rows.
    Rows(u32),
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Load {
    /// Which protocol.
    pub(crate) mode: Mode,
    /// Which transactions.
    pub(crate) script: Script,
    /// Clients at once.
    pub(crate) clients: u32,
}

impl Load {
    /// Runs it for so many seconds.
    pub(crate) fn run(self, door: &Door, seconds: u32) -> Result<Count> {
        self.run_until(door, &["-T".to_owned(), seconds.to_string()])
    }

    /// Runs so many transactions per client.
    pub(crate) fn run_transactions(self, door: &Door, transactions: u32) -> Result<Count> {
        self.run_until(door, &["-t".to_owned(), transactions.to_string()])
    }

    fn run_until(self, door: &Door, end: &[String]) -> Result<Count> {
        let protocol = match self.mode {
            Mode::Simple => "simple",
            Mode::Extended => "extended",
            Mode::Prepared => "prepared",
        };
        let ssl = match door.encryption() {
            Tls::Off => "disable",
            Tls::On => "require",
        };
        let mut command = Command::new("pgbench");
        command
            .args(["-n", "-j", "1", "-M", protocol, "-h", "127.0.0.1"])
            .args(["-c", &self.clients.to_string()])
            .args(["-p", &door.port.to_string(), "-U", &door.user])
            .args(end)
            .env("PGPASSWORD", &door.password)
            .env("PGSSLMODE", ssl)
            .env("PGGSSENCMODE", "disable")
            .stdin(Stdio::null());
        let mut file = tempfile::NamedTempFile::new().context("making a script")?;
        match self.script {
            Script::Builtin => {
                command.arg("-S");
            }
            Script::NoState | Script::OwnState => {
                if self.script == Script::OwnState {
                    file.write_all(OWN_STATE.as_bytes())?;
                }
                file.write_all(SELECT.as_bytes())?;
                command.args(["-D", "first=1", "-f"]).arg(file.path());
            }
            Script::Rows(rows) => {
                let filter = format!("aid <= {rows}");
                writeln!(
                    file,
                    "SELECT aid, abalance FROM pgbench_accounts WHERE {filter};"
                )?;
                command.arg("-f").arg(file.path());
            }
        }
        let output = command
            .arg("bench")
            .output()
            .context("running pgbench: is it installed?")?;
        let (text, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        if !output.status.success() || errors.contains("aborted") {
            let reason = errors.lines().find(|line| line.contains("error"));
            bail!("pgbench: {}", reason.unwrap_or(&errors));
        }
        // When the server is slow to accept, a short run is over before everybody has connected.
        read(&text).context("pgbench counted no transactions in its time")
    }
}

fn read(text: &str) -> Option<Count> {
    let after = |label: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
        rest.split([' ', '/']).find(|word| !word.is_empty())
    };
    Some(Count {
        transactions: after("number of transactions actually processed:")?
            .parse()
            .ok()?,
        per_second: after("tps =")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_runs_by_time_and_runs_by_number() {
        let by_time = "number of transactions actually processed: 4711\ntps = 12.5 (without initial connection time)\n";
        let count = read(by_time).unwrap();
        assert_eq!((count.transactions, count.per_second), (4711, 12.5));
        let by_number = "number of transactions actually processed: 10/10\ntps = 2 (x)\n";
        assert_eq!(read(by_number).unwrap().transactions, 10);
        assert!(read("pgbench (18.1)").is_none());
    }
}
