//! Real, throw-away MySQL and MariaDB servers: one temporary folder, one port, gone with the test.

mod data;
mod installation;
mod options;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use installation::Installation;
pub use installation::MySqlKind;
pub use options::{Binlog, LoginPlugin, MySqlOptions, PerformanceSchema};

use crate::{
    Ports,
    account::Account,
    process::{Ended, Guarded},
};

/// How long a server may take to start or to stop on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What both servers log when they accept connections.
const READY: &str = "ready for connections";

/// The superuser of every throw-away server.
const SUPERUSER: &str = "root";

/// A running (or deliberately stopped) MySQL or MariaDB server.
///
/// The methods block the calling thread. Dropping it ends the server's process and removes its folder.
#[derive(Debug)]
pub struct MySqlServer {
    // Declared before `folder`: fields drop in order, and the server must be gone first.
    server: Option<Guarded>,
    folder: tempfile::TempDir,
    account: Account,
    installation: Installation,
    port: Ports,
    options: MySqlOptions,
}

impl MySqlServer {
    /// A server with default options: no TLS, 100 connections.
    ///
    /// The superuser is `root`; over TCP its password is [`MySqlServer::superuser_password`].
    pub fn start(kind: MySqlKind) -> Result<Self> {
        Self::start_with(MySqlOptions::new(kind))
    }

    /// A server as `options` say.
    pub fn start_with(options: MySqlOptions) -> Result<Self> {
        let installation = Installation::find(options.kind)?;
        let account = Account::unprivileged()?;
        let folder = tempfile::Builder::new()
            .prefix("tollgate-my-")
            .tempdir()
            .context("making a folder for a server")?;
        account.own(folder.path())?;
        let port = Ports::reserve(1)?;
        let mut mysql = Self {
            server: None,
            folder,
            account,
            installation,
            port,
            options,
        };
        data::create(&mysql)?;
        mysql.launch()?;
        for sql in &mysql.options.bootstrap {
            mysql.superuser_sql("mysql", sql)?;
        }
        Ok(mysql)
    }

    /// `127.0.0.1`.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The TCP port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port.first()
    }

    /// The unix socket, where `root` needs no password.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Which server was asked for.
    pub fn kind(&self) -> MySqlKind {
        self.options.kind
    }

    /// Password of the superuser `root` over TCP.
    pub fn superuser_password() -> &'static str {
        "Super-user-6f1c"
    }

    /// A `mysql://` URL (TLS is left to the client).
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!(
            "mysql://{user}:{password}@{}:{}/{database}",
            self.host(),
            self.port()
        )
    }

    /// The superuser's URL for `database`.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url(SUPERUSER, Self::superuser_password(), database)
    }

    /// The program `name` (`mysqldump`, `mariadb-slap`, …) of this server's version.
    pub fn program(&self, name: &str) -> PathBuf {
        self.installation.program(name)
    }

    /// The server's own command line client, about to log in over TCP at `port` (ours, or a proxy's).
    ///
    /// It reads no settings of the machine and knows every login that its server knows.
    pub fn client(&self, port: u16, user: &str, password: &str) -> Result<Command> {
        let mut command = self.bare_client()?;
        command
            .args(["--protocol=tcp", "--host=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--user={user}"))
            .env("MYSQL_PWD", password);
        Ok(command)
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Makes an account that may log in from anywhere, the way its server does by default.
    pub fn user_create(&self, name: &str, password: &str) -> Result<()> {
        self.user_create_with(name, password, LoginPlugin::default_of(self.kind()))
    }

    /// Makes an account that may log in from anywhere with `plugin`, which the server must have.
    pub fn user_create_with(&self, name: &str, password: &str, plugin: LoginPlugin) -> Result<()> {
        let clause = plugin.clause(&quote_literal(password));
        self.superuser_sql(
            "mysql",
            &format!("CREATE USER {}@'%' {clause}", quote_literal(name)),
        )?;
        Ok(())
    }

    /// Makes a database in which `owner` may do everything.
    pub fn database_create(&self, name: &str, owner: &str) -> Result<()> {
        let database = quote_ident(name);
        self.superuser_sql(
            "mysql",
            &format!(
                "CREATE DATABASE {database}; GRANT ALL ON {database}.* TO {}@'%'",
                quote_literal(owner)
            ),
        )?;
        Ok(())
    }

    /// Runs SQL as superuser through the unix socket and returns the client's answer, trimmed: a line
    /// per row, tabs between columns, no headings.
    pub fn superuser_sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut command = self.bare_client()?;
        command
            .args(["--protocol=socket", "--skip-column-names", "--batch"])
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--user={SUPERUSER}"))
            .arg(format!("--execute={sql}"))
            .arg(database);
        let output = command.output().context("running the client")?;
        ensure!(
            output.status.success(),
            "{}: {}",
            self.kind().client_program(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Number of connections of the account `user`, seen by the server.
    pub fn connections(&self, user: &str) -> Result<u32> {
        let answer = self.superuser_sql(
            "mysql",
            &format!(
                "SELECT count(*) FROM information_schema.processlist WHERE user = {}",
                quote_literal(user)
            ),
        )?;
        answer.parse().context("counting connections")
    }

    /// Ends every connection of the account `user` from the server's side.
    pub fn kill_connections(&self, user: &str) -> Result<()> {
        let kills = self.superuser_sql(
            "mysql",
            &format!(
                "SELECT concat('KILL ', id, ';') FROM information_schema.processlist WHERE user = {}",
                quote_literal(user)
            ),
        )?;
        for kill in kills.lines() {
            match self.superuser_sql("mysql", kill) {
                Ok(_) => {}
                // 1094 is "unknown thread id": it ended by itself in the meantime.
                Err(error) if error.to_string().contains("ERROR 1094") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Orderly shutdown: running connections are cut, the data stays.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut server) = self.server.take() else {
            return Ok(());
        };
        server.signal(Signal::TERM);
        // A paused one would hear of it only when it goes on.
        server.signal(Signal::CONT);
        match server.wait(PATIENCE)? {
            Ended::Exited(_) => Ok(()),
            Ended::StillRunning => bail!("{} did not stop in {PATIENCE:?}", self.kind().title()),
        }
    }

    /// `kill -9` of the server: connections are reset without a word. What was committed stays.
    pub fn kill(&mut self) -> Result<()> {
        match self.server.take() {
            Some(mut server) => server.kill_tree(),
            None => Ok(()),
        }
    }

    /// Stops every thread of the server where it is: connections stay open and nothing answers, until
    /// [`MySqlServer::resume`].
    pub fn pause(&self) -> Result<()> {
        match &self.server {
            Some(server) => server.freeze(PATIENCE),
            None => Ok(()),
        }
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        if let Some(server) = &self.server {
            server.signal(Signal::CONT);
        }
    }

    /// Starts a stopped or killed server again on its old port, with its data.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.launch()
    }

    fn launch(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .context("opening the server's log")?;
        let earlier = self.log().len();
        let mut command = Command::new(self.program(self.kind().server_program()));
        command
            .arg(format!(
                "--defaults-file={}",
                self.settings_path().display()
            ))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("sharing the server's log")?)
            .stderr(log);
        self.account.apply(&mut command, self.folder.path());
        let child = command
            .spawn()
            .with_context(|| format!("starting {}", self.kind().title()))?;
        // Nobody needs the data of a dropped server, so it is not asked to write it out.
        self.server = Some(Guarded::new(child, Signal::KILL, Duration::from_secs(10)));
        self.wait_until_ready(earlier)
    }

    /// Reads the log behind its first `earlier` bytes: a connection to try would be counted by the
    /// server and seen by tests.
    fn wait_until_ready(&mut self, earlier: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let log = self.log();
            if log.get(earlier..).is_some_and(|new| new.contains(READY)) {
                return Ok(());
            }
            if let Some(server) = self.server.as_mut()
                && let Ended::Exited(code) = server.wait(Duration::ZERO)?
            {
                bail!("{} ended with {code:?}: {log}", self.kind().title());
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!(
            "{} was not ready in {PATIENCE:?}: {}",
            self.kind().title(),
            self.log()
        )
    }

    fn bare_client(&self) -> Result<Command> {
        let mut command = self.installation.client(self.kind())?;
        command.current_dir(self.folder.path());
        self.account.apply(&mut command, self.folder.path());
        Ok(command)
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn settings_path(&self) -> PathBuf {
        self.folder.path().join("my.cnf")
    }

    fn certificate_path(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    fn key_path(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }
}

/// A string literal for SQL, in any `sql_mode` but `NO_BACKSLASH_ESCAPES`.
fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A quoted identifier for SQL.
fn quote_ident(text: &str) -> String {
    format!("`{}`", text.replace('`', "``"))
}

#[cfg(test)]
mod tests;
