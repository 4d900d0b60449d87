//! A server connection outside its pool: lent, being opened, or on its way to another shard.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::credits::Credit;
use crate::key_state::KeyId;
use crate::ledger::Slip;
use crate::slab::SlabId;
use crate::{Jitter, Millis};

/// Names a connection within its pool; never used twice for different connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub(crate) SlabId);

/// Counts changes (secret, TLS, init query) after which older connections are not lent again. The
/// same number means the same change on every shard, for instance the configuration revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Generation(u64);

impl Generation {
    /// The generation with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// Whether a client keeps its server connection beyond the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// Lent for a transaction.
    Unpinned,
    /// Kept until the client's session state is gone.
    Pinned,
}

/// A lent server connection; derefs to it.
///
/// Hand it back with [`crate::Pool::give_back`] when it is proven clean, else with
/// [`crate::Pool::discard`]. Dropping it closes the connection (by dropping `C`) and frees the
/// credit; it is never lent again.
#[must_use = "dropping a lease closes its connection"]
pub struct Lease<C> {
    // The order matters on drop: the socket goes first, then its credit, then the pool is told.
    pub(crate) conn: C,
    pub(crate) credit: Credit,
    pub(crate) slip: Slip,
    pub(crate) id: ConnId,
    pub(crate) born: Millis,
    pub(crate) borrowed_at: Millis,
}

impl<C> Lease<C> {
    /// The connection's name in its pool.
    pub fn id(&self) -> ConnId {
        self.id
    }

    /// When the connection was opened.
    pub fn born(&self) -> Millis {
        self.born
    }

    /// When it was lent.
    pub fn borrowed_at(&self) -> Millis {
        self.borrowed_at
    }
}

impl<C> Deref for Lease<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.conn
    }
}

impl<C> DerefMut for Lease<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.conn
    }
}

impl<C> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.id)
            .field("born", &self.born)
            .field("borrowed_at", &self.borrowed_at)
            .finish_non_exhaustive()
    }
}

/// The right and the duty to open one server connection. Only the pool makes one, and it holds the
/// credit. It ends in [`crate::Pool::opened`] or [`crate::Pool::open_failed`]; dropping it gives the
/// attempt up and frees the credit.
#[derive(Debug)]
#[must_use = "dropping a ticket gives the opening up"]
pub struct OpenTicket {
    pub(crate) credit: Credit,
    pub(crate) slip: Slip,
    pub(crate) key: KeyId,
    pub(crate) generation: Generation,
    pub(crate) started: Millis,
}

impl OpenTicket {
    /// When the attempt began.
    pub fn started(&self) -> Millis {
        self.started
    }
}

/// A server connection on its way from one shard's pool to another's.
///
/// The shell takes it apart, deregisters the socket, sends the parts (all of them are `Send` when
/// `C` and the sent form of the key are), builds the parcel again and has it adopted. Dropping any
/// of it on the way closes the connection and frees its credit.
#[derive(Debug)]
#[must_use = "dropping a parcel closes its connection"]
pub struct Parcel<K, C> {
    /// What the connection is for.
    pub key: K,
    /// The connection.
    pub conn: C,
    /// Its credit and its history.
    pub passport: Passport,
}

/// Credit and history of a connection that moves between shards.
#[derive(Debug)]
#[must_use = "dropping a passport frees its credit"]
pub struct Passport {
    pub(crate) credit: Credit,
    pub(crate) born: Millis,
    pub(crate) jitter: Jitter,
    pub(crate) generation: Generation,
    pub(crate) idle_since: Millis,
    pub(crate) checked_at: Millis,
}
