//! STS: who gets temporary credentials, what they are good for, and when they end.

use std::sync::atomic::Ordering;

use http::Method;
use serde_json::{Value, json};

use super::{Key, World, element};

const FN_ROLE: &str = "arn:aws:iam::000000000000:role/fn";

/// The credentials in an answer.
fn credentials(answer: &str) -> Key {
    Key {
        id: element(answer, "AccessKeyId").to_owned(),
        secret: element(answer, "SecretAccessKey").to_owned(),
        session_token: Some(element(answer, "SessionToken").to_owned()),
    }
}

fn trust(principal: &Value, condition: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": principal,
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": condition,
    }]})
}

impl World {
    /// A role that these may assume, with these actions allowed on everything.
    async fn role(&self, name: &str, principal: &Value, condition: &Value, actions: &[&str]) {
        let body = json!({"name": name, "trustPolicy": trust(principal, condition)});
        self.post("/v1/iam/roles", &body).await.expect(201);
        let statement = json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]);
        self.policy(&format!("{name}-role"), &statement).await;
        let path = format!("/v1/iam/roles/{name}/policies/{name}-role");
        self.call(Method::PUT, &path).send().await.expect(204);
    }

    fn assume<'w>(&'w self, role: &str, more: &[(&str, &str)]) -> super::QueryCall<'w> {
        let arn = format!("arn:aws:iam::000000000000:role/{role}");
        let mut members = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "fn1")];
        members.extend_from_slice(more);
        self.query("sts", "AssumeRole", &members)
    }
}

#[tokio::test]
async fn an_assumed_role_acts_with_its_own_permissions() {
    let world = World::new().await;
    let account = json!({"AWS": "000000000000"});
    world
        .role(
            "fn",
            &account,
            &json!({}),
            &["tollgate:ListProxies", "rds:DescribeDBProxies"],
        )
        .await;
    let answer = world.assume("fn", &[]).good().await;
    assert!(element(&answer, "AccessKeyId").starts_with("ASIA"));
    assert!(element(&answer, "AssumedRoleId").starts_with("AROA"));
    let arn = "arn:aws:sts::000000000000:assumed-role/fn/fn1";
    assert_eq!(element(&answer, "Arn"), arn);
    let key = credentials(&answer);
    let who = world
        .query("sts", "GetCallerIdentity", &[])
        .key(&key)
        .good()
        .await;
    assert_eq!(element(&who, "Arn"), arn);
    world
        .query("rds", "DescribeDBProxies", &[])
        .key(&key)
        .good()
        .await;
    let get = |path: &str| {
        world
            .call(Method::GET, path)
            .for_service("tollgate")
            .key(&key)
    };
    get("/v1/proxies").send().await.expect(200);
    get("/v1/iam/users")
        .send()
        .await
        .refused(403, "ACCESS_DENIED");
    let mut bare = key.clone();
    bare.session_token = None;
    world
        .query("sts", "GetCallerIdentity", &[])
        .key(&bare)
        .refused(403, "InvalidClientTokenId")
        .await;
    world.now_ms.fetch_add(3_600_000, Ordering::Relaxed);
    let late = world
        .query("sts", "GetCallerIdentity", &[])
        .key(&key)
        .send()
        .await;
    assert!(late.text.contains("ExpiredToken"), "{}", late.text);
}

#[tokio::test]
async fn only_whom_the_role_trusts_may_assume_it() {
    let world = World::new().await;
    let stranger = world.user("stranger", &[]).await;
    let allowed = world.user("allowed", &["sts:AssumeRole"]).await;
    let named = json!({"AWS": "arn:aws:iam::000000000000:user/stranger"});
    world.role("by-name", &named, &json!({}), &["rds:*"]).await;
    world
        .role(
            "by-account",
            &json!({"AWS": "000000000000"}),
            &json!({}),
            &["rds:*"],
        )
        .await;
    let guarded = json!({"StringEquals": {"sts:ExternalId": "s3same"}});
    world
        .role(
            "guarded",
            &json!({"AWS": "000000000000"}),
            &guarded,
            &["rds:*"],
        )
        .await;
    world
        .role(
            "service",
            &json!({"Service": "rds.amazonaws.com"}),
            &json!({}),
            &["rds:*"],
        )
        .await;

    world.assume("by-name", &[]).key(&stranger).good().await;
    world
        .assume("by-name", &[])
        .key(&allowed)
        .refused(403, "AccessDenied")
        .await;
    world
        .assume("by-account", &[])
        .key(&stranger)
        .refused(403, "AccessDenied")
        .await;
    world.assume("by-account", &[]).key(&allowed).good().await;
    world
        .assume("guarded", &[])
        .key(&allowed)
        .refused(403, "AccessDenied")
        .await;
    let wrong = [("ExternalId", "other")];
    world
        .assume("guarded", &wrong)
        .key(&allowed)
        .refused(403, "AccessDenied")
        .await;
    world
        .assume("guarded", &[("ExternalId", "s3same")])
        .key(&allowed)
        .good()
        .await;
    world
        .assume("service", &[])
        .refused(403, "AccessDenied")
        .await;
    world
        .assume("nobody", &[])
        .refused(403, "AccessDenied")
        .await;
}

#[tokio::test]
async fn a_session_policy_narrows_and_tags_are_asked_about() {
    let world = World::new().await;
    let account = json!({"AWS": "000000000000"});
    world
        .role("fn", &account, &json!({}), &["rds:*", "tollgate:*"])
        .await;
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"rds:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"a"}}}}"#;
    let assume = |team: &'static str| {
        world.assume(
            "fn",
            &[
                ("Policy", policy),
                ("Tags.member.1.Key", "team"),
                ("Tags.member.1.Value", team),
            ],
        )
    };
    let answer = assume("a").good().await;
    assert!(element(&answer, "PackedPolicySize").parse::<u32>().unwrap() > 0);
    let narrowed = credentials(&answer);
    world
        .query("rds", "DescribeDBProxies", &[])
        .key(&narrowed)
        .good()
        .await;
    let get = world
        .call(Method::GET, "/v1/proxies")
        .for_service("tollgate")
        .key(&narrowed);
    get.send().await.refused(403, "ACCESS_DENIED");
    let other = credentials(&assume("b").good().await);
    world
        .query("rds", "DescribeDBProxies", &[])
        .key(&other)
        .refused(403, "AccessDenied")
        .await;
    let all = (
        "PolicyArns.member.1.arn",
        "arn:aws:iam::000000000000:policy/fn-role",
    );
    world.assume("fn", &[all]).good().await;
}

#[tokio::test]
async fn chained_sessions_keep_identity_and_are_short() {
    let world = World::new().await;
    let account = json!({"AWS": "000000000000"});
    world.role("first", &account, &json!({}), &["sts:*"]).await;
    world.role("second", &account, &json!({}), &["sts:*"]).await;
    let more = [
        ("SourceIdentity", "alice"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "a"),
        ("TransitiveTagKeys.member.1", "team"),
    ];
    let first = credentials(&world.assume("first", &more).good().await);
    let answer = world.assume("second", &[]).key(&first).good().await;
    assert_eq!(element(&answer, "SourceIdentity"), "alice");
    let long = [("DurationSeconds", "3601")];
    world
        .assume("second", &long)
        .key(&first)
        .refused(400, "ValidationError")
        .await;
    let other = [("SourceIdentity", "bob")];
    world
        .assume("second", &other)
        .key(&first)
        .refused(403, "AccessDenied")
        .await;
    let again = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "b")];
    world
        .assume("second", &again)
        .key(&first)
        .refused(400, "ValidationError")
        .await;
    world
        .query("sts", "GetSessionToken", &[])
        .key(&first)
        .refused(403, "AccessDenied")
        .await;
}

#[tokio::test]
async fn revoked_sessions_and_those_of_a_later_namesake_are_void() {
    let world = World::new().await;
    let account = json!({"AWS": "000000000000"});
    world.role("fn", &account, &json!({}), &["rds:*"]).await;
    let who = |key: &Key| world.query("sts", "GetCallerIdentity", &[]).key(key);
    let first = credentials(&world.assume("fn", &[]).good().await);
    who(&first).good().await;
    world
        .post("/v1/iam:revoke-sessions", &json!({"principal": FN_ROLE}))
        .await
        .expect(200);
    who(&first).refused(403, "InvalidClientTokenId").await;
    let second = credentials(&world.assume("fn", &[]).good().await);
    who(&second).good().await;

    let detach = world.call(Method::DELETE, "/v1/iam/roles/fn/policies/fn-role");
    detach.send().await.expect(204);
    world.delete("/v1/iam/roles/fn").await.expect(204);
    world.delete("/v1/iam/policies/fn-role").await.expect(204);
    who(&second).refused(403, "InvalidClientTokenId").await;
    world.role("fn", &account, &json!({}), &["rds:*"]).await;
    who(&second).refused(403, "InvalidClientTokenId").await;
    let unknown = json!({"principal": "arn:aws:iam::000000000000:role/nobody"});
    let refused = world.post("/v1/iam:revoke-sessions", &unknown).await;
    assert_eq!(refused.expect(400).pointers(), ["/principal"]);
}

#[tokio::test]
async fn session_tokens_have_their_owners_permissions() {
    let world = World::new().await;
    let user = world.user("fn", &["rds:DescribeDBProxies"]).await;
    let answer = world
        .query("sts", "GetSessionToken", &[])
        .key(&user)
        .good()
        .await;
    let session = credentials(&answer);
    world
        .query("rds", "DescribeDBProxies", &[])
        .key(&session)
        .good()
        .await;
    let who = world
        .query("sts", "GetCallerIdentity", &[])
        .key(&session)
        .good()
        .await;
    assert_eq!(element(&who, "Arn"), "arn:aws:iam::000000000000:user/fn");
    for wrong in [
        ("DurationSeconds", "899"),
        ("DurationSeconds", "129601"),
        ("TokenCode", "123456"),
    ] {
        world
            .query("sts", "GetSessionToken", &[wrong])
            .refused(400, "ValidationError")
            .await;
    }
    let info = [("AccessKeyId", session.id.as_str())];
    let answer = world.query("sts", "GetAccessKeyInfo", &info).good().await;
    assert_eq!(element(&answer, "Account"), "000000000000");
}

#[tokio::test]
async fn wrong_requests_are_named() {
    let world = World::new().await;
    world
        .role(
            "fn",
            &json!({"AWS": "000000000000"}),
            &json!({}),
            &["rds:*"],
        )
        .await;
    let missing = world.query("sts", "AssumeRole", &[("RoleArn", FN_ROLE)]);
    assert!(
        missing
            .refused(400, "ValidationError")
            .await
            .contains("RoleSessionName")
    );
    for wrong in [
        ("DurationSeconds", "899"),
        ("DurationSeconds", "3601"),
        ("TransitiveTagKeys.member.1", "x"),
    ] {
        world
            .assume("fn", &[wrong])
            .refused(400, "ValidationError")
            .await;
    }
    world
        .assume("fn", &[("Policy", "{}")])
        .refused(400, "MalformedPolicyDocument")
        .await;
    let large = "x".repeat(300);
    let tags: Vec<(String, String)> = (1..=50)
        .flat_map(|n| {
            let key = format!("{n}{}", "k".repeat(100));
            [
                (format!("Tags.member.{n}.Key"), key),
                (format!("Tags.member.{n}.Value"), large[..200].to_owned()),
            ]
        })
        .collect();
    let tags: Vec<(&str, &str)> = tags
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    world
        .assume("fn", &tags)
        .refused(400, "PackedPolicyTooLarge")
        .await;
}

#[tokio::test]
async fn session_keys_are_published_ahead_and_renewed() {
    let world = World::running().await;
    let first = world
        .snapshot_where(|s| s.identity.session_keys.len() == 1)
        .await;
    let id = first.identity.session_keys[0].id.clone();
    let old = credentials(&world.query("sts", "GetSessionToken", &[]).good().await);
    world.now_ms.fetch_add(31 * 86_400_000, Ordering::Relaxed);
    let second = world
        .snapshot_where(|s| s.identity.session_keys.len() == 2)
        .await;
    assert_eq!(second.identity.session_keys[0].id, id);
    let who = world
        .query("sts", "GetCallerIdentity", &[])
        .key(&old)
        .send()
        .await;
    assert!(who.text.contains("ExpiredToken"), "{}", who.text);
    world.now_ms.fetch_add(2 * 86_400_000, Ordering::Relaxed);
    let third = world
        .snapshot_where(|s| s.identity.session_keys.len() == 1)
        .await;
    assert_ne!(third.identity.session_keys[0].id, id);
}

#[tokio::test]
async fn keys_of_tags_are_the_same_in_upper_and_lower_case() {
    let world = World::new().await;
    let account = json!({"AWS": "000000000000"});
    let all = ["sts:AssumeRole", "sts:TagSession"];
    world.role("first", &account, &json!({}), &all).await;
    world.role("second", &account, &json!({}), &all).await;
    let dev = [
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "dev"),
        ("TransitiveTagKeys.member.1", "Team"),
    ];
    let key = credentials(&world.assume("first", &dev).good().await);
    for again in ["Team", "team", "TEAM"] {
        let other = [
            ("Tags.member.1.Key", again),
            ("Tags.member.1.Value", "admin"),
        ];
        let call = world.assume("second", &other).key(&key);
        call.refused(400, "ValidationError").await;
    }
    let twice = [("Tags.member.1.Key", "Team"), ("Tags.member.2.Key", "TEAM")];
    let call = world.assume("second", &twice);
    call.refused(400, "ValidationError").await;

    let user = [("UserName", "fn")];
    world.query("iam", "CreateUser", &user).good().await;
    for (key, value) in [("Team", "dev"), ("TEAM", "admin")] {
        let tag = [
            user[0],
            ("Tags.member.1.Key", key),
            ("Tags.member.1.Value", value),
        ];
        world.query("iam", "TagUser", &tag).good().await;
    }
    let shown = world.query("iam", "ListUserTags", &user).good().await;
    assert_eq!(shown.matches("<Key>").count(), 1, "{shown}");
    assert_eq!(element(&shown, "Value"), "admin");
}

#[tokio::test]
async fn a_session_policy_limits_roles_that_trust_its_role() {
    let world = World::new().await;
    let account = json!({"AWS": "000000000000"});
    world.role("fn", &account, &json!({}), &["*"]).await;
    let named = json!({"AWS": FN_ROLE});
    world.role("admin", &named, &json!({}), &["*"]).await;
    let narrow = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "rds:*", "Resource": "*",
    }]});
    let limited = [("Policy", narrow.to_string())];
    let limited = [(limited[0].0, limited[0].1.as_str())];
    let key = credentials(&world.assume("fn", &limited).good().await);
    let call = world.assume("admin", &[]).key(&key);
    call.refused(403, "AccessDenied").await;
    let key = credentials(&world.assume("fn", &[]).good().await);
    world.assume("admin", &[]).key(&key).good().await;
}

#[tokio::test]
async fn a_users_own_session_makes_no_keys() {
    let world = World::new().await;
    let user = world.user("boss", &["*"]).await;
    let answer = world.query("sts", "GetSessionToken", &[]).key(&user);
    let key = credentials(&answer.good().await);
    let call = world.query("iam", "CreateAccessKey", &[("UserName", "boss")]);
    call.key(&key).refused(403, "AccessDenied").await;
    let call = world.query("rds", "DescribeDBProxies", &[]);
    call.key(&key).good().await;
}
