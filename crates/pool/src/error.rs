//! Why a borrower got nothing, told so that a client and an operator can act on it.

use std::sync::Arc;

use thiserror::Error;

use crate::Millis;

/// Why no server connection could be lent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BorrowError {
    /// Nobody gave one back in time and none could be opened.
    #[error("timed out waiting for a server connection: {0}")]
    TimedOut(TimedOut),
    /// The target refuses this key for good, for instance because the password is wrong.
    #[error("the target refuses connections: {0}")]
    Unavailable(OpenError),
    /// The pool is draining.
    #[error("the pool is shutting down")]
    ShuttingDown,
}

/// The state of affairs when a borrower gave up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "waited {waited}, limit {limit}, in use {in_use}, pinned {pinned}, waiting {waiting}{}",
    last_error_suffix(.last_open_error.as_ref())
)]
pub struct TimedOut {
    /// How long the borrower waited.
    pub waited: Millis,
    /// The target's limit of server connections, over all shards.
    pub limit: u32,
    /// Server connections open or being opened, over all shards.
    pub in_use: u32,
    /// Borrowers waiting in this shard's pool, this one included.
    pub waiting: usize,
    /// Server connections that are pinned to a client, over all shards.
    pub pinned: u32,
    /// Why the last opening failed, if none has succeeded since.
    pub last_open_error: Option<OpenError>,
}

/// A failed opening.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct OpenError {
    /// What failed, in the words of the shell or the server. It may reach a client: no secrets.
    pub message: Arc<str>,
    /// When it failed.
    pub at: Millis,
}

/// How far a failed opening reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureScope {
    /// The target cannot be reached or accepts nobody (DNS, TCP, TLS, starting up): all keys back
    /// off together, and waiters keep waiting.
    Target,
    /// This key only, and it may pass (for instance the role's own connection limit): the key backs
    /// off, and its waiters keep waiting.
    Key,
    /// This key only, and waiting does not help (wrong password, no such database): its waiters are
    /// refused at once. The next borrower causes a new attempt after a short back-off.
    KeyFatal,
}

fn last_error_suffix(error: Option<&OpenError>) -> String {
    error.map_or_else(String::new, |error| {
        format!("; last opening failed: {error}")
    })
}
