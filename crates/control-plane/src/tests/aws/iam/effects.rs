//! What IAM's policies do: on the AWS-compatible face, on REST, and in what the data plane gets.

use http::Method;
use tollgate_iam::policy::{Context, PolicyDocument, PolicyKind, PolicySet, Request};
use tollgate_types::Snapshot;

use super::{World, allow, element};

fn policies_of(snapshot: &Snapshot, name: &str) -> Vec<String> {
    let principals = snapshot.identity.principals.iter();
    let mut named = principals.filter(|principal| principal.name == name);
    let policies = named.next().map(|principal| principal.policies.clone());
    let policies = policies.unwrap_or_default();
    policies.into_iter().map(|policy| policy.name).collect()
}

/// Whether the documents in a snapshot let this principal connect.
fn may_connect(snapshot: &Snapshot, name: &str) -> bool {
    let principals = snapshot.identity.principals.iter();
    let principal = principals.clone().find(|principal| principal.name == name);
    let mut builder = PolicySet::builder();
    for policy in &principal.unwrap().policies {
        let document = PolicyDocument::parse(&policy.document, PolicyKind::Identity).unwrap();
        builder = builder.identity(&policy.name, policy.version, &document);
    }
    let request = Request {
        action: "rds-db:connect",
        resource: "arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-1/app",
        context: &Context::new(),
    };
    builder.build().evaluate(&request).is_allow()
}

#[tokio::test]
async fn inline_and_aws_managed_policies_reach_the_data_plane() {
    let world = World::running().await;
    world.iam_user("fn").await;
    world.iam_role("job").await;
    world
        .iam("CreateGroup", &[("GroupName", "apps")])
        .good()
        .await;
    let member = [("GroupName", "apps"), ("UserName", "fn")];
    world.iam("AddUserToGroup", &member).good().await;
    let attached = [
        ("UserName", "fn"),
        ("PolicyArn", "arn:aws:iam::aws:policy/AmazonRDSFullAccess"),
    ];
    world.iam("AttachUserPolicy", &attached).good().await;
    let snapshot = world
        .snapshot_where(|s| policies_of(s, "fn").len() == 1)
        .await;
    assert!(!may_connect(&snapshot, "fn"));
    let document = allow("rds-db:connect");
    for (operation, member, name) in [
        ("PutGroupPolicy", "GroupName", "apps"),
        ("PutRolePolicy", "RoleName", "job"),
    ] {
        let members = [
            (member, name),
            ("PolicyName", "connect"),
            ("PolicyDocument", document.as_str()),
        ];
        world.iam(operation, &members).good().await;
    }
    let snapshot = world
        .snapshot_where(|s| policies_of(s, "job").len() == 1)
        .await;
    assert_eq!(
        policies_of(&snapshot, "fn"),
        [
            "arn:aws:iam::aws:policy/AmazonRDSFullAccess",
            "group/apps/connect"
        ]
    );
    assert_eq!(policies_of(&snapshot, "job"), ["role/job/connect"]);
    assert!(may_connect(&snapshot, "fn") && may_connect(&snapshot, "job"));
    let deny = document.replace("Allow", "Deny");
    let members = [
        ("UserName", "fn"),
        ("PolicyName", "never"),
        ("PolicyDocument", deny.as_str()),
    ];
    world.iam("PutUserPolicy", &members).good().await;
    let snapshot = world
        .snapshot_where(|s| policies_of(s, "fn").len() == 3)
        .await;
    assert!(!may_connect(&snapshot, "fn"));
}

#[tokio::test]
async fn inline_policies_count_on_both_faces() {
    let world = World::new().await;
    let key = world.user("fn", &[]).await;
    let describe = || world.query("rds", "DescribeDBProxies", &[]).key(&key);
    describe().refused(403, "AccessDenied").await;
    let list = || {
        let call = world.call(Method::GET, "/v1/proxies");
        call.key(&key)
    };
    list().send().await.expect(403);
    let attach = |name: &'static str| {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        let members = [("UserName", "fn"), ("PolicyArn", arn.as_str())];
        world.iam("AttachUserPolicy", &members)
    };
    attach("AmazonRDSReadOnlyAccess").good().await;
    describe().good().await;
    list().send().await.expect(200);
    let create = [("UserName", "other")];
    let make = || world.iam("CreateUser", &create).key(&key);
    attach("PowerUserAccess").good().await;
    make().refused(403, "AccessDenied").await;
    attach("IAMFullAccess").good().await;
    make().good().await;
    let deny = allow("rds:*").replace("Allow", "Deny");
    let members = [
        ("UserName", "fn"),
        ("PolicyName", "no-rds"),
        ("PolicyDocument", deny.as_str()),
    ];
    world.iam("PutUserPolicy", &members).good().await;
    let reply = describe().refused(403, "AccessDenied").await;
    assert!(
        element(&reply, "Message").contains("user/fn/no-rds"),
        "{reply}"
    );
}

#[tokio::test]
async fn resources_are_arns_with_paths() {
    let world = World::new().await;
    let key = world.user("admin", &[]).await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*User*","iam:*Role*"],
        "Resource":["arn:aws:iam::000000000000:user/team/*","arn:aws:iam::000000000000:role/team/*"]}]}"#;
    let members = [
        ("UserName", "admin"),
        ("PolicyName", "team"),
        ("PolicyDocument", document),
    ];
    world.iam("PutUserPolicy", &members).good().await;
    let create = |path: &'static str| {
        let members = [("UserName", "fn"), ("Path", path)];
        world.iam("CreateUser", &members).key(&key)
    };
    create("/").refused(403, "AccessDenied").await;
    create("/other/").refused(403, "AccessDenied").await;
    create("/team/").good().await;
    let role = |path: &'static str| {
        let members = [
            ("RoleName", "r"),
            ("Path", path),
            ("AssumeRolePolicyDocument", super::TRUST),
        ];
        world.iam("CreateRole", &members).key(&key)
    };
    role("/").refused(403, "AccessDenied").await;
    role("/team/a/").good().await;
    let one = [("UserName", "fn")];
    world.iam("GetUser", &one).key(&key).good().await;
    let other = [("UserName", "admin")];
    let refused = world.iam("GetUser", &other).key(&key);
    let reply = refused.refused(403, "AccessDenied").await;
    let message = element(&reply, "Message");
    assert!(
        message.contains("arn:aws:iam::000000000000:user/admin"),
        "{message}"
    );
    // Whoever may not ask does not learn what exists.
    let missing = [("UserName", "nobody")];
    let refused = world.iam("GetUser", &missing).key(&key);
    refused.refused(403, "AccessDenied").await;
    // The path is in the caller's own ARN, too.
    let made = world.iam("CreateAccessKey", &one).good().await;
    let fn_key = crate::tests::Key {
        id: element(&made, "AccessKeyId").to_owned(),
        secret: element(&made, "SecretAccessKey").to_owned(),
        session_token: None,
    };
    let answer = world.query("sts", "GetCallerIdentity", &[]).key(&fn_key);
    assert_eq!(
        element(&answer.good().await, "Arn"),
        "arn:aws:iam::000000000000:user/team/fn"
    );
}

#[tokio::test]
async fn nobody_without_a_policy_may_do_anything() {
    let world = World::new().await;
    let key = world.user("fn", &[]).await;
    for operation in crate::aws::operations_of("iam") {
        let members = [
            ("UserName", "x"),
            ("GroupName", "x"),
            ("RoleName", "x"),
            ("PolicyName", "x"),
            ("PolicyArn", "arn:aws:iam::000000000000:policy/x"),
            (
                "OpenIDConnectProviderArn",
                "arn:aws:iam::000000000000:oidc-provider/x",
            ),
            ("PolicySourceArn", "arn:aws:iam::000000000000:user/x"),
            ("AssumeRolePolicyDocument", super::TRUST),
            ("PolicyDocument", &allow("a:b")),
            ("PolicyInputList.member.1", &allow("a:b")),
            ("ActionNames.member.1", "a:b"),
            ("AccessKeyId", "AKIANOBODYNOBODYNOBO"),
            ("Status", "Active"),
            ("Url", "https://idp.example"),
        ];
        let call = world.iam(operation, &members).key(&key);
        call.refused(403, "AccessDenied").await;
    }
}
