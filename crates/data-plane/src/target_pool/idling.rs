//! Server connections that lie idle: nothing may happen on them, and whatever does ends them.

use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Poll, Waker};

use tollgate_pool::{Borrow, Watched};

use super::{Conn, ServerLease, TargetPool};
use crate::engine::{Engine, Server};
use crate::pool_key::PoolKey;
use crate::shard::Shard;

impl<E: Engine> TargetPool<E> {
    /// Asks the core until it lends a connection on which nothing has happened while it lay idle, or none.
    pub(super) fn borrow_quiet(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        key: &Arc<PoolKey>,
        suits: impl Fn(&E::State) -> bool,
    ) -> Borrow<Conn<E>> {
        let suits = |conn: &Conn<E>| conn.state.as_ref().is_some_and(&suits);
        loop {
            let now = shard.clock.coarse();
            let answer = self.core.borrow_mut().borrow_suited(key, now, suits);
            let Borrow::Ready(mut lease) = answer else {
                return answer;
            };
            if !self.is_disturbed(&mut lease) {
                return Borrow::Ready(lease);
            }
            self.target.probe_now.notify_one();
            self.discard(shard, lease);
        }
    }

    /// Whether the server has said something, or hung up, where it should be quiet.
    fn is_disturbed(&self, lease: &mut ServerLease<E>) -> bool {
        // What the runtime does not know of yet is found out by whoever reads next.
        let suspect = lease.server.stream().may_be_read();
        suspect && lease.idle_event(&self.idle_waker.borrow()).is_some()
    }

    /// Returns a connection to which nothing was sent since it was lent: it is as clean as it was.
    pub(crate) fn return_unused(self: &Rc<Self>, shard: &Rc<Shard>, mut lease: ServerLease<E>) {
        self.catch_up(shard);
        if self.is_disturbed(&mut lease) {
            self.discard(shard, lease);
            return;
        }
        self.unwatched.set(true);
        self.core
            .borrow_mut()
            .give_back(lease, shard.clock.coarse());
        self.act(shard);
    }

    /// Watches the connections that came back since the last call and were not lent again.
    pub(super) fn watch_returned(self: &Rc<Self>, shard: &Rc<Shard>) {
        if self.unwatched.replace(false) {
            let waker = self.idle_waker.borrow().clone();
            self.sweep(shard, &waker);
        }
    }

    /// Removes idle connections on which something happened.
    fn sweep(self: &Rc<Self>, shard: &Rc<Shard>, waker: &Waker) {
        let dead = self
            .core
            .borrow_mut()
            .sweep_idle(shard.clock.coarse(), |conn| match conn.idle_event(waker) {
                None => Watched::Quiet,
                Some(_) => Watched::Disturbed,
            });
        if !dead.is_empty() {
            self.target.probe_now.notify_one();
        }
        for conn in dead {
            tracing::debug!(target.name = %self.target.database, server.pid = conn.server.number(), "idle server connection lost");
        }
        self.act(shard);
    }
}

/// Sleeps until something happens on any idle connection of the pool, then sweeps.
pub(super) async fn watch<E: Engine>(pool: Weak<TargetPool<E>>, shard: Weak<Shard>) {
    let mut first = true;
    poll_fn(move |cx| {
        let (Some(pool), Some(shard)) = (pool.upgrade(), shard.upgrade()) else {
            return Poll::Ready(());
        };
        if first || !pool.idle_waker.borrow().will_wake(cx.waker()) {
            pool.idle_waker.borrow_mut().clone_from(cx.waker());
            first = false;
        }
        pool.sweep(&shard, cx.waker());
        Poll::Pending
    })
    .await;
}
