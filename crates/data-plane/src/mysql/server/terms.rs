//! On which terms we talk to a server: capabilities and collation of a login.

use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::charset::UTF8MB4_GENERAL_CI;
use tollgate_wire_mysql::handshake::Greeting;
use tollgate_wire_mysql::version::{Family, ServerVersion};

/// Largest payload that we say we take: the most that `max_allowed_packet` can be, 1 GiB.
pub(super) const MAX_PACKET: u32 = 1 << 30;

/// What every server is asked for, as far as it offers it. The trackers tell what statements do to the session;
/// without EOF packets they reach us behind rows too. A schema is always named, even the empty one: MySQL goes by
/// what the request for TLS says, which is sent before anything else is known to be right.
const WANTED: Capabilities = Capabilities::LONG_FLAG
    .with(Capabilities::CONNECT_WITH_DB)
    .with(Capabilities::PROTOCOL_41)
    .with(Capabilities::TRANSACTIONS)
    .with(Capabilities::SECURE_CONNECTION)
    .with(Capabilities::MULTI_STATEMENTS)
    .with(Capabilities::PLUGIN_AUTH)
    .with(Capabilities::PLUGIN_AUTH_LENENC)
    .with(Capabilities::CONNECT_ATTRS)
    .with(Capabilities::SESSION_TRACK)
    .with(Capabilities::DEPRECATE_EOF);

/// What a client's connection and its server connections must agree upon: what statements mean, and how packets
/// are built that are passed on as they are.
const SHARED: Capabilities = Capabilities::SEMANTIC
    .with(Capabilities::QUERY_ATTRIBUTES)
    .with(Capabilities::MARIADB_STMT_BULK)
    .with(Capabilities::MARIADB_BULK_UNIT_RESULTS);

/// What clients that may share a server connection have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Terms {
    /// What both legs must have in common, as far as they asked for it.
    pub(crate) shared: Capabilities,
    /// Collation of the login, the lower byte.
    pub(crate) collation: u8,
}

impl Terms {
    /// Those of a connection of our own.
    pub(crate) const OURS: Self = Self {
        shared: Capabilities::MULTI_RESULTS.with(Capabilities::PS_MULTI_RESULTS),
        collation: UTF8MB4_GENERAL_CI,
    };

    /// Those of a client that has agreed with us upon `capabilities`.
    pub(crate) fn of_client(capabilities: Capabilities, collation: u8) -> Self {
        Self {
            shared: capabilities.both(SHARED),
            collation,
        }
    }

    /// What is agreed upon with a server that greets so.
    pub(super) fn towards(&self, greeting: &Greeting) -> Capabilities {
        let version = ServerVersion::parse(&greeting.version);
        let offered = greeting.capabilities;
        let mut wanted = WANTED | self.shared.both(SHARED);
        let is_mysql = offered.contains(Capabilities::LONG_PASSWORD);
        // MySQL 8.0.23 to 8.0.25 misread the parameters of prepared statements with it.
        let attributes = version
            .is_some_and(|version| version.family == Family::MySql && version.at_least(8, 0, 26));
        if !attributes {
            wanted = wanted.without(Capabilities::QUERY_ATTRIBUTES);
        }
        // MySQL 5.7 answers from its query cache with EOF packets all the same (bug 83346).
        if version.is_some_and(|version| version.family == Family::MySql && version.major < 8) {
            wanted = wanted.without(Capabilities::DEPRECATE_EOF);
        }
        if is_mysql {
            wanted = wanted
                .with(Capabilities::LONG_PASSWORD)
                .without(Capabilities::MARIADB_ONLY);
        }
        wanted.both(offered)
    }
}

#[cfg(test)]
mod tests {
    use tollgate_wire_mysql::handshake::Nonce;
    use tollgate_wire_mysql::status::StatusFlags;

    use super::*;

    fn agreed(version: &str, without: Capabilities) -> Capabilities {
        let terms = Terms {
            shared: SHARED
                .without(Capabilities::SEMANTIC)
                .with(Capabilities::FOUND_ROWS | Capabilities::SSL),
            ..Terms::OURS
        };
        terms.towards(&Greeting {
            version: version.as_bytes().to_vec(),
            connection_id: 1,
            nonce: Nonce::from_random([1; 20]),
            capabilities: Capabilities::from_wire(u32::MAX, u32::MAX).without(without),
            collation: 8,
            status: StatusFlags::AUTOCOMMIT,
            plugin: Vec::new(),
        })
    }

    #[test]
    fn families_and_versions_differ() {
        let mysql = agreed("9.1.0", Capabilities::MARIADB_ONLY);
        assert!(mysql.contains(Capabilities::QUERY_ATTRIBUTES | Capabilities::LONG_PASSWORD));
        assert!(mysql.contains(Capabilities::FOUND_ROWS));
        assert!(!mysql.intersects(Capabilities::MARIADB_ONLY | Capabilities::SSL));
        let early = agreed("8.0.25", Capabilities::MARIADB_ONLY);
        assert!(!early.contains(Capabilities::QUERY_ATTRIBUTES));
        let old = agreed("5.7.44-log", Capabilities::MARIADB_ONLY);
        assert!(!old.contains(Capabilities::DEPRECATE_EOF));
        let maria = agreed(
            "5.5.5-10.11.6-MariaDB",
            Capabilities::MYSQL_ONLY | Capabilities::LONG_PASSWORD,
        );
        assert!(maria.contains(Capabilities::MARIADB_STMT_BULK | Capabilities::DEPRECATE_EOF));
        assert!(!maria.intersects(Capabilities::LONG_PASSWORD | Capabilities::QUERY_ATTRIBUTES));
    }

    #[test]
    fn nothing_is_asked_that_is_not_offered() {
        let lacking = Capabilities::SESSION_TRACK | Capabilities::FOUND_ROWS;
        assert!(!agreed("9.1.0", lacking).intersects(lacking));
    }
}
