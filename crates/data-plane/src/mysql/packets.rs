//! Packets of a login or of a small answer over a stream: whole, one at a time, in order and of bounded size.

use std::io;

use bytes::{Buf, BytesMut};
use tollgate_wire_mysql::frame::{self, FrameError, HEADER_LEN, Header, Sequence};
use zeroize::{Zeroize, Zeroizing};

use crate::stream::Stream;

/// Why no packet can be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum PacketError {
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] io::Error),
    /// The peer closed it.
    #[error("the peer closed it")]
    Closed,
    /// The packet is out of order or too large.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Reads packets from a stream. Bytes behind the last packet read wait in `input`.
pub(super) struct Packets<'a> {
    /// For answers.
    pub(super) stream: &'a mut Stream,
    /// What was read ahead.
    pub(super) input: &'a mut BytesMut,
    /// Number of the next packet, in either direction.
    pub(super) sequence: &'a mut Sequence,
    /// Most bytes of a payload.
    pub(super) limit: usize,
}

impl Packets<'_> {
    /// The next packet's payload. One over the limit is refused before it is read; what held it is wiped, as
    /// it may be a password. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Zeroizing<Vec<u8>>, PacketError> {
        loop {
            if let Some(packet) = frame::small(self.input, self.limit)? {
                let payload = Zeroizing::new(packet.payload.to_vec());
                let consumed = packet.consumed;
                self.sequence.check(Header {
                    length: u32::try_from(payload.len()).unwrap_or(u32::MAX),
                    sequence: packet.sequence,
                })?;
                if let Some(read) = self.input.get_mut(..consumed) {
                    read.zeroize();
                }
                self.input.advance(consumed);
                return Ok(payload);
            }
            if self.stream.read_some(self.input).await? == 0 {
                return Err(PacketError::Closed);
            }
        }
    }

    /// Sends the packet or packets that `write` makes.
    pub(super) async fn send<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>, &mut Sequence) -> Result<(), E>,
    ) -> Result<(), E>
    where
        E: From<io::Error>,
    {
        let mut out = Zeroizing::new(Vec::with_capacity(512));
        write(&mut out, self.sequence)?;
        Ok(self.stream.write_all(&out).await?)
    }
}

/// Reads one packet and not a byte more, so that what follows is still in the socket: behind a request for
/// TLS come bytes of TLS, often in the same segment. `None` when the peer closes instead.
pub(super) async fn exactly_one(
    socket: &mut tokio::net::TcpStream,
    sequence: &mut Sequence,
    limit: usize,
) -> Result<Option<Zeroizing<Vec<u8>>>, PacketError> {
    let mut header = [0; HEADER_LEN];
    if !fill(socket, &mut header).await? {
        return Ok(None);
    }
    let (frame::Frame::Complete(found) | frame::Frame::Incomplete(found)) = frame::next(&header)
    else {
        return Ok(None);
    };
    let length = found.payload_len();
    if length > limit {
        return Err(FrameError::TooLarge { length, limit }.into());
    }
    sequence.check(found)?;
    let mut payload = Zeroizing::new(vec![0; length]);
    Ok(fill(socket, &mut payload).await?.then_some(payload))
}

/// Fills `buf`; false when the peer closes before.
async fn fill(socket: &mut tokio::net::TcpStream, buf: &mut [u8]) -> io::Result<bool> {
    match tokio::io::AsyncReadExt::read_exact(socket, buf).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
