//! Every operation is authenticated and authorised: driven by the API document, so none can be forgotten.

use http::Method;
use serde_json::{Value, json};

use super::{Key, World};
use crate::http::operations;
use crate::http::table::{Access, Operation};

/// A path with its parameters filled in; what they name exists.
fn example(path: &str) -> String {
    let secret = path.replace("/v1/secrets/{name}", "/v1/secrets/orders-app");
    let database = secret.replace("/v1/databases/{name}", "/v1/databases/orders-db");
    let proxy = database.replace("/v1/proxies/{name}", "/v1/proxies/orders");
    let user = proxy.replace("/v1/iam/users/{name}", "/v1/iam/users/someone");
    let group = user.replace("/v1/iam/groups/{name}", "/v1/iam/groups/team");
    let role = group.replace("/v1/iam/roles/{name}", "/v1/iam/roles/app");
    role.replace("/v1/iam/policies/{name}", "/v1/iam/policies/nothing")
        .replace("{target}", "orders-db")
        .replace("{endpoint}", "default")
        .replace("{policy}", "nothing")
        .replace("{user}", "someone")
        .replace("{version}", "1")
        .replace("{accessKeyId}", "AKIANOBODYNOBODYNOBO")
        .replace("{id}", "c-0123456789abcdef")
        .replace("{key}", "team")
}

async fn world() -> World {
    let world = World::new().await;
    world.secret("orders-app").await;
    world.database("orders-db").await;
    world.proxy("orders").await;
    world
        .post("/v1/iam/users", &json!({"name": "someone"}))
        .await
        .expect(201);
    world
        .post("/v1/iam/groups", &json!({"name": "team"}))
        .await
        .expect(201);
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/someone"},
    }]});
    world
        .post(
            "/v1/iam/roles",
            &json!({"name": "app", "trustPolicy": trust}),
        )
        .await
        .expect(201);
    let statement = json!([{"Effect": "Deny", "Action": "x:y", "Resource": "*"}]);
    world.policy("nothing", &statement).await;
    world
}

async fn code(world: &World, method: &Method, path: &str, key: Option<&Key>) -> (u16, Value) {
    let call = world.call(method.clone(), path).json(&json!({}));
    let call = match key {
        Some(key) => call.key(key),
        None => call.anonymous(),
    };
    let reply = call.send().await;
    (reply.status, reply.json["code"].clone())
}

/// What the probe is told while it has exactly this policy.
async fn with_policy(world: &World, probe: &Key, operation: &Operation, statement: &Value) -> u16 {
    world.policy("probe-policy", statement).await;
    let attachment = "/v1/iam/users/probe/policies/probe-policy";
    world.call(Method::PUT, attachment).send().await.expect(204);
    let path = example(operation.path);
    let (status, code) = code(world, &operation.method, &path, Some(probe)).await;
    assert_ne!(status, 500, "{}: {code}", operation.id);
    world
        .call(Method::DELETE, attachment)
        .send()
        .await
        .expect(204);
    world
        .delete("/v1/iam/policies/probe-policy")
        .await
        .expect(204);
    status
}

#[tokio::test]
async fn every_operation_asks_who_and_whether() {
    let world = world().await;
    let nobody = world.user("nobody", &[]).await;
    world
        .post("/v1/iam/users", &json!({"name": "probe"}))
        .await
        .expect(201);
    let probe = world.key("probe").await;
    let mut asked = 0;
    let document = serde_json::to_value(crate::openapi()).unwrap();
    for operation in operations() {
        let method = operation.method.as_str().to_ascii_lowercase();
        assert!(
            document["paths"][operation.path][&method].is_object(),
            "{}",
            operation.id
        );
        let path = example(operation.path);
        assert!(
            !path.contains('{'),
            "{}: no example for {path}",
            operation.id
        );
        let Access::Action(action, _) = operation.access else {
            let open = ["/livez", "/readyz", "/openapi.json"];
            assert!(
                open.contains(&operation.path),
                "{} needs an action",
                operation.id
            );
            continue;
        };
        let anonymous = code(&world, &operation.method, &path, None).await;
        assert_eq!(
            anonymous,
            (401, json!("MISSING_CREDENTIALS")),
            "{}",
            operation.id
        );
        let denied = code(&world, &operation.method, &path, Some(&nobody)).await;
        assert_eq!(denied, (403, json!("ACCESS_DENIED")), "{}", operation.id);
        // Exactly this action, and then every action but this one.
        let only = json!([{"Effect": "Allow", "Action": action, "Resource": "*"}]);
        let allowed = with_policy(&world, &probe, &operation, &only).await;
        assert!(
            ![401, 403].contains(&allowed),
            "{}: {allowed}",
            operation.id
        );
        let all_but = json!([{"Effect": "Allow", "NotAction": action, "Resource": "*"}]);
        let denied = with_policy(&world, &probe, &operation, &all_but).await;
        assert_eq!(denied, 403, "{}", operation.id);
        asked += 1;
    }
    assert!(asked >= 80, "{asked}");
}

#[tokio::test]
async fn actions_are_named_once_and_for_one_thing() {
    let mut seen = std::collections::HashSet::new();
    for operation in operations() {
        if let Access::Action(action, _) = operation.access {
            assert!(action.starts_with("tollgate:"), "{action}");
            assert!(seen.insert(action), "{action} is used twice");
        }
    }
}

#[tokio::test]
async fn a_refusal_says_who_may_not_do_what_on_what_and_why() {
    let world = world().await;
    let user = world.user("fn", &["tollgate:ListProxies"]).await;
    let id = world.get("/v1/proxies/orders").await.json["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = world
        .call(Method::GET, "/v1/proxies/orders")
        .key(&user)
        .send()
        .await;
    let refused = refused.refused(403, "ACCESS_DENIED");
    let detail = refused.json["detail"].as_str().unwrap();
    for words in [
        "arn:aws:iam::000000000000:user/fn",
        "tollgate:GetProxy",
        &format!("arn:aws:rds:us-east-1:000000000000:db-proxy:{id}"),
        "no identity policy allows it",
    ] {
        assert!(detail.contains(words), "{words}: {detail}");
    }
    let statement = json!([{"Effect": "Deny", "Action": "tollgate:ListProxies", "Resource": "*"}]);
    world.policy("no-lists", &statement).await;
    world
        .call(Method::PUT, "/v1/iam/users/fn/policies/no-lists")
        .send()
        .await
        .expect(204);
    let refused = world
        .call(Method::GET, "/v1/proxies")
        .key(&user)
        .send()
        .await;
    let refused = refused.refused(403, "ACCESS_DENIED");
    assert!(
        refused.text.contains("policy no-lists denies it"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn whether_a_resource_exists_is_told_to_those_who_may_ask() {
    let world = world().await;
    let nobody = world.user("nobody", &[]).await;
    for name in ["orders", "no-such-proxy"] {
        let path = format!("/v1/proxies/{name}");
        let reply = world.call(Method::GET, &path).key(&nobody).send().await;
        reply.refused(403, "ACCESS_DENIED");
    }
}

async fn with_statement(world: &World, user: &str, statement: Value) -> Key {
    world
        .post(
            "/v1/iam/users",
            &json!({"name": user, "tags": {"team": "blue"}}),
        )
        .await
        .expect(201);
    world.policy(&format!("{user}-policy"), &statement).await;
    let path = format!("/v1/iam/users/{user}/policies/{user}-policy");
    world.call(Method::PUT, &path).send().await.expect(204);
    world.key(user).await
}

#[tokio::test]
async fn conditions_see_resource_request_and_principal_tags() {
    let world = world().await;
    let create = |name: &str, team: &str| json!({"name": name, "engineFamily": "POSTGRESQL", "tags": {"team": team}});
    let key = with_statement(
        &world,
        "fn",
        json!([
            {"Effect": "Allow", "Action": "tollgate:CreateProxy", "Resource": "*",
             "Condition": {"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}}},
            {"Effect": "Allow", "Action": "tollgate:GetProxy", "Resource": "*",
             "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}},
        ]),
    )
    .await;
    let post = |body: Value| {
        world
            .call(Method::POST, "/v1/proxies")
            .json(&body)
            .key(&key)
            .send()
    };
    post(create("blue", "blue")).await.expect(201);
    post(create("red", "red"))
        .await
        .refused(403, "ACCESS_DENIED");
    world
        .post("/v1/proxies", &create("red", "red"))
        .await
        .expect(201);
    world
        .call(Method::GET, "/v1/proxies/blue")
        .key(&key)
        .send()
        .await
        .expect(200);
    world
        .call(Method::GET, "/v1/proxies/red")
        .key(&key)
        .send()
        .await
        .refused(403, "ACCESS_DENIED");
}

#[tokio::test]
async fn the_source_address_is_the_peers() {
    let world = world().await;
    let statement = json!([{"Effect": "Allow", "Action": "tollgate:ListProxies", "Resource": "*",
        "Condition": {"IpAddress": {"aws:SourceIp": "10.1.0.0/16"}}}]);
    let key = with_statement(&world, "fn", statement).await;
    let from = |peer: &'static str| {
        let call = world.call(Method::GET, "/v1/proxies").key(&key).from(peer);
        call.signed(super::Signing::SigV4)
            .header("x-forwarded-for", "10.1.2.3")
            .send()
    };
    from("10.1.2.3:4000").await.expect(200);
    from("[::ffff:10.1.2.3]:4000").await.expect(200);
    from("10.2.2.3:4000").await.refused(403, "ACCESS_DENIED");
}

#[tokio::test]
async fn a_boundary_limits_what_policies_allow() {
    let world = world().await;
    let key = world.user("fn", &["tollgate:*"]).await;
    let list = || world.call(Method::GET, "/v1/proxies").key(&key).send();
    list().await.expect(200);
    let statement = json!([{"Effect": "Allow", "Action": "tollgate:GetProxy", "Resource": "*"}]);
    world.policy("bound", &statement).await;
    let path = "/v1/iam/users/fn/permissions-boundary";
    let bounded = world
        .put(path, &json!({"policy": "bound"}))
        .await
        .expect(200);
    assert_eq!(bounded.json["permissionsBoundary"], "bound");
    let refused = list().await.refused(403, "ACCESS_DENIED");
    assert!(
        refused.text.contains("no boundary policy"),
        "{}",
        refused.text
    );
    world
        .call(Method::GET, "/v1/proxies/orders")
        .key(&key)
        .send()
        .await
        .expect(200);
    world.delete(path).await.expect(204);
    list().await.expect(200);
}

#[tokio::test]
async fn policies_of_groups_count_for_members() {
    let world = world().await;
    let key = world.user("fn", &[]).await;
    let statement = json!([{"Effect": "Allow", "Action": "tollgate:ListProxies", "Resource": "*"}]);
    world.policy("lists", &statement).await;
    world
        .call(Method::PUT, "/v1/iam/groups/team/policies/lists")
        .send()
        .await
        .expect(204);
    let list = || world.call(Method::GET, "/v1/proxies").key(&key).send();
    list().await.refused(403, "ACCESS_DENIED");
    world
        .call(Method::PUT, "/v1/iam/groups/team/members/fn")
        .send()
        .await
        .expect(204);
    list().await.expect(200);
    world
        .delete("/v1/iam/groups/team/members/fn")
        .await
        .expect(204);
    list().await.refused(403, "ACCESS_DENIED");
}

#[tokio::test]
async fn naming_a_secret_takes_a_permission_on_the_secret() {
    let world = world().await;
    let maker = world
        .user("maker", &["tollgate:CreateProxy", "tollgate:UpdateProxy"])
        .await;
    let body = |name: &str, secret: &str| json!({"name": name, "engineFamily": "POSTGRESQL", "auth": [{"secret": secret}]});
    let create = |body: Value, key: Key| {
        let world = &world;
        async move {
            let call = world.call(Method::POST, "/v1/proxies").json(&body);
            call.key(&key).send().await
        }
    };
    for secret in ["orders-app", "not-there-yet"] {
        let refused = create(body("theirs", secret), maker.clone()).await;
        let refused = refused.refused(403, "ACCESS_DENIED");
        assert!(
            refused.text.contains("tollgate:UseSecret"),
            "{}",
            refused.text
        );
        assert!(refused.text.contains(secret), "{}", refused.text);
    }
    let bare = json!({"name": "bare", "engineFamily": "POSTGRESQL"});
    create(bare, maker.clone()).await.expect(201);
    let patch = |body: Value| {
        let call = world.call(Method::PATCH, "/v1/proxies/bare");
        let call = call.header("if-match", "*").json(&body);
        let maker = &maker;
        async move { call.key(maker).send().await }
    };
    let auth = json!({"auth": [{"secret": "orders-app"}]});
    patch(auth.clone()).await.refused(403, "ACCESS_DENIED");
    patch(json!({"requireTls": true})).await.expect(200);
    let arn = world.get("/v1/secrets/orders-app").await.json["arn"].clone();
    let statement = json!([{"Effect": "Allow", "Action": "tollgate:UseSecret", "Resource": arn}]);
    world.policy("use-orders-app", &statement).await;
    world
        .call(Method::PUT, "/v1/iam/users/maker/policies/use-orders-app")
        .send()
        .await
        .expect(204);
    create(body("mine", "orders-app"), maker.clone())
        .await
        .expect(201);
    patch(auth).await.expect(200);
}

#[tokio::test]
async fn tag_keys_are_known_when_tags_are_removed() {
    let world = world().await;
    let user = world.user("tagger", &["tollgate:*"]).await;
    let statement = json!([{
        "Effect": "Deny", "Action": "tollgate:*", "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}},
    }]);
    world.policy("team-stays", &statement).await;
    world
        .call(Method::PUT, "/v1/iam/users/tagger/policies/team-stays")
        .send()
        .await
        .expect(204);
    let tags = json!({"tags": {"team": "blue", "other": "x"}});
    world
        .put("/v1/proxies/orders/tags", &tags)
        .await
        .expect(200);
    let remove = |query: &'static str| {
        let call = world.call(Method::DELETE, &format!("/v1/proxies/orders/tags{query}"));
        let user = &user;
        async move { call.key(user).send().await }
    };
    for query in ["?keys=team", "?keys=other,team", "?keys=t%65am", ""] {
        remove(query).await.refused(403, "ACCESS_DENIED");
    }
    remove("?keys=other").await.expect(204);
}
