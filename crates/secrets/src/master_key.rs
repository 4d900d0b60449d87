//! The master key: where it comes from, what it is called, and that nobody sees it.

use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::MasterKeyError;

/// Bytes in a master key (AES-256).
const KEY_LEN: usize = 32;

/// Longest key file: a base64 or hex text with room for line ends.
const FILE_LEN_MAX: u64 = 256;

/// The name of a master key: the first bytes of its SHA-256, shown as 8 hex digits. It tells nothing
/// about the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(crate) [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// 32 secret bytes, wiped from memory when dropped.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_LEN]>,
    id: KeyId,
}

impl MasterKey {
    /// A new key from 32 unpredictable bytes (the caller owns the randomness).
    pub fn generate(random: &[u8; KEY_LEN]) -> Self {
        let [a, b, c, d, ..] = Self::hash(random);
        Self {
            bytes: Zeroizing::new(*random),
            id: KeyId([a, b, c, d]),
        }
    }

    /// The key written as 64 hex digits or as base64, with white space around it.
    pub fn from_text(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        if text.len() == KEY_LEN * 2 {
            hex::decode_to_slice(text, bytes.as_mut()).map_err(|_| MasterKeyError::Text)?;
        } else {
            let decoded = STANDARD.decode(text).map_err(|_| MasterKeyError::Text)?;
            let decoded = Zeroizing::new(decoded);
            let whole: &[u8; KEY_LEN] = decoded
                .as_slice()
                .try_into()
                .map_err(|_| MasterKeyError::Text)?;
            *bytes = *whole;
        }
        Ok(Self::generate(&bytes))
    }

    /// The key in a file that only its owner may read.
    ///
    /// Fails when others may read or write it, and when its text is no key.
    pub fn read(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::File {
            path: path.to_owned(),
            source,
        };
        let file = fs::File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Mode {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(FILE_LEN_MAX)
            .read_to_string(&mut text)
            .map_err(failed)?;
        Self::from_text(&text)
    }

    /// Writes the key into a new file with mode 0600; never overwrites one.
    pub fn write_new(&self, path: &Path) -> Result<(), MasterKeyError> {
        let failed = |source| MasterKeyError::File {
            path: path.to_owned(),
            source,
        };
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(path).map_err(failed)?;
        let text = Zeroizing::new(hex::encode(self.bytes.as_ref()) + "\n");
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)
    }

    /// What the key is called in sealed blobs and messages.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.bytes
    }

    fn hash(bytes: &[u8]) -> [u8; KEY_LEN] {
        let mut hash = [0; KEY_LEN];
        // SHA-256 gives exactly 32 bytes; zip cannot be wrong about it.
        for (to, from) in hash.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
            *to = *from;
        }
        hash
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, [redacted])", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: [u8; KEY_LEN] = [7; KEY_LEN];

    #[test]
    fn hex_and_base64_mean_the_same_key() {
        let key = MasterKey::generate(&RANDOM);
        for text in [hex::encode(RANDOM), STANDARD.encode(RANDOM) + "\n"] {
            let read = MasterKey::from_text(&text).unwrap();
            assert_eq!(read.bytes(), key.bytes());
            assert_eq!(read.id(), key.id());
        }
    }

    #[test]
    fn the_id_is_the_start_of_the_sha_256() {
        // sha256 of 32 zero bytes: 66687aadf862bd77...
        assert_eq!(
            MasterKey::generate(&[0; KEY_LEN]).id().to_string(),
            "66687aad"
        );
    }

    #[test]
    fn no_key_is_read_from_other_texts() {
        let short = hex::encode([7; 31]);
        let not_hex = "g".repeat(64);
        for text in ["", "hunter2", &short, &not_hex, &STANDARD.encode([7; 33])] {
            let error = MasterKey::from_text(text).unwrap_err();
            assert!(
                text.is_empty() || !error.to_string().contains(text),
                "{error}"
            );
        }
    }

    #[test]
    fn debug_shows_the_id_only() {
        let shown = format!("{:?}", MasterKey::generate(&RANDOM));
        assert!(shown.contains("[redacted]"), "{shown}");
        assert!(!shown.contains("07") && !shown.contains("7, 7"), "{shown}");
    }

    #[test]
    fn a_written_key_is_private_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let key = MasterKey::generate(&RANDOM);
        key.write_new(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(MasterKey::read(&path).unwrap().id(), key.id());
        assert!(matches!(
            key.write_new(&path),
            Err(MasterKeyError::File { .. })
        ));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::generate(&RANDOM).write_new(&path).unwrap();
        for mode in [0o640, 0o604, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = MasterKey::read(&path).unwrap_err();
            assert!(matches!(error, MasterKeyError::Mode { .. }), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(MasterKey::read(&path).is_ok());
    }
}
