//! MySQL 9 and MariaDB 10.11 with their command lines, for tests: unpacked, so that no system service starts.

use std::env;

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

/// Unpacks what is missing, unless the environment names another server (as for the tests).
pub(super) fn servers() -> Result<()> {
    for (recipe, named_by) in [(MYSQL_9, "TOLLGATE_MYSQL_9"), (MARIADB, "TOLLGATE_MARIADB")] {
        if env::var_os(named_by).is_none() && !recipe.is_unpacked() {
            recipe.unpack()?;
        }
    }
    Ok(())
}
