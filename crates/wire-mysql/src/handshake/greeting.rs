//! The greeting: what a server says first, with its version, its challenge and what it can do.

use super::{HandshakeError, Nonce};
use crate::capabilities::Capabilities;
use crate::decode::{Cursor, DecodeError};
use crate::frame::Sequence;
use crate::output::{EncodeError, Out, no_zero_byte, packet, put_text};
use crate::reply::ErrPacket;
use crate::status::StatusFlags;

/// The only protocol version (`Protocol::HandshakeV10`).
const VERSION: u8 = 10;
/// Length of the challenge with its zero byte, as the greeting gives it.
const NONCE_AND_ZERO: u8 = 21;
/// Bytes of the challenge's first part.
const FIRST_PART: usize = 8;
/// Fewest bytes of the challenge's second part, a zero byte included.
const SECOND_PART: usize = 13;

/// What a server says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// Its version. Drivers decide by it what they may use: see
    /// [`ServerVersion`](crate::version::ServerVersion).
    pub version: Vec<u8>,
    /// The number of the connection, to be killed by.
    pub connection_id: u32,
    /// Its challenge.
    pub nonce: Nonce,
    /// What it can do, MariaDB's extended capabilities included.
    pub capabilities: Capabilities,
    /// Its default collation, the lower byte.
    pub collation: u8,
    /// State of the session.
    pub status: StatusFlags,
    /// The plugin the challenge is for.
    pub plugin: Vec<u8>,
}

/// The first packet of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFirst<'a> {
    /// It greets.
    Greeting(Box<Greeting>),
    /// It refuses the connection, say because there are too many.
    Error(ErrPacket<'a>),
}

/// Writes the greeting. MariaDB's family is written by clearing [`Capabilities::LONG_PASSWORD`]; only then do the
/// extended capabilities mean anything.
///
/// # Errors
/// [`EncodeError::ZeroByte`] in version or plugin name.
pub fn greeting(
    out: &mut impl Out,
    sequence: &mut Sequence,
    greeting: &Greeting,
) -> Result<(), EncodeError> {
    no_zero_byte(&greeting.version, "server version")?;
    no_zero_byte(&greeting.plugin, "authentication plugin")?;
    let (first, second) = greeting.nonce.bytes().split_at(FIRST_PART);
    let [low_a, low_b, high_a, high_b] = greeting.capabilities.base().to_le_bytes();
    packet(out, sequence, |out| {
        out.put(&[VERSION]);
        put_text(out, &greeting.version);
        out.put(&greeting.connection_id.to_le_bytes());
        out.put(first);
        out.put(&[0, low_a, low_b, greeting.collation]);
        out.put(&greeting.status.bits().to_le_bytes());
        out.put(&[high_a, high_b, NONCE_AND_ZERO, 0, 0, 0, 0, 0, 0]);
        out.put(&greeting.capabilities.extended().to_le_bytes());
        out.put(second);
        out.put(&[0]);
        put_text(out, &greeting.plugin);
    });
    Ok(())
}

/// Reads the first packet of a server.
///
/// # Errors
/// [`HandshakeError`] when it is neither a greeting of protocol 10 nor an error.
pub fn server_first(payload: &[u8]) -> Result<ServerFirst<'_>, HandshakeError> {
    let mut cursor = Cursor::new(payload);
    match cursor.u8("protocol version")? {
        VERSION => read(cursor).map(|greeting| ServerFirst::Greeting(Box::new(greeting))),
        0xff => Ok(ServerFirst::Error(ErrPacket::parse(payload)?)),
        version => Err(HandshakeError::ProtocolVersion { version }),
    }
}

fn read(mut cursor: Cursor<'_>) -> Result<Greeting, HandshakeError> {
    let version = cursor.text("server version")?.to_vec();
    let connection_id = cursor.u32("connection id")?;
    let first = cursor.take(FIRST_PART, "challenge")?;
    cursor.u8("filler")?;
    let low = cursor.u16("capabilities")?;
    let collation = cursor.u8("collation")?;
    let status = StatusFlags::from_wire(cursor.u16("status flags")?);
    let high = cursor.u16("capabilities")?;
    let length = cursor.u8("length of the challenge")?;
    cursor.take(6, "filler")?;
    let extended = cursor.u32("extended capabilities")?;
    let base = u32::from(low) | (u32::from(high) << 16);
    // MySQL sets bit 0 and fills the four bytes with zeroes; they are MariaDB's when the bit is clear.
    let extended = if Capabilities::from_wire(base, 0).contains(Capabilities::LONG_PASSWORD) {
        0
    } else {
        extended
    };
    let capabilities = Capabilities::from_wire(base, extended);
    if !capabilities.contains(Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION) {
        return Err(HandshakeError::OldServer);
    }
    let wanted = usize::from(length).saturating_sub(FIRST_PART);
    let second = cursor.take(wanted.max(SECOND_PART), "challenge")?;
    let nonce = [first, second].concat();
    // Longer challenges do not exist in greetings; a plugin that wants one asks for a switch.
    let nonce = Nonce::from_server(&nonce).ok_or(DecodeError::Value {
        field: "length of the challenge",
        value: u64::from(length),
    })?;
    let plugin = if capabilities.contains(Capabilities::PLUGIN_AUTH) {
        cursor.text_or_rest().to_vec()
    } else {
        Vec::new()
    };
    Ok(Greeting {
        version,
        connection_id,
        nonce,
        capabilities,
        collation,
        status,
        plugin,
    })
}
