//! Where one message ends: the five-byte header in front of every message after the startup packet.
//!
//! This is the hot path: it runs once per message, reads five bytes and allocates nothing.

pub use crate::tag;

/// Bytes of a header: the tag and the big-endian length.
pub const HEADER_LEN: usize = 5;

/// Smallest length field: the length counts itself (protocol manual, "Message Formats").
pub const MIN_LENGTH: u32 = 4;

/// Largest length field we accept, 1 GiB. PostgreSQL itself stops at `PQ_LARGE_MESSAGE_LIMIT`
/// (`libpq.h`: `MaxAllocSize - 1`, just under 1 GiB), so no honest peer comes near.
pub const MAX_LENGTH: u32 = 1 << 30;

/// Largest whole password or SASL message to hold in memory, 64 KiB. PgBouncer's `MAX_PASSWORD` is
/// 65531; IAM tokens with a session token are up to 16 KiB.
pub const MAX_PASSWORD_MESSAGE: usize = 64 * 1024;

/// Largest whole message to hold in memory while logging in to a server, 64 KiB. libpq allows 30000
/// (`MAX_ERRLEN`) for an error in this phase and far less for everything else.
pub const MAX_LOGIN_MESSAGE: usize = 64 * 1024;

/// Tag and size of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What kind of message; see [`tag`](crate::tag).
    pub tag: u8,
    /// Bytes of the whole message: tag, length field and body. At least [`HEADER_LEN`].
    pub total: usize,
}

impl Header {
    /// Bytes of the body alone.
    #[inline]
    pub fn body_len(&self) -> usize {
        self.total.saturating_sub(HEADER_LEN)
    }

    /// The body of the message that starts at `input`, as far as it has arrived.
    #[inline]
    pub fn body<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        let end = self.total.min(input.len());
        input.get(HEADER_LEN..end).unwrap_or_default()
    }
}

/// What lies at the start of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A whole message is here.
    Complete(Header),
    /// The header is here, the rest of the body is not.
    Incomplete(Header),
    /// Fewer than five bytes are here.
    NeedHeader,
    /// No message can start like this; the connection is out of step and must be closed.
    Invalid(FrameError),
}

/// Why bytes cannot be a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length field is below 4 or above 1 GiB; negative lengths are above.
    #[error("invalid message length {length} (message type 0x{tag:02x})")]
    Length {
        /// The tag in front of it.
        tag: u8,
        /// The field, read as an unsigned number.
        length: u32,
    },
}

/// Reads the header at the start of `input`. It never looks behind the header.
#[inline]
pub fn next(input: &[u8]) -> Frame {
    let Some((&[tag, a, b, c, d], _)) = input.split_first_chunk::<HEADER_LEN>() else {
        return Frame::NeedHeader;
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        return Frame::Invalid(FrameError::Length { tag, length });
    }
    // The tag is not counted by the length field. A length of 1 GiB fits every usize we build for.
    let total = usize::try_from(length)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let header = Header { tag, total };
    if input.len() >= total {
        Frame::Complete(header)
    } else {
        Frame::Incomplete(header)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SYNC: &[u8] = b"S\0\0\0\x04";
    const QUERY: &[u8] = b"Q\0\0\0\x0dselect 1\0";

    #[test]
    fn reads_an_empty_body() {
        let header = Header {
            tag: b'S',
            total: 5,
        };
        assert_eq!(next(SYNC), Frame::Complete(header));
        assert_eq!(header.body_len(), 0);
        assert_eq!(header.body(SYNC), b"");
    }

    #[test]
    fn reads_one_of_many_messages() {
        let input = [QUERY, SYNC].concat();
        let header = Header {
            tag: b'Q',
            total: 14,
        };
        assert_eq!(next(&input), Frame::Complete(header));
        assert_eq!(header.body_len(), 9);
        assert_eq!(header.body(&input), b"select 1\0");
    }

    #[test]
    fn waits_at_every_split() {
        for split in 0..QUERY.len() {
            let expected = if split < HEADER_LEN {
                Frame::NeedHeader
            } else {
                Frame::Incomplete(Header {
                    tag: b'Q',
                    total: 14,
                })
            };
            assert_eq!(next(&QUERY[..split]), expected, "after {split} bytes");
        }
    }

    #[test]
    fn refuses_hostile_lengths() {
        for length in [
            0_u32,
            1,
            3,
            MAX_LENGTH + 1,
            0x7fff_ffff,
            0x8000_0000,
            u32::MAX,
        ] {
            let input = [&b"d"[..], &length.to_be_bytes()].concat();
            assert_eq!(
                next(&input),
                Frame::Invalid(FrameError::Length { tag: b'd', length })
            );
        }
    }

    #[test]
    fn accepts_the_largest_length_without_its_body() {
        let input = [&b"d"[..], &MAX_LENGTH.to_be_bytes()].concat();
        let header = Header {
            tag: b'd',
            total: 1_073_741_825,
        };
        assert_eq!(next(&input), Frame::Incomplete(header));
        assert_eq!(header.body(&input), b"");
    }

    proptest! {
        #[test]
        fn complete_means_all_bytes_are_here(input in proptest::collection::vec(any::<u8>(), 0..64)) {
            match next(&input) {
                Frame::Complete(header) => {
                    prop_assert!(header.total <= input.len());
                    prop_assert_eq!(header.body(&input).len(), header.body_len());
                }
                Frame::Incomplete(header) => prop_assert!(header.total > input.len()),
                Frame::NeedHeader => prop_assert!(input.len() < HEADER_LEN),
                Frame::Invalid(_) => prop_assert!(input.len() >= HEADER_LEN),
            }
        }
    }
}
