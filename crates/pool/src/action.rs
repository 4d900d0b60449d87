//! What the pool answers to a borrower and what it asks its shell to do.

use crate::Millis;
use crate::credits::Shard;
use crate::error::BorrowError;
use crate::key_state::WaiterId;
use crate::lease::{ConnId, Lease, OpenTicket, Parcel, Pin};

/// The answer to [`crate::Pool::borrow`].
#[derive(Debug)]
#[must_use = "an answer that is dropped closes its connection or leaves a waiter behind"]
pub enum Borrow<C> {
    /// Here it is.
    Ready(Lease<C>),
    /// In the queue; an [`Action::Grant`] or [`Action::Refuse`] with this id follows unless the
    /// waiter is cancelled.
    Queued(WaiterId),
    /// Not now.
    Refused(BorrowError),
}

/// What the shell has to do.
#[derive(Debug)]
#[must_use = "an action that is not carried out loses a connection or a waiter"]
pub enum Action<K, C> {
    /// Open a server connection for this key and report with `opened` or `open_failed`.
    Open {
        /// Goes back to the pool with the result.
        ticket: OpenTicket,
        /// Whom to log in as, and where.
        key: K,
    },
    /// Hand this connection to the waiter; if it is gone by now, give the lease back.
    Grant {
        /// The waiter, which has left the queue.
        waiter: WaiterId,
        /// Its connection.
        lease: Lease<C>,
    },
    /// Tell the waiter that it gets nothing.
    Refuse {
        /// The waiter, which has left the queue.
        waiter: WaiterId,
        /// Why.
        error: BorrowError,
    },
    /// Close this connection in the orderly way. Its credit is free already.
    Close {
        /// The connection.
        conn: C,
        /// Why.
        reason: CloseReason,
    },
    /// Check that the server still answers, then give the lease back or discard it.
    Validate {
        /// The connection, lent for the check.
        lease: Lease<C>,
        /// When the check has failed.
        deadline: Millis,
    },
    /// A waiter of this key is stuck: ask the other shards to `surrender` a connection.
    NeedCredit {
        /// The key that the waiter wants.
        key: K,
    },
    /// Send this connection to that shard, whose waiter waits longer, to be adopted there.
    Offer {
        /// The connection with its key and credit.
        parcel: Parcel<K, C>,
        /// Where to.
        shard: Shard,
    },
    /// A credit is free that this pool leaves to that shard: have it call `retry`.
    Nudge {
        /// The shard whose waiter waits longest.
        shard: Shard,
    },
    /// A client holds this connection for longer than the leak threshold. Reported once a lease.
    Leaked {
        /// The connection.
        conn: ConnId,
        /// Its key.
        key: K,
        /// For how long it is held so far.
        held: Millis,
        /// Whether it is pinned.
        pin: Pin,
    },
    /// A connection that was reported as leaked came back after all.
    Unleaked {
        /// The connection.
        conn: ConnId,
        /// For how long it was held.
        held: Millis,
    },
}

/// Why the pool closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// Idle for longer than the idle timeout, and above the floor.
    IdleTimeout,
    /// More connections are idle for long than allowed.
    ExcessIdle,
    /// Older than its lifetime.
    MaxLifetime,
    /// A waiter of another key needs the credit, and this one was idle.
    Evicted,
    /// A waiter of another key has waited for much longer than those of this key.
    Fairness,
    /// There are more connections than the limit allows by now.
    OverLimit,
    /// Opened before a change of secret, TLS or init query.
    Retired,
    /// The pool drains.
    Drained,
    /// Another shard needs the credit.
    Released,
    /// It must not lie idle for now: see [`crate::Pool::vacate`].
    Vacated,
}

/// Counts of one shard's pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Open server connections: idle plus borrowed.
    pub open: usize,
    /// Openings under way.
    pub opening: usize,
    /// Ready to be lent.
    pub idle: usize,
    /// Lent to clients or being checked.
    pub borrowed: usize,
    /// Of the borrowed ones, those pinned to a client.
    pub pinned: usize,
    /// Borrowers in the queue.
    pub waiting: usize,
    /// How long the first of them waits, as of the last call.
    pub oldest_wait: Option<Millis>,
}
