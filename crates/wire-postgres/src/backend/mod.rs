//! What a server says: builders for the messages a proxy speaks itself, and [`read`] for a server's own.
//!
//! Builders append whole messages and cannot fail. Texts end at a zero byte if they contain one, so no
//! value can smuggle in another field.

mod authentication;
mod error_fields;
pub mod read;

pub use authentication::Authentication;
pub use error_fields::{ErrorFields, Severity};

use crate::output::{Out, counted, message, put_count, put_text};
use crate::tag::backend as tag;

/// Major protocol version: 3 for everything since PostgreSQL 7.4.
pub const PROTOCOL_MAJOR: u16 = 3;

/// Newest minor version this crate speaks: 2 (PostgreSQL 18, longer cancel secrets).
pub const PROTOCOL_MINOR_NEWEST: u16 = 2;

/// Where a session stands between requests (the one byte of `ReadyForQuery`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    /// `I`: no transaction is open.
    Idle,
    /// `T`: a transaction is open.
    InTransaction,
    /// `E`: a transaction is open and has failed.
    Failed,
}

impl TransactionStatus {
    /// The byte on the wire.
    pub fn byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }

    /// The status for a byte on the wire.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'I' => Some(Self::Idle),
            b'T' => Some(Self::InTransaction),
            b'E' => Some(Self::Failed),
            _ => None,
        }
    }
}

/// The login is done.
pub fn auth_ok(out: &mut impl Out) {
    authentication(out, authentication::OK, &[]);
}

/// Asks for the password in the clear.
pub fn auth_cleartext_password(out: &mut impl Out) {
    authentication(out, authentication::CLEARTEXT_PASSWORD, &[]);
}

/// Asks for an md5 answer over four random bytes.
pub fn auth_md5_password(out: &mut impl Out, salt: [u8; 4]) {
    authentication(out, authentication::MD5_PASSWORD, &salt);
}

/// Offers SASL mechanisms, the preferred one first.
pub fn auth_sasl(out: &mut impl Out, mechanisms: &[&str]) {
    message(out, tag::AUTHENTICATION, |out| {
        out.put(&authentication::SASL.to_be_bytes());
        for mechanism in mechanisms {
            put_text(out, mechanism.as_bytes());
        }
        out.put(&[0]);
    });
}

/// The server's next SASL message.
pub fn auth_sasl_continue(out: &mut impl Out, data: &[u8]) {
    authentication(out, authentication::SASL_CONTINUE, data);
}

/// The server's last SASL message.
pub fn auth_sasl_final(out: &mut impl Out, data: &[u8]) {
    authentication(out, authentication::SASL_FINAL, data);
}

fn authentication(out: &mut impl Out, code: u32, data: &[u8]) {
    message(out, tag::AUTHENTICATION, |out| {
        out.put(&code.to_be_bytes());
        out.put(data);
    });
}

/// Reports a setting.
pub fn parameter_status(out: &mut impl Out, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
    message(out, tag::PARAMETER_STATUS, |out| {
        put_text(out, name.as_ref());
        put_text(out, value.as_ref());
    });
}

/// Hands out the cancel key. A client on protocol 3.0 expects exactly 4 secret bytes; 3.2 allows up to
/// [`MAX_CANCEL_SECRET`](crate::secret::MAX_CANCEL_SECRET).
pub fn backend_key_data(out: &mut impl Out, process_id: i32, secret: &[u8]) {
    message(out, tag::BACKEND_KEY_DATA, |out| {
        out.put(&process_id.to_be_bytes());
        out.put(secret);
    });
}

/// Ready for the next request.
pub fn ready_for_query(out: &mut impl Out, status: TransactionStatus) {
    message(out, tag::READY_FOR_QUERY, |out| out.put(&[status.byte()]));
}

/// An error. Severity FATAL or PANIC must be followed by closing the connection.
pub fn error_response(out: &mut impl Out, fields: &ErrorFields) {
    message(out, tag::ERROR_RESPONSE, |out| fields.write(out));
}

/// A notice.
pub fn notice_response(out: &mut impl Out, fields: &ErrorFields) {
    message(out, tag::NOTICE_RESPONSE, |out| fields.write(out));
}

/// Tells a client which minor version it gets and which of its `_pq_.` options are unknown.
///
/// The version goes out as a full protocol number (3.0 is 196608), as PostgreSQL sends it. It must not be
/// above what the client asked for: libpq 18 ends the login over that. Take both arguments from
/// [`StartupMessage::negotiation`](crate::startup::StartupMessage::negotiation).
pub fn negotiate_protocol_version(
    out: &mut impl Out,
    newest_minor: u16,
    unknown_options: &[String],
) {
    message(out, tag::NEGOTIATE_PROTOCOL_VERSION, |out| {
        out.put(&PROTOCOL_MAJOR.to_be_bytes());
        out.put(&newest_minor.to_be_bytes());
        // The startup packet's own limit keeps this count small.
        let count = u32::try_from(unknown_options.len()).unwrap_or(u32::MAX);
        out.put(&count.to_be_bytes());
        for option in unknown_options {
            put_text(out, option.as_bytes());
        }
    });
}

/// Parse is done.
pub fn parse_complete(out: &mut impl Out) {
    message(out, tag::PARSE_COMPLETE, |_| {});
}

/// Bind is done.
pub fn bind_complete(out: &mut impl Out) {
    message(out, tag::BIND_COMPLETE, |_| {});
}

/// Close is done.
pub fn close_complete(out: &mut impl Out) {
    message(out, tag::CLOSE_COMPLETE, |_| {});
}

/// A statement is done, with its tag, for example `SELECT 1`.
pub fn command_complete(out: &mut impl Out, command_tag: &str) {
    message(out, tag::COMMAND_COMPLETE, |out| {
        put_text(out, command_tag.as_bytes());
    });
}

/// The query text was empty.
pub fn empty_query_response(out: &mut impl Out) {
    message(out, tag::EMPTY_QUERY_RESPONSE, |_| {});
}

/// The statement returns no rows.
pub fn no_data(out: &mut impl Out) {
    message(out, tag::NO_DATA, |_| {});
}

/// Describes columns of type `text` (object id 25, any length, text format).
pub fn row_description(out: &mut impl Out, columns: &[&str]) {
    message(out, tag::ROW_DESCRIPTION, |out| {
        put_count(out, columns.len());
        for column in columns {
            put_text(out, column.as_bytes());
            // No table and column number, type text, length -1, modifier -1, text format.
            out.put(&[0, 0, 0, 0, 0, 0]);
            out.put(&25_u32.to_be_bytes());
            out.put(&(-1_i16).to_be_bytes());
            out.put(&(-1_i32).to_be_bytes());
            out.put(&[0, 0]);
        }
    });
}

/// One row; `None` is NULL.
pub fn data_row(out: &mut impl Out, columns: &[Option<&[u8]>]) {
    message(out, tag::DATA_ROW, |out| {
        put_count(out, columns.len());
        for column in columns {
            match column {
                Some(value) => {
                    out.put(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
                    out.put(value);
                }
                None => out.put(&(-1_i32).to_be_bytes()),
            }
        }
    });
}

/// The error for a client that speaks protocol 1 or 2: no length, no fields, one text
/// (`elog.c`, `send_message_to_frontend`: severity, two spaces, text, newline).
pub fn old_style_error(out: &mut impl Out, text: &str) {
    out.put(&[tag::ERROR_RESPONSE]);
    out.put(b"FATAL:  ");
    let end = memchr::memchr(0, text.as_bytes()).unwrap_or(text.len());
    out.put(text.as_bytes().get(..end).unwrap_or_default());
    out.put(b"\n\0");
}

/// A message whose body the caller already has, for example one kept for later.
pub fn raw(out: &mut impl Out, message_tag: u8, body: &[u8]) {
    out.put(&[message_tag]);
    counted(out, |out| out.put(body));
}

#[cfg(test)]
mod tests;
