//! The throw-away database servers of the demo: which there can be, and what they have in common.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tollgate_types::Engine;

use super::mysql::{self, MysqlPrograms, MysqlServer};
use super::postgres::{self, PostgresServer};

/// An engine to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DemoEngine {
    /// PostgreSQL
    Postgres,
    /// MySQL
    Mysql,
    /// MariaDB
    Mariadb,
}

impl DemoEngine {
    /// The engine in the words of the API.
    pub(super) fn engine(self) -> Engine {
        match self {
            Self::Postgres => Engine::Postgres,
            Self::Mysql => Engine::Mysql,
            Self::Mariadb => Engine::Mariadb,
        }
    }

    fn find(self) -> Option<Programs> {
        match self {
            Self::Postgres => postgres::find().map(Programs::Postgres),
            Self::Mysql | Self::Mariadb => mysql::find(self.engine()).map(Programs::Mysql),
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Self::Postgres => postgres::MISSING,
            Self::Mysql => mysql::MISSING_MYSQL,
            Self::Mariadb => mysql::MISSING_MARIADB,
        }
    }
}

/// Programs of a server that was found.
pub(super) enum Programs {
    /// The folder with initdb.
    Postgres(PathBuf),
    /// Those of MySQL or MariaDB.
    Mysql(MysqlPrograms),
}

/// Who gets a database on the server.
pub(super) struct Owner<'a> {
    /// The user, a name of our own.
    pub(super) user: &'a str,
    /// The database, a name of our own.
    pub(super) database: &'a str,
    /// Letters and digits.
    pub(super) password: &'a str,
}

/// A running server; stopped when dropped.
pub(super) enum Server {
    /// PostgreSQL.
    Postgres(PostgresServer),
    /// MySQL or MariaDB.
    Mysql(MysqlServer),
}

impl Server {
    /// Makes a server below `folder`, with a user and its database.
    pub(super) fn start(programs: &Programs, folder: &Path, owner: &Owner<'_>) -> Result<Self> {
        Ok(match programs {
            Programs::Postgres(found) => {
                Self::Postgres(PostgresServer::start(found, folder, owner)?)
            }
            Programs::Mysql(found) => Self::Mysql(MysqlServer::start(found, folder, owner)?),
        })
    }

    /// The port it listens on.
    pub(super) fn port(&self) -> u16 {
        match self {
            Self::Postgres(server) => server.port(),
            Self::Mysql(server) => server.port(),
        }
    }

    /// For instance `15.18` or `10.11.6-MariaDB`.
    pub(super) fn version(&self) -> &str {
        match self {
            Self::Postgres(server) => server.version(),
            Self::Mysql(server) => server.version(),
        }
    }
}

/// The programs of the engines that were asked for; when none was, PostgreSQL and one of MySQL and MariaDB, as far
/// as the machine has them.
pub(super) fn choose(asked: &[DemoEngine]) -> Result<Vec<(DemoEngine, Programs)>> {
    if asked.is_empty() {
        let both = [DemoEngine::Mysql, DemoEngine::Mariadb];
        let found = |engine: DemoEngine| Some((engine, engine.find()?));
        let mut chosen: Vec<_> = found(DemoEngine::Postgres).into_iter().collect();
        chosen.extend(both.into_iter().find_map(found));
        if chosen.is_empty() {
            bail!("{}", postgres::MISSING);
        }
        return Ok(chosen);
    }
    let mut chosen: Vec<(DemoEngine, Programs)> = Vec::new();
    for engine in asked {
        if chosen.iter().all(|(known, _)| known != engine) {
            chosen.push((*engine, engine.find().context(engine.missing())?));
        }
    }
    Ok(chosen)
}

/// A port that nobody uses at this moment.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
