//! A borrowed server connection while it serves one client.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::outgoing::Outgoing;
use crate::buffers::InputBuffer;
use crate::engine::{Cancel, Engine};
use crate::pool_key::PoolKey;
use crate::sessions::SessionControl;
use crate::shard::Shard;
use crate::target_pool::{ServerLease, TargetPool};

/// The server's half of a session.
pub(crate) struct Link<E: Engine> {
    /// Where the connection goes back to.
    pub(crate) pool: Rc<TargetPool<E>>,
    /// The connection.
    pub(crate) lease: ServerLease<E>,
    /// Read from the server and not processed.
    pub(crate) from_server: InputBuffer,
    /// Not yet taken by the server.
    pub(crate) to_server: Outgoing,
    /// Why the server takes no more bytes. What it said before is still to be heard: most likely why.
    pub(crate) broken: Option<String>,
    cancel: Option<Rc<CancelFlight>>,
}

/// A cancel request on its way to the server.
#[derive(Default)]
struct CancelFlight {
    ended: Cell<Option<Delivery>>,
}

/// What became of a cancel request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The server has acted upon it, or it was never sent.
    Settled,
    /// It may still reach the server and hit whatever the connection does then.
    Unknown,
}

impl<E: Engine> Link<E> {
    /// A link over a connection just borrowed.
    pub(crate) fn new(pool: Rc<TargetPool<E>>, lease: ServerLease<E>) -> Self {
        Self {
            pool,
            lease,
            from_server: InputBuffer::default(),
            to_server: Outgoing::default(),
            broken: None,
            cancel: None,
        }
    }

    /// A write failed. Reading goes on to the end.
    pub(crate) fn takes_no_more(&mut self, error: &std::io::Error) {
        self.to_server = Outgoing::default();
        self.broken = Some(error.to_string());
    }

    /// Asks the server to cancel what this connection is doing; `control` is woken when the request has
    /// been delivered.
    #[must_use]
    pub(crate) fn begin_cancel(&mut self, control: &Rc<SessionControl>) -> Begun {
        if self.cancel.is_some() {
            return Begun::Already;
        }
        let flight = Rc::new(CancelFlight::default());
        self.cancel = Some(Rc::clone(&flight));
        let (order, control) = (self.order(), Rc::clone(control));
        tokio::task::spawn_local(async move {
            flight.ended.set(Some(deliver(order).await));
            control.wake();
        });
        Begun::Now
    }

    /// What became of a cancel request since the last call.
    pub(crate) fn cancel_ended(&mut self) -> Option<Delivery> {
        let ended = self.cancel.as_ref()?.ended.get()?;
        self.cancel = None;
        Some(ended)
    }

    fn order(&self) -> CancelOrder<E> {
        CancelOrder {
            pool: Rc::clone(&self.pool),
            key: Arc::clone(&self.lease.key),
            victim: E::victim(&self.lease.server),
        }
    }

    /// Gives a clean connection back.
    pub(crate) fn release(mut self, shard: &Rc<Shard>, proof: E::Proof) {
        self.from_server.release_if_empty(&shard.buffers);
        self.pool.give_back(shard, self.lease, proof);
    }

    /// Closes the connection; `Cancel::First` stops what it is doing on the server before.
    pub(crate) fn discard(self, shard: &Rc<Shard>, cancel: Cancel) {
        if cancel == Cancel::First {
            let order = self.order();
            tokio::task::spawn_local(async move { deliver(order).await });
        }
        self.pool.discard(shard, self.lease);
    }
}

/// Whether a cancel request was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It was.
    Now,
    /// One is on its way already.
    Already,
}

struct CancelOrder<E: Engine> {
    pool: Rc<TargetPool<E>>,
    /// `None` where the server gave no key: cancelling is impossible then.
    victim: Option<E::Victim>,
    key: Arc<PoolKey>,
}

async fn deliver<E: Engine>(order: CancelOrder<E>) -> Delivery {
    let Some(victim) = order.victim else {
        tracing::debug!(target.name = %order.pool.target.database, "the server gave no cancel key");
        return Delivery::Settled;
    };
    match E::end_statement(&order.pool, &order.key, victim).await {
        Ok(()) => Delivery::Settled,
        Err(error) => {
            tracing::warn!(target.name = %order.pool.target.database, %error, "cancel request could not be delivered");
            Delivery::Unknown
        }
    }
}
