//! The command lines that people know, psql and mysql: for the demo's first query, and to be pasted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::mysql::MysqlPrograms;
use super::servers::Programs;
use tollgate_types::Engine;

/// Where a client connects, as whom.
pub(super) struct Destination {
    /// Host of the endpoint.
    pub(super) host: String,
    /// Port of the endpoint.
    pub(super) port: u16,
    /// Database user.
    pub(super) user: &'static str,
    /// Database.
    pub(super) database: &'static str,
    /// Tollgate's own authority.
    pub(super) ca: PathBuf,
}

/// A client of one of the families.
pub(super) enum Client {
    /// psql.
    Psql,
    /// MySQL's or MariaDB's command line.
    Mysql {
        /// The program.
        program: PathBuf,
        /// Whose it is; the two spell their options differently.
        brand: Engine,
        /// Where its plug-ins are, if it is not where it was built for.
        plugins: Option<PathBuf>,
    },
}

impl Client {
    /// The client that goes with a server.
    pub(super) fn of(programs: &Programs) -> Result<Self> {
        match programs {
            Programs::Postgres(_) => Ok(Self::Psql),
            Programs::Mysql(found) => mysql_client(found),
        }
    }

    /// What it is called.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Psql => "psql",
            Self::Mysql { .. } => "mysql",
        }
    }

    /// Runs the first query, as a user would.
    pub(super) fn first_query(&self, to: &Destination, token: &str) -> Result<String> {
        let mut command = Command::new(self.program());
        match self {
            Self::Psql => command.args(["-X", "-A", "-t", "-c", POSTGRES_HELLO]),
            // Settings of the machine come first or not at all.
            Self::Mysql { .. } => command.args(["--no-defaults", "-B", "-N", "-e", MYSQL_HELLO]),
        };
        let output = command
            .args(self.arguments(to))
            .env(self.password_variable(), token)
            .stdin(Stdio::null())
            .output()
            .with_context(|| match self {
                Self::Psql => "cannot run psql: install postgresql-client".to_owned(),
                Self::Mysql { program, .. } => format!("cannot run {}", program.display()),
            })?;
        if !output.status.success() {
            bail!(
                "{} failed: {}",
                self.name(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The command to paste; `token` is a command that prints a token.
    pub(super) fn command_line(&self, to: &Destination, token: &str) -> String {
        let arguments: Vec<String> = self.arguments(to).iter().map(|text| quoted(text)).collect();
        format!(
            "{variable}=\"$({token})\" \\\n  {program} {arguments}",
            variable = self.password_variable(),
            program = quoted(&self.program().display().to_string()),
            arguments = arguments.join(" "),
        )
    }

    fn program(&self) -> &Path {
        match self {
            Self::Psql => Path::new("psql"),
            Self::Mysql { program, .. } => program,
        }
    }

    fn password_variable(&self) -> &'static str {
        match self {
            Self::Psql => "PGPASSWORD",
            Self::Mysql { .. } => "MYSQL_PWD",
        }
    }

    fn arguments(&self, to: &Destination) -> Vec<String> {
        let Destination {
            host,
            port,
            user,
            database,
            ca,
        } = to;
        let ca = ca.display();
        match self {
            Self::Psql => vec![format!(
                "host={host} port={port} user={user} dbname={database} sslmode=verify-full sslrootcert={ca}"
            )],
            Self::Mysql { brand, plugins, .. } => {
                let mut given = vec![
                    format!("--host={host}"),
                    format!("--port={port}"),
                    format!("--user={user}"),
                    format!("--ssl-ca={ca}"),
                ];
                given.push(match brand {
                    Engine::Mariadb => "--ssl-verify-server-cert".to_owned(),
                    Engine::Mysql | Engine::Postgres => "--ssl-mode=VERIFY_IDENTITY".to_owned(),
                });
                if let Some(plugins) = plugins {
                    given.push(format!("--plugin-dir={}", plugins.display()));
                }
                given.push((*database).to_owned());
                given
            }
        }
    }
}

const POSTGRES_HELLO: &str =
    "select 'hello from ' || current_user || ', server ' || split_part(version(), ' ', 2)";
const MYSQL_HELLO: &str = "select concat('hello from ', current_user(), ', server ', version())";

/// The client next to the server, else one on the PATH.
fn mysql_client(server: &MysqlPrograms) -> Result<Client> {
    let names = match server.engine() {
        Engine::Mariadb => ["mariadb", "mysql"],
        Engine::Mysql | Engine::Postgres => ["mysql", "mariadb"],
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let beside = std::iter::once(server.base().join("bin"));
    let program = beside
        .chain(std::env::split_paths(&path))
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
        .context("no mysql command line found: install the package `mariadb-client` (Debian, Ubuntu) or `mysql-client` (Ubuntu)")?;
    let output = Command::new(&program)
        .args(["--no-defaults", "--version"])
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let brand = if String::from_utf8_lossy(&output.stdout).contains("MariaDB") {
        Engine::Mariadb
    } else {
        Engine::Mysql
    };
    let plugins = match brand {
        Engine::Mariadb => moved_plugins(&program),
        // Its logins are built in.
        Engine::Mysql | Engine::Postgres => None,
    };
    Ok(Client::Mysql {
        program,
        brand,
        plugins,
    })
}

/// Plug-ins of MariaDB's client library beside a client that does not lie in `/usr/bin`, which it was built for.
fn moved_plugins(program: &Path) -> Option<PathBuf> {
    let base = program.parent()?.parent()?;
    if base == Path::new("/usr") {
        return None;
    }
    let libraries = std::fs::read_dir(base.join("lib")).ok()?;
    libraries
        .flatten()
        .map(|entry| entry.path().join("libmariadb3/plugin"))
        .find(|plugins| plugins.is_dir())
}

/// A word as a shell reads it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@+".contains(c);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination() -> Destination {
        Destination {
            host: "127.0.0.1".to_owned(),
            port: 7500,
            user: "app",
            database: "orders",
            ca: PathBuf::from("/tmp/with space/ca.pem"),
        }
    }

    #[test]
    fn what_is_pasted_survives_the_shell() {
        let line = Client::Psql.command_line(&destination(), "tollgate token");
        assert!(
            line.starts_with("PGPASSWORD=\"$(tollgate token)\""),
            "{line}"
        );
        assert!(line.contains("psql 'host=127.0.0.1 port=7500"), "{line}");
    }

    #[test]
    fn each_fork_is_asked_to_verify_in_its_own_words() {
        let client = |brand| Client::Mysql {
            program: PathBuf::from("/usr/bin/mysql"),
            brand,
            plugins: None,
        };
        let line = client(Engine::Mysql).command_line(&destination(), "t");
        assert!(line.contains("--ssl-mode=VERIFY_IDENTITY orders"), "{line}");
        assert!(line.contains("'--ssl-ca=/tmp/with space/ca.pem'"), "{line}");
        let line = client(Engine::Mariadb).command_line(&destination(), "t");
        assert!(line.contains("--ssl-verify-server-cert orders"), "{line}");
    }
}
