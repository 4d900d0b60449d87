//! Proving passwords: one machine for each role, and the plugins they speak.

mod client;
mod ed25519;
mod native;
mod parsec;
mod rsa;
mod server;
mod sha2;
mod verifier;

pub use client::{Answer, ClientAuth, ClientPolicy, ClientSetup, RsaPolicy};
pub use rsa::{RsaPrivateKey, RsaPublicKey};
pub use server::{
    Account, FirstAnswer, Mismatch, Refusal, ServerAuth, ServerSetup, ServerStep, Switching, Tokens,
};
pub use verifier::PasswordVerifier;

/// How bytes travel between the peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// TLS: nobody else can read them.
    Tls,
    /// A Unix socket: nobody else can read them either. `sha256_password` does not count it as secure.
    Local,
    /// Anybody on the way can read them.
    Open,
}

impl Channel {
    /// Whether nobody else can read what is sent.
    pub fn is_private(self) -> bool {
        match self {
            Self::Tls | Self::Local => true,
            Self::Open => false,
        }
    }
}

/// An authentication plugin that this crate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plugin {
    /// SHA-1 challenge and response of MySQL 4.1.
    Native,
    /// SHA-256 challenge and response, with the whole password where the server's cache is cold.
    CachingSha2,
    /// The whole password, encrypted by TLS or RSA.
    Sha256,
    /// The whole password in clear.
    Clear,
    /// MariaDB: an Ed25519 signature with a key that is the hash of the password. Client role only.
    Ed25519,
    /// MariaDB: an Ed25519 signature with a key derived from password and salt. Client role only.
    Parsec,
}

impl Plugin {
    /// The plugin with this name on the wire.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [
            Self::Native,
            Self::CachingSha2,
            Self::Sha256,
            Self::Clear,
            Self::Ed25519,
            Self::Parsec,
        ]
        .into_iter()
        .find(|plugin| plugin.name().as_bytes() == name)
    }

    /// Its name on the wire. (`CREATE USER` of MariaDB calls [`Self::Ed25519`] `ed25519`.)
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
            Self::Sha256 => "sha256_password",
            Self::Clear => "mysql_clear_password",
            Self::Ed25519 => "client_ed25519",
            Self::Parsec => "parsec",
        }
    }
}

/// Why a password cannot be proved or checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The server asks for a plugin that this crate does not speak.
    #[error("the server asks for the authentication plugin {name:?}, which is not supported")]
    UnknownPlugin {
        /// Its name, as far as it is UTF-8.
        name: String,
    },
    /// The server asks for the hash of before 4.1, which gives the password away.
    #[error("the server asks for authentication of before 4.1, which is insecure")]
    OldAuthentication,
    /// The password would have to be sent where others can read it.
    #[error("{plugin} would show the password to others: TLS is needed")]
    NeedsPrivateChannel {
        /// The plugin that asks.
        plugin: &'static str,
    },
    /// A server asks for more factors than we have.
    #[error("the server asks for another authentication factor")]
    NextFactor,
    /// A server switches plugins again and again.
    #[error("the server switches the authentication plugin too often")]
    TooManySwitches,
    /// Data of another length or form than the plugin has.
    #[error("malformed data for {plugin}")]
    MalformedData {
        /// The plugin.
        plugin: &'static str,
    },
    /// A key that is no RSA key of 2048 bits or more.
    #[error("the RSA key cannot be used")]
    Key,
    /// The password is too long for the key, or decryption failed.
    #[error("RSA encryption or decryption failed")]
    Rsa,
    /// A packet that cannot come here.
    #[error("unexpected packet in a login")]
    Unexpected,
}

/// Combines bytes with a repeating pad.
fn xor(bytes: &mut [u8], pad: &[u8]) {
    for (byte, mask) in bytes.iter_mut().zip(pad.iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests;
