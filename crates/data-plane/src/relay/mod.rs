//! One client session at work: bytes from the client, through the session machine, to a borrowed
//! server connection, and back. One task drives both sockets; nothing here sets a timer.

mod appetite;
mod ending;
mod killing;
mod link;
mod outgoing;
mod pinning;
mod refusing;

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use tollgate_session::{Effects, Piece, Pieces};
use tollgate_telemetry::{Counter, GaugeGuard};
use tollgate_types::SessionState;

use crate::buffers::InputBuffer;
use crate::choosing::{Route, choose_again};
use crate::engine::{Cancel, Engine, Machine, Server, ServerEvent, Want};
use crate::metrics::ProxyMetrics;
use crate::pool_key::PoolKey;
use crate::sessions::{Registered, Waking};
use crate::shard::Shard;
use crate::stream::{Stream, Watch};
use crate::target_pool::{Borrowed, ServerLease, TargetPool};
use crate::waiting::Waiting;
use appetite::{Appetite, Input, Outlook, Watches};
pub(crate) use ending::Rejoining;
use ending::{CancelWish, End, Leaving};
use killing::Killing;
use link::Link;
use outgoing::Outgoing;

/// Steps of one turn, each with at most a buffer of either side: as long as sockets never run dry, it ends by itself.
const STEPS: u32 = 16;

/// A running session.
pub(crate) struct Relay<E: Engine> {
    shard: Rc<Shard>,
    registered: Registered,
    client: Stream,
    session: E::Session,
    /// Of which connections it is served by.
    key: Arc<PoolKey>,
    route: Option<Route<E>>,
    from_client: InputBuffer,
    to_client: Outgoing,
    link: Option<Link<E>>,
    waiting: Option<Waiting<E>>,
    killing: Option<Killing>,
    appetite: Appetite,
    watches: Watches,
    leaving: Leaving,
    cancel: CancelWish,
    pinned: Option<GaugeGuard>,
    metrics: Rc<ProxyMetrics>,
}

/// What came of a turn.
type Step<T> = Result<T, End>;

impl<E: Engine> Relay<E> {
    /// A session that has just been greeted; `from_client` holds what was read behind the login.
    pub(crate) fn new(
        shard: Rc<Shard>,
        registered: Registered,
        session: E::Session,
        (client, from_client): (Stream, InputBuffer),
        metrics: Rc<ProxyMetrics>,
    ) -> Self {
        Self {
            key: Arc::clone(&registered.control.key),
            route: None,
            shard,
            registered,
            client,
            session,
            from_client,
            to_client: Outgoing::default(),
            link: None,
            waiting: None,
            killing: None,
            appetite: Appetite::Hungry,
            watches: Watches::default(),
            leaving: Leaving::No,
            cancel: CancelWish::None,
            pinned: None,
            metrics,
        }
    }

    /// Serves the client until it leaves or has to, or wants to log in again.
    pub(crate) async fn run(mut self: Box<Self>) -> Option<Rejoining<E::Session>> {
        let end = poll_fn(|cx| self.turn(cx)).await;
        // In a place of its own: a session would hold it all its life, and it is larger than the session.
        Box::pin(self.finish(end)).await
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.registered.control.watch(cx.waker()) == Waking::Anew {
            self.watches = Watches::default();
        }
        while let Some(interrupt) = self.registered.control.take_interrupt() {
            if let Err(end) = self.interrupted(interrupt, cx) {
                return Poll::Ready(end);
            }
        }
        if let Err(end) = self.note_cancel(cx) {
            return Poll::Ready(end);
        }
        for _ in 0..STEPS {
            match self.step(cx) {
                Ok(true) => {}
                Ok(false) => {
                    self.show_state();
                    return Poll::Pending;
                }
                Err(end) => return Poll::Ready(end),
            }
        }
        // Others have waited long enough.
        self.show_state();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Moves what can be moved without waiting. True when something moved.
    fn step(&mut self, cx: &mut Context<'_>) -> Step<bool> {
        let mut moved = self.flush(cx)?;
        if let Some(end) = self.leaving.end() {
            let taken = self.to_client.is_empty() && !self.client.has_pending_output();
            return if taken { Err(end) } else { Ok(false) };
        }
        moved |= self.take_grant(cx)?;
        moved |= self.take_killed(cx)?;
        moved |= self.client_step(cx)?;
        moved |= self.server_step(cx)?;
        self.try_cancel();
        if self.leaving == Leaving::AtBoundary && self.may_leave() {
            self.leave(&E::refusals().terminated(), cx)?;
            moved = true;
        }
        Ok(moved)
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Step<bool> {
        let mut moved = false;
        if !self.to_client.is_settled(&self.client) {
            let flushed = self.to_client.flush(&mut self.client, cx);
            moved = flushed.map_err(End::client)?;
        }
        if let Some(link) = &mut self.link
            && !link.to_server.is_settled(link.lease.server.stream())
        {
            match link.to_server.flush(link.lease.server.stream(), cx) {
                Ok(more) => moved |= more,
                Err(error) => link.takes_no_more(&error),
            }
        }
        Ok(moved)
    }

    /// Takes the server connection waited for, or the refusal.
    fn take_grant(&mut self, cx: &mut Context<'_>) -> Step<bool> {
        let Some(waiting) = &mut self.waiting else {
            return Ok(false);
        };
        let Poll::Ready(answer) = waiting.poll(cx) else {
            return Ok(false);
        };
        let pool = Rc::clone(waiting.pool());
        self.waiting = None;
        match answer {
            Ok(lease) => self.attach(pool, lease),
            Err(error) => self.refuse_borrow(&pool, &error, cx)?,
        }
        self.feed_client(cx)?;
        Ok(true)
    }

    fn client_step(&mut self, cx: &mut Context<'_>) -> Step<bool> {
        let server_full = self
            .link
            .as_ref()
            .is_some_and(|link| link.broken.is_some() || !link.to_server.is_empty());
        if server_full || !self.to_client.is_empty() {
            return Ok(false);
        }
        let hungry = self.appetite == Appetite::Hungry;
        let held_up = self.waiting.is_some() || self.killing.is_some();
        if !held_up && hungry && !self.from_client.is_empty() {
            self.feed_client(cx)?;
            return Ok(true);
        }
        if (held_up || self.appetite == Appetite::NeedsReplies) && self.from_client.is_full() {
            return Ok(false);
        }
        if self.watches.client.outlook(&mut self.client, cx) == Outlook::Dry {
            return Ok(false);
        }
        let space = self.from_client.space(&self.shard.buffers);
        if space.is_empty() {
            self.leave(&E::refusals().too_large(InputBuffer::MAX), cx)?;
            return Ok(true);
        }
        match self.client.poll_read(cx, space) {
            Poll::Pending => {
                self.from_client.release_if_empty(&self.shard.buffers);
                self.watches.client = Watch::after_pending();
                return Ok(false);
            }
            Poll::Ready(Ok(0)) => return Err(End::ClientGone),
            Poll::Ready(Ok(count)) => {
                self.watches.client = Watch::Off;
                self.from_client.read(count);
                self.note_activity();
            }
            Poll::Ready(Err(error)) => return Err(End::client(error)),
        }
        self.appetite = Appetite::Hungry;
        if !held_up {
            self.feed_client(cx)?;
        }
        Ok(true)
    }

    /// The idle timeout starts anew: with the client's bytes and with the answer to them, however long
    /// that took.
    fn note_activity(&self) {
        let now = self.shard.clock.coarse();
        self.registered.control.last_activity.set(now);
    }

    /// Has the machine look at the client's bytes, and carries out what it says.
    fn feed_client(&mut self, cx: &mut Context<'_>) -> Step<()> {
        let mut effects = self.shard.take_effects();
        let result = self.feed_client_with(&mut effects, cx);
        self.shard.return_effects(effects);
        self.from_client.release_if_empty(&self.shard.buffers);
        result
    }

    fn feed_client_with(&mut self, effects: &mut Effects, cx: &mut Context<'_>) -> Step<()> {
        // A session that is about to end takes nothing any more.
        while !self.from_client.is_empty() && self.leaving.end().is_none() {
            effects.clear();
            let progress = self.session.on_client(self.from_client.filled(), effects);
            let written = self.write_effects(effects, Input::Client, cx);
            self.from_client.consume(progress.consumed);
            written?;
            match progress.want {
                Want::More => {
                    self.appetite = Appetite::NeedsBytes;
                    return Ok(());
                }
                Want::Replies => {
                    self.appetite = Appetite::NeedsReplies;
                    return Ok(());
                }
                Want::Release(proof) => self.release(proof),
                Want::Server => {
                    self.borrow(effects, cx)?;
                    if self.waiting.is_some() {
                        return Ok(());
                    }
                }
                Want::Kill(kill) => {
                    self.begin_kill(kill);
                    return Ok(());
                }
                Want::ChangeUser => return Err(End::Rejoins),
                Want::Close => {
                    self.leaving = Leaving::AfterFlush;
                    return Ok(());
                }
                Want::Goodbye => {
                    self.leaving = Leaving::AfterGoodbye;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Writes what the machine produced; a range of input is one of the buffer the machine looked at.
    fn write_effects(
        &mut self,
        effects: &Effects,
        source: Input,
        cx: &mut Context<'_>,
    ) -> Step<()> {
        if let Some(link) = &self.link
            && !effects.notices().is_empty()
        {
            let own = &self.registered.control.key.database;
            link.pool.heed(&self.shard, effects.notices(), own);
        }
        if effects.to_client().len() > 0 {
            let input: &[u8] = match (source, &self.link) {
                (Input::Client, _) => self.from_client.filled(),
                (Input::Server, Some(link)) => link.from_server.filled(),
                (Input::Server, None) => &[],
            };
            let pieces = bytes(effects.to_client(), input);
            let sent = self.to_client.write(&mut self.client, cx, pieces);
            count(&self.metrics.to_client, sent.map_err(End::client)?);
        }
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        if link.broken.is_some() || effects.to_server().len() == 0 {
            return Ok(());
        }
        let Link {
            lease,
            from_server,
            to_server,
            ..
        } = link;
        let input = match source {
            Input::Client => self.from_client.filled(),
            Input::Server => from_server.filled(),
        };
        match to_server.write(lease.server.stream(), cx, bytes(effects.to_server(), input)) {
            Ok(sent) => count(&self.metrics.to_server, sent),
            Err(error) => link.takes_no_more(&error),
        }
        Ok(())
    }

    /// The machine needs a server connection for the input's next message.
    fn borrow(&mut self, effects: &mut Effects, cx: &mut Context<'_>) -> Step<()> {
        let control = Rc::clone(&self.registered.control);
        let pool = match choose_again(&self.shard, &control, &mut self.route) {
            None => return self.leave(&E::refusals().terminated(), cx),
            Some(Ok(pool)) => pool,
            Some(Err(none)) => {
                let refusal = E::refusals().no_target(&none);
                let refusal = E::refusals().identified(refusal, control.id);
                return self.refuse(&refusal, effects, cx);
            }
        };
        if let Some(key) = E::key_now(&self.session, &self.key) {
            self.key = self.shard.keys_of(&control.proxy).intern(key);
        }
        let session = &self.session;
        match pool.borrow(&self.shard, &self.key, |state| session.suits(state)) {
            Borrowed::Ready(lease) => self.attach(pool, lease),
            Borrowed::Later(waiting) => {
                control.state.set(SessionState::Waiting);
                self.waiting = Some(waiting);
            }
            Borrowed::Refused(error) => {
                let refusal = self.refusal(&pool, &error);
                self.refuse(&refusal, effects, cx)?;
            }
        }
        Ok(())
    }

    fn attach(&mut self, pool: Rc<TargetPool<E>>, lease: ServerLease<E>) {
        let control = &self.registered.control;
        control.borrows.set(control.borrows.get() + 1);
        control.holds(&pool.target.database, lease.server.number());
        let link = self.link.insert(Link::new(pool, lease));
        if let Some(state) = link.lease.state.take() {
            self.session.attach(state);
        }
        self.watches.server = Watch::Off;
        self.appetite = Appetite::Hungry;
    }

    fn server_step(&mut self, cx: &mut Context<'_>) -> Step<bool> {
        if !self.to_client.is_empty() {
            return Ok(false);
        }
        let Some(link) = &mut self.link else {
            return Ok(false);
        };
        let stream = link.lease.server.stream();
        if self.watches.server.outlook(stream, cx) == Outlook::Dry {
            return Ok(false);
        }
        let space = link.from_server.space(&self.shard.buffers);
        if space.is_empty() {
            self.server_lost(
                "the server sent a message that is too large to be inspected",
                cx,
            )?;
            return Ok(true);
        }
        match link.lease.server.stream().poll_read(cx, space) {
            Poll::Pending => {
                link.from_server.release_if_empty(&self.shard.buffers);
                self.watches.server = Watch::after_pending();
                return Ok(false);
            }
            Poll::Ready(Ok(0)) => {
                let why = link.broken.take();
                let why = why.as_deref().unwrap_or("the server closed the connection");
                self.server_lost(why, cx)?;
            }
            Poll::Ready(Ok(count)) => {
                self.watches.server = Watch::Off;
                link.from_server.read(count);
                self.note_activity();
                let mut effects = self.shard.take_effects();
                let result = self.feed_server(&mut effects, cx);
                self.shard.return_effects(effects);
                result?;
            }
            Poll::Ready(Err(error)) => self.server_lost(&error.to_string(), cx)?,
        }
        Ok(true)
    }

    /// Has the machine look at the server's bytes, and carries out what it says.
    fn feed_server(&mut self, effects: &mut Effects, cx: &mut Context<'_>) -> Step<()> {
        loop {
            let Some(link) = &mut self.link else {
                return Ok(());
            };
            if link.from_server.is_empty() {
                link.from_server.release_if_empty(&self.shard.buffers);
                return Ok(());
            }
            effects.clear();
            let progress = self.session.on_server(link.from_server.filled(), effects);
            let written = self.write_effects(effects, Input::Server, cx);
            if let Some(link) = &mut self.link {
                link.from_server.consume(progress.consumed);
            }
            written?;
            self.show_pins(effects);
            if progress.consumed > 0 {
                // The machine may now understand client bytes it could not before.
                self.appetite = Appetite::Hungry;
            }
            match progress.event {
                ServerEvent::More if progress.consumed == 0 => return Ok(()),
                ServerEvent::More => {}
                ServerEvent::Release(proof) => {
                    self.release(proof);
                    return Ok(());
                }
                ServerEvent::ServerFatal => {
                    self.drop_link(Cancel::No);
                    self.leaving = Leaving::AfterFlush;
                    return Ok(());
                }
                ServerEvent::OutOfSync => {
                    tracing::error!(session.id = %self.registered.control.id, "server connection out of step, closing it");
                    return self.server_lost("the proxy and the server were out of step", cx);
                }
            }
        }
    }

    pub(super) fn release(&mut self, proof: E::Proof) {
        self.show_idle_limit();
        if let Some(link) = self.link.take() {
            self.registered.control.holds_none();
            if link.broken.is_some() {
                link.discard(&self.shard, Cancel::No);
            } else {
                link.release(&self.shard, proof);
            }
        }
        self.appetite = Appetite::Hungry;
    }

    fn drop_link(&mut self, cancel: Cancel) {
        if let Some(link) = self.link.take() {
            self.registered.control.holds_none();
            link.discard(&self.shard, cancel);
        }
    }
}

fn count(counter: &Counter, bytes: usize) {
    counter.add(u64::try_from(bytes).unwrap_or(u64::MAX));
}

/// The bytes of `pieces`, those of the input taken from `input`.
fn bytes<'a>(pieces: Pieces<'a>, input: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    pieces.map(move |piece| match piece {
        Piece::Input(range) => input.get(range).unwrap_or_default(),
        Piece::Injected(bytes) => bytes,
    })
}
