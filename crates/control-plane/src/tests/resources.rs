//! Databases, secrets and tags: made, read, changed, deleted.

use http::Method;
use serde_json::json;

use super::{PASSWORD, World};

#[tokio::test]
async fn a_database_lives_from_post_to_delete() {
    let world = World::new().await;
    let body = json!({
        "name": "orders-db", "engine": "postgres", "host": "10.0.0.5", "tags": {"team": "blue"},
    });
    let made = world.post("/v1/databases", &body).await.expect(201);
    assert_eq!(made.header("location"), Some("/v1/databases/orders-db"));
    assert_eq!(made.json["port"], 5432);
    assert_eq!(made.json["tls"], json!({"mode": "prefer"}));
    assert_eq!(
        made.json["arn"],
        "arn:aws:rds:us-east-1:000000000000:db:orders-db"
    );
    assert_eq!(made.json["tags"]["team"], "blue");
    let read = world.get("/v1/databases/orders-db").await.expect(200);
    assert_eq!((read.etag(), &read.json), (made.etag(), &made.json));
    let by_arn = "/v1/databases/arn:aws:rds:us-east-1:000000000000:db:orders-db";
    assert_eq!(world.get(by_arn).await.expect(200).json, made.json);
    let patch = json!({"port": 6000, "tls": {"mode": "verify-full"}});
    let changed = world
        .patch("/v1/databases/orders-db", &patch)
        .await
        .expect(200);
    assert_eq!(
        (&changed.json["port"], &changed.json["host"]),
        (&json!(6000), &json!("10.0.0.5"))
    );
    assert_eq!(changed.json["tls"]["mode"], "verify-full");
    assert_ne!(changed.etag(), made.etag());
    let reset = world
        .patch(
            "/v1/databases/orders-db",
            &json!({"port": null, "tls": null}),
        )
        .await;
    assert_eq!(reset.expect(200).json["port"], 5432);
    world.delete("/v1/databases/orders-db").await.expect(204);
    world
        .get("/v1/databases/orders-db")
        .await
        .refused(404, "NOT_FOUND");
    world
        .delete("/v1/databases/orders-db")
        .await
        .refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn every_engine_can_be_registered() {
    let world = World::new().await;
    for (engine, port) in [("postgres", 5432), ("mysql", 3306), ("mariadb", 3306)] {
        let body = json!({"name": engine, "engine": engine, "host": "db.internal"});
        let made = world.post("/v1/databases", &body).await.expect(201);
        assert_eq!(
            (&made.json["engine"], &made.json["port"]),
            (&json!(engine), &json!(port))
        );
    }
}

#[tokio::test]
async fn a_wrong_database_is_refused_with_every_wrong_field() {
    let world = World::new().await;
    let body = json!({
        "name": "-x", "engine": "oracle", "host": "http://x", "port": 0, "surprise": 1,
        "tls": {"mode": "disable", "caPem": "nonsense", "more": 1}, "tags": {"aws:x": "1"},
    });
    let reply = world
        .post("/v1/databases", &body)
        .await
        .refused(400, "VALIDATION_FAILED");
    let found = reply.pointers();
    let wanted = [
        "/name",
        "/engine",
        "/host",
        "/port",
        "/surprise",
        "/tls/caPem",
        "/tls/more",
        "/tags/aws:x",
    ];
    for pointer in wanted {
        assert!(found.contains(&pointer), "{pointer} in {found:?}");
    }
    let reply = world
        .post("/v1/databases", &json!({}))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(reply.pointers(), ["/name", "/engine", "/host"]);
}

#[tokio::test]
async fn what_a_database_is_cannot_be_patched() {
    let world = World::new().await;
    world.database("orders-db").await;
    let patch = json!({"name": "other", "engine": "mysql", "tags": {}});
    let reply = world.patch("/v1/databases/orders-db", &patch).await;
    assert_eq!(
        reply.refused(400, "VALIDATION_FAILED").pointers(),
        ["/name", "/engine", "/tags"]
    );
    let reply = world
        .patch("/v1/databases/orders-db", &json!({"host": 5, "x": 1}))
        .await;
    let reply = reply.refused(400, "VALIDATION_FAILED");
    assert!(reply.pointers().contains(&"/host") && reply.pointers().contains(&"/x"));
}

#[tokio::test]
async fn a_database_in_use_stays() {
    let world = World::new().await;
    world.database("orders-db").await;
    world.proxy("orders").await;
    let target = json!({"database": "orders-db"});
    world
        .post("/v1/proxies/orders/targets", &target)
        .await
        .expect(201);
    let refused = world
        .delete("/v1/databases/orders-db")
        .await
        .refused(409, "IN_USE");
    assert!(refused.text.contains("proxy orders"), "{}", refused.text);
}

#[tokio::test]
async fn a_secret_is_written_and_never_read() {
    let world = World::new().await;
    let body = json!({
        "name": "prod/orders", "description": "main", "username": "app", "password": PASSWORD,
    });
    let made = world.post("/v1/secrets", &body).await.expect(201);
    assert_eq!(made.header("location"), Some("/v1/secrets/prod%2Forders"));
    assert_eq!(made.json["username"], "app");
    assert!(made.json.get("password").is_none());
    let arn = made.json["arn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:secretsmanager:us-east-1:000000000000:secret:prod/orders-"));
    let by_arn = format!("/v1/secrets/{}", arn.replace('/', "%2F"));
    assert_eq!(world.get(&by_arn).await.expect(200).json, made.json);
    let value = json!({"username": "app2", "password": "n3w-password"});
    let put = world
        .put("/v1/secrets/prod%2Forders/value", &value)
        .await
        .expect(200);
    assert_eq!(put.json["username"], "app2");
    assert_ne!(put.json["versionId"], made.json["versionId"]);
    assert_eq!(world.get("/v1/secrets").await.expect(200).items().len(), 1);
    world.delete("/v1/secrets/prod%2Forders").await.expect(204);
    world
        .get("/v1/secrets/prod%2Forders")
        .await
        .refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_wrong_secret_is_refused_without_repeating_the_password() {
    let world = World::new().await;
    let long = "p".repeat(5_000);
    let body = json!({"name": "a b", "username": "", "password": long, "x": 1});
    let reply = world
        .post("/v1/secrets", &body)
        .await
        .refused(400, "VALIDATION_FAILED");
    for pointer in ["/name", "/username", "/password", "/x"] {
        assert!(
            reply.pointers().contains(&pointer),
            "{pointer}: {}",
            reply.text
        );
    }
    assert!(!reply.text.contains("pppp"));
    for password in [
        json!(["s3cret-in-a-list"]),
        json!({"v": "s3cret-in-a-list"}),
        json!(7_241_955),
    ] {
        let body = json!({"name": "a", "username": "app", "password": password});
        let reply = world
            .post("/v1/secrets", &body)
            .await
            .refused(400, "VALIDATION_FAILED");
        assert!(reply.pointers().contains(&"/password"));
        assert!(
            !reply.text.contains("s3cret") && !reply.text.contains("7241955"),
            "{}",
            reply.text
        );
    }
    let body = json!({"name": "a", "username": "app", "passwrd": "s3cret"});
    let reply = world
        .post("/v1/secrets", &body)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert!(!reply.text.contains("s3cret"), "{}", reply.text);
}

#[tokio::test]
async fn a_secret_that_an_auth_rule_names_stays() {
    let world = World::new().await;
    world.secret("orders-app").await;
    world.proxy("orders").await;
    let refused = world
        .delete("/v1/secrets/orders-app")
        .await
        .refused(409, "IN_USE");
    assert!(refused.text.contains("proxy orders"), "{}", refused.text);
}

#[tokio::test]
async fn tags_are_set_listed_and_removed_on_every_kind() {
    let world = World::new().await;
    world.database("orders-db").await;
    world.secret("orders-app").await;
    world.proxy("orders").await;
    world.user("fn", &[]).await;
    for resource in [
        "/v1/databases/orders-db",
        "/v1/secrets/orders-app",
        "/v1/proxies/orders",
        "/v1/iam/users/fn",
    ] {
        let path = format!("{resource}/tags");
        world
            .put(&path, &json!({"tags": {"a": "1", "b": "2", "c": "3"}}))
            .await
            .expect(200);
        let put = world
            .put(&path, &json!({"tags": {"a": "9"}}))
            .await
            .expect(200);
        assert_eq!(
            put.json["tags"],
            json!({"a": "9", "b": "2", "c": "3"}),
            "{resource}"
        );
        world
            .call(Method::DELETE, &format!("{path}?keys=a,zzz"))
            .send()
            .await
            .expect(204);
        let left = world.get(&path).await.expect(200).json;
        assert_eq!(left["tags"], json!({"b": "2", "c": "3"}), "{resource}");
        assert_eq!(
            world.get(resource).await.json["tags"],
            left["tags"],
            "{resource}"
        );
        world.call(Method::DELETE, &path).send().await.expect(204);
        assert_eq!(world.get(&path).await.expect(200).json["tags"], json!({}));
    }
    let many: serde_json::Map<_, _> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    let reply = world
        .put("/v1/proxies/orders/tags", &json!({"tags": many}))
        .await;
    assert_eq!(
        reply.refused(400, "VALIDATION_FAILED").pointers(),
        ["/tags"]
    );
    world
        .get("/v1/proxies/none/tags")
        .await
        .refused(404, "NOT_FOUND");
}
