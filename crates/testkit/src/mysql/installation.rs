//! Finding a MySQL or MariaDB server, with its plug-ins and its command line, on the machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::tools::tools_dir;

/// Which server, in the version that the tests know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MySqlKind {
    /// MySQL 9 (`caching_sha2_password` is its default, `mysql_native_password` is gone).
    MySql9,
    /// MariaDB 10.11 (`mysql_native_password` is its default, ed25519 is a plug-in).
    MariaDb,
}

impl MySqlKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::MySql9, Self::MariaDb];

    /// How people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::MySql9 => "MySQL 9",
            Self::MariaDb => "MariaDB 10.11",
        }
    }

    /// Whether this server is on the machine; says so loudly on standard error when it is not.
    ///
    /// With `TOLLGATE_REQUIRE_ALL` set (as `cargo xtask test` does) a missing server is reported as
    /// present, so that the test runs, fails and nothing is skipped in silence.
    #[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
    pub fn available(self) -> bool {
        if Installation::find(self).is_ok() || env::var_os("TOLLGATE_REQUIRE_ALL").is_some() {
            return true;
        }
        eprintln!(
            "skipped: no {} (no {} found; run `cargo xtask test`)",
            self.title(),
            self.server_program()
        );
        false
    }

    /// The command line client of this kind, for servers of either; it reads no settings of the machine.
    pub fn client(self) -> Result<Command> {
        Installation::find(self)?.client(self)
    }

    /// The program `name` (`mysqldump`, `mariadb-slap`, …) of this kind.
    pub fn program(self, name: &str) -> Result<PathBuf> {
        Ok(Installation::find(self)?.program(name))
    }

    /// The folders with its programs, for a search path.
    pub fn program_dirs(self) -> Result<Vec<PathBuf>> {
        let base = Installation::find(self)?.base;
        Ok(vec![base.join("sbin"), base.join("bin")])
    }

    /// File name of the server program.
    pub(super) fn server_program(self) -> &'static str {
        match self {
            Self::MySql9 => "mysqld",
            Self::MariaDb => "mariadbd",
        }
    }

    /// File name of the command line client.
    pub(super) fn client_program(self) -> &'static str {
        match self {
            Self::MySql9 => "mysql",
            Self::MariaDb => "mariadb",
        }
    }

    /// Short name for folders.
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::MySql9 => "mysql-9",
            Self::MariaDb => "mariadb-10.11",
        }
    }

    fn named_by(self) -> &'static str {
        match self {
            Self::MySql9 => "TOLLGATE_MYSQL_9",
            Self::MariaDb => "TOLLGATE_MARIADB",
        }
    }

    /// What must be there besides the server and the client.
    fn companions(self) -> &'static [&'static str] {
        match self {
            Self::MySql9 => &["share/mysql/english/errmsg.sys"],
            Self::MariaDb => &[
                "bin/mariadb-install-db",
                "lib/mysql/plugin/auth_ed25519.so",
                "share/mysql/mysql_system_tables.sql",
            ],
        }
    }

    /// How `--version` shows that it is this server.
    fn version_mark(self) -> &'static str {
        match self {
            Self::MySql9 => "Ver 9.",
            Self::MariaDb => "Ver 10.11.",
        }
    }
}

/// Where the parts of an installed server lie, as Debian lays them out below `/usr`.
#[derive(Debug, Clone)]
pub(super) struct Installation {
    base: PathBuf,
}

impl Installation {
    /// Looked for in `TOLLGATE_MYSQL_9` or `TOLLGATE_MARIADB` (a folder with `bin`, `sbin`, `lib` and
    /// `share`), the unpacked tree in [`tools_dir`], and `/usr`.
    pub(super) fn find(kind: MySqlKind) -> Result<Self> {
        if let Some(base) = env::var_os(kind.named_by()) {
            return Ok(Self {
                base: PathBuf::from(base),
            });
        }
        let unpacked = Self {
            base: tools_dir().join(kind.slug()).join("tree/usr"),
        };
        if unpacked.is_complete(kind) {
            return Ok(unpacked);
        }
        let system = Self {
            base: PathBuf::from("/usr"),
        };
        if system.is_complete(kind) && system.is(kind) {
            return Ok(system);
        }
        bail!(
            "no {} on this machine (run `cargo xtask test`)",
            kind.title()
        )
    }

    /// The program `name`, whichever folder it lies in.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        let administrative = self.base.join("sbin").join(name);
        if administrative.is_file() {
            return administrative;
        }
        self.base.join("bin").join(name)
    }

    /// What `basedir` is set to.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// Server plug-ins.
    pub(super) fn plugin_dir(&self) -> PathBuf {
        self.base.join("lib/mysql/plugin")
    }

    /// Error messages.
    pub(super) fn messages_dir(&self) -> PathBuf {
        self.base.join("share/mysql")
    }

    /// Plug-ins of MariaDB's client library; MySQL's client has its logins built in.
    pub(super) fn client_plugin_dir(&self) -> Result<PathBuf> {
        let libraries = self.base.join("lib");
        let entries =
            fs::read_dir(&libraries).with_context(|| format!("listing {}", libraries.display()))?;
        for entry in entries.flatten() {
            let plugins = entry.path().join("libmariadb3/plugin");
            if plugins.is_dir() {
                return Ok(plugins);
            }
        }
        bail!(
            "no plug-ins of MariaDB's client library in {}",
            libraries.display()
        )
    }

    /// The command line client, which reads no settings of the machine and knows every login.
    pub(super) fn client(&self, kind: MySqlKind) -> Result<Command> {
        let mut command = Command::new(self.program(kind.client_program()));
        command.arg("--no-defaults");
        if kind == MySqlKind::MariaDb {
            let plugins = self.client_plugin_dir()?;
            command.arg(format!("--plugin-dir={}", plugins.display()));
        }
        command
            .stdin(Stdio::null())
            .env_remove("MYSQL_HOST")
            .env_remove("MYSQL_TCP_PORT")
            .env_remove("MYSQL_UNIX_PORT")
            .env_remove("MYSQL_PWD");
        Ok(command)
    }

    fn is_complete(&self, kind: MySqlKind) -> bool {
        self.program(kind.server_program()).is_file()
            && self.program(kind.client_program()).is_file()
            && kind
                .companions()
                .iter()
                .all(|file| self.base.join(file).is_file())
    }

    fn is(&self, kind: MySqlKind) -> bool {
        Command::new(self.program(kind.server_program()))
            .args(["--no-defaults", "--version"])
            .output()
            .is_ok_and(|output| {
                String::from_utf8_lossy(&output.stdout).contains(kind.version_mark())
            })
    }
}
