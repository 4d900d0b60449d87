//! The one-byte message tags, per direction because the two directions reuse the same letters.
//!
//! Source: PostgreSQL `src/include/libpq/protocol.h` and the manual, "Message Formats".

/// Tags of messages a client sends.
pub mod frontend {
    /// `B`: bind values to a prepared statement.
    pub const BIND: u8 = b'B';
    /// `C`: close a statement or portal.
    pub const CLOSE: u8 = b'C';
    /// `D`: describe a statement or portal.
    pub const DESCRIBE: u8 = b'D';
    /// `E`: execute a portal.
    pub const EXECUTE: u8 = b'E';
    /// `F`: call a function by its object id.
    pub const FUNCTION_CALL: u8 = b'F';
    /// `H`: flush pending replies.
    pub const FLUSH: u8 = b'H';
    /// `P`: prepare a statement.
    pub const PARSE: u8 = b'P';
    /// `Q`: simple query.
    pub const QUERY: u8 = b'Q';
    /// `S`: end of an extended-protocol batch.
    pub const SYNC: u8 = b'S';
    /// `X`: the client ends the session.
    pub const TERMINATE: u8 = b'X';
    /// `c`: all COPY data was sent.
    pub const COPY_DONE: u8 = b'c';
    /// `d`: COPY data.
    pub const COPY_DATA: u8 = b'd';
    /// `f`: the client gives up the COPY.
    pub const COPY_FAIL: u8 = b'f';
    /// `p`: password, SASL or GSS answer.
    pub const PASSWORD: u8 = b'p';
}

/// Tags of messages a server sends.
pub mod backend {
    /// `1`: Parse is done.
    pub const PARSE_COMPLETE: u8 = b'1';
    /// `2`: Bind is done.
    pub const BIND_COMPLETE: u8 = b'2';
    /// `3`: Close is done.
    pub const CLOSE_COMPLETE: u8 = b'3';
    /// `A`: a notification of LISTEN/NOTIFY.
    pub const NOTIFICATION_RESPONSE: u8 = b'A';
    /// `C`: a statement is done.
    pub const COMMAND_COMPLETE: u8 = b'C';
    /// `D`: one row.
    pub const DATA_ROW: u8 = b'D';
    /// `E`: an error.
    pub const ERROR_RESPONSE: u8 = b'E';
    /// `G`: the server wants COPY data.
    pub const COPY_IN_RESPONSE: u8 = b'G';
    /// `H`: the server will send COPY data.
    pub const COPY_OUT_RESPONSE: u8 = b'H';
    /// `I`: the query text was empty.
    pub const EMPTY_QUERY_RESPONSE: u8 = b'I';
    /// `K`: the key for cancel requests.
    pub const BACKEND_KEY_DATA: u8 = b'K';
    /// `N`: a notice.
    pub const NOTICE_RESPONSE: u8 = b'N';
    /// `R`: a step of the login.
    pub const AUTHENTICATION: u8 = b'R';
    /// `S`: a setting and its value.
    pub const PARAMETER_STATUS: u8 = b'S';
    /// `T`: the columns of the rows to come.
    pub const ROW_DESCRIPTION: u8 = b'T';
    /// `V`: the result of a function call.
    pub const FUNCTION_CALL_RESPONSE: u8 = b'V';
    /// `W`: COPY data flows both ways (replication).
    pub const COPY_BOTH_RESPONSE: u8 = b'W';
    /// `Z`: the server waits for the next request.
    pub const READY_FOR_QUERY: u8 = b'Z';
    /// `c`: all COPY data was sent.
    pub const COPY_DONE: u8 = b'c';
    /// `d`: COPY data.
    pub const COPY_DATA: u8 = b'd';
    /// `n`: the statement returns no rows.
    pub const NO_DATA: u8 = b'n';
    /// `s`: Execute stopped at its row limit.
    pub const PORTAL_SUSPENDED: u8 = b's';
    /// `t`: the parameter types of a statement.
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    /// `v`: the server speaks an older minor version or lacks an option.
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
}
