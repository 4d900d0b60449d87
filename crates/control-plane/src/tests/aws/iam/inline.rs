//! Inline policies of the three kinds of principals.

use super::{World, allow, element};

#[tokio::test]
async fn inline_policies_are_written_read_listed_and_deleted() {
    let world = World::new().await;
    world.iam_user("x").await;
    world.iam_role("x").await;
    world.iam("CreateGroup", &[("GroupName", "x")]).good().await;
    for (kind, plural) in [("User", "User"), ("Group", "Group"), ("Role", "Role")] {
        let member = format!("{kind}Name");
        let document = allow("rds-db:connect");
        let members = |policy: &'static str| {
            vec![
                (member.clone(), "x".to_owned()),
                ("PolicyName".to_owned(), policy.to_owned()),
                ("PolicyDocument".to_owned(), document.clone()),
                ("MaxItems".to_owned(), "1".to_owned()),
            ]
        };
        let call = |operation: String, policy: &'static str| {
            let members = members(policy);
            let pairs: Vec<(&str, &str)> = members
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            world.iam(&operation, &pairs)
        };
        call(format!("Put{kind}Policy"), "a").good().await;
        call(format!("Put{kind}Policy"), "b").good().await;
        let answer = call(format!("Get{kind}Policy"), "a").good().await;
        assert_eq!(element(&answer, &member), "x");
        assert_eq!(element(&answer, "PolicyName"), "a");
        assert!(element(&answer, "PolicyDocument").contains("rds-db%3Aconnect"));
        let listed = call(format!("List{plural}Policies"), "").good().await;
        assert!(listed.contains("<PolicyNames><member>a</member></PolicyNames>"));
        assert_eq!(element(&listed, "IsTruncated"), "true");
        call(format!("Delete{kind}Policy"), "a").good().await;
        for operation in [format!("Get{kind}Policy"), format!("Delete{kind}Policy")] {
            call(operation, "a").refused(404, "NoSuchEntity").await;
        }
        call(format!("Put{kind}Policy"), "a b")
            .refused(400, "ValidationError")
            .await;
    }
}

#[tokio::test]
async fn inline_policies_are_checked_and_counted_together() {
    let world = World::new().await;
    world.iam_user("x").await;
    let put = |name: &'static str, document: String| {
        let members = [
            ("UserName", "x"),
            ("PolicyName", name),
            ("PolicyDocument", document.as_str()),
        ];
        world.iam("PutUserPolicy", &members)
    };
    put("bad", "{}".to_owned())
        .refused(400, "MalformedPolicyDocument")
        .await;
    put("a", allow(&format!("s:{}", "x".repeat(1_000))))
        .good()
        .await;
    put("b", allow(&format!("s:{}", "x".repeat(1_000))))
        .refused(409, "LimitExceeded")
        .await;
    let listed = world
        .iam("ListUserPolicies", &[("UserName", "x")])
        .good()
        .await;
    assert!(listed.contains("<PolicyNames><member>a</member></PolicyNames>"));
    let document = allow("a:b");
    let members = [
        ("UserName", "nobody"),
        ("PolicyName", "a"),
        ("PolicyDocument", document.as_str()),
    ];
    world
        .iam("PutUserPolicy", &members)
        .refused(404, "NoSuchEntity")
        .await;
}
