//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both roles, as values: no sockets, no randomness, no clock.
//!
//! Source: RFC 5802 (the exchange), RFC 7677 (SHA-256), RFC 5929 (`tls-server-end-point`), and PostgreSQL
//! `src/backend/libpq/auth-scram.c`, `src/interfaces/libpq/fe-auth-scram.c` where the RFCs leave a choice.
//!
//! Each step is a struct that is consumed by the message that ends it, so a message cannot be taken in
//! the wrong state. Only deriving keys from a password is slow (half a millisecond at 4096 iterations,
//! 500 times a login with stored keys): servers keep a [`Verifier`], clients keep [`ClientKeys`].

mod client;
mod crypto;
mod end_point;
mod keys;
mod server;
mod wire;

pub use client::{
    ClientAwaitingFinal, ClientAwaitingFirst, ClientBinding, ClientCredential, ClientFinal,
    DerivationCost, ScramClient,
};
pub use end_point::tls_server_end_point;
pub use keys::{ClientKeys, Verifier};
pub use server::{ChannelBinding, ScramServer, ServerAwaitingFinal};

use crate::sqlstate::SqlState;

/// Name of the mechanism without channel binding.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";

/// Name of the mechanism with channel binding.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// Iterations PostgreSQL uses unless told otherwise (`SCRAM_SHA_256_DEFAULT_ITERATIONS`, `scram-common.h`).
pub const DEFAULT_ITERATIONS: u32 = 4096;

/// Most iterations we accept, in a stored verifier as from a server: about 0.13 s of one core. Without
/// a cap a hostile server could have us compute for minutes (2,147,483,647 iterations). The strongest
/// advice for PBKDF2-SHA-256 in circulation is 600,000.
pub const MAX_ITERATIONS: u32 = 1_000_000;

/// Longest message a client may send (`PG_MAX_SASL_MESSAGE_LENGTH`, `libpq/sasl.h`).
pub const MAX_CLIENT_MESSAGE: usize = 1024;

/// Longest message a server may send: libpq gives up above 2000 bytes (`fe-connect.c`).
pub const MAX_SERVER_MESSAGE: usize = 2000;

/// Longest salt we accept, in bytes. PostgreSQL uses 16.
pub const MAX_SALT: usize = 256;

/// Fewest bytes of randomness a nonce of ours is made of. PostgreSQL uses 18 (`SCRAM_RAW_NONCE_LEN`).
pub const MIN_NONCE: usize = 16;

/// Which variant of SCRAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `SCRAM-SHA-256-PLUS`.
    ScramSha256Plus,
}

impl Mechanism {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScramSha256 => SCRAM_SHA_256,
            Self::ScramSha256Plus => SCRAM_SHA_256_PLUS,
        }
    }
}

/// Why a SCRAM login fails. The texts are for our own log; what a client is told must not differ between
/// an unknown user and a wrong password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    /// The client chose a mechanism that was not offered.
    #[error("the client selected a SASL mechanism that was not offered")]
    UnknownMechanism,
    /// None of the server's mechanisms is one of ours.
    #[error("the server offers no SASL mechanism we support")]
    NoCommonMechanism,
    /// A message is longer than its limit.
    #[error("SCRAM message of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A message lacks an attribute or has it in the wrong place.
    #[error("malformed SCRAM message: attribute \"{attribute}\" expected")]
    Attribute {
        /// The attribute's letter.
        attribute: char,
    },
    /// An attribute's value is malformed.
    #[error("malformed SCRAM message: bad value of attribute \"{attribute}\"")]
    Value {
        /// The attribute's letter.
        attribute: char,
    },
    /// A mandatory extension, which we do not know.
    #[error("the peer requires an unsupported SCRAM extension")]
    MandatoryExtension,
    /// The client wants to act as somebody else.
    #[error("the client uses an authorization identity, which is not supported")]
    AuthorizationIdentity,
    /// The message's channel binding flag does not fit the chosen mechanism.
    #[error("the channel binding flag does not fit the selected SASL mechanism")]
    BindingFlag,
    /// A channel binding type other than `tls-server-end-point`.
    #[error("unsupported SCRAM channel binding type")]
    BindingType,
    /// The client believes that channel binding was not offered, but it was: somebody in the middle
    /// removed the offer.
    #[error(
        "the client supports SCRAM channel binding but thinks the server does not; however, this \
         server does support channel binding"
    )]
    Downgrade,
    /// The client is bound to another TLS channel than ours.
    #[error("SCRAM channel binding check failed")]
    BindingMismatch,
    /// The peer's nonce does not continue ours.
    #[error("the nonce does not match")]
    NonceMismatch,
    /// The nonce the caller supplied is too short or has characters that cannot be sent.
    #[error("unusable nonce: at least {MIN_NONCE} printable bytes without comma are needed")]
    UnusableNonce,
    /// The iteration count is zero or above [`MAX_ITERATIONS`].
    #[error("iteration count {iterations} is not between 1 and {MAX_ITERATIONS}")]
    Iterations {
        /// The count.
        iterations: u64,
    },
    /// The salt is empty or longer than [`MAX_SALT`].
    #[error("a salt of {length} bytes is not between 1 and {MAX_SALT}")]
    Salt {
        /// Its length in bytes.
        length: usize,
    },
    /// A stored verifier is malformed.
    #[error("malformed SCRAM-SHA-256 verifier")]
    Verifier,
    /// The client does not know the password.
    #[error("the client's proof does not match")]
    ProofMismatch,
    /// The kept keys belong to another salt or iteration count: the password on the server changed.
    #[error("the server's salt or iteration count is not that of the kept keys")]
    StaleKeys,
    /// The server does not know our password's keys: it is not the server it claims to be.
    #[error("the server's signature does not match")]
    ServerSignature,
    /// The server reports an error instead of its signature.
    #[error("the server refused the SCRAM login: {value}")]
    ServerError {
        /// Its word for it (RFC 5802, section 7), at most 64 characters.
        value: String,
    },
}

impl ScramError {
    /// The code PostgreSQL gives this refusal (`auth-scram.c`).
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::ProofMismatch => SqlState::INVALID_PASSWORD,
            Self::Downgrade
            | Self::BindingMismatch
            | Self::StaleKeys
            | Self::ServerSignature
            | Self::ServerError { .. } => SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            Self::AuthorizationIdentity | Self::MandatoryExtension => {
                SqlState::FEATURE_NOT_SUPPORTED
            }
            Self::UnknownMechanism
            | Self::NoCommonMechanism
            | Self::TooLong { .. }
            | Self::Attribute { .. }
            | Self::Value { .. }
            | Self::BindingFlag
            | Self::BindingType
            | Self::NonceMismatch
            | Self::Iterations { .. }
            | Self::Salt { .. } => SqlState::PROTOCOL_VIOLATION,
            Self::UnusableNonce | Self::Verifier => SqlState::INTERNAL_ERROR,
        }
    }
}

#[cfg(test)]
mod tests;
