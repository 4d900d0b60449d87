//! What is measured side by side.

use serde::Serialize;

/// One way from a client to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum System {
    /// No proxy at all.
    Direct,
    /// Ours, on one shard.
    Tollgate,
    /// PgBouncer, transaction pooling.
    PgBouncer,
    /// `HAProxy`, forwarding TCP: one server connection per client.
    HaProxy,
    /// MySQL Router, sharing connections.
    Router,
    /// Our own program that only reads and writes.
    Floor,
}

impl System {
    /// The order of columns.
    pub(crate) const ALL: [Self; 6] = [
        Self::Tollgate,
        Self::PgBouncer,
        Self::HaProxy,
        Self::Router,
        Self::Floor,
        Self::Direct,
    ];

    /// Its name in tables and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Tollgate => "tollgate",
            Self::PgBouncer => "pgbouncer",
            Self::HaProxy => "haproxy",
            Self::Router => "mysqlrouter",
            Self::Floor => "floor",
        }
    }

    /// The peer of that name on the command line.
    pub(crate) fn peer(name: &str) -> Option<Self> {
        [Self::PgBouncer, Self::HaProxy, Self::Router, Self::Floor]
            .into_iter()
            .find(|system| system.name() == name)
    }
}
