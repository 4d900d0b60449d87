//! Where one packet ends: four bytes of header, numbers that count up, and payloads in several packets.
//!
//! This is the hot path: it runs once per packet, reads four bytes and allocates nothing.

/// Bytes of a header: three of length and one of sequence number.
pub const HEADER_LEN: usize = 4;

/// Most bytes of payload in one packet. A packet with exactly this many is continued by the next one
/// ("Sending More Than 16Mb").
pub const MAX_PAYLOAD: u32 = 0xff_ffff;

/// Largest packet of a client before it is logged in, 160 KiB: 64 KiB of authentication data, 64 KiB of
/// connection attributes (`MAX_CONNECTION_ATTR_STORAGE_LENGTH`) and the rest.
pub const MAX_LOGIN_PACKET: usize = 160 * 1024;

/// Largest packet of a server before we are logged in, 64 KiB: greeting, RSA keys and errors are far smaller.
pub const MAX_SERVER_LOGIN_PACKET: usize = 64 * 1024;

/// Size and number of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of payload, at most [`MAX_PAYLOAD`].
    pub length: u32,
    /// Its number within the command.
    pub sequence: u8,
}

impl Header {
    /// Bytes of payload, as a usize.
    #[inline]
    pub fn payload_len(&self) -> usize {
        // 24 bits fit every usize we build for.
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }

    /// Bytes of the whole packet.
    #[inline]
    pub fn total(&self) -> usize {
        self.payload_len().saturating_add(HEADER_LEN)
    }

    /// Whether the payload goes on in the next packet.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.length == MAX_PAYLOAD
    }

    /// The payload of the packet that starts at `input`, as far as it has arrived.
    #[inline]
    pub fn payload<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        let end = self.total().min(input.len());
        input.get(HEADER_LEN..end).unwrap_or_default()
    }
}

/// What lies at the start of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A whole packet is here.
    Complete(Header),
    /// The header is here, the rest of the payload is not.
    Incomplete(Header),
    /// Fewer than four bytes are here.
    NeedHeader,
}

/// Reads the header at the start of `input`. It never looks behind the header. Every four bytes are a header;
/// what tells a peer that is out of step is its [`Sequence`].
#[inline]
pub fn next(input: &[u8]) -> Frame {
    let Some((&[a, b, c, sequence], _)) = input.split_first_chunk::<HEADER_LEN>() else {
        return Frame::NeedHeader;
    };
    let header = Header {
        length: u32::from_le_bytes([a, b, c, 0]),
        sequence,
    };
    if input.len() >= header.total() {
        Frame::Complete(header)
    } else {
        Frame::Incomplete(header)
    }
}

/// The four bytes of a header. A length above [`MAX_PAYLOAD`] loses its upper byte: split first.
#[inline]
pub fn header_bytes(length: u32, sequence: u8) -> [u8; HEADER_LEN] {
    let [a, b, c, _] = length.to_le_bytes();
    [a, b, c, sequence]
}

/// Gives the packet at the start of `packet` another number. Without a header there is nothing to do.
#[inline]
pub fn renumber(packet: &mut [u8], sequence: u8) {
    if let Some([_, _, _, number]) = packet.first_chunk_mut::<HEADER_LEN>() {
        *number = sequence;
    }
}

/// Why packets cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A packet has another number than the next one (server error 1156, "Got packets out of order").
    #[error("packet number {got} instead of {expected}")]
    OutOfOrder {
        /// The number it must have.
        expected: u8,
        /// The number it has.
        got: u8,
    },
    /// A payload is larger than allowed here (server error 1153).
    #[error("payload of at least {length} bytes is over the limit of {limit}")]
    TooLarge {
        /// Its size in bytes, as far as headers tell.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

/// The number of the next packet. It starts at 0 with every command, counts in both directions and goes from
/// 255 to 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sequence(u8);

impl Sequence {
    /// The start of a command.
    pub const fn start() -> Self {
        Self(0)
    }

    /// Going on with `next`.
    pub const fn after(next: u8) -> Self {
        Self(next)
    }

    /// The number of the next packet, without using it.
    pub const fn peek(self) -> u8 {
        self.0
    }

    /// The number for a packet that we write.
    #[inline]
    pub fn take(&mut self) -> u8 {
        let number = self.0;
        self.0 = number.wrapping_add(1);
        number
    }

    /// Checks the number of a packet that came.
    ///
    /// # Errors
    /// [`FrameError::OutOfOrder`]; the connection is out of step and must be closed.
    #[inline]
    pub fn check(&mut self, header: Header) -> Result<(), FrameError> {
        if header.sequence != self.0 {
            return Err(FrameError::OutOfOrder {
                expected: self.0,
                got: header.sequence,
            });
        }
        self.take();
        Ok(())
    }
}

/// Which piece of a payload a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// All of it.
    Whole,
    /// The first of several. Only here and in [`Piece::Whole`] does the first byte mean anything.
    First,
    /// Neither the first nor the last.
    Middle,
    /// The last of several; may be empty.
    Last,
}

impl Piece {
    /// Whether a payload begins here.
    #[inline]
    pub fn begins(self) -> bool {
        matches!(self, Self::Whole | Self::First)
    }

    /// Whether the payload ends here.
    #[inline]
    pub fn ends(self) -> bool {
        matches!(self, Self::Whole | Self::Last)
    }
}

/// Follows payloads over several packets by their headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pieces {
    /// Bytes of the payload that is not finished; `None` between payloads.
    open: Option<usize>,
}

impl Pieces {
    /// Which piece the packet with this header is.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] when the payload has grown over `limit` bytes.
    #[inline]
    pub fn next(&mut self, header: Header, limit: usize) -> Result<Piece, FrameError> {
        let length = self.open.unwrap_or(0).saturating_add(header.payload_len());
        if length > limit {
            return Err(FrameError::TooLarge { length, limit });
        }
        let piece = match (self.open.is_some(), header.is_full()) {
            (false, false) => Piece::Whole,
            (false, true) => Piece::First,
            (true, true) => Piece::Middle,
            (true, false) => Piece::Last,
        };
        self.open = header.is_full().then_some(length);
        Ok(piece)
    }
}

/// A packet of the login, where no payload is longer than one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its number.
    pub sequence: u8,
    /// Its whole payload.
    pub payload: &'a [u8],
    /// Bytes of the input that it is made of.
    pub consumed: usize,
}

/// Takes a whole small packet from the start of `input`; `None` while it is not all here.
///
/// # Errors
/// [`FrameError::TooLarge`] as soon as the header promises more than `limit` bytes.
pub fn small(input: &[u8], limit: usize) -> Result<Option<Packet<'_>>, FrameError> {
    let (header, here) = match next(input) {
        Frame::NeedHeader => return Ok(None),
        Frame::Complete(header) => (header, true),
        Frame::Incomplete(header) => (header, false),
    };
    let length = header.payload_len();
    if length > limit || header.is_full() {
        return Err(FrameError::TooLarge { length, limit });
    }
    Ok(here.then(|| Packet {
        sequence: header.sequence,
        payload: header.payload(input),
        consumed: header.total(),
    }))
}

/// Appends the payload at the start of `input` to `out`, over as many packets as it has, and says how many bytes
/// of input they are. `None`, with nothing appended, while it is not all here.
///
/// # Errors
/// [`FrameError::TooLarge`] for a payload over `limit` bytes; [`FrameError::OutOfOrder`] when its packets do not
/// count up.
pub fn join(input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<Option<usize>, FrameError> {
    let before = out.len();
    let result = join_onto(input, limit, out);
    if !matches!(result, Ok(Some(_))) {
        out.truncate(before);
    }
    result
}

fn join_onto(input: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<Option<usize>, FrameError> {
    let mut pieces = Pieces::default();
    let mut sequence: Option<Sequence> = None;
    let mut consumed = 0_usize;
    loop {
        let rest = input.get(consumed..).unwrap_or_default();
        let (Frame::Complete(header) | Frame::Incomplete(header)) = next(rest) else {
            return Ok(None);
        };
        let piece = pieces.next(header, limit)?;
        sequence
            .get_or_insert(Sequence(header.sequence))
            .check(header)?;
        let payload = header.payload(rest);
        if payload.len() < header.payload_len() {
            return Ok(None);
        }
        out.extend_from_slice(payload);
        consumed = consumed.saturating_add(header.total());
        if piece.ends() {
            return Ok(Some(consumed));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PING: &[u8] = b"\x01\0\0\0\x0e";
    const QUERY: &[u8] = b"\x09\0\0\0\x03select 1";

    const FULL: Header = Header {
        length: MAX_PAYLOAD,
        sequence: 0,
    };

    #[test]
    fn reads_one_of_many_packets() {
        let input = [QUERY, PING].concat();
        let header = Header {
            length: 9,
            sequence: 0,
        };
        assert_eq!(next(&input), Frame::Complete(header));
        assert_eq!(header.payload(&input), b"\x03select 1");
        assert_eq!(header.total(), 13);
    }

    #[test]
    fn waits_at_every_split() {
        for split in 0..QUERY.len() {
            let expected = if split < HEADER_LEN {
                Frame::NeedHeader
            } else {
                Frame::Incomplete(Header {
                    length: 9,
                    sequence: 0,
                })
            };
            assert_eq!(next(&QUERY[..split]), expected, "after {split} bytes");
            assert_eq!(small(&QUERY[..split], 9), Ok(None));
            assert_eq!(join(&QUERY[..split], 9, &mut Vec::new()), Ok(None));
        }
        let packet = small(QUERY, 9).expect("small").expect("here");
        assert_eq!((packet.payload.len(), packet.consumed), (9, 13));
    }

    #[test]
    fn numbers_go_from_255_to_0() {
        let mut sequence = Sequence::after(255);
        assert_eq!(
            sequence.check(Header {
                length: 1,
                sequence: 255
            }),
            Ok(())
        );
        assert_eq!(sequence.take(), 0);
        assert_eq!(
            sequence.check(Header {
                length: 1,
                sequence: 7
            }),
            Err(FrameError::OutOfOrder {
                expected: 1,
                got: 7
            })
        );
    }

    #[test]
    fn a_full_packet_is_continued_even_by_nothing() {
        let empty = Header {
            length: 0,
            sequence: 2,
        };
        let mut pieces = Pieces::default();
        assert_eq!(pieces.next(empty, 10), Ok(Piece::Whole));
        let limit = usize::MAX;
        assert_eq!(pieces.next(FULL, limit), Ok(Piece::First));
        assert_eq!(pieces.next(FULL, limit), Ok(Piece::Middle));
        assert_eq!(pieces.next(empty, limit), Ok(Piece::Last));
        assert_eq!(pieces.next(empty, limit), Ok(Piece::Whole));
    }

    #[test]
    fn a_limit_counts_all_pieces() {
        let limit = 0x100_0000;
        let mut pieces = Pieces::default();
        assert_eq!(pieces.next(FULL, limit), Ok(Piece::First));
        let two = Header {
            length: 2,
            sequence: 1,
        };
        assert_eq!(
            pieces.next(two, limit),
            Err(FrameError::TooLarge {
                length: 0x100_0001,
                limit
            })
        );
    }

    #[test]
    fn a_large_login_is_refused_by_its_header() {
        assert_eq!(
            small(b"\xff\xff\xff\0", usize::MAX),
            Err(FrameError::TooLarge {
                length: 0xff_ffff,
                limit: usize::MAX
            })
        );
        assert_eq!(
            small(b"\x0a\0\0\0", 9),
            Err(FrameError::TooLarge {
                length: 10,
                limit: 9
            })
        );
    }

    #[test]
    fn renumbers_in_place() {
        let mut packet = PING.to_vec();
        renumber(&mut packet, 9);
        assert_eq!(packet, b"\x01\0\0\x09\x0e");
        renumber(&mut packet[..3], 1);
        assert_eq!(packet, b"\x01\0\0\x09\x0e");
    }

    proptest! {
        #[test]
        fn complete_means_all_bytes_are_here(input in proptest::collection::vec(any::<u8>(), 0..64)) {
            match next(&input) {
                Frame::Complete(header) => {
                    prop_assert!(header.total() <= input.len());
                    prop_assert_eq!(header.payload(&input).len(), header.payload_len());
                }
                Frame::Incomplete(header) => prop_assert!(header.total() > input.len()),
                Frame::NeedHeader => prop_assert!(input.len() < HEADER_LEN),
            }
        }
    }
}
