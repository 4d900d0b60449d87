//! The five-character codes drivers act on.
//!
//! Source of names and values: PostgreSQL `src/backend/utils/errcodes.txt`.

use std::fmt;

/// A SQLSTATE: five characters out of `0-9A-Z`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// `00000` successful completion.
    pub const SUCCESSFUL_COMPLETION: Self = Self(*b"00000");
    /// `01000` warning.
    pub const WARNING: Self = Self(*b"01000");
    /// `08000` connection exception.
    pub const CONNECTION_EXCEPTION: Self = Self(*b"08000");
    /// `08001` the target cannot be reached.
    pub const UNABLE_TO_CONNECT: Self = Self(*b"08001");
    /// `08004` the server refused the connection.
    pub const CONNECTION_REJECTED: Self = Self(*b"08004");
    /// `08006` the connection to the target was lost.
    pub const CONNECTION_FAILURE: Self = Self(*b"08006");
    /// `08P01` malformed or misplaced message.
    pub const PROTOCOL_VIOLATION: Self = Self(*b"08P01");
    /// `0A000` feature not supported.
    pub const FEATURE_NOT_SUPPORTED: Self = Self(*b"0A000");
    /// `22023` a parameter has an invalid value.
    pub const INVALID_PARAMETER_VALUE: Self = Self(*b"22023");
    /// `25006` write on a read-only server or transaction.
    pub const READ_ONLY_SQL_TRANSACTION: Self = Self(*b"25006");
    /// `25P02` statement in a failed transaction.
    pub const IN_FAILED_SQL_TRANSACTION: Self = Self(*b"25P02");
    /// `25P03` idle in transaction for too long.
    pub const IDLE_IN_TRANSACTION_SESSION_TIMEOUT: Self = Self(*b"25P03");
    /// `25P04` the transaction took too long.
    pub const TRANSACTION_TIMEOUT: Self = Self(*b"25P04");
    /// `26000` unknown prepared statement.
    pub const INVALID_SQL_STATEMENT_NAME: Self = Self(*b"26000");
    /// `28000` the login is not allowed (also TLS required, IAM refused).
    pub const INVALID_AUTHORIZATION_SPECIFICATION: Self = Self(*b"28000");
    /// `28P01` wrong password.
    pub const INVALID_PASSWORD: Self = Self(*b"28P01");
    /// `34000` unknown portal or cursor.
    pub const INVALID_CURSOR_NAME: Self = Self(*b"34000");
    /// `3D000` unknown database.
    pub const INVALID_CATALOG_NAME: Self = Self(*b"3D000");
    /// `42601` syntax error.
    pub const SYNTAX_ERROR: Self = Self(*b"42601");
    /// `42704` unknown object, for example a setting.
    pub const UNDEFINED_OBJECT: Self = Self(*b"42704");
    /// `42P05` prepared statement already exists.
    pub const DUPLICATE_PREPARED_STATEMENT: Self = Self(*b"42P05");
    /// `53000` resources are exhausted.
    pub const INSUFFICIENT_RESOURCES: Self = Self(*b"53000");
    /// `53200` memory is exhausted.
    pub const OUT_OF_MEMORY: Self = Self(*b"53200");
    /// `53300` too many connections, or none free in time.
    pub const TOO_MANY_CONNECTIONS: Self = Self(*b"53300");
    /// `54000` a limit of the program was exceeded (message too large).
    pub const PROGRAM_LIMIT_EXCEEDED: Self = Self(*b"54000");
    /// `55P03` lock not available.
    pub const LOCK_NOT_AVAILABLE: Self = Self(*b"55P03");
    /// `57014` the query was cancelled.
    pub const QUERY_CANCELED: Self = Self(*b"57014");
    /// `57P01` shut down by an administrator.
    pub const ADMIN_SHUTDOWN: Self = Self(*b"57P01");
    /// `57P02` the server crashed.
    pub const CRASH_SHUTDOWN: Self = Self(*b"57P02");
    /// `57P03` starting up, shutting down or recovering.
    pub const CANNOT_CONNECT_NOW: Self = Self(*b"57P03");
    /// `57P05` idle for too long.
    pub const IDLE_SESSION_TIMEOUT: Self = Self(*b"57P05");
    /// `58000` a system error outside the database.
    pub const SYSTEM_ERROR: Self = Self(*b"58000");
    /// `F0000` the configuration is wrong.
    pub const CONFIG_FILE_ERROR: Self = Self(*b"F0000");
    /// `XX000` internal error.
    pub const INTERNAL_ERROR: Self = Self(*b"XX000");

    /// Accepts exactly five characters out of `0-9A-Z`.
    pub fn parse(code: &[u8]) -> Option<Self> {
        let code: [u8; 5] = code.try_into().ok()?;
        code.iter()
            .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
            .then_some(Self(code))
    }

    /// The five characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }

    /// The two-character class, for example `08`.
    pub fn class(&self) -> &str {
        self.as_str().get(..2).unwrap_or("XX")
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlState({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_five_capitals_and_digits_only() {
        assert_eq!(
            SqlState::parse(b"08P01"),
            Some(SqlState::PROTOCOL_VIOLATION)
        );
        for bad in [&b"08p01"[..], b"08P0", b"08P011", b"", b"08P0\xff"] {
            assert_eq!(SqlState::parse(bad), None);
        }
    }

    #[test]
    fn shows_code_and_class() {
        assert_eq!(SqlState::TOO_MANY_CONNECTIONS.to_string(), "53300");
        assert_eq!(SqlState::TOO_MANY_CONNECTIONS.class(), "53");
    }
}
