//! Writing a socket outside a poll.

use std::io::{self, IoSlice, Write};

use tokio::net::TcpStream;

/// Lets rustls write the socket outside a poll, for last words: what the kernel does not take is lost.
pub(super) struct Direct<'socket>(pub(super) &'socket TcpStream);

impl Write for Direct<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
