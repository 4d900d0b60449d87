//! MariaDB's `parsec`: an Ed25519 signature over both challenges, with a key derived from password and salt.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use aws_lc_rs::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use super::{AuthError, Plugin};

/// Bytes of each side's challenge.
pub(super) const CHALLENGE_LEN: usize = 32;

/// Largest exponent we accept, as MariaDB's connectors do: 8192 iterations. Servers send 0 unless configured; a
/// hostile one could keep a thread busy for hours.
const MAX_FACTOR: u8 = 3;

const fn malformed() -> AuthError {
    AuthError::MalformedData { plugin: "parsec" }
}

/// The client's challenge and its signature over the server's and its own.
///
/// `salt` is what the server answered to an empty packet: `P`, the logarithm of the iterations less 10, and the
/// salt (knowledge base, "Authentication Plugin - PARSEC").
pub(super) fn answer(
    password: &[u8],
    server: &[u8; CHALLENGE_LEN],
    client: &[u8; CHALLENGE_LEN],
    salt: &[u8],
) -> Result<Vec<u8>, AuthError> {
    let (factor, salt) = match salt {
        [b'P', factor @ 0..=MAX_FACTOR, salt @ ..] if !salt.is_empty() => (*factor, salt),
        _ => return Err(malformed()),
    };
    let iterations = 1024_u32
        .checked_shl(u32::from(factor))
        .and_then(NonZeroU32::new)
        .ok_or_else(malformed)?;
    let mut seed = Zeroizing::new([0; 32]);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA512,
        iterations,
        salt,
        password,
        seed.as_mut_slice(),
    );
    let key = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| AuthError::Key)?;
    let signature = key.sign(&[server.as_slice(), client].concat());
    Ok([client.as_slice(), signature.as_ref()].concat())
}

impl Plugin {
    /// Whether a client's challenge is needed: random bytes for [`Plugin::Parsec`].
    pub fn needs_random(self) -> bool {
        match self {
            Self::Parsec => true,
            Self::Native | Self::CachingSha2 | Self::Sha256 | Self::Clear | Self::Ed25519 => false,
        }
    }
}
