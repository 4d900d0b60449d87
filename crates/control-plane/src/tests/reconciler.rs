//! Rows become snapshots, reports become statuses.

use std::sync::atomic::Ordering;

use http::Method;
use serde_json::{Value, json};
use tollgate_iam::token::SigningKey;
use tollgate_store::{MetadataUrl, StoreSettings};
use tollgate_types::{
    HealthReason, HealthState, IamAuth, ObservedTarget, PolicyLayer, PrincipalKind, ProxyPhase,
    Snapshot, TargetHealth,
};

use super::{PASSWORD, World};
use crate::PeerRule;

/// `null` as long as the reconciler has written none: a test that waits for one may look too early.
fn condition<'v>(proxy: &'v Value, kind: &str) -> &'v Value {
    static NONE_YET: Value = Value::Null;
    let conditions = proxy["conditions"].as_array().unwrap();
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&NONE_YET)
}

async fn orders(world: &World) {
    world.secret("orders-app").await;
    world.database("orders-db").await;
    world.proxy("orders").await;
    let target = json!({"database": "orders-db"});
    world
        .post("/v1/proxies/orders/targets", &target)
        .await
        .expect(201);
}

#[tokio::test]
async fn a_snapshot_holds_what_a_data_plane_needs() {
    let world = World::running().await;
    orders(&world).await;
    let pool = json!({"maximumPoolSize": 5});
    world
        .patch("/v1/proxies/orders/target-groups/default", &pool)
        .await
        .expect(200);
    let snapshot = world
        .snapshot_where(|s| s.proxies.iter().any(|p| p.generation == 3))
        .await;
    let proxy = &snapshot.proxies[0];
    assert_eq!(
        (proxy.name.as_str(), proxy.phase),
        ("orders", ProxyPhase::Serving)
    );
    assert_eq!(proxy.pool.maximum_pool_size, Some(5));
    assert_eq!(
        (proxy.endpoints[0].port, proxy.endpoints[0].host.as_str()),
        (7500, "127.0.0.1")
    );
    assert_eq!(
        (proxy.targets[0].database.as_str(), proxy.targets[0].port),
        ("orders-db", 5432)
    );
    let rule = &proxy.auth[0];
    assert_eq!(
        (rule.username.as_str(), rule.iam),
        ("app", IamAuth::Required)
    );
    assert_eq!(rule.passwords[0].expose(), PASSWORD);
}

#[tokio::test]
async fn the_snapshot_names_everybody_with_policies_and_daily_keys() {
    let world = World::running().await;
    world.now_ms.store(1_788_264_000_000, Ordering::Relaxed); // 2026-09-01T12:00:00Z
    let key = world.user("fn", &["rds-db:connect"]).await;
    world
        .post("/v1/iam/groups", &json!({"name": "team"}))
        .await
        .expect(201);
    world
        .call(Method::PUT, "/v1/iam/groups/team/members/fn")
        .send()
        .await
        .expect(204);
    world
        .policy(
            "group",
            &json!([{"Effect": "Deny", "Action": "a:b", "Resource": "*"}]),
        )
        .await;
    world
        .call(Method::PUT, "/v1/iam/groups/team/policies/group")
        .send()
        .await
        .expect(204);
    let bound = json!({"policy": "fn-policy"});
    world
        .put("/v1/iam/users/fn/permissions-boundary", &bound)
        .await
        .expect(200);
    let is_complete = |s: &Snapshot| {
        s.identity
            .principals
            .iter()
            .any(|p| p.name == "fn" && p.policies.len() == 3)
    };
    let snapshot = world.snapshot_where(is_complete).await;
    let principals = &snapshot.identity.principals;
    assert_eq!(principals[0].kind, PrincipalKind::Root);
    let user = principals.iter().find(|p| p.name == "fn").unwrap();
    let policies: Vec<(&str, PolicyLayer)> = user
        .policies
        .iter()
        .map(|p| (p.name.as_str(), p.layer))
        .collect();
    let wanted = [
        ("fn-policy", PolicyLayer::Identity),
        ("group", PolicyLayer::Identity),
        ("fn-policy", PolicyLayer::Boundary),
    ];
    assert_eq!(policies, wanted);
    let keys = &snapshot.identity.access_keys;
    assert_eq!(keys.len(), 2);
    let config = keys.iter().find(|k| k.access_key_id == key.id).unwrap();
    assert_eq!(config.principal_id, user.id);
    let days: Vec<&str> = config
        .signing_keys
        .iter()
        .map(|k| k.date.as_str())
        .collect();
    let wanted = [
        "20260831", "20260901", "20260902", "20260903", "20260904", "20260905", "20260906",
        "20260907", "20260908",
    ];
    assert_eq!(days, wanted);
    let derived = SigningKey::derive(&key.secret, "20260901", "us-east-1", "rds-db");
    assert_eq!(
        config.signing_keys[1].key_hex.expose(),
        derived.to_hex().as_str()
    );
    let text = serde_json::to_string(&*snapshot).unwrap();
    assert!(!text.contains(&key.secret), "the secret itself stays here");
}

#[tokio::test]
async fn status_follows_the_data_plane_not_the_request() {
    let world = World::running().await;
    orders(&world).await;
    let created = world
        .until("/v1/proxies/orders", |r| {
            !r.json["conditions"].as_array().unwrap().is_empty()
        })
        .await;
    assert_eq!(created.json["status"], "creating");
    assert_eq!(condition(&created.json, "Available")["status"], "False");
    assert_eq!(condition(&created.json, "Programmed")["status"], "Unknown");
    world.obey();
    let available = world
        .until("/v1/proxies/orders", |r| r.json["status"] == "available")
        .await;
    assert_eq!(
        available.json["observedGeneration"],
        available.json["generation"]
    );
    for kind in ["Programmed", "Listening", "SecretsResolved", "Available"] {
        assert_eq!(condition(&available.json, kind)["status"], "True", "{kind}");
    }
    let since = &condition(&available.json, "Available")["lastTransitionTime"];
    assert!(since.as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_change_is_modifying_until_it_is_applied() {
    let world = World::running().await;
    orders(&world).await;
    world
        .snapshot_where(|s| s.proxies.iter().any(|p| p.generation == 2))
        .await;
    world.report(|_| {});
    world
        .until("/v1/proxies/orders", |r| r.json["status"] == "available")
        .await;
    let patched = world
        .patch("/v1/proxies/orders", &json!({"requireTls": true}))
        .await
        .expect(200);
    assert_eq!(patched.json["status"], "modifying");
    let newest = world
        .snapshot_where(|s| s.proxies.iter().any(|p| p.generation == 3))
        .await;
    assert!(newest.proxies[0].require_tls);
    world.report(|observation| observation.proxies[0].generation = 2);
    let waiting = world
        .get("/v1/proxies/orders?waitFor=modified&timeout=100ms")
        .await
        .expect(200);
    assert_eq!(waiting.header("wait-result"), Some("timeout"));
    assert_eq!(waiting.json["status"], "modifying");
    world.report(|_| {});
    world
        .until("/v1/proxies/orders", |r| r.json["status"] == "available")
        .await;
}

#[tokio::test]
async fn what_changes_a_proxys_secrets_and_databases_changes_the_proxy() {
    let world = World::running().await;
    orders(&world).await;
    let generation = async || {
        world.get("/v1/proxies/orders").await.json["generation"]
            .as_u64()
            .unwrap()
    };
    let before = generation().await;
    let value = json!({"username": "app", "password": "n3w"});
    world
        .put("/v1/secrets/orders-app/value", &value)
        .await
        .expect(200);
    assert_eq!(generation().await, before + 1);
    let both = |s: &Snapshot| {
        s.proxies
            .first()
            .and_then(|p| p.auth.first())
            .is_some_and(|rule| rule.passwords.len() == 2)
    };
    let snapshot = world.snapshot_where(both).await;
    let passwords: Vec<&str> = snapshot.proxies[0].auth[0]
        .passwords
        .iter()
        .map(tollgate_types::SecretString::expose)
        .collect();
    assert_eq!(passwords, ["n3w", PASSWORD]);
    world
        .patch("/v1/databases/orders-db", &json!({"port": 6000}))
        .await
        .expect(200);
    assert_eq!(generation().await, before + 2);
    world
        .snapshot_where(|s| s.proxies.first().is_some_and(|p| p.targets[0].port == 6000))
        .await;
    // Another user: the old password is not his.
    let value = json!({"username": "app2", "password": "0ther"});
    world
        .put("/v1/secrets/orders-app/value", &value)
        .await
        .expect(200);
    let renamed = world
        .snapshot_where(|s| s.proxies[0].auth[0].username == "app2")
        .await;
    assert_eq!(renamed.proxies[0].auth[0].passwords.len(), 1);
}

#[tokio::test]
async fn nothing_is_published_when_nothing_changed() {
    let world = World::running().await;
    orders(&world).await;
    let before = world
        .snapshot_where(|s| s.proxies.iter().any(|p| p.generation == 2))
        .await;
    world.obey();
    world
        .until("/v1/proxies/orders", |r| r.json["status"] == "available")
        .await;
    let after = world.snapshot_where(|_| true).await;
    assert!(std::sync::Arc::ptr_eq(&before, &after));
}

#[tokio::test]
async fn a_missing_secret_is_named_and_heals() {
    let world = World::running().await;
    world.proxy("orders").await;
    world.obey();
    let available = world
        .until("/v1/proxies/orders", |r| r.json["status"] == "available")
        .await;
    let secrets = condition(&available.json, "SecretsResolved");
    assert_eq!(
        (&secrets["status"], &secrets["reason"]),
        (&json!("False"), &json!("SecretMissing"))
    );
    assert!(secrets["message"].as_str().unwrap().contains("orders-app"));
    world.secret("orders-app").await;
    let path = "/v1/proxies/orders?waitFor=secretsResolved&timeout=60s";
    let healed = world.get(path).await.expect(200);
    assert_eq!(
        healed.header("wait-result"),
        Some("satisfied"),
        "{}",
        healed.text
    );
}

#[tokio::test]
async fn target_health_is_written_back() {
    let world = World::running().await;
    orders(&world).await;
    let snapshot = world
        .snapshot_where(|s| s.proxies.iter().any(|p| !p.targets.is_empty()))
        .await;
    let (proxy, target) = (
        snapshot.proxies[0].id.clone(),
        snapshot.proxies[0].targets[0].id.clone(),
    );
    let mut health = TargetHealth::registering();
    health.state = HealthState::Unavailable;
    health.reason = Some(HealthReason::AuthFailure);
    health.description = "28P01 password authentication failed for user \"app\"".to_owned();
    health.last_check_unix = 1_000;
    health.consecutive_failures = 1;
    let probed = |health: &TargetHealth| ObservedTarget {
        proxy: proxy.clone(),
        target: target.clone(),
        health: health.clone(),
    };
    world.report(|observation| observation.targets = vec![probed(&health)]);
    let path = "/v1/proxies/orders/targets/orders-db";
    let failing = world
        .until(path, |r| r.json["health"]["state"] == "UNAVAILABLE")
        .await;
    assert_eq!(failing.json["health"]["reason"], "AUTH_FAILURE");
    assert_eq!(failing.json["health"]["lastCheck"], "1970-01-01T00:16:40Z");
    let proxy_view = world.until("/v1/proxies/orders", |r| {
        condition(&r.json, "TargetsAvailable")["reason"] == "AuthFailure"
    });
    let view = proxy_view.await;
    assert!(
        condition(&view.json, "TargetsAvailable")["message"]
            .as_str()
            .unwrap()
            .contains("28P01")
    );
    assert_eq!(
        view.json["status"], "available",
        "health does not change the status"
    );
    health.state = HealthState::Available;
    health.reason = None;
    world.report(|observation| observation.targets = vec![probed(&health)]);
    world
        .until(path, |r| r.json["health"]["state"] == "AVAILABLE")
        .await;
    let wait = world
        .get("/v1/proxies/orders?waitFor=targetsAvailable&timeout=60s")
        .await;
    assert_eq!(wait.header("wait-result"), Some("satisfied"));
}

#[tokio::test]
async fn a_deleted_proxy_drains_and_then_is_gone() {
    let world = World::running().await;
    orders(&world).await;
    let now = world.now_ms.load(Ordering::Relaxed) / 1_000;
    world.delete("/v1/proxies/orders").await.expect(202);
    let draining = |s: &Snapshot| {
        s.proxies
            .iter()
            .any(|p| matches!(p.phase, ProxyPhase::Draining { .. }))
    };
    let snapshot = world.snapshot_where(draining).await;
    assert_eq!(
        snapshot.proxies[0].phase,
        ProxyPhase::Draining {
            deadline_unix: now + 30
        }
    );
    world.report(|observation| observation.proxies[0].drained = false);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let still = world.get("/v1/proxies/orders").await.expect(200);
    assert_eq!(still.json["status"], "deleting");
    let again = world.delete("/v1/proxies/orders").await.expect(202);
    assert_eq!(again.json["generation"], still.json["generation"]);
    world
        .patch("/v1/proxies/orders", &json!({"requireTls": true}))
        .await
        .refused(409, "BEING_DELETED");
    world.report(|_| {});
    world.until("/v1/proxies/orders", |r| r.status == 404).await;
    world.snapshot_where(|s| s.proxies.is_empty()).await;
    world.delete("/v1/databases/orders-db").await.expect(204);
    world.proxy("orders").await;
}

/// Nobody tells a control plane what another one over the same store has written.
#[tokio::test]
async fn what_another_control_plane_has_written_is_published() {
    let world = World::running().await;
    world.snapshot_where(|_| true).await;
    let other = World::over(
        StoreSettings::new(MetadataUrl::Sqlite(world.folder.path().join("metadata.db"))),
        tempfile::tempdir().unwrap(),
        PeerRule::LoopbackOnly,
    );
    while other.store.revision_current().await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    other.proxy("orders").await;
    world.snapshot_where(|s| s.proxies.len() == 1).await;
}

#[tokio::test]
async fn a_proxy_that_nobody_runs_any_more_is_removed_after_its_deadline() {
    let world = World::running().await;
    world.proxy("orders").await;
    world.delete("/v1/proxies/orders").await.expect(202);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    world.get("/v1/proxies/orders").await.expect(200);
    world.now_ms.fetch_add(120_000, Ordering::Relaxed);
    world.until("/v1/proxies/orders", |r| r.status == 404).await;
}

#[tokio::test]
async fn a_data_plane_that_lost_a_proxy_makes_it_unavailable() {
    let world = World::running().await;
    world.proxy("orders").await;
    world.snapshot_where(|s| !s.proxies.is_empty()).await;
    world.report(|_| {});
    world
        .until("/v1/proxies/orders", |r| r.json["status"] == "available")
        .await;
    world.report(|observation| observation.proxies.clear());
    world
        .until("/v1/proxies/orders", |r| r.json["status"] == "modifying")
        .await;
    world.report(|_| {});
    world
        .until("/v1/proxies/orders", |r| r.json["status"] == "available")
        .await;
}

#[tokio::test]
async fn new_day_new_signing_keys() {
    let world = World::running().await;
    let first = world.snapshot_where(|_| true).await;
    world.now_ms.fetch_add(86_400_000, Ordering::Relaxed);
    let day = |s: &Snapshot| s.identity.access_keys[0].signing_keys[0].date.clone();
    let before = day(&first);
    world.snapshot_where(|s| day(s) != before).await;
}
