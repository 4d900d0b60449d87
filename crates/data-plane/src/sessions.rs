//! A shard's register of client connections: who they are, what they do, and how to interrupt them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use tokio::sync::oneshot;
use tollgate_pool::Millis;
use tollgate_session::postgres::idle_session_timeout;
use tollgate_types::{CurrentPin, PinInfo, ProxyId, SessionInfo, SessionState};
use tollgate_wire_postgres::secret::CancelSecret;

use crate::pins::HeldPin;
use crate::pool_key::PoolKey;
use crate::random::CorrelationId;

/// What somebody else asks of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Nothing was sent for the proxy's `idleClientTimeout`.
    IdleTimeout,
    /// Nothing was sent for the client's own `idle_session_timeout`.
    SessionTimeout,
    /// The proxy is going away: end at the next transaction boundary.
    Drain,
    /// The bounded time is over: end now.
    Terminate,
    /// The client's `CancelRequest`, or another's `KILL QUERY`.
    Cancel,
    /// Another client's `KILL`.
    Kill,
}

impl Interrupt {
    const BY_URGENCY: [Self; 6] = [
        Self::Kill,
        Self::Terminate,
        Self::Cancel,
        Self::Drain,
        Self::IdleTimeout,
        Self::SessionTimeout,
    ];

    const fn bit(self) -> u8 {
        match self {
            Self::IdleTimeout => 1,
            Self::Drain => 2,
            Self::Terminate => 4,
            Self::Cancel => 8,
            Self::SessionTimeout => 16,
            Self::Kill => 32,
        }
    }
}

/// Whether the task of a session is woken as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waking {
    /// It is.
    AsBefore,
    /// In another way: who has registered the old one must register again.
    Anew,
}

/// The part of a session others may look at. One per client connection, on its shard only.
pub(crate) struct SessionControl {
    /// Correlation id of the login.
    pub(crate) id: CorrelationId,
    /// Proxy.
    pub(crate) proxy: ProxyId,
    /// Endpoint name.
    pub(crate) endpoint: Arc<str>,
    /// User, database and startup parameters.
    pub(crate) key: Arc<PoolKey>,
    /// What it calls itself, where that is not a startup parameter.
    application: Option<Box<str>>,
    /// Caller's ARN.
    pub(crate) principal: Option<Arc<str>>,
    /// Peer address.
    pub(crate) peer: std::net::SocketAddr,
    /// Encrypted or not.
    pub(crate) tls: bool,
    /// Seconds since the epoch of the login.
    pub(crate) connected_unix: i64,
    /// Key given out in `BackendKeyData`.
    pub(crate) cancel_key: CancelKey,
    /// What it is doing.
    pub(crate) state: Cell<SessionState>,
    /// Shard time at which it last did something.
    pub(crate) last_activity: Cell<Millis>,
    /// For how long the client itself wants to be idle at the most.
    pub(crate) idle_limit: Cell<Option<Millis>>,
    /// Server connections borrowed so far.
    pub(crate) borrows: Cell<u64>,
    /// The target of the server connection held last: taken anew only when it is another one.
    target: RefCell<Option<Arc<str>>>,
    /// Process id of the server connection held.
    server: Cell<Option<i32>>,
    /// Why it is pinned.
    pub(crate) pins: RefCell<Vec<HeldPin>>,
    /// Those who wait for cancel requests to be acted upon.
    pub(crate) cancelling: RefCell<Vec<oneshot::Sender<()>>>,
    interrupts: Cell<u8>,
    waker: RefCell<Option<Waker>>,
}

/// What a session is before it has done anything.
pub(crate) struct NewSession {
    /// Correlation id of the login.
    pub(crate) id: CorrelationId,
    /// Proxy.
    pub(crate) proxy: ProxyId,
    /// Endpoint name.
    pub(crate) endpoint: Arc<str>,
    /// User, database and startup parameters.
    pub(crate) key: Arc<PoolKey>,
    /// What it calls itself, where that is not a startup parameter.
    pub(crate) application: Option<Box<str>>,
    /// Caller's ARN.
    pub(crate) principal: Option<Arc<str>>,
    /// Peer address.
    pub(crate) peer: std::net::SocketAddr,
    /// Encrypted or not.
    pub(crate) tls: bool,
}

/// Set in the numbers that MySQL clients are given, so that nobody takes one for a number of the server's, which
/// `SHOW PROCESSLIST` shows.
const OURS: u32 = 1 << 31;

/// The number that a MySQL client is given.
pub(crate) fn connection_id(process_id: i32) -> u32 {
    process_id.unsigned_abs() | OURS
}

/// The process id behind such a number; `None` if it is none.
pub(crate) fn process_id_of(connection_id: u64) -> Option<i32> {
    let number = u32::try_from(connection_id).ok()?;
    if number < OURS {
        return None;
    }
    i32::try_from(number ^ OURS).ok()
}

/// The process id and secret of a client connection.
pub(crate) struct CancelKey {
    /// Carries the shard in its remainder modulo the number of shards.
    pub(crate) process_id: i32,
    /// Random.
    pub(crate) secret: CancelSecret,
}

impl SessionControl {
    /// A session that has just logged in.
    pub(crate) fn new(new: NewSession, cancel_key: CancelKey, now: Millis) -> Self {
        Self {
            idle_limit: Cell::new(idle_limit_at_login(&new.key)),
            id: new.id,
            proxy: new.proxy,
            endpoint: new.endpoint,
            key: new.key,
            application: new.application,
            principal: new.principal,
            peer: new.peer,
            tls: new.tls,
            connected_unix: crate::clock::unix_seconds(),
            cancel_key,
            state: Cell::new(SessionState::Idle),
            last_activity: Cell::new(now),
            borrows: Cell::new(0),
            target: RefCell::new(None),
            server: Cell::new(None),
            pins: RefCell::new(Vec::new()),
            cancelling: RefCell::new(Vec::new()),
            interrupts: Cell::new(0),
            waker: RefCell::new(None),
        }
    }

    /// For how long the client wants to be idle at the most, as its startup parameters say.
    pub(crate) fn idle_limit_at_login(&self) -> Option<Millis> {
        idle_limit_at_login(&self.key)
    }

    /// The session has this connection to a target.
    pub(crate) fn holds(&self, target: &Arc<str>, process_id: i32) {
        self.server.set(Some(process_id));
        let mut known = self.target.borrow_mut();
        if !known
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, target))
        {
            *known = Some(Arc::clone(target));
        }
    }

    /// It has none any more.
    pub(crate) fn holds_none(&self) {
        self.server.set(None);
    }

    /// Asks the session to do something and wakes it. Requests of different kinds add up.
    pub(crate) fn interrupt(&self, what: Interrupt) {
        self.interrupts.set(self.interrupts.get() | what.bit());
        self.wake();
    }

    /// Has the session's task look around.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// The most urgent pending interrupt, taken.
    pub(crate) fn take_interrupt(&self) -> Option<Interrupt> {
        let pending = self.interrupts.get();
        if pending == 0 {
            return None;
        }
        let next = Interrupt::BY_URGENCY
            .into_iter()
            .find(|kind| pending & kind.bit() != 0)?;
        self.interrupts.set(pending & !next.bit());
        Some(next)
    }

    /// Remembers whom to wake; cheap when nothing changed.
    pub(crate) fn watch(&self, waker: &Waker) -> Waking {
        let mut slot = self.waker.borrow_mut();
        match slot.as_ref() {
            Some(known) if known.will_wake(waker) => Waking::AsBefore,
            Some(_) | None => {
                *slot = Some(waker.clone());
                Waking::Anew
            }
        }
    }

    /// The rows of the pins view, at this time of the shard.
    pub(crate) fn current_pins(&self, now: Millis) -> Vec<CurrentPin> {
        let pins = self.pins.borrow();
        pins.iter()
            .map(|pin| CurrentPin {
                session_id: self.id.to_string(),
                endpoint: self.endpoint.to_string(),
                user: self.key.user.clone(),
                database: self.key.database.clone(),
                application_name: self.application_name(),
                reason: pin.reason.code().to_owned(),
                statement: pin.statement.as_deref().map(str::to_owned),
                detail: pin.detail.as_deref().map(str::to_owned),
                since_unix: pin.since_unix,
                held_ms: now.saturating_sub(pin.since).as_u64(),
            })
            .collect()
    }

    fn application_name(&self) -> String {
        let said = self.application.as_deref();
        let name = said.or_else(|| self.key.param("application_name"));
        name.unwrap_or_default().to_owned()
    }

    /// The row of the sessions view.
    pub(crate) fn info(&self) -> SessionInfo {
        let process_id = self.server.get();
        let target = self.target.borrow();
        SessionInfo {
            id: self.id.to_string(),
            endpoint: self.endpoint.to_string(),
            user: self.key.user.clone(),
            database: self.key.database.clone(),
            application_name: self.application_name(),
            client: self.peer.to_string(),
            principal_arn: self.principal.as_ref().map(ToString::to_string),
            tls: self.tls,
            state: self.state.get(),
            pins: self
                .pins
                .borrow()
                .iter()
                .map(|pin| PinInfo {
                    reason: pin.reason.code().to_owned(),
                })
                .collect(),
            target: process_id.and(target.as_deref()).map(str::to_owned),
            server_pid: process_id.map(i64::from),
            connected_unix: self.connected_unix,
            borrows: self.borrows.get(),
        }
    }
}

fn idle_limit_at_login(key: &PoolKey) -> Option<Millis> {
    let own = key.param("idle_session_timeout");
    own.and_then(idle_session_timeout).map(Millis::new)
}

/// All client connections of a shard by process id.
#[derive(Default)]
pub(crate) struct Sessions {
    by_pid: RefCell<HashMap<i32, Rc<SessionControl>>>,
    next: Cell<u32>,
    serial: Cell<u64>,
}

impl Sessions {
    /// A process id nobody on this shard uses: positive, and `shard` modulo `shards`.
    pub(crate) fn fresh_process_id(&self, shard: usize, shards: usize) -> i32 {
        let shards = u32::try_from(shards).unwrap_or(1).max(1);
        let shard = u32::try_from(shard).unwrap_or(0);
        let span = (i32::MAX.unsigned_abs() - shards) / shards;
        loop {
            let turn = self.next.get() % span + 1;
            self.next.set(turn);
            let pid = i32::try_from(turn * shards + shard).unwrap_or(1);
            if !self.by_pid.borrow().contains_key(&pid) {
                return pid;
            }
        }
    }

    /// A number no other session of the process has: also different from those of the other shards.
    pub(crate) fn fresh_serial(&self, shard: usize, shards: usize) -> u64 {
        let turn = self.serial.get() + 1;
        self.serial.set(turn);
        let (shard, shards) = (
            u64::try_from(shard).unwrap_or(0),
            u64::try_from(shards).unwrap_or(1),
        );
        turn * shards.max(1) + shard
    }

    /// Registers a session; it leaves the register when the guard is dropped.
    pub(crate) fn register(self: &Rc<Self>, control: Rc<SessionControl>) -> Registered {
        self.by_pid
            .borrow_mut()
            .insert(control.cancel_key.process_id, Rc::clone(&control));
        Registered {
            sessions: Rc::clone(self),
            control,
        }
    }

    /// The session with this key; the secret is compared in constant time.
    pub(crate) fn by_cancel_key(
        &self,
        pid: i32,
        secret: &CancelSecret,
    ) -> Option<Rc<SessionControl>> {
        let found = self.by_pid.borrow().get(&pid).map(Rc::clone)?;
        (found.cancel_key.secret == *secret).then_some(found)
    }

    /// The session that clients know by this number.
    pub(crate) fn by_process_id(&self, pid: i32) -> Option<Rc<SessionControl>> {
        self.by_pid.borrow().get(&pid).map(Rc::clone)
    }

    /// Every session, for the janitor and the sessions view.
    pub(crate) fn all(&self) -> Vec<Rc<SessionControl>> {
        self.by_pid.borrow().values().map(Rc::clone).collect()
    }
}

/// Keeps a session registered.
pub(crate) struct Registered {
    sessions: Rc<Sessions>,
    /// The session.
    pub(crate) control: Rc<SessionControl>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.sessions
            .by_pid
            .borrow_mut()
            .remove(&self.control.cancel_key.process_id);
    }
}
