//! Users: paths, names, boundaries, tags, and what keeps them from going.

use http::Method;
use serde_json::json;

use super::{World, allow, element, policy_arn};

#[tokio::test]
async fn a_user_of_either_face_is_the_same_user() {
    let world = World::new().await;
    let answer = world
        .iam(
            "CreateUser",
            &[
                ("UserName", "fn"),
                ("Path", "/a/b/"),
                ("Tags.member.1.Key", "team"),
                ("Tags.member.1.Value", "shop"),
            ],
        )
        .good()
        .await;
    let arn = "arn:aws:iam::000000000000:user/a/b/fn";
    assert_eq!(element(&answer, "Arn"), arn);
    assert_eq!(element(&answer, "Path"), "/a/b/");
    assert!(element(&answer, "UserId").starts_with("AIDA"));
    assert!(answer.contains("<Tags><member><Key>team</Key><Value>shop</Value></member></Tags>"));
    let rest = world.get("/v1/iam/users/fn").await.expect(200).json;
    assert_eq!(
        (&rest["arn"], &rest["path"]),
        (&json!(arn), &json!("/a/b/"))
    );
    assert_eq!(rest["tags"], json!({"team": "shop"}));
    world.user("made-by-rest", &[]).await;
    let members = [("UserName", "made-by-rest")];
    let answer = world.iam("GetUser", &members).good().await;
    assert_eq!(element(&answer, "Path"), "/");
}

#[tokio::test]
async fn names_are_taken_whatever_the_case() {
    let world = World::new().await;
    world.iam_user("fn").await;
    let taken = world.iam("CreateUser", &[("UserName", "FN")]);
    taken.refused(409, "EntityAlreadyExists").await;
    for wrong in [
        [("UserName", "a b"), ("Path", "/")],
        [("UserName", "ok"), ("Path", "no-slash")],
        [("UserName", "ok"), ("Path", "/not-closed")],
        [("UserName", "ok"), ("Path", "/white space/")],
    ] {
        let call = world.iam("CreateUser", &wrong);
        call.refused(400, "ValidationError").await;
    }
    world
        .iam("CreateUser", &[])
        .refused(400, "ValidationError")
        .await;
    let twice = [
        ("UserName", "ok"),
        ("Tags.member.1.Key", "k"),
        ("Tags.member.1.Value", "1"),
        ("Tags.member.2.Key", "k"),
        ("Tags.member.2.Value", "2"),
    ];
    world
        .iam("CreateUser", &twice)
        .refused(400, "InvalidInput")
        .await;
}

#[tokio::test]
async fn whoever_names_nobody_asks_for_themselves() {
    let world = World::new().await;
    let key = world.user("fn", &["iam:GetUser"]).await;
    let answer = world.iam("GetUser", &[]).key(&key).good().await;
    assert_eq!(element(&answer, "UserName"), "fn");
    let answer = world.iam("GetUser", &[]).good().await;
    assert_eq!(element(&answer, "Arn"), "arn:aws:iam::000000000000:root");
    let missing = world.iam("GetUser", &[("UserName", "nobody")]);
    let reply = missing.refused(404, "NoSuchEntity").await;
    assert_eq!(
        element(&reply, "Message"),
        "The user with name nobody cannot be found."
    );
}

#[tokio::test]
async fn users_are_listed_in_pages_below_a_path() {
    let world = World::new().await;
    for (name, path) in [("a", "/x/"), ("b", "/x/"), ("c", "/")] {
        let members = [("UserName", name), ("Path", path)];
        world.iam("CreateUser", &members).good().await;
    }
    let members = [("PathPrefix", "/x/"), ("MaxItems", "1")];
    let first = world.iam("ListUsers", &members).good().await;
    assert_eq!(element(&first, "UserName"), "a");
    assert_eq!(element(&first, "IsTruncated"), "true");
    let marker = element(&first, "Marker").to_owned();
    let members = [("PathPrefix", "/x/"), ("Marker", marker.as_str())];
    let second = world.iam("ListUsers", &members).good().await;
    assert_eq!(element(&second, "UserName"), "b");
    assert_eq!(element(&second, "IsTruncated"), "false");
    assert!(!second.contains("<Marker>") && !second.contains("<UserName>c<"));
    for wrong in [
        vec![("Marker", marker.as_str())],
        vec![("MaxItems", "0")],
        vec![("MaxItems", "1001")],
        vec![("PathPrefix", "x")],
    ] {
        let call = world.iam("ListUsers", &wrong);
        call.refused(400, "ValidationError").await;
    }
}

#[tokio::test]
async fn a_user_gets_another_name_and_path() {
    let world = World::new().await;
    world.iam_user("fn").await;
    world.iam_user("taken").await;
    let members = [
        ("UserName", "fn"),
        ("NewUserName", "job"),
        ("NewPath", "/a/"),
    ];
    world.iam("UpdateUser", &members).good().await;
    let answer = world.iam("GetUser", &[("UserName", "job")]).good().await;
    assert_eq!(element(&answer, "Path"), "/a/");
    let members = [("UserName", "job"), ("NewUserName", "Taken")];
    world
        .iam("UpdateUser", &members)
        .refused(409, "EntityAlreadyExists")
        .await;
    // Whoever may change one user may not make it another one.
    let document = json!([{"Effect": "Allow", "Action": "iam:UpdateUser",
        "Resource": "arn:aws:iam::000000000000:user/a/*"}]);
    let key = world.user("mover", &[]).await;
    world.policy("move", &document).await;
    let path = "/v1/iam/users/mover/policies/move";
    world.call(Method::PUT, path).send().await.expect(204);
    let outward = [("UserName", "job"), ("NewPath", "/")];
    let call = world.iam("UpdateUser", &outward).key(&key);
    call.refused(403, "AccessDenied").await;
    let inward = [("UserName", "job"), ("NewPath", "/a/b/")];
    world.iam("UpdateUser", &inward).key(&key).good().await;
}

#[tokio::test]
async fn a_user_goes_when_nothing_hangs_on_it() {
    let world = World::new().await;
    world.iam_user("fn").await;
    let one = [("UserName", "fn")];
    let made = world.iam("CreateAccessKey", &one).good().await;
    let key = element(&made, "AccessKeyId").to_owned();
    let refused = world.iam("DeleteUser", &one);
    let reply = refused.refused(409, "DeleteConflict").await;
    assert!(element(&reply, "Message").contains("1 access keys"));
    let document = allow("a:b");
    let inline = [
        ("UserName", "fn"),
        ("PolicyName", "p"),
        ("PolicyDocument", document.as_str()),
    ];
    world.iam("PutUserPolicy", &inline).good().await;
    let with_key = [("UserName", "fn"), ("AccessKeyId", key.as_str())];
    world.iam("DeleteAccessKey", &with_key).good().await;
    world
        .iam("DeleteUser", &one)
        .refused(409, "DeleteConflict")
        .await;
    world.iam("DeleteUserPolicy", &inline).good().await;
    world.iam("DeleteUser", &one).good().await;
    world
        .iam("DeleteUser", &one)
        .refused(404, "NoSuchEntity")
        .await;
}

#[tokio::test]
async fn boundaries_are_shown_by_their_arn() {
    let world = World::new().await;
    let arn = world.iam_policy("bound", "a:b").await;
    assert_eq!(arn, policy_arn("bound"));
    let members = [("UserName", "fn"), ("PermissionsBoundary", arn.as_str())];
    let answer = world.iam("CreateUser", &members).good().await;
    assert_eq!(element(&answer, "PermissionsBoundaryArn"), arn);
    assert_eq!(
        element(&answer, "PermissionsBoundaryType"),
        "PermissionsBoundaryPolicy"
    );
    let one = [("UserName", "fn")];
    world
        .iam("DeleteUserPermissionsBoundary", &one)
        .good()
        .await;
    let answer = world.iam("GetUser", &one).good().await;
    assert!(!answer.contains("PermissionsBoundary"));
    world
        .iam("PutUserPermissionsBoundary", &members)
        .good()
        .await;
    let answer = world.iam("GetUser", &one).good().await;
    assert_eq!(element(&answer, "PermissionsBoundaryArn"), arn);
    let missing = policy_arn("missing");
    let members = [
        ("UserName", "fn"),
        ("PermissionsBoundary", missing.as_str()),
    ];
    world
        .iam("PutUserPermissionsBoundary", &members)
        .refused(404, "NoSuchEntity")
        .await;
}

#[tokio::test]
async fn tags_are_set_listed_and_removed() {
    let world = World::new().await;
    world.iam_user("fn").await;
    let members = [
        ("UserName", "fn"),
        ("Tags.member.1.Key", "a"),
        ("Tags.member.1.Value", "1"),
        ("Tags.member.2.Key", "b"),
        ("Tags.member.2.Value", "2"),
    ];
    world.iam("TagUser", &members).good().await;
    let first = world
        .iam("ListUserTags", &[("UserName", "fn"), ("MaxItems", "1")])
        .good()
        .await;
    assert_eq!(element(&first, "Key"), "a");
    let marker = element(&first, "Marker").to_owned();
    let members = [("UserName", "fn"), ("Marker", marker.as_str())];
    let second = world.iam("ListUserTags", &members).good().await;
    assert_eq!(element(&second, "Key"), "b");
    let members = [("UserName", "fn"), ("TagKeys.member.1", "a")];
    world.iam("UntagUser", &members).good().await;
    let left = world
        .iam("ListUserTags", &[("UserName", "fn")])
        .good()
        .await;
    assert!(!left.contains("<Key>a</Key>"));
    let members = [
        ("UserName", "fn"),
        ("Tags.member.1.Key", "aws:x"),
        ("Tags.member.1.Value", ""),
    ];
    world
        .iam("TagUser", &members)
        .refused(400, "ValidationError")
        .await;
}

#[tokio::test]
async fn what_users_do_not_have_here_is_an_empty_list() {
    let world = World::new().await;
    world.iam_user("fn").await;
    for operation in [
        "ListMFADevices",
        "ListSSHPublicKeys",
        "ListSigningCertificates",
        "ListServiceSpecificCredentials",
    ] {
        let answer = world.iam(operation, &[("UserName", "fn")]).good().await;
        assert!(!answer.contains("<member>"), "{answer}");
        let missing = world.iam(operation, &[("UserName", "no")]);
        missing.refused(404, "NoSuchEntity").await;
    }
    for operation in ["GetLoginProfile", "DeleteLoginProfile"] {
        let call = world.iam(operation, &[("UserName", "fn")]);
        call.refused(404, "NoSuchEntity").await;
    }
}
