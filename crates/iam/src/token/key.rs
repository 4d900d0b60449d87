//! Signing keys: what is left of a secret access key for one day, one region and one service.

use std::fmt;

use aws_lc_rs::hmac;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of the key that stands in for unknown access keys. It is public, so it never verifies anything.
const DUMMY: [u8; 32] = *b"no access key has this key bytes";

/// A `SigV4` signing key: HMAC chain over date, region, service and `aws4_request`.
///
/// Worthless once its day is over, so a data plane may hold it where it must not hold the secret itself.
/// It serialises as 64 lower-case hex digits, for the sealed snapshot only.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SigningKey([u8; 32]);

/// The text is not 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing key is 64 hex digits")]
pub struct KeyParseError;

impl SigningKey {
    /// Derives the key of one day (`YYYYMMDD`), region and service from a secret access key.
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        let mut seed = Zeroizing::new(Vec::with_capacity(secret.len().saturating_add(4)));
        seed.extend_from_slice(b"AWS4");
        seed.extend_from_slice(secret.as_bytes());
        let dated = Self(mac(&seed, date.as_bytes()));
        let regional = Self(mac(&dated.0, region.as_bytes()));
        let scoped = Self(mac(&regional.0, service.as_bytes()));
        Self(mac(&scoped.0, b"aws4_request"))
    }

    /// The key from its bytes, as kept in a snapshot.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key from 64 hex digits, as kept in a snapshot.
    pub fn from_hex(text: &str) -> Result<Self, KeyParseError> {
        let mut key = Self([0; 32]);
        hex::decode_to_slice(text, &mut key.0).map_err(|_| KeyParseError)?;
        Ok(key)
    }

    /// The key bytes, a secret.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key as 64 lower-case hex digits, a secret.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0))
    }

    /// A key for unknown access keys: checking against it costs the same and always fails, even for a
    /// signature that was made with it.
    pub fn dummy() -> Self {
        Self(DUMMY)
    }

    /// The signature of a string to sign.
    pub(crate) fn sign(&self, string_to_sign: &[u8]) -> [u8; 32] {
        mac(&self.0, string_to_sign)
    }

    pub(crate) fn is_genuine(&self) -> Choice {
        !self.0.ct_eq(&DUMMY)
    }
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    out
}

impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SigningKey {}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Serialize for SigningKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for SigningKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::from_hex(&text).map_err(de::Error::custom)
    }
}
