//! Error codes we send or must recognise, each with the SQLSTATE that belongs to it.

/// An error code and its SQLSTATE (`mysqld_error.h`, `sql_state.c`).
///
/// Codes 2000–2999 and 5000–5999 belong to client libraries; a server never sends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode {
    /// The number.
    pub code: u16,
    /// Five characters.
    pub sqlstate: [u8; 5],
}

macro_rules! error_codes {
    ($( $(#[$doc:meta])* $name:ident = $code:literal $state:literal; )+) => {
        impl ErrorCode {
            $( $(#[$doc])* pub const $name: Self = Self { code: $code, sqlstate: *$state }; )+

            /// All of the named codes.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )+ ];
        }
    };
}

error_codes! {
    /// Too many connections.
    CON_COUNT = 1040 b"08004";
    /// Bad handshake.
    HANDSHAKE = 1043 b"08S01";
    /// Access to the database denied.
    DBACCESS_DENIED = 1044 b"42000";
    /// Access denied: user or password.
    ACCESS_DENIED = 1045 b"28000";
    /// No database selected.
    NO_DB = 1046 b"3D000";
    /// Unknown command.
    UNKNOWN_COM = 1047 b"08S01";
    /// Unknown database.
    BAD_DB = 1049 b"42000";
    /// Server shutdown in progress.
    SERVER_SHUTDOWN = 1053 b"08S01";
    /// Syntax error.
    PARSE = 1064 b"42000";
    /// No such thread, for KILL.
    NO_SUCH_THREAD = 1094 b"HY000";
    /// Not the owner of the thread, for KILL.
    KILL_DENIED = 1095 b"HY000";
    /// Unknown error: used for everything without a code of its own.
    UNKNOWN = 1105 b"HY000";
    /// Host is blocked because of many connection errors.
    HOST_IS_BLOCKED = 1129 b"HY000";
    /// Host is not allowed to connect.
    HOST_NOT_PRIVILEGED = 1130 b"HY000";
    /// A packet is over `max_allowed_packet`.
    NET_PACKET_TOO_LARGE = 1153 b"08S01";
    /// Packets out of order.
    NET_PACKETS_OUT_OF_ORDER = 1156 b"08S01";
    /// Packets cannot be uncompressed.
    NET_UNCOMPRESS = 1157 b"08S01";
    /// Error reading packets.
    NET_READ = 1158 b"08S01";
    /// Timeout reading packets.
    NET_READ_INTERRUPTED = 1159 b"08S01";
    /// Error writing packets.
    NET_ERROR_ON_WRITE = 1160 b"08S01";
    /// Timeout writing packets.
    NET_WRITE_INTERRUPTED = 1161 b"08S01";
    /// A user has too many connections.
    TOO_MANY_USER_CONNECTIONS = 1203 b"42000";
    /// Lock wait timeout: usually the statement is rolled back, not the transaction.
    LOCK_WAIT_TIMEOUT = 1205 b"HY000";
    /// Wrong arguments to a command.
    WRONG_ARGUMENTS = 1210 b"HY000";
    /// Deadlock: the whole transaction is rolled back.
    LOCK_DEADLOCK = 1213 b"40001";
    /// A privilege is missing.
    SPECIFIC_ACCESS_DENIED = 1227 b"42000";
    /// A variable cannot have this value.
    WRONG_VALUE_FOR_VAR = 1231 b"42000";
    /// Unknown statement id.
    UNKNOWN_STMT_HANDLER = 1243 b"HY000";
    /// The client does not support the authentication that is asked for.
    NOT_SUPPORTED_AUTH_MODE = 1251 b"08004";
    /// Read only server.
    OPTION_PREVENTS_STATEMENT = 1290 b"HY000";
    /// The query was interrupted.
    QUERY_INTERRUPTED = 1317 b"70100";
    /// More than 65535 placeholders.
    PS_MANY_PARAM = 1390 b"HY000";
    /// `max_prepared_stmt_count` is reached.
    MAX_PREPARED_STMT_COUNT_REACHED = 1461 b"42000";
    /// A prepared statement must be prepared again.
    NEED_REPREPARE = 1615 b"HY000";
    /// A write in a read only transaction.
    CANT_EXECUTE_IN_READ_ONLY_TRANSACTION = 1792 b"25006";
    /// A malformed packet.
    MALFORMED_PACKET = 1835 b"HY000";
    /// MariaDB: the connection was killed.
    CONNECTION_KILLED = 1927 b"70100";
    /// The statement took longer than `max_execution_time`.
    QUERY_TIMEOUT = 3024 b"HY000";
    /// Loading local data is disabled.
    CLIENT_LOCAL_FILES_DISABLED = 3948 b"42000";
    /// TLS is required.
    SECURE_TRANSPORT_REQUIRED = 3159 b"HY000";
    /// The server closed an idle connection.
    CLIENT_INTERACTION_TIMEOUT = 4031 b"HY000";
    /// No server connection became free in time; the code that RDS Proxy uses.
    BORROW_TIMEOUT = 9501 b"HY000";
}

/// What a client library reports when a connection ends under a statement, "server has gone away". It is
/// never on the wire: listed because log readers look for it.
pub const CLIENT_SERVER_GONE: u16 = 2006;

/// What a client library reports when a connection ends within a reply, "lost connection during query".
/// It is never on the wire.
pub const CLIENT_SERVER_LOST: u16 = 2013;

/// The code of MariaDB's progress reports, which look like ERR packets and are none.
pub const PROGRESS_REPORT: u16 = 0xffff;

/// Whether a server may send this code in an ERR packet.
pub fn is_server_code(code: u16) -> bool {
    !matches!(code, 0 | 2000..=2999 | 5000..=5999 | PROGRESS_REPORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_in_the_range_of_client_libraries() {
        for error in ErrorCode::ALL {
            assert!(is_server_code(error.code), "{error:?}");
        }
        assert!(!is_server_code(CLIENT_SERVER_GONE));
        assert!(!is_server_code(CLIENT_SERVER_LOST));
        assert!(!is_server_code(PROGRESS_REPORT));
    }

    #[test]
    fn states_are_five_capitals_or_digits() {
        for error in ErrorCode::ALL {
            let fits = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
            assert!(error.sqlstate.iter().all(fits), "{error:?}");
        }
    }
}
