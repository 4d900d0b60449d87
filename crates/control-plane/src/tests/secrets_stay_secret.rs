//! No password and no secret access key is in any answer but the one that shows a key once, nor on disk.

use http::Method;
use serde_json::json;

use super::{PASSWORD, ROOT_SECRET, World};

const ROTATED: &str = "R0tated-s3cret-pw";

#[tokio::test]
async fn no_answer_and_no_file_holds_a_secret() {
    let world = World::running().await;
    world.secret("orders-app").await;
    world.database("orders-db").await;
    world.proxy("orders").await;
    world
        .post(
            "/v1/proxies/orders/targets",
            &json!({"database": "orders-db"}),
        )
        .await
        .expect(201);
    let rotated = json!({"username": "app", "password": ROTATED});
    world
        .put("/v1/secrets/orders-app/value", &rotated)
        .await
        .expect(200);
    let key = world.user("fn", &["tollgate:*"]).await;
    let call = world.call(Method::POST, "/v1/iam/users/fn/access-keys");
    let shown = call.header("idempotency-key", "k").send().await.expect(201);
    let second = shown.json["secretAccessKey"].as_str().unwrap().to_owned();
    let body = json!({"name": "again", "username": "app", "password": PASSWORD});
    let call = world
        .call(Method::POST, "/v1/secrets")
        .header("idempotency-key", "s")
        .json(&body);
    call.send().await.expect(201);
    let wrong = json!({"name": "a b", "username": 5, "password": PASSWORD});
    world.post("/v1/secrets", &wrong).await.expect(400);
    world.obey();
    world
        .until("/v1/proxies/orders", |r| r.json["status"] == "available")
        .await;
    for path in [
        "/v1/secrets",
        "/v1/secrets/orders-app",
        "/v1/proxies",
        "/v1/proxies/orders/targets",
        "/v1/proxies/orders/sessions",
        "/v1/iam/users",
        "/v1/iam/users/fn",
        "/v1/iam/users/fn/access-keys",
        "/v1/databases",
        "/readyz?verbose",
        "/openapi.json",
    ] {
        world.get(path).await.expect(200);
    }
    let seen = world.seen.lock().clone();
    assert!(seen.len() > 20);
    let shown_once = |secret: &str| seen.iter().filter(|text| text.contains(secret)).count();
    assert_eq!(
        (
            shown_once(PASSWORD),
            shown_once(ROTATED),
            shown_once(ROOT_SECRET)
        ),
        (0, 0, 0)
    );
    assert_eq!((shown_once(&key.secret), shown_once(&second)), (1, 1));
    world.store.close().await;
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for secret in [PASSWORD, ROTATED, ROOT_SECRET, &key.secret, &second] {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}
