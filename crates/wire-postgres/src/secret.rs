//! Bytes nobody may print: passwords, keys and cancel secrets.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Secret bytes: zeroized on drop, redacted in `Debug`, compared in constant time.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of the bytes, so that this copy is the one that is zeroized.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves. Use them on the spot; never store or log them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Most bytes of a cancel secret (protocol 3.2: "up to 256 bytes").
pub const MAX_CANCEL_SECRET: usize = 256;

/// The secret half of a cancel key: 4 bytes in protocol 3.0, 1 to 256 in 3.2.
#[derive(Clone, PartialEq, Eq)]
pub struct CancelSecret(Secret);

impl CancelSecret {
    /// Takes 1 to [`MAX_CANCEL_SECRET`] bytes; `None` for any other length.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (1..=MAX_CANCEL_SECRET)
            .contains(&bytes.len())
            .then(|| Self(Secret::from(bytes)))
    }

    /// The bytes, for writing them to the wire or looking up whose they are.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for CancelSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_bytes() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "[redacted]");
        assert_eq!(
            format!("{:?}", CancelSecret::new(b"abcd")),
            "Some([redacted])"
        );
    }

    #[test]
    fn compares_by_content() {
        assert_eq!(Secret::from("a"), Secret::from("a"));
        assert_ne!(Secret::from("a"), Secret::from("b"));
        assert_ne!(CancelSecret::new(b"abcd"), CancelSecret::new(b"abce"));
    }

    #[test]
    fn cancel_secrets_have_1_to_256_bytes() {
        assert_eq!(CancelSecret::new(b""), None);
        assert!(CancelSecret::new(&[7; 256]).is_some());
        assert_eq!(CancelSecret::new(&[7; 257]), None);
    }
}
