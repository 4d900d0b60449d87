//! A throw-away MySQL or MariaDB server for the demo, made from the programs found on the machine.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tollgate_types::Engine;

use super::account::{Account, run};
use super::servers::{Owner, free_port};

/// What to install when there is no MySQL.
pub(super) const MISSING_MYSQL: &str = "no MySQL server programs found: install the package `mysql-server` (Ubuntu), or put mysqld on the PATH (`cargo xtask demo --engine mysql` fetches one)";
/// What to install when there is no MariaDB.
pub(super) const MISSING_MARIADB: &str = "no MariaDB server programs found: install the package `mariadb-server` (Debian, Ubuntu, Fedora), or put mariadbd on the PATH (`cargo xtask demo --engine mariadb` fetches one)";

/// What both servers log when they accept connections.
const READY: &str = "ready for connections";
/// Time for a server to start, on a slow machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where servers are installed that are on nobody's PATH.
const FOLDERS: [&str; 4] = [
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/sbin",
    "/usr/local/mysql/bin",
];

/// An installed server.
#[derive(Debug, Clone)]
pub(super) struct MysqlPrograms {
    engine: Engine,
    server: PathBuf,
    /// What its parts lie below, for instance `/usr`.
    base: PathBuf,
    version: String,
}

impl MysqlPrograms {
    /// What its parts lie below.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// Which of the two it is.
    pub(super) fn engine(&self) -> Engine {
        self.engine
    }

    /// Where its parts are: moved elsewhere, a server does not find them by itself.
    fn places(&self) -> Vec<String> {
        let mut given = vec![format!("--basedir={}", self.base.display())];
        let parts = [
            ("lc-messages-dir", "share/mysql", "share/mysql/english"),
            ("plugin-dir", "lib/mysql/plugin", "lib/mysql/plugin"),
        ];
        for (name, folder, proof) in parts {
            if self.base.join(proof).is_dir() {
                given.push(format!("--{name}={}", self.base.join(folder).display()));
            }
        }
        given
    }

    /// Nothing here has to survive a power cut, nor to be quick.
    fn economies(&self) -> Vec<&'static str> {
        let mut given = vec![
            "--innodb-buffer-pool-size=32M",
            "--innodb-doublewrite=OFF",
            "--innodb-flush-method=nosync",
        ];
        match self.engine {
            Engine::Mariadb => given.push("--innodb-log-file-size=8M"),
            Engine::Mysql | Engine::Postgres => given.extend([
                "--innodb-redo-log-capacity=32M",
                // The default is a folder that only a full installation has.
                "--secure-file-priv=NULL",
                // Certificates of its own would take a while, and Tollgate is next to it.
                "--auto-generate-certs=OFF",
                // A second protocol, on a second port.
                "--mysqlx=OFF",
            ]),
        }
        given
    }
}

/// The first server of this engine on the PATH or where packages put them.
pub(super) fn find(engine: Engine) -> Option<MysqlPrograms> {
    let names: &[&str] = match engine {
        Engine::Mariadb => &["mariadbd", "mysqld"],
        Engine::Mysql | Engine::Postgres => &["mysqld"],
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .filter(|program| program.is_file())
        .find_map(|server| {
            let version = version(&server)?;
            let base = server.parent()?.parent()?.to_owned();
            (brand(&version) == engine).then_some(MysqlPrograms {
                engine,
                server,
                base,
                version,
            })
        })
}

/// For instance `9.1.0` or `10.11.6-MariaDB`.
fn version(server: &Path) -> Option<String> {
    let output = Command::new(server)
        .args(["--no-defaults", "--version"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split_whitespace();
    words.find(|word| *word == "Ver")?;
    words.next().map(str::to_owned)
}

fn brand(version: &str) -> Engine {
    if version.contains("MariaDB") {
        Engine::Mariadb
    } else {
        Engine::Mysql
    }
}

/// A running server; stopped when dropped.
pub(super) struct MysqlServer {
    programs: MysqlPrograms,
    folder: PathBuf,
    port: u16,
    account: Account,
    child: Option<Child>,
}

impl MysqlServer {
    /// Makes a data folder below `folder`, starts a server on it, makes a user and its database.
    pub(super) fn start(
        programs: &MysqlPrograms,
        folder: &Path,
        owner: &Owner<'_>,
    ) -> Result<Self> {
        let account = Account::unprivileged(&["mysql"])?;
        let own = folder.join(programs.engine.as_str());
        account.folder(folder, &own)?;
        let mut server = Self {
            programs: programs.clone(),
            folder: own,
            port: free_port()?,
            account,
            child: None,
        };
        server.make_data()?;
        server.write_wishes(owner)?;
        if server.launch().is_err() {
            // Somebody may have taken the port while the data folder was made.
            server.port = free_port()?;
            server.launch()?;
        }
        Ok(server)
    }

    /// The port it listens on.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// For instance `9.1.0`.
    pub(super) fn version(&self) -> &str {
        &self.programs.version
    }

    fn make_data(&self) -> Result<()> {
        let base = &self.programs.base;
        let mut command = match self.programs.engine {
            Engine::Mariadb => {
                let folders = ["bin", "scripts"].map(|name| base.join(name));
                let script = folders
                    .iter()
                    .map(|folder| folder.join("mariadb-install-db"))
                    .find(|script| script.is_file())
                    .context("mariadb-install-db is missing next to the server")?;
                let mut command = self.account.command(&script);
                // Superusers come in through the socket only, which lies in a folder that is nobody else's.
                command.args([
                    "--no-defaults",
                    "--skip-test-db",
                    "--auth-root-authentication-method=socket",
                ]);
                command
            }
            Engine::Mysql | Engine::Postgres => {
                let mut command = self.account.command(&self.programs.server);
                command.args(["--no-defaults", "--initialize-insecure"]);
                command
            }
        };
        command
            .args(self.programs.places())
            .args(self.programs.economies())
            .arg(format!("--datadir={}", self.folder.join("data").display()))
            .current_dir(&self.folder);
        run(&mut command, "making a data folder")
    }

    /// What the server does before it lets anybody in. Without names of hosts the superuser, who is somebody at
    /// `localhost`, cannot come in over TCP.
    fn write_wishes(&self, owner: &Owner<'_>) -> Result<()> {
        let Owner {
            user,
            database,
            password,
        } = owner;
        // The names are the demo's own and the password is letters and digits: nothing to escape.
        let sql = format!(
            "CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED BY '{password}';\n\
             CREATE DATABASE IF NOT EXISTS `{database}`;\n\
             GRANT ALL ON `{database}`.* TO '{user}'@'%';\n"
        );
        let file = self.wishes();
        fs::write(&file, "").context("cannot write a file for the server")?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        fs::write(&file, sql)?;
        self.account.give(&file)
    }

    fn wishes(&self) -> PathBuf {
        self.folder.join("init.sql")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn launch(&mut self) -> Result<()> {
        let log = File::create(self.log()).context("cannot make the server's log")?;
        let inside = |name: &str| self.folder.join(name).display().to_string();
        let mut command = self.account.command(&self.programs.server);
        command
            .arg("--no-defaults")
            .args(self.programs.places())
            .args(self.programs.economies())
            .args([
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--performance-schema=OFF",
                "--skip-log-bin",
            ])
            .arg(format!("--port={}", self.port))
            .arg(format!("--datadir={}", inside("data")))
            .arg(format!("--socket={}", inside("socket")))
            .arg(format!("--pid-file={}", inside("pid")))
            .arg(format!("--init-file={}", inside("init.sql")))
            .current_dir(&self.folder)
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C is for us: sessions are to end before their server does.
            .process_group(0);
        self.child = Some(command.spawn().context("cannot start the server")?);
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            let said = fs::read(self.log()).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            if said.contains(READY) {
                return Ok(());
            }
            let ended = match self.child.as_mut() {
                Some(child) => child.try_wait()?.is_some(),
                None => true,
            };
            if ended || began.elapsed() > PATIENCE {
                self.stop();
                bail!("the server did not start: {}", said.trim());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Nobody needs the data any more, so the server is not asked to write it out.
    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; nobody is left to be told.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for MysqlServer {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_are_told_apart_by_their_versions() {
        assert_eq!(brand("9.1.0"), Engine::Mysql);
        assert_eq!(brand("8.0.36-0ubuntu0.22.04.1"), Engine::Mysql);
        assert_eq!(brand("10.11.6-MariaDB"), Engine::Mariadb);
    }
}
