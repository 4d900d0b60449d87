//! The one table of what clients are told: SQLSTATE, severity and text of every refusal.

pub(crate) mod mysql;

use tollgate_iam::token::Rejection;
use tollgate_pool::{BorrowError, TimedOut};
use tollgate_wire_postgres::backend::{ErrorFields, Severity};
use tollgate_wire_postgres::sqlstate::SqlState;

use crate::login::Asked;
use crate::random::CorrelationId;
use crate::server::OpenError;

/// Login failed because of the token, or because of what its owner may do. The precise reason is in
/// the audit event with this correlation id.
pub(crate) fn login_refused(
    reason: Rejection,
    asked: Asked,
    user: &str,
    correlation_id: &str,
) -> ErrorFields {
    let see = format!("id {correlation_id}");
    match reason {
        Rejection::TlsRequired => tls_required(asked, &see),
        // Whoever was asked for a token is told about a token: an unknown user looks like any other.
        Rejection::WrongPassword | Rejection::NoSecretForUser if asked == Asked::Password => {
            ErrorFields::fatal(
                SqlState::INVALID_PASSWORD,
                format!("password authentication failed for user \"{user}\" ({see})"),
            )
        }
        Rejection::RateLimited => ErrorFields::fatal(
            SqlState::TOO_MANY_CONNECTIONS,
            format!("too many failed logins, try again later ({see})"),
        ),
        Rejection::SecurityGroup => ErrorFields::fatal(
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            format!("the security groups of this endpoint do not let your address in ({see})"),
        )
        .hint("Ask the operator of the proxy for a rule with your address as its source."),
        Rejection::WrongPassword
        | Rejection::NoSecretForUser
        | Rejection::Malformed
        | Rejection::DuplicateParam
        | Rejection::UnknownParam
        | Rejection::WrongAction
        | Rejection::WrongService
        | Rejection::WrongAlgorithm
        | Rejection::WrongRegion
        | Rejection::HostMismatch
        | Rejection::HostPortMissing
        | Rejection::UserMismatch
        | Rejection::NotYetValid
        | Rejection::Expired
        | Rejection::ExpiresTooLong
        | Rejection::UnknownAccessKey
        | Rejection::KeyInactive
        | Rejection::SessionTokenMissing
        | Rejection::SessionTokenInvalid
        | Rejection::SessionExpired
        | Rejection::SessionRevoked
        | Rejection::SignatureMismatch
        | Rejection::PolicyExplicitDeny
        | Rejection::PolicyImplicitDeny
        | Rejection::SnapshotTooOld
        | Rejection::ClientRefusedCleartext => ErrorFields::fatal(
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            format!("IAM authentication failed for user \"{user}\" ({see})"),
        )
        .hint("Ask the operator of the proxy what the decision with this id says."),
    }
}

fn tls_required(asked: Asked, see: &str) -> ErrorFields {
    let message = match asked {
        Asked::Token => format!("IAM authentication is allowed only with TLS connections ({see})"),
        Asked::Password => format!("this proxy requires TLS connections ({see})"),
    };
    ErrorFields::fatal(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, message)
        .hint("Connect with sslmode=require or stricter.")
}

/// The proxy is full.
pub(crate) fn too_many_clients() -> ErrorFields {
    ErrorFields::fatal(
        SqlState::TOO_MANY_CONNECTIONS,
        "sorry, too many clients already",
    )
}

/// Bytes that are not PostgreSQL's protocol.
pub(crate) fn protocol_violation(what: &str) -> ErrorFields {
    ErrorFields::fatal(SqlState::PROTOCOL_VIOLATION, what)
}

/// Replication connections cannot share server connections.
pub(crate) fn replication_refused() -> ErrorFields {
    ErrorFields::fatal(
        SqlState::FEATURE_NOT_SUPPORTED,
        "replication connections are not supported through the proxy",
    )
    .hint("Connect to the database server itself for replication.")
}

/// The proxy is being deleted or the process is stopping; new logins.
pub(crate) fn shutting_down() -> ErrorFields {
    ErrorFields::fatal(SqlState::CANNOT_CONNECT_NOW, "the proxy is shutting down")
}

/// The proxy is being deleted or the process is stopping; sessions.
pub(crate) fn terminated() -> ErrorFields {
    ErrorFields::fatal(
        SqlState::ADMIN_SHUTDOWN,
        "terminating connection due to administrator command",
    )
}

/// The client was idle for longer than the proxy's `idleClientTimeout`.
pub(crate) fn idle_timeout() -> ErrorFields {
    ErrorFields::fatal(
        SqlState::IDLE_SESSION_TIMEOUT,
        "terminating connection due to idle-session timeout",
    )
}

/// A message larger than may be held in memory.
pub(crate) fn message_too_large(limit: usize) -> ErrorFields {
    ErrorFields::fatal(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("message that must be inspected is larger than {limit} bytes"),
    )
}

/// The server connection broke during a request.
pub(crate) fn server_lost(target: &str) -> ErrorFields {
    ErrorFields::fatal(
        SqlState::CONNECTION_FAILURE,
        "server closed the connection unexpectedly",
    )
    .detail(format!("target \"{target}\""))
}

/// The client's own `CancelRequest` met it while it waited for a server connection.
pub(crate) fn cancelled_while_waiting() -> ErrorFields {
    ErrorFields::error(
        SqlState::QUERY_CANCELED,
        "canceling statement due to user request",
    )
}

/// No target of the proxy can take the request.
pub(crate) fn no_target(role: &str, why: &str) -> ErrorFields {
    ErrorFields::error(
        SqlState::CONNECTION_FAILURE,
        format!("no {role} target of the proxy is available"),
    )
    .detail(why)
}

/// No target of the proxy can take the login.
pub(crate) fn no_target_at_login(role: &str, why: &str) -> ErrorFields {
    ErrorFields::fatal(
        SqlState::UNABLE_TO_CONNECT,
        format!("no {role} target of the proxy is available"),
    )
    .detail(why)
}

/// A request got no server connection.
pub(crate) fn borrow_refused(error: &BorrowError, target: &str) -> ErrorFields {
    match error {
        BorrowError::TimedOut(report) => timed_out(report, target),
        BorrowError::Unavailable(error) => ErrorFields::error(
            SqlState::CONNECTION_FAILURE,
            format!("could not connect to target \"{target}\""),
        )
        .detail(error.to_string()),
        BorrowError::ShuttingDown => {
            ErrorFields::error(SqlState::CANNOT_CONNECT_NOW, "the proxy is shutting down")
        }
    }
}

fn timed_out(report: &TimedOut, target: &str) -> ErrorFields {
    let mut detail = format!(
        "target \"{target}\": pool size {}, in use {}, waiting {}, pinned {}",
        report.limit, report.in_use, report.waiting, report.pinned
    );
    if let Some(last) = &report.last_open_error {
        detail.push_str("; last error while connecting: ");
        detail.push_str(&last.message);
    }
    ErrorFields::error(
        SqlState::TOO_MANY_CONNECTIONS,
        format!(
            "timed out waiting for a connection from the pool after {}",
            report.waited
        ),
    )
    .detail(detail)
}

/// The same error with the session's id behind the text, unless the text is the server's own: that one says as well
/// where in the server's source it was raised.
pub(crate) fn identified(mut fields: ErrorFields, id: CorrelationId) -> ErrorFields {
    if fields.others.is_empty() {
        fields.message = format!("{} (id {id})", fields.message);
    }
    fields
}

/// The same error, said with another severity.
pub(crate) fn with_severity(mut fields: ErrorFields, severity: Severity) -> ErrorFields {
    fields.severity = severity;
    fields
}

/// Where the client stands when it is told that no server connection could be opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Before the greeting: a FATAL ends the connection.
    AtLogin,
    /// With a request waiting: an ERROR, the client stays.
    InSession,
}

/// Opening a server connection failed. The server's own error is passed on where there is one: an
/// unknown database or a refused startup parameter is the client's business.
pub(crate) fn open_failed(error: &OpenError, target: &str, told: Told) -> ErrorFields {
    let detail = error.to_string();
    let own_words = error.server_error().filter(|_| error.concerns_the_key());
    match (own_words, told) {
        (Some(fields), Told::AtLogin) => with_severity(fields.clone(), Severity::Fatal),
        (Some(fields), Told::InSession) => with_severity(fields.clone(), Severity::Error),
        (None, Told::AtLogin) => ErrorFields::fatal(
            SqlState::UNABLE_TO_CONNECT,
            format!("could not connect to target \"{target}\""),
        )
        .detail(detail),
        (None, Told::InSession) => ErrorFields::error(
            SqlState::CONNECTION_FAILURE,
            format!("could not connect to target \"{target}\""),
        )
        .detail(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn what_the_proxy_says_names_the_session_and_what_the_server_says_does_not() {
        let id = random::correlation_id();
        let ours = identified(no_target("READ_WRITE", "it is down"), id);
        let end = format!(" is available (id {id})");
        assert!(ours.message.ends_with(&end), "{}", ours.message);
        let theirs = ErrorFields {
            others: vec![(b'F', "postinit.c".to_owned())],
            ..ErrorFields::fatal(SqlState::TOO_MANY_CONNECTIONS, "too many connections")
        };
        assert_eq!(identified(theirs, id).message, "too many connections");
    }
}
