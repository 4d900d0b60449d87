//! The buffers messages are appended to, and what can be wrong with a message before it is sent.

use bytes::BytesMut;

/// Why a message was not written. Nothing is appended when one of these is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The protocol ends texts with a zero byte, so a text cannot contain one: the peer would read
    /// the remainder as the next field.
    #[error("{field} contains a zero byte")]
    ZeroByte {
        /// Which field.
        field: &'static str,
    },
    /// The message is larger than its receiver accepts.
    #[error("message of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// Its size in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A field that must not be empty is.
    #[error("{field} is empty")]
    Empty {
        /// Which field.
        field: &'static str,
    },
}

mod sealed {
    /// Keeps [`Out`](super::Out) closed: its contract is about growing buffers only.
    pub trait Sealed {}
    impl Sealed for Vec<u8> {}
    impl Sealed for bytes::BytesMut {}
}

/// A growing byte buffer: `Vec<u8>` or `BytesMut`. (`BufMut` also covers fixed slices, which panic
/// when they are full.)
pub trait Out: sealed::Sealed {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);
    /// All bytes in the buffer so far.
    fn bytes_mut(&mut self) -> &mut [u8];
    /// How many bytes are in the buffer.
    fn written(&self) -> usize;
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
    fn written(&self) -> usize {
        self.len()
    }
}

impl Out for BytesMut {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
    fn written(&self) -> usize {
        self.len()
    }
}

/// Writes a tagged message: the body is written by `body`, the length is filled in afterwards.
pub(crate) fn message<O: Out>(out: &mut O, tag: u8, body: impl FnOnce(&mut O)) {
    out.put(&[tag]);
    counted(out, body);
}

/// Writes a length field that counts itself and what `body` writes.
///
/// Bodies come from our own bounded values; one above 4 GiB would get the largest length there is,
/// which every peer refuses.
pub(crate) fn counted<O: Out>(out: &mut O, body: impl FnOnce(&mut O)) {
    let start = out.written();
    out.put(&[0; 4]);
    body(out);
    let length = u32::try_from(out.written().saturating_sub(start)).unwrap_or(u32::MAX);
    let field = out
        .bytes_mut()
        .get_mut(start..)
        .and_then(|bytes| bytes.first_chunk_mut::<4>());
    if let Some(field) = field {
        *field = length.to_be_bytes();
    }
}

/// Writes a text and its zero byte. A text that contains a zero byte ends there, as it would in C.
pub(crate) fn put_text(out: &mut impl Out, text: &[u8]) {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    out.put(text.get(..end).unwrap_or(text));
    out.put(&[0]);
}

/// Writes a count as an unsigned 16-bit number; larger counts are the caller's to exclude.
pub(crate) fn put_count(out: &mut impl Out, count: usize) {
    out.put(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
}

/// Refuses texts that contain a zero byte.
pub(crate) fn no_zero_byte(text: &[u8], field: &'static str) -> Result<(), EncodeError> {
    match memchr::memchr(0, text) {
        None => Ok(()),
        Some(_) => Err(EncodeError::ZeroByte { field }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_buffers_give_the_same_bytes() {
        let mut vec = b"x".to_vec();
        let mut bytes = BytesMut::from(&b"x"[..]);
        message(&mut vec, b'Q', |out| put_text(out, b"ab"));
        message(&mut bytes, b'Q', |out| put_text(out, b"ab"));
        assert_eq!(vec, b"xQ\0\0\0\x07ab\0");
        assert_eq!(vec, bytes);
    }

    #[test]
    fn a_zero_byte_ends_a_text() {
        let mut out = Vec::new();
        put_text(&mut out, b"ab\0MRest");
        assert_eq!(out, b"ab\0");
    }
}
