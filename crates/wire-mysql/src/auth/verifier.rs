//! What is kept of a password to check answers with: hashes that do not log in by themselves.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{native, sha2};
use crate::handshake::Nonce;

/// Checks answers of both challenge plugins, and whole passwords. Whoever steals it can check guesses quickly,
/// and together with a recorded login can find what logs in: keep it as secret as the password.
#[derive(Clone)]
pub struct PasswordVerifier {
    native: Zeroizing<[u8; native::LEN]>,
    sha2: Zeroizing<[u8; sha2::LEN]>,
}

impl PasswordVerifier {
    /// From the password itself. `None` for an empty one: it would be proved by an empty answer, and nobody
    /// means that.
    pub fn new(password: &[u8]) -> Option<Self> {
        (!password.is_empty()).then(|| Self {
            native: native::stored(password),
            sha2: sha2::stored(password),
        })
    }

    /// Checks an answer of `mysql_native_password`.
    pub fn matches_native(&self, nonce: &Nonce, answer: &[u8]) -> bool {
        native::verify(&self.native, nonce, answer)
    }

    /// Checks a fast answer of `caching_sha2_password`.
    pub fn matches_sha2(&self, nonce: &Nonce, answer: &[u8]) -> bool {
        sha2::verify(&self.sha2, nonce, answer)
    }

    /// Checks a whole password.
    pub fn matches_password(&self, password: &[u8]) -> bool {
        sha2::stored(password)
            .as_slice()
            .ct_eq(self.sha2.as_slice())
            .into()
    }
}

impl fmt::Debug for PasswordVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
