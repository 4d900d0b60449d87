//! What becomes of a connection that is free: handed on, kept idle, offered to another shard, closed.

use std::hash::Hash;

use crate::Millis;
use crate::action::{Action, CloseReason};
use crate::credits::Claimed;
use crate::key_state::{Idle, KeyId, KeyState};
use crate::lease::Lease;
use crate::opening::Claim;
use crate::pool::{Phase, Pool};
use crate::record::{ConnRecord, Purpose};

/// A returned connection is closed to make room for a waiter of another key only when that one has
/// waited for this much longer than the first waiter of its own key: a reconnect costs more than a
/// hand-over, so keys may get ahead of each other by this much and no more.
pub const KEY_FAIRNESS: Millis = Millis::new(500);

/// How a connection became free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Just opened: it serves somebody before anything else is done with it.
    Fresh,
    /// Came from another shard, and does not travel on unused.
    Adopted,
    /// A borrower or a check gave it back.
    Returned,
}

impl<K: Clone + Eq + Hash, C> Pool<K, C> {
    /// Takes back a connection that is proven clean. It goes to the first waiter of its key in the
    /// same call, unless fairness or its age says otherwise. A lease of another pool is dropped,
    /// which closes it.
    pub fn give_back(&mut self, lease: Lease<C>, now: Millis) {
        self.advance(now);
        if let Ok(idle) = self.settle(lease) {
            self.arrive(idle, Origin::Returned);
        }
    }

    /// Takes a connection that is in doubt off the books and returns it for closing. Its credit is
    /// free, so that an opening may follow.
    pub fn discard(&mut self, lease: Lease<C>, now: Millis) -> C {
        self.advance(now);
        match self.settle(lease) {
            Ok(idle) => {
                self.forget(idle.id);
                drop(idle.credit);
                self.released();
                idle.conn
            }
            Err(Lease { conn, .. }) => conn,
        }
    }

    /// Decides about a connection in hand, which has a record and is in no list.
    pub(crate) fn arrive(&mut self, idle: Idle<C>, origin: Origin) {
        let Some(record) = self.conns.get(idle.id.0) else {
            return;
        };
        let key = record.key;
        if let Some(reason) = self.unfit(record) {
            drop(self.close(idle, reason));
            self.released();
            return;
        }
        match self.keys.get(key.0).and_then(KeyState::oldest_wait) {
            Some(since) => self.arrive_wanted(idle, key, since, origin),
            None if self.is_vacated(key) => {
                drop(self.close(idle, CloseReason::Vacated));
                self.released();
            }
            None => self.arrive_spare(idle, key, origin),
        }
    }

    fn is_vacated(&self, key: KeyId) -> bool {
        let state = self.keys.get(key.0);
        state.is_some_and(|state| state.is_vacated(self.now))
    }

    /// Why a connection must not be lent again.
    pub(crate) fn unfit(&self, record: &ConnRecord) -> Option<CloseReason> {
        let oldest = self
            .keys
            .get(record.key.0)
            .map(|state| state.oldest_generation);
        if self.phase == Phase::Draining {
            Some(CloseReason::Drained)
        } else if oldest.is_none_or(|oldest| record.generation < oldest) {
            Some(CloseReason::Retired)
        } else if self.settings.retire_at(record.born, record.jitter) <= self.now {
            Some(CloseReason::MaxLifetime)
        } else if self.credits.over_limit() {
            Some(CloseReason::OverLimit)
        } else {
            None
        }
    }

    /// Somebody waits for this very key, since then.
    fn arrive_wanted(&mut self, idle: Idle<C>, key: KeyId, since: Millis, origin: Origin) {
        match origin {
            Origin::Fresh => {}
            Origin::Adopted | Origin::Returned => {
                if origin == Origin::Returned
                    && let Some(distress) = self.shard_worse_off(key, since)
                    && self.credits.claim(distress) == Claimed::ByUs
                {
                    self.offer(idle, distress.shard);
                    self.pump_key(key, Claim::Polite);
                    return;
                }
                if let Some(other) = self.key_worse_off(key, since) {
                    let credit = self.close(idle, CloseReason::Fairness);
                    self.open(other, credit);
                    self.pump_key(key, Claim::Polite);
                    return;
                }
            }
        }
        let Some(waiter) = self.dequeue(key) else {
            self.park(idle);
            return;
        };
        if let Some(lease) = self.lend(idle, Purpose::Client) {
            self.actions.push_back(Action::Grant { waiter, lease });
        }
    }

    /// Nobody here waits for this key.
    fn arrive_spare(&mut self, idle: Idle<C>, key: KeyId, origin: Origin) {
        if origin == Origin::Returned
            && let Some(distress) = self.shard_worse_off_than_any(key)
            && self.credits.claim(distress) == Claimed::ByUs
        {
            self.offer(idle, distress.shard);
            return;
        }
        self.park(idle);
        self.pump_all(Claim::Polite); // Evicts it when another key needs the room.
    }

    /// A key that must have this credit before the waiter of `key` that waits since then. Served
    /// once between ticks, so that connections change keys gradually.
    fn key_worse_off(&mut self, key: KeyId, since: Millis) -> Option<KeyId> {
        let other = self.overdue.filter(|other| *other != key)?;
        let waits_since = self.keys.get(other.0)?.oldest_wait()?;
        let much_longer = waits_since.saturating_add(KEY_FAIRNESS) <= since;
        if !much_longer || !self.wants(other) || self.credits.has_free() {
            return None;
        }
        self.overdue = None;
        Some(other)
    }
}
