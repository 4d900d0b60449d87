//! How sessions end: interrupts, the server's death, the client's departure, and what is left behind.

use std::io;
use std::rc::Rc;
use std::task::Context;

use tollgate_pool::Millis;
use tollgate_types::SessionState;

use super::link::{Begun, Delivery, Link};
use super::{Appetite, Input, Relay, Step};
use crate::cleaning;
use crate::engine::{Cancel, CancelTarget, Engine, Farewell, Machine, Server, Told};
use crate::goodbye;
use crate::sessions::Interrupt;
use crate::stream::Stream;

/// Why a session ended.
pub(crate) enum End {
    /// The client's socket closed.
    ClientGone,
    /// The client said goodbye.
    Goodbye,
    /// The client's socket broke.
    ClientLost(io::Error),
    /// The client was told why.
    Told,
    /// The client could not be told without corrupting a message under way.
    Cut,
    /// The client wants to log in again over the same connection.
    Rejoins,
}

/// A client that logs in again: its connection, and what it has sent, the request to do so first.
pub(crate) struct Rejoining<S> {
    /// The connection.
    pub(crate) stream: Stream,
    /// The session that is over.
    pub(crate) session: S,
    /// What was read of it and not processed.
    pub(crate) input: Vec<u8>,
}

impl End {
    /// The client's socket broke.
    pub(crate) fn client(error: io::Error) -> Self {
        Self::ClientLost(error)
    }

    fn reason(&self) -> String {
        match self {
            Self::ClientGone | Self::Goodbye => "client disconnected".to_owned(),
            Self::ClientLost(error) => format!("client connection lost: {error}"),
            Self::Told => "terminated by the proxy".to_owned(),
            Self::Cut => "cut by the proxy".to_owned(),
            Self::Rejoins => "logs in again".to_owned(),
        }
    }
}

/// Whether a cancel request of the client's waits to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelWish {
    /// None does.
    None,
    /// One does, because the server was at work on something of the proxy's own.
    Held,
}

/// Whether a session is about to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// It is not.
    No,
    /// At its next transaction boundary.
    AtBoundary,
    /// As soon as the client has taken what is on its way.
    AfterFlush,
    /// The same, and it has said that it will not listen any more.
    AfterGoodbye,
}

impl Leaving {
    /// How the session ends once the client has taken what is on its way, if it does then.
    pub(super) fn end(self) -> Option<End> {
        match self {
            Self::No | Self::AtBoundary => None,
            Self::AfterFlush => Some(End::Told),
            Self::AfterGoodbye => Some(End::Goodbye),
        }
    }
}

impl<E: Engine> Relay<E> {
    /// Somebody else wants something of this session.
    pub(super) fn interrupted(&mut self, what: Interrupt, cx: &mut Context<'_>) -> Step<()> {
        match what {
            Interrupt::Cancel => self.cancel(cx),
            Interrupt::Drain => {
                if self.leaving == Leaving::No {
                    self.leaving = Leaving::AtBoundary;
                }
                Ok(())
            }
            Interrupt::IdleTimeout => {
                if self.waiting.is_none() && self.session.at_boundary() {
                    self.leave(&E::refusals().idle_timeout(), cx)
                } else {
                    Ok(())
                }
            }
            Interrupt::SessionTimeout => {
                if self.link.is_none() && self.may_leave() {
                    self.leave(&E::refusals().idle_timeout(), cx)
                } else {
                    Ok(())
                }
            }
            Interrupt::Kill => Err(End::Cut),
            Interrupt::Terminate => {
                self.waiting = None;
                if self.session.at_boundary() {
                    self.leave(&E::refusals().terminated(), cx)
                } else {
                    Err(End::Cut)
                }
            }
        }
    }

    /// The client's own `CancelRequest`. Idle clients have nothing to cancel; waiting ones are answered
    /// at once; for the others the server is asked.
    fn cancel(&mut self, cx: &mut Context<'_>) -> Step<()> {
        if self.waiting.take().is_some() {
            self.registered.control.cancelling.take();
            let mut effects = self.shard.take_effects();
            let result = self.refuse(&E::refusals().cancelled(), &mut effects, cx);
            self.shard.return_effects(effects);
            return result;
        }
        self.cancel = CancelWish::Held;
        self.try_cancel();
        Ok(())
    }

    /// Sends the cancel request the client wants sent, unless the server is at work on something of the
    /// proxy's own: then it is for later.
    pub(super) fn try_cancel(&mut self) {
        if self.cancel == CancelWish::None {
            return;
        }
        match self.session.cancel_target() {
            CancelTarget::Later => return,
            CancelTarget::Nothing => {
                self.registered.control.cancelling.take();
            }
            CancelTarget::Server => {
                if let Some(link) = &mut self.link
                    && link.begin_cancel(&self.registered.control) == Begun::Now
                {
                    self.session.cancel_began();
                }
            }
        }
        self.cancel = CancelWish::None;
    }

    /// A cancel request has been delivered: the server connection may change hands again. One that got
    /// lost may still arrive, when the connection is another client's: it is closed.
    pub(super) fn note_cancel(&mut self, cx: &mut Context<'_>) -> Step<()> {
        match self.link.as_mut().and_then(Link::cancel_ended) {
            None => {}
            Some(Delivery::Settled) => {
                self.registered.control.cancelling.take();
                let mut effects = self.shard.take_effects();
                effects.clear();
                let proof = self.session.cancel_ended(&mut effects);
                let written = self.write_effects(&effects, Input::Client, cx);
                self.shard.return_effects(effects);
                written?;
                if let Some(proof) = proof {
                    self.release(proof);
                }
            }
            Some(Delivery::Unknown) => self.server_lost("a cancel request got lost", cx)?,
        }
        Ok(())
    }

    /// Whether a draining session may be told to go now.
    pub(super) fn may_leave(&self) -> bool {
        self.waiting.is_none()
            && self.from_client.is_empty()
            && !self.session.in_transaction()
            && self.session.at_boundary()
    }

    /// Tells the client why it has to go; the session ends when the client has taken it.
    pub(super) fn leave(&mut self, refusal: &E::Refusal, cx: &mut Context<'_>) -> Step<()> {
        let Some(out) = self.session.last_words(refusal) else {
            return Err(End::Cut);
        };
        self.to_client
            .write(&mut self.client, cx, std::iter::once(out.as_slice()))
            .map_err(End::client)?;
        self.leaving = Leaving::AfterFlush;
        Ok(())
    }

    /// The server connection broke while it served this client.
    pub(super) fn server_lost(&mut self, why: &str, cx: &mut Context<'_>) -> Step<()> {
        let Some(link) = &self.link else {
            return Ok(());
        };
        let target = std::sync::Arc::clone(&link.pool.target.database);
        link.pool.target.probe_now.notify_one();
        tracing::warn!(
            session.id = %self.registered.control.id, target.name = %target,
            server.pid = link.lease.server.number(), reason = why, "server connection lost"
        );
        self.drop_link(Cancel::No);
        let mut effects = self.shard.take_effects();
        effects.clear();
        let told = self
            .session
            .on_server_lost(&E::refusals().server_lost(&target), &mut effects);
        let written = self.write_effects(&effects, Input::Client, cx);
        self.shard.return_effects(effects);
        written?;
        match told {
            Told::No => return Err(End::Cut),
            Told::Yes => self.leaving = Leaving::AfterFlush,
            Told::Unharmed => self.appetite = Appetite::Hungry,
        }
        Ok(())
    }

    /// Cleans up behind the client: its server connection is rolled back and reset, or closed.
    pub(super) async fn finish(mut self, end: End) -> Option<Rejoining<E::Session>> {
        let control = Rc::clone(&self.registered.control);
        self.waiting = None;
        self.end_pins();
        if let Some(link) = self.link.take() {
            control.holds_none();
            let half_sent =
                link.broken.is_some() || !link.to_server.is_empty() || !link.from_server.is_empty();
            match self.session.on_client_gone() {
                Farewell::Clean(proof) if !half_sent => link.release(&self.shard, proof),
                Farewell::Cleanup(cleanup) if !half_sent => {
                    tokio::task::spawn_local(cleaning::run(
                        Rc::clone(&link.pool),
                        Rc::clone(&self.shard),
                        link.lease,
                        cleanup,
                    ));
                }
                Farewell::CloseServer(cancel) => link.discard(&self.shard, cancel),
                Farewell::Nothing | Farewell::Clean(_) | Farewell::Cleanup(_) => {
                    link.discard(&self.shard, Cancel::No);
                }
            }
        }
        tracing::debug!(
            session.id = %control.id, reason = end.reason(), borrows = control.borrows.get(),
            duration_s = crate::clock::unix_seconds() - control.connected_unix, "client session ended"
        );
        if !matches!(end, End::Rejoins) {
            self.from_client.discard(&self.shard.buffers);
        }
        match end {
            End::Told => goodbye::close(self.client).await,
            // Nobody waits for its answer.
            End::Goodbye if self.client.is_tls() => self.client.shutdown(),
            End::Goodbye | End::ClientGone | End::ClientLost(_) | End::Cut => {}
            End::Rejoins => {
                let input = self.from_client.filled().to_vec();
                self.from_client.consume(input.len());
                self.from_client.release_if_empty(&self.shard.buffers);
                return Some(Rejoining {
                    stream: self.client,
                    session: self.session,
                    input,
                });
            }
        }
        None
    }

    /// The session is about to be without a server process, which would look at the client's own
    /// `idle_session_timeout`.
    pub(super) fn show_idle_limit(&self) {
        let control = &self.registered.control;
        let limit = match self.session.idle_limit_ms() {
            None => control.idle_limit_at_login(),
            Some(own) => (own > 0).then_some(Millis::new(own)),
        };
        control.idle_limit.set(limit);
    }

    /// Keeps the sessions view's state in step.
    pub(super) fn show_state(&self) {
        let state = if self.waiting.is_some() {
            SessionState::Waiting
        } else {
            self.session.state()
        };
        self.registered.control.state.set(state);
    }
}
