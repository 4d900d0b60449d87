//! Database engines and the families a proxy speaks.

use serde::{Deserialize, Serialize};

/// The software behind a registered database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL and what speaks its protocol.
    Postgres,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
}

impl Engine {
    /// The family a proxy must have to use this engine.
    pub fn family(self) -> EngineFamily {
        match self {
            Self::Postgres => EngineFamily::Postgresql,
            Self::Mysql | Self::Mariadb => EngineFamily::Mysql,
        }
    }

    /// The port used when a database is registered without one.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql | Self::Mariadb => 3306,
        }
    }

    /// The lower-case name used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }
}

/// The wire protocol a proxy speaks, with RDS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EngineFamily {
    /// PostgreSQL protocol 3.
    Postgresql,
    /// MySQL protocol 10, also spoken by MariaDB.
    Mysql,
}

impl EngineFamily {
    /// The port that stands for every endpoint's in rules of security groups.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Postgresql => 5432,
            Self::Mysql => 3306,
        }
    }

    /// The upper-case name used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgresql => "POSTGRESQL",
            Self::Mysql => "MYSQL",
        }
    }
}
