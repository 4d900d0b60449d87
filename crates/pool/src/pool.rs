//! The pool itself: its books, lending, and the few functions that move a connection from one place
//! to another.

use std::collections::VecDeque;
use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::action::{Action, Borrow, CloseReason, Stats};
use crate::backoff::Backoff;
use crate::credits::{Credit, Credits, Shard};
use crate::error::{BorrowError, TimedOut};
use crate::key_state::{Idle, KeyId, KeyState, Plea, Waiter, WaiterId};
use crate::lease::{ConnId, Generation, Lease, Pin};
use crate::ledger::{Ledger, Loss, Slip};
use crate::opening::Claim;
use crate::record::{ConnRecord, Leak, Loan, Place, Purpose};
use crate::sharing::Plight;
use crate::slab::Slab;
use crate::{Millis, Reuse, Settings};

/// When time moves further than this between two calls the host was frozen or moved, and servers
/// may have closed their ends without our hearing of it: every idle connection is checked before it
/// is lent again. The shell calls [`Pool::tick`] a thousand times more often.
pub const CLOCK_LEAP: Millis = Millis::from_secs(60);

/// The server connections of one shard to one target, and those who wait for one.
///
/// `K` says what a connection can be used for (user, database, startup parameters); connections of
/// equal keys are interchangeable. It is hashed at every borrow and cloned into actions, so it
/// should be cheap at both, and equal keys must hash alike on every shard.
/// Its hash should be a good one already: the pool only folds it. `C` is the connection.
#[derive(Debug)]
pub struct Pool<K: Clone + Eq + Hash, C> {
    pub(crate) shard: Shard,
    pub(crate) credits: Arc<Credits>,
    pub(crate) settings: Settings,
    /// The latest time that a caller has mentioned.
    pub(crate) now: Millis,
    pub(crate) index: FxHashMap<K, KeyId>,
    pub(crate) keys: Slab<KeyState<K, C>>,
    pub(crate) conns: Slab<ConnRecord>,
    pub(crate) actions: VecDeque<Action<K, C>>,
    pub(crate) ledger: Rc<Ledger>,
    next_waiter: u64,
    pub(crate) waiting: usize,
    pub(crate) idle: usize,
    pub(crate) opening: usize,
    pinned: usize,
    /// For failures that concern every key.
    pub(crate) backoff: Backoff,
    /// The newest generation heard of; openings start in it.
    pub(crate) generation: Generation,
    pub(crate) phase: Phase,
    /// The key whose first waiter waits longest, if that is long enough to take from others.
    pub(crate) overdue: Option<KeyId>,
    /// What this shard believes to have on the board.
    pub(crate) posted: Option<Plight>,
}

/// Whether the pool still lends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Lending,
    Draining,
}

impl<K: Clone + Eq + Hash, C> Pool<K, C> {
    /// An empty pool. `now` must come from the clock that all pools sharing `credits` are told.
    pub fn new(shard: Shard, credits: Arc<Credits>, settings: Settings, now: Millis) -> Self {
        Self {
            shard,
            credits,
            settings,
            now,
            index: FxHashMap::default(),
            keys: Slab::new(),
            conns: Slab::new(),
            actions: VecDeque::new(),
            ledger: Rc::new(Ledger::default()),
            next_waiter: 0,
            waiting: 0,
            idle: 0,
            opening: 0,
            pinned: 0,
            backoff: Backoff::default(),
            generation: Generation::default(),
            phase: Phase::Lending,
            overdue: None,
            posted: None,
        }
    }

    /// Lends an idle connection of this key, or queues the borrower, or refuses.
    ///
    /// Nobody overtakes: with others waiting for the key the borrower queues behind them. Lending an
    /// idle connection and taking it back allocate nothing.
    pub fn borrow(&mut self, key: &K, now: Millis) -> Borrow<C> {
        self.borrow_suited(key, now, |_| true)
    }

    /// The same; of several idle connections with [`Reuse::MostRecent`] the one used last that `suits` the
    /// borrower, if there is such a one among those that were used last.
    pub fn borrow_suited(&mut self, key: &K, now: Millis, suits: impl Fn(&C) -> bool) -> Borrow<C> {
        self.advance(now);
        if self.phase == Phase::Draining {
            return Borrow::Refused(BorrowError::ShuttingDown);
        }
        let id = self.key_id(key);
        let idle = match self.settings.reuse {
            Reuse::MostRecent => self.unpark_newest_of(id, suits),
            Reuse::LeastRecent => self.unpark_oldest_of(id),
        };
        if let Some(idle) = idle
            && let Some(lease) = self.lend(idle, Purpose::Client)
        {
            return Borrow::Ready(lease);
        }
        if self.settings.borrow_timeout == Millis::ZERO {
            let report = self.timed_out(Some(id), Millis::ZERO, self.waiting);
            return Borrow::Refused(BorrowError::TimedOut(report));
        }
        let waiter = self.enqueue(id);
        self.pump_key(id, Claim::Polite);
        Borrow::Queued(waiter)
    }

    /// The borrower no longer wants to wait. True when it was still in the queue; false when a grant
    /// or refusal has already been issued (a granted lease must then be given back).
    pub fn cancel(&mut self, waiter: WaiterId) -> bool {
        let Some(state) = self.keys.get_mut(waiter.key.0) else {
            return false;
        };
        if state.remove_waiter(waiter.number).is_none() {
            return false;
        }
        self.left_queue(waiter.key);
        true
    }

    /// The next thing to do, in order. Pop until `None` after every call that changes the pool.
    pub fn pop_action(&mut self) -> Option<Action<K, C>> {
        self.actions.pop_front()
    }

    /// Something arrived on an idle connection, or its server closed it: takes it out of the pool
    /// for closing. `None` when the connection is not idle (any more).
    pub fn idle_event(&mut self, conn: ConnId, now: Millis) -> Option<C> {
        self.advance(now);
        let idle = self.unpark(conn)?;
        self.forget(conn);
        drop(idle.credit);
        self.released();
        Some(idle.conn)
    }

    /// Counts a lent connection as pinned to its client until it is unpinned or returns.
    pub fn mark_pinned(&mut self, lease: &Lease<C>) {
        self.set_pin(lease, Pin::Pinned);
    }

    /// The client's session state is gone; the lease goes on.
    pub fn mark_unpinned(&mut self, lease: &Lease<C>) {
        self.set_pin(lease, Pin::Unpinned);
    }

    /// Replaces the settings. Effective at once for borrowers and returns, at the next tick for
    /// those who wait and for idle connections.
    pub fn set_settings(&mut self, settings: Settings, now: Millis) {
        self.advance(now);
        self.settings = settings;
    }

    /// Counts, as of the last call. Leases that were dropped since are still counted as borrowed.
    pub fn stats(&self) -> Stats {
        let open = self.conns.len();
        let oldest = self
            .keys
            .iter()
            .filter_map(|(_, state)| state.oldest_wait())
            .min();
        Stats {
            open,
            opening: self.opening,
            idle: self.idle,
            borrowed: open.saturating_sub(self.idle),
            pinned: self.pinned,
            waiting: self.waiting,
            oldest_wait: oldest.map(|since| self.now.saturating_sub(since)),
        }
    }

    /// The limit and the counts that this pool shares with those of the other shards.
    pub fn credits(&self) -> &Arc<Credits> {
        &self.credits
    }

    // === time and losses ===

    /// Every public method that is told the time starts here. Time never runs backwards.
    pub(crate) fn advance(&mut self, now: Millis) {
        let leap = now.saturating_sub(self.now);
        self.now = self.now.max(now);
        if self.ledger.has_losses() {
            self.write_off_losses();
        }
        if leap > CLOCK_LEAP {
            self.validate_all_idle();
        }
    }

    fn write_off_losses(&mut self) {
        for loss in self.ledger.take_losses() {
            match loss {
                Loss::Lease(id) => {
                    self.forget(id);
                }
                Loss::Opening(key) => self.end_opening(key),
            }
        }
        self.released();
    }

    fn validate_all_idle(&mut self) {
        while let Some(idle) = self.unpark_oldest() {
            self.validate(idle);
        }
    }

    // === keys and queue ===

    /// The entry of this key, made when missing.
    pub(crate) fn key_id(&mut self, key: &K) -> KeyId {
        let known = self.index.get(key).copied();
        let id = known.unwrap_or_else(|| {
            let state = KeyState::new(key.clone(), self.generation, self.now);
            let id = KeyId(self.keys.insert(state));
            self.index.insert(key.clone(), id);
            id
        });
        if let Some(state) = self.keys.get_mut(id.0) {
            state.last_used = self.now;
        }
        id
    }

    fn enqueue(&mut self, key: KeyId) -> WaiterId {
        let number = self.next_waiter;
        self.next_waiter = self.next_waiter.wrapping_add(1);
        if let Some(state) = self.keys.get_mut(key.0) {
            state.waiters.push_back(Waiter {
                number,
                since: self.now,
            });
            self.waiting = self.waiting.saturating_add(1);
        }
        WaiterId { key, number }
    }

    /// Takes the first waiter out of the queue.
    pub(crate) fn dequeue(&mut self, key: KeyId) -> Option<WaiterId> {
        let waiter = self.keys.get_mut(key.0)?.waiters.pop_front()?;
        self.left_queue(key);
        Some(WaiterId {
            key,
            number: waiter.number,
        })
    }

    /// The books after a waiter has left the queue of this key.
    fn left_queue(&mut self, key: KeyId) {
        self.waiting = self.waiting.saturating_sub(1);
        if let Some(state) = self.keys.get_mut(key.0)
            && state.waiters.is_empty()
        {
            state.plea = Plea::Unsaid;
        }
        self.repost_for(key);
    }

    /// What a borrower is told that waited in vain.
    pub(crate) fn timed_out(&self, key: Option<KeyId>, waited: Millis, waiting: usize) -> TimedOut {
        let of_key = key.and_then(|key| self.keys.get(key.0)?.backoff.last_error());
        TimedOut {
            waited,
            limit: self.credits.limit(),
            in_use: self.credits.in_use(),
            waiting,
            pinned: self.credits.pinned(),
            last_open_error: of_key.or_else(|| self.backoff.last_error()).cloned(),
        }
    }

    // === places: state and list membership change in the same function ===

    /// Into the idle list of its key.
    pub(crate) fn park(&mut self, idle: Idle<C>) {
        let Some(record) = self.conns.get_mut(idle.id.0) else {
            return;
        };
        record.place = Place::Idle;
        if let Some(state) = self.keys.get_mut(record.key.0) {
            state.insert_idle(idle);
            self.idle = self.idle.saturating_add(1);
        }
    }

    /// Out of the idle list: the one of this key that was used last, of those that suit if one does.
    fn unpark_newest_of(&mut self, key: KeyId, suits: impl Fn(&C) -> bool) -> Option<Idle<C>> {
        let idle = self.keys.get_mut(key.0)?.take_newest(suits)?;
        self.idle = self.idle.saturating_sub(1);
        Some(idle)
    }

    /// Out of the idle list: the one of this key that was not used for longest.
    pub(crate) fn unpark_oldest_of(&mut self, key: KeyId) -> Option<Idle<C>> {
        let idle = self.keys.get_mut(key.0)?.idle.pop_front()?;
        self.idle = self.idle.saturating_sub(1);
        Some(idle)
    }

    /// Out of the idle list: the one of any key that was not used for longest.
    pub(crate) fn unpark_oldest(&mut self) -> Option<Idle<C>> {
        let (key, _) = self.oldest_idle()?;
        self.unpark_oldest_of(key)
    }

    /// Out of the idle list: this one, if it is there.
    pub(crate) fn unpark(&mut self, conn: ConnId) -> Option<Idle<C>> {
        let key = self.conns.get(conn.0)?.key;
        let idle = self.keys.get_mut(key.0)?.remove_idle(conn)?;
        self.idle = self.idle.saturating_sub(1);
        Some(idle)
    }

    /// The key and the time of last use of the connection that was not used for longest.
    pub(crate) fn oldest_idle(&self) -> Option<(KeyId, Millis)> {
        if self.idle == 0 {
            return None;
        }
        let fronts = self.keys.iter().filter_map(|(id, state)| {
            let front = state.idle.front()?;
            Some((KeyId(id), front.since))
        });
        fronts.min_by_key(|(_, since)| *since)
    }

    /// From idle to lent. `None` cannot happen for a connection that came out of the idle list; if
    /// it did, the connection would be closed.
    pub(crate) fn lend(&mut self, idle: Idle<C>, purpose: Purpose) -> Option<Lease<C>> {
        let Idle {
            id,
            conn,
            credit,
            since: _,
        } = idle;
        let now = self.now;
        let record = self.conns.get_mut(id.0)?;
        record.place = Place::Lent(Loan {
            since: now,
            purpose,
            pin: Pin::Unpinned,
            leak: Leak::Unreported,
        });
        let slip = Slip::new(&self.ledger, Loss::Lease(id));
        Some(Lease {
            conn,
            credit,
            slip,
            id,
            born: record.born,
            borrowed_at: now,
        })
    }

    /// From idle to being checked.
    pub(crate) fn validate(&mut self, idle: Idle<C>) {
        if let Some(lease) = self.lend(idle, Purpose::Validation) {
            let deadline = self.now.saturating_add(self.settings.validation_timeout);
            self.actions.push_back(Action::Validate { lease, deadline });
        }
    }

    /// From lent to in hand. A lease of another pool stays what it is.
    pub(crate) fn settle(&mut self, lease: Lease<C>) -> Result<Idle<C>, Lease<C>> {
        if !lease.slip.is_of(&self.ledger) {
            return Err(lease);
        }
        let now = self.now;
        let Some(record) = self.conns.get_mut(lease.id.0) else {
            return Err(lease);
        };
        let Place::Lent(loan) = record.place else {
            return Err(lease);
        };
        record.place = Place::Idle;
        record.checked_at = now;
        if loan.purpose == Purpose::Client {
            record.idle_since = now;
        }
        let since = record.idle_since;
        self.end_loan(lease.id, loan);
        let Lease {
            conn,
            credit,
            slip,
            id,
            born: _,
            borrowed_at: _,
        } = lease;
        slip.settle();
        Ok(Idle {
            id,
            conn,
            credit,
            since,
        })
    }

    /// Off the books, from wherever it was.
    pub(crate) fn forget(&mut self, conn: ConnId) -> Option<ConnRecord> {
        let record = self.conns.remove(conn.0)?;
        if let Place::Lent(loan) = record.place {
            self.end_loan(conn, loan);
        }
        if let Some(state) = self.keys.get_mut(record.key.0) {
            state.conns = state.conns.saturating_sub(1);
        }
        Some(record)
    }

    /// From in hand to closed. The credit is the caller's, to use or to drop.
    pub(crate) fn close(&mut self, idle: Idle<C>, reason: CloseReason) -> Credit {
        self.forget(idle.id);
        self.actions.push_back(Action::Close {
            conn: idle.conn,
            reason,
        });
        idle.credit
    }

    fn end_loan(&mut self, conn: ConnId, loan: Loan) {
        if loan.pin == Pin::Pinned {
            self.pinned = self.pinned.saturating_sub(1);
            self.credits.unpin(1);
        }
        if loan.leak == Leak::Reported {
            let held = self.now.saturating_sub(loan.since);
            self.actions.push_back(Action::Unleaked { conn, held });
        }
    }

    fn set_pin(&mut self, lease: &Lease<C>, pin: Pin) {
        if !lease.slip.is_of(&self.ledger) {
            return;
        }
        let Some(record) = self.conns.get_mut(lease.id.0) else {
            return;
        };
        let Place::Lent(loan) = &mut record.place else {
            return;
        };
        match (loan.pin, pin) {
            (Pin::Unpinned, Pin::Pinned) => {
                self.pinned = self.pinned.saturating_add(1);
                self.credits.pin();
            }
            (Pin::Pinned, Pin::Unpinned) => {
                self.pinned = self.pinned.saturating_sub(1);
                self.credits.unpin(1);
            }
            (Pin::Unpinned, Pin::Unpinned) | (Pin::Pinned, Pin::Pinned) => {}
        }
        loan.pin = pin;
    }
}

impl<K: Clone + Eq + Hash, C> Drop for Pool<K, C> {
    fn drop(&mut self) {
        // Nobody must send connections to a shard that no longer takes them.
        self.credits.post(self.shard, None);
        self.credits.unpin(self.pinned);
    }
}
