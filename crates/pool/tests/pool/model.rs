//! Random events on two shards that share one limit, checked against books kept the obvious way.
//!
//! The test is the shell, and its books say where every connection and every waiter is: plain lists,
//! searched from end to end. The pool decides; the books say whether it was allowed to, and after
//! every event whether anything was lost, counted twice or left waiting for nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use tollgate_pool::{
    Action, BACKOFF_MAX, Borrow, BorrowError, CLOCK_LEAP, CloseReason, ConnId, Credits,
    FailureScope, Generation, Jitter, Lease, Millis, OpenTicket, Parcel, Pool, Settings, Shard,
    WaiterId,
};

use crate::rig::CALM;

type Key = &'static str;
const KEYS: [Key; 3] = ["a", "b", "c"];
const SHARDS: usize = 2;

/// A connection that takes itself off the list of open ones, and must be on it.
struct Conn {
    number: u32,
    open: Rc<RefCell<BTreeSet<u32>>>,
}

impl Drop for Conn {
    fn drop(&mut self) {
        let was_open = self.open.borrow_mut().remove(&self.number);
        assert!(was_open || std::thread::panicking(), "closed twice");
    }
}

#[derive(Debug, Clone)]
enum Event {
    Borrow { shard: usize, key: usize },
    Cancel { nth: usize },
    Opened { nth: usize, jitter: u16 },
    Failed { nth: usize, scope: u8 },
    DropTicket { nth: usize },
    GiveBack { nth: usize },
    Discard { nth: usize },
    DropLease { nth: usize },
    Pin { nth: usize },
    Checked { nth: usize, passed: bool },
    Hangup { nth: usize },
    Answer { nth: usize },
    Deliver { nth: usize },
    Lose { nth: usize },
    FreeCredit { shard: usize },
    Retire { shard: usize },
    Vacate { shard: usize, key: usize },
    Limit { to: u32 },
    Reconfigure { shard: usize, variant: usize },
    Pass { millis: u64 },
    Tick { shard: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let nth = || 0usize..16;
    let shard = || 0..SHARDS;
    let millis = prop_oneof![
        10 => 0u64..40, 6 => Just(100u64), 2 => 400u64..6_000, 1 => Just(61_000u64), 1 => Just(700_000u64)
    ];
    prop_oneof![
        24 => (shard(), 0..KEYS.len()).prop_map(|(shard, key)| Event::Borrow { shard, key }),
        3 => nth().prop_map(|nth| Event::Cancel { nth }),
        14 => (nth(), any::<u16>()).prop_map(|(nth, jitter)| Event::Opened { nth, jitter }),
        3 => (nth(), 0u8..3).prop_map(|(nth, scope)| Event::Failed { nth, scope }),
        1 => nth().prop_map(|nth| Event::DropTicket { nth }),
        20 => nth().prop_map(|nth| Event::GiveBack { nth }),
        3 => nth().prop_map(|nth| Event::Discard { nth }),
        1 => nth().prop_map(|nth| Event::DropLease { nth }),
        2 => nth().prop_map(|nth| Event::Pin { nth }),
        4 => (nth(), prop::bool::weighted(0.8)).prop_map(|(nth, passed)| Event::Checked { nth, passed }),
        2 => nth().prop_map(|nth| Event::Hangup { nth }),
        5 => nth().prop_map(|nth| Event::Answer { nth }),
        5 => nth().prop_map(|nth| Event::Deliver { nth }),
        1 => nth().prop_map(|nth| Event::Lose { nth }),
        1 => shard().prop_map(|shard| Event::FreeCredit { shard }),
        1 => shard().prop_map(|shard| Event::Retire { shard }),
        1 => (shard(), 0..KEYS.len()).prop_map(|(shard, key)| Event::Vacate { shard, key }),
        2 => (0u32..6).prop_map(|to| Event::Limit { to }),
        2 => (shard(), 0..5usize).prop_map(|(shard, variant)| Event::Reconfigure { shard, variant }),
        10 => millis.prop_map(|millis| Event::Pass { millis }),
        10 => shard().prop_map(|shard| Event::Tick { shard }),
    ]
}

fn settings(variant: usize) -> Settings {
    let calm = Settings {
        borrow_timeout: Millis::from_secs(10),
        ..CALM
    };
    match variant {
        0 => calm,
        1 => Settings {
            min_idle: 2,
            idle_timeout: Millis::from_secs(30),
            ..calm
        },
        2 => Settings {
            max_idle: 1,
            excess_idle_timeout: Millis::new(300),
            ..calm
        },
        3 => Settings {
            max_lifetime: Millis::from_secs(20),
            keepalive_time: Millis::from_secs(3),
            leak_threshold: Millis::from_secs(2),
            ..calm
        },
        _ => Settings {
            borrow_timeout: Millis::ZERO,
            ..calm
        },
    }
}

struct Waiting {
    id: WaiterId,
    key: Key,
    since: Millis,
}

struct Parked {
    number: u32,
    key: Key,
    /// Its name in the pool, unless it has not been lent there yet.
    id: Option<ConnId>,
}

/// A connection outside the pool.
struct Out {
    shard: usize,
    key: Key,
    lease: Lease<Conn>,
    reported: usize,
}

/// What a shard sends to another.
enum Letter {
    Parcel(Parcel<Key, Conn>),
    Nudge,
}

#[derive(Default)]
struct Books {
    idle: Vec<Parked>,
    queue: Vec<Waiting>,
    /// Until when an opening of this key may be put off.
    paused: Vec<(Key, Millis)>,
    target_paused: Millis,
    last_call: Millis,
}

struct World {
    credits: Arc<Credits>,
    pools: Vec<Pool<Key, Conn>>,
    settings: Vec<Settings>,
    books: Vec<Books>,
    now: Millis,
    open: Rc<RefCell<BTreeSet<u32>>>,
    next_conn: u32,
    generation: u64,
    tickets: Vec<(usize, Key, OpenTicket)>,
    lent: Vec<Out>,
    checks: Vec<Out>,
    pleas: Vec<(usize, Key)>,
    letters: Vec<(usize, Letter)>,
    /// When a client used a connection last, which decides the order of lending.
    last_use: BTreeMap<u32, Millis>,
    most_in_use: u32,
    timed_out: usize,
}

/// What the event that is being handled makes permissible.
#[derive(Clone, Copy, PartialEq)]
enum Cause {
    Tick,
    FatalFor(Key),
    Drain,
    Other,
}

fn pick<T>(list: &mut Vec<T>, nth: usize) -> Option<T> {
    if list.is_empty() {
        None
    } else {
        Some(list.swap_remove(nth % list.len()))
    }
}

impl World {
    fn new(limit: u32) -> Self {
        let credits = Credits::new(limit, SHARDS);
        let now = Millis::from_secs(100);
        let pool = |n| Pool::new(Shard::new(n), Arc::clone(&credits), settings(0), now);
        Self {
            pools: (0..SHARDS).map(pool).collect(),
            settings: vec![settings(0); SHARDS],
            books: (0..SHARDS)
                .map(|_| Books {
                    last_call: now,
                    ..Books::default()
                })
                .collect(),
            credits,
            now,
            open: Rc::default(),
            next_conn: 0,
            generation: 0,
            tickets: Vec::new(),
            lent: Vec::new(),
            checks: Vec::new(),
            pleas: Vec::new(),
            letters: Vec::new(),
            last_use: BTreeMap::new(),
            most_in_use: 0,
            timed_out: 0,
        }
    }

    fn apply(&mut self, event: &Event) {
        match *event {
            Event::Borrow { shard, key } => self.borrow(shard, KEYS[key]),
            Event::Cancel { nth } => self.cancel(nth),
            Event::Opened { nth, jitter } => self.opened(nth, jitter),
            Event::Failed { nth, scope } => self.failed(nth, scope),
            Event::DropTicket { nth } => self.drop_ticket(nth),
            Event::GiveBack { nth } => {
                if let Some(out) = pick(&mut self.lent, nth) {
                    self.last_use.insert(out.lease.number, self.now);
                    self.give_back(out);
                }
            }
            Event::Discard { nth } => {
                if let Some(out) = pick(&mut self.lent, nth) {
                    self.discard(out);
                }
            }
            Event::DropLease { nth } => self.drop_lease(nth),
            Event::Pin { nth } => {
                let count = self.lent.len().max(1);
                if let Some(out) = self.lent.get(nth % count) {
                    self.pools[out.shard].mark_pinned(&out.lease);
                }
            }
            Event::Checked { nth, passed } => match pick(&mut self.checks, nth) {
                Some(out) if passed => self.give_back(out),
                Some(out) => self.discard(out),
                None => {}
            },
            Event::Hangup { nth } => self.idle_event(nth),
            Event::Answer { nth } => self.answer(nth),
            Event::Deliver { nth } => self.deliver(nth),
            Event::Lose { nth } => drop(pick(&mut self.letters, nth)),
            Event::FreeCredit { shard } => {
                self.pools[shard].free_credit_for_others(self.now);
                self.act(shard, Cause::Other);
            }
            Event::Retire { shard } => self.retire(shard),
            Event::Vacate { shard, key } => self.vacate(shard, KEYS[key]),
            Event::Limit { to } => self.credits.set_limit(to),
            Event::Reconfigure { shard, variant } => self.set(shard, settings(variant)),
            Event::Pass { millis } => self.now = self.now.saturating_add(Millis::new(millis)),
            Event::Tick { shard } => self.tick(shard),
        }
    }

    fn borrow(&mut self, shard: usize, key: Key) {
        let answer = self.pools[shard].borrow(&key, self.now);
        // What the pool did before it answered is in the actions: checks after a leap, say.
        let waiter = match &answer {
            Borrow::Queued(id) => Some(*id),
            Borrow::Ready(_) | Borrow::Refused(_) => None,
        };
        if let Some(id) = waiter {
            self.books[shard].queue.push(Waiting {
                id,
                key,
                since: self.now,
            });
        }
        let best = self.act(shard, Cause::Other).newest(shard, key);
        match answer {
            Borrow::Ready(lease) => {
                assert_eq!(Some(lease.number), best, "not the most recently used one");
                assert!(self.queue_of(shard, key).is_empty(), "overtook a waiter");
                self.books[shard]
                    .idle
                    .retain(|parked| parked.number != lease.number);
                self.lend(shard, key, lease);
            }
            Borrow::Queued(_) => assert_eq!(best, None, "an idle connection was passed over"),
            Borrow::Refused(error) => {
                assert!(matches!(error, BorrowError::TimedOut(_)));
                assert_eq!(self.settings[shard].borrow_timeout, Millis::ZERO);
                assert_eq!(best, None, "an idle connection was passed over");
            }
        }
    }

    fn cancel(&mut self, nth: usize) {
        let shard = nth % SHARDS;
        let queue = &mut self.books[shard].queue;
        if queue.is_empty() {
            return;
        }
        let waiting = queue.remove(nth % queue.len());
        assert!(self.pools[shard].cancel(waiting.id));
        assert!(!self.pools[shard].cancel(waiting.id));
        self.act(shard, Cause::Other);
    }

    fn opened(&mut self, nth: usize, jitter: u16) {
        let Some((shard, key, ticket)) = pick(&mut self.tickets, nth) else {
            return;
        };
        let number = self.next_conn;
        self.next_conn += 1;
        self.open.borrow_mut().insert(number);
        let conn = Conn {
            number,
            open: Rc::clone(&self.open),
        };
        self.books[shard]
            .paused
            .retain(|(paused, _)| *paused != key);
        self.books[shard].target_paused = Millis::ZERO;
        self.last_use.insert(number, self.now);
        self.pools[shard].opened(ticket, conn, Jitter::new(jitter), self.now);
        self.act_with(
            shard,
            Cause::Other,
            Some(Parked {
                number,
                key,
                id: None,
            }),
        );
    }

    fn failed(&mut self, nth: usize, scope: u8) {
        let Some((shard, key, ticket)) = pick(&mut self.tickets, nth) else {
            return;
        };
        let until = self.now.saturating_add(BACKOFF_MAX);
        let (scope, cause) = match scope {
            0 => (FailureScope::Target, Cause::Other),
            1 => (FailureScope::Key, Cause::Other),
            _ => (FailureScope::KeyFatal, Cause::FatalFor(key)),
        };
        match scope {
            FailureScope::Target => self.books[shard].target_paused = until,
            FailureScope::Key | FailureScope::KeyFatal => {
                self.books[shard].paused.push((key, until));
            }
        }
        self.pools[shard].open_failed(ticket, scope, Arc::from("no"), self.now);
        self.act(shard, cause);
    }

    fn drop_ticket(&mut self, nth: usize) {
        if let Some((shard, _, ticket)) = pick(&mut self.tickets, nth) {
            drop(ticket);
            self.pools[shard].retry(self.now);
            self.act(shard, Cause::Other);
        }
    }

    fn drop_lease(&mut self, nth: usize) {
        if let Some(Out { shard, lease, .. }) = pick(&mut self.lent, nth) {
            drop(lease);
            self.pools[shard].retry(self.now);
            self.act(shard, Cause::Other);
        }
    }

    fn give_back(&mut self, out: Out) {
        let Out {
            shard, key, lease, ..
        } = out;
        let (number, id) = (lease.number, Some(lease.id()));
        self.pools[shard].give_back(lease, self.now);
        self.act_with(shard, Cause::Other, Some(Parked { number, key, id }));
    }

    fn discard(&mut self, out: Out) {
        let number = out.lease.number;
        let conn = self.pools[out.shard].discard(out.lease, self.now);
        assert_eq!(conn.number, number);
        self.act(out.shard, Cause::Other);
    }

    fn idle_event(&mut self, nth: usize) {
        let shard = nth % SHARDS;
        let idle = &self.books[shard].idle;
        let Some(parked) = idle.get(nth % idle.len().max(1)) else {
            return;
        };
        let (Some(id), number) = (parked.id, parked.number) else {
            return;
        };
        let taken = self.pools[shard].idle_event(id, self.now);
        if let Some(conn) = &taken {
            assert_eq!(conn.number, number);
            self.books[shard]
                .idle
                .retain(|parked| parked.number != number);
        }
        self.act(shard, Cause::Other);
        let still_idle = self.books[shard]
            .idle
            .iter()
            .any(|parked| parked.number == number);
        assert!(!still_idle, "an idle connection was not found");
    }

    /// The other shard answers a plea.
    fn answer(&mut self, nth: usize) {
        let Some((asker, key)) = pick(&mut self.pleas, nth) else {
            return;
        };
        let owner = SHARDS - 1 - asker;
        let taken = self.pools[owner].surrender(Some(&key), self.now);
        self.act(owner, Cause::Other);
        if let Some(parcel) = taken {
            let at = self.books[owner]
                .idle
                .iter()
                .position(|p| p.number == parcel.conn.number);
            self.books[owner]
                .idle
                .remove(at.expect("surrendered what was not idle"));
            self.letters.push((asker, Letter::Parcel(parcel)));
        } else {
            assert!(
                self.books[owner].idle.is_empty(),
                "kept an idle connection back"
            );
        }
    }

    fn deliver(&mut self, nth: usize) {
        match pick(&mut self.letters, nth) {
            Some((shard, Letter::Parcel(parcel))) => {
                let (key, number) = (parcel.key, parcel.conn.number);
                self.pools[shard].adopt(parcel, self.now);
                self.act_with(
                    shard,
                    Cause::Other,
                    Some(Parked {
                        number,
                        key,
                        id: None,
                    }),
                );
            }
            Some((shard, Letter::Nudge)) => {
                self.pools[shard].retry(self.now);
                self.act(shard, Cause::Other);
            }
            None => {}
        }
    }

    fn retire(&mut self, shard: usize) {
        self.generation += 1;
        self.pools[shard].retire_all(Generation::new(self.generation), self.now);
        self.books[shard].paused.clear();
        self.books[shard].target_paused = Millis::ZERO;
        self.act(shard, Cause::Other);
        assert!(self.books[shard].idle.is_empty());
    }

    fn vacate(&mut self, shard: usize, key: Key) {
        let until = self.now.saturating_add(Millis::from_secs(1));
        let of_key = |books: &Books| {
            let mut idle = books.idle.iter();
            idle.any(|parked| parked.key == key)
        };
        let had_some = of_key(&self.books[shard]);
        let closed = self.pools[shard].vacate(|known| *known == key, until, self.now);
        self.act(shard, Cause::Other);
        // A leap of the clock may have sent them to be checked first.
        assert!(closed == 0 || had_some);
        assert!(!of_key(&self.books[shard]), "idle where nothing may be");
    }

    fn set(&mut self, shard: usize, settings: Settings) {
        self.settings[shard] = settings;
        self.pools[shard].set_settings(settings, self.now);
        self.act(shard, Cause::Other);
    }

    fn tick(&mut self, shard: usize) {
        self.pools[shard].tick(self.now);
        self.act(shard, Cause::Tick);
        let timeout = self.settings[shard].borrow_timeout;
        for waiting in &self.books[shard].queue {
            assert!(
                waiting.since.saturating_add(timeout) > self.now,
                "waits beyond its time"
            );
        }
        self.check_nobody_waits_for_nothing(shard);
    }

    /// After a tick: whoever waits has an opening under way, a pause to sit out, or no credit left.
    fn check_nobody_waits_for_nothing(&self, shard: usize) {
        let books = &self.books[shard];
        let over = self.credits.in_use() > self.credits.limit();
        for waiting in &books.queue {
            let opening = self
                .tickets
                .iter()
                .any(|(s, key, _)| *s == shard && *key == waiting.key);
            let probing = self.tickets.iter().any(|(s, _, _)| *s == shard);
            let paused = books
                .paused
                .iter()
                .any(|(k, until)| *k == waiting.key && *until > self.now);
            let target_paused = books.target_paused > self.now;
            // A failure whose pause is over still restricts the target to one probe at a time.
            let failed_before = books.target_paused > Millis::ZERO && probing;
            if opening || paused || target_paused || failed_before {
                continue;
            }
            assert!(
                self.credits.in_use() >= self.credits.limit(),
                "a credit lies idle"
            );
            assert!(over || books.idle.is_empty(), "nothing was evicted");
        }
    }

    fn act(&mut self, shard: usize, cause: Cause) -> &mut Self {
        self.act_with(shard, cause, None);
        self
    }

    /// Carries the actions out. A connection `arriving` that no action takes away is idle.
    fn act_with(&mut self, shard: usize, cause: Cause, arriving: Option<Parked>) {
        if let Some(parked) = arriving {
            self.park(shard, parked);
        }
        let leap = self.now.saturating_sub(self.books[shard].last_call);
        self.books[shard].last_call = self.now;
        while let Some(action) = self.pools[shard].pop_action() {
            self.carry_out(shard, cause, action);
        }
        if leap > CLOCK_LEAP && cause == Cause::Tick {
            assert!(self.books[shard].idle.is_empty(), "trusted after a leap");
        }
    }

    fn carry_out(&mut self, shard: usize, cause: Cause, action: Action<Key, Conn>) {
        match action {
            Action::Open { ticket, key } => {
                let opening = self
                    .tickets
                    .iter()
                    .filter(|(s, k, _)| (*s, *k) == (shard, key));
                let covered = opening.count() >= self.queue_of(shard, key).len();
                let refill = cause == Cause::Tick && self.settings[shard].min_idle > 0;
                assert!(!covered || refill, "opened for nobody");
                self.tickets.push((shard, key, ticket));
            }
            Action::Grant { waiter, lease } => {
                let at = self.books[shard].queue.iter().position(|w| w.id == waiter);
                let waiting = self.books[shard]
                    .queue
                    .remove(at.expect("granted to a stranger"));
                let older = self.queue_of(shard, waiting.key);
                assert!(
                    older.iter().all(|w| w.since >= waiting.since),
                    "overtook a waiter"
                );
                self.unpark(shard, &lease, waiting.key);
                self.lend(shard, waiting.key, lease);
            }
            Action::Refuse { waiter, error } => self.refused(shard, cause, waiter, &error),
            Action::Close { conn, reason } => {
                let number = conn.number;
                self.books[shard]
                    .idle
                    .retain(|parked| parked.number != number);
                if reason == CloseReason::OverLimit {
                    assert!(self.most_in_use > self.credits.limit());
                }
                drop(conn);
            }
            Action::Validate { lease, deadline } => self.validated(shard, lease, deadline),
            Action::NeedCredit { key } => self.pleas.push((shard, key)),
            Action::Offer { parcel, shard: to } => {
                assert_ne!(to.number(), shard);
                let number = parcel.conn.number;
                self.books[shard]
                    .idle
                    .retain(|parked| parked.number != number);
                self.letters.push((to.number(), Letter::Parcel(parcel)));
            }
            Action::Nudge { shard: to } => {
                assert_ne!(to.number(), shard);
                self.letters.push((to.number(), Letter::Nudge));
            }
            Action::Leaked {
                conn,
                key,
                held,
                pin: _,
            } => self.leaked(shard, key, conn, held),
            Action::Unleaked { conn, .. } => {
                let mut lent = self.lent.iter();
                let still = lent.any(|out| (out.shard, out.lease.id()) == (shard, conn));
                assert!(!still, "reported back while it is still out");
            }
        }
    }

    fn validated(&mut self, shard: usize, lease: Lease<Conn>, deadline: Millis) {
        assert_eq!(deadline, self.now.saturating_add(Millis::from_secs(5)));
        let at = self.books[shard]
            .idle
            .iter()
            .position(|p| p.number == lease.number);
        let parked = self.books[shard]
            .idle
            .remove(at.expect("checks what was not idle"));
        self.checks.push(Out {
            shard,
            key: parked.key,
            lease,
            reported: 0,
        });
    }

    fn leaked(&mut self, shard: usize, key: Key, conn: ConnId, held: Millis) {
        let mut lent = self.lent.iter_mut();
        let out = lent.find(|out| (out.shard, out.lease.id()) == (shard, conn));
        let out = out.expect("only lent connections leak");
        out.reported += 1;
        assert_eq!((out.reported, out.key), (1, key));
        assert_eq!(held, self.now.saturating_sub(out.lease.borrowed_at()));
    }

    fn refused(&mut self, shard: usize, cause: Cause, waiter: WaiterId, error: &BorrowError) {
        let at = self.books[shard].queue.iter().position(|w| w.id == waiter);
        let waiting = self.books[shard]
            .queue
            .remove(at.expect("refused a stranger"));
        match error {
            BorrowError::TimedOut(report) => {
                assert!(cause == Cause::Tick, "time is up at ticks only");
                assert_eq!(report.waited, self.now.saturating_sub(waiting.since));
                assert!(report.waited >= self.settings[shard].borrow_timeout);
                assert_eq!(report.waiting, self.books[shard].queue.len() + 1);
                self.timed_out += 1;
            }
            BorrowError::Unavailable(_) => assert!(cause == Cause::FatalFor(waiting.key)),
            BorrowError::ShuttingDown => assert!(cause == Cause::Drain),
        }
    }

    fn lend(&mut self, shard: usize, key: Key, lease: Lease<Conn>) {
        self.lent.push(Out {
            shard,
            key,
            lease,
            reported: 0,
        });
    }

    fn park(&mut self, shard: usize, parked: Parked) {
        let since = self.last_use[&parked.number];
        let idle = &mut self.books[shard].idle;
        let at = idle
            .iter()
            .rposition(|other| self.last_use[&other.number] <= since);
        idle.insert(at.map_or(0, |at| at + 1), parked);
    }

    fn unpark(&mut self, shard: usize, lease: &Lease<Conn>, key: Key) {
        let at = self.books[shard]
            .idle
            .iter()
            .position(|p| p.number == lease.number);
        let parked = self.books[shard]
            .idle
            .remove(at.expect("lent what was not at hand"));
        assert_eq!(parked.key, key, "a connection of another key");
    }

    /// The most recently used idle connection of a key.
    fn newest(&self, shard: usize, key: Key) -> Option<u32> {
        let of_key = self.books[shard]
            .idle
            .iter()
            .filter(|parked| parked.key == key);
        of_key.map(|parked| parked.number).next_back()
    }

    fn queue_of(&self, shard: usize, key: Key) -> Vec<&Waiting> {
        self.books[shard]
            .queue
            .iter()
            .filter(|waiting| waiting.key == key)
            .collect()
    }

    /// What holds after every event.
    fn check(&mut self) {
        let in_use = usize::try_from(self.credits.in_use()).expect("few");
        let parcels = self
            .letters
            .iter()
            .filter(|(_, l)| matches!(l, Letter::Parcel(_)))
            .count();
        let idle: usize = self.books.iter().map(|books| books.idle.len()).sum();
        let open = idle + self.lent.len() + self.checks.len() + parcels;
        assert_eq!(
            self.open.borrow().len(),
            open,
            "a connection is in no place or in two"
        );
        assert_eq!(
            in_use,
            open + self.tickets.len(),
            "a credit was lost or made up"
        );
        let limit = self.credits.limit();
        assert!(
            self.credits.in_use() <= limit.max(self.most_in_use),
            "beyond the limit"
        );
        self.most_in_use = self.credits.in_use();
        for shard in 0..SHARDS {
            let stats = self.pools[shard].stats();
            let books = &self.books[shard];
            let out = |list: &[Out]| list.iter().filter(|out| out.shard == shard).count();
            assert_eq!(stats.idle, books.idle.len());
            assert_eq!(stats.borrowed, out(&self.lent) + out(&self.checks));
            assert_eq!(stats.open, stats.idle + stats.borrowed);
            assert_eq!(stats.waiting, books.queue.len());
            assert_eq!(
                stats.opening,
                self.tickets.iter().filter(|(s, ..)| *s == shard).count()
            );
            assert!(stats.pinned <= stats.borrowed);
            let first = books.queue.iter().map(|waiting| waiting.since).min();
            let waits = first.map(|since| books.last_call.saturating_sub(since));
            assert_eq!(stats.oldest_wait.is_some(), waits.is_some());
            for waiting in &books.queue {
                let idle = books.idle.iter().any(|parked| parked.key == waiting.key);
                assert!(!idle, "waits although one is idle");
            }
        }
    }

    /// From any state: with a working target and a shell that does its work, everybody is served.
    fn settle(&mut self) {
        self.credits.set_limit(2);
        for shard in 0..SHARDS {
            self.set(shard, CALM);
        }
        self.check();
        let mut refused_before = self.timed_out;
        for round in 0..150 {
            self.now = self.now.saturating_add(Millis::new(50));
            while !(self.lent.is_empty() && self.checks.is_empty()) {
                self.apply(&Event::GiveBack { nth: 0 });
                self.apply(&Event::Checked {
                    nth: 0,
                    passed: true,
                });
            }
            for shard in 0..SHARDS {
                self.tick(shard);
            }
            if round == 0 {
                refused_before = self.timed_out; // Those whose time was up before.
            }
            while !self.letters.is_empty() || !self.pleas.is_empty() {
                self.apply(&Event::Answer { nth: 0 });
                self.apply(&Event::Deliver { nth: 0 });
            }
            while !self.tickets.is_empty() {
                self.apply(&Event::Opened { nth: 0, jitter: 0 });
            }
            self.check();
        }
        for books in &self.books {
            assert!(books.queue.is_empty(), "somebody waits for ever");
        }
        assert_eq!(self.timed_out, refused_before, "somebody was starved");
    }

    fn end(&mut self) {
        for shard in 0..SHARDS {
            self.pools[shard].drain(self.now);
            self.act(shard, Cause::Drain);
        }
        let busy = |world: &Self| {
            let out = world.lent.len() + world.checks.len();
            out + world.letters.len() + world.tickets.len() > 0
        };
        while busy(self) {
            self.apply(&Event::GiveBack { nth: 0 });
            self.apply(&Event::Checked {
                nth: 0,
                passed: true,
            });
            self.apply(&Event::Deliver { nth: 0 });
            self.apply(&Event::Opened { nth: 0, jitter: 0 });
        }
        self.check();
        assert!(self.pools.iter().all(Pool::is_empty));
        assert_eq!(self.credits.in_use(), 0);
        assert!(self.open.borrow().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn keeps_its_promises_whatever_happens(
        limit in 0u32..6,
        events in prop::collection::vec(event(), 1..250),
        serve_everybody: bool,
    ) {
        let mut world = World::new(limit);
        for event in &events {
            world.apply(event);
            world.check();
        }
        if serve_everybody {
            world.settle();
        }
        world.end();
    }
}
