//! What can go wrong in the store, and how a database's error becomes one of these.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use sea_orm::{DbErr, RuntimeErr};

/// A kind of resource, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A registered database.
    Database,
    /// A secret.
    Secret,
    /// A proxy.
    Proxy,
    /// A proxy's target group.
    TargetGroup,
    /// A registered target.
    Target,
    /// An endpoint.
    Endpoint,
    /// An IAM user.
    User,
    /// An IAM group.
    Group,
    /// An IAM role.
    Role,
    /// An access key.
    AccessKey,
    /// An IAM policy.
    Policy,
    /// One version of an IAM policy.
    PolicyVersion,
    /// A user's membership in a group.
    Membership,
    /// A policy attached to a principal.
    Attachment,
    /// A policy that is part of a user, group or role.
    InlinePolicy,
    /// An OIDC provider.
    OidcProvider,
    /// A security group.
    SecurityGroup,
    /// A rule of a security group.
    SecurityGroupRule,
    /// An auth decision.
    Decision,
}

impl Kind {
    /// Words for a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Secret => "secret",
            Self::Proxy => "proxy",
            Self::TargetGroup => "target group",
            Self::Target => "target",
            Self::Endpoint => "endpoint",
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
            Self::AccessKey => "access key",
            Self::Policy => "policy",
            Self::PolicyVersion => "policy version",
            Self::Membership => "group membership",
            Self::Attachment => "policy attachment",
            Self::InlinePolicy => "inline policy",
            Self::OidcProvider => "OpenID Connect provider",
            Self::SecurityGroup => "security group",
            Self::SecurityGroupRule => "security group rule",
            Self::Decision => "decision",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything a store method can answer instead of a result.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such resource.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// What was looked for.
        kind: Kind,
        /// The name or id that was given.
        name: String,
    },
    /// The name is taken.
    #[error("{kind} `{name}` exists already")]
    AlreadyExists {
        /// What exists.
        kind: Kind,
        /// The taken name.
        name: String,
        /// Id of the resource that has it.
        existing_id: String,
    },
    /// The resource cannot go while others need it.
    #[error("{kind} `{name}` is in use by {}", by.join(", "))]
    InUse {
        /// What should have gone.
        kind: Kind,
        /// Its name.
        name: String,
        /// Who needs it, as words like `proxy orders`; at most ten.
        by: Vec<String>,
    },
    /// The resource is being deleted and takes no more changes.
    #[error("{kind} `{name}` is being deleted")]
    BeingDeleted {
        /// What is being deleted.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// The resource has another generation than the caller expected.
    #[error("{kind} `{name}` has changed: its generation is {current}")]
    PreconditionFailed {
        /// What has changed.
        kind: Kind,
        /// Its name.
        name: String,
        /// Its present generation.
        current: u64,
    },
    /// A fixed limit would be passed.
    #[error("limit reached: at most {limit} {what}")]
    LimitExceeded {
        /// What is limited, in words like `access keys per user`.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// Every endpoint port is taken.
    #[error("every endpoint port from {} to {} is taken", range.start(), range.end())]
    PortsExhausted {
        /// The ports that were allowed.
        range: RangeInclusive<u16>,
    },
    /// The idempotency key was used for another call.
    #[error("the idempotency key was used for another call")]
    IdempotencyKeyReused,
    /// The first call under this idempotency key has not ended yet; try again.
    #[error("the first call with this idempotency key is still running")]
    IdempotencyInFlight,
    /// The database is away or too busy; try again.
    #[error("the metadata store is not available: {reason}")]
    Unavailable {
        /// The last thing the database or the network said.
        reason: String,
    },
    /// A row says something that no writer of this program says.
    #[error("the metadata store holds something unreadable: {what}")]
    Corrupt {
        /// Which row and column, and what is wrong with it.
        what: String,
    },
    /// The database refused a statement: a defect of ours or of the installation.
    #[error("the metadata store refused a statement: {0}")]
    Database(#[source] DbErr),
}

impl StoreError {
    /// Whether the same call may succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::IdempotencyInFlight | Self::Unavailable { .. })
    }

    pub(crate) fn not_found(kind: Kind, name: &str) -> Self {
        Self::NotFound {
            kind,
            name: name.to_owned(),
        }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    pub(crate) fn unavailable(reason: impl fmt::Display) -> Self {
        Self::Unavailable {
            reason: reason.to_string(),
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if is_outage(&error) {
            Self::unavailable(error)
        } else {
            Self::Database(error)
        }
    }
}

/// Whether the error tells of a database that is away or busy, not of a bad statement.
fn is_outage(error: &DbErr) -> bool {
    let gone = matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_));
    gone || driver_error(error).is_some_and(is_driver_outage)
}

/// What the driver said about a statement.
fn driver_error(error: &DbErr) -> Option<&sqlx::Error> {
    if let DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) =
        error
    {
        return Some(cause);
    }
    None
}

fn is_driver_outage(error: &sqlx::Error) -> bool {
    let link = matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
    );
    link || refusal_code(error).is_some_and(|code| is_outage_code(&code))
}

fn refusal_code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

/// PostgreSQL's `lock_not_available`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// SQLSTATE classes (PostgreSQL, appendix A) and SQLite result codes that mean "not now".
fn is_outage_code(code: &str) -> bool {
    // 08: connection, 57P: operator intervention, 53: no resources, 25006: a standby, 40: rolled back
    // for others, 57014: our own statement timeout, 25P03: our own idle-in-transaction timeout.
    let postgres = ["08", "57P", "53", "40"]
        .iter()
        .any(|class| code.len() == 5 && code.starts_with(class));
    let postgres_exact = [LOCK_NOT_AVAILABLE, "25006", "57014", "25P03"].contains(&code);
    // 5 busy, 6 locked, 10 I/O error, 13 full, 14 cannot open; the low byte of an extended code.
    let sqlite = code
        .parse::<u32>()
        .is_ok_and(|number| code.len() < 5 && [5, 6, 10, 13, 14].contains(&(number & 0xff)));
    postgres || postgres_exact || sqlite
}

/// Whether a lock could not be had within `lock_timeout`.
pub(crate) fn is_lock_timeout(error: &DbErr) -> bool {
    driver_error(error)
        .and_then(refusal_code)
        .is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_told_from_mistakes() {
        for code in [
            "57P01", "57P03", "08006", "53300", "40001", "55P03", "5", "517", "14",
        ] {
            assert!(is_outage_code(code), "{code}");
        }
        for code in ["23505", "42P01", "22001", "1", "787", "2067", "1555", ""] {
            assert!(!is_outage_code(code), "{code}");
        }
    }

    #[test]
    fn a_message_names_kind_and_name() {
        let error = StoreError::InUse {
            kind: Kind::Database,
            name: "orders-db".to_owned(),
            by: vec!["proxy orders".to_owned(), "proxy bills".to_owned()],
        };
        assert_eq!(
            error.to_string(),
            "database `orders-db` is in use by proxy orders, proxy bills"
        );
    }
}
