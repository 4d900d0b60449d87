//! Results of our own: counts, definitions and text rows for answers that need no server, and rows that answer us.

use crate::capabilities::Capabilities;
use crate::decode::{Cursor, DecodeError, NULL};
use crate::frame::Sequence;
use crate::output::{Out, packet, put_lenenc, put_lenenc_bytes};
use crate::reply::{Metadata, Prepared};

/// Type `MYSQL_TYPE_VAR_STRING`.
const VAR_STRING: u8 = 0xfd;

/// Writes the packet a result with rows begins with. The definitions always follow: what we answer ourselves
/// is too small to leave them out.
pub fn column_count(
    out: &mut impl Out,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    count: u16,
) {
    packet(out, sequence, |out| {
        put_lenenc(out, u64::from(count));
        if capabilities.may_omit_metadata() {
            out.put(&[1]);
        }
    });
}

/// Writes the definition of a text column of this collation (`Protocol::ColumnDefinition41`).
pub fn column_definition(
    out: &mut impl Out,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    name: &[u8],
    collation: u16,
) {
    packet(out, sequence, |out| {
        put_lenenc_bytes(out, b"def");
        // Schema, table and original table: it is an expression.
        out.put(&[0, 0, 0]);
        put_lenenc_bytes(out, name);
        put_lenenc_bytes(out, b"");
        if capabilities.contains(Capabilities::MARIADB_EXTENDED_METADATA) {
            put_lenenc_bytes(out, b"");
        }
        // The length of the fixed fields: collation, width, type, flags, decimals, filler.
        out.put(&[0x0c]);
        out.put(&collation.to_le_bytes());
        out.put(&u32::from(u16::MAX).to_le_bytes());
        out.put(&[VAR_STRING]);
        out.put(&[0, 0, 31, 0, 0]);
    });
}

/// Writes a row of texts; `None` is NULL.
pub fn text_row<'a>(
    out: &mut impl Out,
    sequence: &mut Sequence,
    values: impl IntoIterator<Item = Option<&'a [u8]>>,
) {
    packet(out, sequence, |out| {
        for value in values {
            match value {
                Some(value) => put_lenenc_bytes(out, value),
                None => out.put(&[NULL]),
            }
        }
    });
}

/// The values of a text row; `None` is NULL. It ends behind the first value that is malformed.
pub fn text_values(payload: &[u8]) -> impl Iterator<Item = Result<Option<&[u8]>, DecodeError>> {
    let mut rest = Some(Cursor::new(payload));
    std::iter::from_fn(move || {
        let cursor = rest.as_mut().filter(|cursor| !cursor.is_empty())?;
        let value = cursor.nullable("column value");
        if value.is_err() {
            rest = None;
        }
        Some(value)
    })
}

/// Writes the first packet of the answer to a prepare, under an id of our own. With
/// [`Capabilities::OPTIONAL_RESULTSET_METADATA`]
/// it says whether definitions follow.
pub fn prepared(
    out: &mut impl Out,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    statement: &Prepared,
) {
    packet(out, sequence, |out| {
        out.put(&[0]);
        out.put(&statement.statement_id.to_le_bytes());
        out.put(&statement.columns.to_le_bytes());
        out.put(&statement.parameters.to_le_bytes());
        out.put(&[0]);
        out.put(&statement.warnings.to_le_bytes());
        if capabilities.contains(Capabilities::OPTIONAL_RESULTSET_METADATA) {
            out.put(match statement.metadata {
                Metadata::Follows => &[1],
                Metadata::Omitted => &[0],
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::HEADER_LEN;

    #[test]
    fn a_row_reads_as_it_was_written() {
        let values = [Some(&b"a"[..]), None, Some(&b""[..])];
        let mut out = Vec::new();
        text_row(&mut out, &mut Sequence::start(), values);
        let read: Result<Vec<_>, _> = text_values(&out[HEADER_LEN..]).collect();
        assert_eq!(read, Ok(values.to_vec()));
    }

    #[test]
    fn a_cut_value_ends_the_row() {
        let read: Vec<_> = text_values(b"\x01a\x05b").collect();
        assert_eq!(read.len(), 2);
        assert!(read[1].is_err());
    }
}
