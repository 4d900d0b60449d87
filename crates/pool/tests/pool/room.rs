//! When there are not enough credits for everybody: eviction, fairness between keys, shrinking.

use tollgate_pool::{CloseReason, FailureScope};

use crate::rig::{CALM, Rig};

#[test]
fn evicts_the_least_recently_used_connection_of_another_key() {
    let mut rig = Rig::new(3, CALM);
    for key in ["a", "b", "c"] {
        rig.stock(key, 1);
        rig.wait(5);
    }
    let lease = rig.take("a"); // Number 0; number 1, of key b, is the oldest idle one now.
    rig.queue("d");
    assert_eq!(rig.closed, [(1, CloseReason::Evicted)]);
    assert_eq!(rig.tickets.len(), 1);
    assert_eq!(rig.in_use(), 3);
    rig.give_back(lease);
}

#[test]
fn a_spare_return_makes_room_for_another_key() {
    let mut rig = Rig::new(1, CALM);
    let lease = rig.take_new("a");
    rig.queue("b");
    assert!(rig.tickets.is_empty());
    rig.give_back(lease);
    assert_eq!(rig.closed, [(0, CloseReason::Evicted)]);
    assert_eq!(rig.tickets.len(), 1);
}

#[test]
fn a_busy_key_does_not_starve_another() {
    let mut rig = Rig::new(1, CALM);
    let mut lease = rig.take_new("busy");
    let starved = rig.queue("starved");
    rig.queue("busy");
    for turn in 0..200 {
        rig.queue("busy");
        rig.wait(5);
        if turn % 10 == 0 {
            rig.tick();
        }
        rig.give_back(lease);
        if rig.granted.is_empty() {
            assert_eq!(rig.closed, [(0, CloseReason::Fairness)]);
            assert_eq!(rig.tickets[0].0, "starved");
            rig.opened();
            drop(rig.granted_to(starved));
            assert!((100..=130).contains(&turn), "after about 500 ms: {turn}");
            return;
        }
        lease = rig.granted.remove(0).1;
    }
    unreachable!("starved for a second");
}

#[test]
fn keys_that_wait_equally_long_do_not_trade_connections() {
    let mut rig = Rig::new(2, CALM);
    let mut leases = vec![rig.take_new("a"), rig.take_new("b")];
    for _ in 0..40 {
        rig.queue("a");
        rig.queue("b");
    }
    // Everybody has waited for more than the margin, but nobody for longer than the others.
    for _ in 0..40 {
        rig.run(300);
        for lease in leases.drain(..) {
            rig.give_back(lease);
        }
        leases.extend(rig.granted.drain(..).map(|(_, lease)| lease));
    }
    assert_eq!(rig.closed, []);
}

#[test]
fn a_lower_limit_closes_idle_connections_at_the_next_tick() {
    let mut rig = Rig::new(4, CALM);
    rig.stock("k", 4);
    rig.pool.credits().set_limit(1);
    rig.tick();
    let closed: Vec<_> = rig.closed.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(closed, [CloseReason::OverLimit; 3]);
    assert_eq!(rig.in_use(), 1);
}

#[test]
fn a_lower_limit_closes_borrowed_connections_as_they_return() {
    let mut rig = Rig::new(2, CALM);
    let (a, b) = (rig.take_new("k"), rig.take_new("k"));
    let waiter = rig.queue("k");
    rig.pool.credits().set_limit(1);
    rig.give_back(a);
    assert_eq!(rig.closed, [(0, CloseReason::OverLimit)]);
    assert!(rig.granted.is_empty());
    rig.give_back(b);
    drop(rig.granted_to(waiter));
}

#[test]
fn a_higher_limit_is_used_at_the_next_tick() {
    let mut rig = Rig::new(0, CALM);
    rig.queue("k");
    assert!(rig.tickets.is_empty());
    rig.pool.credits().set_limit(1);
    rig.tick();
    assert_eq!(rig.tickets.len(), 1);
}

#[test]
fn nothing_is_evicted_for_a_key_that_may_not_open() {
    let mut rig = Rig::new(2, CALM);
    rig.stock("good", 1);
    rig.queue("bad");
    rig.failed(FailureScope::KeyFatal, "wrong password");
    let good = rig.take("good");
    let other = rig.take_new("good");
    rig.queue("bad");
    rig.give_back(good);
    rig.give_back(other);
    assert_eq!(rig.closed, []);
}

#[test]
fn nothing_is_opened_in_place_of_what_is_over_the_limit() {
    let mut rig = Rig::new(3, CALM);
    rig.stock("a", 3);
    rig.pool.credits().set_limit(1);
    rig.queue("b");
    assert!(rig.tickets.is_empty());
    rig.tick();
    assert_eq!((rig.tickets.len(), rig.in_use()), (1, 1));
}

#[test]
fn connections_change_keys_one_at_a_time() {
    let mut rig = Rig::new(2, CALM);
    let leases = [rig.take_new("busy"), rig.take_new("busy")];
    for _ in 0..5 {
        rig.queue("starved");
    }
    rig.run(600);
    rig.queue("busy");
    rig.queue("busy");
    for lease in leases {
        rig.give_back(lease);
    }
    assert_eq!(rig.closed, [(0, CloseReason::Fairness)]);
    assert_eq!(rig.granted.len(), 1);
}

#[test]
fn a_connection_serves_before_it_is_closed_for_fairness() {
    let mut rig = Rig::new(1, CALM);
    let gone = rig.queue("k");
    rig.wait(50);
    rig.queue("other");
    assert!(rig.pool.cancel(gone));
    rig.run(600);
    let waiter = rig.queue("k");
    rig.opened();
    drop(rig.granted_to(waiter));
    assert_eq!(rig.closed, []);
}
