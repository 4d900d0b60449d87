//! Roles and their trust policies.

use serde_json::json;

use super::{TRUST, World, element, policy_arn};

#[tokio::test]
async fn a_role_shows_its_documents_as_they_were_written() {
    let world = World::new().await;
    let pretty: serde_json::Value = serde_json::from_str(TRUST).unwrap();
    let pretty = serde_json::to_string_pretty(&pretty).unwrap();
    let members = [
        ("RoleName", "proxy"),
        ("Path", "/service/"),
        ("AssumeRolePolicyDocument", pretty.as_str()),
        ("Description", "for the proxy"),
        ("MaxSessionDuration", "7200"),
    ];
    world.iam("CreateRole", &members).good().await;
    let answer = world.iam("GetRole", &[("RoleName", "proxy")]).good().await;
    assert_eq!(
        element(&answer, "Arn"),
        "arn:aws:iam::000000000000:role/service/proxy"
    );
    let encoded = element(&answer, "AssumeRolePolicyDocument");
    assert!(encoded.starts_with("%7B%0A%20%20%22"), "{encoded}");
    let decoded: String = form_urlencoded::parse(encoded.replace('+', "%2B").as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(decoded, pretty);
    assert_eq!(element(&answer, "MaxSessionDuration"), "7200");
    assert_eq!(element(&answer, "Description"), "for the proxy");
    let rest = world.get("/v1/iam/roles/proxy").await.expect(200).json;
    assert_eq!(rest["description"], "for the proxy");
    assert_eq!(rest["maxSessionDuration"], json!(7_200));
}

#[tokio::test]
async fn trust_policies_are_checked() {
    let world = World::new().await;
    let long = TRUST.replace("sts:AssumeRole", &"x".repeat(3_000));
    for (document, status, code) in [
        ("{", 400, "MalformedPolicyDocument"),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*"}]}"#,
            400,
            "MalformedPolicyDocument",
        ),
        (long.as_str(), 409, "LimitExceeded"),
    ] {
        let members = [("RoleName", "r"), ("AssumeRolePolicyDocument", document)];
        let call = world.iam("CreateRole", &members);
        call.refused(status, code).await;
    }
    world.iam_role("r").await;
    let members = [("RoleName", "r"), ("PolicyDocument", "{}")];
    let reply = world
        .iam("UpdateAssumeRolePolicy", &members)
        .refused(400, "MalformedPolicyDocument")
        .await;
    assert!(element(&reply, "Message").contains("Statement"), "{reply}");
    let other = TRUST.replace("root", "user/fn");
    let members = [("RoleName", "r"), ("PolicyDocument", other.as_str())];
    world.iam("UpdateAssumeRolePolicy", &members).good().await;
    let answer = world.iam("GetRole", &[("RoleName", "r")]).good().await;
    assert!(element(&answer, "AssumeRolePolicyDocument").contains("user%2Ffn"));
}

#[tokio::test]
async fn a_role_changes_and_goes() {
    let world = World::new().await;
    world.iam_role("r").await;
    world
        .iam(
            "CreateRole",
            &[("RoleName", "R"), ("AssumeRolePolicyDocument", TRUST)],
        )
        .refused(409, "EntityAlreadyExists")
        .await;
    let members = [("RoleName", "r"), ("MaxSessionDuration", "43200")];
    world.iam("UpdateRole", &members).good().await;
    let members = [("RoleName", "r"), ("Description", "new")];
    let answer = world.iam("UpdateRoleDescription", &members).good().await;
    assert_eq!(element(&answer, "Description"), "new");
    assert_eq!(element(&answer, "MaxSessionDuration"), "43200");
    for seconds in ["3599", "43201", "x"] {
        let members = [("RoleName", "r"), ("MaxSessionDuration", seconds)];
        let call = world.iam("UpdateRole", &members);
        call.refused(400, "ValidationError").await;
    }
    let arn = world.iam_policy("p", "a:b").await;
    let attached = [("RoleName", "r"), ("PolicyArn", arn.as_str())];
    world.iam("AttachRolePolicy", &attached).good().await;
    let one = [("RoleName", "r")];
    world
        .iam("DeleteRole", &one)
        .refused(409, "DeleteConflict")
        .await;
    world.iam("DetachRolePolicy", &attached).good().await;
    let answer = world.iam("ListInstanceProfilesForRole", &one).good().await;
    assert!(answer.contains("<InstanceProfiles/><IsTruncated>false</IsTruncated>"));
    world.iam("DeleteRole", &one).good().await;
    for operation in ["GetRole", "DeleteRole", "ListInstanceProfilesForRole"] {
        let call = world.iam(operation, &one);
        call.refused(404, "NoSuchEntity").await;
    }
}

#[tokio::test]
async fn roles_have_boundaries_and_tags_and_lists() {
    let world = World::new().await;
    let arn = world.iam_policy("bound", "a:b").await;
    let members = [
        ("RoleName", "r"),
        ("Path", "/x/"),
        ("AssumeRolePolicyDocument", TRUST),
        ("PermissionsBoundary", arn.as_str()),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "shop"),
    ];
    let answer = world.iam("CreateRole", &members).good().await;
    assert_eq!(
        element(&answer, "PermissionsBoundaryArn"),
        policy_arn("bound")
    );
    let listed = world
        .iam("ListRoles", &[("PathPrefix", "/x/")])
        .good()
        .await;
    assert_eq!(element(&listed, "RoleName"), "r");
    assert!(!listed.contains("<Tags>") && !listed.contains("PermissionsBoundary"));
    let one = [("RoleName", "r")];
    let tags = world.iam("ListRoleTags", &one).good().await;
    assert_eq!(element(&tags, "Key"), "team");
    world
        .iam(
            "UntagRole",
            &[("RoleName", "r"), ("TagKeys.member.1", "team")],
        )
        .good()
        .await;
    world
        .iam("DeleteRolePermissionsBoundary", &one)
        .good()
        .await;
    let answer = world.iam("GetRole", &one).good().await;
    assert!(!answer.contains("<Tags>") && !answer.contains("PermissionsBoundary"));
    assert!(answer.contains("<RoleLastUsed/>"));
    world
        .iam("PutRolePermissionsBoundary", &members)
        .good()
        .await;
    world
        .iam(
            "TagRole",
            &[
                ("RoleName", "r"),
                ("Tags.member.1.Key", "k"),
                ("Tags.member.1.Value", "v"),
            ],
        )
        .good()
        .await;
    let answer = world.iam("GetRole", &one).good().await;
    assert!(answer.contains("<Key>k</Key>") && answer.contains("PermissionsBoundaryArn"));
}
