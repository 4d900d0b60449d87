//! ERR packets: a code, a SQLSTATE where the peer knows of them, and a text.

use crate::capabilities::Capabilities;
use crate::decode::{Cursor, DecodeError};
use crate::error_code::ErrorCode;
use crate::frame::Sequence;
use crate::output::{Out, packet};

/// First byte of an ERR packet.
pub(super) const ERR: u8 = 0xff;

/// Most bytes of a text in an ERR packet (`MYSQL_ERRMSG_SIZE`); what we write is cut there.
const MAX_MESSAGE: usize = 512;

/// An error as a server reports it. It says nothing about the session's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrPacket<'a> {
    /// The number; [`crate::error_code`] names some.
    pub code: u16,
    /// Its SQLSTATE; missing before the capabilities are known.
    pub sqlstate: Option<[u8; 5]>,
    /// A text for humans, in the session's character set.
    pub message: &'a [u8],
}

impl<'a> ErrPacket<'a> {
    /// Reads a whole ERR packet.
    ///
    /// # Errors
    /// [`DecodeError`] when it is another packet or malformed.
    pub fn parse(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(payload);
        match cursor.u8("header")? {
            ERR => {}
            other => {
                return Err(DecodeError::Value {
                    field: "header of ERR",
                    value: u64::from(other),
                });
            }
        }
        let code = cursor.u16("error code")?;
        let rest = cursor.rest();
        let (sqlstate, message) = match rest.strip_prefix(b"#") {
            None => (None, rest),
            Some(marked) => match marked.split_first_chunk::<5>() {
                Some((state, message)) => (Some(*state), message),
                None => return Err(DecodeError::Truncated { field: "SQLSTATE" }),
            },
        };
        Ok(Self {
            code,
            sqlstate,
            message,
        })
    }
}

/// Writes an ERR packet. With [`Capabilities::EMPTY`], as before the capabilities are known, it carries no
/// SQLSTATE. The text is cut after 512 bytes, at the border of a character.
pub fn error(
    out: &mut impl Out,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    code: ErrorCode,
    message: &str,
) {
    let end = message.floor_char_boundary(MAX_MESSAGE);
    packet(out, sequence, |out| {
        out.put(&[ERR]);
        out.put(&code.code.to_le_bytes());
        if capabilities.contains(Capabilities::PROTOCOL_41) {
            out.put(b"#");
            out.put(&code.sqlstate);
        }
        out.put(message.get(..end).unwrap_or(message).as_bytes());
    });
}
