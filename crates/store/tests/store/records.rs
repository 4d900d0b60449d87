//! Decisions and facts about the installation.

use tollgate_store::{DecisionFilter, DecisionRetention, Page, StoreError};
use tollgate_types::{AuthDecision, AuthOutcome, DecisionSource};

use crate::rig::{NOW, Rig};

on_both_engines!(
    a_decision_is_found_by_its_correlation_id,
    a_decision_is_kept_once,
    decisions_are_listed_newest_first,
    decisions_are_filtered,
    many_decisions_go_in_at_once,
    whatever_a_client_sent_is_kept_as_it_was,
    old_decisions_go,
    the_newest_decisions_stay,
    meta_is_put_and_claimed,
    of_many_claims_one_wins,
);

fn decision(number: u32) -> AuthDecision {
    let outcome = if number.is_multiple_of(2) {
        AuthOutcome::Allow
    } else {
        AuthOutcome::Deny
    };
    AuthDecision {
        correlation_id: format!("c-{number:016x}"),
        time_unix_ms: i64::from(number / 2),
        outcome,
        reason: "ALLOWED".to_owned(),
        detail: String::new(),
        proxy: "prx-0a1b2c3d4e5f60718".to_owned(),
        proxy_name: if number < 6 { "orders" } else { "bills" }.to_owned(),
        endpoint: "127.0.0.1:7500".to_owned(),
        engine: "postgresql".to_owned(),
        db_user: "app".to_owned(),
        database: "orders".to_owned(),
        method: "iam-token".to_owned(),
        principal_arn: None,
        access_key_id: None,
        token_issued_unix: None,
        policy: None,
        source: DecisionSource {
            ip: "127.0.0.1".to_owned(),
            port: 50_000,
        },
        tls: None,
        revision: 1,
    }
}

async fn insert(rig: &Rig, numbers: impl Iterator<Item = u32>) {
    let all: Vec<AuthDecision> = numbers.map(decision).collect();
    rig.store.decision_insert_many(&all).await.unwrap();
}

/// Every decision that fits, through pages of two.
async fn all(rig: &Rig, filter: &DecisionFilter) -> Vec<AuthDecision> {
    let mut page = Page::first(2);
    let mut seen = Vec::new();
    loop {
        let listed = rig.store.decision_list(filter, &page).await.unwrap();
        seen.extend(listed.items);
        match listed.next {
            Some(next) => page = page.after(next),
            None => return seen,
        }
    }
}

fn numbered(numbers: impl Iterator<Item = u32>) -> Vec<AuthDecision> {
    numbers.map(decision).collect()
}

async fn a_decision_is_found_by_its_correlation_id(rig: Rig) {
    insert(&rig, 0..3).await;
    let found = rig.store.decision_get("c-0000000000000001").await.unwrap();
    assert_eq!(found, decision(1));
    let error = rig.store.decision_get("c-9").await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
}

async fn a_decision_is_kept_once(rig: Rig) {
    insert(&rig, 0..3).await;
    insert(&rig, 1..4).await;
    insert(&rig, 0..0).await;
    assert_eq!(all(&rig, &DecisionFilter::default()).await.len(), 4);
}

/// Two decisions share every millisecond, and a page ends between two of them.
async fn decisions_are_listed_newest_first(rig: Rig) {
    insert(&rig, 0..7).await;
    let seen = all(&rig, &DecisionFilter::default()).await;
    assert_eq!(seen, numbered((0..7).rev()));
}

async fn decisions_are_filtered(rig: Rig) {
    insert(&rig, 0..10).await;
    let mut filter = DecisionFilter {
        proxy_name: Some("orders".to_owned()),
        outcome: None,
    };
    assert_eq!(all(&rig, &filter).await, numbered((0..6).rev()));
    filter.outcome = Some(AuthOutcome::Deny);
    assert_eq!(all(&rig, &filter).await, numbered([5, 3, 1].into_iter()));
    filter.proxy_name = None;
    assert_eq!(all(&rig, &filter).await.len(), 5);
}

async fn many_decisions_go_in_at_once(rig: Rig) {
    insert(&rig, 0..2_537).await;
    let stay = DecisionRetention {
        not_before_ms: i64::MAX,
        rows_max: 0,
    };
    assert_eq!(rig.store.decision_prune(stay).await.unwrap(), 2_537);
}

async fn whatever_a_client_sent_is_kept_as_it_was(rig: Rig) {
    let odd = AuthDecision {
        db_user: "a\u{0}\"b\\u0000'\u{1}\n\u{fffd}\u{1f40a}$1".to_owned(),
        database: "[\"]}, {\"".to_owned(),
        ..decision(1)
    };
    let all = [decision(0), odd.clone()];
    rig.store.decision_insert_many(&all).await.unwrap();
    let found = rig.store.decision_get("c-0000000000000001").await.unwrap();
    assert_eq!(found, odd);
}

async fn old_decisions_go(rig: Rig) {
    insert(&rig, 0..8).await;
    let stay = DecisionRetention {
        not_before_ms: 2,
        rows_max: 100,
    };
    assert_eq!(rig.store.decision_prune(stay).await.unwrap(), 4);
    assert_eq!(
        all(&rig, &DecisionFilter::default()).await,
        numbered((4..8).rev())
    );
}

async fn the_newest_decisions_stay(rig: Rig) {
    insert(&rig, 0..8).await;
    let stay = DecisionRetention {
        not_before_ms: 0,
        rows_max: 4,
    };
    assert_eq!(rig.store.decision_prune(stay).await.unwrap(), 4);
    assert_eq!(
        all(&rig, &DecisionFilter::default()).await,
        numbered((4..8).rev())
    );
}

async fn meta_is_put_and_claimed(rig: Rig) {
    assert_eq!(rig.store.meta_get("ca").await.unwrap(), None);
    assert_eq!(
        rig.store.meta_claim("ca", "first", NOW).await.unwrap(),
        "first"
    );
    assert_eq!(
        rig.store.meta_claim("ca", "second", NOW).await.unwrap(),
        "first"
    );
    rig.store.meta_put("ca", "third", NOW).await.unwrap();
    assert_eq!(
        rig.store.meta_get("ca").await.unwrap().as_deref(),
        Some("third")
    );
}

async fn of_many_claims_one_wins(rig: Rig) {
    let stores = [rig.store.clone(), rig.second()];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = stores[number % 2].clone();
        tasks.spawn(async move { store.meta_claim("root", &number.to_string(), NOW).await });
    }
    let mut learnt = Vec::new();
    for value in tasks.join_all().await {
        learnt.push(value.unwrap());
    }
    learnt.dedup();
    assert_eq!(learnt.len(), 1);
}
