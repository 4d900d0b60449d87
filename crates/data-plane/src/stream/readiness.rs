//! Whether a read is worth while, as far as that is known without asking the kernel.

use std::io::{self, BufRead};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::task::coop;

use super::Stream;

/// Whether the runtime wakes somebody when a stream has something to read.
///
/// A waker that was registered is used up when bytes arrive, and only then. Whoever keeps this beside a stream
/// that nobody else reads knows without another look whether it must be registered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Watch {
    /// Nobody is woken, or that is not known.
    #[default]
    Off,
    /// The task that read last is woken, unless the stream is readable now.
    On,
}

impl Watch {
    /// After a read or [`Stream::poll_readable`] that was `Pending`: the waker is registered, unless the task
    /// has used up its turn, in which case the runtime polls it again anyway.
    pub(crate) fn after_pending() -> Self {
        if coop::has_budget_remaining() {
            Self::On
        } else {
            Self::Off
        }
    }
}

impl Stream {
    /// Whether the kernel has said that there is something to read, or an end, since a read last found nothing.
    /// Under TLS that says nothing about plaintext that no read has fetched yet.
    pub(crate) fn is_readable(&self) -> bool {
        self.tcp().try_io(Interest::READABLE, || Ok(())).is_ok()
    }

    /// The same with plaintext that no read has fetched yet, and an end that none has met.
    pub(crate) fn may_be_read(&mut self) -> bool {
        self.is_readable() || self.holds_plaintext()
    }

    /// `Pending` when there is nothing to read: the waker is registered then. Costs no system call, and less
    /// than a read.
    pub(crate) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.holds_plaintext() {
            return Poll::Ready(());
        }
        // What broke is found out by the read.
        self.tcp().poll_read_ready(cx).map(drop)
    }

    /// Whether a read would not have to ask the socket. All that was ever taken from the socket is decrypted at
    /// once, but for a record that has not arrived completely.
    fn holds_plaintext(&mut self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => match tls.session.reader().fill_buf() {
                Ok(_) => true,
                Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            },
        }
    }
}
