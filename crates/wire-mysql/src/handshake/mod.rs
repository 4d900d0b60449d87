//! Logging in: greeting, TLS request, login, change of user, and the packets plugins exchange.

mod attributes;
mod change_user;
mod greeting;
mod login;
mod response;

pub use attributes::Attributes;
pub use change_user::ChangeUser;
pub use greeting::{Greeting, ServerFirst, greeting, server_first};
pub use login::{LoginReply, auth_data, auth_switch, login_reply, more_data};
pub use response::{ClientFirst, Login, client_first, login, tls_request};

use crate::decode::DecodeError;
use crate::secret::Secret;

/// Bytes of a challenge: 20, none of them zero or `$` (`SCRAMBLE_LENGTH`).
pub const NONCE_LEN: usize = 20;

/// Random bytes that a password is proved with, once. They travel in clear; repeating them is the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; NONCE_LEN]);

impl Nonce {
    /// Makes a challenge of random bytes from a generator fit for keys. Bytes that may not be in a challenge
    /// are replaced: zero ends texts, and `$` divides fields where servers store hashes.
    pub fn from_random(random: [u8; NONCE_LEN]) -> Self {
        Self(random.map(|byte| match byte & 0x7f {
            0 => b'!',
            b'$' => b'%',
            other => other,
        }))
    }

    /// The challenge of a server: 20 bytes and often a zero. `None` when there are fewer.
    pub fn from_server(data: &[u8]) -> Option<Self> {
        let (bytes, rest) = data.split_first_chunk::<NONCE_LEN>()?;
        match rest {
            [] | [0] => Some(Self(*bytes)),
            [_, ..] => None,
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; NONCE_LEN] {
        &self.0
    }
}

/// Why the first packets of a connection cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// A malformed packet.
    #[error("malformed handshake: {0}")]
    Malformed(#[from] DecodeError),
    /// A client of before 4.1, which is answered with 1043 without a SQLSTATE.
    #[error("the client does not speak protocol 4.1")]
    OldClient,
    /// A server with another protocol version.
    #[error("the server speaks protocol version {version}")]
    ProtocolVersion {
        /// Its version.
        version: u8,
    },
    /// A server without capabilities that everything here needs.
    #[error("the server lacks protocol 4.1 or authentication plugins")]
    OldServer,
}

/// A secret copy of authentication data.
fn secret(data: &[u8]) -> Secret {
    Secret::from(data)
}

#[cfg(test)]
mod tests;
