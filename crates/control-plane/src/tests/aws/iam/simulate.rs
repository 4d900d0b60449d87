//! Simulations.

use super::{World, allow, element};

#[tokio::test]
async fn a_principals_policies_decide() {
    let world = World::new().await;
    world.iam_user("fn").await;
    let document = allow("rds-db:connect");
    let inline = [
        ("UserName", "fn"),
        ("PolicyName", "connect"),
        ("PolicyDocument", document.as_str()),
    ];
    world.iam("PutUserPolicy", &inline).good().await;
    let source = "arn:aws:iam::000000000000:user/fn";
    let ask = [
        ("PolicySourceArn", source),
        ("ActionNames.member.1", "rds-db:connect"),
        ("ActionNames.member.2", "rds:DeleteDBProxy"),
        ("MaxItems", "1"),
    ];
    let first = world.iam("SimulatePrincipalPolicy", &ask).good().await;
    assert_eq!(element(&first, "EvalActionName"), "rds-db:connect");
    assert_eq!(element(&first, "EvalDecision"), "allowed");
    assert_eq!(element(&first, "SourcePolicyId"), "user/fn/connect");
    assert_eq!(element(&first, "SourcePolicyType"), "user");
    let marker = element(&first, "Marker").to_owned();
    let rest = [ask[0], ask[1], ask[2], ("Marker", marker.as_str())];
    let second = world.iam("SimulatePrincipalPolicy", &rest).good().await;
    assert_eq!(element(&second, "EvalDecision"), "implicitDeny");
    let bound = allow("s3:GetObject");
    let bounded = [
        ask[0],
        ask[1],
        (
            "PermissionsBoundaryPolicyInputList.member.1",
            bound.as_str(),
        ),
    ];
    let answer = world.iam("SimulatePrincipalPolicy", &bounded).good().await;
    assert_eq!(element(&answer, "EvalDecision"), "implicitDeny");
    assert_eq!(element(&answer, "AllowedByPermissionsBoundary"), "false");
    for (source, status, code) in [
        ("arn:aws:iam::000000000000:user/nobody", 404, "NoSuchEntity"),
        ("fn", 400, "InvalidInput"),
    ] {
        let ask = [("PolicySourceArn", source), ask[1]];
        let call = world.iam("SimulatePrincipalPolicy", &ask);
        call.refused(status, code).await;
    }
}

#[tokio::test]
async fn documents_of_the_request_decide_with_its_context() {
    let world = World::new().await;
    let document = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a/*"},
        {"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    let ask = |secure: &'static str| {
        let members = [
            ("PolicyInputList.member.1", document),
            ("ActionNames.member.1", "s3:GetObject"),
            ("ResourceArns.member.1", "arn:aws:s3:::a/b"),
            (
                "ContextEntries.member.1.ContextKeyName",
                "aws:SecureTransport",
            ),
            ("ContextEntries.member.1.ContextKeyType", "boolean"),
            ("ContextEntries.member.1.ContextKeyValues.member.1", secure),
        ];
        world.iam("SimulateCustomPolicy", &members)
    };
    let answer = ask("true").good().await;
    assert_eq!(element(&answer, "EvalDecision"), "allowed");
    assert_eq!(element(&answer, "EvalResourceName"), "arn:aws:s3:::a/b");
    let answer = ask("false").good().await;
    assert_eq!(element(&answer, "EvalDecision"), "explicitDeny");
    let wrong = [
        ("PolicyInputList.member.1", "{}"),
        ("ActionNames.member.1", "a:b"),
    ];
    world
        .iam("SimulateCustomPolicy", &wrong)
        .refused(400, "MalformedPolicyDocument")
        .await;
    world
        .iam("SimulateCustomPolicy", &[("ActionNames.member.1", "a:b")])
        .refused(400, "ValidationError")
        .await;
}

#[tokio::test]
async fn a_groups_policies_decide_alone() {
    let world = World::new().await;
    let group = [("GroupName", "apps")];
    world.iam("CreateGroup", &group).good().await;
    let attached = [
        ("GroupName", "apps"),
        (
            "PolicyArn",
            "arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess",
        ),
    ];
    world.iam("AttachGroupPolicy", &attached).good().await;
    let ask = [
        ("PolicySourceArn", "arn:aws:iam::000000000000:group/apps"),
        ("ActionNames.member.1", "rds:DescribeDBProxies"),
    ];
    let answer = world.iam("SimulatePrincipalPolicy", &ask).good().await;
    assert_eq!(element(&answer, "EvalDecision"), "allowed");
    assert_eq!(element(&answer, "SourcePolicyType"), "aws-managed");
}
