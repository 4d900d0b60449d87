//! A shell without sockets: carries out nothing, writes everything down.

use std::sync::Arc;

use tollgate_pool::{
    Action, Borrow, BorrowError, CloseReason, ConnId, Credits, FailureScope, Jitter, Lease, Millis,
    OpenTicket, Parcel, Pool, Reuse, Settings, Shard, Stats, WaiterId,
};

/// A connection is just its number, counted per rig in the order of opening.
pub(crate) type Conn = u32;
pub(crate) type Key = &'static str;

/// Everything long, so that a test sees only what it switches on.
pub(crate) const CALM: Settings = Settings {
    min_idle: 0,
    max_idle: 100,
    excess_idle_timeout: Millis::from_secs(300),
    idle_timeout: Millis::ZERO,
    max_lifetime: Millis::ZERO,
    keepalive_time: Millis::ZERO,
    validation_timeout: Millis::from_secs(5),
    borrow_timeout: Millis::from_secs(120),
    leak_threshold: Millis::ZERO,
    reuse: Reuse::MostRecent,
};

/// One pool, the time, and what the pool has asked for so far.
pub(crate) struct Rig {
    pub(crate) pool: Pool<Key, Conn>,
    pub(crate) now: Millis,
    pub(crate) next_conn: Conn,
    pub(crate) tickets: Vec<(Key, OpenTicket)>,
    pub(crate) granted: Vec<(WaiterId, Lease<Conn>)>,
    pub(crate) refused: Vec<(WaiterId, BorrowError)>,
    pub(crate) closed: Vec<(Conn, CloseReason)>,
    pub(crate) checks: Vec<(Lease<Conn>, Millis)>,
    pub(crate) pleas: Vec<Key>,
    pub(crate) offers: Vec<(Parcel<Key, Conn>, Shard)>,
    pub(crate) nudges: Vec<Shard>,
    pub(crate) leaks: Vec<(ConnId, Millis)>,
    pub(crate) unleaks: Vec<(ConnId, Millis)>,
}

impl Rig {
    pub(crate) fn new(limit: u32, settings: Settings) -> Self {
        Self::on_shard(0, &Credits::new(limit, 1), settings)
    }

    pub(crate) fn on_shard(shard: usize, credits: &Arc<Credits>, settings: Settings) -> Self {
        let now = Millis::from_secs(1_000);
        Self {
            pool: Pool::new(Shard::new(shard), Arc::clone(credits), settings, now),
            now,
            next_conn: 0,
            tickets: Vec::new(),
            granted: Vec::new(),
            refused: Vec::new(),
            closed: Vec::new(),
            checks: Vec::new(),
            pleas: Vec::new(),
            offers: Vec::new(),
            nudges: Vec::new(),
            leaks: Vec::new(),
            unleaks: Vec::new(),
        }
    }

    /// Writes down what the pool wants.
    pub(crate) fn collect(&mut self) {
        while let Some(action) = self.pool.pop_action() {
            match action {
                Action::Open { ticket, key } => self.tickets.push((key, ticket)),
                Action::Grant { waiter, lease } => self.granted.push((waiter, lease)),
                Action::Refuse { waiter, error } => self.refused.push((waiter, error)),
                Action::Close { conn, reason } => self.closed.push((conn, reason)),
                Action::Validate { lease, deadline } => self.checks.push((lease, deadline)),
                Action::NeedCredit { key } => self.pleas.push(key),
                Action::Offer { parcel, shard } => self.offers.push((parcel, shard)),
                Action::Nudge { shard } => self.nudges.push(shard),
                Action::Leaked {
                    conn,
                    key: _,
                    held,
                    pin: _,
                } => self.leaks.push((conn, held)),
                Action::Unleaked { conn, held } => self.unleaks.push((conn, held)),
            }
        }
    }

    pub(crate) fn wait(&mut self, millis: u64) {
        self.now = self.now.saturating_add(Millis::new(millis));
    }

    /// Time passes, with ticks as often as a shell would call them.
    pub(crate) fn run(&mut self, millis: u64) {
        for _ in 0..millis / 100 {
            self.wait(100);
            self.tick();
        }
        self.wait(millis % 100);
        self.tick();
    }

    pub(crate) fn tick(&mut self) {
        self.pool.tick(self.now);
        self.collect();
    }

    pub(crate) fn borrow(&mut self, key: Key) -> Borrow<Conn> {
        let answer = self.pool.borrow(&key, self.now);
        self.collect();
        answer
    }

    /// Borrows what must be idle.
    pub(crate) fn take(&mut self, key: Key) -> Lease<Conn> {
        let Borrow::Ready(lease) = self.borrow(key) else {
            unreachable!("{key} has none idle")
        };
        lease
    }

    /// The same by somebody whom these connections suit.
    pub(crate) fn take_suited(&mut self, key: Key, suits: &[Conn]) -> Lease<Conn> {
        let answer = self
            .pool
            .borrow_suited(&key, self.now, |conn| suits.contains(conn));
        self.collect();
        let Borrow::Ready(lease) = answer else {
            unreachable!("{key} has none idle")
        };
        lease
    }

    /// Borrows and must wait.
    pub(crate) fn queue(&mut self, key: Key) -> WaiterId {
        let Borrow::Queued(waiter) = self.borrow(key) else {
            unreachable!("{key} did not queue")
        };
        waiter
    }

    /// Borrows and must be refused.
    pub(crate) fn refusal(&mut self, key: Key) -> BorrowError {
        let Borrow::Refused(error) = self.borrow(key) else {
            unreachable!("{key} not refused")
        };
        error
    }

    /// The oldest opening succeeds; the new connection's number.
    pub(crate) fn opened(&mut self) -> Conn {
        let (_, ticket) = self.tickets.remove(0);
        let conn = self.next_conn;
        self.next_conn += 1;
        self.pool.opened(ticket, conn, Jitter::default(), self.now);
        self.collect();
        conn
    }

    /// The oldest opening fails.
    pub(crate) fn failed(&mut self, scope: FailureScope, message: &str) {
        let (_, ticket) = self.tickets.remove(0);
        self.pool
            .open_failed(ticket, scope, Arc::from(message), self.now);
        self.collect();
    }

    /// Lends a connection that has to be opened first.
    pub(crate) fn take_new(&mut self, key: Key) -> Lease<Conn> {
        let waiter = self.queue(key);
        self.opened();
        self.granted_to(waiter)
    }

    /// This many idle connections of a key.
    pub(crate) fn stock(&mut self, key: Key, count: usize) {
        let leases: Vec<_> = (0..count).map(|_| self.take_new(key)).collect();
        for lease in leases {
            self.give_back(lease);
        }
    }

    /// The lease that was granted to this waiter.
    pub(crate) fn granted_to(&mut self, waiter: WaiterId) -> Lease<Conn> {
        let at = self.granted.iter().position(|(id, _)| *id == waiter);
        self.granted
            .remove(at.expect("the waiter was granted a connection"))
            .1
    }

    pub(crate) fn give_back(&mut self, lease: Lease<Conn>) {
        self.pool.give_back(lease, self.now);
        self.collect();
    }

    pub(crate) fn discard(&mut self, lease: Lease<Conn>) -> Conn {
        let conn = self.pool.discard(lease, self.now);
        self.collect();
        conn
    }

    pub(crate) fn set(&mut self, settings: Settings) {
        self.pool.set_settings(settings, self.now);
    }

    pub(crate) fn stats(&self) -> Stats {
        self.pool.stats()
    }

    pub(crate) fn in_use(&self) -> u32 {
        self.pool.credits().in_use()
    }
}
