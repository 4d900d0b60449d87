//! Where the metadata database is, and how patiently it is used.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// Where the metadata database is.
#[derive(Clone)]
pub enum MetadataUrl {
    /// A SQLite file; made with mode 0600 when it does not exist. Its folder must exist.
    Sqlite(PathBuf),
    /// `postgres://…`, with libpq's parameters (`sslmode`, `sslrootcert`, …).
    Postgres(PostgresUrl),
    /// Nothing survives the process: for tests.
    Memory,
}

/// A checked PostgreSQL URL; it may hold a password, so `Debug` shows host, port and database only.
#[derive(Clone)]
pub struct PostgresUrl(Box<PgConnectOptions>);

/// Why a text is not a metadata URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataUrlError {
    /// Neither `sqlite:` nor `postgres:`.
    #[error("a metadata URL starts with `sqlite:`, `postgres://` or `postgresql://`")]
    Scheme,
    /// `sqlite:` with nothing behind it.
    #[error("`sqlite:` must be followed by the path of a file")]
    NoPath,
    /// The driver cannot read it. The text is left out: it may hold a password.
    #[error("not a valid PostgreSQL URL: {0}")]
    Postgres(String),
}

impl FromStr for MetadataUrl {
    type Err = MetadataUrlError;

    fn from_str(text: &str) -> Result<Self, MetadataUrlError> {
        if let Some(rest) = text.strip_prefix("sqlite:") {
            return match rest.strip_prefix("//").unwrap_or(rest) {
                "" => Err(MetadataUrlError::NoPath),
                ":memory:" => Ok(Self::Memory),
                path => Ok(Self::Sqlite(PathBuf::from(path))),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return PgConnectOptions::from_str(text)
                .map(|options| Self::Postgres(PostgresUrl(Box::new(options))))
                .map_err(|error| MetadataUrlError::Postgres(error.to_string()));
        }
        Err(MetadataUrlError::Scheme)
    }
}

impl MetadataUrl {
    /// Words for logs and health checks, without credentials.
    pub fn describe(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.describe(),
            Self::Memory => "sqlite::memory:".to_owned(),
        }
    }
}

impl PostgresUrl {
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.0.as_ref().clone()
    }

    fn describe(&self) -> String {
        let database = self.0.get_database().unwrap_or_default();
        format!(
            "postgres://{}:{}/{database}",
            self.0.get_host(),
            self.0.get_port()
        )
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

impl fmt::Debug for MetadataUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

/// Settings of [`crate::Store::open`].
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// Where the database is.
    pub url: MetadataUrl,
    /// Connections to PostgreSQL, or reading connections to SQLite (which has one more, for writing).
    pub connections: u32,
    /// How long a call waits for a connection, for the writers before it, or for a lock.
    pub acquire_timeout: Duration,
    /// How long a call may take altogether.
    pub call_timeout: Duration,
    /// How often the database is asked whether it is still there.
    pub check_interval: Duration,
    /// Longest pause between two attempts to reach a database that is away.
    pub retry_pause_max: Duration,
}

impl StoreSettings {
    /// The usual patience for a database at `url`: 8 connections, 3 s for a connection, 15 s for a
    /// call, a check every 2 s, attempts at least every 2 s.
    pub fn new(url: MetadataUrl) -> Self {
        Self {
            url,
            connections: 8,
            acquire_timeout: Duration::from_secs(3),
            call_timeout: Duration::from_secs(15),
            check_interval: Duration::from_secs(2),
            retry_pause_max: Duration::from_secs(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_file_or_server() {
        assert_eq!(
            "sqlite:///var/lib/t/metadata.db"
                .parse::<MetadataUrl>()
                .unwrap()
                .describe(),
            "sqlite:/var/lib/t/metadata.db"
        );
        assert_eq!(
            "sqlite:data/metadata.db"
                .parse::<MetadataUrl>()
                .unwrap()
                .describe(),
            "sqlite:data/metadata.db"
        );
        assert!(matches!(
            "sqlite::memory:".parse::<MetadataUrl>(),
            Ok(MetadataUrl::Memory)
        ));
    }

    #[test]
    fn no_text_of_ours_shows_the_password() {
        let url: MetadataUrl = "postgres://app:hunter2@db.internal:6543/meta"
            .parse()
            .unwrap();
        assert_eq!(format!("{url:?}"), "postgres://db.internal:6543/meta");
        assert!(!format!("{:?}", StoreSettings::new(url)).contains("hunter2"));
        let error = "postgres://app:hunter2@db:no-port/meta"
            .parse::<MetadataUrl>()
            .unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn other_schemes_are_refused() {
        for text in ["", "mysql://db/meta", "metadata.db", "sqlite:", "sqlite://"] {
            assert!(text.parse::<MetadataUrl>().is_err(), "{text}");
        }
    }
}
