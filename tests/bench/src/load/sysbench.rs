//! sysbench: point selects over TLS, in the text protocol and prepared.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tollgate_testkit::TestCa;

use super::Count;
use crate::{door::Door, stage::MYSQL_ROWS};

/// How statements reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Protocol {
    /// `COM_QUERY`.
    Text,
    /// `COM_STMT_EXECUTE`.
    Prepared,
}

/// The folder in which sysbench looks for certificates.
pub(crate) struct Sysbench {
    folder: TempDir,
}

/// Whether it can be run.
pub(crate) fn is_installed() -> bool {
    let version = Command::new("sysbench").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

impl Sysbench {
    /// For servers whose certificates `authorities` (PEM) signed. It shows a certificate of its own, which MySQL
    /// verifies; `issuer` signs it.
    pub(crate) fn trusting(authorities: &[String], issuer: &TestCa) -> Result<Self> {
        let folder = tempfile::tempdir().context("making a folder for sysbench")?;
        let own = issuer.client("client")?;
        for (name, text) in [
            ("cacert.pem", authorities.concat()),
            ("client-cert.pem", own.cert_pem),
            ("client-key.pem", own.key_pem),
        ] {
            std::fs::write(folder.path().join(name), text).context("writing a certificate")?;
        }
        Ok(Self { folder })
    }

    /// Makes the table that the selects read.
    pub(crate) fn fill(&self, door: &Door) -> Result<()> {
        let output = command(self.folder.path(), door)
            .arg("prepare")
            .output()
            .context("running sysbench")?;
        ensure!(
            output.status.success(),
            "sysbench: {}",
            reason(&String::from_utf8_lossy(&output.stdout))
        );
        Ok(())
    }

    /// Point selects of so many clients for so many seconds.
    pub(crate) fn run(
        &self,
        door: &Door,
        protocol: Protocol,
        (clients, seconds): (u32, u32),
    ) -> Result<Count> {
        let prepared = match protocol {
            Protocol::Text => "disable",
            Protocol::Prepared => "auto",
        };
        let output = command(self.folder.path(), door)
            .arg(format!("--db-ps-mode={prepared}"))
            .arg(format!("--threads={clients}"))
            .arg(format!("--time={seconds}"))
            .arg("run")
            .output()
            .context("running sysbench")?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("sysbench: {}", reason(&text));
        }
        read(&text).context("sysbench counted no transactions")
    }
}

fn command(folder: &Path, door: &Door) -> Command {
    let mut command = Command::new("sysbench");
    command
        .args(["oltp_point_select", "--db-driver=mysql", "--tables=1"])
        .args(["--mysql-host=127.0.0.1", "--mysql-db=bench"])
        .args(["--mysql-ssl=on", "--skip-trx=on"])
        .arg(format!("--table-size={MYSQL_ROWS}"))
        .arg(format!("--mysql-port={}", door.port))
        .arg(format!("--mysql-user={}", door.user))
        .arg(format!("--mysql-password={}", door.password))
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// The lines that say what went wrong.
fn reason(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("FATAL"))
        .take(3)
        .collect();
    lines.join(" ")
}

fn read(text: &str) -> Option<Count> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("transactions:"))?;
    let (count, rest) = line.trim().split_once(' ')?;
    let per_second = rest.trim().strip_prefix('(')?.split(' ').next()?;
    Some(Count {
        transactions: count.parse().ok()?,
        per_second: per_second.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_count_and_the_rate() {
        let text = "SQL statistics:\n    transactions:                        62512  (20829.31 per sec.)\n";
        let count = read(text).unwrap();
        assert_eq!((count.transactions, count.per_second), (62_512, 20_829.31));
        assert!(read("FATAL: no").is_none());
    }
}
