//! Several shards, one limit.

use std::sync::Arc;

use tollgate_pool::{CloseReason, Credits, FailureScope, Generation, Millis, Passport, Shard};

use crate::rig::{CALM, Rig};

fn pair(limit: u32) -> (Rig, Rig) {
    let credits = Credits::new(limit, 2);
    (
        Rig::on_shard(0, &credits, CALM),
        Rig::on_shard(1, &credits, CALM),
    )
}

fn wait_both(a: &mut Rig, b: &mut Rig, millis: u64) {
    a.run(millis);
    b.run(millis);
}

#[test]
fn an_idle_connection_moves_to_the_shard_that_asks() {
    let (mut a, mut b) = pair(1);
    a.stock("k", 1);
    let waiter = b.queue("k");
    assert_eq!(
        b.pleas,
        ["k"],
        "nothing of its own can come back, so it asks at once"
    );
    let parcel = a.pool.surrender(Some(&"k"), a.now).expect("one is idle");
    assert_eq!(a.stats().open, 0);
    b.pool.adopt(parcel, b.now);
    b.collect();
    let lease = b.granted_to(waiter);
    assert_eq!(*lease, 0);
    assert_eq!(b.in_use(), 1);
}

#[test]
fn a_connection_of_another_key_makes_room_where_it_arrives() {
    let (mut a, mut b) = pair(1);
    a.stock("other", 1);
    b.queue("k");
    let parcel = a.pool.surrender(Some(&"k"), a.now).expect("one is idle");
    assert_eq!(parcel.key, "other");
    b.pool.adopt(parcel, b.now);
    b.collect();
    assert_eq!(b.closed, [(0, CloseReason::Evicted)]);
    assert_eq!(b.tickets.len(), 1);
}

#[test]
fn a_shard_whose_own_connections_may_return_is_patient() {
    let (mut a, mut b) = pair(2);
    a.stock("k", 1);
    let lease = b.take_new("k");
    b.queue("k");
    assert!(b.pleas.is_empty());
    wait_both(&mut a, &mut b, 10);
    assert!(b.pleas.is_empty());
    wait_both(&mut a, &mut b, 10);
    assert_eq!(b.pleas, ["k"]);
    wait_both(&mut a, &mut b, 10);
    assert_eq!(b.pleas, ["k"], "once is enough");
    drop(lease);
}

#[test]
fn a_tick_offers_idle_connections_to_a_shard_in_need() {
    let (mut a, mut b) = pair(1);
    a.stock("k", 1);
    b.queue("k");
    a.tick();
    assert_eq!(a.offers.len(), 1);
    assert_eq!(a.offers[0].1, Shard::new(1));
}

#[test]
fn a_spare_return_is_offered_once_per_request() {
    let (mut a, mut b) = pair(2);
    let (one, two) = (a.take_new("k"), a.take_new("k"));
    let waiter = b.queue("k");
    a.give_back(one);
    a.give_back(two);
    assert_eq!(a.offers.len(), 1);
    assert_eq!(a.stats().idle, 1);
    let (parcel, _) = a.offers.remove(0);
    b.pool.adopt(parcel, b.now);
    b.collect();
    let lease = b.granted_to(waiter);
    assert_eq!(b.in_use(), 2);
    drop(lease);
}

#[test]
fn a_longer_wait_elsewhere_comes_before_a_local_waiter() {
    let (mut a, mut b) = pair(1);
    let lease = a.take_new("k");
    b.queue("k");
    wait_both(&mut a, &mut b, 30);
    let local = a.queue("k");
    a.give_back(lease);
    assert_eq!(a.offers.len(), 1);
    let (parcel, _) = a.offers.remove(0);
    b.pool.adopt(parcel, b.now);
    b.collect();
    let (_, lease) = b.granted.remove(0);
    wait_both(&mut a, &mut b, 100);
    b.give_back(lease);
    let (parcel, _) = b.offers.remove(0);
    a.pool.adopt(parcel, a.now);
    a.collect();
    drop(a.granted_to(local));
}

#[test]
fn a_slightly_longer_wait_elsewhere_is_not_worth_a_move() {
    let (mut a, mut b) = pair(1);
    let lease = a.take_new("k");
    b.queue("k");
    wait_both(&mut a, &mut b, 20);
    let local = a.queue("k");
    a.give_back(lease);
    drop(a.granted_to(local));
    assert!(a.offers.is_empty());
}

#[test]
fn a_freed_credit_wakes_the_shard_in_need() {
    let (mut a, mut b) = pair(1);
    let lease = a.take_new("k");
    b.queue("other");
    a.discard(lease);
    assert_eq!(a.nudges, [Shard::new(1)]);
    b.pool.retry(b.now);
    b.collect();
    assert_eq!(b.tickets.len(), 1);
}

#[test]
fn a_newcomer_does_not_take_the_credit_of_a_longer_wait() {
    let (mut a, mut b) = pair(1);
    let lease = a.take_new("k");
    b.queue("other");
    wait_both(&mut a, &mut b, 30);
    drop(lease);
    a.queue("k");
    assert!(a.tickets.is_empty());
    assert_eq!(a.nudges[0], Shard::new(1));
    b.pool.retry(b.now);
    b.collect();
    assert_eq!(b.tickets.len(), 1);
}

#[test]
fn a_credit_that_a_silent_shard_leaves_is_taken_at_the_next_tick() {
    let (mut a, mut b) = pair(1);
    let lease = a.take_new("k");
    b.queue("other");
    a.run(30);
    a.queue("k");
    a.discard(lease);
    assert!(a.tickets.is_empty());
    a.run(50);
    assert_eq!(a.tickets.len(), 1);
}

#[test]
fn a_shard_that_is_served_is_not_offered_anything() {
    let (mut a, mut b) = pair(2);
    let spare = a.take_new("k");
    let own = b.take_new("k");
    let waiter = b.queue("k");
    wait_both(&mut a, &mut b, 100);
    b.give_back(own);
    drop(b.granted_to(waiter));
    a.give_back(spare);
    assert!(a.offers.is_empty());
}

#[test]
fn a_shard_that_went_away_is_not_offered_anything() {
    let (mut a, mut b) = pair(1);
    let lease = a.take_new("k");
    b.queue("k");
    drop(b);
    a.give_back(lease);
    assert!(a.offers.is_empty());
    assert_eq!(a.stats().idle, 1);
}

#[test]
fn a_connection_of_an_old_generation_is_not_let_in() {
    let (mut a, mut b) = pair(2);
    a.stock("k", 1);
    b.pool.retire_all(Generation::new(1), b.now);
    let parcel = a.pool.surrender(None, a.now).expect("one is idle");
    b.pool.adopt(parcel, b.now);
    b.collect();
    assert_eq!(b.closed, [(0, CloseReason::Retired)]);
    assert_eq!(b.in_use(), 0);
}

#[test]
fn age_and_idleness_travel_along() {
    let (mut a, mut b) = pair(2);
    let settings = tollgate_pool::Settings {
        idle_timeout: Millis::from_secs(600),
        ..CALM
    };
    b.set(settings);
    a.stock("k", 1);
    wait_both(&mut a, &mut b, 500_000);
    let parcel = a.pool.surrender(None, a.now).expect("one is idle");
    b.pool.adopt(parcel, b.now);
    b.run(99_999);
    assert_eq!(b.closed, []);
    b.run(1);
    assert_eq!(b.closed, [(0, CloseReason::IdleTimeout)]);
}

#[test]
fn a_lost_parcel_costs_nothing_but_itself() {
    let (mut a, b) = pair(1);
    a.stock("k", 1);
    drop(a.pool.surrender(None, a.now));
    assert_eq!(b.in_use(), 0);
    assert_eq!(a.stats().open, 0);
}

#[test]
fn a_draining_shard_closes_what_it_is_sent() {
    let (mut a, mut b) = pair(1);
    a.stock("k", 1);
    b.pool.drain(b.now);
    let parcel = a.pool.surrender(None, a.now).expect("one is idle");
    b.pool.adopt(parcel, b.now);
    b.collect();
    assert_eq!(b.closed, [(0, CloseReason::Drained)]);
    assert!(b.pool.is_empty());
    assert_eq!(b.in_use(), 0);
}

#[test]
fn an_idle_connection_can_be_closed_for_its_credit() {
    let (mut a, _b) = pair(1);
    assert!(!a.pool.free_credit_for_others(a.now));
    a.stock("k", 1);
    assert!(a.pool.free_credit_for_others(a.now));
    a.collect();
    assert_eq!(a.closed, [(0, CloseReason::Released)]);
    assert_eq!(a.in_use(), 0);
}

#[test]
fn a_passport_crosses_threads_and_keeps_its_credit() {
    let (mut a, b) = pair(1);
    a.stock("k", 1);
    let parcel = a.pool.surrender(None, a.now).expect("one is idle");
    let credits = Arc::clone(b.pool.credits());
    let passport: Passport = parcel.passport;
    std::thread::spawn(move || {
        assert_eq!(credits.in_use(), 1);
        drop(passport);
        assert_eq!(credits.in_use(), 0);
    })
    .join()
    .expect("the thread's assertions held");
}

#[test]
fn waiters_whose_openings_fail_get_what_another_shard_has_idle() {
    // The role may have one connection, and shard 0 has it.
    let (mut a, mut b) = pair(4);
    a.stock("k", 1);
    a.stock("other", 1);
    let waiter = b.queue("k");
    b.failed(FailureScope::Key, "too many connections for role");
    a.tick();
    assert_eq!(a.offers.len(), 1);
    let (parcel, _) = a.offers.remove(0);
    assert_eq!(parcel.key, "k");
    b.pool.adopt(parcel, b.now);
    b.collect();
    drop(b.granted_to(waiter));
    a.tick();
    assert!(a.offers.is_empty());
}

#[test]
fn connections_of_other_keys_do_not_go_where_openings_fail() {
    let (mut a, mut b) = pair(4);
    a.stock("other", 1);
    b.queue("k");
    b.failed(FailureScope::Target, "connection refused");
    a.tick();
    let lease = a.take("other");
    a.give_back(lease);
    assert!(a.offers.is_empty());
    let lease = a.take("other");
    a.discard(lease);
    assert!(a.nudges.is_empty(), "a credit is of no use there either");
}

#[test]
fn a_shard_still_in_need_says_so_again() {
    let (mut a, mut b) = pair(2);
    let (one, two) = (a.take_new("k"), a.take_new("k"));
    b.queue("k");
    b.queue("k");
    wait_both(&mut a, &mut b, 30);
    for lease in [one, two] {
        a.give_back(lease);
        let (parcel, _) = a.offers.remove(0);
        b.pool.adopt(parcel, b.now);
        b.collect();
    }
    assert_eq!(b.granted.len(), 2);
}

#[test]
fn a_request_whose_answer_was_lost_is_repeated_at_the_next_tick() {
    let (mut a, mut b) = pair(2);
    let (one, two) = (a.take_new("k"), a.take_new("k"));
    b.queue("k");
    a.give_back(one);
    let lost = a.offers.remove(0);
    b.tick();
    a.give_back(two);
    assert_eq!(a.offers.len(), 1);
    drop(lost);
}

#[test]
fn asks_again_for_every_new_need() {
    let (mut a, mut b) = pair(1);
    let lease = a.take_new("k");
    let waiter = b.queue("k");
    assert_eq!(b.pleas.len(), 1);
    assert!(b.pool.cancel(waiter));
    b.queue("k");
    assert_eq!(b.pleas.len(), 2, "the queue was empty in between");
    b.queue("k");
    a.discard(lease);
    b.pool.retry(b.now);
    b.collect();
    assert_eq!(b.tickets.len(), 1);
    b.run(30);
    assert_eq!(b.pleas.len(), 3, "the second waiter is not covered");
}

#[test]
fn asks_again_after_an_answer_that_was_not_enough() {
    let (mut a, mut b) = pair(2);
    a.stock("k", 2);
    b.queue("k");
    b.queue("k");
    b.run(30);
    for asked in 1..=2 {
        assert_eq!(b.pleas.len(), asked);
        let parcel = a.pool.surrender(Some(&"k"), a.now).expect("two are idle");
        b.pool.adopt(parcel, b.now);
        b.collect();
    }
    assert_eq!(b.granted.len(), 2);
}

#[test]
fn the_key_that_is_asked_for_is_offered_first() {
    let (mut a, mut b) = pair(2);
    a.stock("older", 1);
    a.stock("k", 1);
    b.queue("k");
    a.tick();
    assert_eq!(a.offers[0].0.key, "k");
}

#[test]
fn a_connection_that_has_just_moved_does_not_move_on() {
    let (mut a, mut b) = pair(1);
    a.stock("k", 1);
    let parcel = a.pool.surrender(None, a.now).expect("one is idle");
    a.queue("k");
    b.pool.adopt(parcel, b.now);
    b.collect();
    assert_eq!((b.offers.len(), b.stats().idle), (0, 1));
    b.tick();
    assert_eq!(b.offers.len(), 1, "but it does not stay unused either");
}

#[test]
fn a_wait_that_an_opening_covers_is_not_posted() {
    let (mut a, mut b) = pair(2);
    let lease = a.take_new("k");
    b.queue("k");
    b.run(30);
    a.run(30);
    a.give_back(lease);
    assert!(a.offers.is_empty());
}

#[test]
fn a_short_wait_for_an_own_connection_is_not_posted() {
    let (mut a, mut b) = pair(2);
    let (lease, own) = (a.take_new("k"), b.take_new("k"));
    b.queue("k");
    b.run(10);
    a.run(10);
    a.give_back(lease);
    assert!(a.offers.is_empty());
    drop(own);
}

#[test]
fn another_key_elsewhere_has_to_wait_for_much_longer() {
    let (mut a, mut b) = pair(1);
    let lease = a.take_new("k");
    b.queue("other");
    wait_both(&mut a, &mut b, 100);
    let first = a.queue("k");
    a.give_back(lease);
    let lease = a.granted_to(first);
    wait_both(&mut a, &mut b, 500);
    a.queue("k");
    a.give_back(lease);
    assert_eq!(a.offers.len(), 1);
}

#[test]
fn a_need_that_anybody_can_help_is_posted_before_one_that_few_can() {
    let (mut a, mut b) = pair(1);
    b.queue("failing");
    b.failed(FailureScope::Key, "too many connections for role");
    let lease = a.take_new("k");
    b.queue("stuck");
    a.give_back(lease);
    assert_eq!(a.offers.len(), 1);
}

#[test]
fn a_probe_covers_its_waiter() {
    let (mut a, mut b) = pair(4);
    b.queue("k");
    b.failed(FailureScope::Key, "too many connections for role");
    b.run(100);
    assert_eq!(b.tickets.len(), 1);
    a.stock("k", 1);
    a.tick();
    assert!(a.offers.is_empty());
}
