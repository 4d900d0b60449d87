//! The metadata store is away: calls fail fast and say so, what runs goes on.

use http::Method;
use serde_json::json;
use tollgate_store::{MetadataUrl, StoreSettings};

use super::World;
use crate::PeerRule;

/// A control plane whose store can never be opened.
fn without_store() -> World {
    let folder = tempfile::tempdir().unwrap();
    let url = MetadataUrl::Sqlite(folder.path().join("no-such-folder/metadata.db"));
    World::over(StoreSettings::new(url), folder, PeerRule::LoopbackOnly)
}

fn check<'v>(reply: &'v super::Reply, name: &str) -> &'v serde_json::Value {
    let checks = reply.json["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()
}

#[tokio::test]
async fn calls_fail_fast_with_a_reason_and_may_be_repeated() {
    let world = without_store();
    for reply in [
        world.get("/v1/proxies").await,
        world.post("/v1/iam/users", &json!({"name": "fn"})).await,
        world.delete("/v1/databases/db").await,
    ] {
        let reply = reply.refused(503, "STORE_UNAVAILABLE");
        assert!(reply.header("retry-after").is_some());
        assert_eq!(reply.json["retryable"], true);
        assert!(!reply.text.contains("no-such-folder"), "{}", reply.text);
    }
    let stranger = super::Key {
        id: "AKIANOBODYNOBODYNOBO".into(),
        secret: "x".into(),
        session_token: None,
    };
    let reply = world
        .call(Method::GET, "/v1/proxies")
        .key(&stranger)
        .send()
        .await;
    reply.refused(503, "STORE_UNAVAILABLE");
    let proxies = world.query("rds", "DescribeDBProxies", &[]);
    proxies.refused(503, "ServiceUnavailable").await;
    let wrong = world.post("/v1/iam/users", &json!({"name": "a b"})).await;
    wrong.refused(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let world = without_store();
    world.reconcile();
    world.get("/livez").await.expect(200);
    assert_eq!(
        world.get("/readyz").await.expect(503).json,
        json!({"status": "failing"})
    );
    let reply = world
        .until("/readyz?verbose", |r| {
            check(r, "reconciler")["lastError"].is_string()
        })
        .await;
    let reply = reply.expect(503);
    assert_eq!(check(&reply, "metadata")["state"], "degraded");
    assert_eq!(check(&reply, "snapshot")["state"], "failing");
    assert_eq!(
        check(&reply, "reconciler")["lastError"],
        "STORE_UNAVAILABLE"
    );
}

#[tokio::test]
async fn a_published_snapshot_survives_the_store() {
    let world = World::running().await;
    world.proxy("orders").await;
    let before = world.snapshot_where(|s| !s.proxies.is_empty()).await;
    world.obey();
    world
        .until("/readyz?verbose", |r| {
            r.status == 200 && check(r, "data-plane")["state"] == "ok"
        })
        .await;
    world.store.close().await;
    world
        .get("/v1/proxies")
        .await
        .refused(503, "STORE_UNAVAILABLE");
    let reply = world
        .until("/readyz?verbose", |r| {
            check(r, "reconciler")["lastError"].is_string()
        })
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let after = world.snapshot_where(|_| true).await;
    assert!(std::sync::Arc::ptr_eq(&before, &after));
}

#[tokio::test]
async fn draining_is_not_ready() {
    let world = World::running().await;
    world.until("/readyz", |reply| reply.status == 200).await;
    world.plane.drain();
    let reply = world.get("/readyz?verbose").await.expect(503);
    assert_eq!(check(&reply, "draining")["state"], "failing");
    world.get("/livez").await.expect(200);
}
