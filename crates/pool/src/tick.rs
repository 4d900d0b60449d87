//! What happens because time passes: deadlines, lifetimes, checks, reports, refills.

use std::hash::Hash;

use crate::Millis;
use crate::action::{Action, CloseReason};
use crate::backoff::Permission;
use crate::error::BorrowError;
use crate::key_state::{KeyId, KeyState, WaiterId};
use crate::lease::ConnId;
use crate::opening::Claim;
use crate::pool::{Phase, Pool};
use crate::record::{Leak, Place, Purpose};
use crate::returning::KEY_FAIRNESS;

/// For how long after its last use a key is refilled up to the idle floor.
pub const KEY_MEMORY: Millis = Millis::from_secs(600);

impl<K: Clone + Eq + Hash, C> Pool<K, C> {
    /// Does what has become due. To be called every 50 to 100 ms: deadlines are kept to within that
    /// time, and a waiter that could not be helped otherwise is helped here at the latest.
    pub fn tick(&mut self, now: Millis) {
        self.advance(now);
        self.refuse_expired();
        self.close_over_limit();
        self.close_long_idle();
        self.walk_connections();
        self.pump_all(Claim::Firm);
        self.offer_idle();
        self.refill();
        self.released();
        self.forget_unused_keys();
        self.overdue = self
            .longest_want()
            .filter(|(_, since)| since.saturating_add(KEY_FAIRNESS) <= self.now)
            .map(|(key, _)| key);
        self.renew_post();
    }

    /// Refuses those whose time is up, in the order of their arrival.
    fn refuse_expired(&mut self) {
        if self.waiting == 0 {
            return;
        }
        let timeout = self.settings.borrow_timeout;
        let mut expired: Vec<(WaiterId, Millis)> = Vec::new();
        for (id, state) in self.keys.iter() {
            let due = state.waiters.iter();
            let due = due.take_while(|waiter| waiter.since.saturating_add(timeout) <= self.now);
            expired.extend(due.map(|waiter| {
                (
                    WaiterId {
                        key: KeyId(id),
                        number: waiter.number,
                    },
                    waiter.since,
                )
            }));
        }
        expired.sort_unstable_by_key(|(waiter, _)| waiter.number);
        for (waiter, since) in expired {
            let waited = self.now.saturating_sub(since);
            let report = self.timed_out(Some(waiter.key), waited, self.waiting);
            if self.cancel(waiter) {
                let error = BorrowError::TimedOut(report);
                self.actions.push_back(Action::Refuse { waiter, error });
            }
        }
    }

    fn close_over_limit(&mut self) {
        while self.credits.over_limit()
            && let Some(idle) = self.unpark_oldest()
        {
            drop(self.close(idle, CloseReason::OverLimit));
        }
    }

    /// Looks at every connection: lifetime and keepalive of idle ones, leaks of lent ones.
    fn walk_connections(&mut self) {
        for place in 0..self.conns.places() {
            let Some(id) = self.conns.id_at(place) else {
                continue;
            };
            let Some(record) = self.conns.get(id).copied() else {
                continue;
            };
            let conn = ConnId(id);
            match record.place {
                Place::Idle => {
                    let settings = &self.settings;
                    if settings.retire_at(record.born, record.jitter) <= self.now {
                        self.close_idle(conn, CloseReason::MaxLifetime);
                    } else if settings.keepalive_at(record.checked_at, record.jitter) <= self.now
                        && let Some(idle) = self.unpark(conn)
                    {
                        self.validate(idle);
                    }
                }
                Place::Lent(loan) => {
                    if loan.purpose == Purpose::Client
                        && loan.leak == Leak::Unreported
                        && self.settings.leaked_at(loan.since) <= self.now
                    {
                        self.report_leak(conn);
                    }
                }
            }
        }
    }

    fn close_idle(&mut self, conn: ConnId, reason: CloseReason) {
        if let Some(idle) = self.unpark(conn) {
            drop(self.close(idle, reason));
        }
    }

    fn report_leak(&mut self, conn: ConnId) {
        let Some(record) = self.conns.get_mut(conn.0) else {
            return;
        };
        let Place::Lent(loan) = &mut record.place else {
            return;
        };
        loan.leak = Leak::Reported;
        let held = self.now.saturating_sub(loan.since);
        let pin = loan.pin;
        let Some(state) = self.keys.get(record.key.0) else {
            return;
        };
        self.actions.push_back(Action::Leaked {
            conn,
            key: state.key.clone(),
            held,
            pin,
        });
    }

    /// Idle timeout above the floor, and the ceiling for long idleness; longest idle first.
    fn close_long_idle(&mut self) {
        while self.idle > self.settings.idle_floor()
            && let Some((_, since)) = self.oldest_idle()
            && self.settings.idle_until(since) <= self.now
            && let Some(idle) = self.unpark_oldest()
        {
            drop(self.close(idle, CloseReason::IdleTimeout));
        }
        let ceiling = self.settings.idle_ceiling();
        if self.idle <= ceiling {
            return;
        }
        let grace = self.settings.excess_idle_timeout;
        let now = self.now;
        let long_idle = |state: &KeyState<K, C>| {
            state
                .idle
                .partition_point(|idle| idle.since.saturating_add(grace) <= now)
        };
        let long: usize = self.keys.iter().map(|(_, state)| long_idle(state)).sum();
        for _ in ceiling..long {
            if let Some(idle) = self.unpark_oldest() {
                drop(self.close(idle, CloseReason::ExcessIdle));
            }
        }
    }

    /// Opens up to the idle floor, for the keys used most recently, with credits nobody waits for.
    fn refill(&mut self) {
        let floor = self.settings.idle_floor();
        while self.waiting == 0
            && self.idle.saturating_add(self.opening) < floor
            && self.longest_distress_for_credit().is_none()
            && let Some(key) = self.key_to_refill()
            && let Some(credit) = self.credits.try_take()
        {
            self.open(key, credit);
        }
    }

    fn key_to_refill(&self) -> Option<KeyId> {
        let eligible = self.keys.iter().filter(|(_, state)| {
            state.last_opened.is_some()
                && self.is_remembered(state)
                && !state.is_vacated(self.now)
                && self.may_open(state)
        });
        eligible
            .max_by_key(|(_, state)| state.last_used)
            .map(|(id, _)| KeyId(id))
    }

    fn is_remembered(&self, state: &KeyState<K, C>) -> bool {
        self.now.saturating_sub(state.last_used) < KEY_MEMORY
    }

    /// Forgets keys that have nothing, so that clients cannot fill the memory with made-up names.
    fn forget_unused_keys(&mut self) {
        for place in 0..self.keys.places() {
            let Some(id) = self.keys.id_at(place) else {
                continue;
            };
            let Some(state) = self.keys.get(id) else {
                continue;
            };
            let in_use = state.conns > 0 || state.opening > 0 || !state.waiters.is_empty();
            let paused = state.backoff.permission(self.now) == Permission::Wait;
            let refilled = self.settings.idle_floor() > 0
                && self.phase == Phase::Lending
                && state.last_opened.is_some()
                && self.is_remembered(state);
            if in_use || paused || refilled || state.is_vacated(self.now) {
                continue;
            }
            if let Some(state) = self.keys.remove(id) {
                self.index.remove(&state.key);
            }
        }
    }
}
