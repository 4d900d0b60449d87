//! MySQL 9 and MariaDB 10.11 with their command lines: unpacked, so that no system service starts.

use std::{env, path::PathBuf};

use anyhow::Result;

use super::unpacked::Recipe;

/// Debian has MySQL in its unstable suite only.
const MYSQL_9: Recipe<'_> = Recipe {
    folder: "mysql-9",
    suite: "sid",
    packages: &["mysql-server-core", "mysql-client-core"],
    programs: &[
        "usr/sbin/mysqld",
        "usr/bin/mysql",
        "usr/bin/mysqladmin",
        "usr/bin/mysqlbinlog",
        "usr/bin/mysqldump",
        "usr/bin/mysqlslap",
    ],
};

/// The version of Debian 12. The package with the service is wanted for its plug-ins (ed25519).
const MARIADB: Recipe<'_> = Recipe {
    folder: "mariadb-10.11",
    suite: "bookworm",
    packages: &["mariadb-server", "mariadb-client"],
    programs: &[
        "usr/sbin/mariadbd",
        "usr/bin/mariadb",
        "usr/bin/mariadb-admin",
        "usr/bin/mariadb-binlog",
        "usr/bin/mariadb-dump",
        "usr/bin/mariadb-slap",
        "usr/bin/my_print_defaults",
        "usr/bin/resolveip",
    ],
};

/// A server that can be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    /// MySQL 9.
    MySql,
    /// MariaDB 10.11.
    MariaDb,
}

impl Server {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::MySql, Self::MariaDb];

    fn recipe(self) -> Recipe<'static> {
        match self {
            Self::MySql => MYSQL_9,
            Self::MariaDb => MARIADB,
        }
    }

    /// The folder that the environment names instead (as for the tests), with `bin` and `sbin`.
    fn given(self) -> Option<PathBuf> {
        let variable = match self {
            Self::MySql => "TOLLGATE_MYSQL_9",
            Self::MariaDb => "TOLLGATE_MARIADB",
        };
        env::var_os(variable).map(PathBuf::from)
    }

    /// Unpacks it if it is missing.
    pub(super) fn install(self) -> Result<()> {
        if self.given().is_none() && !self.recipe().is_unpacked() {
            self.recipe().unpack()?;
        }
        Ok(())
    }

    /// Folders with its programs, if it is there.
    pub(super) fn bin_dirs(self) -> Vec<PathBuf> {
        let unpacked = self.recipe().is_unpacked();
        let base = self
            .given()
            .or_else(|| unpacked.then(|| self.recipe().tree().join("usr")));
        base.map_or_else(Vec::new, |base| vec![base.join("sbin"), base.join("bin")])
    }
}
