//! A shard's pool of I/O buffers: connections hold one only while bytes are in flight.

use std::cell::RefCell;

/// Size of a fresh buffer in bytes. Large enough for a burst of rows, small enough for hundreds in flight.
pub(crate) const BUFFER_SIZE: usize = 64 * 1024;

/// Buffers kept for reuse; more than this many idle ones are freed.
const KEPT: usize = 32;

/// Free buffers of one shard.
#[derive(Default)]
pub(crate) struct Buffers {
    free: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    /// A zero-filled buffer of [`BUFFER_SIZE`] bytes, its content unspecified.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.free
            .borrow_mut()
            .pop()
            .unwrap_or_else(|| vec![0; BUFFER_SIZE])
    }

    /// Gives a buffer back. Buffers that grew for one large message are freed instead of kept.
    pub(crate) fn put(&self, buffer: Vec<u8>) {
        let mut free = self.free.borrow_mut();
        if buffer.len() == BUFFER_SIZE && free.len() < KEPT {
            free.push(buffer);
        }
    }
}

/// Unprocessed input of one connection: a buffer only while it holds bytes.
#[derive(Default)]
pub(crate) struct InputBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl InputBuffer {
    /// Upper bound of a buffer that had to grow because a message must be seen whole.
    pub(crate) const MAX: usize = 1024 * 1024;

    /// What has been read and not consumed.
    pub(crate) fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Free space to read into; takes a buffer from the shard, moves a rest to the front, or grows.
    /// Empty when the buffer is full at [`InputBuffer::MAX`].
    pub(crate) fn space(&mut self, buffers: &Buffers) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = buffers.take();
        }
        if self.start > 0 && (self.is_empty() || self.end == self.bytes.len()) {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() && self.bytes.len() < Self::MAX {
            let grown = (self.bytes.len() * 2).min(Self::MAX);
            self.bytes.resize(grown, 0);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Input that was read elsewhere; `None` when it is more than [`InputBuffer::MAX`].
    pub(crate) fn holding(mut bytes: &[u8], buffers: &Buffers) -> Option<Self> {
        let mut input = Self::default();
        while !bytes.is_empty() {
            let space = input.space(buffers);
            let count = bytes.len().min(space.len());
            let (now, later) = bytes
                .split_at_checked(count)
                .filter(|(now, _)| !now.is_empty())?;
            space.get_mut(..count)?.copy_from_slice(now);
            input.read(count);
            bytes = later;
        }
        Some(input)
    }

    /// Whether [`InputBuffer::space`] can only be had by growing: a message is waited for whole.
    pub(crate) fn is_full(&self) -> bool {
        !self.bytes.is_empty() && self.start == 0 && self.end == self.bytes.len()
    }

    /// `count` bytes were read into [`InputBuffer::space`].
    pub(crate) fn read(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// `count` bytes of [`InputBuffer::filled`] are done with.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Gives the buffer back, whatever it holds.
    pub(crate) fn discard(&mut self, buffers: &Buffers) {
        self.start = self.end;
        self.release_if_empty(buffers);
    }

    /// Gives the buffer back when it holds nothing.
    pub(crate) fn release_if_empty(&mut self, buffers: &Buffers) {
        if self.is_empty() && !self.bytes.is_empty() {
            buffers.put(std::mem::take(&mut self.bytes));
            self.start = 0;
            self.end = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_input_holds_no_buffer() {
        let buffers = Buffers::default();
        let mut input = InputBuffer::default();
        input.space(&buffers)[..3].copy_from_slice(b"abc");
        input.read(3);
        assert_eq!(input.filled(), b"abc");
        input.consume(3);
        input.release_if_empty(&buffers);
        assert!(input.bytes.is_empty());
        assert_eq!(buffers.free.borrow().len(), 1);
    }

    #[test]
    fn what_is_discarded_is_not_seen_again() {
        let buffers = Buffers::default();
        let mut input = InputBuffer::default();
        input.space(&buffers)[..3].copy_from_slice(b"abc");
        input.read(3);
        input.discard(&buffers);
        assert_eq!(buffers.free.borrow().len(), 1);
        let mut next = InputBuffer::default();
        let _space = next.space(&buffers);
        assert_eq!(next.filled(), b"");
    }

    #[test]
    fn a_rest_moves_to_the_front_before_growing() {
        let buffers = Buffers::default();
        let mut input = InputBuffer::default();
        let space = input.space(&buffers).len();
        input.read(space);
        input.consume(space - 2);
        assert_eq!(input.space(&buffers).len(), BUFFER_SIZE - 2);
        assert_eq!(input.filled().len(), 2);
    }

    #[test]
    fn bytes_read_elsewhere_are_taken_whole_or_refused() {
        let buffers = Buffers::default();
        let bytes: Vec<u8> = (0..BUFFER_SIZE * 3)
            .map(|n| u8::try_from(n % 251).unwrap())
            .collect();
        assert_eq!(
            InputBuffer::holding(&bytes, &buffers).unwrap().filled(),
            bytes
        );
        assert!(InputBuffer::holding(&vec![0; InputBuffer::MAX + 1], &buffers).is_none());
    }

    #[test]
    fn growth_ends_at_the_limit() {
        let buffers = Buffers::default();
        let mut input = InputBuffer::default();
        loop {
            let space = input.space(&buffers).len();
            if space == 0 {
                break;
            }
            input.read(space);
        }
        assert_eq!(input.filled().len(), InputBuffer::MAX);
        input.consume(InputBuffer::MAX);
        input.release_if_empty(&buffers);
        assert_eq!(buffers.free.borrow().len(), 0, "a grown buffer is freed");
    }
}
