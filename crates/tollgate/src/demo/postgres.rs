//! A throw-away PostgreSQL server for the demo, made from the programs found on the machine.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::random;

/// A running server; stopped when dropped.
pub(super) struct DemoServer {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
    password: String,
    version: String,
    account: Option<Account>,
}

/// Numbers of the account that servers run under when Tollgate runs as root.
struct Account {
    uid: String,
    gid: String,
}

/// A port that nobody uses at this moment.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl DemoServer {
    /// Makes a cluster below `folder`, starts it, makes a user and its database.
    pub(super) fn start(folder: &Path, user: &str, database: &str) -> Result<Self> {
        let programs = find_programs()?;
        let account = account_for_servers()?;
        let data = folder.join("postgres");
        fs::create_dir(&data).context("cannot make a folder for PostgreSQL")?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        if let Some(account) = &account {
            // The server runs under another account and has to reach its folder.
            fs::set_permissions(folder, fs::Permissions::from_mode(0o711))?;
            run(
                Command::new("chown")
                    .arg(format!("{}:{}", account.uid, account.gid))
                    .arg(&data),
                "chown",
            )?;
        }
        let mut server = Self {
            version: version(&programs)?,
            programs,
            data,
            port: free_port()?,
            password: random::letters(32),
            account,
        };
        server.make_cluster()?;
        if server.launch().is_err() {
            // Somebody may have taken the port while the cluster was made.
            server.port = free_port()?;
            server.launch()?;
        }
        server.make_user(user, database)?;
        Ok(server)
    }

    /// The port it listens on.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The user's password, which clients of the proxy never see.
    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// For instance `15.18`.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = match &self.account {
            None => Command::new(path),
            Some(account) => {
                let mut command = Command::new("setpriv");
                command.args([
                    "--reuid",
                    &account.uid,
                    "--regid",
                    &account.gid,
                    "--clear-groups",
                    "--",
                ]);
                command.arg(path);
                command
            }
        };
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
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

    fn make_user(&self, user: &str, database: &str) -> Result<()> {
        // The names are the demo's own and the password is letters and digits: nothing to escape.
        for sql in [
            format!("create role {user} login password '{}'", self.password),
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

impl Drop for DemoServer {
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

fn run(command: &mut Command, what: &str) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {what}"))?;
    if !output.status.success() {
        bail!(
            "{what} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// The folder with initdb: the newest version where Debian keeps them, else what is on the PATH.
fn find_programs() -> Result<PathBuf> {
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
        return Ok(folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
        .context("no PostgreSQL server programs found: install the package `postgresql` (Debian, Ubuntu) or `postgresql-server` (Fedora), or put initdb and pg_ctl on the PATH")
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

/// PostgreSQL refuses to run as root: then it runs as `postgres`, or `nobody` where there is none.
fn account_for_servers() -> Result<Option<Account>> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    if uids.and_then(|uids| uids.split_whitespace().nth(1)) != Some("0") {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").context("cannot read the accounts")?;
    let numbers = |name: &str| {
        let line = accounts
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some(Account {
            uid: fields.next()?.to_owned(),
            gid: fields.next()?.to_owned(),
        })
    };
    let account = numbers("postgres").or_else(|| numbers("nobody"));
    account
        .map(Some)
        .context("PostgreSQL does not run as root, and there is no account `postgres` or `nobody`")
}
