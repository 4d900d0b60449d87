//! Results that we write ourselves: counts, definitions and text rows for answers that need no server.

use crate::capabilities::Capabilities;
use crate::decode::NULL;
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
