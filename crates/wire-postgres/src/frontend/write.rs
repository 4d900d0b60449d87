//! Writing a client's messages: the requests a proxy makes of a server on its own behalf.
//!
//! Texts must not contain a zero byte: cutting a statement there would run half of it.

use crate::output::{EncodeError, Out, message, no_zero_byte, put_text};
use crate::tag::frontend as tag;

use super::ObjectKind;

/// A simple query.
pub fn query(out: &mut impl Out, sql: &str) -> Result<(), EncodeError> {
    no_zero_byte(sql.as_bytes(), "query text")?;
    message(out, tag::QUERY, |out| put_text(out, sql.as_bytes()));
    Ok(())
}

/// Prepares a statement. `param_types` are big-endian object ids as in
/// [`Parse::param_types`](super::Parse::param_types); a PostgreSQL statement has at most 65535.
pub fn parse(
    out: &mut impl Out,
    name: &[u8],
    sql: &[u8],
    param_types: &[u8],
) -> Result<(), EncodeError> {
    const LIMIT: usize = 4 * 0xffff;
    no_zero_byte(name, "statement name")?;
    no_zero_byte(sql, "statement text")?;
    let (types, _) = param_types.as_chunks::<4>();
    let count = u16::try_from(types.len()).map_err(|_| EncodeError::TooLong {
        length: param_types.len(),
        limit: LIMIT,
    })?;
    message(out, tag::PARSE, |out| {
        put_text(out, name);
        put_text(out, sql);
        out.put(&count.to_be_bytes());
        out.put(types.as_flattened());
    });
    Ok(())
}

/// Binds a statement; `rest` is formats and values as in [`Bind::rest`](super::Bind::rest).
pub fn bind(
    out: &mut impl Out,
    portal: &[u8],
    statement: &[u8],
    rest: &[u8],
) -> Result<(), EncodeError> {
    no_zero_byte(portal, "portal name")?;
    no_zero_byte(statement, "statement name")?;
    message(out, tag::BIND, |out| {
        put_text(out, portal);
        put_text(out, statement);
        out.put(rest);
    });
    Ok(())
}

/// Describes a statement or portal.
pub fn describe(out: &mut impl Out, kind: ObjectKind, name: &[u8]) -> Result<(), EncodeError> {
    kind_and_name(out, tag::DESCRIBE, kind, name)
}

/// Closes a statement or portal.
pub fn close(out: &mut impl Out, kind: ObjectKind, name: &[u8]) -> Result<(), EncodeError> {
    kind_and_name(out, tag::CLOSE, kind, name)
}

fn kind_and_name(
    out: &mut impl Out,
    message_tag: u8,
    kind: ObjectKind,
    name: &[u8],
) -> Result<(), EncodeError> {
    no_zero_byte(name, "object name")?;
    message(out, message_tag, |out| {
        out.put(&[kind.byte()]);
        put_text(out, name);
    });
    Ok(())
}

/// Runs a portal; `max_rows` 0 is no limit.
pub fn execute(out: &mut impl Out, portal: &[u8], max_rows: i32) -> Result<(), EncodeError> {
    no_zero_byte(portal, "portal name")?;
    message(out, tag::EXECUTE, |out| {
        put_text(out, portal);
        out.put(&max_rows.to_be_bytes());
    });
    Ok(())
}

/// Ends an extended-protocol batch.
pub fn sync(out: &mut impl Out) {
    message(out, tag::SYNC, |_| {});
}

/// Asks for pending replies.
pub fn flush(out: &mut impl Out) {
    message(out, tag::FLUSH, |_| {});
}

/// Ends the session.
pub fn terminate(out: &mut impl Out) {
    message(out, tag::TERMINATE, |_| {});
}

/// Gives up a COPY with a reason.
pub fn copy_fail(out: &mut impl Out, reason: &str) -> Result<(), EncodeError> {
    no_zero_byte(reason.as_bytes(), "reason")?;
    message(out, tag::COPY_FAIL, |out| put_text(out, reason.as_bytes()));
    Ok(())
}

/// Answers a request for a cleartext password or an md5 answer. The buffer then holds a secret: the
/// caller zeroizes it.
pub fn password(out: &mut impl Out, bytes: &[u8]) -> Result<(), EncodeError> {
    no_zero_byte(bytes, "password")?;
    message(out, tag::PASSWORD, |out| put_text(out, bytes));
    Ok(())
}

/// Chooses a SASL mechanism and sends its first message.
pub fn sasl_initial_response(
    out: &mut impl Out,
    mechanism: &str,
    data: &[u8],
) -> Result<(), EncodeError> {
    no_zero_byte(mechanism.as_bytes(), "SASL mechanism")?;
    let length = i32::try_from(data.len()).map_err(|_| EncodeError::TooLong {
        length: data.len(),
        limit: crate::frame::MAX_PASSWORD_MESSAGE,
    })?;
    message(out, tag::PASSWORD, |out| {
        put_text(out, mechanism.as_bytes());
        out.put(&length.to_be_bytes());
        out.put(data);
    });
    Ok(())
}

/// The next SASL message.
pub fn sasl_response(out: &mut impl Out, data: &[u8]) {
    message(out, tag::PASSWORD, |out| out.put(data));
}
