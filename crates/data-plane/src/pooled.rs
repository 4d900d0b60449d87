//! A server connection as it lies in a pool: the socket plus what its sessions must know about it.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tollgate_session::postgres::{Defaults, RoutineBook, ServerState};

use crate::server::{ParkedConnection, ServerConnection};
use crate::stream::IdleEvent;

/// A logged-in server connection and its session-level bookkeeping.
pub(crate) struct Pooled {
    /// Socket, key data and reported parameters.
    pub(crate) server: ServerConnection,
    /// What the session machine keeps per server connection; `None` while a session has it.
    pub(crate) state: Option<ServerState>,
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
pub(crate) struct ParkedPooled {
    server: ParkedConnection,
    state: Option<ServerState>,
    history: History,
}

impl Pooled {
    /// Wraps a connection that has just been opened, to the database that `book` is about; its sessions begin
    /// with `defaults`.
    pub(crate) fn fresh(
        server: ServerConnection,
        defaults: Defaults,
        book: Arc<RoutineBook>,
    ) -> Self {
        let state = ServerState::with_defaults(defaults)
            .with_process_id(server.process_id)
            .with_routines(book);
        Self {
            server,
            state: Some(state),
            history: History::Untouched,
        }
    }

    /// Watches an idle connection: `Some` when something happened on it that disqualifies it.
    pub(crate) fn idle_event(&mut self, waker: &Waker) -> Option<IdleEvent> {
        match self
            .server
            .stream
            .poll_idle(&mut Context::from_waker(waker))
        {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        }
    }

    /// Takes the socket off this thread's runtime.
    pub(crate) fn park(self) -> io::Result<ParkedPooled> {
        Ok(ParkedPooled {
            server: self.server.park()?,
            state: self.state,
            history: self.history,
        })
    }
}

impl ParkedPooled {
    /// Puts the socket on this thread's runtime.
    pub(crate) fn unpark(self) -> io::Result<Pooled> {
        Ok(Pooled {
            server: self.server.unpark()?,
            state: self.state,
            history: self.history,
        })
    }
}
