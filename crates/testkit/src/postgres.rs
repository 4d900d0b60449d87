//! Real, throw-away PostgreSQL servers: one temporary folder, one port, gone with the test.

mod binaries;
mod cluster;
mod options;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

pub use binaries::PostgresVersion;
pub use options::{HostAuth, PostgresOptions};

use crate::{
    Ports,
    account::Account,
    process::{Ended, Guarded},
};

/// How long a server may take to start or to stop on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The superuser of every throw-away server.
const SUPERUSER: &str = "postgres";

/// A running (or deliberately stopped) PostgreSQL server.
///
/// The methods block the calling thread; they are quick enough for tests on any runtime. Dropping it
/// ends the server's processes and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    // Declared before `folder`: fields drop in order, and the server must be gone first.
    server: Option<Guarded>,
    folder: tempfile::TempDir,
    account: Account,
    bin: PathBuf,
    port: Ports,
    options: PostgresOptions,
}

impl Postgres {
    /// A server with default options: every password login by SCRAM, no TLS, 100 connections.
    ///
    /// The superuser is `postgres`; its password is [`Postgres::superuser_password`].
    pub fn start(version: PostgresVersion) -> Result<Self> {
        Self::start_with(PostgresOptions::new(version))
    }

    /// A server as `options` say.
    pub fn start_with(options: PostgresOptions) -> Result<Self> {
        let bin = options.version.bin_dir()?;
        let account = Account::unprivileged()?;
        let folder = tempfile::Builder::new()
            .prefix("tollgate-pg-")
            .tempdir()
            .context("making a folder for a server")?;
        account.own(folder.path())?;
        let port = Ports::reserve(1)?;
        let mut postgres = Self {
            server: None,
            folder,
            account,
            bin,
            port,
            options,
        };
        cluster::create(&postgres)?;
        postgres.launch()?;
        postgres.superuser_sql(
            "postgres",
            &format!(
                "ALTER ROLE {SUPERUSER} PASSWORD {}",
                quote_literal(Self::superuser_password())
            ),
        )?;
        Ok(postgres)
    }

    /// `127.0.0.1`.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The TCP port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port.first()
    }

    /// The version that was asked for.
    pub fn version(&self) -> PostgresVersion {
        self.options.version
    }

    /// Password of the superuser `postgres`.
    pub fn superuser_password() -> &'static str {
        "Super-user-6f1c"
    }

    /// A `postgres://` URL (TLS is left to the client).
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!(
            "postgres://{user}:{password}@{}:{}/{database}",
            self.host(),
            self.port()
        )
    }

    /// The superuser's URL for `database`.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url(SUPERUSER, Self::superuser_password(), database)
    }

    /// The program `name` (`psql`, `pgbench`, …) of this server's version.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Makes a role that may log in.
    pub fn user_create(&self, name: &str, password: &str) -> Result<()> {
        self.superuser_sql(
            "postgres",
            &format!(
                "CREATE ROLE {} LOGIN PASSWORD {}",
                quote_ident(name),
                quote_literal(password)
            ),
        )?;
        Ok(())
    }

    /// Makes a database that `owner` owns.
    pub fn database_create(&self, name: &str, owner: &str) -> Result<()> {
        self.superuser_sql(
            "postgres",
            &format!(
                "CREATE DATABASE {} OWNER {}",
                quote_ident(name),
                quote_ident(owner)
            ),
        )?;
        Ok(())
    }

    /// Runs SQL as superuser through the unix socket and returns psql's unaligned answer, trimmed.
    pub fn superuser_sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut command = Command::new(self.program("psql"));
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-U", SUPERUSER, "-d", database, "-c", sql])
            .arg("-h")
            .arg(self.folder.path())
            .args(["-p", &self.port().to_string()])
            .env_remove("PGSERVICE")
            .env_remove("PGOPTIONS")
            .stdin(Stdio::null());
        self.account.apply(&mut command, self.folder.path());
        let output = command.output().context("running psql")?;
        ensure!(
            output.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Number of client backends of `database`, seen by the server.
    pub fn backends(&self, database: &str) -> Result<u32> {
        let answer = self.superuser_sql(
            "postgres",
            &format!(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = {}",
                quote_literal(database)
            ),
        )?;
        answer.parse().context("counting backends")
    }

    /// Ends every client backend of `database` with 57P01.
    pub fn terminate_backends(&self, database: &str) -> Result<()> {
        self.superuser_sql(
            "postgres",
            &format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid()",
                quote_literal(database)
            ),
        )?;
        Ok(())
    }

    /// Fast shutdown: running transactions are cut with 57P01, the data stays.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        server.signal(Signal::INT);
        match server.wait(PATIENCE)? {
            Ended::Exited(_) => Ok(()),
            Ended::StillRunning => bail!("PostgreSQL did not stop in {PATIENCE:?}"),
        }
    }

    /// `kill -9` of the server and of every backend: connections are reset without a word.
    pub fn kill(&mut self) -> Result<()> {
        match self.server.take() {
            Some(mut server) => server.kill_tree(),
            None => Ok(()),
        }
    }

    /// Starts a stopped or killed server again on its old port, with its data.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A killed server leaves its lock file; its process id may belong to somebody else by now.
            let _ = fs::remove_file(self.data_dir().join("postmaster.pid"));
            let launched = self.launch();
            // Its children may need a moment to die, and the server will not start beside them.
            let too_early = launched
                .as_ref()
                .is_err_and(|error| error.to_string().contains("pre-existing shared memory"));
            if !too_early || Instant::now() > deadline {
                return launched;
            }
            self.server = None;
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn launch(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .context("opening the server's log")?;
        let mut command = Command::new(self.program("postgres"));
        command
            .arg("-D")
            .arg(self.data_dir())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("sharing the server's log")?)
            .stderr(log);
        self.account.apply(&mut command, self.folder.path());
        let child = command.spawn().context("starting postgres")?;
        // SIGQUIT is PostgreSQL's immediate shutdown: it ends its children itself.
        self.server = Some(Guarded::new(child, Signal::QUIT, Duration::from_secs(10)));
        self.wait_until_ready()
    }

    /// The last line of `postmaster.pid` says `ready` once connections are accepted.
    fn wait_until_ready(&mut self) -> Result<()> {
        let lock_file = self.data_dir().join("postmaster.pid");
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(server) = self.server.as_mut()
                && let Ended::Exited(code) = server.wait(Duration::ZERO)?
            {
                bail!("postgres ended with {code:?}: {}", self.log());
            }
            let lock = fs::read_to_string(&lock_file).unwrap_or_default();
            if lock
                .lines()
                .nth(7)
                .is_some_and(|line| line.trim() == "ready")
            {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("postgres was not ready in {PATIENCE:?}: {}", self.log())
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn socket_dir(&self) -> &Path {
        self.folder.path()
    }
}

/// A string literal for SQL.
fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A quoted identifier for SQL.
fn quote_ident(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
