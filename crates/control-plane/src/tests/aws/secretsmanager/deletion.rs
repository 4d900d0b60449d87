//! Deletion: refused while in use, taken back, carried out in time, or at once.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::good;
use crate::tests::World;

#[tokio::test]
async fn a_secret_marked_for_deletion_can_only_be_looked_at_and_restored() {
    let world = World::new().await;
    let create = json!({"Name": "a", "SecretString": "x"});
    good(world.secrets("CreateSecret", &create)).await;
    let named = json!({"SecretId": "a"});
    let now = world.now_ms.load(Ordering::Relaxed) / 1_000;
    let window = json!({"SecretId": "a", "RecoveryWindowInDays": 7});
    let marked = good(world.secrets("DeleteSecret", &window)).await;
    assert_eq!(marked["DeletionDate"], now + 7 * 86_400);
    for (operation, body) in [
        ("GetSecretValue", named.clone()),
        (
            "PutSecretValue",
            json!({"SecretId": "a", "SecretString": "y"}),
        ),
        ("UpdateSecret", json!({"SecretId": "a", "Description": "y"})),
        (
            "TagResource",
            json!({"SecretId": "a", "Tags": [{"Key": "k", "Value": "v"}]}),
        ),
        ("GetResourcePolicy", named.clone()),
        ("DeleteSecret", named.clone()),
        ("CreateSecret", create.clone()),
    ] {
        world
            .secrets(operation, &body)
            .refused(400, "InvalidRequestException")
            .await;
    }
    let shown = good(world.secrets("DescribeSecret", &named)).await;
    assert_eq!(shown["DeletedDate"], now);
    let by_rest = world.get("/v1/secrets/a").await.expect(200);
    assert!(by_rest.json["deleteAfter"].is_string(), "{}", by_rest.text);
    good(world.secrets("RestoreSecret", &named)).await;
    let value = good(world.secrets("GetSecretValue", &named)).await;
    assert_eq!(value["SecretString"], "x");
}

#[tokio::test]
async fn a_deletion_is_carried_out_when_its_window_is_over() {
    let world = World::running().await;
    let create = json!({"Name": "a", "SecretString": "x"});
    good(world.secrets("CreateSecret", &create)).await;
    good(world.secrets("DeleteSecret", &json!({"SecretId": "a"}))).await;
    world.get("/v1/secrets/a").await.expect(200);
    world
        .now_ms
        .fetch_add(30 * 86_400_000 + 1_000, Ordering::Relaxed);
    world.until("/v1/secrets/a", |r| r.status == 404).await;
    // The name is free again; by REST, since a signature of now would be a signature of last month.
    world.secret("a").await;
}

#[tokio::test]
async fn deletion_at_once_and_its_limits() {
    let world = World::new().await;
    world.secret("orders-app").await;
    world.proxy("orders").await;
    for body in [
        json!({"SecretId": "orders-app"}),
        json!({"SecretId": "orders-app", "ForceDeleteWithoutRecovery": true}),
    ] {
        let told = world
            .secrets("DeleteSecret", &body)
            .refused(400, "InvalidRequestException")
            .await;
        assert!(told.contains("proxy orders"), "{told}");
    }
    world.delete("/v1/proxies/orders").await;
    for (window, force) in [(Some(6), None), (Some(31), None), (Some(7), Some(true))] {
        let body = json!({"SecretId": "orders-app", "RecoveryWindowInDays": window,
            "ForceDeleteWithoutRecovery": force});
        world
            .secrets("DeleteSecret", &body)
            .refused(400, "InvalidParameterException")
            .await;
    }
    good(world.secrets("DeleteSecret", &json!({"SecretId": "orders-app"}))).await;
    let force = json!({"SecretId": "orders-app", "ForceDeleteWithoutRecovery": true});
    good(world.secrets("DeleteSecret", &force)).await;
    good(world.secrets("DeleteSecret", &force)).await;
    world
        .secrets("DeleteSecret", &json!({"SecretId": "orders-app"}))
        .refused(400, "ResourceNotFoundException")
        .await;
}
