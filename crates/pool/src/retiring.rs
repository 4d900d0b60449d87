//! Ending connections in an orderly way: after a change of credentials, when idle ones are in somebody's way,
//! and when the target goes.

use std::hash::Hash;

use crate::Millis;
use crate::action::CloseReason;
use crate::error::BorrowError;
use crate::key_state::KeyId;
use crate::lease::{ConnId, Generation};
use crate::pool::{Phase, Pool};

impl<K: Clone + Eq + Hash, C> Pool<K, C> {
    /// Connections of all keys opened before this generation are not lent again: idle ones are
    /// closed now, borrowed ones when they return, openings under way as soon as they succeed.
    pub fn retire_all(&mut self, generation: Generation, now: Millis) {
        self.retire(generation, |_| true, now);
    }

    /// The same for the keys that `which` selects. Their back-off ends, since what failed with the
    /// old secret may work with the new one.
    pub fn retire(&mut self, generation: Generation, which: impl Fn(&K) -> bool, now: Millis) {
        self.advance(now);
        self.generation = self.generation.max(generation);
        self.backoff.clear();
        for place in 0..self.keys.places() {
            let Some(id) = self.keys.id_at(place) else {
                continue;
            };
            let Some(state) = self.keys.get_mut(id) else {
                continue;
            };
            if which(&state.key) {
                state.oldest_generation = state.oldest_generation.max(generation);
                state.backoff.clear();
                self.close_unfit_idle(KeyId(id));
            }
        }
        self.released();
    }

    /// Closes what is idle of the keys that `which` selects, and keeps nothing of them idle until then:
    /// connections that come back are closed unless somebody waits for them, and the idle floor is not
    /// filled with them. Whoever asks for one gets one as always. Answers how many were closed.
    ///
    /// For servers that have commands which fail as long as anybody is connected, idle or not.
    pub fn vacate(&mut self, which: impl Fn(&K) -> bool, until: Millis, now: Millis) -> usize {
        self.advance(now);
        let mut closed: usize = 0;
        for place in 0..self.keys.places() {
            let Some(id) = self.keys.id_at(place) else {
                continue;
            };
            let Some(state) = self.keys.get_mut(id) else {
                continue;
            };
            if !which(&state.key) {
                continue;
            }
            state.vacated_until = state.vacated_until.max(until);
            while let Some(idle) = self.unpark_oldest_of(KeyId(id)) {
                drop(self.close(idle, CloseReason::Vacated));
                closed = closed.saturating_add(1);
            }
        }
        self.released();
        closed
    }

    /// Stops lending: refuses all waiters, closes what is idle, and everything else as it returns.
    pub fn drain(&mut self, now: Millis) {
        self.advance(now);
        self.phase = Phase::Draining;
        for place in 0..self.keys.places() {
            if let Some(id) = self.keys.id_at(place) {
                self.refuse_all(KeyId(id), &BorrowError::ShuttingDown);
            }
        }
        while let Some(idle) = self.unpark_oldest() {
            drop(self.close(idle, CloseReason::Drained));
        }
        self.released();
    }

    /// Whether nothing is open and no opening is under way: after [`Pool::drain`], the end.
    pub fn is_empty(&self) -> bool {
        self.conns.len() == 0 && self.opening == 0
    }

    fn close_unfit_idle(&mut self, key: KeyId) {
        let Some(state) = self.keys.get(key.0) else {
            return;
        };
        let unfit: Vec<(ConnId, CloseReason)> = state
            .idle
            .iter()
            .filter_map(|idle| Some((idle.id, self.unfit(self.conns.get(idle.id.0)?)?)))
            .collect();
        for (id, reason) in unfit {
            if let Some(idle) = self.unpark(id) {
                drop(self.close(idle, reason));
            }
        }
    }
}
