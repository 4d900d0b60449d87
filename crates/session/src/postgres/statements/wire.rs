//! Bytes: messages under a server's name instead of the client's, errors the other way round, and the
//! shape of a result.
//!
//! Source of the formats: PostgreSQL manual, "Message Formats".

use std::hash::{DefaultHasher, Hasher};

use tollgate_wire_postgres::frame::HEADER_LEN;

use super::table::Shape;
use crate::postgres::head::Message;

/// What every name on a server connection that is ours starts with.
const PREFIX: &[u8] = b"tollgate_";

/// Bytes of the longest name: the prefix, a key, another `_` and a number.
const MAX_SERVER_NAME: usize = PREFIX.len() + 16 + 1 + 10;

/// Bytes of a column behind its name: table, attribute, type, length, modifier, format.
const COLUMN: usize = 18;

/// A name of ours, without memory of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerName {
    bytes: [u8; MAX_SERVER_NAME],
    length: usize,
}

impl ServerName {
    /// What all names with this key start with. The key makes sure that no client can mean one of them.
    pub(crate) fn prefix(key: u64) -> Self {
        let mut name = Self {
            bytes: [0; MAX_SERVER_NAME],
            length: 0,
        };
        name.push(PREFIX);
        name.push_hex(key);
        name.push(b"_");
        name
    }

    /// The name with this number, behind a prefix.
    pub(crate) fn numbered(mut self, number: u32) -> Self {
        let mut digits = [0_u8; 10];
        let mut left = number;
        let mut written = 0_usize;
        for slot in digits.iter_mut().rev() {
            *slot = b'0'.saturating_add(u8::try_from(left % 10).unwrap_or(0));
            left /= 10;
            written = written.saturating_add(1);
            if left == 0 {
                break;
            }
        }
        let start = digits.len().saturating_sub(written);
        self.push(digits.get(start..).unwrap_or_default());
        self
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push_hex(&mut self, key: u64) {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let bytes = key.to_be_bytes();
        let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let mut begun = false;
        for half in halves {
            begun = begun || half > 0;
            if let Some(digit) = DIGITS.get(usize::from(half)).filter(|_| begun) {
                self.push(&[*digit]);
            }
        }
        if !begun {
            self.push(b"0");
        }
    }

    fn push(&mut self, text: &[u8]) {
        let end = self.length.saturating_add(text.len());
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(text);
            self.length = end;
        }
    }
}

/// The header of a message with a body of that many bytes.
fn header(out: &mut Vec<u8>, tag: u8, body: usize) {
    out.push(tag);
    let length = u32::try_from(body.saturating_add(4)).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.push(0);
}

/// The start of a Parse up to and with its name; `tail` bytes follow.
pub(crate) fn parse_head(out: &mut Vec<u8>, name: &[u8], tail: usize) {
    header(out, b'P', name.len().saturating_add(1).saturating_add(tail));
    text(out, name);
}

/// A Parse of the text in `tail` (the body behind a name) with the parameter types in `types`, the body
/// of a `ParameterDescription`, which has the same form.
pub(crate) fn parse(out: &mut Vec<u8>, name: &[u8], tail: &[u8], types: &[u8]) {
    let end = memchr::memchr(0, tail).map_or(tail.len(), |end| end.saturating_add(1));
    let sql = tail.get(..end).unwrap_or_default();
    parse_head(out, name, sql.len().saturating_add(types.len()));
    out.extend_from_slice(sql);
    out.extend_from_slice(types);
}

/// A Parse of a text without parameters.
pub(crate) fn parse_plain(out: &mut Vec<u8>, name: &[u8], sql: &[u8]) {
    parse_head(out, name, sql.len().saturating_add(3));
    text(out, sql);
    out.extend_from_slice(&[0, 0]);
}

/// The start of a Bind up to and with its names; `tail` bytes follow.
pub(crate) fn bind_head(out: &mut Vec<u8>, portal: &[u8], statement: &[u8], tail: usize) {
    let names = portal.len().saturating_add(statement.len());
    header(out, b'B', names.saturating_add(2).saturating_add(tail));
    text(out, portal);
    text(out, statement);
}

/// A whole Bind with these names, for another statement.
pub(crate) fn bind_another(
    out: &mut Vec<u8>,
    another: &[u8],
    message: Message<'_>,
    (portal, statement): (&[u8], &[u8]),
) {
    let body = message.header.body(message.bytes);
    let names = portal.len().saturating_add(statement.len());
    let tail = body.get(names.saturating_add(2)..).unwrap_or_default();
    bind_head(out, portal, another, tail.len());
    out.extend_from_slice(tail);
}

/// The number of parameters of a whole Bind, as it is sent.
pub(crate) fn parameters_bound(message: Message<'_>, names: (&[u8], &[u8])) -> Option<[u8; 2]> {
    let body = message.header.body(message.bytes);
    let start = names
        .0
        .len()
        .saturating_add(names.1.len())
        .saturating_add(2);
    let (formats, rest) = body.get(start..)?.split_first_chunk::<2>()?;
    let formats = usize::from(u16::from_be_bytes(*formats));
    rest.get(formats.saturating_mul(2)..)?
        .first_chunk::<2>()
        .copied()
}

/// A Bind without parameters.
pub(crate) fn bind_plain(out: &mut Vec<u8>, portal: &[u8], statement: &[u8]) {
    bind_head(out, portal, statement, 6);
    out.extend_from_slice(&[0; 6]);
}

/// An Execute of all rows.
pub(crate) fn execute(out: &mut Vec<u8>, portal: &[u8]) {
    header(out, b'E', portal.len().saturating_add(5));
    text(out, portal);
    out.extend_from_slice(&[0; 4]);
}

/// A Describe (`D`) or Close (`C`) of a statement (`S`) or portal (`P`).
pub(crate) fn target(out: &mut Vec<u8>, tag: u8, kind: u8, name: &[u8]) {
    header(out, tag, name.len().saturating_add(2));
    out.push(kind);
    text(out, name);
}

/// Parses, describes and closes an empty statement that claims to have these parameter types.
pub(crate) fn probe(out: &mut Vec<u8>, name: &[u8], types: &[u8]) {
    parse(out, name, b"\0", types);
    target(out, b'D', b'S', name);
    target(out, b'C', b'S', name);
}

/// A message of the server.
pub(crate) fn reply(out: &mut Vec<u8>, tag: u8, body: &[u8]) {
    header(out, tag, body.len());
    out.extend_from_slice(body);
}

pub(crate) fn flush(out: &mut Vec<u8>) {
    header(out, b'H', 0);
}

pub(crate) fn sync(out: &mut Vec<u8>) {
    header(out, b'S', 0);
}

/// A `ParameterDescription` with this body.
pub(crate) fn parameter_description(out: &mut Vec<u8>, body: &[u8]) {
    header(out, b't', body.len());
    out.extend_from_slice(body);
}

/// The shape of the result in the body of a `RowDescription`; `None` if it is malformed. Tables and
/// attribute numbers are left out: PostgreSQL does not compare them either.
pub(crate) fn shape(body: &[u8]) -> Option<Shape> {
    let mut hasher = DefaultHasher::new();
    let mut rest = body.get(2..)?;
    while !rest.is_empty() {
        let end = memchr::memchr(0, rest)?;
        let (name, tail) = rest.split_at_checked(end.saturating_add(1))?;
        let (column, others) = tail.split_at_checked(COLUMN)?;
        hasher.write(name);
        hasher.write(column.get(6..10)?);
        hasher.write(column.get(12..16)?);
        rest = others;
    }
    Some(Shape::Columns(hasher.finish()))
}

/// An `ErrorResponse` with `theirs` in place of every `ours` in its fields.
pub(crate) fn rename_error(out: &mut Vec<u8>, body: &[u8], ours: &[u8], theirs: &[u8]) {
    let start = out.len();
    header(out, b'E', 0);
    let mut rest = body;
    while let Some(at) = memchr::memmem::find(rest, ours) {
        let (before, found) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        let after = found.get(ours.len()..).unwrap_or_default();
        out.extend_from_slice(before);
        // A longer number is another name.
        let whole = !after.first().is_some_and(u8::is_ascii_digit);
        out.extend_from_slice(if whole { theirs } else { ours });
        rest = after;
    }
    out.extend_from_slice(rest);
    let length = out.len().saturating_sub(start).saturating_sub(1);
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(field) = out.get_mut(start.saturating_add(1)..start.saturating_add(HEADER_LEN)) {
        field.copy_from_slice(&length);
    }
}

/// What PostgreSQL says to a Describe of a statement with a result in a transaction that has failed.
pub(crate) fn aborted_error(out: &mut Vec<u8>) {
    const FIELDS: &[u8] =
        b"SERROR\0VERROR\0C25P02\0Mcurrent transaction is aborted, commands ignored until end \
          of transaction block\0Fpostgres.c\0Rexec_describe_statement_message\0\0";
    header(out, b'E', FIELDS.len());
    out.extend_from_slice(FIELDS);
}

/// What PostgreSQL says to a client whose own statement has another result than when it was made.
pub(crate) fn stale_error(out: &mut Vec<u8>) {
    stale_error_in(out, b"");
}

/// The same where the error that it replaces, with this body, says.
pub(crate) fn stale_error_in(out: &mut Vec<u8>, body: &[u8]) {
    const FIELDS: &[u8] = b"SERROR\0VERROR\0C0A000\0Mcached plan must not change result type\0\
          Fplancache.c\0RRevalidateCachedQuery\0\0";
    error_in(out, FIELDS, body);
}

/// The error with the first body where the one that it replaces, with the second, says.
pub(crate) fn error_in(out: &mut Vec<u8>, said: &[u8], replaced: &[u8]) {
    let is_place = |field: &&[u8]| field.starts_with(b"W");
    let fields = |body| <[u8]>::split_inclusive(body, |byte: &u8| *byte == 0);
    let place = fields(replaced).find(is_place).unwrap_or_default();
    let around = fields(said)
        .any(|field| field.starts_with(b"P"))
        .then(|| inner_statement(place));
    let (statement, place) = around.flatten().unwrap_or((b"", place));
    let kept = fields(said).filter(|field| !is_place(field) && *field != b"\0");
    let is_before = |field: &&[u8]| field.first().is_some_and(|tag| b"SVCMDH".contains(tag));
    let (before, behind): (Vec<&[u8]>, Vec<&[u8]>) = kept.partition(is_before);
    let mut body = before.concat();
    if !statement.is_empty() {
        body.push(b'W');
    }
    body.extend_from_slice(place);
    for field in behind {
        match field.strip_prefix(b"P") {
            Some(position) if !statement.is_empty() => {
                body.extend([b"p", position, b"q", statement, b"\0"].concat());
            }
            Some(_) | None => body.extend_from_slice(field),
        }
    }
    body.push(0);
    header(out, b'E', body.len());
    out.extend_from_slice(&body);
}

/// The statement that a function was running, by the field that says where an error was found, and the rest of its
/// text. An error that has a position in it names it apart. Source: PostgreSQL `spi.c`, `_SPI_error_callback`.
fn inner_statement(place: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = place.strip_prefix(b"WSQL statement \"")?;
    let end = memchr::memmem::find(start, b"\"\n")?;
    Some((start.get(..end)?, start.get(end.saturating_add(2)..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelled_as_usual() {
        for number in [0, 1, 9, 10, 250, 1_000_000_000, u32::MAX] {
            for key in [0, 1, 0x1a2b, u64::MAX] {
                let expected = format!("tollgate_{key:x}_{number}");
                assert_eq!(
                    ServerName::prefix(key).numbered(number).as_bytes(),
                    expected.as_bytes()
                );
            }
        }
    }

    #[test]
    fn an_error_is_told_where_it_was_met() {
        let said = b"SERROR\0C42P01\0Mno such table\0P15\0\0";
        let told = |place: &[u8]| {
            let mut out = Vec::new();
            error_in(
                &mut out,
                said,
                &[b"SERROR\0C22P02\0", place, b"\0"].concat(),
            );
            out.split_off(5)
        };
        assert_eq!(told(b""), said);
        assert_eq!(
            told(b"WPL/pgSQL function f() line 1\0"),
            b"SERROR\0C42P01\0Mno such table\0WPL/pgSQL function f() line 1\0P15\0\0"
        );
        assert_eq!(
            told(b"WSQL statement \"execute s\"\nPL/pgSQL function f() line 1\0"),
            b"SERROR\0C42P01\0Mno such table\0WPL/pgSQL function f() line 1\0p15\0qexecute s\0\0"
        );
    }

    #[test]
    fn an_error_names_what_the_client_named() {
        let mut out = Vec::new();
        let body = b"SERROR\0Mprepared statement \"tollgate_1\" or tollgate_12\0\0";
        rename_error(&mut out, body, b"tollgate_1", b"s");
        let expected = b"SERROR\0Mprepared statement \"s\" or tollgate_12\0\0";
        assert_eq!(&out[5..], expected);
        assert_eq!(out[4] as usize, expected.len() + 4);
    }

    fn row(table: u8, kind: u8) -> Vec<u8> {
        let column = [
            0, 0, 0, table, 0, 1, 0, 0, 0, kind, 0, 4, 255, 255, 255, 255, 0, 0,
        ];
        [b"\0\x01a\0".as_slice(), &column].concat()
    }

    #[test]
    fn a_shape_is_names_and_types() {
        assert_eq!(shape(&row(1, 23)), shape(&row(2, 23)));
        assert_ne!(shape(&row(1, 23)), shape(&row(1, 20)));
        assert_ne!(shape(&row(1, 23)), Some(Shape::NoData));
        assert_eq!(shape(b"\0\x01a\0\0"), None);
    }
}
