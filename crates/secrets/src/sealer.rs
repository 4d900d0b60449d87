//! Sealing and opening: every value gets its own data key, every data key is sealed by the master key.
//!
//! A blob is, in this order:
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | format version, 1 |
//! | 4 | id of the master key |
//! | 8 | start of the SHA-256 of the context, so that a moved value can be told from a damaged one |
//! | 12 + 48 | nonce and the sealed data key (AES-256-GCM) |
//! | 12 + n + 16 | nonce and the sealed value (AES-256-GCM) |
//!
//! The first 13 bytes and the whole context are authenticated data of both layers: a value that was moved
//! to another row, or whose header was altered, does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use tollgate_types::SecretString;
use zeroize::Zeroizing;

use crate::{KeyId, MasterKey, SealError, SealedBlob};

const VERSION: u8 = 1;
const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;
const SEALED_KEY_LEN: usize = KEY_LEN + TAG_LEN;

/// How many unpredictable bytes one sealing takes: a data key and two nonces.
pub const SEAL_RANDOM_LEN: usize = KEY_LEN + 2 * NONCE_LEN;

/// Seals with one master key; opens with that one and with older ones.
#[derive(Debug, Clone)]
pub struct Sealer {
    current: MasterKey,
    older: Vec<MasterKey>,
}

/// The authenticated start of a blob.
struct Header {
    key_id: KeyId,
    context_hash: [u8; 8],
}

impl Sealer {
    /// Seals and opens with this key.
    pub fn new(current: MasterKey) -> Self {
        Self {
            current,
            older: Vec::new(),
        }
    }

    /// The same, also opening what was sealed under `older` keys: for rotation, until everything has
    /// been sealed again.
    #[must_use]
    pub fn with_older(mut self, older: Vec<MasterKey>) -> Self {
        self.older = older;
        self
    }

    /// Name of the key that seals.
    pub fn key_id(&self) -> KeyId {
        self.current.id()
    }

    /// Whether a blob was sealed under an older key, and should be sealed again.
    pub fn is_outdated(&self, blob: &SealedBlob) -> bool {
        Header::split(blob.as_bytes()).is_ok_and(|(header, _)| header.key_id != self.current.id())
    }

    /// Seals a value for one place, for example `["secret_versions", id, "sealed"]`.
    ///
    /// `random` must be unpredictable and must never be used again. Fails only for values of 64 GiB.
    pub fn seal(
        &self,
        context: &[&str],
        plaintext: &[u8],
        random: &[u8; SEAL_RANDOM_LEN],
    ) -> Result<SealedBlob, SealError> {
        let (data_key, nonces) = random.split_at(KEY_LEN);
        let (key_nonce, value_nonce) = nonces.split_at(NONCE_LEN);
        let header = Header {
            key_id: self.current.id(),
            context_hash: context_hash(context),
        };
        let mut blob = header.bytes();
        let bound = authenticated(&blob, context);
        let mut sealed_key = Zeroizing::new(data_key.to_vec());
        append(
            &mut blob,
            &mut sealed_key,
            self.current.bytes(),
            (key_nonce, &bound),
        )?;
        let mut sealed_value = Zeroizing::new(plaintext.to_vec());
        append(
            &mut blob,
            &mut sealed_value,
            data_key,
            (value_nonce, &bound),
        )?;
        Ok(SealedBlob::from_bytes(blob))
    }

    /// Opens a value that was sealed for this place.
    pub fn open(
        &self,
        context: &[&str],
        blob: &SealedBlob,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (header, rest) = Header::split(blob.as_bytes())?;
        let master = self.key(header.key_id)?;
        if header.context_hash != context_hash(context) {
            return Err(SealError::WrongContext);
        }
        let bound = authenticated(&header.bytes(), context);
        let cut = rest.split_at_checked(NONCE_LEN + SEALED_KEY_LEN);
        let (sealed_key, sealed_value) = cut.ok_or(SealError::Corrupt("too short"))?;
        let data_key = unseal(sealed_key, master.bytes(), &bound)?;
        unseal(sealed_value, &data_key, &bound)
    }

    /// As [`Sealer::open`], for text.
    pub fn open_text(
        &self,
        context: &[&str],
        blob: &SealedBlob,
    ) -> Result<SecretString, SealError> {
        let bytes = self.open(context, blob)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| SealError::Corrupt("not UTF-8"))?;
        Ok(SecretString::from(text))
    }

    /// A key for another purpose (page tokens, for example) that follows from the master key and tells
    /// nothing about it: HMAC-SHA-256 over the purpose.
    pub fn derive_key(&self, purpose: &str) -> Zeroizing<Vec<u8>> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.current.bytes());
        let label = format!("tollgate derived key v1\n{purpose}");
        Zeroizing::new(hmac::sign(&key, label.as_bytes()).as_ref().to_vec())
    }

    fn key(&self, id: KeyId) -> Result<&MasterKey, SealError> {
        let mut held = std::iter::once(&self.current).chain(&self.older);
        held.find(|key| key.id() == id).ok_or(SealError::WrongKey {
            sealed_under: id,
            current: self.current.id(),
        })
    }
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.key_id.0);
        bytes.extend(self.context_hash);
        bytes
    }

    fn split(blob: &[u8]) -> Result<(Self, &[u8]), SealError> {
        let short = SealError::Corrupt("too short");
        let (version, rest) = blob.split_first().ok_or(short.clone())?;
        if *version != VERSION {
            return Err(SealError::Corrupt("unknown format version"));
        }
        let (key_id, rest) = rest.split_first_chunk().ok_or(short.clone())?;
        let (context_hash, rest) = rest.split_first_chunk().ok_or(short)?;
        let header = Self {
            key_id: KeyId(*key_id),
            context_hash: *context_hash,
        };
        Ok((header, rest))
    }
}

/// Every part with its length before it, so that no two contexts look alike.
fn encode(context: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in context {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        bytes.extend(length.to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

fn context_hash(context: &[&str]) -> [u8; 8] {
    let hash = digest(&SHA256, &encode(context));
    let start = hash.as_ref().first_chunk();
    *start.expect("SHA-256 has 32 bytes, more than 8")
}

fn authenticated(header: &[u8], context: &[&str]) -> Vec<u8> {
    [header, &encode(context)].concat()
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, SealError> {
    let key = UnboundKey::new(&AES_256_GCM, key);
    key.map(LessSafeKey::new)
        .map_err(|_| SealError::Corrupt("a data key of the wrong length"))
}

/// Appends nonce and sealed `value` to `blob`; `value` is overwritten.
fn append(
    blob: &mut Vec<u8>,
    value: &mut Vec<u8>,
    key: &[u8],
    (nonce, bound): (&[u8], &[u8]),
) -> Result<(), SealError> {
    blob.extend(nonce);
    let nonce = Nonce::try_assume_unique_for_key(nonce);
    let nonce = nonce.map_err(|_| SealError::Corrupt("a nonce of the wrong length"))?;
    cipher(key)?
        .seal_in_place_append_tag(nonce, Aad::from(bound), value)
        .map_err(|_| SealError::TooLong)?;
    blob.extend(value.iter());
    Ok(())
}

/// Opens nonce and sealed value.
fn unseal(sealed: &[u8], key: &[u8], bound: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let cut = sealed.split_first_chunk::<NONCE_LEN>();
    let (nonce, sealed) = cut.ok_or(SealError::Corrupt("too short"))?;
    let mut value = Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = cipher(key)?
        .open_in_place(nonce, Aad::from(bound), &mut value)
        .map_err(|_| SealError::Corrupt("it does not open"))?
        .len();
    value.truncate(opened);
    Ok(value)
}

#[cfg(test)]
mod tests;
