//! Everything a pool knows about one key: its idle connections and its queue.

use std::collections::VecDeque;
use std::hash::Hash;

use crate::Millis;
use crate::backoff::Backoff;
use crate::credits::{Credit, fingerprint};
use crate::lease::{ConnId, Generation};
use crate::slab::SlabId;

/// Idle connections to look at for one that suits a borrower.
const LOOKS: usize = 32;

/// Names a key's entry in its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyId(pub(crate) SlabId);

/// Names a borrower in the queue; never used twice by one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WaiterId {
    pub(crate) key: KeyId,
    pub(crate) number: u64,
}

/// A borrower in the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiter {
    pub(crate) number: u64,
    pub(crate) since: Millis,
}

/// An idle connection.
#[derive(Debug)]
pub(crate) struct Idle<C> {
    pub(crate) id: ConnId,
    pub(crate) conn: C,
    pub(crate) credit: Credit,
    /// When a client used it last.
    pub(crate) since: Millis,
}

/// Whether the other shards have been asked on behalf of this key's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plea {
    Unsaid,
    Said,
}

/// One key's share of the pool.
#[derive(Debug)]
pub(crate) struct KeyState<K, C> {
    pub(crate) key: K,
    /// The same on every shard for the same key.
    pub(crate) fingerprint: u64,
    /// By time of last use, oldest first. Empty while anybody waits.
    pub(crate) idle: VecDeque<Idle<C>>,
    /// By arrival, and so by number.
    pub(crate) waiters: VecDeque<Waiter>,
    /// Connections of this key, idle and lent.
    pub(crate) conns: usize,
    /// Openings under way.
    pub(crate) opening: usize,
    pub(crate) backoff: Backoff,
    /// Connections of an older generation are not lent any more.
    pub(crate) oldest_generation: Generation,
    pub(crate) last_used: Millis,
    /// When an opening last worked; a key that never worked is not refilled.
    pub(crate) last_opened: Option<Millis>,
    pub(crate) plea: Plea,
    /// Until then nothing of this key lies idle.
    pub(crate) vacated_until: Millis,
}

impl<K: Hash, C> KeyState<K, C> {
    pub(crate) fn new(key: K, oldest_generation: Generation, now: Millis) -> Self {
        Self {
            fingerprint: fingerprint(&key),
            key,
            idle: VecDeque::new(),
            waiters: VecDeque::new(),
            conns: 0,
            opening: 0,
            backoff: Backoff::default(),
            oldest_generation,
            last_used: now,
            last_opened: None,
            plea: Plea::Unsaid,
            vacated_until: Millis::ZERO,
        }
    }
}

impl<K, C> KeyState<K, C> {
    /// Since when the first in the queue waits.
    pub(crate) fn oldest_wait(&self) -> Option<Millis> {
        self.waiters.front().map(|waiter| waiter.since)
    }

    /// Whether nothing of this key may lie idle.
    pub(crate) fn is_vacated(&self, now: Millis) -> bool {
        now < self.vacated_until
    }

    /// Takes a waiter out of the middle of the queue.
    pub(crate) fn remove_waiter(&mut self, number: u64) -> Option<Waiter> {
        let at = self
            .waiters
            .binary_search_by_key(&number, |waiter| waiter.number)
            .ok()?;
        self.waiters.remove(at)
    }

    /// Adds an idle connection where its time of last use belongs. Almost always that is the end;
    /// one that comes back from a check goes to where it was.
    pub(crate) fn insert_idle(&mut self, idle: Idle<C>) {
        if self.idle.back().is_none_or(|last| last.since <= idle.since) {
            self.idle.push_back(idle);
            return;
        }
        let at = self.idle.partition_point(|other| other.since <= idle.since);
        self.idle.insert(at, idle);
    }

    /// Takes out the idle connection that was used last, of those that suit if one of the newest does.
    pub(crate) fn take_newest(&mut self, suits: impl Fn(&C) -> bool) -> Option<Idle<C>> {
        if self.idle.back().is_some_and(|newest| !suits(&newest.conn)) {
            let mut older = self.idle.iter().enumerate().rev().take(LOOKS).skip(1);
            let found = older.find(|(_, idle)| suits(&idle.conn)).map(|(at, _)| at);
            if let Some(at) = found {
                return self.idle.remove(at);
            }
        }
        self.idle.pop_back()
    }

    /// Takes out one particular idle connection.
    pub(crate) fn remove_idle(&mut self, id: ConnId) -> Option<Idle<C>> {
        let at = self.idle.iter().position(|idle| idle.id == id)?;
        self.idle.remove(at)
    }
}
