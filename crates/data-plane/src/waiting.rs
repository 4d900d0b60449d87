//! A borrower's place in the queue, and how its answer reaches it in the same turn.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tollgate_pool::{BorrowError, WaiterId};

use crate::engine::Engine;
use crate::shard::Shard;
use crate::target_pool::{ServerLease, TargetPool};

/// Where the pool puts the answer.
pub(crate) struct WaitSlot<E: Engine> {
    answer: RefCell<Option<Result<ServerLease<E>, BorrowError>>>,
    waker: RefCell<Option<Waker>>,
}

impl<E: Engine> Default for WaitSlot<E> {
    fn default() -> Self {
        Self {
            answer: RefCell::new(None),
            waker: RefCell::new(None),
        }
    }
}

impl<E: Engine> WaitSlot<E> {
    /// Puts the answer and wakes the borrower.
    pub(crate) fn fill(&self, answer: Result<ServerLease<E>, BorrowError>) {
        *self.answer.borrow_mut() = Some(answer);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// A queued borrower. Dropping it leaves the queue; a connection granted meanwhile goes back.
pub(crate) struct Waiting<E: Engine> {
    pool: Rc<TargetPool<E>>,
    shard: Rc<Shard>,
    id: WaiterId,
    slot: Rc<WaitSlot<E>>,
    since: std::time::Instant,
    done: bool,
}

impl<E: Engine> Waiting<E> {
    /// The place of `id` in the queue of `pool`.
    pub(crate) fn new(
        pool: Rc<TargetPool<E>>,
        shard: Rc<Shard>,
        id: WaiterId,
        slot: Rc<WaitSlot<E>>,
    ) -> Self {
        Self {
            pool,
            shard,
            id,
            slot,
            since: std::time::Instant::now(),
            done: false,
        }
    }

    /// The pool waited for.
    pub(crate) fn pool(&self) -> &Rc<TargetPool<E>> {
        &self.pool
    }

    /// The answer, once there is one.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ServerLease<E>, BorrowError>> {
        let Some(answer) = self.slot.answer.borrow_mut().take() else {
            *self.slot.waker.borrow_mut() = Some(cx.waker().clone());
            return Poll::Pending;
        };
        self.done = true;
        self.pool.metrics.borrow_wait.record(self.since.elapsed());
        Poll::Ready(answer)
    }
}

impl<E: Engine> Drop for Waiting<E> {
    fn drop(&mut self) {
        if !self.done {
            let granted = self.slot.answer.borrow_mut().take().and_then(Result::ok);
            self.pool.cancel(&self.shard, self.id, granted);
        }
    }
}
