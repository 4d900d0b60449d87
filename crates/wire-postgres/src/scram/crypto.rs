//! The few operations SCRAM is made of, on aws-lc-rs.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a SHA-256 digest, and so of every key, signature and proof.
pub(super) const KEY_LEN: usize = 32;

/// A SHA-256-sized secret: zeroized on drop, redacted in `Debug`, compared in constant time.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; KEY_LEN]>);

impl Key {
    pub(super) fn new(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// `None` unless there are exactly 32 bytes.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// HMAC-SHA-256 under this key over the parts, one after the other.
    pub(super) fn hmac(&self, parts: &[&[u8]]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            context.update(part);
        }
        Self::copy_of(context.sign().as_ref())
    }

    /// SHA-256 of this key.
    pub(super) fn sha256(&self) -> Self {
        Self::copy_of(digest::digest(&digest::SHA256, self.0.as_slice()).as_ref())
    }

    /// Both keys, combined bit by bit.
    pub(super) fn xor(&self, other: &Self) -> Self {
        let mut mixed = Zeroizing::new([0; KEY_LEN]);
        for ((out, a), b) in mixed.iter_mut().zip(self.0.iter()).zip(other.0.iter()) {
            *out = a ^ b;
        }
        Self(mixed)
    }

    fn copy_of(source: &[u8]) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        // Both SHA-256 outputs that come here have exactly KEY_LEN bytes.
        for (to, from) in bytes.iter_mut().zip(source) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// `Hi(password, salt, iterations)` of RFC 5802: PBKDF2. This is the slow step.
pub(super) fn salted_password(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Key {
    let prepared = prepare(password);
    let mut bytes = [0; KEY_LEN];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        salt,
        &prepared,
        &mut bytes,
    );
    let key = Key::new(bytes);
    bytes.zeroize();
    key
}

/// `SASLprep` as PostgreSQL applies it (`saslprep.c`, `pg_saslprep`): a password that is not UTF-8, has
/// prohibited characters or has none left is used as it is.
pub(super) fn prepare(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let prepared = std::str::from_utf8(password)
        .ok()
        .and_then(|text| stringprep::saslprep(text).ok())
        .filter(|text| !text.is_empty());
    match prepared {
        Some(text) => Zeroizing::new(text.into_owned().into_bytes()),
        None => Zeroizing::new(password.to_vec()),
    }
}
