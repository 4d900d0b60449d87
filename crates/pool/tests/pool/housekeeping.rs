//! What the passing of time does.

use tollgate_pool::{
    BorrowError, CLOCK_LEAP, CloseReason, FailureScope, Generation, Jitter, KEY_MEMORY, Millis,
    Settings,
};

use crate::rig::{CALM, Rig};

const MINUTE: u64 = 60_000;

#[test]
fn closes_idle_connections_after_the_idle_timeout_but_not_below_the_floor() {
    let settings = Settings {
        idle_timeout: Millis::from_secs(600),
        min_idle: 1,
        ..CALM
    };
    let mut rig = Rig::new(3, settings);
    rig.stock("k", 3);
    rig.run(10 * MINUTE - 1);
    assert_eq!(rig.closed, []);
    rig.run(1);
    assert_eq!(
        rig.closed,
        [(0, CloseReason::IdleTimeout), (1, CloseReason::IdleTimeout)]
    );
    assert_eq!(rig.stats().idle, 1);
}

#[test]
fn only_long_idle_connections_count_against_the_ceiling() {
    let mut rig = Rig::new(
        4,
        Settings {
            max_idle: 1,
            ..CALM
        },
    );
    rig.stock("k", 4);
    rig.run(4 * MINUTE);
    assert_eq!(rig.closed, [], "a short lull closes nothing");
    let lease = rig.take("k");
    rig.give_back(lease);
    rig.run(MINUTE);
    let reasons: Vec<_> = rig.closed.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(
        reasons,
        [CloseReason::ExcessIdle; 2],
        "three are idle for long, one may"
    );
    assert_eq!(rig.stats().idle, 2);
}

#[test]
fn keeps_the_idle_floor_for_keys_in_use() {
    let mut rig = Rig::new(
        10,
        Settings {
            min_idle: 2,
            ..CALM
        },
    );
    rig.tick();
    assert!(rig.tickets.is_empty(), "no key is known yet");
    let lease = rig.take_new("k");
    rig.tick();
    assert_eq!(rig.tickets.len(), 2);
    rig.tick();
    assert_eq!(rig.tickets.len(), 2, "they are under way");
    rig.opened();
    rig.opened();
    assert_eq!(rig.stats().idle, 2);
    rig.give_back(lease);
    rig.tick();
    assert!(rig.tickets.is_empty());
}

#[test]
fn does_not_refill_keys_that_nobody_uses() {
    let mut rig = Rig::new(
        10,
        Settings {
            min_idle: 1,
            ..CALM
        },
    );
    let lease = rig.take_new("k");
    rig.discard(lease);
    rig.wait(KEY_MEMORY.as_u64());
    rig.tick();
    assert!(rig.tickets.is_empty());
}

#[test]
fn retires_idle_connections_when_their_time_has_come() {
    let mut rig = Rig::new(
        1,
        Settings {
            max_lifetime: Millis::from_secs(1_800),
            ..CALM
        },
    );
    rig.stock("k", 1);
    rig.run(30 * MINUTE - 1);
    assert_eq!(rig.closed, []);
    rig.run(1);
    assert_eq!(rig.closed, [(0, CloseReason::MaxLifetime)]);
}

#[test]
fn jitter_retires_up_to_a_quarter_early() {
    let mut rig = Rig::new(
        1,
        Settings {
            max_lifetime: Millis::from_secs(1_800),
            ..CALM
        },
    );
    rig.queue("k");
    let (_, ticket) = rig.tickets.remove(0);
    rig.pool.opened(ticket, 0, Jitter::new(u16::MAX), rig.now);
    rig.collect();
    let (_, lease) = rig.granted.remove(0);
    rig.give_back(lease);
    rig.run(22 * MINUTE + MINUTE / 2 - 1);
    assert_eq!(rig.closed, []);
    rig.run(1);
    assert_eq!(rig.closed, [(0, CloseReason::MaxLifetime)]);
}

#[test]
fn a_borrowed_connection_lives_until_it_returns() {
    let mut rig = Rig::new(
        1,
        Settings {
            max_lifetime: Millis::from_secs(1_800),
            ..CALM
        },
    );
    let lease = rig.take_new("k");
    rig.run(60 * MINUTE);
    assert_eq!(rig.closed, []);
    let waiter = rig.queue("k");
    rig.give_back(lease);
    assert_eq!(rig.closed, [(0, CloseReason::MaxLifetime)]);
    rig.opened();
    assert_eq!(*rig.granted_to(waiter), 1);
}

#[test]
fn a_check_is_no_use_so_the_idle_timeout_still_comes() {
    let settings = Settings {
        keepalive_time: Millis::from_secs(120),
        idle_timeout: Millis::from_secs(600),
        ..CALM
    };
    let mut rig = Rig::new(1, settings);
    rig.stock("k", 1);
    let mut checks = 0;
    for _ in 0..6_000 {
        rig.run(100);
        for (lease, deadline) in rig.checks.drain(..).collect::<Vec<_>>() {
            assert_eq!(deadline, rig.now.saturating_add(Millis::from_secs(5)));
            checks += 1;
            rig.give_back(lease);
        }
    }
    assert_eq!(checks, 4);
    assert_eq!(rig.closed, [(0, CloseReason::IdleTimeout)]);
}

#[test]
fn a_checked_connection_keeps_its_place_in_the_order() {
    let mut rig = Rig::new(2, CALM);
    let (old, new) = (rig.take_new("k"), rig.take_new("k"));
    rig.give_back(old);
    rig.wait(60_000);
    rig.give_back(new);
    rig.wait(60_000);
    rig.set(Settings {
        keepalive_time: Millis::from_secs(120),
        ..CALM
    });
    rig.tick();
    assert_eq!(rig.checks.len(), 1);
    let (lease, _) = rig.checks.remove(0);
    assert_eq!(*lease, 0);
    rig.give_back(lease);
    assert_eq!(*rig.take("k"), 1, "the one that a client used last");
}

#[test]
fn a_connection_that_fails_its_check_is_gone() {
    let mut rig = Rig::new(
        1,
        Settings {
            keepalive_time: Millis::from_secs(120),
            ..CALM
        },
    );
    rig.stock("k", 1);
    rig.run(2 * MINUTE);
    let (lease, _) = rig.checks.remove(0);
    let waiter = rig.queue("k");
    rig.discard(lease);
    assert_eq!(rig.opened(), 1);
    drop(rig.granted_to(waiter));
}

#[test]
fn after_a_clock_leap_every_idle_connection_is_checked_before_reuse() {
    let mut rig = Rig::new(3, CALM);
    rig.stock("a", 1);
    rig.stock("b", 1);
    rig.wait(CLOCK_LEAP.as_u64());
    rig.tick();
    assert!(rig.checks.is_empty());
    rig.wait(CLOCK_LEAP.as_u64() + 1);
    let waiter = rig.queue("a");
    assert_eq!(rig.checks.len(), 2);
    let (lease, _) = rig.checks.remove(0);
    rig.give_back(lease);
    drop(rig.granted_to(waiter));
}

#[test]
fn a_leak_is_reported_once_and_its_end_too() {
    let mut rig = Rig::new(
        1,
        Settings {
            leak_threshold: Millis::from_secs(30),
            ..CALM
        },
    );
    let lease = rig.take_new("k");
    let id = lease.id();
    rig.run(29_900);
    assert_eq!(rig.leaks, []);
    rig.run(60_100);
    assert_eq!(rig.leaks, [(id, Millis::from_secs(30))]);
    rig.give_back(lease);
    assert_eq!(rig.unleaks, [(id, Millis::from_secs(90))]);
    let lease = rig.take("k");
    rig.run(30_000);
    assert_eq!(rig.leaks.len(), 2, "every lease counts anew");
    drop(lease);
    rig.tick();
    assert_eq!(rig.unleaks.len(), 2);
}

#[test]
fn connections_from_before_a_change_are_not_lent_again() {
    let mut rig = Rig::new(4, CALM);
    rig.stock("k", 1);
    let borrowed = rig.take("k");
    rig.stock("k", 1);
    rig.queue("other");
    let opening = rig.tickets.remove(0);
    rig.pool.retire_all(Generation::new(7), rig.now);
    rig.collect();
    assert_eq!(rig.closed, [(1, CloseReason::Retired)]);
    rig.give_back(borrowed);
    rig.tickets.push(opening);
    rig.opened();
    assert_eq!(
        rig.closed[1..],
        [(0, CloseReason::Retired), (2, CloseReason::Retired)]
    );
    assert_eq!(rig.opened(), 3);
    assert_eq!(
        rig.granted.len(),
        1,
        "the waiter got one of the new generation"
    );
}

#[test]
fn a_change_for_one_key_leaves_the_others_alone() {
    let mut rig = Rig::new(4, CALM);
    rig.stock("a", 1);
    rig.stock("b", 1);
    rig.pool
        .retire(Generation::new(1), |key| *key == "a", rig.now);
    rig.collect();
    assert_eq!(rig.closed, [(0, CloseReason::Retired)]);
    assert_eq!(*rig.take("b"), 1);
}

#[test]
fn draining_refuses_closes_and_ends_empty() {
    let mut rig = Rig::new(3, CALM);
    rig.stock("idle", 1);
    let borrowed = rig.take_new("k");
    rig.queue("opening");
    rig.pool.drain(rig.now);
    rig.collect();
    assert_eq!(rig.closed, [(0, CloseReason::Drained)]);
    assert_eq!(rig.refused[0].1, BorrowError::ShuttingDown);
    assert_eq!(rig.refusal("k"), BorrowError::ShuttingDown);
    assert!(!rig.pool.is_empty());
    rig.give_back(borrowed);
    rig.opened();
    assert!(rig.pool.is_empty());
    assert_eq!(rig.closed.len(), 3);
    assert_eq!(rig.in_use(), 0);
}

#[test]
fn made_up_keys_are_forgotten() {
    let mut rig = Rig::new(3, CALM);
    rig.queue("no such user");
    rig.failed(FailureScope::KeyFatal, "no such user");
    rig.run(1_000);
    rig.queue("no such user");
    assert_eq!(rig.tickets.len(), 1);
    rig.failed(FailureScope::KeyFatal, "no such user");
    rig.wait(10);
    rig.tick();
    rig.queue("no such user");
    assert_eq!(rig.tickets.len(), 1, "the pause began at its minimum again");
}

#[test]
fn dropping_the_pool_closes_what_it_holds() {
    let mut rig = Rig::new(3, CALM);
    rig.stock("k", 2);
    let lease = rig.take("k");
    let credits = std::sync::Arc::clone(rig.pool.credits());
    drop(rig);
    assert_eq!(credits.in_use(), 1);
    drop(lease);
    assert_eq!(credits.in_use(), 0);
}
