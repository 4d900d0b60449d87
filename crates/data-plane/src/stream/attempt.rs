//! Reading and writing a socket that is most likely ready: the system call first, a waker only where it is needed.
//!
//! tokio's own `poll_read` and `poll_write` prepare for waiting before they try. They also count against the
//! task's turn; a caller that reads and writes in a loop has to end its turns itself.
//!
//! The calls go to the kernel past the C library, which makes each a point at which a thread may be cancelled
//! (pthreads(7)): two locked instructions before and two behind it, for something that no thread of ours ever is.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Reads into `buf`, which must not be empty. 0 means that the peer has closed.
pub(super) fn poll_read(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        let wanted = buf.len();
        match attempt(tcp, Interest::READABLE, wanted, || {
            Ok(rustix::net::recv(tcp, &mut *buf, RecvFlags::empty())?.0)
        }) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(tcp.poll_read_ready(cx))?;
            }
            done => return Poll::Ready(done),
        }
    }
}

/// Sends from the front of `buf`.
pub(super) fn poll_write(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    buf: &[u8],
) -> Poll<io::Result<usize>> {
    loop {
        match attempt(tcp, Interest::WRITABLE, buf.len(), || {
            Ok(rustix::net::send(tcp, buf, SendFlags::NOSIGNAL)?)
        }) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(tcp.poll_write_ready(cx))?;
            }
            done => return Poll::Ready(done),
        }
    }
}

/// Sends from the front of `bufs`.
pub(super) fn poll_write_vectored(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    // A plain write costs the kernel less, and one piece is what there is almost always.
    if let [piece] = bufs {
        return poll_write(tcp, cx, piece);
    }
    let wanted = bufs.iter().map(|piece| piece.len()).sum();
    loop {
        match attempt(tcp, Interest::WRITABLE, wanted, || {
            let mut nothing = SendAncillaryBuffer::default();
            let flags = SendFlags::NOSIGNAL;
            Ok(rustix::net::sendmsg(tcp, bufs, &mut nothing, flags)?)
        }) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(tcp.poll_write_ready(cx))?;
            }
            done => return Poll::Ready(done),
        }
    }
}

/// One system call, unless the runtime knows that the socket is not ready; `WouldBlock` then.
///
/// A call that took less than was `wanted` has found the socket's end for now: the runtime is told, which spares
/// the call that would find nothing. What comes later is another event (epoll(7), edge-triggered, question 9).
fn attempt(
    tcp: &TcpStream,
    interest: Interest,
    wanted: usize,
    call: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    let mut taken = None;
    let done = tcp.try_io(interest, || {
        let count = call()?;
        if count > 0 && count < wanted {
            taken = Some(count);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(count)
    });
    taken.map_or(done, Ok)
}
