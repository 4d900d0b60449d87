//! The names at the start of a client's message, which must be seen before the message is passed on.

use memchr::memchr;
use tollgate_wire_postgres::frame::Header;

use super::MAX_HEAD;

/// One message of the client, as far as it has arrived.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) header: Header,
    pub(super) bytes: &'a [u8],
}

/// A name at the start of a body.
pub(super) enum Head<'a> {
    Name {
        name: &'a [u8],
        rest: &'a [u8],
    },
    /// The body has no room for it: the server will say so.
    Malformed,
    /// More bytes are needed.
    Short,
    /// More bytes will not do.
    TooLong,
}

/// The name that starts `skip` bytes into the body.
pub(super) fn head(message: Message<'_>, skip: usize) -> Head<'_> {
    let body = message.header.body(message.bytes);
    let found = body
        .get(skip..)
        .and_then(|rest| memchr(0, rest).and_then(|end| rest.split_at_checked(end)));
    match found {
        Some((name, rest)) => Head::Name {
            name,
            rest: rest.get(1..).unwrap_or_default(),
        },
        None => missing(message),
    }
}

fn missing(message: Message<'_>) -> Head<'_> {
    if message.bytes.len() >= message.header.total {
        Head::Malformed
    } else if message.bytes.len() >= MAX_HEAD {
        Head::TooLong
    } else {
        Head::Short
    }
}

/// The portal and the statement of a Bind.
pub(super) fn two_names(message: Message<'_>) -> Result<(&[u8], &[u8]), Head<'_>> {
    let (portal, rest) = match head(message, 0) {
        Head::Name { name, rest } => (name, rest),
        other @ (Head::Malformed | Head::Short | Head::TooLong) => return Err(other),
    };
    match memchr(0, rest) {
        Some(end) => Ok((portal, rest.get(..end).unwrap_or_default())),
        None => Err(missing(message)),
    }
}

/// `S` for a statement, `P` for a portal.
pub(super) fn kind_byte(message: Message<'_>) -> Option<u8> {
    message.header.body(message.bytes).first().copied()
}
