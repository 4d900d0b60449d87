//! Managed policies, their versions, and the AWS-managed ones.

use http::Method;
use serde_json::json;

use super::{World, allow, element, policy_arn};

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

#[tokio::test]
async fn a_policy_has_versions_of_which_one_is_in_force() {
    let world = World::new().await;
    let arn = world.iam_policy("connect", "a:v1").await;
    for number in 2..=5 {
        let document = allow(&format!("a:v{number}"));
        let members = [
            ("PolicyArn", arn.as_str()),
            ("PolicyDocument", document.as_str()),
            ("SetAsDefault", if number == 3 { "true" } else { "false" }),
        ];
        let answer = world.iam("CreatePolicyVersion", &members).good().await;
        assert_eq!(element(&answer, "VersionId"), format!("v{number}"));
    }
    let document = allow("a:v6");
    let members = [
        ("PolicyArn", arn.as_str()),
        ("PolicyDocument", document.as_str()),
    ];
    world
        .iam("CreatePolicyVersion", &members)
        .refused(409, "LimitExceeded")
        .await;
    let answer = world.iam("GetPolicy", &members).good().await;
    assert_eq!(element(&answer, "DefaultVersionId"), "v3");
    let listed = world
        .iam(
            "ListPolicyVersions",
            &[("PolicyArn", arn.as_str()), ("MaxItems", "3")],
        )
        .good()
        .await;
    assert_eq!(element(&listed, "VersionId"), "v5");
    let marker = element(&listed, "Marker").to_owned();
    let rest = [("PolicyArn", arn.as_str()), ("Marker", marker.as_str())];
    let listed = world.iam("ListPolicyVersions", &rest).good().await;
    assert_eq!(element(&listed, "VersionId"), "v2");
    let version = |operation: &'static str, number: &'static str| {
        let members = [("PolicyArn", arn.as_str()), ("VersionId", number)];
        world.iam(operation, &members)
    };
    let answer = version("GetPolicyVersion", "v2").good().await;
    assert!(element(&answer, "Document").contains("a%3Av2"));
    assert_eq!(element(&answer, "IsDefaultVersion"), "false");
    version("DeletePolicyVersion", "v3")
        .refused(409, "DeleteConflict")
        .await;
    version("SetDefaultPolicyVersion", "v2").good().await;
    world
        .iam("DeletePolicy", &members)
        .refused(409, "DeleteConflict")
        .await;
    for number in ["v1", "v3", "v4", "v5"] {
        version("DeletePolicyVersion", number).good().await;
    }
    version("GetPolicyVersion", "v9")
        .refused(404, "NoSuchEntity")
        .await;
    version("GetPolicyVersion", "9")
        .refused(400, "ValidationError")
        .await;
    world.iam("DeletePolicy", &members).good().await;
    world
        .iam("GetPolicy", &members)
        .refused(404, "NoSuchEntity")
        .await;
}

#[tokio::test]
async fn documents_are_refused_with_the_reason() {
    let world = World::new().await;
    let long = allow(&"x".repeat(7_000));
    for (document, status, code, reason) in [
        ("nonsense", 400, "MalformedPolicyDocument", "JSON"),
        (
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps","Action":"a:b","Resource":"*"}]}"#,
            400,
            "MalformedPolicyDocument",
            "/Statement/0/Effect",
        ),
        (long.as_str(), 409, "LimitExceeded", "6144"),
    ] {
        let members = [("PolicyName", "p"), ("PolicyDocument", document)];
        let reply = world.iam("CreatePolicy", &members).refused(status, code);
        let reply = reply.await;
        assert!(element(&reply, "Message").contains(reason), "{reply}");
    }
    world.iam_policy("p", "a:b").await;
    let document = allow("a:b");
    let members = [("PolicyName", "P"), ("PolicyDocument", document.as_str())];
    world
        .iam("CreatePolicy", &members)
        .refused(409, "EntityAlreadyExists")
        .await;
}

#[tokio::test]
async fn an_arn_names_a_policy_with_its_path_only() {
    let world = World::new().await;
    let document = allow("a:b");
    let members = [
        ("PolicyName", "p"),
        ("Path", "/x/"),
        ("PolicyDocument", document.as_str()),
        ("Description", "some"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "shop"),
    ];
    let answer = world.iam("CreatePolicy", &members).good().await;
    let arn = policy_arn("x/p");
    assert_eq!(element(&answer, "Arn"), arn);
    for (wrong, status, code) in [
        (policy_arn("p").as_str(), 404, "NoSuchEntity"),
        ("arn:aws:iam::aws:policy/p", 404, "NoSuchEntity"),
        ("p", 400, "InvalidInput"),
    ] {
        let call = world.iam("GetPolicy", &[("PolicyArn", wrong)]);
        call.refused(status, code).await;
    }
    let one = [("PolicyArn", arn.as_str())];
    let answer = world.iam("GetPolicy", &one).good().await;
    assert_eq!(element(&answer, "Description"), "some");
    assert_eq!(element(&answer, "Key"), "team");
    world
        .iam(
            "TagPolicy",
            &[
                ("PolicyArn", arn.as_str()),
                ("Tags.member.1.Key", "k"),
                ("Tags.member.1.Value", "v"),
            ],
        )
        .good()
        .await;
    world
        .iam(
            "UntagPolicy",
            &[("PolicyArn", arn.as_str()), ("TagKeys.member.1", "team")],
        )
        .good()
        .await;
    let tags = world.iam("ListPolicyTags", &one).good().await;
    assert_eq!(element(&tags, "Key"), "k");
    let rest = world.get("/v1/iam/policies/p/tags").await.expect(200).json;
    assert_eq!(rest, json!({"tags": {"k": "v"}}));
}

#[expect(clippy::too_many_lines, reason = "one story from beginning to end")]
#[tokio::test]
async fn policies_are_attached_up_to_ten_and_tell_to_whom() {
    let world = World::new().await;
    world.iam_user("fn").await;
    world.iam_role("job").await;
    world
        .iam("CreateGroup", &[("GroupName", "apps")])
        .good()
        .await;
    let arn = world.iam_policy("p0", "a:b").await;
    for (operation, member, name) in [
        ("AttachUserPolicy", "UserName", "fn"),
        ("AttachGroupPolicy", "GroupName", "apps"),
        ("AttachRolePolicy", "RoleName", "job"),
    ] {
        let members = [(member, name), ("PolicyArn", arn.as_str())];
        world.iam(operation, &members).good().await;
        world.iam(operation, &members).good().await;
    }
    let of = [("PolicyArn", arn.as_str()), ("MaxItems", "2")];
    let first = world.iam("ListEntitiesForPolicy", &of).good().await;
    assert_eq!(element(&first, "GroupName"), "apps");
    assert_eq!(element(&first, "RoleName"), "job");
    let marker = element(&first, "Marker").to_owned();
    let of = [
        ("PolicyArn", arn.as_str()),
        ("MaxItems", "2"),
        ("Marker", marker.as_str()),
    ];
    let second = world.iam("ListEntitiesForPolicy", &of).good().await;
    assert_eq!(element(&second, "UserName"), "fn");
    assert!(second.contains("<PolicyGroups/>"));
    let of = [("PolicyArn", arn.as_str()), ("EntityFilter", "Role")];
    let roles = world.iam("ListEntitiesForPolicy", &of).good().await;
    assert!(roles.contains("<PolicyUsers/>") && roles.contains("job"));
    let answer = world.iam("GetPolicy", &of).good().await;
    assert_eq!(element(&answer, "AttachmentCount"), "3");
    world
        .iam("DeletePolicy", &of)
        .refused(409, "DeleteConflict")
        .await;
    for number in 1..=10 {
        let arn = world.iam_policy(&format!("p{number}"), "a:b").await;
        let members = [("UserName", "fn"), ("PolicyArn", arn.as_str())];
        let call = world.iam("AttachUserPolicy", &members);
        if number < 10 {
            call.good().await;
        } else {
            call.refused(409, "LimitExceeded").await;
        }
    }
    let members = [("UserName", "fn"), ("MaxItems", "4")];
    let listed = world.iam("ListAttachedUserPolicies", &members).good().await;
    assert_eq!(element(&listed, "PolicyName"), "p0");
    assert_eq!(element(&listed, "IsTruncated"), "true");
    let members = [("UserName", "fn"), ("PolicyArn", arn.as_str())];
    world.iam("DetachUserPolicy", &members).good().await;
    world
        .iam("DetachUserPolicy", &members)
        .refused(404, "NoSuchEntity")
        .await;
    for (operation, member, name) in [
        ("DetachGroupPolicy", "GroupName", "apps"),
        ("DetachRolePolicy", "RoleName", "job"),
    ] {
        let members = [(member, name), ("PolicyArn", arn.as_str())];
        world.iam(operation, &members).good().await;
    }
    for (operation, member, name) in [
        ("ListAttachedGroupPolicies", "GroupName", "apps"),
        ("ListAttachedRolePolicies", "RoleName", "job"),
    ] {
        let answer = world.iam(operation, &[(member, name)]).good().await;
        assert!(answer.contains("<AttachedPolicies/>"), "{answer}");
    }
}

#[tokio::test]
async fn aws_managed_policies_are_attachable_and_never_change() {
    let world = World::new().await;
    let scope = |scope: &'static str| world.iam("ListPolicies", &[("Scope", scope)]);
    let listed = scope("AWS").good().await;
    for name in [
        "AdministratorAccess",
        "PowerUserAccess",
        "ReadOnlyAccess",
        "IAMFullAccess",
        "IAMReadOnlyAccess",
        "AmazonRDSFullAccess",
        "AmazonRDSReadOnlyAccess",
        "SecretsManagerReadWrite",
        "AmazonEC2FullAccess",
        "AmazonEC2ReadOnlyAccess",
    ] {
        assert!(listed.contains(&format!("<PolicyName>{name}</PolicyName>")));
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        let members = [("PolicyArn", arn.as_str()), ("VersionId", "v1")];
        let answer = world.iam("GetPolicyVersion", &members).good().await;
        assert!(element(&answer, "Document").contains("Statement"));
    }
    assert!(scope("Local").good().await.contains("<Policies/>"));
    world.iam_user("fn").await;
    let members = [("UserName", "fn"), ("PolicyArn", READ_ONLY)];
    world.iam("AttachUserPolicy", &members).good().await;
    let used = world
        .iam("ListPolicies", &[("OnlyAttached", "true")])
        .good()
        .await;
    assert_eq!(element(&used, "Arn"), READ_ONLY);
    let rest = world.get("/v1/iam/users/fn/policies").await.expect(200);
    assert_eq!(
        rest.json["items"],
        json!([{"name": "ReadOnlyAccess", "arn": READ_ONLY}])
    );
    let document = allow("a:b");
    let members = [
        ("PolicyArn", READ_ONLY),
        ("PolicyDocument", document.as_str()),
        ("VersionId", "v1"),
        ("Tags.member.1.Key", "k"),
        ("Tags.member.1.Value", "v"),
        ("TagKeys.member.1", "k"),
    ];
    for operation in [
        "DeletePolicy",
        "CreatePolicyVersion",
        "SetDefaultPolicyVersion",
        "DeletePolicyVersion",
        "TagPolicy",
        "UntagPolicy",
    ] {
        let call = world.iam(operation, &members);
        call.refused(403, "AccessDenied").await;
    }
    let path = "/v1/iam/policies/arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess";
    let shown = world.get(path).await.expect(200).json;
    assert_eq!(shown["name"], "ReadOnlyAccess");
    world.delete(path).await.expect(403);
    let listed = world.get("/v1/iam/policies").await.expect(200).json;
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn rest_attaches_aws_managed_policies_by_their_arn() {
    let world = World::new().await;
    let key = world.user("fn", &[]).await;
    let arn = "arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FIAMReadOnlyAccess";
    let path = format!("/v1/iam/users/fn/policies/{arn}");
    world.call(Method::PUT, &path).send().await.expect(204);
    let answer = world.iam("GetUser", &[]).key(&key).good().await;
    assert_eq!(element(&answer, "UserName"), "fn");
}
