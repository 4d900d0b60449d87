//! Bytes on their way out: written at once where the socket takes them, kept where it does not.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use smallvec::SmallVec;

use crate::stream::Stream;

/// Pieces written with one system call; more are written with another.
const PIECES: usize = 16;

/// What a socket did not take yet. Empty, and without a buffer, almost always.
#[derive(Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    start: usize,
}

impl Outgoing {
    /// Whether everything was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Whether a flush would find nothing to do.
    #[inline]
    pub(crate) fn is_settled(&self, stream: &Stream) -> bool {
        self.bytes.capacity() == 0 && !stream.has_pending_output()
    }

    /// Writes `pieces` in order behind what is kept. Answers how many bytes they are.
    pub(crate) fn write<'a>(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<usize> {
        let mut pieces = pieces.filter(|piece| !piece.is_empty());
        let Some(first) = pieces.next() else {
            return Ok(0);
        };
        let Some(second) = pieces.next() else {
            // What there is most often needs no list, nor do two pieces.
            return self.send(stream, cx, &mut [IoSlice::new(first)]);
        };
        let Some(third) = pieces.next() else {
            return self.send(stream, cx, &mut [IoSlice::new(first), IoSlice::new(second)]);
        };
        let all = [first, second, third].into_iter().chain(pieces);
        let mut slices: SmallVec<[IoSlice<'a>; PIECES]> = all.map(IoSlice::new).collect();
        self.send(stream, cx, &mut slices)
    }

    fn send(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        slices: &mut [IoSlice<'_>],
    ) -> io::Result<usize> {
        let total = slices.iter().map(|slice| slice.len()).sum();
        let mut left: usize = total;
        let mut rest = slices;
        while self.is_empty() && !rest.is_empty() {
            let batch = rest.len().min(PIECES);
            let head = rest.get(..batch).unwrap_or_default();
            match stream.poll_write_vectored(cx, head) {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero)),
                // Almost always.
                Poll::Ready(Ok(count)) if count == left => rest = &mut [],
                Poll::Ready(Ok(count)) => {
                    left = left.saturating_sub(count);
                    IoSlice::advance_slices(&mut rest, count);
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        for piece in rest.iter() {
            self.bytes.extend_from_slice(piece);
        }
        if stream.has_pending_output() {
            flushed(stream.poll_flush(cx))?;
        }
        Ok(total)
    }

    /// Tries again to get rid of what is kept. True when something went out.
    pub(crate) fn flush(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut moved = false;
        while !self.is_empty() {
            let kept = self.bytes.get(self.start..).unwrap_or_default();
            match stream.poll_write_vectored(cx, &[IoSlice::new(kept)]) {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero)),
                Poll::Ready(Ok(count)) => {
                    self.start += count;
                    moved = true;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        if self.is_empty() && self.bytes.capacity() > 0 {
            self.bytes = Vec::new();
            self.start = 0;
        }
        if stream.has_pending_output() {
            flushed(stream.poll_flush(cx))?;
        }
        Ok(moved)
    }
}

/// A flush that has to wait goes on when the socket is writable again.
fn flushed(poll: Poll<io::Result<()>>) -> io::Result<()> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(()),
    }
}
