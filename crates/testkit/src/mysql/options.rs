//! What a throw-away MySQL or MariaDB server should be like.

use super::MySqlKind;
use crate::Identity;

/// How an account proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginPlugin {
    /// `caching_sha2_password`: MySQL only.
    CachingSha2,
    /// `sha256_password`: MySQL only, deprecated.
    Sha256,
    /// `mysql_native_password`: MariaDB only (MySQL 9 removed it).
    Native,
    /// `ed25519`: MariaDB only.
    Ed25519,
}

impl LoginPlugin {
    /// What new accounts of a server use when nothing is said.
    pub fn default_of(kind: MySqlKind) -> Self {
        match kind {
            MySqlKind::MySql9 => Self::CachingSha2,
            MySqlKind::MariaDb => Self::Native,
        }
    }

    /// Its name on the wire, as in `AuthSwitchRequest`.
    pub fn wire_name(self) -> &'static str {
        match self {
            Self::CachingSha2 => "caching_sha2_password",
            Self::Sha256 => "sha256_password",
            Self::Native => "mysql_native_password",
            Self::Ed25519 => "client_ed25519",
        }
    }

    /// The clause of `CREATE USER`; `password` is a literal already.
    ///
    /// MariaDB writes it `VIA … USING PASSWORD(…)`; MySQL's `WITH … BY …` is an error there.
    pub(super) fn clause(self, password: &str) -> String {
        match self {
            Self::CachingSha2 | Self::Sha256 => {
                format!("IDENTIFIED WITH {} BY {password}", self.wire_name())
            }
            Self::Native => {
                format!("IDENTIFIED VIA mysql_native_password USING PASSWORD({password})")
            }
            Self::Ed25519 => format!("IDENTIFIED VIA ed25519 USING PASSWORD({password})"),
        }
    }
}

/// Whether the server writes a binary log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binlog {
    /// No: quicker, and nothing here replicates.
    Off,
    /// Yes, in the server's own default format.
    On,
}

/// Whether `performance_schema` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerformanceSchema {
    /// No: it would take more memory than all the rest of the server.
    Off,
    /// Yes.
    On,
}

/// Options of a throw-away server; change the fields you care about.
#[derive(Debug, Clone)]
pub struct MySqlOptions {
    /// Which server.
    pub kind: MySqlKind,
    /// Certificate and key; with them TLS is offered, without them it is not.
    pub tls: Option<Identity>,
    /// `max_connections`, at least 10 for MariaDB; the server keeps one more for the superuser.
    pub max_connections: u32,
    /// The binary log.
    pub binlog: Binlog,
    /// The performance schema.
    pub performance_schema: PerformanceSchema,
    /// Further settings, as in the `[mysqld]` section of `my.cnf`; they win over the kit's own.
    pub settings: Vec<(String, String)>,
    /// Statements for the superuser to run after the first start.
    pub bootstrap: Vec<String>,
}

impl MySqlOptions {
    /// No TLS, 100 connections, neither binary log nor performance schema.
    pub fn new(kind: MySqlKind) -> Self {
        Self {
            kind,
            tls: None,
            max_connections: 100,
            binlog: Binlog::Off,
            performance_schema: PerformanceSchema::Off,
            settings: Vec::new(),
            bootstrap: Vec::new(),
        }
    }

    /// The same with TLS offered.
    #[must_use]
    pub fn tls(mut self, identity: Identity) -> Self {
        self.tls = Some(identity);
        self
    }

    /// The same with another `max_connections`.
    #[must_use]
    pub fn max_connections(mut self, count: u32) -> Self {
        self.max_connections = count;
        self
    }

    /// The same with or without a binary log.
    #[must_use]
    pub fn binlog(mut self, binlog: Binlog) -> Self {
        self.binlog = binlog;
        self
    }

    /// The same with or without the performance schema.
    #[must_use]
    pub fn performance_schema(mut self, schema: PerformanceSchema) -> Self {
        self.performance_schema = schema;
        self
    }

    /// The same with one more setting.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with SQL that the superuser runs after the first start.
    #[must_use]
    pub fn bootstrap(mut self, sql: &str) -> Self {
        self.bootstrap.push(sql.to_owned());
        self
    }
}
