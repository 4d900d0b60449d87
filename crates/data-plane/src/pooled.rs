//! A server connection as it lies in a pool: the socket plus what its sessions must know about it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::task::coop;

use crate::engine::{Engine, Parked, Server};
use crate::pool_key::PoolKey;
use crate::stream::IdleEvent;

/// A logged-in server connection and its session-level bookkeeping.
pub(crate) struct Pooled<E: Engine> {
    /// Socket, and what the server said at its login.
    pub(crate) server: E::Server,
    /// For whom it was opened.
    pub(crate) key: Arc<PoolKey>,
    /// What the session machine keeps per server connection; `None` while a session has it.
    pub(crate) state: Option<E::State>,
    /// Whether a client has changed session state on it since it was opened.
    pub(crate) history: History,
}

/// What clients have done to a server connection since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    /// Nothing that outlasts a transaction.
    Untouched,
    /// Session state was changed and reset since. What the init query set may be gone with it.
    Reset,
}

/// A [`Pooled`] on its way to another shard.
pub(crate) struct ParkedPooled<E: Engine> {
    server: E::Parked,
    key: Arc<PoolKey>,
    state: Option<E::State>,
    history: History,
}

impl<E: Engine> Pooled<E> {
    /// Wraps a connection that has just been opened.
    pub(crate) fn fresh(server: E::Server, key: &Arc<PoolKey>, state: E::State) -> Self {
        Self {
            server,
            key: Arc::clone(key),
            state: Some(state),
            history: History::Untouched,
        }
    }

    /// Wraps one of which nothing is known yet.
    pub(crate) fn without_state(server: E::Server, key: &Arc<PoolKey>) -> Self {
        Self {
            server,
            key: Arc::clone(key),
            state: None,
            history: History::Untouched,
        }
    }

    /// Watches an idle connection: `Some` when something happened on it that disqualifies it.
    pub(crate) fn idle_event(&mut self, waker: &Waker) -> Option<IdleEvent> {
        let stream = self.server.stream();
        // A task that has done much this turn would be told that nothing has happened.
        let look = pin!(coop::unconstrained(poll_fn(|cx| stream.poll_idle(cx))));
        match look.poll(&mut Context::from_waker(waker)) {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        }
    }

    /// Takes the socket off this thread's runtime.
    pub(crate) fn park(self) -> io::Result<ParkedPooled<E>> {
        Ok(ParkedPooled {
            server: self.server.park()?,
            key: self.key,
            state: self.state,
            history: self.history,
        })
    }
}

impl<E: Engine> ParkedPooled<E> {
    /// Puts the socket on this thread's runtime.
    pub(crate) fn unpark(self) -> io::Result<Pooled<E>> {
        Ok(Pooled {
            server: self.server.unpark()?,
            key: self.key,
            state: self.state,
            history: self.history,
        })
    }
}
