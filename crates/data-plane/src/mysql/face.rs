//! What clients are greeted with: the version of the databases behind, and what we can do for all of them.

use std::sync::Arc;

use tollgate_types::Engine;
use tollgate_wire_mysql::auth::Plugin;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::charset::{UTF8MB4_0900_AI_CI, UTF8MB4_GENERAL_CI};
use tollgate_wire_mysql::handshake::{Greeting, Nonce};
use tollgate_wire_mysql::status::StatusFlags;
use tollgate_wire_mysql::version::{Family, REPLICATION_PREFIX, ServerVersion};

use crate::target::TargetShared;

/// What is offered whatever the server behind can do. Compression is not: it costs more than it saves next to
/// the database. Nor are expired passwords: whose they are is between the proxy and the database.
const ALWAYS: Capabilities = Capabilities::FOUND_ROWS
    .with(Capabilities::LONG_FLAG)
    .with(Capabilities::CONNECT_WITH_DB)
    .with(Capabilities::ODBC)
    .with(Capabilities::LOCAL_FILES)
    .with(Capabilities::IGNORE_SPACE)
    .with(Capabilities::PROTOCOL_41)
    .with(Capabilities::INTERACTIVE)
    .with(Capabilities::SSL)
    .with(Capabilities::TRANSACTIONS)
    .with(Capabilities::SECURE_CONNECTION)
    .with(Capabilities::MULTI_STATEMENTS)
    .with(Capabilities::MULTI_RESULTS)
    .with(Capabilities::PS_MULTI_RESULTS)
    .with(Capabilities::PLUGIN_AUTH)
    .with(Capabilities::CONNECT_ATTRS)
    .with(Capabilities::PLUGIN_AUTH_LENENC)
    .with(Capabilities::SESSION_TRACK)
    .with(Capabilities::DEPRECATE_EOF);

/// What clients see of the servers behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Face {
    /// The software behind.
    pub(crate) engine: Engine,
    /// What clients may use.
    pub(crate) capabilities: Capabilities,
    /// The plugin of the greeting's challenge.
    pub(crate) plugin: Plugin,
    version: Vec<u8>,
    collation: u8,
}

impl Face {
    /// The face of the target with the oldest version: drivers use what the version promises. Before any target
    /// has been reached it is that of the oldest release that is still maintained.
    pub(crate) fn of_targets(targets: &[Arc<TargetShared>]) -> Self {
        let engine = targets
            .first()
            .map_or(Engine::Mysql, |target| target.plan().config.engine);
        let numbers = |face: &Self| {
            let version = ServerVersion::parse(&face.version);
            version.map(|version| (version.major, version.minor, version.patch))
        };
        targets
            .iter()
            .filter_map(|target| {
                let version = target.version()?;
                Some(Self::of(target.plan().config.engine, Some(&version)))
            })
            .min_by_key(numbers)
            .unwrap_or_else(|| Self::of(engine, None))
    }

    /// The face of a server of this version.
    pub(crate) fn of(engine: Engine, version: Option<&str>) -> Self {
        let oldest = match engine {
            Engine::Mysql | Engine::Postgres => "8.0.30",
            Engine::Mariadb => "10.6.0-MariaDB",
        };
        let text = version.unwrap_or(oldest);
        let parsed = ServerVersion::parse(text.as_bytes());
        let is_mariadb = match (parsed, engine) {
            (Some(version), _) => version.family == Family::MariaDb,
            (None, Engine::Mariadb) => true,
            (None, Engine::Mysql | Engine::Postgres) => false,
        };
        let at_least = |major, minor, patch| {
            parsed.is_some_and(|version| version.at_least(major, minor, patch))
        };
        if is_mariadb {
            let mut capabilities = ALWAYS;
            if at_least(10, 2, 0) {
                capabilities = capabilities | Capabilities::MARIADB_STMT_BULK;
            }
            if at_least(11, 5, 1) {
                capabilities = capabilities | Capabilities::MARIADB_BULK_UNIT_RESULTS;
            }
            return Self {
                engine,
                capabilities,
                plugin: Plugin::Native,
                version: prefixed(text, at_least(11, 0, 0)),
                collation: UTF8MB4_GENERAL_CI,
            };
        }
        let mut capabilities = ALWAYS | Capabilities::LONG_PASSWORD;
        // MySQL 8.0.23 to 8.0.25 misread the parameters of prepared statements with it.
        if at_least(8, 0, 26) {
            capabilities = capabilities | Capabilities::QUERY_ATTRIBUTES;
        }
        Self {
            engine,
            capabilities,
            plugin: Plugin::CachingSha2,
            version: text.as_bytes().to_vec(),
            collation: if at_least(8, 0, 1) {
                UTF8MB4_0900_AI_CI
            } else {
                UTF8MB4_GENERAL_CI
            },
        }
    }

    /// The greeting of one connection.
    pub(super) fn greeting(&self, connection_id: u32, nonce: Nonce) -> Greeting {
        Greeting {
            version: self.version.clone(),
            connection_id,
            nonce,
            capabilities: self.capabilities,
            collation: self.collation,
            // A greeting without it has made drivers fail.
            status: StatusFlags::AUTOCOMMIT,
            plugin: self.plugin.name().as_bytes().to_vec(),
        }
    }
}

/// MariaDB 10 says in its greeting, and nowhere else, that it is 5.5.5.
fn prefixed(text: &str, is_11: bool) -> Vec<u8> {
    if is_11 || text.starts_with(REPLICATION_PREFIX) {
        return text.as_bytes().to_vec();
    }
    [REPLICATION_PREFIX, text].concat().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(face: &Face) -> &str {
        std::str::from_utf8(&face.version).unwrap()
    }

    #[test]
    fn families_show_what_drivers_tell_them_apart_by() {
        let mysql = Face::of(Engine::Mysql, Some("9.1.0"));
        assert_eq!(
            (version(&mysql), mysql.plugin),
            ("9.1.0", Plugin::CachingSha2)
        );
        let own = Capabilities::LONG_PASSWORD | Capabilities::QUERY_ATTRIBUTES;
        assert!(mysql.capabilities.contains(own));
        assert!(!mysql.capabilities.intersects(Capabilities::MARIADB_ONLY));
        let maria = Face::of(Engine::Mariadb, Some("10.11.6-MariaDB-log"));
        assert_eq!(version(&maria), "5.5.5-10.11.6-MariaDB-log");
        assert!(maria.capabilities.contains(Capabilities::MARIADB_STMT_BULK));
        assert!(!maria.capabilities.intersects(own));
        let newer = Face::of(Engine::Mariadb, Some("11.8.2-MariaDB"));
        assert_eq!(version(&newer), "11.8.2-MariaDB");
    }

    #[test]
    fn compression_is_not_offered() {
        for engine in [Engine::Mysql, Engine::Mariadb] {
            let face = Face::of(engine, None);
            let compression = Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION;
            assert!(!face.capabilities.intersects(compression));
        }
    }
}
