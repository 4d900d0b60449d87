//! The packets that end a result: OK, EOF, and the OK that looks like an EOF.

use crate::capabilities::Capabilities;
use crate::decode::{Cursor, DecodeError};
use crate::frame::{MAX_PAYLOAD, Sequence};
use crate::output::{Out, packet, put_lenenc, put_lenenc_bytes};
use crate::status::StatusFlags;

/// First byte of an OK packet.
pub(super) const OK: u8 = 0x00;
/// First byte of an EOF packet, and of an OK packet in its place.
pub(super) const EOF: u8 = 0xfe;
/// Fewest bytes of an OK packet: header, two numbers, status and warnings.
pub(super) const MIN_OK: usize = 7;
/// An EOF packet is shorter than this (`Protocol::EOF_Packet`: 0xfe may also begin a row, of 9 bytes or more).
const EOF_BELOW: usize = 9;

/// The numbers at the beginning of an OK packet. An EOF packet has only the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OkHead {
    /// Rows changed (or found, with [`Capabilities::FOUND_ROWS`]).
    pub affected_rows: u64,
    /// First value that an `AUTO_INCREMENT` column got.
    pub last_insert_id: u64,
    /// State of the session after the result.
    pub status: StatusFlags,
    /// Warnings that `SHOW WARNINGS` would list.
    pub warnings: u16,
}

/// Which packet ended a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// OK, beginning with 0x00: a result without rows.
    Ok,
    /// EOF, beginning with 0xfe.
    Eof,
    /// OK, beginning with 0xfe: with [`Capabilities::DEPRECATE_EOF`], in place of EOF.
    OkAsEof,
}

impl Form {
    /// What the first byte and the size of a packet say, where a result may end. `None`: it is something else.
    ///
    /// 0xfe also begins a text row whose first column has 16 MiB or more; its first packet is full. An EOF
    /// where only OK may come (a server that mixes both, MySQL bug 83346) is `None` too.
    #[inline]
    pub(super) fn of(first: u8, length: usize, capabilities: Capabilities) -> Option<Self> {
        let full = usize::try_from(MAX_PAYLOAD).unwrap_or(usize::MAX);
        let deprecated = capabilities.contains(Capabilities::DEPRECATE_EOF);
        match (first, deprecated) {
            (OK, _) if length >= MIN_OK => Some(Self::Ok),
            (EOF, true) if (MIN_OK..full).contains(&length) => Some(Self::OkAsEof),
            (EOF, false) if length < EOF_BELOW => Some(Self::Eof),
            _ => None,
        }
    }
}

impl OkHead {
    /// Reads the numbers from the beginning of the packet; the first byte included.
    pub(super) fn read(cursor: &mut Cursor<'_>, form: Form) -> Result<Self, DecodeError> {
        cursor.u8("header")?;
        match form {
            Form::Ok | Form::OkAsEof => Ok(Self {
                affected_rows: cursor.lenenc("affected rows")?,
                last_insert_id: cursor.lenenc("last insert id")?,
                status: StatusFlags::from_wire(cursor.u16("status flags")?),
                warnings: cursor.u16("warnings")?,
            }),
            Form::Eof => {
                let warnings = cursor.u16("warnings")?;
                Ok(Self {
                    warnings,
                    status: StatusFlags::from_wire(cursor.u16("status flags")?),
                    ..Self::default()
                })
            }
        }
    }
}

/// A whole OK packet, or an EOF packet, which has neither text nor changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OkPacket<'a> {
    /// The numbers.
    pub head: OkHead,
    /// A text for humans.
    pub info: &'a [u8],
    /// Changes of session state as they are on the wire; see [`Changes`](super::Changes).
    pub changes: &'a [u8],
}

impl OkPacket<'_> {
    /// An OK packet with nothing but a status.
    pub fn with_status(status: StatusFlags) -> Self {
        Self {
            head: OkHead {
                status,
                ..OkHead::default()
            },
            ..Self::default()
        }
    }
}

/// Reads a whole packet that ends a result.
///
/// # Errors
/// [`DecodeError::Value`] when it is another packet, others when it is malformed.
pub fn read_end(
    payload: &[u8],
    capabilities: Capabilities,
) -> Result<(Form, OkPacket<'_>), DecodeError> {
    let first = payload
        .first()
        .copied()
        .ok_or(DecodeError::Truncated { field: "header" })?;
    let form = Form::of(first, payload.len(), capabilities).ok_or(DecodeError::Value {
        field: "header of OK or EOF",
        value: u64::from(first),
    })?;
    let mut cursor = Cursor::new(payload);
    let head = OkHead::read(&mut cursor, form)?;
    let mut end = OkPacket {
        head,
        ..OkPacket::default()
    };
    match form {
        Form::Eof => {}
        // Servers leave out both texts when there is nothing in either.
        Form::Ok | Form::OkAsEof if cursor.is_empty() => {}
        Form::Ok | Form::OkAsEof => {
            // Both families write the length with and without tracking, whatever the manual says.
            end.info = cursor.lenenc_bytes("info")?;
            let tracks = capabilities.contains(Capabilities::SESSION_TRACK);
            // Some servers set the flag and send nothing.
            let flagged = tracks && head.status.contains(StatusFlags::SESSION_STATE_CHANGED);
            if flagged && !cursor.is_empty() {
                end.changes = cursor.lenenc_bytes("session state changes")?;
            }
        }
    }
    Ok((form, end))
}

/// Writes an OK packet. [`StatusFlags::SESSION_STATE_CHANGED`] is set exactly when changes follow: a flag without
/// changes makes drivers read behind the packet.
pub fn ok(
    out: &mut impl Out,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    end: &OkPacket<'_>,
) {
    packet(out, sequence, |out| put_ok(out, OK, capabilities, end));
}

/// Writes what ends the rows of a result for a client with these capabilities: OK in the form of EOF, or EOF.
pub fn end_of_rows(
    out: &mut impl Out,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    end: &OkPacket<'_>,
) {
    if capabilities.contains(Capabilities::DEPRECATE_EOF) {
        packet(out, sequence, |out| put_ok(out, EOF, capabilities, end));
    } else {
        eof(out, sequence, end.head.status, end.head.warnings);
    }
}

/// Writes an EOF packet.
pub fn eof(out: &mut impl Out, sequence: &mut Sequence, status: StatusFlags, warnings: u16) {
    let status = status.without(StatusFlags::SESSION_STATE_CHANGED);
    packet(out, sequence, |out| {
        out.put(&[EOF]);
        out.put(&warnings.to_le_bytes());
        out.put(&status.bits().to_le_bytes());
    });
}

fn put_ok(out: &mut impl Out, first: u8, capabilities: Capabilities, end: &OkPacket<'_>) {
    let tracks = capabilities.contains(Capabilities::SESSION_TRACK);
    let changed = tracks && !end.changes.is_empty();
    let quiet = end.head.status.without(StatusFlags::SESSION_STATE_CHANGED);
    let status = if changed {
        quiet | StatusFlags::SESSION_STATE_CHANGED
    } else {
        quiet
    };
    out.put(&[first]);
    put_lenenc(out, end.head.affected_rows);
    put_lenenc(out, end.head.last_insert_id);
    out.put(&status.bits().to_le_bytes());
    out.put(&end.head.warnings.to_le_bytes());
    // Its length comes first for every client, whatever the manuals say of those that do not track: so do servers
    // (`net_send_ok`), and so mysql_async reads.
    if changed || !end.info.is_empty() {
        put_lenenc_bytes(out, end.info);
    }
    if changed {
        put_lenenc_bytes(out, end.changes);
    }
}
