//! What a sealed value looks like from outside: bytes for a file, base64 for a text column.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::SealError;

/// A sealed value. Without the master key it tells nothing but its length.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedBlob(Vec<u8>);

impl SealedBlob {
    /// Takes bytes for a blob; whether they are one shows when it is opened.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for a file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Base64, for a text column.
    pub fn to_text(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl FromStr for SealedBlob {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| SealError::Corrupt("not base64"))?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for SealedBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedBlob({} bytes)", self.0.len())
    }
}
