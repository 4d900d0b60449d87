//! How the shards of one target share its connections: who is worst off, and what moves.

use std::hash::Hash;

use crate::Millis;
use crate::action::{Action, CloseReason};
use crate::credits::{Claimed, Distress, Help, Need, Shard};
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

/// What this shard lacks, in its own terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plight {
    key: KeyId,
    since: Millis,
    help: Help,
}

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
            && let Some((distress, key)) = self.distress_to_answer()
        {
            if self.credits.claim(distress) == Claimed::ByUs
                && let Some(idle) = self.unpark_oldest_of(key)
            {
                self.offer(idle, distress.shard);
            }
        }
    }

    /// A distress that something idle helps, and the key to take it from: the same one, if possible.
    fn distress_to_answer(&self) -> Option<(Distress, KeyId)> {
        let idle_of = |fingerprint: u64| {
            let mut keys = self.keys.iter();
            let found =
                keys.find(|(_, state)| state.fingerprint == fingerprint && !state.idle.is_empty());
            found.map(|(id, _)| KeyId(id))
        };
        let distress = self.credits.longest_distress(self.shard, |distress| {
            distress.is_helped_by_credit() || idle_of(distress.need.key).is_some()
        })?;
        let same_key = idle_of(distress.need.key);
        let key = same_key.or_else(|| self.oldest_idle().map(|(key, _)| key))?;
        Some((distress, key))
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

    /// Another shard's waiter that a credit helps.
    pub(crate) fn longest_distress_for_credit(&self) -> Option<Distress> {
        self.credits
            .longest_distress(self.shard, Distress::is_helped_by_credit)
    }

    /// Another shard's waiter that a connection of this key helps.
    fn longest_distress_for(&self, fingerprint: u64) -> Option<Distress> {
        self.credits
            .longest_distress(self.shard, |distress| distress.is_helped_by(fingerprint))
    }

    /// Another shard's waiter that comes before ours of `key`, which waits since then.
    pub(crate) fn shard_worse_off(&self, key: KeyId, since: Millis) -> Option<Distress> {
        let fingerprint = self.keys.get(key.0)?.fingerprint;
        let distress = self.longest_distress_for(fingerprint)?;
        let margin = if distress.need.key == fingerprint {
            SHARD_FAIRNESS
        } else {
            KEY_FAIRNESS
        };
        distress.outwaits(since, margin).then_some(distress)
    }

    /// Another shard's waiter that a connection of `key` helps and that comes before all of ours
    /// that want a new connection.
    pub(crate) fn shard_worse_off_than_any(&self, key: KeyId) -> Option<Distress> {
        let fingerprint = self.keys.get(key.0)?.fingerprint;
        let distress = self.longest_distress_for(fingerprint)?;
        let ours = self.longest_want().map_or(Millis::MAX, |(_, since)| since);
        distress.outwaits(ours, SHARD_FAIRNESS).then_some(distress)
    }

    /// Whether another shard's waiter comes before the first of this key.
    pub(crate) fn has_to_yield(&self, key: KeyId) -> bool {
        let state = self.keys.get(key.0);
        let ours = state.and_then(KeyState::oldest_wait).unwrap_or(Millis::MAX);
        self.longest_distress_for_credit()
            .is_some_and(|distress| distress.outwaits(ours, SHARD_FAIRNESS))
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
        if self.posted.is_some_and(|plight| plight.key == key) {
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

    fn put_post(&mut self, plight: Option<Plight>) {
        let need = plight.and_then(|plight| {
            let key = self.keys.get(plight.key.0)?.fingerprint;
            let Plight {
                key: _,
                since,
                help,
            } = plight;
            Some(Need { since, key, help })
        });
        self.credits.post(self.shard, need);
        self.posted = plight;
    }

    /// The worst off among the keys that only another shard can help. Those that any help would
    /// reach come first: for the others there may be none.
    fn longest_need(&self) -> Option<Plight> {
        if self.waiting == 0 {
            return None;
        }
        let needs = self.keys.iter().filter_map(|(id, state)| {
            let since = state.oldest_wait()?;
            let uncovered = state.waiters.len() > state.opening && self.may_plead(state);
            let help = if self.wants(KeyId(id)) {
                Help::AnyConnection
            } else if self.is_backing_off(state) {
                Help::ThisKeyOnly
            } else {
                return None;
            };
            let key = KeyId(id);
            uncovered.then_some(Plight { key, since, help })
        });
        needs.min_by_key(|plight| (plight.help, plight.since))
    }
}
