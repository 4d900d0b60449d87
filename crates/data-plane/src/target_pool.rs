//! One shard's pool of one target: the shell that carries out what the pool core decides.

mod idling;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use tollgate_pool::{
    Action, Borrow, BorrowError, CloseReason, FailureScope, Generation, Jitter, Lease, Millis,
    OpenTicket, Parcel, Passport, Pool, Reuse, Settings, Shard as ShardNumber, Stats, WaiterId,
};
use tollgate_types::HealthState;

use crate::engine::{Belongs, Engine, Past, Proof, Server};
use crate::metrics::PoolMetrics;
use crate::opening;
use crate::pool_key::PoolKey;
use crate::pooled::{History, ParkedPooled, Pooled};
use crate::proxy_state::ProxyShared;
use crate::random;
use crate::server::OpenError;
use crate::shard::{Command, Shard};
use crate::target::TargetShared;
use crate::vacating::{self, InTheWay};
use crate::validation;
use crate::waiting::{WaitSlot, Waiting};

/// A lent server connection.
pub(crate) type ServerLease<E> = Lease<Conn<E>>;

/// Boxed, because it changes hands many times in every transaction.
type Conn<E> = Box<Pooled<E>>;

type Core<E> = Pool<Arc<PoolKey>, Conn<E>>;

/// A shard's pool of a target.
pub(crate) struct TargetPool<E: Engine> {
    /// What all shards share about the target.
    pub(crate) target: Arc<TargetShared>,
    /// Counters of this shard for this target.
    pub(crate) metrics: PoolMetrics,
    /// What all shards share about the proxy.
    pub(crate) proxy: Arc<ProxyShared>,
    core: RefCell<Core<E>>,
    waiters: RefCell<HashMap<WaiterId, Rc<WaitSlot<E>>>>,
    last_errors: RefCell<HashMap<Arc<PoolKey>, OpenError>>,
    idle_waker: RefCell<Waker>,
    /// Whether a connection came back since all idle ones were watched: most are lent again before a watch
    /// would be worth its price.
    unwatched: Cell<bool>,
    epoch: Cell<u64>,
    shards: usize,
}

/// The answer to a borrower.
pub(crate) enum Borrowed<E: Engine> {
    /// Here it is.
    Ready(ServerLease<E>),
    /// Wait for it.
    Later(Waiting<E>),
    /// Not now.
    Refused(BorrowError),
}

impl<E: Engine> TargetPool<E> {
    /// An empty pool that watches its idle connections.
    pub(crate) fn new(
        shard: &Rc<Shard>,
        target: Arc<TargetShared>,
        proxy: Arc<ProxyShared>,
    ) -> Rc<Self> {
        let shards = shard.seed.settings.shards;
        let now = shard.clock.exact();
        let core = Pool::new(
            shard.number(),
            Arc::clone(&target.credits),
            settings(&target, shards, shard.seed.settings.reuse),
            now,
        );
        let pool = Rc::new(Self {
            metrics: shard.metrics.pool(&target),
            proxy,
            core: RefCell::new(core),
            waiters: RefCell::new(HashMap::new()),
            last_errors: RefCell::new(HashMap::new()),
            idle_waker: RefCell::new(Waker::noop().clone()),
            unwatched: Cell::new(false),
            epoch: Cell::new(target.epoch()),
            shards,
            target,
        });
        tokio::task::spawn_local(idling::watch(Rc::downgrade(&pool), Rc::downgrade(shard)));
        pool
    }

    /// Asks for a server connection of `key`, rather one in a state that `suits` the borrower.
    pub(crate) fn borrow(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        key: &Arc<PoolKey>,
        suits: impl Fn(&E::State) -> bool,
    ) -> Borrowed<E> {
        self.catch_up(shard);
        let borrowed = match self.borrow_quiet(shard, key, suits) {
            Borrow::Ready(lease) => {
                self.metrics.borrows.increment();
                self.metrics.borrow_wait.record_us(0);
                return Borrowed::Ready(lease);
            }
            Borrow::Refused(error) => Borrowed::Refused(error),
            Borrow::Queued(id) => {
                let slot = Rc::new(WaitSlot::default());
                self.waiters.borrow_mut().insert(id, Rc::clone(&slot));
                Borrowed::Later(Waiting::new(Rc::clone(self), Rc::clone(shard), id, slot))
            }
        };
        self.act(shard);
        borrowed
    }

    /// Returns a connection that the session machine has proven clean.
    pub(crate) fn give_back(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        mut lease: ServerLease<E>,
        proof: E::Proof,
    ) {
        let changed = lease.history == History::Reset || proof.past() == Past::SettingsTouched;
        if changed && self.target.plan().policy.init_query.is_some() {
            // DISCARD ALL took what the init query had set as well: only a new connection has it.
            self.discard(shard, lease);
            return;
        }
        let state = proof.into_state();
        match E::is_of(&lease.key, &state) {
            Belongs::Yes => lease.state = Some(state),
            Belongs::NoLonger => {
                self.discard(shard, lease);
                return;
            }
        }
        self.return_unused(shard, lease);
    }

    /// Closes a connection that is in doubt, or dead.
    pub(crate) fn discard(self: &Rc<Self>, shard: &Rc<Shard>, lease: ServerLease<E>) {
        let conn = self.core.borrow_mut().discard(lease, shard.clock.coarse());
        conn.server.close();
        self.act(shard);
    }

    /// The lease's client is pinned to it.
    pub(crate) fn mark_pinned(&self, lease: &ServerLease<E>) {
        self.core.borrow_mut().mark_pinned(lease);
    }

    /// It no longer is.
    pub(crate) fn mark_unpinned(&self, lease: &ServerLease<E>) {
        self.core.borrow_mut().mark_unpinned(lease);
    }

    /// A waiter went away. A lease that was granted in the meantime was never used, so it is as clean
    /// as it was.
    pub(crate) fn cancel(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        id: WaiterId,
        granted: Option<ServerLease<E>>,
    ) {
        self.waiters.borrow_mut().remove(&id);
        let mut core = self.core.borrow_mut();
        core.cancel(id);
        drop(core);
        match granted {
            Some(lease) => self.return_unused(shard, lease),
            None => self.act(shard),
        }
    }

    /// The server's own error of the last failed opening for this key.
    pub(crate) fn last_error(&self, key: &Arc<PoolKey>) -> Option<OpenError> {
        self.last_errors.borrow().get(key).cloned()
    }

    /// An opening ended.
    pub(crate) fn opened(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        ticket: OpenTicket,
        key: &Arc<PoolKey>,
        result: Result<Pooled<E>, OpenError>,
    ) {
        self.catch_up(shard);
        let now = shard.clock.exact();
        match result {
            Ok(conn) => {
                let mut conn = Box::new(conn);
                self.last_errors.borrow_mut().remove(key);
                let jitter = Jitter::new(u16::try_from(random::number() & 0xffff).unwrap_or(0));
                // Registers the watcher; a server that has already hung up is noticed at first use.
                let _ = conn.idle_event(&self.idle_waker.borrow());
                self.core.borrow_mut().opened(ticket, conn, jitter, now);
            }
            Err(error) => {
                self.target.probe_now.notify_one();
                let message: Arc<str> = Arc::from(error.to_string());
                let scope = self.scope(&error);
                self.last_errors.borrow_mut().insert(Arc::clone(key), error);
                self.core
                    .borrow_mut()
                    .open_failed(ticket, scope, message, now);
            }
        }
        self.act(shard);
    }

    /// Waiting on does not help when the server has given its reasons, or when the prober agrees that
    /// the target is down.
    fn scope(&self, error: &OpenError) -> FailureScope {
        if error.concerns_the_key() || self.target.health().state == HealthState::Unavailable {
            FailureScope::KeyFatal
        } else {
            FailureScope::Target
        }
    }

    /// Takes in a connection from another shard.
    pub(crate) fn adopt(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        key: Arc<PoolKey>,
        conn: ParkedPooled<E>,
        passport: Passport,
    ) {
        self.catch_up(shard);
        if let Ok(mut conn) = conn.unpark() {
            let _ = conn.idle_event(&self.idle_waker.borrow());
            let parcel = Parcel {
                key,
                conn: Box::new(conn),
                passport,
            };
            self.core.borrow_mut().adopt(parcel, shard.clock.exact());
            self.act(shard);
        }
    }

    /// Another shard needs a connection of `key`, or the room for one.
    pub(crate) fn help(self: &Rc<Self>, shard: &Rc<Shard>, key: &Arc<PoolKey>, from: ShardNumber) {
        self.watch_returned(shard);
        let parcel = self
            .core
            .borrow_mut()
            .surrender(Some(key), shard.clock.exact());
        if let Some(parcel) = parcel {
            self.send(shard, parcel, from);
        }
        self.act(shard);
    }

    /// A credit may be free, or the target's health changed.
    pub(crate) fn retry(self: &Rc<Self>, shard: &Rc<Shard>) {
        self.refresh(shard);
        self.core.borrow_mut().retry(shard.clock.exact());
        self.act(shard);
    }

    /// Takes in changed settings, and retires connections that were opened under outdated ones.
    pub(crate) fn refresh(self: &Rc<Self>, shard: &Rc<Shard>) {
        let now = shard.clock.exact();
        let epoch = self.target.epoch();
        let mut core = self.core.borrow_mut();
        let reuse = shard.seed.settings.reuse;
        core.set_settings(settings(&self.target, self.shards, reuse), now);
        if self.epoch.replace(epoch) != epoch {
            core.retire_all(Generation::new(epoch), now);
            self.proxy.forget_greetings();
        }
        drop(core);
        self.act(shard);
    }

    /// Whether there are connections from before the target's epoch.
    pub(crate) fn is_behind(&self) -> bool {
        self.epoch.get() != self.target.epoch()
    }

    /// Closes what is idle and in the way, and keeps it away for a while.
    pub(crate) fn vacate(self: &Rc<Self>, shard: &Rc<Shard>, which: &InTheWay) {
        let now = shard.clock.exact();
        let until = now.saturating_add(vacating::PAUSE);
        let closed = self
            .core
            .borrow_mut()
            .vacate(|key| which.concerns(key), until, now);
        if closed > 0 {
            tracing::info!(
                target.name = %self.target.database, closed, which = ?which,
                "idle server connections closed for a command on a whole database"
            );
        }
        self.act(shard);
    }

    /// The janitor's call, every tick.
    pub(crate) fn tick(self: &Rc<Self>, shard: &Rc<Shard>, now: Millis) {
        self.target.routines.tick(now);
        // Before any of them goes to another shard, which would not know what this one's runtime knows.
        self.watch_returned(shard);
        self.core.borrow_mut().tick(now);
        self.act(shard);
        let stats = self.stats();
        self.metrics.show(&stats);
    }

    /// The target left the configuration.
    pub(crate) fn drain(self: &Rc<Self>, shard: &Rc<Shard>) {
        self.core.borrow_mut().drain(shard.clock.exact());
        self.act(shard);
        self.metrics.show(&Stats::default());
    }

    /// Counts for metrics and refusals.
    pub(crate) fn stats(&self) -> Stats {
        self.core.borrow().stats()
    }

    /// Carries out what the core has decided. Never holds the core while it does.
    fn act(self: &Rc<Self>, shard: &Rc<Shard>) {
        loop {
            let Some(action) = self.core.borrow_mut().pop_action() else {
                return;
            };
            match action {
                Action::Open { ticket, key } => {
                    tokio::task::spawn_local(opening::run(
                        Rc::clone(self),
                        Rc::clone(shard),
                        ticket,
                        key,
                    ));
                }
                Action::Grant { waiter, lease } => self.grant(shard, waiter, lease),
                Action::Refuse { waiter, error } => self.answer(waiter, Err(error)),
                Action::Close { conn, reason } => self.close(*conn, reason),
                Action::Validate { lease, deadline } => {
                    tokio::task::spawn_local(validation::run(
                        Rc::clone(self),
                        Rc::clone(shard),
                        lease,
                        deadline,
                    ));
                }
                Action::NeedCredit { key } => self.ask_others(shard, &key),
                Action::Offer { parcel, shard: to } => self.send(shard, parcel, to),
                Action::Nudge { shard: to } => {
                    tell(
                        shard,
                        to,
                        Command::Retry {
                            target: self.target.id.clone(),
                        },
                    );
                }
                Action::Leaked { key, held, pin, .. } => {
                    tracing::warn!(
                        target.name = %self.target.database, db.user = %key.user, held_ms = held.as_u64(), pin = ?pin,
                        "server connection held for longer than leakDetectionThreshold"
                    );
                }
                Action::Unleaked { held, .. } => {
                    tracing::info!(target.name = %self.target.database, held_ms = held.as_u64(), "long-held server connection came back");
                }
            }
        }
    }

    fn grant(self: &Rc<Self>, shard: &Rc<Shard>, waiter: WaiterId, lease: ServerLease<E>) {
        if self.waiters.borrow().contains_key(&waiter) {
            self.metrics.borrows.increment();
            self.answer(waiter, Ok(lease));
        } else {
            let conn = self.core.borrow_mut().discard(lease, shard.clock.coarse());
            conn.server.close();
        }
    }

    fn answer(&self, waiter: WaiterId, answer: Result<ServerLease<E>, BorrowError>) {
        if let Some(slot) = self.waiters.borrow_mut().remove(&waiter) {
            if matches!(answer, Err(BorrowError::TimedOut(_))) {
                self.metrics.borrow_timeouts.increment();
            }
            slot.fill(answer);
        }
    }

    fn close(&self, conn: Pooled<E>, reason: CloseReason) {
        tracing::debug!(target.name = %self.target.database, server.pid = conn.server.number(), reason = ?reason, "server connection closed");
        conn.server.close();
    }

    fn ask_others(&self, shard: &Rc<Shard>, key: &Arc<PoolKey>) {
        for number in (0..self.shards).filter(|number| *number != shard.seed.index) {
            let command = Command::NeedCredit {
                target: self.target.id.clone(),
                key: Arc::clone(key),
                from: shard.number(),
            };
            tell(shard, ShardNumber::new(number), command);
        }
    }

    fn send(&self, shard: &Rc<Shard>, parcel: Parcel<Arc<PoolKey>, Conn<E>>, to: ShardNumber) {
        let Parcel {
            key,
            conn,
            passport,
        } = parcel;
        if let Ok(conn) = conn.park() {
            let command = Command::Adopt {
                target: self.target.id.clone(),
                key,
                conn: Box::new(E::crossing(conn)),
                passport,
            };
            tell(shard, to, command);
        }
    }
}

fn tell(shard: &Rc<Shard>, to: ShardNumber, command: Command) {
    if let Some(peer) = shard.seed.peers.get(to.number()) {
        // A shard that has ended needs nothing any more; what was sent is dropped, which closes it.
        let _ = peer.send(command);
    }
}

fn settings(target: &TargetShared, shards: usize, reuse: Reuse) -> Settings {
    let policy = &target.plan().policy;
    let each = |total: u32| total.div_ceil(u32::try_from(shards).unwrap_or(1).max(1));
    Settings {
        min_idle: each(policy.minimum_idle),
        max_idle: each(target.idle_allowed()),
        excess_idle_timeout: Millis::from_secs(300),
        idle_timeout: Millis::new(policy.idle_timeout),
        max_lifetime: Millis::new(policy.max_lifetime),
        keepalive_time: Millis::new(policy.keepalive_time),
        validation_timeout: Millis::new(policy.validation_timeout),
        borrow_timeout: Millis::from_secs(u64::from(policy.connection_borrow_timeout)),
        leak_threshold: Millis::new(policy.leak_detection_threshold),
        reuse,
    }
}
