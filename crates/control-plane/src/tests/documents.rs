//! Policy documents on the way in, and what `iam:simulate` says about them.

use http::Method;
use serde_json::json;

use super::World;

#[tokio::test]
async fn a_wrong_document_is_refused_by_pointer() {
    let world = World::new().await;
    let document = json!({"Version": "2011-01-01", "Statement": [
        {"Effect": "Maybe", "Action": "a:b", "Resource": "*"},
        {"Effect": "Allow", "Action": "a:b"},
    ]});
    let body = json!({"name": "p p", "document": document});
    let reply = world
        .post("/v1/iam/policies", &body)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert!(reply.pointers().contains(&"/name"), "{}", reply.text);
    for place in [
        "/document/Version",
        "/document/Statement/0",
        "/document/Statement/1",
    ] {
        assert!(
            reply.pointers().iter().any(|p| p.starts_with(place)),
            "{place}: {}",
            reply.text
        );
    }
    let missing = world.post("/v1/iam/policies", &json!({"name": "p"})).await;
    assert_eq!(
        missing.refused(400, "VALIDATION_FAILED").pointers(),
        ["/document"]
    );
    let text = world
        .post("/v1/iam/policies", &json!({"name": "p", "document": "{}"}))
        .await;
    text.refused(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn keys_given_twice_are_seen_although_json_hides_them() {
    let world = World::new().await;
    let body = r#"{"name":"p","document":{"Version":"2012-10-17","Statement":
        [{"Effect":"Deny","Effect":"Allow","Action":"a:b","Resource":"*"}]}}"#;
    let call = world
        .call(Method::POST, "/v1/iam/policies")
        .header("content-type", "application/json");
    let reply = call
        .body(body)
        .send()
        .await
        .refused(400, "VALIDATION_FAILED");
    assert!(
        reply.pointers().iter().all(|p| p.starts_with("/document")),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn what_looks_like_a_mistake_is_pointed_out() {
    let world = World::new().await;
    let document = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "NotAction": "a:b", "Resource": "*"}]});
    let made = world
        .post(
            "/v1/iam/policies",
            &json!({"name": "p", "document": document}),
        )
        .await;
    let made = made.expect(201);
    assert!(
        !made.json["findings"].as_array().unwrap().is_empty(),
        "{}",
        made.text
    );
}

#[tokio::test]
async fn simulation_explains_every_statement() {
    let world = World::new().await;
    world.user("fn", &[]).await;
    let statement = json!([{"Sid": "Connect", "Effect": "Allow", "Action": "rds-db:connect",
        "Resource": "arn:aws:rds-db:us-east-1:000000000000:dbuser:db-XYZ/app",
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]);
    world.policy("connect", &statement).await;
    world
        .call(Method::PUT, "/v1/iam/users/fn/policies/connect")
        .send()
        .await
        .expect(204);
    let ask = json!({
        "principal": "arn:aws:iam::000000000000:user/fn", "action": "rds-db:connect",
        "resource": "arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-0a1b2c3d4e5f60718/app",
        "context": {"aws:SourceIp": "10.1.2.3", "aws:SecureTransport": true}, "trace": true,
    });
    let denied = world.post("/v1/iam:simulate", &ask).await.expect(200);
    assert_eq!(
        (&denied.json["decision"], &denied.json["layer"]),
        (&json!("IMPLICIT_DENY"), &json!("identity"))
    );
    let statement = &denied.json["statements"][0];
    assert_eq!(
        (&statement["sid"], &statement["matched"]),
        (&json!("Connect"), &json!(false))
    );
    assert!(
        statement["hint"].as_str().unwrap().contains("prx-"),
        "{}",
        denied.text
    );
    let mut matching = ask.clone();
    matching["resource"] = json!("arn:aws:rds-db:us-east-1:000000000000:dbuser:db-XYZ/app");
    let allowed = world.post("/v1/iam:simulate", &matching).await.expect(200);
    assert_eq!(allowed.json["decision"], "ALLOW");
    matching["context"] = json!({"aws:SourceIp": "192.0.2.1"});
    let outside = world.post("/v1/iam:simulate", &matching).await.expect(200);
    assert_eq!(outside.json["decision"], "IMPLICIT_DENY");
    let mut short = ask.clone();
    short["trace"] = json!(false);
    let short = world.post("/v1/iam:simulate", &short).await.expect(200);
    assert_eq!(short.json["statements"], json!([]));
    let mut root = ask.clone();
    root["principal"] = json!("arn:aws:iam::000000000000:root");
    assert_eq!(
        world.post("/v1/iam:simulate", &root).await.expect(200).json["decision"],
        "ALLOW"
    );
}

#[tokio::test]
async fn a_wrong_question_is_refused_with_every_wrong_field() {
    let world = World::new().await;
    let ask = json!({"action": 5, "context": {"a": {}, "b": [null], "c": "ok"}, "x": 1});
    let reply = world
        .post("/v1/iam:simulate", &ask)
        .await
        .refused(400, "VALIDATION_FAILED");
    for pointer in [
        "/principal",
        "/action",
        "/resource",
        "/context/a",
        "/context/b",
        "/x",
    ] {
        assert!(
            reply.pointers().contains(&pointer),
            "{pointer}: {}",
            reply.text
        );
    }
    let ask = json!({"principal": "arn:aws:iam::000000000000:user/none", "action": "a:b", "resource": "*"});
    let reply = world
        .post("/v1/iam:simulate", &ask)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(reply.pointers(), ["/principal"]);
}
