//! Why a master key cannot be used and why a blob cannot be opened.

use std::io;
use std::path::PathBuf;

use crate::KeyId;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or made.
    #[error("master key file {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Others than the owner may read or write the file.
    #[error("master key file {} has mode {mode:04o}; it must be 0600", path.display())]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text is no key. It is left out: it may be one with a typing mistake.
    #[error("a master key is 32 bytes, written as 64 hex digits or as base64")]
    Text,
}

/// Why a value cannot be sealed or a blob cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed under a key that this sealer does not hold.
    #[error("sealed under master key {sealed_under}, but the key in use is {current}")]
    WrongKey {
        /// The key it was sealed under.
        sealed_under: KeyId,
        /// The key that this sealer seals with.
        current: KeyId,
    },
    /// It was sealed for another place (another table, row or column).
    #[error("sealed for another place than the one it was found in")]
    WrongContext,
    /// It was altered, cut, or never was a sealed blob.
    #[error("damaged: {0}")]
    Corrupt(&'static str),
    /// The value is too long to be sealed in one piece (64 GiB, NIST SP 800-38D §5.2.1.1).
    #[error("too long to be sealed")]
    TooLong,
}
