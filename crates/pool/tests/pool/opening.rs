//! When connections are opened, and what happens when that fails.

use tollgate_pool::{BorrowError, FailureScope, Generation, Millis};

use crate::rig::{CALM, Rig};

#[test]
fn opens_no_more_than_there_are_waiters() {
    let mut rig = Rig::new(10, CALM);
    rig.queue("k");
    assert_eq!(rig.tickets.len(), 1);
    rig.tick();
    assert_eq!(rig.tickets.len(), 1, "the waiter is covered");
}

#[test]
fn openings_at_most_double_the_connections_in_flight() {
    let mut rig = Rig::new(100, CALM);
    for _ in 0..100 {
        rig.queue("k");
    }
    let mut rounds = Vec::new();
    while !rig.tickets.is_empty() {
        let round = rig.tickets.len();
        rounds.push(round);
        for _ in 0..round {
            rig.opened();
        }
    }
    assert_eq!(rig.granted.len(), 100);
    assert_eq!(rounds[0], 2);
    assert!(rounds.len() <= 8, "too slow: {rounds:?}");
}

/// `HikariCP`'s published spike: 50 borrowers at once, each for 2 ms, while connecting takes 150 ms.
/// It used 5 connections where other pools opened 40 and more.
#[test]
fn a_spike_of_quick_borrowers_uses_few_connections() {
    let mut rig = Rig::new(100, CALM);
    for _ in 0..50 {
        rig.queue("k");
    }
    let mut held = Vec::new();
    let mut opening: Vec<u64> = vec![0; rig.tickets.len()];
    let mut served = 0;
    for at in 0..1_000 {
        rig.wait(1);
        while opening.first().is_some_and(|since| since + 150 <= at) {
            opening.remove(0);
            rig.opened();
        }
        let due = held.iter().take_while(|(until, _)| *until <= at).count();
        for (_, lease) in held.drain(..due).collect::<Vec<_>>() {
            served += 1;
            rig.give_back(lease);
        }
        held.extend(rig.granted.drain(..).map(|(_, lease)| (at + 2, lease)));
        opening.resize(rig.tickets.len(), at);
    }
    assert_eq!(served, 50);
    assert!(rig.next_conn <= 5, "opened {}", rig.next_conn);
}

#[test]
fn a_wrong_password_fails_the_waiters_of_its_key_at_once() {
    let mut rig = Rig::new(4, CALM);
    let first = rig.queue("alice");
    let second = rig.queue("alice");
    rig.queue("bob");
    rig.failed(FailureScope::KeyFatal, "password authentication failed");
    let refused: Vec<_> = rig.refused.iter().map(|(id, _)| *id).collect();
    assert_eq!(refused, [first, second]);
    let BorrowError::Unavailable(error) = &rig.refused[0].1 else {
        unreachable!("not refused")
    };
    assert_eq!(&*error.message, "password authentication failed");
    assert_eq!(rig.stats().waiting, 1);
}

#[test]
fn a_failing_key_backs_off_and_then_tells_the_truth_again() {
    let mut rig = Rig::new(4, CALM);
    rig.queue("alice");
    rig.failed(FailureScope::KeyFatal, "wrong password");
    rig.queue("alice");
    assert!(rig.tickets.is_empty(), "backing off");
    rig.queue("bob");
    assert_eq!(rig.tickets.len(), 1, "another user is not slowed down");
    rig.opened();
    rig.wait(10);
    rig.tick();
    assert_eq!(rig.tickets.len(), 1);
    rig.opened();
    assert_eq!(rig.granted.len(), 2);
}

#[test]
fn a_dead_target_is_probed_by_one_opening_at_a_time() {
    let mut rig = Rig::new(20, CALM);
    for key in ["a", "b", "c"] {
        for _ in 0..5 {
            rig.queue(key);
        }
    }
    while !rig.tickets.is_empty() {
        rig.failed(FailureScope::Target, "connection refused");
    }
    let mut probes = 0;
    for _ in 0..300 {
        rig.wait(100);
        rig.tick();
        assert!(rig.tickets.len() <= 1);
        if !rig.tickets.is_empty() {
            probes += 1;
            rig.failed(FailureScope::Target, "connection refused");
        }
    }
    assert!(
        (9..=16).contains(&probes),
        "30 s with pauses doubling to 5 s: {probes}"
    );
    assert!(rig.refused.is_empty(), "they wait until their deadline");
    assert_eq!(rig.in_use(), 0);
}

#[test]
fn a_target_that_is_back_serves_everybody_at_once() {
    let mut rig = Rig::new(20, CALM);
    for key in ["a", "b", "c"] {
        rig.queue(key);
    }
    while !rig.tickets.is_empty() {
        rig.failed(FailureScope::Target, "connection refused");
    }
    rig.run(100);
    assert_eq!(rig.tickets.len(), 1);
    rig.opened();
    assert_eq!(rig.tickets.len(), 2);
}

#[test]
fn a_refused_login_shows_that_the_target_is_back() {
    let mut rig = Rig::new(20, CALM);
    rig.queue("a");
    rig.failed(FailureScope::Target, "connection refused");
    rig.queue("b");
    rig.run(100);
    assert_eq!(rig.tickets.len(), 1);
    rig.failed(FailureScope::KeyFatal, "wrong password");
    assert_eq!(
        rig.tickets.len(),
        1,
        "the other key goes on without a pause"
    );
}

#[test]
fn a_timeout_carries_the_last_opening_error() {
    let mut rig = Rig::new(1, CALM);
    rig.queue("k");
    rig.failed(FailureScope::Target, "connection refused");
    for _ in 0..1_300 {
        rig.run(100);
        if !rig.tickets.is_empty() {
            rig.failed(FailureScope::Target, "no route to host");
        }
    }
    let (_, BorrowError::TimedOut(report)) = rig.refused.remove(0) else {
        unreachable!("refused")
    };
    let error = report.last_open_error.clone().expect("openings failed");
    assert_eq!(&*error.message, "no route to host");
    assert!(error.at > Millis::from_secs(1_100));
    assert!(
        report
            .to_string()
            .ends_with("; last opening failed: no route to host")
    );
}

#[test]
fn success_forgets_the_last_error() {
    let mut rig = Rig::new(1, CALM);
    rig.queue("k");
    rig.failed(FailureScope::Key, "too many connections for role");
    rig.run(100);
    rig.opened();
    rig.queue("k");
    rig.run(120_000);
    let (_, BorrowError::TimedOut(report)) = rig.refused.remove(0) else {
        unreachable!("refused")
    };
    assert_eq!(report.last_open_error, None);
}

#[test]
fn a_dropped_ticket_gives_up_and_is_tried_again() {
    let mut rig = Rig::new(1, CALM);
    rig.queue("k");
    rig.tickets.clear();
    assert_eq!(rig.in_use(), 0);
    rig.tick();
    assert_eq!(rig.stats().opening, 1);
    rig.opened();
    assert_eq!(rig.granted.len(), 1);
}

#[test]
fn a_ticket_of_another_pool_is_given_up() {
    let mut here = Rig::new(1, CALM);
    let mut there = Rig::new(1, CALM);
    there.queue("k");
    here.tickets.append(&mut there.tickets);
    here.opened();
    assert_eq!(here.stats().open, 0);
    assert_eq!(there.in_use(), 0);
    there.tick();
    assert_eq!(there.tickets.len(), 1, "its own pool tries again");
}

#[test]
fn an_attempt_with_the_old_secret_does_not_count() {
    let mut rig = Rig::new(1, CALM);
    rig.queue("k");
    rig.pool.retire_all(Generation::new(1), rig.now);
    rig.failed(FailureScope::KeyFatal, "wrong password");
    assert!(rig.refused.is_empty());
    assert_eq!(
        rig.tickets.len(),
        1,
        "tried again at once, with the new secret"
    );
}

#[test]
fn a_new_secret_ends_the_pause() {
    let mut rig = Rig::new(1, CALM);
    rig.queue("k");
    rig.failed(FailureScope::KeyFatal, "wrong password");
    rig.queue("k");
    assert!(rig.tickets.is_empty());
    rig.pool.retire_all(Generation::new(1), rig.now);
    rig.collect();
    assert_eq!(rig.tickets.len(), 1);
}

#[test]
fn a_failing_key_is_probed_by_one_opening_at_a_time() {
    let mut rig = Rig::new(4, CALM);
    rig.queue("k");
    rig.queue("k");
    rig.failed(FailureScope::Key, "too many connections for role");
    rig.failed(FailureScope::Key, "too many connections for role");
    rig.run(100);
    assert_eq!(rig.tickets.len(), 1);
}

#[test]
fn openings_start_slowly_again_after_connections_are_gone() {
    let mut rig = Rig::new(20, CALM);
    let leases: Vec<_> = (0..8).map(|_| rig.take_new("k")).collect();
    for lease in leases {
        rig.discard(lease);
    }
    for _ in 0..8 {
        rig.queue("k");
    }
    assert_eq!(rig.tickets.len(), 2);
}
