//! Borrowing, waiting and returning.

use tollgate_pool::{Borrow, BorrowError, Millis, Reuse, Settings};

use crate::rig::{CALM, Rig};

#[test]
fn lends_the_most_recently_used_first() {
    let mut rig = Rig::new(3, CALM);
    let (a, b, c) = (rig.take_new("k"), rig.take_new("k"), rig.take_new("k"));
    let used_last = *a;
    for lease in [c, b, a] {
        rig.give_back(lease);
    }
    assert_eq!(*rig.take("k"), used_last);
}

#[test]
fn lends_the_one_that_suits_or_else_the_most_recently_used() {
    let mut rig = Rig::new(3, CALM);
    let leases = [rig.take_new("k"), rig.take_new("k"), rig.take_new("k")];
    let [oldest, middle, newest] = [*leases[0], *leases[1], *leases[2]];
    for lease in leases {
        rig.give_back(lease);
    }
    for (suits, expected) in [
        (vec![oldest], oldest),
        (vec![middle, oldest], oldest),
        (vec![middle, newest], newest),
        (vec![], newest),
        (vec![middle], middle),
        (vec![oldest, newest, middle], middle),
    ] {
        let lease = rig.take_suited("k", &suits);
        assert_eq!(*lease, expected, "{suits:?} suit");
        rig.give_back(lease);
    }
}

#[test]
fn lends_every_idle_connection_in_turn_when_told_to() {
    let settings = Settings {
        reuse: Reuse::LeastRecent,
        ..CALM
    };
    let mut rig = Rig::new(3, settings);
    let leases = [rig.take_new("k"), rig.take_new("k"), rig.take_new("k")];
    let opened: Vec<_> = leases.iter().map(|lease| **lease).collect();
    for lease in leases {
        rig.give_back(lease);
    }
    for number in opened.iter().cycle().take(7) {
        let lease = rig.take("k");
        assert_eq!(*lease, *number);
        rig.give_back(lease);
    }
}

#[test]
fn a_returned_connection_goes_to_the_first_waiter_in_the_same_call() {
    let mut rig = Rig::new(1, CALM);
    let lease = rig.take_new("k");
    let first = rig.queue("k");
    let second = rig.queue("k");
    rig.give_back(lease);
    assert_eq!(rig.granted.len(), 1);
    let lease = rig.granted_to(first);
    rig.give_back(lease);
    drop(rig.granted_to(second));
}

#[test]
fn a_waiter_that_gives_up_is_passed_over() {
    let mut rig = Rig::new(1, CALM);
    let lease = rig.take_new("k");
    let waiters = [rig.queue("k"), rig.queue("k"), rig.queue("k")];
    assert!(rig.pool.cancel(waiters[0]));
    assert!(rig.pool.cancel(waiters[1]));
    assert!(!rig.pool.cancel(waiters[1]));
    rig.give_back(lease);
    drop(rig.granted_to(waiters[2]));
    assert!(
        !rig.pool.cancel(waiters[2]),
        "a granted waiter is no longer in the queue"
    );
}

#[test]
fn a_grant_that_comes_too_late_goes_to_the_next() {
    let mut rig = Rig::new(1, CALM);
    let lease = rig.take_new("k");
    let gone = rig.queue("k");
    let next = rig.queue("k");
    rig.give_back(lease);
    let undeliverable = rig.granted_to(gone);
    rig.give_back(undeliverable);
    drop(rig.granted_to(next));
}

#[test]
fn connections_of_one_key_never_serve_another() {
    let mut rig = Rig::new(4, CALM);
    rig.stock("alice", 2);
    rig.queue("bob");
    assert!(rig.granted.is_empty());
    rig.opened();
    assert_eq!(rig.stats().idle, 2);
}

#[test]
fn refuses_after_the_borrow_timeout_and_says_why() {
    let mut rig = Rig::new(1, CALM);
    let lease = rig.take_new("k");
    rig.pool.mark_pinned(&lease);
    let waiter = rig.queue("k");
    rig.run(119_999);
    assert!(rig.refused.is_empty());
    rig.run(1);
    let (id, error) = rig.refused.remove(0);
    assert_eq!(id, waiter);
    let BorrowError::TimedOut(report) = error else {
        unreachable!("{error}")
    };
    assert_eq!(report.waited, Millis::from_secs(120));
    assert_eq!(
        (report.limit, report.in_use, report.waiting, report.pinned),
        (1, 1, 1, 1)
    );
    assert_eq!(
        BorrowError::TimedOut(report).to_string(),
        "timed out waiting for a server connection: waited 120000 ms, limit 1, in use 1, \
         pinned 1, waiting 1"
    );
    assert_eq!(rig.stats().waiting, 0);
    rig.give_back(lease);
    assert_eq!(rig.stats().idle, 1);
}

#[test]
fn those_who_time_out_together_are_refused_in_order_of_arrival() {
    let mut rig = Rig::new(0, CALM);
    let waiters = [
        rig.queue("b"),
        rig.queue("a"),
        rig.queue("b"),
        rig.queue("c"),
    ];
    rig.run(120_000);
    let refused: Vec<_> = rig.refused.iter().map(|(id, _)| *id).collect();
    assert_eq!(refused, waiters);
}

#[test]
fn a_shorter_borrow_timeout_holds_for_those_who_wait_already() {
    let mut rig = Rig::new(0, CALM);
    rig.queue("k");
    rig.run(1_000);
    rig.set(Settings {
        borrow_timeout: Millis::from_secs(1),
        ..CALM
    });
    rig.tick();
    assert_eq!(rig.refused.len(), 1);
}

#[test]
fn without_a_borrow_timeout_only_idle_connections_are_lent() {
    let mut rig = Rig::new(2, CALM);
    rig.stock("k", 1);
    rig.set(Settings {
        borrow_timeout: Millis::ZERO,
        ..CALM
    });
    let lease = rig.take("k");
    assert!(matches!(rig.refusal("k"), BorrowError::TimedOut(_)));
    assert!(rig.tickets.is_empty(), "the pool does not grow");
    rig.give_back(lease);
    drop(rig.take("k"));
}

#[test]
fn a_dropped_lease_closes_frees_its_credit_and_helps_a_waiter() {
    let mut rig = Rig::new(1, CALM);
    let lease = rig.take_new("k");
    rig.pool.mark_pinned(&lease);
    rig.queue("k");
    drop(lease);
    assert_eq!(rig.in_use(), 0);
    rig.tick();
    assert_eq!(rig.stats().pinned, 0);
    assert_eq!(rig.stats().open, 0);
    assert_eq!(rig.tickets.len(), 1);
}

#[test]
fn a_discarded_connection_makes_room_for_a_new_one() {
    let mut rig = Rig::new(1, CALM);
    let lease = rig.take_new("k");
    let waiter = rig.queue("k");
    assert!(rig.tickets.is_empty());
    assert_eq!(rig.discard(lease), 0);
    assert_eq!(rig.opened(), 1);
    assert_eq!(*rig.granted_to(waiter), 1);
}

#[test]
fn a_lease_of_another_pool_is_closed_and_corrupts_neither() {
    let mut here = Rig::new(1, CALM);
    let mut there = Rig::new(1, CALM);
    let stranger = there.take_new("k");
    let own = here.take_new("k");
    here.pool.mark_pinned(&stranger);
    here.give_back(stranger);
    assert_eq!(
        (
            here.stats().idle,
            here.stats().borrowed,
            here.stats().pinned
        ),
        (0, 1, 0)
    );
    assert_eq!(there.in_use(), 0);
    there.tick();
    assert_eq!(there.stats().open, 0);
    here.give_back(own);
    assert_eq!(here.stats().idle, 1);
}

#[test]
fn pins_are_counted_until_they_end_or_the_lease_does() {
    let mut rig = Rig::new(2, CALM);
    let (a, b) = (rig.take_new("k"), rig.take_new("k"));
    for _ in 0..2 {
        rig.pool.mark_pinned(&a);
        rig.pool.mark_pinned(&b);
    }
    assert_eq!(rig.stats().pinned, 2);
    rig.pool.mark_unpinned(&a);
    assert_eq!(rig.stats().pinned, 1);
    rig.discard(b);
    assert_eq!(rig.stats().pinned, 0);
}

#[test]
fn an_event_on_an_idle_connection_takes_it_out() {
    let mut rig = Rig::new(2, CALM);
    let lease = rig.take_new("k");
    let id = lease.id();
    assert_eq!(rig.pool.idle_event(id, rig.now), None, "it is lent");
    rig.give_back(lease);
    assert_eq!(rig.pool.idle_event(id, rig.now), Some(0));
    assert_eq!(rig.pool.idle_event(id, rig.now), None, "it is gone");
    assert_eq!(rig.in_use(), 0);
    assert!(matches!(rig.borrow("k"), Borrow::Queued(_)));
}

#[test]
fn time_that_runs_backwards_is_ignored() {
    let mut rig = Rig::new(1, CALM);
    let lease = rig.take_new("k");
    rig.pool.give_back(lease, Millis::ZERO);
    rig.queue("other");
    rig.pool.tick(Millis::ZERO);
    rig.collect();
    assert!(rig.refused.is_empty());
}
