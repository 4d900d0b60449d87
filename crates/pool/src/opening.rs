//! When to open a server connection, with whose credit, and what a result means.

use std::hash::Hash;
use std::sync::Arc;

use crate::action::{Action, CloseReason};
use crate::backoff::{Backoff, Permission};
use crate::credits::Credit;
use crate::error::{BorrowError, FailureScope, OpenError};
use crate::key_state::{Idle, KeyId, KeyState, Plea};
use crate::lease::{ConnId, OpenTicket};
use crate::ledger::{Loss, Slip};
use crate::pool::{Phase, Pool};
use crate::record::{ConnRecord, Place};
use crate::returning::Origin;
use crate::{Jitter, Millis};

/// A key may always have this many openings under way at once, and beyond that as many as it has
/// connections. The number of connections so at most doubles within the time that one opening
/// takes, and in that time quick borrowers are served by connections that come back. HikariCP opens
/// one at a time for the same effect, which is too slow when connections are far away.
pub const OPENINGS_FLOOR: usize = 2;

/// How a free credit is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A shard whose waiter waits for longer goes first.
    Polite,
    /// That shard had its chance since the last tick: a credit nobody takes helps nobody.
    Firm,
}

impl<K: Clone + Eq + Hash, C> Pool<K, C> {
    /// The shell has opened a connection. `jitter` spreads its deadlines.
    pub fn opened(&mut self, ticket: OpenTicket, conn: C, jitter: Jitter, now: Millis) {
        self.advance(now);
        if !ticket.slip.is_of(&self.ledger) {
            return; // Of another pool: dropping both closes the one and frees the credit.
        }
        let OpenTicket {
            credit,
            slip,
            key,
            generation,
            started: _,
        } = ticket;
        slip.settle();
        self.end_opening(key);
        self.backoff.clear();
        let now = self.now;
        let Some(state) = self.keys.get_mut(key.0) else {
            return;
        };
        state.backoff.clear();
        state.last_opened = Some(now);
        state.conns = state.conns.saturating_add(1);
        let record = ConnRecord {
            key,
            born: now,
            jitter,
            generation,
            idle_since: now,
            checked_at: now,
            place: Place::Idle,
        };
        let id = ConnId(self.conns.insert(record));
        self.arrive(
            Idle {
                id,
                conn,
                credit,
                since: now,
            },
            Origin::Fresh,
        );
        self.pump_all(Claim::Polite);
    }

    /// The shell could not open a connection. `message` may reach clients.
    pub fn open_failed(
        &mut self,
        ticket: OpenTicket,
        scope: FailureScope,
        message: Arc<str>,
        now: Millis,
    ) {
        self.advance(now);
        if !ticket.slip.is_of(&self.ledger) {
            return;
        }
        let OpenTicket {
            credit,
            slip,
            key,
            generation,
            started,
        } = ticket;
        slip.settle();
        drop(credit);
        self.end_opening(key);
        let now = self.now;
        let Some(state) = self.keys.get_mut(key.0) else {
            return;
        };
        // An attempt from before a change of secret or TLS says nothing about the present.
        if generation >= state.oldest_generation {
            match scope {
                FailureScope::Target => self.backoff.failed(started, scope, message, now),
                FailureScope::Key => {
                    state.backoff.failed(started, scope, message, now);
                    self.backoff.clear(); // The target did answer.
                }
                FailureScope::KeyFatal => {
                    let error = OpenError {
                        message: Arc::clone(&message),
                        at: now,
                    };
                    state.backoff.failed(started, scope, message, now);
                    self.backoff.clear();
                    self.refuse_all(key, &BorrowError::Unavailable(error));
                }
            }
        }
        self.repost();
        self.released();
    }

    /// One opening of this key less under way.
    pub(crate) fn end_opening(&mut self, key: KeyId) {
        self.opening = self.opening.saturating_sub(1);
        if let Some(state) = self.keys.get_mut(key.0) {
            state.opening = state.opening.saturating_sub(1);
        }
    }

    /// Refuses everybody who waits for this key.
    pub(crate) fn refuse_all(&mut self, key: KeyId, error: &BorrowError) {
        while let Some(waiter) = self.dequeue(key) {
            self.actions.push_back(Action::Refuse {
                waiter,
                error: error.clone(),
            });
        }
    }

    /// Whether this key has waiters that the openings under way do not cover, and may open more.
    pub(crate) fn wants(&self, key: KeyId) -> bool {
        let Some(state) = self.keys.get(key.0) else {
            return false;
        };
        state.waiters.len() > state.opening && self.may_open(state)
    }

    /// Whether an opening for this key may begin, a credit permitting.
    pub(crate) fn may_open(&self, state: &KeyState<K, C>) -> bool {
        let key_permits = match state.backoff.permission(self.now) {
            Permission::Free => true,
            Permission::OneProbe => state.opening == 0,
            Permission::Wait => false,
        };
        let target_permits = match self.backoff.permission(self.now) {
            Permission::Free => true,
            Permission::OneProbe => self.opening == 0,
            Permission::Wait => false,
        };
        let starting_slowly = state.opening < OPENINGS_FLOOR.max(state.conns);
        self.phase == Phase::Lending && key_permits && target_permits && starting_slowly
    }

    /// Whether openings of this key have failed lately and none has worked since.
    pub(crate) fn is_backing_off(&self, state: &KeyState<K, C>) -> bool {
        let free = |backoff: &Backoff| backoff.permission(self.now) == Permission::Free;
        self.phase == Phase::Lending && !(free(&state.backoff) && free(&self.backoff))
    }

    /// Opens for the waiters of one key as far as that is useful and credits permit.
    pub(crate) fn pump_key(&mut self, key: KeyId, claim: Claim) {
        while self.wants(key) {
            let credit = self.credit_for(key, claim);
            let Some(credit) = credit.or_else(|| self.plead(key, claim)) else {
                return;
            };
            self.open(key, credit);
        }
    }

    /// The same for all keys, longest wait first.
    pub(crate) fn pump_all(&mut self, claim: Claim) {
        while let Some((key, _)) = self.longest_want() {
            let credit = self.credit_for(key, claim);
            let Some(credit) = credit.or_else(|| self.plead(key, claim)) else {
                return;
            };
            self.open(key, credit);
        }
    }

    /// The key with the longest wait among those that want a new connection.
    pub(crate) fn longest_want(&self) -> Option<(KeyId, Millis)> {
        if self.waiting == 0 {
            return None;
        }
        let wants = self.keys.iter().filter_map(|(id, state)| {
            let since = state.oldest_wait()?;
            self.wants(KeyId(id)).then_some((KeyId(id), since))
        });
        wants.min_by_key(|(_, since)| *since)
    }

    /// After credits were freed: our own waiters first, unless another shard's waits for longer. A
    /// credit that is left belongs to that shard, whose post stays up: newcomers here yield to it.
    pub(crate) fn released(&mut self) {
        self.pump_all(Claim::Polite);
        if self.credits.has_free()
            && let Some(distress) = self.longest_distress_for_credit()
        {
            self.actions.push_back(Action::Nudge {
                shard: distress.shard,
            });
        }
    }

    pub(crate) fn open(&mut self, key: KeyId, credit: Credit) {
        let Some(state) = self.keys.get_mut(key.0) else {
            return;
        };
        state.opening = state.opening.saturating_add(1);
        state.plea = Plea::Unsaid;
        self.opening = self.opening.saturating_add(1);
        let ticket = OpenTicket {
            credit,
            slip: Slip::new(&self.ledger, Loss::Opening(key)),
            key,
            generation: self.generation,
            started: self.now,
        };
        self.actions.push_back(Action::Open {
            ticket,
            key: state.key.clone(),
        });
        self.repost_for(key);
    }

    /// A free credit, or that of an idle connection, which by definition nobody here waits for.
    fn credit_for(&mut self, key: KeyId, claim: Claim) -> Option<Credit> {
        if let Some(credit) = self.free_credit(key, claim) {
            return Some(credit);
        }
        if self.credits.over_limit() {
            return None; // A credit made free now has to be given up, not reused.
        }
        let idle = self.unpark_oldest()?;
        Some(self.close(idle, CloseReason::Evicted))
    }

    fn free_credit(&mut self, key: KeyId, claim: Claim) -> Option<Credit> {
        match claim {
            Claim::Polite if self.has_to_yield(key) => None,
            Claim::Polite | Claim::Firm => self.credits.try_take(),
        }
    }

    /// Tells the other shards that this key is stuck, once, and then looks for a credit again: one
    /// freed before the post went up was freed without our being noticed.
    fn plead(&mut self, key: KeyId, claim: Claim) -> Option<Credit> {
        let state = self.keys.get(key.0)?;
        if state.plea == Plea::Said || !self.may_plead(state) {
            return None;
        }
        let state = self.keys.get_mut(key.0)?;
        state.plea = Plea::Said;
        let name = state.key.clone();
        self.repost();
        let credit = self.free_credit(key, claim);
        if credit.is_none() {
            self.actions.push_back(Action::NeedCredit { key: name });
        }
        credit
    }
}
