//! The buffers packets are appended to, and how a payload of any size becomes packets.

use bytes::BytesMut;

use crate::frame::{HEADER_LEN, MAX_PAYLOAD, Sequence, header_bytes};

/// Why a packet was not written. Nothing is appended when one of these is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The protocol ends the text with a zero byte, so the text cannot contain one: the peer would read
    /// the remainder as the next field.
    #[error("{field} contains a zero byte")]
    ZeroByte {
        /// Which field.
        field: &'static str,
    },
    /// A field is larger than the protocol or its receiver accepts.
    #[error("{field} has {length} bytes, over the limit of {limit}")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its size in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

mod sealed {
    /// Keeps [`Out`](super::Out) closed: its contract is about growing buffers only.
    pub trait Sealed {}
    impl Sealed for Vec<u8> {}
    impl Sealed for bytes::BytesMut {}
}

/// A growing byte buffer: `Vec<u8>` or `BytesMut`.
pub trait Out: sealed::Sealed {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);
    /// All bytes in the buffer so far.
    fn bytes_mut(&mut self) -> &mut [u8];
    /// How many bytes are in the buffer.
    fn written(&self) -> usize;
    /// Removes and returns everything from `at` on.
    fn take_tail(&mut self, at: usize) -> Vec<u8>;
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
    fn take_tail(&mut self, at: usize) -> Vec<u8> {
        self.split_off(at.min(self.len()))
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
    fn take_tail(&mut self, at: usize) -> Vec<u8> {
        let at = at.min(self.len());
        self.split_off(at).to_vec()
    }
}

/// Writes one payload with its header; `body` writes the payload. A payload of 16 MiB - 1 bytes or more becomes
/// several packets, the last of them shorter than that and possibly empty ("Sending More Than 16Mb").
pub fn packet<O: Out>(out: &mut O, sequence: &mut Sequence, body: impl FnOnce(&mut O)) {
    let start = out.written();
    out.put(&[0; HEADER_LEN]);
    body(out);
    let payload = out
        .written()
        .saturating_sub(start)
        .saturating_sub(HEADER_LEN);
    match u32::try_from(payload) {
        Ok(length) if length < MAX_PAYLOAD => {
            let header = out
                .bytes_mut()
                .get_mut(start..)
                .and_then(|bytes| bytes.first_chunk_mut::<HEADER_LEN>());
            if let Some(header) = header {
                *header = header_bytes(length, sequence.take());
            }
        }
        Ok(_) | Err(_) => split(out, start, sequence),
    }
}

/// Cuts the payload behind the header at `start` into full packets and a shorter last one.
fn split(out: &mut impl Out, start: usize, sequence: &mut Sequence) {
    let full = usize::try_from(MAX_PAYLOAD).unwrap_or(usize::MAX);
    let tail = out.take_tail(start);
    let mut rest = tail.get(HEADER_LEN..).unwrap_or_default();
    while let Some((piece, behind)) = rest.split_at_checked(full) {
        out.put(&header_bytes(MAX_PAYLOAD, sequence.take()));
        out.put(piece);
        rest = behind;
    }
    // The loop ended because fewer than MAX_PAYLOAD bytes are left.
    let length = u32::try_from(rest.len()).unwrap_or(0);
    out.put(&header_bytes(length, sequence.take()));
    out.put(rest);
}

/// Writes a length-encoded number in its shortest form.
pub fn put_lenenc(out: &mut impl Out, number: u64) {
    let [a, b, c, ..] = number.to_le_bytes();
    match number {
        0..=0xfa => out.put(&[a]),
        0xfb..=0xffff => out.put(&[0xfc, a, b]),
        0x1_0000..=0xff_ffff => out.put(&[0xfd, a, b, c]),
        0x100_0000.. => {
            out.put(&[0xfe]);
            out.put(&number.to_le_bytes());
        }
    }
}

/// Writes bytes with their length-encoded length in front.
pub fn put_lenenc_bytes(out: &mut impl Out, bytes: &[u8]) {
    put_lenenc(out, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    out.put(bytes);
}

/// Writes a text and its zero byte. A text that contains a zero byte ends there, as it would in C.
pub(crate) fn put_text(out: &mut impl Out, text: &[u8]) {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    out.put(text.get(..end).unwrap_or(text));
    out.put(&[0]);
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
    use crate::frame;

    #[test]
    fn both_buffers_give_the_same_bytes() {
        let mut vec = b"x".to_vec();
        let mut bytes = BytesMut::from(&b"x"[..]);
        packet(&mut vec, &mut Sequence::after(3), |out| {
            put_text(out, b"ab");
        });
        packet(&mut bytes, &mut Sequence::after(3), |out| {
            put_text(out, b"ab");
        });
        assert_eq!(vec, b"x\x03\0\0\x03ab\0");
        assert_eq!(vec, bytes);
    }

    #[test]
    fn a_zero_byte_ends_a_text() {
        let mut out = Vec::new();
        put_text(&mut out, b"ab\0root\0");
        assert_eq!(out, b"ab\0");
        assert_eq!(
            no_zero_byte(b"a\0b", "user"),
            Err(EncodeError::ZeroByte { field: "user" })
        );
    }

    #[test]
    fn large_payloads_are_split_and_joined() {
        let full = usize::try_from(MAX_PAYLOAD).expect("24 bits fit");
        for (extra, frames) in [(0, 2_u8), (1, 2), (full, 3)] {
            let payload = vec![7; full + extra];
            let mut out = Vec::new();
            let mut sequence = Sequence::after(254);
            packet(&mut out, &mut sequence, |out| out.put(&payload));
            assert_eq!(sequence, Sequence::after(254_u8.wrapping_add(frames)));
            let mut joined = Vec::new();
            let end = frame::join(&out, usize::MAX, &mut joined).expect("in order");
            assert_eq!(end, Some(out.len()));
            assert_eq!(joined.len(), payload.len());
            assert!(joined == payload, "the same bytes");
        }
    }

    #[test]
    fn numbers_have_their_shortest_form() {
        for (number, length) in [
            (0, 1),
            (0xfa, 1),
            (0xfb, 3),
            (0xffff, 3),
            (0x1_0000, 4),
            (0xff_ffff, 4),
            (0x100_0000, 9),
        ] {
            let mut out = Vec::new();
            put_lenenc(&mut out, number);
            assert_eq!(out.len(), length, "{number:#x}");
        }
    }
}
