//! What a client says first: a request for TLS, or who it is.

use super::{Attributes, HandshakeError, secret};
use crate::capabilities::Capabilities;
use crate::decode::{Cursor, DecodeError};
use crate::frame::Sequence;
use crate::output::{EncodeError, Out, no_zero_byte, packet, put_lenenc_bytes, put_text};
use crate::secret::Secret;

/// Bytes of the fields in front of the user name; a request for TLS has no more (`Protocol::SSLRequest`).
const FIXED: usize = 32;

/// Most bytes of a user name that we accept. MySQL names have 32 characters, MariaDB's 128 of up to four bytes.
const MAX_USER: usize = 512;

/// A login (`Protocol::HandshakeResponse41`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// What the client can do, among what the greeting offers.
    pub capabilities: Capabilities,
    /// Largest payload that the client takes.
    pub max_packet: u32,
    /// Its collation, the lower byte.
    pub collation: u8,
    /// Who it is.
    pub user: Vec<u8>,
    /// The plugin's first data.
    pub auth: Secret,
    /// The schema it wants; empty for none.
    pub schema: Vec<u8>,
    /// The plugin; empty when the client does not know plugins, or knows none that was offered.
    pub plugin: Vec<u8>,
    /// What it says about itself.
    pub attributes: Attributes,
    /// Level for zstd, 1 to 22; 0 when it is not asked for.
    pub zstd_level: u8,
}

/// The first packet of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFirst {
    /// It wants TLS before it says who it is. Bytes that came with this packet are not part of the TLS
    /// connection: they must be refused, not kept.
    TlsRequest {
        /// What it can do. The login that follows counts, not this.
        capabilities: Capabilities,
    },
    /// It logs in.
    Login(Box<Login>),
}

/// Reads the first packet of a client, and the one after TLS, `secured` or not.
///
/// # Errors
/// [`HandshakeError::OldClient`] for clients of before 4.1, others for malformed packets.
pub fn client_first(payload: &[u8]) -> Result<ClientFirst, HandshakeError> {
    let mut cursor = Cursor::new(payload);
    // Clients of before 4.1 send two bytes of capabilities and no bit 9.
    let low = u32::from(cursor.u16("capabilities")?);
    if !Capabilities::from_wire(low, 0).contains(Capabilities::PROTOCOL_41) {
        return Err(HandshakeError::OldClient);
    }
    let high = u32::from(cursor.u16("capabilities")?);
    let base = low | (high << 16);
    let max_packet = cursor.u32("largest packet")?;
    let collation = cursor.u8("collation")?;
    cursor.take(19, "filler")?;
    let extended = cursor.u32("extended capabilities")?;
    let extended = if Capabilities::from_wire(base, 0).contains(Capabilities::LONG_PASSWORD) {
        0
    } else {
        extended
    };
    let capabilities = Capabilities::from_wire(base, extended);
    // A login has at least a user name behind the fixed fields, so that the size tells.
    if cursor.is_empty() {
        return if capabilities.contains(Capabilities::SSL) {
            Ok(ClientFirst::TlsRequest { capabilities })
        } else {
            Err(DecodeError::Truncated { field: "user" }.into())
        };
    }
    let login = Login {
        capabilities,
        max_packet,
        collation,
        user: Vec::new(),
        auth: Secret::new(Vec::new()),
        schema: Vec::new(),
        plugin: Vec::new(),
        attributes: Attributes::default(),
        zstd_level: 0,
    };
    read_names(login, cursor).map(|login| ClientFirst::Login(Box::new(login)))
}

fn read_names(mut login: Login, mut cursor: Cursor<'_>) -> Result<Login, HandshakeError> {
    let has = |bit| login.capabilities.contains(bit);
    let user = cursor.text("user")?;
    if user.len() > MAX_USER {
        return Err(DecodeError::TooLong {
            field: "user",
            length: u64::try_from(user.len()).unwrap_or(u64::MAX),
            limit: MAX_USER,
        }
        .into());
    }
    login.user = user.to_vec();
    let auth = if has(Capabilities::PLUGIN_AUTH_LENENC) {
        cursor.lenenc_bytes("authentication data")?
    } else if has(Capabilities::SECURE_CONNECTION) {
        let length = cursor.u8("length of authentication data")?;
        cursor.take(usize::from(length), "authentication data")?
    } else {
        cursor.text_or_rest()
    };
    login.auth = secret(auth);
    if has(Capabilities::CONNECT_WITH_DB) {
        login.schema = cursor.text_or_rest().to_vec();
    }
    if has(Capabilities::PLUGIN_AUTH) {
        login.plugin = cursor.text_or_rest().to_vec();
    }
    // Some drivers set the bit and send nothing.
    if has(Capabilities::CONNECT_ATTRS) && !cursor.is_empty() {
        login.attributes = Attributes::take(&mut cursor)?;
    }
    if has(Capabilities::ZSTD_COMPRESSION) && !cursor.is_empty() {
        login.zstd_level = cursor.u8("zstd level")?;
    }
    Ok(login)
}

/// Writes a request for TLS, with the capabilities and collation of the login that will follow.
pub fn tls_request(
    out: &mut impl Out,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    max_packet: u32,
    collation: u8,
) {
    let capabilities = capabilities | Capabilities::SSL;
    packet(out, sequence, |out| {
        put_fixed(out, capabilities, max_packet, collation);
    });
}

/// Writes a login. Fields for which the capability is missing are not written.
///
/// # Errors
/// [`EncodeError`] for zero bytes in names, and for authentication data that the capabilities cannot carry.
pub fn login(
    out: &mut impl Out,
    sequence: &mut Sequence,
    login: &Login,
) -> Result<(), EncodeError> {
    no_zero_byte(&login.user, "user")?;
    no_zero_byte(&login.schema, "schema")?;
    no_zero_byte(&login.plugin, "authentication plugin")?;
    let has = |bit| login.capabilities.contains(bit);
    let auth = login.auth.expose();
    let short = u8::try_from(auth.len());
    if short.is_err() && !has(Capabilities::PLUGIN_AUTH_LENENC) {
        return Err(EncodeError::TooLong {
            field: "authentication data",
            length: auth.len(),
            limit: usize::from(u8::MAX),
        });
    }
    packet(out, sequence, |out| {
        put_fixed(out, login.capabilities, login.max_packet, login.collation);
        put_text(out, &login.user);
        if has(Capabilities::PLUGIN_AUTH_LENENC) {
            put_lenenc_bytes(out, auth);
        } else if has(Capabilities::SECURE_CONNECTION) {
            out.put(&[short.unwrap_or(0)]);
            out.put(auth);
        } else {
            put_text(out, auth);
        }
        if has(Capabilities::CONNECT_WITH_DB) {
            put_text(out, &login.schema);
        }
        if has(Capabilities::PLUGIN_AUTH) {
            put_text(out, &login.plugin);
        }
        if has(Capabilities::CONNECT_ATTRS) {
            login.attributes.put(out);
        }
        if has(Capabilities::ZSTD_COMPRESSION) {
            out.put(&[login.zstd_level]);
        }
    });
    Ok(())
}

fn put_fixed(out: &mut impl Out, capabilities: Capabilities, max_packet: u32, collation: u8) {
    let start = out.written();
    out.put(&capabilities.base().to_le_bytes());
    out.put(&max_packet.to_le_bytes());
    out.put(&[collation]);
    out.put(&[0; 19]);
    out.put(&capabilities.extended().to_le_bytes());
    debug_assert_eq!(out.written().saturating_sub(start), FIXED);
}
