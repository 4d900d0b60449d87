//! The first bytes of a connection: TLS, encryption requests, cancel requests and startup messages.
//!
//! Source: protocol manual, "Start-up" and "Message Formats"; PostgreSQL
//! `src/backend/postmaster/postmaster.c` (in 18: `backend_startup.c`), `ProcessStartupPacket`.

mod encode;
mod error;
mod message;
mod options;

pub use encode::{encode_cancel, encode_gssenc_request, encode_ssl_request, encode_startup};
pub use error::StartupError;
pub use message::{Negotiation, Replication, StartupMessage};

use crate::decode::Cursor;
use crate::secret::CancelSecret;

/// Most bytes of a startup packet behind its length field (`MAX_STARTUP_PACKET_LENGTH`, `pqcomm.h`).
pub const MAX_STARTUP_PACKET: usize = 10_000;

/// Most bytes a connection may need to buffer before its first packet is understood.
pub const MAX_FIRST_PACKET: usize = 4 + MAX_STARTUP_PACKET;

/// The protocol numbers that are requests in disguise (`pqcomm.h`): major 1234.
const CANCEL_REQUEST_CODE: u32 = 80_877_102;
const SSL_REQUEST_CODE: u32 = 80_877_103;
const GSSENC_REQUEST_CODE: u32 = 80_877_104;

/// First byte of a TLS handshake record (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Bytes of a request that is only a length and a code.
const BARE_REQUEST_LEN: usize = 8;

/// What a connection starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstPacket {
    /// Not all bytes are here. At most [`MAX_FIRST_PACKET`] are ever needed.
    NeedMore,
    /// The client starts TLS at once (`sslnegotiation=direct`). Nothing was consumed; ALPN
    /// `postgresql` is mandatory on such connections.
    DirectTls,
    /// The client asks for TLS: answer one byte, `S` or `N`.
    SslRequest,
    /// The client asks for GSS encryption: answer one byte, `G` or `N`.
    GssEncRequest,
    /// The client asks to cancel a query of another connection: answer nothing and close.
    Cancel {
        /// Which session, as its `BackendKeyData` said.
        process_id: i32,
        /// The proof that the sender is that session's client.
        secret: CancelSecret,
    },
    /// The client starts a session.
    Startup(StartupMessage),
    /// Nothing that can start a connection.
    Invalid(StartupError),
}

impl FirstPacket {
    /// How many bytes of the input the packet took. Zero for `NeedMore`, `DirectTls` and `Invalid`.
    pub fn consumed(&self) -> usize {
        match self {
            Self::NeedMore | Self::DirectTls | Self::Invalid(_) => 0,
            Self::SslRequest | Self::GssEncRequest => BARE_REQUEST_LEN,
            Self::Cancel { secret, .. } => secret.expose().len().saturating_add(12),
            Self::Startup(message) => message.wire_len,
        }
    }
}

/// The request whose answer the client has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionRequest {
    /// `SSLRequest`.
    Ssl,
    /// `GSSENCRequest`.
    GssEnc,
}

/// Reads the first packet, or the next one after an encryption request was answered.
///
/// After TLS is up (or direct TLS began) the caller refuses further encryption requests, and it accepts
/// each kind at most once; see [`StartupError::RepeatedRequest`].
pub fn first_packet(input: &[u8]) -> FirstPacket {
    if input.first() == Some(&TLS_HANDSHAKE) {
        return FirstPacket::DirectTls;
    }
    let Some((length, _)) = input.split_first_chunk::<4>() else {
        return FirstPacket::NeedMore;
    };
    let length = u32::from_be_bytes(*length);
    let total = usize::try_from(length).unwrap_or(usize::MAX);
    if !(BARE_REQUEST_LEN..=MAX_FIRST_PACKET).contains(&total) {
        return FirstPacket::Invalid(StartupError::Length { length });
    }
    let Some(packet) = input.get(4..total) else {
        return FirstPacket::NeedMore;
    };
    read_packet(packet).unwrap_or_else(FirstPacket::Invalid)
}

/// Reads a whole packet behind its length field.
fn read_packet(packet: &[u8]) -> Result<FirstPacket, StartupError> {
    let mut cursor = Cursor::new(packet);
    match cursor
        .u32("protocol version")
        .map_err(|_| StartupError::Layout)?
    {
        SSL_REQUEST_CODE => bare_request(cursor, FirstPacket::SslRequest),
        GSSENC_REQUEST_CODE => bare_request(cursor, FirstPacket::GssEncRequest),
        CANCEL_REQUEST_CODE => read_cancel(cursor),
        version => StartupMessage::read(version, cursor, packet.len()).map(FirstPacket::Startup),
    }
}

fn bare_request(cursor: Cursor<'_>, request: FirstPacket) -> Result<FirstPacket, StartupError> {
    cursor
        .end()
        .map(|()| request)
        .map_err(|_| StartupError::Layout)
}

fn read_cancel(mut cursor: Cursor<'_>) -> Result<FirstPacket, StartupError> {
    let process_id = cursor
        .i32("process id")
        .map_err(|_| StartupError::CancelLength)?;
    let secret = CancelSecret::new(cursor.rest()).ok_or(StartupError::CancelLength)?;
    Ok(FirstPacket::Cancel { process_id, secret })
}

/// Refuses bytes that a client sent behind an encryption request without waiting for the answer: a
/// man in the middle could have put them there to have them taken for encrypted ones (CVE-2021-23222).
/// `behind` is what is buffered behind the request when it is answered.
pub fn refuse_early_data(behind: &[u8], request: EncryptionRequest) -> Result<(), StartupError> {
    if behind.is_empty() {
        Ok(())
    } else {
        Err(StartupError::EarlyData { request })
    }
}

#[cfg(test)]
mod tests;
