//! What clients of MySQL and MariaDB are told: code, SQLSTATE and text of every refusal.

use std::net::IpAddr;

use tollgate_iam::token::Rejection;
use tollgate_pool::BorrowError;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::frame::{FrameError, Sequence};
use tollgate_wire_mysql::reply;

use crate::login::Asked;
use crate::server::OpenError;

/// One refusal. SQLSTATEs of class 08 make drivers throw the connection away: they are only used where it ends, and
/// for a full server, whose own words they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Its number and SQLSTATE.
    pub(crate) code: ErrorCode,
    /// Its text.
    pub(crate) message: String,
}

impl Refusal {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// With the session's id behind the text, unless the text is the server's own.
    pub(crate) fn identified(mut self, id: &str) -> Self {
        let ours = [
            ErrorCode::BORROW_TIMEOUT,
            ErrorCode::CON_COUNT,
            ErrorCode::UNKNOWN,
        ];
        if ours.contains(&self.code) {
            self.message = format!("{} (id {id})", self.message);
        }
        self
    }

    /// The packet for a client with these capabilities; none are known before it has said anything.
    pub(crate) fn packet(&self, sequence: &mut Sequence, capabilities: Capabilities) -> Vec<u8> {
        let mut out = Vec::new();
        reply::error(&mut out, sequence, capabilities, self.code, &self.message);
        out
    }
}

/// Most bytes of a user's name in a text: an error's text is cut after 512 bytes, and its end is the id. Names
/// of MariaDB have up to 128 characters.
const MAX_NAME: usize = 256;

/// Who is told, in MySQL's form `'user'@'host'`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    /// The user it wants to be.
    pub(crate) user: &'a str,
    /// Where it comes from.
    pub(crate) host: IpAddr,
}

/// A login failed. The precise reason is in the audit event with this correlation id. Whoever was asked for a
/// token is told the same as whoever was asked for a password, and an unknown user the same as a known one.
pub(crate) fn login_refused(
    reason: Rejection,
    asked: Asked,
    who: Who<'_>,
    correlation_id: &str,
) -> Refusal {
    let see = format!("id {correlation_id}");
    match reason {
        Rejection::TlsRequired => tls_required(asked, &see),
        Rejection::RateLimited => Refusal::new(
            ErrorCode::HOST_IS_BLOCKED,
            format!(
                "Host '{}' is blocked because of many failed logins; try again later ({see})",
                who.host.to_canonical()
            ),
        ),
        Rejection::SecurityGroup => Refusal::new(
            ErrorCode::HOST_NOT_PRIVILEGED,
            format!(
                "Host '{}' is not allowed to connect by the security groups of this endpoint ({see})",
                who.host.to_canonical()
            ),
        ),
        Rejection::ClientRefusedCleartext => Refusal::new(
            ErrorCode::NOT_SUPPORTED_AUTH_MODE,
            format!(
                "Client does not support the authentication protocol that a token needs: caching_sha2_password or \
                 mysql_clear_password ({see})"
            ),
        ),
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
        | Rejection::SnapshotTooOld => Refusal::new(
            ErrorCode::ACCESS_DENIED,
            format!(
                "Access denied for user '{}'@'{}' (using password: YES) ({see})",
                shortened(who.user),
                who.host.to_canonical()
            ),
        ),
    }
}

fn shortened(name: &str) -> &str {
    name.get(..name.floor_char_boundary(MAX_NAME))
        .unwrap_or(name)
}

fn tls_required(asked: Asked, see: &str) -> Refusal {
    let message = match asked {
        Asked::Token => format!("IAM authentication is allowed only with TLS connections ({see})"),
        Asked::Password => format!("This proxy requires TLS connections ({see})"),
    };
    Refusal::new(ErrorCode::SECURE_TRANSPORT_REQUIRED, message)
}

/// The proxy is full.
pub(crate) fn too_many_clients() -> Refusal {
    Refusal::new(ErrorCode::CON_COUNT, "Too many connections")
}

/// The proxy is being deleted or the process is stopping.
pub(crate) fn shutting_down() -> Refusal {
    Refusal::new(ErrorCode::SERVER_SHUTDOWN, "Server shutdown in progress")
}

/// The client's first packets are not those of a login.
pub(crate) fn bad_handshake(what: &str) -> Refusal {
    Refusal::new(ErrorCode::HANDSHAKE, format!("Bad handshake: {what}"))
}

/// Packets that cannot be followed.
pub(crate) fn out_of_step(error: FrameError) -> Refusal {
    let code = match error {
        FrameError::OutOfOrder { .. } => ErrorCode::NET_PACKETS_OUT_OF_ORDER,
        FrameError::TooLarge { .. } => ErrorCode::NET_PACKET_TOO_LARGE,
    };
    Refusal::new(code, format!("Got packets that cannot be used: {error}"))
}

/// A message that would have to be seen whole is too long for that.
pub(crate) fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        ErrorCode::NET_PACKET_TOO_LARGE,
        format!("Got a packet that must be seen whole and is longer than {limit} bytes"),
    )
}

/// The client, or another of the same user, ended what waited for a server connection.
pub(crate) fn interrupted() -> Refusal {
    Refusal::new(
        ErrorCode::QUERY_INTERRUPTED,
        "Query execution was interrupted",
    )
}

/// The client was idle for longer than the proxy's `idleClientTimeout`.
pub(crate) fn idle_timeout() -> Refusal {
    Refusal::new(
        ErrorCode::CLIENT_INTERACTION_TIMEOUT,
        "The client was disconnected by the server because of inactivity",
    )
}

/// The server connection broke during a request: what became of it is unknown.
pub(crate) fn server_lost(target: &str) -> Refusal {
    Refusal::new(
        ErrorCode::SERVER_SHUTDOWN,
        format!(
            "Lost the connection to target \"{target}\"; the outcome of the statement is unknown"
        ),
    )
}

/// No target of the proxy can take the request.
pub(crate) fn no_target(role: &str, why: &str) -> Refusal {
    Refusal::new(
        ErrorCode::UNKNOWN,
        format!("No {role} target of the proxy is available: {why}"),
    )
}

/// A request got no server connection.
pub(crate) fn borrow_refused(error: &BorrowError, target: &str) -> Refusal {
    match error {
        // The text that RDS Proxy uses comes first: applications look for it.
        BorrowError::TimedOut(report) => Refusal::new(
            ErrorCode::BORROW_TIMEOUT,
            format!(
                "Timed-out waiting to acquire database connection: target \"{target}\", {report}"
            ),
        ),
        BorrowError::Unavailable(error) => Refusal::new(
            ErrorCode::UNKNOWN,
            format!("Could not connect to target \"{target}\": {error}"),
        ),
        BorrowError::ShuttingDown => shutting_down(),
    }
}

/// Opening a server connection failed. The server's own error is passed on where it concerns what the client
/// asked for: an unknown schema is the client's business, the proxy's password is not.
pub(crate) fn open_failed(error: &OpenError, target: &str) -> Refusal {
    let own = error
        .mysql_error()
        .filter(|_| error.concerns_the_key() && !error.is_refused_password());
    if let Some(full) = error.mysql_error()
        && full.code == ErrorCode::CON_COUNT.code
    {
        let message = format!("{}: target \"{target}\" is full", full.message);
        return Refusal::new(ErrorCode::CON_COUNT, message);
    }
    match own {
        Some(own) => Refusal {
            code: ErrorCode {
                code: own.code,
                sqlstate: own.sqlstate,
            },
            message: own.message.clone(),
        },
        None => Refusal::new(
            ErrorCode::UNKNOWN,
            format!("Could not connect to target \"{target}\": {error}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use tollgate_pool::Millis;
    use tollgate_types::ProbeStep;
    use tollgate_wire_mysql::error_code::is_server_code;
    use tollgate_wire_mysql::reply::ErrPacket;

    use super::*;
    use crate::mysql::ServerError;
    use crate::server::OpenErrorKind;

    const WHO: Who<'static> = Who {
        user: "app",
        host: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    };

    #[test]
    fn every_refused_login_has_a_servers_code_and_the_id() {
        for reason in Rejection::ALL.iter().copied() {
            for asked in [Asked::Token, Asked::Password] {
                let told = login_refused(reason, asked, WHO, "c-12");
                assert!(is_server_code(told.code.code), "{reason:?}");
                assert!(told.message.ends_with("(id c-12)"), "{told:?}");
                let denied = told.code == ErrorCode::ACCESS_DENIED;
                let special = [
                    Rejection::TlsRequired,
                    Rejection::RateLimited,
                    Rejection::SecurityGroup,
                    Rejection::ClientRefusedCleartext,
                ];
                assert_eq!(denied, !special.contains(&reason), "{reason:?}");
            }
        }
    }

    #[test]
    fn a_long_name_leaves_room_for_the_id() {
        let user = "\u{e9}".repeat(256);
        let who = Who { user: &user, ..WHO };
        let told = login_refused(Rejection::WrongPassword, Asked::Password, who, "c-12");
        let packet = told.packet(&mut Sequence::start(), Capabilities::PROTOCOL_41);
        assert!(packet.ends_with(b"(id c-12)"), "{told:?}");
    }

    #[test]
    fn an_unknown_user_is_told_what_a_known_one_is() {
        for asked in [Asked::Token, Asked::Password] {
            let told = |reason| login_refused(reason, asked, WHO, "c-1");
            assert_eq!(
                told(Rejection::NoSecretForUser),
                told(Rejection::WrongPassword)
            );
            assert_eq!(told(Rejection::Expired), told(Rejection::WrongPassword));
        }
    }

    #[test]
    fn a_refusal_before_the_login_has_no_sqlstate() {
        let told = too_many_clients();
        let bare = told.packet(&mut Sequence::start(), Capabilities::EMPTY);
        assert_eq!(&bare[3..], b"\0\xff\x10\x04Too many connections");
        let full = told.packet(&mut Sequence::after(2), Capabilities::PROTOCOL_41);
        assert_eq!(&full[3..], b"\x02\xff\x10\x04#08004Too many connections");
    }

    fn open_error(code: u16) -> OpenError {
        let error = ServerError::of(&ErrPacket {
            code,
            sqlstate: None,
            message: b"words of the server",
        });
        OpenError {
            step: ProbeStep::Auth,
            kind: OpenErrorKind::MySql(Box::new(error)),
        }
    }

    #[test]
    fn an_unknown_schema_is_the_clients_business_and_our_password_is_not() {
        let told = open_failed(&open_error(1049), "orders");
        assert_eq!(told.code, ErrorCode::BAD_DB);
        assert_eq!(told.message, "words of the server");
        for code in [1045, 1130] {
            let told = open_failed(&open_error(code), "orders");
            assert_eq!(told.code, ErrorCode::UNKNOWN, "{code}");
            assert!(told.message.contains("target \"orders\""), "{told:?}");
        }
    }

    #[test]
    fn a_full_server_says_so_itself() {
        let told = open_failed(&open_error(1040), "orders").identified("c-12");
        assert_eq!(told.code, ErrorCode::CON_COUNT);
        let words = "words of the server: target \"orders\" is full (id c-12)";
        assert_eq!(told.message, words);
        let told = open_failed(&open_error(1049), "orders").identified("c-12");
        assert_eq!(told.message, "words of the server");
    }

    fn timed_out() -> BorrowError {
        BorrowError::TimedOut(tollgate_pool::TimedOut {
            waited: Millis::new(120_000),
            limit: 10,
            in_use: 10,
            waiting: 3,
            pinned: 1,
            last_open_error: None,
        })
    }

    #[test]
    fn a_borrow_that_timed_out_says_what_rds_proxy_says() {
        let told = borrow_refused(&timed_out(), "orders");
        assert_eq!((told.code.code, &told.code.sqlstate), (9501, b"HY000"));
        let words = "Timed-out waiting to acquire database connection";
        assert!(told.message.starts_with(words), "{told:?}");
        assert!(told.message.contains("in use 10, pinned 1"), "{told:?}");
    }

    #[test]
    fn only_what_ends_the_connection_is_of_class_08() {
        for told in [shutting_down(), server_lost("orders"), too_many_clients()] {
            assert_eq!(&told.code.sqlstate[..2], b"08", "{told:?}");
        }
        assert_eq!(idle_timeout().code.code, 4031);
        let staying = [
            no_target("READ_WRITE", "none"),
            borrow_refused(&timed_out(), "orders"),
        ];
        for told in staying {
            assert_ne!(&told.code.sqlstate[..2], b"08", "{told:?}");
        }
    }
}
