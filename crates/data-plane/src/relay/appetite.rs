//! Which of its two sockets a relay turns to, and whether that is worth while.

use std::task::Context;

use crate::stream::{Stream, Watch};

/// What the machine needs before it can do more with the client's bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Appetite {
    /// Nothing: it has not seen all of them.
    Hungry,
    /// More of them.
    NeedsBytes,
    /// Answers of the server. Until they come, no more is read of the client than a buffer holds.
    NeedsReplies,
}

/// Which of the two sockets wake the task when they have something.
#[derive(Clone, Copy, Default)]
pub(super) struct Watches {
    pub(super) client: Watch,
    pub(super) server: Watch,
}

/// Whether a socket is worth a read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It is.
    Bright,
    /// It has nothing, and the task is woken when it has.
    Dry,
}

impl Watch {
    /// Asks the socket as little as need be.
    pub(super) fn outlook(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Outlook {
        match self {
            Self::On if !stream.is_readable() => Outlook::Dry,
            Self::Off if stream.poll_readable(cx).is_pending() => {
                *self = Self::after_pending();
                Outlook::Dry
            }
            Self::On | Self::Off => Outlook::Bright,
        }
    }
}

/// Which buffer ranges of input refer to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Client,
    Server,
}
