//! A throw-away PostgreSQL server for the demo, made from the programs found on the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::account::{Account, run};
use super::servers::{Owner, free_port};

/// What to install when there is none.
pub(super) const MISSING: &str = "no PostgreSQL server programs found: install the package `postgresql` (Debian, Ubuntu) or `postgresql-server` (Fedora), or put initdb and pg_ctl on the PATH";

/// A running server; stopped when dropped.
pub(super) struct PostgresServer {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
    version: String,
    account: Account,
}

impl PostgresServer {
    /// Makes a cluster below `folder`, starts it, makes a user and its database.
    pub(super) fn start(programs: &Path, folder: &Path, owner: &Owner<'_>) -> Result<Self> {
        let account = Account::unprivileged(&["postgres"])?;
        let data = folder.join("postgres");
        account.folder(folder, &data)?;
        let mut server = Self {
            version: version(programs)?,
            programs: programs.to_owned(),
            data,
            port: free_port()?,
            account,
        };
        server.make_cluster()?;
        if server.launch().is_err() {
            // Somebody may have taken the port while the cluster was made.
            server.port = free_port()?;
            server.launch()?;
        }
        server.make_user(owner)?;
        Ok(server)
    }

    /// The port it listens on.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// For instance `15.18`.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    fn command(&self, program: &str) -> Command {
        self.account.command(&self.programs.join(program))
    }

    fn make_cluster(&self) -> Result<()> {
        let mut initdb = self.command("initdb");
        initdb.args([
            "-U",
            "postgres",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "-N",
            "-E",
            "UTF8",
            "-D",
        ]);
        run(initdb.arg(&self.data), "initdb")
    }

    fn launch(&self) -> Result<()> {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{}' -c fsync=off",
            self.port,
            self.data.display()
        );
        let log = self.data.join("log");
        let mut pg_ctl = self.command("pg_ctl");
        pg_ctl
            .arg("-D")
            .arg(&self.data)
            .arg("-l")
            .arg(log)
            .args(["-w", "-o", &options, "start"]);
        // The server inherits standard error, and reading it to its end would wait for the server's.
        run(pg_ctl.stderr(Stdio::null()), "pg_ctl start")
    }

    fn make_user(&self, owner: &Owner<'_>) -> Result<()> {
        let Owner {
            user,
            database,
            password,
        } = owner;
        // The names are the demo's own and the password is letters and digits: nothing to escape.
        for sql in [
            format!("create role {user} login password '{password}'"),
            format!("create database {database} owner {user}"),
        ] {
            let mut psql = self.command("psql");
            psql.arg("-h").arg(&self.data).args([
                "-p",
                &self.port.to_string(),
                "-U",
                "postgres",
                "-X",
                "-q",
            ]);
            run(psql.args(["-v", "ON_ERROR_STOP=1", "-c", &sql]), "psql")?;
        }
        Ok(())
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.arg("-D")
            .arg(&self.data)
            .args(["-m", "immediate", "stop"])
            .stderr(Stdio::null());
        // Nobody is left to be told; the folder is removed in any case.
        let _ = stop.status();
    }
}

/// The folder with initdb: the newest version where Debian keeps them, else what is on the PATH.
pub(super) fn find() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").exists())
        .collect();
    found.sort();
    if let Some((_, folder)) = found.pop() {
        return Some(folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

fn version(programs: &Path) -> Result<String> {
    let output = Command::new(programs.join("postgres"))
        .arg("--version")
        .output()
        .context("cannot run postgres")?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .split_whitespace()
        .nth(2)
        .unwrap_or("of unknown version")
        .to_owned())
}
