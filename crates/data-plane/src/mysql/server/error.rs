//! What a MySQL or MariaDB server says when it refuses, and whom that concerns.

use std::fmt;

use tollgate_wire_mysql::auth::AuthError;
use tollgate_wire_mysql::decode::DecodeError;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::handshake::HandshakeError;
use tollgate_wire_mysql::output::EncodeError;
use tollgate_wire_mysql::reply::{ErrPacket, ReplyError};

use crate::mysql::packets::PacketError;
use crate::server::{ErrorScope, OpenErrorKind};

/// Codes that say that nobody gets a connection now (`mysqld_error.h`): out of disk, memory or threads, host
/// blocked or not allowed, only TLS accepted, offline, not ready.
const TARGET_CODES: &[u16] = &[
    1021, 1037, 1038, 1040, 1041, 1043, 1053, 1129, 1130, 1135, 3032, 3159, 3168,
];
/// `ER_ACCESS_DENIED_NO_PASSWORD_ERROR`: as 1045, for accounts that know no password.
const ACCESS_DENIED_NO_PASSWORD: u16 = 1698;
/// What a code of no known SQLSTATE has.
const GENERAL: [u8; 5] = *b"HY000";

/// An error as the server reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerError {
    /// Its number.
    pub(crate) code: u16,
    /// Its SQLSTATE; the one that belongs to the code where the server gave none, as it does before the login.
    pub(crate) sqlstate: [u8; 5],
    /// The server's words.
    pub(crate) message: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = String::from_utf8_lossy(&self.sqlstate);
        write!(f, "{} ({state}): {}", Numbered(self.code), self.message)
    }
}

/// How an error is named in texts.
pub(crate) struct Numbered(pub(crate) u16);

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}", self.0)
    }
}

impl ServerError {
    /// Copies what a server sent.
    pub(crate) fn of(packet: &ErrPacket<'_>) -> Self {
        let known = || {
            let same = |known: &&ErrorCode| known.code == packet.code;
            ErrorCode::ALL.iter().find(same).map(|known| known.sqlstate)
        };
        Self {
            code: packet.code,
            sqlstate: packet.sqlstate.or_else(known).unwrap_or(GENERAL),
            message: String::from_utf8_lossy(packet.message).into_owned(),
        }
    }

    /// Whether others may still succeed where this opening failed.
    pub(crate) fn scope(&self) -> ErrorScope {
        if TARGET_CODES.contains(&self.code) {
            ErrorScope::Target
        } else {
            ErrorScope::Key
        }
    }

    /// Whether another password may help.
    pub(crate) fn is_refused_password(&self) -> bool {
        [ErrorCode::ACCESS_DENIED.code, ACCESS_DENIED_NO_PASSWORD].contains(&self.code)
    }

    /// Whether there is no such schema.
    pub(crate) fn is_unknown_schema(&self) -> bool {
        self.code == ErrorCode::BAD_DB.code
    }
}

impl From<PacketError> for OpenErrorKind {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::Broken(error) => error.into(),
            PacketError::Closed => Self::Lost("the server closed it".to_owned()),
            PacketError::Frame(error) => Self::Protocol(format!("{error}; is this MySQL?")),
        }
    }
}

impl From<HandshakeError> for OpenErrorKind {
    fn from(error: HandshakeError) -> Self {
        Self::Protocol(format!("{error}; is this MySQL?"))
    }
}

impl From<DecodeError> for OpenErrorKind {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<ReplyError> for OpenErrorKind {
    fn from(error: ReplyError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<EncodeError> for OpenErrorKind {
    fn from(error: EncodeError) -> Self {
        Self::Credentials(format!("cannot be sent to the server: {error}"))
    }
}

impl From<AuthError> for OpenErrorKind {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::NeedsPrivateChannel { .. } => Self::Credentials(format!(
                "{error}: set the database's tls.mode to require or stricter, or to disable to let the server \
                 choose the key that encrypts the password"
            )),
            // What the account needs, and we have not: others may get in.
            AuthError::UnknownPlugin { .. }
            | AuthError::OldAuthentication
            | AuthError::NextFactor
            | AuthError::Rsa => Self::Credentials(error.to_string()),
            AuthError::TooManySwitches
            | AuthError::MalformedData { .. }
            | AuthError::Key
            | AuthError::Unexpected => Self::Protocol(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, sqlstate: Option<[u8; 5]>) -> ServerError {
        ServerError::of(&ErrPacket {
            code,
            sqlstate,
            message: b"words",
        })
    }

    #[test]
    fn a_state_that_was_not_sent_is_looked_up() {
        assert_eq!(of(1040, None).sqlstate, *b"08004");
        assert_eq!(of(1130, None).sqlstate, *b"HY000");
        assert_eq!(of(1040, Some(*b"HY000")).sqlstate, *b"HY000");
        assert_eq!(of(1045, None).to_string(), "error 1045 (28000): words");
    }

    #[test]
    fn a_full_server_concerns_everybody_and_a_wrong_password_one() {
        for code in [1040, 1053, 1129, 3159] {
            assert_eq!(of(code, None).scope(), ErrorScope::Target, "{code}");
        }
        for code in [1044, 1045, 1049, 1203, 1226, 1231, 3118] {
            assert_eq!(of(code, None).scope(), ErrorScope::Key, "{code}");
        }
        assert!(of(1045, None).is_refused_password());
        assert!(of(1698, None).is_refused_password());
        assert!(!of(1049, None).is_refused_password());
        assert!(of(1049, None).is_unknown_schema());
    }
}
