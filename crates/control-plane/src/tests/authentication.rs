//! Who is calling: both ways in, and every way to be refused.

use std::sync::atomic::Ordering;

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;

use super::{Key, Signing, World, sign_v4};
use crate::PeerRule;

#[tokio::test]
async fn signed_calls_are_accepted_from_anywhere() {
    let world = World::new().await;
    for signing in [Signing::SigV4, Signing::SigV4WithHash] {
        let call = world.call(Method::GET, "/v1/proxies?pageSize=10");
        call.signed(signing)
            .from("192.0.2.1:9")
            .send()
            .await
            .expect(200);
        let name = format!("{signing:?}").to_lowercase();
        let body = json!({"name": format!("a/{name}"), "username": "app", "password": "p"});
        let call = world.call(Method::POST, "/v1/secrets").json(&body);
        call.signed(signing)
            .from("192.0.2.1:9")
            .send()
            .await
            .expect(201);
        let path = format!("/v1/secrets/a%2F{name}");
        let call = world
            .call(Method::GET, &path)
            .signed(signing)
            .from("192.0.2.1:9");
        assert_eq!(
            call.send().await.expect(200).json["name"],
            format!("a/{name}")
        );
    }
}

#[tokio::test]
async fn basic_is_for_loopback_or_tls() {
    let world = World::new().await;
    let from = |peer: &'static str| world.call(Method::GET, "/v1/proxies").from(peer).send();
    from("127.0.0.1:1").await.expect(200);
    from("[::1]:1").await.expect(200);
    from("[::ffff:127.0.0.1]:1").await.expect(200);
    from("192.0.2.1:1").await.refused(401, "INSECURE_TRANSPORT");
    let behind_tls = World::with(PeerRule::Tls).await;
    behind_tls
        .call(Method::GET, "/v1/proxies")
        .from("192.0.2.1:1")
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn a_peer_without_address_is_remote() {
    let world = World::new().await;
    let request = Request::get("/v1/proxies").header("authorization", "Basic YTpi");
    let reply = world.deliver(request.body(Body::empty()).unwrap()).await;
    reply.refused(401, "INSECURE_TRANSPORT");
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_secret_look_the_same() {
    let world = World::new().await;
    let known = world.user("fn", &["tollgate:*"]).await;
    let unknown = Key {
        id: "AKIANOBODYNOBODYNOBO".to_owned(),
        secret: known.secret.clone(),
        session_token: None,
    };
    let wrong = Key {
        secret: "wrong".to_owned(),
        ..known.clone()
    };
    for signing in [Signing::Basic, Signing::SigV4, Signing::SigV4WithHash] {
        let mut answers = Vec::new();
        for key in [&unknown, &wrong] {
            let call = world
                .call(Method::GET, "/v1/proxies")
                .key(key)
                .signed(signing);
            let reply = call.header("x-request-id", "same").send().await;
            let reply = reply.refused(401, "INVALID_CREDENTIALS");
            assert!(
                reply
                    .header("www-authenticate")
                    .unwrap()
                    .contains("AWS4-HMAC-SHA256")
            );
            answers.push(reply.text);
        }
        assert_eq!(answers[0], answers[1]);
    }
}

#[tokio::test]
async fn a_missing_signature_says_what_to_do() {
    let world = World::new().await;
    let reply = world
        .call(Method::GET, "/v1/proxies")
        .anonymous()
        .send()
        .await;
    let reply = reply.refused(401, "MISSING_CREDENTIALS");
    assert!(reply.header("www-authenticate").is_some());
    for header in [
        "Bearer x",
        "Basic",
        "Basic %%%",
        "AWS4-HMAC-SHA256 nonsense",
    ] {
        let call = world
            .call(Method::GET, "/v1/proxies")
            .anonymous()
            .header("authorization", header);
        assert_eq!(call.send().await.status, 401, "{header}");
    }
}

#[tokio::test]
async fn a_signature_covers_method_path_body_and_service() {
    let world = World::new().await;
    let signed = |service: &str| {
        let mut request = Request::post("/v1/iam/users")
            .header("host", "localhost:7400")
            .header("content-type", "application/json")
            .body(json!({"name": "fn"}).to_string().into_bytes())
            .unwrap();
        sign_v4(&mut request, &Key::root(), Signing::SigV4WithHash, service);
        request
    };
    let mut other_body = signed("tollgate");
    *other_body.body_mut() = json!({"name": "admin"}).to_string().into_bytes();
    world
        .deliver(other_body.map(Body::from))
        .await
        .refused(401, "PAYLOAD_MISMATCH");
    let mut other_path = signed("tollgate");
    *other_path.uri_mut() = "/v1/iam/groups".parse().unwrap();
    world
        .deliver(other_path.map(Body::from))
        .await
        .refused(401, "INVALID_CREDENTIALS");
    let mut other_method = signed("tollgate");
    *other_method.method_mut() = Method::GET;
    world
        .deliver(other_method.map(Body::from))
        .await
        .refused(401, "INVALID_CREDENTIALS");
    world
        .deliver(signed("rds").map(Body::from))
        .await
        .refused(401, "WRONG_SERVICE");
    world
        .deliver(signed("tollgate").map(Body::from))
        .await
        .expect(201);
}

#[tokio::test]
async fn an_old_signature_is_refused() {
    let world = World::new().await;
    world.now_ms.fetch_add(20 * 60 * 1_000, Ordering::Relaxed);
    let call = world
        .call(Method::GET, "/v1/proxies")
        .signed(Signing::SigV4);
    call.send().await.refused(401, "EXPIRED");
    world.now_ms.fetch_sub(40 * 60 * 1_000, Ordering::Relaxed);
    let call = world
        .call(Method::GET, "/v1/proxies")
        .signed(Signing::SigV4);
    call.send().await.refused(401, "NOT_YET_VALID");
}

#[tokio::test]
async fn a_key_that_was_switched_off_is_refused_by_the_next_call() {
    let world = World::new().await;
    let key = world.user("fn", &["tollgate:*"]).await;
    let list = || world.call(Method::GET, "/v1/proxies").key(&key).send();
    list().await.expect(200);
    let path = format!("/v1/iam/users/fn/access-keys/{}", key.id);
    world
        .patch(&path, &json!({"active": false}))
        .await
        .expect(200);
    list().await.refused(401, "KEY_INACTIVE");
    let wrong = Key {
        secret: "wrong".to_owned(),
        ..key.clone()
    };
    let call = world.call(Method::GET, "/v1/proxies").key(&wrong);
    call.send().await.refused(401, "INVALID_CREDENTIALS");
    world
        .patch(&path, &json!({"active": true}))
        .await
        .expect(200);
    list().await.expect(200);
    world.delete(&path).await.expect(204);
    list().await.refused(401, "INVALID_CREDENTIALS");
}
