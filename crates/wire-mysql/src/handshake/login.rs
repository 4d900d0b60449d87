//! Packets between login and OK: switches of plugin, and data that only plugins understand.

use crate::capabilities::Capabilities;
use crate::decode::{Cursor, DecodeError};
use crate::frame::Sequence;
use crate::output::{EncodeError, Out, no_zero_byte, packet, put_text};
use crate::reply::{ErrPacket, OkPacket, read_end};

/// First byte of a packet that switches the plugin.
const SWITCH: u8 = 0xfe;
/// First byte of a packet for the plugin in force (`Protocol::AuthMoreData`).
const MORE_DATA: u8 = 0x01;
/// First byte of a packet that asks for the next factor of several (`Protocol::AuthNextFactor`).
const NEXT_FACTOR: u8 = 0x02;

/// What a server answers in a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginReply<'a> {
    /// Logged in.
    Ok(OkPacket<'a>),
    /// Refused.
    Error(ErrPacket<'a>),
    /// Another plugin, with data of its own: mostly a challenge.
    Switch {
        /// Its name.
        plugin: &'a [u8],
        /// Its data.
        data: &'a [u8],
    },
    /// A request for the hash of before 4.1: nobody may answer it, it gives the password away.
    OldSwitch,
    /// Data for the plugin in force.
    MoreData(&'a [u8]),
    /// A second password or device is asked for.
    NextFactor,
}

/// Reads a packet of a server in a login.
///
/// # Errors
/// [`DecodeError`] for malformed packets.
pub fn login_reply(
    payload: &[u8],
    capabilities: Capabilities,
) -> Result<LoginReply<'_>, DecodeError> {
    let mut cursor = Cursor::new(payload);
    match cursor.u8("header")? {
        0x00 => read_end(payload, capabilities).map(|(_, ok)| LoginReply::Ok(ok)),
        0xff => ErrPacket::parse(payload).map(LoginReply::Error),
        SWITCH if cursor.is_empty() => Ok(LoginReply::OldSwitch),
        SWITCH => Ok(LoginReply::Switch {
            plugin: cursor.text("authentication plugin")?,
            data: cursor.rest(),
        }),
        MORE_DATA => Ok(LoginReply::MoreData(cursor.rest())),
        NEXT_FACTOR => Ok(LoginReply::NextFactor),
        // MariaDB's plugins send their data without a header (`sql_acl.cc`, `server_mpvio_write_packet`,
        // adds 0x01 only where the first byte would be taken for another packet).
        _ => Ok(LoginReply::MoreData(payload)),
    }
}

/// Writes a switch of plugin.
///
/// # Errors
/// [`EncodeError::ZeroByte`] in the name.
pub fn auth_switch(
    out: &mut impl Out,
    sequence: &mut Sequence,
    plugin: &[u8],
    data: &[u8],
) -> Result<(), EncodeError> {
    no_zero_byte(plugin, "authentication plugin")?;
    packet(out, sequence, |out| {
        out.put(&[SWITCH]);
        put_text(out, plugin);
        out.put(data);
    });
    Ok(())
}

/// Writes data for the client's plugin.
pub fn more_data(out: &mut impl Out, sequence: &mut Sequence, data: &[u8]) {
    packet(out, sequence, |out| {
        out.put(&[MORE_DATA]);
        out.put(data);
    });
}

/// Writes what a client's plugin sends: bytes without any header, none at all included.
pub fn auth_data(out: &mut impl Out, sequence: &mut Sequence, data: &[u8]) {
    packet(out, sequence, |out| out.put(data));
}
