//! Why a server connection could not be opened, whom it concerns, and how long opening may take.

use std::io;
use std::time::Duration;

use tokio::time::Instant;
use tollgate_types::ProbeStep;
use tollgate_wire_postgres::backend::ErrorFields;
use tollgate_wire_postgres::decode::DecodeError;
use tollgate_wire_postgres::output::EncodeError;
use tollgate_wire_postgres::scram::ScramError;
use tollgate_wire_postgres::sqlstate::SqlState;

use crate::mysql;

/// A failed opening: the rung of the ladder and what happened there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub(crate) struct OpenError {
    /// Where it failed.
    pub(crate) step: ProbeStep,
    /// How.
    pub(crate) kind: OpenErrorKind,
}

/// What went wrong. Texts carry the other side's own words and never a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenErrorKind {
    /// The host name leads nowhere.
    #[error("cannot resolve \"{host}\": {problem}")]
    Dns {
        /// The name.
        host: String,
        /// The resolver's words.
        problem: String,
    },
    /// No address answers.
    #[error("cannot connect to {address}: {problem}")]
    Connect {
        /// The address tried last.
        address: String,
        /// The operating system's words.
        problem: String,
    },
    /// Time ran out.
    #[error("no answer within {limit_ms} ms")]
    Timeout {
        /// The limit in milliseconds.
        limit_ms: u128,
    },
    /// The TLS policy cannot be fulfilled.
    #[error("TLS: {0}")]
    Tls(String),
    /// The server does not speak the protocol as it should.
    #[error("protocol: {0}")]
    Protocol(String),
    /// The connection broke or was closed.
    #[error("connection lost: {0}")]
    Lost(String),
    /// There is nothing to log in with, or what there is cannot be used.
    #[error("{0}")]
    Credentials(String),
    /// The server refused with an error of its own.
    #[error("{}", words(.0))]
    Server(Box<ErrorFields>),
    /// The server answered the init query with an error.
    #[error("init query: {}", words(.0))]
    InitQuery(Box<ErrorFields>),
    /// A MySQL or MariaDB server refused with an error of its own.
    #[error("{0}")]
    MySql(Box<mysql::ServerError>),
    /// A MySQL or MariaDB server answered the init query with an error.
    #[error("init query: {0}")]
    MySqlInit(Box<mysql::ServerError>),
}

/// Whom a failed opening concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorScope {
    /// The whole target: nobody gets a connection there now.
    Target,
    /// This combination of user, database and settings only.
    Key,
}

fn words(fields: &ErrorFields) -> String {
    format!("{} {}", fields.sqlstate.as_str(), fields.message)
}

impl OpenError {
    /// The target's TLS policy cannot be applied at all.
    pub(crate) fn tls_policy(problem: &str) -> Self {
        Self {
            step: ProbeStep::Tls,
            kind: OpenErrorKind::Tls(problem.to_owned()),
        }
    }

    /// The proxy has no auth rule for this user.
    pub(crate) fn no_credentials(user: &str) -> Self {
        let problem = format!("the proxy has no registered credentials for user \"{user}\"");
        Self {
            step: ProbeStep::Auth,
            kind: OpenErrorKind::Credentials(problem),
        }
    }

    /// The server's own error, for passing it on.
    pub(crate) fn server_error(&self) -> Option<&ErrorFields> {
        match &self.kind {
            OpenErrorKind::Server(fields) | OpenErrorKind::InitQuery(fields) => Some(fields),
            OpenErrorKind::Dns { .. }
            | OpenErrorKind::Connect { .. }
            | OpenErrorKind::Timeout { .. }
            | OpenErrorKind::Tls(_)
            | OpenErrorKind::Protocol(_)
            | OpenErrorKind::Lost(_)
            | OpenErrorKind::Credentials(_)
            | OpenErrorKind::MySql(_)
            | OpenErrorKind::MySqlInit(_) => None,
        }
    }

    /// The error of a MySQL or MariaDB server, for passing it on.
    pub(crate) fn mysql_error(&self) -> Option<&mysql::ServerError> {
        match &self.kind {
            OpenErrorKind::MySql(error) | OpenErrorKind::MySqlInit(error) => Some(error),
            OpenErrorKind::Dns { .. }
            | OpenErrorKind::Connect { .. }
            | OpenErrorKind::Timeout { .. }
            | OpenErrorKind::Tls(_)
            | OpenErrorKind::Protocol(_)
            | OpenErrorKind::Lost(_)
            | OpenErrorKind::Credentials(_)
            | OpenErrorKind::Server(_)
            | OpenErrorKind::InitQuery(_) => None,
        }
    }

    /// Whether others may still succeed where this opening failed.
    pub(crate) fn scope(&self) -> ErrorScope {
        match &self.kind {
            OpenErrorKind::InitQuery(_)
            | OpenErrorKind::MySqlInit(_)
            | OpenErrorKind::Credentials(_) => ErrorScope::Key,
            OpenErrorKind::MySql(error) => error.scope(),
            // Out of connections, memory or disk; shutting down or starting; broken. The rest (28 login,
            // 3D database, 42 and 22 settings, …) is about what was asked for.
            OpenErrorKind::Server(fields) => match fields.sqlstate.class() {
                "08" | "53" | "57" | "58" | "XX" => ErrorScope::Target,
                _ => ErrorScope::Key,
            },
            OpenErrorKind::Dns { .. }
            | OpenErrorKind::Connect { .. }
            | OpenErrorKind::Timeout { .. }
            | OpenErrorKind::Tls(_)
            | OpenErrorKind::Protocol(_)
            | OpenErrorKind::Lost(_) => ErrorScope::Target,
        }
    }

    /// Whether this user, database and settings are to blame, rather than the target.
    pub(crate) fn concerns_the_key(&self) -> bool {
        self.scope() == ErrorScope::Key
    }

    /// Whether another password may help.
    pub(crate) fn is_refused_password(&self) -> bool {
        match &self.kind {
            OpenErrorKind::Server(fields) => [
                SqlState::INVALID_PASSWORD,
                SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            ]
            .contains(&fields.sqlstate),
            OpenErrorKind::MySql(error) => error.is_refused_password(),
            OpenErrorKind::Dns { .. }
            | OpenErrorKind::Connect { .. }
            | OpenErrorKind::Timeout { .. }
            | OpenErrorKind::Tls(_)
            | OpenErrorKind::Protocol(_)
            | OpenErrorKind::Lost(_)
            | OpenErrorKind::Credentials(_)
            | OpenErrorKind::InitQuery(_)
            | OpenErrorKind::MySqlInit(_) => false,
        }
    }

    /// Whether the server says that there is no such database.
    pub(crate) fn is_unknown_database(&self) -> bool {
        let mysql = self.mysql_error();
        mysql.is_some_and(mysql::ServerError::is_unknown_schema)
            || self
                .server_error()
                .is_some_and(|fields| fields.sqlstate == SqlState::INVALID_CATALOG_NAME)
    }
}

impl From<io::Error> for OpenErrorKind {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

impl From<DecodeError> for OpenErrorKind {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<ScramError> for OpenErrorKind {
    fn from(error: ScramError) -> Self {
        Self::Protocol(format!("SCRAM login: {error}"))
    }
}

impl From<EncodeError> for OpenErrorKind {
    fn from(error: EncodeError) -> Self {
        Self::Credentials(format!("cannot be sent to the server: {error}"))
    }
}

/// The moment by which an opening must be through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// So long from now.
    pub(crate) fn after(allowed: Duration) -> Self {
        Self {
            at: Instant::now() + allowed,
            allowed,
        }
    }

    /// Time left.
    pub(super) fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Runs a part of an opening and says which rung it was if it fails or takes too long.
    pub(crate) async fn limit<T>(
        self,
        step: ProbeStep,
        part: impl Future<Output = Result<T, OpenErrorKind>>,
    ) -> Result<T, OpenError> {
        let kind = match tokio::time::timeout_at(self.at, part).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(kind)) => kind,
            Err(_elapsed) => OpenErrorKind::Timeout {
                limit_ms: self.allowed.as_millis(),
            },
        };
        Err(OpenError { step, kind })
    }
}
