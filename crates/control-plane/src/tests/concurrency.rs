//! Repeated and simultaneous calls: idempotency keys and etags under pressure.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::{Reply, World};

async fn with_key(world: &World, key: &str, path: &str, body: &Value) -> Reply {
    let call = world
        .call(Method::POST, path)
        .header("idempotency-key", key);
    call.json(body).send().await
}

#[tokio::test]
async fn a_repeated_call_gets_the_first_answer() {
    let world = World::new().await;
    let body = json!({"name": "orders", "engineFamily": "POSTGRESQL"});
    let first = with_key(&world, "k1", "/v1/proxies", &body)
        .await
        .expect(201);
    assert!(first.header("idempotent-replayed").is_none());
    let again = with_key(&world, "k1", "/v1/proxies", &body)
        .await
        .expect(201);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.text, first.text);
    assert_eq!(
        (again.etag(), again.header("location")),
        (first.etag(), first.header("location"))
    );
    let other = json!({"name": "other", "engineFamily": "POSTGRESQL"});
    let reused = with_key(&world, "k1", "/v1/proxies", &other).await;
    reused.refused(422, "IDEMPOTENCY_KEY_REUSED");
    let elsewhere = with_key(&world, "k1", "/v1/iam/users", &json!({"name": "x"})).await;
    elsewhere.refused(422, "IDEMPOTENCY_KEY_REUSED");
    with_key(&world, "k2", "/v1/proxies", &body)
        .await
        .refused(409, "ALREADY_EXISTS");
    with_key(&world, "k2", "/v1/proxies", &other)
        .await
        .expect(201);
}

#[tokio::test]
async fn keys_of_different_callers_never_meet() {
    let world = World::new().await;
    let fn_key = world.user("fn", &["tollgate:*"]).await;
    let body = json!({"name": "one"});
    with_key(&world, "k", "/v1/iam/users", &body)
        .await
        .expect(201);
    let call = world
        .call(Method::POST, "/v1/iam/users")
        .key(&fn_key)
        .header("idempotency-key", "k");
    call.json(&json!({"name": "two"})).send().await.expect(201);
}

#[tokio::test]
async fn a_replayed_access_key_shows_its_secret_again() {
    let world = World::new().await;
    world
        .post("/v1/iam/users", &json!({"name": "fn"}))
        .await
        .expect(201);
    let path = "/v1/iam/users/fn/access-keys";
    let first = with_key(&world, "k", path, &json!({})).await.expect(201);
    let again = with_key(&world, "k", path, &json!({})).await.expect(201);
    assert_eq!(first.text, again.text);
    assert_eq!(world.get(path).await.items().len(), 1);
}

#[tokio::test]
async fn simultaneous_repeats_make_one_resource() {
    let world = World::new().await;
    let body = json!({"name": "orders", "engineFamily": "POSTGRESQL"});
    let replies = join_all((0..8).map(|_| with_key(&world, "k", "/v1/proxies", &body))).await;
    let mut made = 0;
    for reply in &replies {
        match reply.status {
            201 if reply.header("idempotent-replayed").is_none() => made += 1,
            201 => {}
            409 => {
                assert_eq!(
                    reply.json["code"], "IDEMPOTENCY_IN_FLIGHT",
                    "{}",
                    reply.text
                );
                assert!(reply.header("retry-after").is_some());
            }
            _ => panic!("{}", reply.text),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(world.get("/v1/proxies").await.items().len(), 1);
}

#[tokio::test]
async fn an_idempotency_key_is_bounded() {
    let world = World::new().await;
    let body = json!({"name": "fn"});
    let long = "x".repeat(256);
    with_key(&world, &long, "/v1/iam/users", &body)
        .await
        .refused(400, "INVALID_HEADER");
    with_key(&world, "", "/v1/iam/users", &body)
        .await
        .refused(400, "INVALID_HEADER");
    with_key(&world, &long[1..], "/v1/iam/users", &body)
        .await
        .expect(201);
}

#[tokio::test]
async fn of_simultaneous_changes_with_one_etag_one_wins() {
    let world = World::new().await;
    world.database("db").await;
    let etag = world.get("/v1/databases/db").await.etag();
    let change = |port: u16| {
        let call = world
            .call(Method::PATCH, "/v1/databases/db")
            .header("if-match", &etag);
        call.json(&json!({"port": port})).send()
    };
    let replies = join_all((6_000..6_008).map(change)).await;
    let won = replies.iter().filter(|reply| reply.status == 200).count();
    let lost = replies
        .iter()
        .filter(|reply| reply.json["code"] == "ETAG_MISMATCH")
        .count();
    assert_eq!((won, lost), (1, 7));
}

#[tokio::test]
async fn simultaneous_patches_of_different_members_are_all_kept() {
    let world = World::new().await;
    world.proxy("orders").await;
    let path = "/v1/proxies/orders/target-groups/default";
    let patches = [
        json!({"minimumIdle": 3}),
        json!({"maximumPoolSize": 9}),
        json!({"initQuery": "SELECT 1"}),
        json!({"connectionBorrowTimeout": 7}),
    ];
    for reply in join_all(patches.iter().map(|patch| world.patch(path, patch))).await {
        reply.expect(200);
    }
    let pool = world.get(path).await.json;
    for patch in patches {
        for (name, value) in patch.as_object().unwrap() {
            assert_eq!(&pool[name], value, "{name}");
        }
    }
}
