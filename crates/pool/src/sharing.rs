//! How the shards of one target share its connections: who is worst off, and what moves.

use std::hash::Hash;

use crate::Millis;
use crate::action::{Action, CloseReason};
use crate::credits::{Claimed, Distress, Shard};
use crate::key_state::{Idle, KeyId, KeyState, Plea};
use crate::lease::{ConnId, Parcel, Passport};
use crate::opening::Claim;
use crate::pool::{Phase, Pool};
use crate::record::{ConnRecord, Place};
use crate::returning::{KEY_FAIRNESS, Origin};

/// A shard gives way to another whose waiter waits for this much longer, and bothers the others only
/// for waiters that have waited for this long or that no connection of their own can ever reach.
/// Below it, moving a connection between threads costs more than it brings.
pub const SHARD_FAIRNESS: Millis = Millis::new(20);

impl<K: Clone + Eq + Hash, C> Pool<K, C> {
    /// Gives an idle connection away, preferably of this key, else the one that was not used for
    /// longest: the answer to another shard's `NeedCredit`. `None` when nothing is idle.
    pub fn surrender(&mut self, key: Option<&K>, now: Millis) -> Option<Parcel<K, C>> {
        self.advance(now);
        let wanted = key.and_then(|key| self.index.get(key).copied());
        let idle = match wanted.and_then(|id| self.unpark_oldest_of(id)) {
            Some(idle) => idle,
            None => self.unpark_oldest()?,
        };
        self.pack(idle)
    }

    /// Takes in a connection from another shard, for its first waiter or to make room.
    pub fn adopt(&mut self, parcel: Parcel<K, C>, now: Millis) {
        self.advance(now);
        let Parcel {
            key,
            conn,
            passport,
        } = parcel;
        let Passport {
            credit,
            born,
            jitter,
            generation,
            idle_since,
            checked_at,
        } = passport;
        if self.phase == Phase::Draining {
            self.actions.push_back(Action::Close {
                conn,
                reason: CloseReason::Drained,
            });
            drop(credit);
            self.released();
            return;
        }
        let key = self.key_id(&key);
        let Some(state) = self.keys.get_mut(key.0) else {
            return;
        };
        state.conns = state.conns.saturating_add(1);
        state.plea = Plea::Unsaid;
        let place = Place::Idle;
        let record = ConnRecord {
            key,
            born,
            jitter,
            generation,
            idle_since,
            checked_at,
            place,
        };
        let id = ConnId(self.conns.insert(record));
        self.arrive(
            Idle {
                id,
                conn,
                credit,
                since: idle_since,
            },
            Origin::Adopted,
        );
        self.ask_again();
    }

    /// Another shard says that a credit is free (`Nudge`).
    pub fn retry(&mut self, now: Millis) {
        self.advance(now);
        self.ask_again();
    }

    /// Closes the connection that was idle for longest, so that another shard can use its credit.
    /// True when there was one.
    pub fn free_credit_for_others(&mut self, now: Millis) -> bool {
        self.advance(now);
        let Some(idle) = self.unpark_oldest() else {
            return false;
        };
        drop(self.close(idle, CloseReason::Released));
        true
    }

    /// An earlier post of ours has been answered: serve whom we can and post again if in need.
    fn ask_again(&mut self) {
        self.pump_all(Claim::Firm);
        self.renew_post();
    }

    /// On its way to that shard.
    pub(crate) fn offer(&mut self, idle: Idle<C>, shard: Shard) {
        if let Some(parcel) = self.pack(idle) {
            self.actions.push_back(Action::Offer { parcel, shard });
        }
    }

    /// Idle connections go to shards in need: those asked for before anything was idle here.
    pub(crate) fn offer_idle(&mut self) {
        while self.idle > 0
            && let Some(distress) = self.credits.longest_distress(self.shard)
        {
            if self.credits.claim(distress) == Claimed::BySomebodyElse {
                continue;
            }
            let same_key = self.keys.iter().find_map(|(id, state)| {
                let fits = state.fingerprint == distress.key && !state.idle.is_empty();
                fits.then_some(KeyId(id))
            });
            let idle = same_key.and_then(|key| self.unpark_oldest_of(key));
            if let Some(idle) = idle.or_else(|| self.unpark_oldest()) {
                self.offer(idle, distress.shard);
            }
        }
    }

    fn pack(&mut self, idle: Idle<C>) -> Option<Parcel<K, C>> {
        let record = self.forget(idle.id)?;
        let key = self.keys.get(record.key.0)?.key.clone();
        let passport = Passport {
            credit: idle.credit,
            born: record.born,
            jitter: record.jitter,
            generation: record.generation,
            idle_since: record.idle_since,
            checked_at: record.checked_at,
        };
        Some(Parcel {
            key,
            conn: idle.conn,
            passport,
        })
    }

    // === the board ===

    /// Another shard's waiter that comes before ours of `key`, which waits since then.
    pub(crate) fn shard_worse_off(&self, key: KeyId, since: Millis) -> Option<Distress> {
        let distress = self.credits.longest_distress(self.shard)?;
        let fingerprint = self.keys.get(key.0)?.fingerprint;
        let margin = if distress.key == fingerprint {
            SHARD_FAIRNESS
        } else {
            KEY_FAIRNESS
        };
        (distress.since.saturating_add(margin) < since).then_some(distress)
    }

    /// Another shard's waiter that comes before all of ours that want a new connection.
    pub(crate) fn shard_worse_off_than_any(&self) -> Option<Distress> {
        let distress = self.credits.longest_distress(self.shard)?;
        let ours = self.longest_want().map_or(Millis::MAX, |(_, since)| since);
        (distress.since.saturating_add(SHARD_FAIRNESS) < ours).then_some(distress)
    }

    /// Whether another shard's waiter comes before the first of this key.
    pub(crate) fn has_to_yield(&self, key: KeyId) -> bool {
        let ours = self
            .keys
            .get(key.0)
            .and_then(KeyState::oldest_wait)
            .unwrap_or(Millis::MAX);
        self.credits
            .longest_distress(self.shard)
            .is_some_and(|distress| distress.since.saturating_add(SHARD_FAIRNESS) < ours)
    }

    /// Whether the other shards may be bothered for this key: nothing of its own can come back, or
    /// has not for a while.
    pub(crate) fn may_plead(&self, state: &KeyState<K, C>) -> bool {
        let nothing_to_come = state.conns == 0 && state.opening == 0;
        let patient = |since: Millis| self.now.saturating_sub(since) >= SHARD_FAIRNESS;
        nothing_to_come || state.oldest_wait().is_some_and(patient)
    }

    /// Our post, when it is about this key.
    pub(crate) fn repost_for(&mut self, key: KeyId) {
        if self.posted.is_some_and(|(posted, _)| posted == key) {
            self.repost();
        }
    }

    /// Brings our post up to date. Not repeated while it says the same: another shard may have
    /// answered it already, and its answer is on the way.
    pub(crate) fn repost(&mut self) {
        let need = self.longest_need();
        if need != self.posted {
            self.put_post(need);
        }
    }

    /// Puts our post up again although it may have been answered.
    pub(crate) fn renew_post(&mut self) {
        let need = self.longest_need();
        if need.is_some() || self.posted.is_some() {
            self.put_post(need);
        }
    }

    fn put_post(&mut self, need: Option<(KeyId, Millis)>) {
        let state = need.and_then(|(key, _)| self.keys.get(key.0));
        let fingerprint = state.map_or(0, |state| state.fingerprint);
        self.credits
            .post(self.shard, need.map(|(_, since)| since), fingerprint);
        self.posted = need;
    }

    /// The key with the longest wait among those that only another shard can help.
    fn longest_need(&self) -> Option<(KeyId, Millis)> {
        if self.waiting == 0 {
            return None;
        }
        let needs = self.keys.iter().filter_map(|(id, state)| {
            let since = state.oldest_wait()?;
            let need = self.wants(KeyId(id)) && self.may_plead(state);
            need.then_some((KeyId(id), since))
        });
        needs.min_by_key(|(_, since)| *since)
    }
}
