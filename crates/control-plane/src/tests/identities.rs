//! Users, groups, roles, policies and access keys: made, read, changed, deleted.

use http::Method;
use serde_json::{Value, json};

use super::World;

fn allow(action: &str) -> Value {
    json!({"Version": "2012-10-17",
        "Statement": [{"Sid": "S", "Effect": "Allow", "Action": action, "Resource": "*"}]})
}

#[tokio::test]
async fn a_user_lives_from_post_to_delete() {
    let world = World::new().await;
    let body = json!({"name": "fn", "tags": {"team": "blue"}});
    let made = world.post("/v1/iam/users", &body).await.expect(201);
    assert_eq!(made.header("location"), Some("/v1/iam/users/fn"));
    assert_eq!(made.json["arn"], "arn:aws:iam::000000000000:user/fn");
    assert!(made.json["id"].as_str().unwrap().starts_with("AIDA"));
    let by_arn = "/v1/iam/users/arn:aws:iam::000000000000:user%2Ffn";
    assert_eq!(world.get(by_arn).await.expect(200).json, made.json);
    assert_eq!(
        world.get("/v1/iam/users").await.expect(200).items().len(),
        1
    );
    let key = world.key("fn").await;
    let refused = world
        .delete("/v1/iam/users/fn")
        .await
        .refused(409, "IN_USE");
    assert!(refused.text.contains("access keys"), "{}", refused.text);
    world
        .delete(&format!("/v1/iam/users/fn/access-keys/{}", key.id))
        .await
        .expect(204);
    world.delete("/v1/iam/users/fn").await.expect(204);
    world
        .get("/v1/iam/users/fn")
        .await
        .refused(404, "NOT_FOUND");
    let again = world.post("/v1/iam/users", &body).await.expect(201);
    assert_ne!(again.json["id"], made.json["id"]);
    let wrong = world
        .post("/v1/iam/users", &json!({"name": "a b", "x": 1}))
        .await;
    let wrong = wrong.refused(400, "VALIDATION_FAILED");
    assert!(wrong.pointers().contains(&"/name") && wrong.pointers().contains(&"/x"));
}

#[tokio::test]
async fn an_access_key_shows_its_secret_once() {
    let world = World::new().await;
    world
        .post("/v1/iam/users", &json!({"name": "fn"}))
        .await
        .expect(201);
    let key = world.key("fn").await;
    assert!(key.id.starts_with("AKIA") && key.id.len() == 20 && key.secret.len() == 40);
    let path = format!("/v1/iam/users/fn/access-keys/{}", key.id);
    let listed = world.get("/v1/iam/users/fn/access-keys").await.expect(200);
    let read = world.get(&path).await.expect(200);
    assert_eq!(listed.items(), std::slice::from_ref(&read.json));
    assert!(!listed.text.contains(&key.secret) && !read.text.contains(&key.secret));
    assert_eq!(read.json["active"], true);
    let off = world
        .patch(&path, &json!({"active": false}))
        .await
        .expect(200);
    assert_eq!(off.json["active"], false);
    let wrong = world.patch(&path, &json!({"active": "no"})).await;
    assert_eq!(
        wrong.refused(400, "VALIDATION_FAILED").pointers(),
        ["/active"]
    );
    world.key("fn").await;
    let third = world
        .call(Method::POST, "/v1/iam/users/fn/access-keys")
        .send()
        .await;
    assert!(
        third
            .refused(409, "LIMIT_EXCEEDED")
            .text
            .contains("access keys per user")
    );
    world
        .post("/v1/iam/users", &json!({"name": "other"}))
        .await
        .expect(201);
    let foreign = format!("/v1/iam/users/other/access-keys/{}", key.id);
    world.get(&foreign).await.refused(404, "NOT_FOUND");
    world.delete(&foreign).await.refused(404, "NOT_FOUND");
    world.delete(&path).await.expect(204);
    world.get(&path).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn groups_have_members_and_policies() {
    let world = World::new().await;
    let made = world
        .post("/v1/iam/groups", &json!({"name": "team"}))
        .await
        .expect(201);
    assert_eq!(made.json["arn"], "arn:aws:iam::000000000000:group/team");
    for user in ["b", "a"] {
        world
            .post("/v1/iam/users", &json!({"name": user}))
            .await
            .expect(201);
        let path = format!("/v1/iam/groups/team/members/{user}");
        world.call(Method::PUT, &path).send().await.expect(204);
        world.call(Method::PUT, &path).send().await.expect(204);
    }
    let members = world.get("/v1/iam/groups/team/members").await.expect(200);
    assert_eq!(
        members.items()[0],
        json!({"user": "a", "arn": "arn:aws:iam::000000000000:user/a"})
    );
    assert_eq!(members.items().len(), 2);
    world
        .delete("/v1/iam/groups/team")
        .await
        .refused(409, "IN_USE");
    for user in ["a", "b"] {
        world
            .delete(&format!("/v1/iam/groups/team/members/{user}"))
            .await
            .expect(204);
    }
    world
        .delete("/v1/iam/groups/team/members/a")
        .await
        .refused(404, "NOT_FOUND");
    world
        .call(Method::PUT, "/v1/iam/groups/team/members/none")
        .send()
        .await
        .refused(404, "NOT_FOUND");
    assert_eq!(
        world.get("/v1/iam/groups").await.expect(200).items().len(),
        1
    );
    world.delete("/v1/iam/groups/team").await.expect(204);
    world
        .get("/v1/iam/groups/team")
        .await
        .refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn roles_have_trust_policies_and_boundaries() {
    let world = World::new().await;
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/fn"}, "Action": "sts:AssumeRole"}]});
    let body = json!({"name": "app", "trustPolicy": trust, "tags": {"team": "blue"}});
    let made = world.post("/v1/iam/roles", &body).await.expect(201);
    assert_eq!(made.json["trustPolicy"], trust);
    assert_eq!(made.json["maxSessionDuration"], 3600);
    assert!(made.json["id"].as_str().unwrap().starts_with("AROA"));
    let body = json!({"name": "a b", "trustPolicy": allow("x:y"), "maxSessionDuration": 5});
    let wrong = world
        .post("/v1/iam/roles", &body)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert!(
        wrong.pointers().contains(&"/name") && wrong.pointers().contains(&"/maxSessionDuration")
    );
    assert!(
        wrong
            .pointers()
            .iter()
            .any(|p| p.starts_with("/trustPolicy/Statement"))
    );
    world
        .post(
            "/v1/iam/policies",
            &json!({"name": "b", "document": allow("x:y")}),
        )
        .await
        .expect(201);
    let boundary = "/v1/iam/roles/app/permissions-boundary";
    let policy = json!({"policy": "arn:aws:iam::000000000000:policy/b"});
    let bound = world.put(boundary, &policy).await.expect(200);
    assert_eq!(bound.json["permissionsBoundary"], "b");
    world
        .delete("/v1/iam/policies/b")
        .await
        .refused(409, "IN_USE");
    world
        .put(boundary, &json!({"policy": "none"}))
        .await
        .refused(404, "NOT_FOUND");
    world.delete(boundary).await.expect(204);
    assert_eq!(
        world.get("/v1/iam/roles").await.expect(200).items().len(),
        1
    );
    world
        .call(Method::PUT, "/v1/iam/roles/app/policies/b")
        .send()
        .await
        .expect(204);
    world
        .delete("/v1/iam/roles/app")
        .await
        .refused(409, "IN_USE");
    world
        .delete("/v1/iam/roles/app/policies/b")
        .await
        .expect(204);
    world.delete("/v1/iam/roles/app").await.expect(204);
}

#[tokio::test]
async fn policies_have_versions() {
    let world = World::new().await;
    let body = json!({"name": "p", "description": "d", "document": allow("a:One")});
    let made = world.post("/v1/iam/policies", &body).await.expect(201);
    assert_eq!(
        (&made.json["defaultVersion"], &made.json["document"]),
        (&json!(1), &allow("a:One"))
    );
    let versions = "/v1/iam/policies/p/versions";
    let second = world
        .post(versions, &json!({"document": allow("a:Two")}))
        .await
        .expect(201);
    assert_eq!(
        second.header("location"),
        Some("/v1/iam/policies/p/versions/2")
    );
    assert_eq!(second.json["isDefault"], true);
    let body = json!({"document": allow("a:Three"), "setAsDefault": false});
    assert_eq!(
        world.post(versions, &body).await.expect(201).json["isDefault"],
        false
    );
    let read = world.get("/v1/iam/policies/p").await.expect(200);
    assert_eq!(
        (&read.json["defaultVersion"], &read.json["document"]),
        (&json!(2), &allow("a:Two"))
    );
    let set = world
        .put("/v1/iam/policies/p/default-version", &json!({"version": 3}))
        .await;
    assert_eq!(set.expect(200).json["document"], allow("a:Three"));
    assert_eq!(world.get(versions).await.expect(200).items().len(), 3);
    let first = world.get(&format!("{versions}/1")).await.expect(200);
    assert_eq!(first.json["document"], allow("a:One"));
    world
        .delete(&format!("{versions}/3"))
        .await
        .refused(409, "IN_USE");
    world.delete(&format!("{versions}/1")).await.expect(204);
    world
        .get(&format!("{versions}/1"))
        .await
        .refused(404, "NOT_FOUND");
    world
        .get(&format!("{versions}/one"))
        .await
        .refused(404, "NOT_FOUND");
    let none = world
        .put("/v1/iam/policies/p/default-version", &json!({"version": 9}))
        .await;
    none.refused(404, "NOT_FOUND");
    for _ in 0..3 {
        world
            .post(versions, &json!({"document": allow("a:Next")}))
            .await
            .expect(201);
    }
    let sixth = world
        .post(versions, &json!({"document": allow("a:Next")}))
        .await;
    assert!(
        sixth
            .refused(409, "LIMIT_EXCEEDED")
            .text
            .contains("versions")
    );
}

#[tokio::test]
async fn attachments_are_idempotent() {
    let world = World::new().await;
    world.user("fn", &[]).await;
    let body = json!({"name": "p", "document": allow("a:One")});
    world.post("/v1/iam/policies", &body).await.expect(201);
    for _ in 0..2 {
        let path = "/v1/iam/users/fn/policies/p";
        world
            .call(Method::PUT, path)
            .json(&json!({}))
            .send()
            .await
            .expect(204);
    }
    let attached = world.get("/v1/iam/users/fn/policies").await.expect(200);
    let wanted = json!({"name": "p", "arn": "arn:aws:iam::000000000000:policy/p"});
    assert_eq!(attached.items(), [wanted]);
    world
        .delete("/v1/iam/policies/p")
        .await
        .refused(409, "IN_USE");
    world
        .call(Method::DELETE, "/v1/iam/users/fn/policies/p")
        .send()
        .await
        .expect(204);
    let again = world
        .call(Method::DELETE, "/v1/iam/users/fn/policies/p")
        .send()
        .await;
    again.refused(404, "NOT_FOUND");
    world.delete("/v1/iam/policies/p").await.expect(204);
}
