//! What the pool remembers of a connection, wherever the connection itself is.

use crate::key_state::KeyId;
use crate::lease::{Generation, Pin};
use crate::{Jitter, Millis};

/// One connection's entry in the books.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnRecord {
    pub(crate) key: KeyId,
    pub(crate) born: Millis,
    pub(crate) jitter: Jitter,
    pub(crate) generation: Generation,
    /// When a client used it last; a check does not count.
    pub(crate) idle_since: Millis,
    /// When it was last known to work: returned by a client, or checked.
    pub(crate) checked_at: Millis,
    pub(crate) place: Place,
}

/// Where a connection is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// In the idle list of its key, or in the hands of a function that is about to decide.
    Idle,
    /// With a client or with the shell's checker.
    Lent(Loan),
}

/// The terms of a lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loan {
    pub(crate) since: Millis,
    pub(crate) purpose: Purpose,
    pub(crate) pin: Pin,
    pub(crate) leak: Leak,
}

/// What a connection was lent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Client,
    Validation,
}

/// Whether a lease has been reported as leaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leak {
    Unreported,
    Reported,
}
