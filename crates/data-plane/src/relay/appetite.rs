//! Which of its two sockets a relay turns to, and whether that is worth while.

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

/// What has been found out in a turn: a socket that had nothing wakes the task when it has.
#[derive(Clone, Copy, Default)]
pub(super) struct Thirst {
    pub(super) client: Source,
    pub(super) server: Source,
}

/// Whether it is worth while to read of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Source {
    #[default]
    Flowing,
    /// It had nothing in this turn.
    Dry,
}

/// Which buffer ranges of input refer to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Client,
    Server,
}
