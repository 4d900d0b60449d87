//! Groups and memberships.

use super::{World, element};

#[tokio::test]
async fn a_group_has_members_and_goes_without_them() {
    let world = World::new().await;
    let group = [("GroupName", "apps")];
    let members = [("GroupName", "apps"), ("Path", "/a/")];
    let answer = world.iam("CreateGroup", &members).good().await;
    assert_eq!(
        element(&answer, "Arn"),
        "arn:aws:iam::000000000000:group/a/apps"
    );
    assert!(element(&answer, "GroupId").starts_with("AGPA"));
    let again = world.iam("CreateGroup", &[("GroupName", "Apps")]);
    again.refused(409, "EntityAlreadyExists").await;
    for user in ["one", "two"] {
        world.iam_user(user).await;
        let members = [("GroupName", "apps"), ("UserName", user)];
        world.iam("AddUserToGroup", &members).good().await;
    }
    let first = world
        .iam("GetGroup", &[("GroupName", "apps"), ("MaxItems", "1")])
        .good()
        .await;
    assert_eq!(element(&first, "UserName"), "one");
    let marker = element(&first, "Marker").to_owned();
    let members = [("GroupName", "apps"), ("Marker", marker.as_str())];
    let second = world.iam("GetGroup", &members).good().await;
    assert_eq!(element(&second, "UserName"), "two");
    let answer = world
        .iam("ListGroupsForUser", &[("UserName", "one")])
        .good()
        .await;
    assert_eq!(element(&answer, "GroupName"), "apps");
    world
        .iam("DeleteGroup", &group)
        .refused(409, "DeleteConflict")
        .await;
    for user in ["one", "two"] {
        let members = [("GroupName", "apps"), ("UserName", user)];
        world.iam("RemoveUserFromGroup", &members).good().await;
        let again = world.iam("RemoveUserFromGroup", &members);
        again.refused(404, "NoSuchEntity").await;
    }
    world.iam("DeleteGroup", &group).good().await;
    world
        .iam("GetGroup", &group)
        .refused(404, "NoSuchEntity")
        .await;
}

#[tokio::test]
async fn a_group_gets_another_name_and_is_listed_below_its_path() {
    let world = World::new().await;
    world
        .iam("CreateGroup", &[("GroupName", "apps")])
        .good()
        .await;
    let members = [
        ("GroupName", "apps"),
        ("NewGroupName", "jobs"),
        ("NewPath", "/b/"),
    ];
    world.iam("UpdateGroup", &members).good().await;
    let listed = world
        .iam("ListGroups", &[("PathPrefix", "/b/")])
        .good()
        .await;
    assert_eq!(element(&listed, "GroupName"), "jobs");
    let listed = world
        .iam("ListGroups", &[("PathPrefix", "/c/")])
        .good()
        .await;
    assert!(listed.contains("<Groups/>"));
}
