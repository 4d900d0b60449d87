//! Who gets a server connection, and when one is opened, kept, checked, passed on or closed.
//!
//! This crate decides and never acts: it opens no socket, reads no clock and rolls no dice. A shell
//! calls it with the current time ([`Millis`]) and carries out what [`Pool::pop_action`] hands out.
//! After **every** call to a method that takes `&mut self` the shell pops actions until there are
//! none, in the same turn; actions are ordered, and a `Close` that makes room comes before the
//! `Open` that uses the room.
//!
//! One [`Pool`] belongs to one shard (one thread) and one target. The pools of all shards of a
//! target share one [`Credits`]: nobody opens a server connection without a [`Credit`], and the
//! credit travels with the connection until it is closed, so the target's limit holds globally
//! although no lock is taken.
//!
//! # Who is served
//!
//! * An idle connection of the same key is lent at once, most recently used first (see [`Reuse`]).
//! * Waiters of one key are served strictly first come, first served; a returned connection goes to
//!   the first waiter within the same call.
//! * A waiter asks for a new connection only when the openings under way do not cover the queue, and
//!   openings start slowly (see [`OPENINGS_FLOOR`]): quick borrowers share few connections instead
//!   of causing a storm.
//! * Without a free credit an idle connection of another key is closed to make room, least recently
//!   used first; without one of those the other shards are asked.
//! * Between keys and between shards the longest wait wins as soon as the difference exceeds
//!   [`KEY_FAIRNESS`] or [`SHARD_FAIRNESS`].
//!
//! # What cannot happen
//!
//! * A connection never returns to the pool by being dropped: dropping a [`Lease`] closes the
//!   connection and frees its credit, and the pool notices on its next call.
//! * A lease of another pool cannot corrupt this one: it is closed instead.
//! * No input makes this crate panic.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod action;
mod backoff;
mod credits;
mod error;
mod key_state;
mod lease;
mod ledger;
mod millis;
mod opening;
mod pool;
mod record;
mod retiring;
mod returning;
mod settings;
mod sharing;
mod slab;
mod tick;
mod watching;

pub use action::{Action, Borrow, CloseReason, Stats};
pub use backoff::{BACKOFF_FATAL_MAX, BACKOFF_MAX, BACKOFF_MIN};
pub use credits::{Credit, Credits, Shard};
pub use error::{BorrowError, FailureScope, OpenError, TimedOut};
pub use key_state::WaiterId;
pub use lease::{ConnId, Generation, Lease, OpenTicket, Parcel, Passport, Pin};
pub use millis::Millis;
pub use opening::OPENINGS_FLOOR;
pub use pool::{CLOCK_LEAP, Pool};
pub use returning::KEY_FAIRNESS;
pub use settings::{Jitter, Reuse, Settings};
pub use sharing::SHARD_FAIRNESS;
pub use tick::KEY_MEMORY;
pub use watching::Watched;
