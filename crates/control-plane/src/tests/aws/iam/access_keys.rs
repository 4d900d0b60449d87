//! Access keys.

use super::super::super::Key;
use super::{World, element};

#[tokio::test]
async fn a_key_signs_until_it_is_switched_off() {
    let world = World::new().await;
    world.iam_user("fn").await;
    let user = [("UserName", "fn")];
    let made = world.iam("CreateAccessKey", &user).good().await;
    assert_eq!(element(&made, "Status"), "Active");
    let key = Key {
        id: element(&made, "AccessKeyId").to_owned(),
        secret: element(&made, "SecretAccessKey").to_owned(),
        session_token: None,
    };
    world
        .query("sts", "GetCallerIdentity", &[])
        .key(&key)
        .good()
        .await;
    let switch = |status: &'static str| {
        let members = [
            ("UserName", "fn"),
            ("AccessKeyId", key.id.as_str()),
            ("Status", status),
        ];
        world.iam("UpdateAccessKey", &members)
    };
    switch("Inactive").good().await;
    let who = world.query("sts", "GetCallerIdentity", &[]).key(&key);
    who.refused(403, "InvalidClientTokenId").await;
    switch("Off").refused(400, "ValidationError").await;
    let listed = world.iam("ListAccessKeys", &user).good().await;
    assert_eq!(element(&listed, "Status"), "Inactive");
    assert!(!listed.contains("Secret"));
    switch("Active").good().await;
    let answer = world
        .iam("GetAccessKeyLastUsed", &[("AccessKeyId", &key.id)])
        .good()
        .await;
    assert_eq!(element(&answer, "UserName"), "fn");
    assert_eq!(element(&answer, "ServiceName"), "N/A");
}

#[tokio::test]
async fn a_user_has_two_keys_at_most() {
    let world = World::new().await;
    world.iam_user("fn").await;
    let user = [("UserName", "fn")];
    for _ in 0..2 {
        world.iam("CreateAccessKey", &user).good().await;
    }
    world
        .iam("CreateAccessKey", &user)
        .refused(409, "LimitExceeded")
        .await;
    let members = [("UserName", "fn"), ("MaxItems", "1")];
    let first = world.iam("ListAccessKeys", &members).good().await;
    let marker = element(&first, "Marker").to_owned();
    let members = [("UserName", "fn"), ("Marker", marker.as_str())];
    let second = world.iam("ListAccessKeys", &members).good().await;
    assert_ne!(
        element(&first, "AccessKeyId"),
        element(&second, "AccessKeyId")
    );
    let missing = [("UserName", "fn"), ("AccessKeyId", "AKIANOBODYNOBODYNOBO")];
    world
        .iam("DeleteAccessKey", &missing)
        .refused(404, "NoSuchEntity")
        .await;
    world
        .iam("GetAccessKeyLastUsed", &missing)
        .refused(404, "NoSuchEntity")
        .await;
}

#[tokio::test]
async fn users_rotate_their_own_keys() {
    let world = World::new().await;
    let old = world
        .user(
            "fn",
            &[
                "iam:CreateAccessKey",
                "iam:ListAccessKeys",
                "iam:DeleteAccessKey",
            ],
        )
        .await;
    let made = world.iam("CreateAccessKey", &[]).key(&old).good().await;
    assert_eq!(element(&made, "UserName"), "fn");
    let listed = world.iam("ListAccessKeys", &[]).key(&old).good().await;
    assert!(listed.contains(&old.id));
    let new = Key {
        id: element(&made, "AccessKeyId").to_owned(),
        secret: element(&made, "SecretAccessKey").to_owned(),
        session_token: None,
    };
    let members = [("AccessKeyId", old.id.as_str())];
    world
        .iam("DeleteAccessKey", &members)
        .key(&new)
        .good()
        .await;
    // The root is no user; whose key it should be cannot be guessed.
    world
        .iam("CreateAccessKey", &[])
        .refused(400, "ValidationError")
        .await;
}
