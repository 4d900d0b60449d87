//! One client session at work: bytes from the client, through the session machine, to a borrowed
//! server connection, and back. One task drives both sockets; nothing here sets a timer.

mod advice;
mod ending;
mod link;
mod outgoing;

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use tollgate_pool::BorrowError;
use tollgate_session::postgres::{Cancel, Clean, ServerEvent, Session, SessionConfig, Want};
use tollgate_session::{Effects, Piece, Pieces};
use tollgate_telemetry::GaugeGuard;
use tollgate_types::SessionState;
use tollgate_wire_postgres::backend::ErrorFields;

use crate::buffers::InputBuffer;
use crate::greeting::choose_target;
use crate::metrics::ProxyMetrics;
use crate::reply::{self, Told};
use crate::sessions::Registered;
use crate::shard::Shard;
use crate::stream::Stream;
use crate::target_pool::{Borrowed, ServerLease, TargetPool};
use crate::waiting::Waiting;
use ending::{End, Leaving};
use link::Link;
use outgoing::Outgoing;

/// Bytes of an unnamed statement remembered per client, so that it can be prepared again on another
/// server connection; longer ones pin.
const REMEMBERED_STATEMENT: usize = 64 * 1024;

/// A running session.
pub(crate) struct Relay {
    shard: Rc<Shard>,
    registered: Registered,
    client: Stream,
    session: Session,
    from_client: InputBuffer,
    to_client: Outgoing,
    link: Option<Box<Link>>,
    waiting: Option<Waiting>,
    /// The machine has seen all input and needs more.
    starved: bool,
    leaving: Leaving,
    pinned: Option<GaugeGuard>,
    metrics: Rc<ProxyMetrics>,
}

/// What came of a turn.
type Step<T> = Result<T, End>;

impl Relay {
    /// A session that has just been greeted; `rest` was read behind the startup packet.
    pub(crate) fn new(
        shard: Rc<Shard>,
        registered: Registered,
        client: Stream,
        rest: &[u8],
        metrics: Rc<ProxyMetrics>,
    ) -> Self {
        let mut from_client = InputBuffer::default();
        if !rest.is_empty() {
            let space = from_client.space(&shard.buffers);
            let count = rest.len().min(space.len());
            space[..count].copy_from_slice(&rest[..count]);
            from_client.read(count);
        }
        let session = Session::new(SessionConfig {
            id: shard
                .sessions
                .fresh_serial(shard.seed.index, shard.seed.settings.shards),
            max_remembered_unnamed: REMEMBERED_STATEMENT,
        });
        Self {
            shard,
            registered,
            client,
            session,
            from_client,
            to_client: Outgoing::default(),
            link: None,
            waiting: None,
            starved: false,
            leaving: Leaving::No,
            pinned: None,
            metrics,
        }
    }

    /// Serves the client until it leaves or has to.
    pub(crate) async fn run(mut self) {
        let end = poll_fn(|cx| self.turn(cx)).await;
        self.finish(end).await;
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.registered.control.watch(cx.waker());
        while let Some(interrupt) = self.registered.control.take_interrupt() {
            if let Err(end) = self.interrupted(interrupt, cx) {
                return Poll::Ready(end);
            }
        }
        self.note_cancel();
        loop {
            match self.step(cx) {
                Ok(true) => {}
                Ok(false) => {
                    self.show_state();
                    return Poll::Pending;
                }
                Err(end) => return Poll::Ready(end),
            }
        }
    }

    /// Moves what can be moved without waiting. True when something moved.
    fn step(&mut self, cx: &mut Context<'_>) -> Step<bool> {
        let mut moved = self.flush(cx)?;
        if self.leaving == Leaving::AfterFlush {
            return if self.to_client.is_empty() {
                Err(End::Told)
            } else {
                Ok(false)
            };
        }
        moved |= self.take_grant(cx)?;
        moved |= self.client_step(cx)?;
        moved |= self.server_step(cx)?;
        if self.leaving == Leaving::AtBoundary && self.may_leave() {
            self.leave(&reply::terminated(), cx)?;
            moved = true;
        }
        Ok(moved)
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Step<bool> {
        let mut moved = self
            .to_client
            .flush(&mut self.client, cx)
            .map_err(End::client)?;
        if let Some(link) = &mut self.link {
            match link.to_server.flush(&mut link.lease.server.stream, cx) {
                Ok(more) => moved |= more,
                Err(error) => {
                    self.server_lost(&error.to_string(), cx)?;
                    moved = true;
                }
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
            .is_some_and(|link| !link.to_server.is_empty());
        if server_full || !self.to_client.is_empty() {
            return Ok(false);
        }
        if self.waiting.is_none() && !self.starved && !self.from_client.is_empty() {
            self.feed_client(cx)?;
            return Ok(true);
        }
        if self.waiting.is_some() && self.from_client.is_full() {
            return Ok(false);
        }
        let space = self.from_client.space(&self.shard.buffers);
        if space.is_empty() {
            self.leave(&reply::message_too_large(InputBuffer::MAX), cx)?;
            return Ok(true);
        }
        match self.client.poll_read(cx, space) {
            Poll::Pending => {
                self.from_client.release_if_empty(&self.shard.buffers);
                return Ok(false);
            }
            Poll::Ready(Ok(0)) => return Err(End::ClientGone),
            Poll::Ready(Ok(count)) => {
                self.from_client.read(count);
                self.registered
                    .control
                    .last_activity
                    .set(self.shard.clock.coarse());
            }
            Poll::Ready(Err(error)) => return Err(End::client(error)),
        }
        self.starved = false;
        if self.waiting.is_none() {
            self.feed_client(cx)?;
        }
        Ok(true)
    }

    /// Has the machine look at the client's bytes, and carries out what it says.
    fn feed_client(&mut self, cx: &mut Context<'_>) -> Step<()> {
        let mut effects = self.shard.effects.take();
        let result = self.feed_client_with(&mut effects, cx);
        self.shard.effects.set(effects);
        self.from_client.release_if_empty(&self.shard.buffers);
        result
    }

    fn feed_client_with(&mut self, effects: &mut Effects, cx: &mut Context<'_>) -> Step<()> {
        while !self.from_client.is_empty() {
            effects.clear();
            let progress = self.session.on_client(self.from_client.filled(), effects);
            let written = self.write_effects(effects, Input::Client, cx);
            self.from_client.consume(progress.consumed);
            written?;
            match progress.want {
                Want::More | Want::Replies => {
                    self.starved = true;
                    return Ok(());
                }
                Want::Release(proof) => self.release(proof),
                Want::Server => {
                    self.borrow(effects, cx)?;
                    if self.waiting.is_some() {
                        return Ok(());
                    }
                }
                Want::Close(_) => {
                    self.leaving = Leaving::AfterFlush;
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
        let input: &[u8] = match (source, &self.link) {
            (Input::Client, _) => self.from_client.filled(),
            (Input::Server, Some(link)) => link.from_server.filled(),
            (Input::Server, None) => &[],
        };
        let sent = self
            .to_client
            .write(&mut self.client, cx, bytes(effects.to_client(), input))
            .map_err(End::client)?;
        self.metrics.to_client.add(u64::try_from(sent).unwrap_or(0));
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let Link {
            lease,
            from_server,
            to_server,
            ..
        } = link.as_mut();
        let input = match source {
            Input::Client => self.from_client.filled(),
            Input::Server => from_server.filled(),
        };
        match to_server.write(
            &mut lease.server.stream,
            cx,
            bytes(effects.to_server(), input),
        ) {
            Ok(sent) => {
                self.metrics.to_server.add(u64::try_from(sent).unwrap_or(0));
                Ok(())
            }
            Err(error) => self.server_lost(&error.to_string(), cx),
        }
    }

    /// The machine needs a server connection for the input's next message.
    fn borrow(&mut self, effects: &mut Effects, cx: &mut Context<'_>) -> Step<()> {
        let control = Rc::clone(&self.registered.control);
        let running = std::sync::Arc::clone(&self.shard.running.borrow());
        let Some(proxy) = running.proxies.get(&control.proxy) else {
            return self.leave(&reply::terminated(), cx);
        };
        let pool = match choose_target(&self.shard, proxy, &control.endpoint) {
            Ok(pool) => pool,
            Err(none) => return self.refuse(&none.in_session(), effects, cx),
        };
        match pool.borrow(&self.shard, &control.key) {
            Borrowed::Ready(lease) => self.attach(pool, lease),
            Borrowed::Later(waiting) => {
                control.state.set(SessionState::Waiting);
                self.waiting = Some(waiting);
            }
            Borrowed::Refused(error) => {
                let fields = refusal(&pool, &control.key, &error);
                self.refuse(&fields, effects, cx)?;
            }
        }
        Ok(())
    }

    fn attach(&mut self, pool: Rc<TargetPool>, lease: ServerLease) {
        let control = &self.registered.control;
        control.borrows.set(control.borrows.get() + 1);
        let mut link = Box::new(Link::new(pool, lease));
        *control.server.borrow_mut() = Some(link.name());
        if let Some(state) = link.lease.state.take() {
            self.session.attach(state);
        }
        self.link = Some(link);
        self.starved = false;
    }

    fn refuse_borrow(
        &mut self,
        pool: &Rc<TargetPool>,
        error: &BorrowError,
        cx: &mut Context<'_>,
    ) -> Step<()> {
        let fields = refusal(pool, &self.registered.control.key, error);
        let mut effects = self.shard.effects.take();
        let result = self.refuse(&fields, &mut effects, cx);
        self.shard.effects.set(effects);
        result
    }

    /// Answers the waiting request with an error, in order; the client stays.
    fn refuse(
        &mut self,
        fields: &ErrorFields,
        effects: &mut Effects,
        cx: &mut Context<'_>,
    ) -> Step<()> {
        effects.clear();
        self.session.refuse(fields, effects);
        self.starved = false;
        self.write_effects(effects, Input::Client, cx)
    }

    fn server_step(&mut self, cx: &mut Context<'_>) -> Step<bool> {
        if !self.to_client.is_empty() {
            return Ok(false);
        }
        let Some(link) = &mut self.link else {
            return Ok(false);
        };
        let space = link.from_server.space(&self.shard.buffers);
        if space.is_empty() {
            self.server_lost(
                "the server sent a message that is too large to be inspected",
                cx,
            )?;
            return Ok(true);
        }
        match link.lease.server.stream.poll_read(cx, space) {
            Poll::Pending => {
                link.from_server.release_if_empty(&self.shard.buffers);
                return Ok(false);
            }
            Poll::Ready(Ok(0)) => self.server_lost("the server closed the connection", cx)?,
            Poll::Ready(Ok(count)) => {
                link.from_server.read(count);
                let mut effects = self.shard.effects.take();
                let result = self.feed_server(&mut effects, cx);
                self.shard.effects.set(effects);
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
            // The machine may now understand client bytes it could not before.
            self.starved &= progress.consumed == 0;
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

    pub(super) fn release(&mut self, proof: Clean) {
        if let Some(link) = self.link.take() {
            *self.registered.control.server.borrow_mut() = None;
            link.release(&self.shard, proof);
        }
        self.starved = false;
    }

    fn drop_link(&mut self, cancel: Cancel) {
        if let Some(link) = self.link.take() {
            *self.registered.control.server.borrow_mut() = None;
            link.discard(&self.shard, cancel);
        }
    }
}

/// The bytes of `pieces`, those of the input taken from `input`.
fn bytes<'a>(pieces: Pieces<'a>, input: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    pieces.map(move |piece| match piece {
        Piece::Input(range) => input.get(range).unwrap_or_default(),
        Piece::Injected(bytes) => bytes,
    })
}

/// Which buffer ranges of input refer to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input {
    Client,
    Server,
}

/// What a client is told whose request got no server connection: the server's own words where it
/// gave any for this user and database.
fn refusal(
    pool: &TargetPool,
    key: &std::sync::Arc<crate::pool_key::PoolKey>,
    error: &BorrowError,
) -> ErrorFields {
    match (error, pool.last_error(key)) {
        (BorrowError::Unavailable(_), Some(open)) => {
            reply::open_failed(&open, &pool.target.database, Told::InSession)
        }
        _ => reply::borrow_refused(error, &pool.target.database),
    }
}
