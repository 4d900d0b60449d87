//! Keys of which nothing may lie idle for a while.

use tollgate_pool::{CloseReason, Millis, Settings};

use crate::rig::{CALM, Key, Rig};

const A_WHILE: Millis = Millis::from_secs(10);

fn vacate(rig: &mut Rig, key: Key) -> usize {
    let until = rig.now.saturating_add(A_WHILE);
    let closed = rig.pool.vacate(|known| *known == key, until, rig.now);
    rig.collect();
    closed
}

#[test]
fn closes_what_is_idle_of_the_key_and_nothing_else() {
    let mut rig = Rig::new(5, CALM);
    rig.stock("dropped", 2);
    rig.stock("kept", 2);
    assert_eq!(vacate(&mut rig, "dropped"), 2);
    assert_eq!(
        rig.closed,
        [(0, CloseReason::Vacated), (1, CloseReason::Vacated)]
    );
    assert_eq!((rig.stats().idle, rig.in_use()), (2, 2));
}

#[test]
fn closes_what_comes_back_until_the_time_is_over() {
    let mut rig = Rig::new(5, CALM);
    let early = rig.take_new("k");
    let late = rig.take_new("k");
    assert_eq!(vacate(&mut rig, "k"), 0);
    rig.run(9_999);
    rig.give_back(early);
    assert_eq!(rig.closed, [(0, CloseReason::Vacated)]);
    rig.run(1);
    rig.give_back(late);
    assert_eq!(rig.stats().idle, 1);
}

#[test]
fn whoever_waits_is_served_all_the_same() {
    let mut rig = Rig::new(1, CALM);
    let lease = rig.take_new("k");
    let waiter = rig.queue("k");
    vacate(&mut rig, "k");
    rig.give_back(lease);
    let lease = rig.granted_to(waiter);
    rig.give_back(lease);
    assert_eq!(rig.closed, [(0, CloseReason::Vacated)]);
    let again = rig.take_new("k");
    assert_eq!(*again, 1);
}

#[test]
fn an_opening_that_nobody_waits_for_any_more_is_closed() {
    let mut rig = Rig::new(2, CALM);
    let waiter = rig.queue("k");
    vacate(&mut rig, "k");
    rig.pool.cancel(waiter);
    rig.opened();
    assert_eq!(rig.closed, [(0, CloseReason::Vacated)]);
}

#[test]
fn the_idle_floor_is_filled_again_only_afterwards() {
    let settings = Settings {
        min_idle: 1,
        ..CALM
    };
    let mut rig = Rig::new(5, settings);
    rig.stock("k", 1);
    vacate(&mut rig, "k");
    rig.run(9_900);
    assert_eq!((rig.tickets.len(), rig.stats().open), (0, 0));
    rig.run(200);
    assert_eq!(rig.tickets.len(), 1);
}

#[test]
fn a_credit_that_becomes_free_serves_another_key() {
    let mut rig = Rig::new(1, CALM);
    rig.stock("k", 1);
    vacate(&mut rig, "k");
    rig.queue("other");
    assert_eq!(rig.tickets.len(), 1);
}
