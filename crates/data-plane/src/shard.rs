//! One shard: a thread with its own runtime, listeners, pools, sessions and clock. Nothing in here is
//! shared with another thread except through messages and the few atomics of `target` and `metrics`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use arc_swap::ArcSwap;
use rustc_hash::FxHashMap;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tollgate_pool::{Passport, Shard as ShardNumber};
use tollgate_session::Effects;
use tollgate_session::mysql::TextTable;
use tollgate_session::postgres::{StatementTable, TableSeed};
use tollgate_telemetry::Metrics;
use tollgate_types::{PinReport, ProxyId, SessionInfo, TargetId};
use tollgate_wire_postgres::secret::CancelSecret;

use crate::buffers::Buffers;
use crate::clock::Clock;
use crate::engine::{AnyPool, Crossing, Doomed, Engine, Killed};
use crate::listeners::{ListenerChange, ListenerKey};
use crate::metrics::ShardMetrics;
use crate::pins::PinBook;
use crate::pool_key::{Keys, PoolKey};
use crate::running::Running;
use crate::sessions::{Interrupt, Sessions};
use crate::settings::Settings;
use crate::target_pool::TargetPool;
use crate::throttle::FailedLogins;
use crate::tls::ServerTls;
use crate::vacating::InTheWay;
use crate::{accept, janitor, random};

/// Handshakes under way at once on one shard; more wait in the kernel's queue.
const HANDSHAKES: usize = 4096;

/// What other threads tell a shard.
pub(crate) enum Command {
    /// Run this configuration from now on.
    Apply {
        /// The configuration.
        running: Arc<Running>,
        /// This shard's listeners.
        listeners: ListenerChange,
        /// Answered when it is in force.
        done: oneshot::Sender<()>,
    },
    /// List the client connections of a proxy.
    Sessions {
        /// The proxy.
        proxy: ProxyId,
        /// The answer.
        reply: oneshot::Sender<Vec<SessionInfo>>,
    },
    /// List what pins the clients of a proxy.
    Pins {
        /// The proxy.
        proxy: ProxyId,
        /// The answer.
        reply: oneshot::Sender<PinReport>,
    },
    /// A `CancelRequest` for one of this shard's clients.
    Cancel {
        /// Process id of the client connection.
        process_id: i32,
        /// Its secret.
        secret: CancelSecret,
        /// Dropped when the request has been acted upon.
        acted: oneshot::Sender<()>,
    },
    /// A client wants to end another one, or what it is doing.
    Kill {
        /// Process id of the other one.
        process_id: i32,
        /// Who wants it.
        user: String,
        /// What is to end.
        what: Doomed,
        /// Answered when it has been acted upon.
        reply: oneshot::Sender<Killed>,
    },
    /// A server connection from another shard.
    Adopt {
        /// Whose.
        target: TargetId,
        /// For whom.
        key: Arc<PoolKey>,
        /// The connection.
        conn: Box<Crossing>,
        /// Its credit and history.
        passport: Passport,
    },
    /// Another shard's waiter is stuck.
    NeedCredit {
        /// On which target.
        target: TargetId,
        /// What it wants.
        key: Arc<PoolKey>,
        /// The other shard.
        from: ShardNumber,
    },
    /// A credit is free, or the health of a target changed: look again.
    Retry {
        /// Which target.
        target: TargetId,
    },
    /// Idle server connections are in the way of a command on a whole database.
    Vacate {
        /// On which target.
        target: TargetId,
        /// Which ones.
        which: InTheWay,
    },
    /// Take no new sessions, and end every session at its next transaction boundary.
    Drain,
    /// End every session now.
    Terminate,
    /// End the shard.
    Stop,
}

/// Whether the process is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopping {
    /// It serves.
    No,
    /// It lets sessions end and takes no new ones.
    Yes,
}

/// Which configuration a shard runs: another number with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Revision(u64);

/// How to talk to every shard.
pub(crate) type Peers = Arc<Vec<UnboundedSender<Command>>>;

/// What a shard is made from.
pub(crate) struct Seed {
    /// Its number.
    pub(crate) index: usize,
    /// Settings of the data plane.
    pub(crate) settings: Arc<Settings>,
    /// Certificates, reloadable.
    pub(crate) tls: Arc<ArcSwap<ServerTls>>,
    /// All shards, itself included.
    pub(crate) peers: Peers,
    /// Origin of the clock, the same for all shards.
    pub(crate) started: Instant,
    /// The process's metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// Client connections over all shards.
    pub(crate) clients: Arc<AtomicUsize>,
    /// Key for the verifiers of users nobody knows.
    pub(crate) mock_key: Arc<[u8; 32]>,
}

/// A shard's state. Lives on one thread, behind an `Rc`.
pub(crate) struct Shard {
    /// What it was made from.
    pub(crate) seed: Seed,
    /// The running configuration.
    pub(crate) running: RefCell<Arc<Running>>,
    revision: Cell<Revision>,
    /// Pools by target.
    pub(crate) pools: RefCell<FxHashMap<TargetId, AnyPool>>,
    /// Client connections.
    pub(crate) sessions: Rc<Sessions>,
    /// Pool keys, per proxy.
    pub(crate) keys: RefCell<HashMap<ProxyId, Rc<Keys>>>,
    /// Sums of pins, per proxy.
    pins: RefCell<HashMap<ProxyId, Rc<PinBook>>>,
    /// Counters.
    pub(crate) metrics: ShardMetrics,
    /// Prepared statements of all sessions of PostgreSQL.
    pub(crate) statements: StatementTable,
    /// Texts that sessions of MySQL and MariaDB have read.
    pub(crate) texts: TextTable,
    /// I/O buffers.
    pub(crate) buffers: Buffers,
    /// The vocabulary between session machines and relays, reused turn by turn.
    effects: Cell<Option<Box<Effects>>>,
    /// Coarse clock.
    pub(crate) clock: Clock,
    /// Permits for handshakes.
    pub(crate) handshakes: Arc<Semaphore>,
    /// Whether the process is stopping: no new sessions.
    pub(crate) stopping: Cell<Stopping>,
    /// Sources that failed too often.
    pub(crate) failed_logins: FailedLogins,
    listeners: RefCell<HashMap<ListenerKey, CancellationToken>>,
}

impl Shard {
    /// A shard with nothing to serve yet.
    pub(crate) fn new(seed: Seed) -> Rc<Self> {
        let clock = Clock::new(seed.started);
        let metrics = ShardMetrics::new(Arc::clone(&seed.metrics));
        let statements = StatementTable::new(TableSeed {
            table: u64::try_from(seed.index).unwrap_or(0),
            tables: u64::try_from(seed.settings.shards).unwrap_or(1),
            key: (u64::from(random::number()) << 32) | u64::from(random::number()),
        });
        Rc::new(Self {
            seed,
            running: RefCell::new(Arc::new(Running::default())),
            revision: Cell::default(),
            pools: RefCell::new(FxHashMap::default()),
            sessions: Rc::new(Sessions::default()),
            keys: RefCell::new(HashMap::new()),
            pins: RefCell::new(HashMap::new()),
            metrics,
            statements,
            texts: TextTable::default(),
            buffers: Buffers::default(),
            effects: Cell::new(None),
            clock,
            handshakes: Arc::new(Semaphore::new(HANDSHAKES)),
            stopping: Cell::new(Stopping::No),
            failed_logins: FailedLogins::default(),
            listeners: RefCell::new(HashMap::new()),
        })
    }

    /// This shard's number as the pools know it.
    pub(crate) fn number(&self) -> ShardNumber {
        ShardNumber::new(self.seed.index)
    }

    /// Of the running configuration.
    pub(crate) fn revision(&self) -> Revision {
        self.revision.get()
    }

    /// Serves until every sender of commands is gone.
    pub(crate) async fn run(self: Rc<Self>, mut commands: UnboundedReceiver<Command>) {
        let janitor = tokio::task::spawn_local(janitor::run(Rc::clone(&self)));
        // Every shard holds senders to all shards, so the channel alone would never end.
        while let Some(command) = commands.recv().await {
            if matches!(command, Command::Stop) {
                break;
            }
            self.obey(command);
        }
        janitor.abort();
    }

    fn obey(self: &Rc<Self>, command: Command) {
        match command {
            Command::Apply {
                running,
                listeners,
                done,
            } => {
                self.apply(&running, listeners);
                // The supervisor may have stopped waiting, for instance while the process ends.
                let _ = done.send(());
            }
            Command::Sessions { proxy, reply } => {
                let all = self.sessions.all();
                let infos = all
                    .iter()
                    .filter(|s| s.proxy == proxy)
                    .map(|s| s.info())
                    .collect();
                let _ = reply.send(infos);
            }
            Command::Pins { proxy, reply } => {
                let _ = reply.send(self.pin_report(&proxy));
            }
            Command::Cancel {
                process_id,
                secret,
                acted,
            } => {
                if let Some(session) = self.sessions.by_cancel_key(process_id, &secret) {
                    session.cancelling.borrow_mut().push(acted);
                    session.interrupt(Interrupt::Cancel);
                }
            }
            Command::Kill {
                process_id,
                user,
                what,
                reply,
            } => self.kill((process_id, what), &user, reply),
            Command::Adopt {
                target,
                key,
                conn,
                passport,
            } => {
                if let Some(pool) = self.any_pool(&target) {
                    pool.adopt(self, key, (*conn, passport));
                }
            }
            Command::NeedCredit { target, key, from } => {
                if let Some(pool) = self.any_pool(&target) {
                    pool.help(self, &key, from);
                }
            }
            Command::Retry { target } => {
                if let Some(pool) = self.any_pool(&target) {
                    pool.retry(self);
                }
            }
            Command::Vacate { target, which } => {
                if let Some(pool) = self.any_pool(&target) {
                    pool.vacate(self, &which);
                }
            }
            Command::Drain => {
                self.stopping.set(Stopping::Yes);
                self.interrupt_all(Interrupt::Drain);
            }
            Command::Terminate | Command::Stop => self.interrupt_all(Interrupt::Terminate),
        }
    }

    /// Effects for one look at some input; [`Shard::return_effects`] takes them back with their memory.
    pub(crate) fn take_effects(&self) -> Box<Effects> {
        self.effects.take().unwrap_or_default()
    }

    /// Keeps the memory of effects that have been carried out.
    pub(crate) fn return_effects(&self, effects: Box<Effects>) {
        self.effects.set(Some(effects));
    }

    /// The pool of a target, if it is configured.
    fn any_pool(&self, target: &TargetId) -> Option<AnyPool> {
        self.pools.borrow().get(target).cloned()
    }

    /// The same, if it is one of this engine.
    pub(crate) fn pool<E: Engine>(&self, target: &TargetId) -> Option<Rc<TargetPool<E>>> {
        self.any_pool(target).and_then(E::pool)
    }

    /// Pool keys of a proxy.
    pub(crate) fn keys_of(&self, proxy: &ProxyId) -> Rc<Keys> {
        Rc::clone(self.keys.borrow_mut().entry(proxy.clone()).or_default())
    }

    /// Sums of the pins of a proxy.
    pub(crate) fn pins_of(&self, proxy: &ProxyId) -> Rc<PinBook> {
        Rc::clone(self.pins.borrow_mut().entry(proxy.clone()).or_default())
    }

    fn pin_report(&self, proxy: &ProxyId) -> PinReport {
        let now = self.clock.exact();
        let sessions = self.sessions.all();
        let of_proxy = sessions.iter().filter(|session| session.proxy == *proxy);
        let book = self.pins.borrow().get(proxy).map(Rc::clone);
        PinReport {
            current: of_proxy
                .flat_map(|session| session.current_pins(now))
                .collect(),
            totals: book.map(|book| book.totals()).unwrap_or_default(),
        }
    }

    /// Whether new sessions of a proxy are welcome.
    pub(crate) fn serves(&self, proxy: &ProxyId) -> bool {
        let running = self.running.borrow();
        let welcome = running
            .proxies
            .get(proxy)
            .is_some_and(|proxy| !proxy.is_draining());
        welcome && self.stopping.get() == Stopping::No
    }

    fn interrupt_all(&self, what: Interrupt) {
        for session in self.sessions.all() {
            session.interrupt(what);
        }
    }

    fn apply(self: &Rc<Self>, running: &Arc<Running>, listeners: ListenerChange) {
        for key in &listeners.close {
            if let Some(stop) = self.listeners.borrow_mut().remove(key) {
                stop.cancel();
            }
        }
        let old = self.running.replace(Arc::clone(running));
        self.revision
            .set(Revision(self.revision.get().0.wrapping_add(1)));
        self.apply_pools(running);
        self.keys
            .borrow_mut()
            .retain(|proxy, _| running.proxies.contains_key(proxy));
        self.pins
            .borrow_mut()
            .retain(|proxy, _| running.proxies.contains_key(proxy));
        self.metrics
            .retain(|name| running.proxies.values().any(|p| p.config.name == name));
        self.end_sessions(&old, running);
        for (key, socket) in listeners.open {
            self.listen(key, socket);
        }
    }

    fn listen(self: &Rc<Self>, key: ListenerKey, socket: std::net::TcpListener) {
        let listener = match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(endpoint.port = key.port, %error, "listener could not be registered");
                return;
            }
        };
        let stop = CancellationToken::new();
        self.listeners
            .borrow_mut()
            .insert(key.clone(), stop.clone());
        tokio::task::spawn_local(accept::serve(Rc::clone(self), key, listener, stop));
    }

    fn apply_pools(self: &Rc<Self>, running: &Arc<Running>) {
        let mut wanted = FxHashMap::default();
        for proxy in running.proxies.values() {
            for target in &proxy.targets {
                wanted.insert(
                    target.id.clone(),
                    (Arc::clone(target), Arc::clone(&proxy.shared)),
                );
            }
        }
        let mut gone = Vec::new();
        self.pools.borrow_mut().retain(|id, pool| {
            let keep = wanted.contains_key(id);
            if !keep {
                gone.push(pool.clone());
            }
            keep
        });
        for pool in gone {
            pool.drain(self);
        }
        for (id, (target, proxy)) in wanted {
            if let Some(pool) = self.any_pool(&id) {
                pool.refresh(self);
            } else {
                let pool = AnyPool::new(self, target, proxy);
                self.pools.borrow_mut().insert(id, pool);
            }
        }
    }

    /// Sessions of proxies that are going or gone.
    fn end_sessions(&self, old: &Running, running: &Running) {
        for session in self.sessions.all() {
            match running.proxies.get(&session.proxy) {
                None => session.interrupt(Interrupt::Terminate),
                Some(proxy) if proxy.is_draining() => {
                    let before = old.proxies.get(&session.proxy);
                    if before.is_none_or(|proxy| !proxy.is_draining()) {
                        session.interrupt(Interrupt::Drain);
                    }
                }
                Some(_) => {}
            }
        }
    }
}
