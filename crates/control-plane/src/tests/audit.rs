//! Decisions on their way from a data plane to whoever asks.

use std::sync::atomic::Ordering;

use serde_json::json;
use tollgate_types::{AuthDecision, AuthOutcome, DecisionSource};

use super::World;

fn decision(id: u64, time_unix_ms: i64, outcome: AuthOutcome) -> AuthDecision {
    AuthDecision {
        correlation_id: format!("c-{id:016x}"),
        time_unix_ms,
        outcome,
        reason: "POLICY_IMPLICIT_DENY".to_owned(),
        detail: "no policy allows it".to_owned(),
        proxy: "prx-0a1b2c3d4e5f60718".to_owned(),
        proxy_name: "orders".to_owned(),
        endpoint: "127.0.0.1:7500".to_owned(),
        engine: "postgresql".to_owned(),
        db_user: "app".to_owned(),
        database: "orders".to_owned(),
        method: "iam-token".to_owned(),
        principal_arn: Some("arn:aws:iam::000000000000:user/fn".to_owned()),
        access_key_id: Some("AKIAEXAMPLE".to_owned()),
        token_issued_unix: Some(0),
        policy: None,
        source: DecisionSource {
            ip: "10.1.2.3".to_owned(),
            port: 51_234,
        },
        tls: None,
        revision: 7,
    }
}

#[tokio::test]
async fn a_decision_is_found_by_the_id_the_client_saw() {
    let world = World::new().await;
    let running = world.write_decisions();
    let now = world.now_ms.load(Ordering::Relaxed);
    for id in 0..5 {
        let outcome = if id == 0 {
            AuthOutcome::Allow
        } else {
            AuthOutcome::Deny
        };
        world
            .decisions
            .record(decision(id, now + i64::try_from(id).unwrap(), outcome));
    }
    let path = "/v1/audit/decisions/c-0000000000000003";
    let found = world.get(path).await.expect(200);
    assert_eq!(found.json["outcome"], "deny");
    assert_eq!(
        found.json["source"],
        json!({"ip": "10.1.2.3", "port": 51_234})
    );
    assert_eq!(found.json["tokenIssuedAt"], "1970-01-01T00:00:00Z");
    let first = world
        .get("/v1/audit/decisions?outcome=deny&proxy=orders&pageSize=3")
        .await
        .expect(200);
    let ids = |reply: &super::Reply| -> Vec<String> {
        let id = |item: &serde_json::Value| item["correlationId"].as_str().unwrap().to_owned();
        reply.items().iter().map(id).collect()
    };
    assert_eq!(
        ids(&first).first().unwrap(),
        "c-0000000000000004",
        "newest first"
    );
    let token = first.json["nextPageToken"].as_str().unwrap();
    let rest = format!("/v1/audit/decisions?outcome=deny&proxy=orders&pageToken={token}");
    assert_eq!(
        ids(&world.get(&rest).await.expect(200)),
        ["c-0000000000000001"]
    );
    let other = format!("/v1/audit/decisions?outcome=allow&proxy=orders&pageToken={token}");
    world.get(&other).await.refused(400, "INVALID_PAGE_TOKEN");
    let allowed = world
        .get("/v1/audit/decisions?outcome=allow")
        .await
        .expect(200);
    assert_eq!(ids(&allowed), ["c-0000000000000000"]);
    assert!(
        world
            .get("/v1/audit/decisions?proxy=none")
            .await
            .expect(200)
            .items()
            .is_empty()
    );
    world
        .get("/v1/audit/decisions?outcome=maybe")
        .await
        .refused(400, "VALIDATION_FAILED");
    world
        .get("/v1/audit/decisions/c-ffff")
        .await
        .refused(404, "NOT_FOUND");
    assert_eq!(world.decisions.dropped(), 0);
    world.cancel.cancel();
    running.await.unwrap();
}

/// Everybody finds what was recorded before, whether the writer is at work, waits for more or sleeps.
#[tokio::test]
async fn who_asks_finds_all_that_was_recorded_before() {
    let world = World::new().await;
    let running = world.write_decisions();
    for id in 0..20 {
        world.decisions.record(decision(id, 0, AuthOutcome::Deny));
        let path = format!("/v1/audit/decisions/c-{id:016x}");
        let (one, all) = tokio::join!(
            world.get(&path),
            world.get("/v1/audit/decisions?outcome=deny")
        );
        one.expect(200);
        let seen = u64::try_from(all.expect(200).items().len()).unwrap();
        assert_eq!(seen, id + 1);
    }
    world.cancel.cancel();
    running.await.unwrap();
    world.get("/v1/audit/decisions").await.expect(200);
}

/// Names as long as a startup packet lets them be: they are cut into several writes, and none is lost.
#[tokio::test]
async fn decisions_with_long_names_are_written_in_parts() {
    let world = World::new().await;
    for id in 0..600 {
        let mut long = decision(id, 0, AuthOutcome::Deny);
        long.db_user = "\u{1}".repeat(10_000);
        world.decisions.record(long);
    }
    world.cancel.cancel();
    world.write_decisions().await.unwrap();
    assert_eq!(world.decisions.dropped(), 0);
    for id in [0, 97, 98, 99, 100, 599] {
        let path = format!("/v1/audit/decisions/c-{id:016x}");
        let found = world.get(&path).await.expect(200);
        assert_eq!(found.json["dbUser"].as_str().unwrap().len(), 10_000);
    }
}

/// A writer that has taken some and waits for others has room for a full buffer behind them.
#[tokio::test]
async fn more_than_the_buffer_holds_is_written_before_the_end() {
    let world = World::new().await;
    let running = world.write_decisions();
    let mut id = 0;
    let mut fill = |world: &World, many: u64| {
        for _ in 0..many {
            world.decisions.record(decision(id, 0, AuthOutcome::Deny));
            id += 1;
        }
    };
    fill(&world, 10);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    fill(&world, 10_000);
    let dropped = world.decisions.dropped();
    world.cancel.cancel();
    running.await.unwrap();
    assert_eq!(world.decisions.dropped(), dropped);
    let newest = 10_009 - dropped;
    let path = format!("/v1/audit/decisions/c-{newest:016x}");
    world.get(&path).await.expect(200);
}

#[tokio::test]
async fn what_is_buffered_is_written_before_the_end() {
    let world = World::new().await;
    let now = world.now_ms.load(Ordering::Relaxed);
    for id in 0..2_500 {
        world.decisions.record(decision(id, now, AuthOutcome::Deny));
    }
    world.cancel.cancel();
    world.write_decisions().await.unwrap();
    world
        .get("/v1/audit/decisions/c-0000000000000000")
        .await
        .expect(200);
    world
        .get(&format!("/v1/audit/decisions/c-{:016x}", 2_499))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_full_buffer_drops_and_counts() {
    let world = World::new().await;
    for id in 0..10_005 {
        world.decisions.record(decision(id, 0, AuthOutcome::Deny));
    }
    assert_eq!(world.decisions.dropped(), 5);
    world.drop_writer();
    world.decisions.record(decision(1, 0, AuthOutcome::Deny));
    assert_eq!(world.decisions.dropped(), 6);
}

#[tokio::test]
async fn a_store_that_is_away_costs_decisions_not_logins() {
    let world = World::new().await;
    world.store.close().await;
    world.decisions.record(decision(1, 0, AuthOutcome::Deny));
    world.cancel.cancel();
    world.write_decisions().await.unwrap();
    assert_eq!(world.decisions.dropped(), 1);
}
