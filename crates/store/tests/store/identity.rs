//! Users, groups, roles, access keys and policies: what hangs on what, and how many of it.

use tollgate_store::{
    AccessKeyState, AttachTo, Expect, Kind, NewAccessKey, NewGroup, NewPolicy, NewRole, NewUser,
    Page, PolicyRow, RoleUpdate, StoreError, Tags, Write,
};

use crate::rig::{NOW, Rig, tags};

on_both_engines!(
    a_user_is_found_by_name_and_by_id,
    a_user_with_ties_stays,
    access_keys_have_a_limit_and_a_switch,
    an_access_key_belongs_to_its_user,
    membership_is_put_once,
    a_group_with_ties_stays,
    a_role_changes_and_goes,
    versions_have_a_limit_and_never_come_back,
    the_default_version_stays,
    a_policy_in_use_stays,
    attaching_twice_is_attaching_once,
    boundaries_are_named,
);

const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn user(name: &str) -> NewUser {
    NewUser {
        id: format!("AIDA{name}"),
        name: name.to_owned(),
        path: "/".to_owned(),
        tags: tags(&[("team", "shop")]),
    }
}

fn group(name: &str) -> NewGroup {
    NewGroup {
        id: format!("AGPA{name}"),
        name: name.to_owned(),
        path: "/".to_owned(),
    }
}

fn role(name: &str) -> NewRole {
    NewRole {
        id: format!("AROA{name}"),
        name: name.to_owned(),
        path: "/".to_owned(),
        description: String::new(),
        trust_policy: ALLOW.to_owned(),
        max_session_s: 3600,
        tags: Tags::new(),
    }
}

fn policy(name: &str) -> NewPolicy {
    NewPolicy {
        id: format!("ANPA{name}"),
        name: name.to_owned(),
        path: "/".to_owned(),
        description: "for tests".to_owned(),
        document: ALLOW.to_owned(),
        tags: Tags::new(),
    }
}

fn key(id: &str) -> NewAccessKey {
    NewAccessKey {
        id: id.to_owned(),
        sealed_secret: format!("sealed {id}"),
    }
}

async fn put_in_use(write: &Write) {
    write.user_create(user("fn")).await.unwrap();
    write.group_create(group("apps")).await.unwrap();
    write.policy_create(policy("connect")).await.unwrap();
    write.access_key_create("fn", key("AKIA1")).await.unwrap();
    write.group_member_put("apps", "fn").await.unwrap();
    write
        .attachment_put(AttachTo::User, "fn", "connect")
        .await
        .unwrap();
    write
        .attachment_put(AttachTo::Group, "apps", "connect")
        .await
        .unwrap();
}

fn ties(error: Option<StoreError>) -> Vec<String> {
    match error {
        Some(StoreError::InUse { by, .. }) => by,
        other => panic!("{other:?}"),
    }
}

async fn a_user_is_found_by_name_and_by_id(rig: Rig) {
    let write = rig.write().await;
    let made = write.user_create(user("fn")).await.unwrap();
    let error = write.user_create(user("fn")).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::AlreadyExists {
                kind: Kind::User,
                ..
            }
        ),
        "{error}"
    );
    write.commit().await.unwrap();
    assert_eq!(rig.store.user_get("fn").await.unwrap(), made);
    assert_eq!(rig.store.user_get("AIDAfn").await.unwrap(), made);
    assert_eq!(
        rig.store.user_list(&Page::first(5)).await.unwrap().items,
        [made]
    );
}

async fn a_user_with_ties_stays(rig: Rig) {
    let write = rig.write().await;
    put_in_use(&write).await;
    let by = ties(write.user_delete("fn", Expect::Anything).await.err());
    assert_eq!(
        by,
        [
            "1 access keys",
            "1 group memberships",
            "1 attached policies"
        ]
    );
    write
        .access_key_delete("fn", "AKIA1", Expect::Anything)
        .await
        .unwrap();
    write.group_member_remove("apps", "fn").await.unwrap();
    write
        .attachment_remove(AttachTo::User, "fn", "connect")
        .await
        .unwrap();
    write
        .user_delete("fn", Expect::Generation(1))
        .await
        .unwrap();
    write.commit().await.unwrap();
    assert!(rig.store.everything().await.unwrap().users.is_empty());
}

async fn access_keys_have_a_limit_and_a_switch(rig: Rig) {
    let write = rig.write().await;
    write.user_create(user("fn")).await.unwrap();
    write.access_key_create("fn", key("AKIA1")).await.unwrap();
    write.access_key_create("fn", key("AKIA2")).await.unwrap();
    let error = write
        .access_key_create("fn", key("AKIA3"))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "limit reached: at most 2 access keys per user"
    );
    let off = AccessKeyState::Inactive;
    let row = write
        .access_key_update("fn", "AKIA1", Expect::Generation(1), off)
        .await
        .unwrap();
    assert_eq!((row.state, row.generation), (AccessKeyState::Inactive, 2));
    write.commit().await.unwrap();
    rig.store.access_key_used("AKIA1", NOW + 5).await.unwrap();
    rig.store.access_key_used("AKIA9", NOW + 5).await.unwrap();
    let row = rig.store.access_key_get("AKIA1").await.unwrap();
    assert_eq!((row.last_used_at, row.user.as_str()), (Some(NOW + 5), "fn"));
    assert_eq!(row.sealed_secret, "sealed AKIA1");
    let listed = rig
        .store
        .access_key_list("fn", &Page::first(1))
        .await
        .unwrap();
    assert_eq!(
        (listed.items.len(), listed.next.as_deref()),
        (1, Some("AKIA1"))
    );
}

async fn an_access_key_belongs_to_its_user(rig: Rig) {
    let write = rig.write().await;
    write.user_create(user("fn")).await.unwrap();
    write.user_create(user("other")).await.unwrap();
    write.access_key_create("fn", key("AKIA1")).await.unwrap();
    let off = AccessKeyState::Inactive;
    let errors = [
        write
            .access_key_update("other", "AKIA1", Expect::Anything, off)
            .await
            .err(),
        write
            .access_key_delete("other", "AKIA1", Expect::Anything)
            .await
            .err(),
    ];
    for error in errors {
        assert!(
            matches!(
                error,
                Some(StoreError::NotFound {
                    kind: Kind::AccessKey,
                    ..
                })
            ),
            "{error:?}"
        );
    }
}

async fn membership_is_put_once(rig: Rig) {
    let write = rig.write().await;
    put_in_use(&write).await;
    write.group_member_put("apps", "AIDAfn").await.unwrap();
    write.commit().await.unwrap();
    let members = rig
        .store
        .group_members("apps", &Page::first(5))
        .await
        .unwrap();
    assert_eq!(members.items, [rig.store.user_get("fn").await.unwrap()]);
    let groups = rig.store.user_groups("fn", &Page::first(5)).await.unwrap();
    assert_eq!(groups.items, [rig.store.group_get("apps").await.unwrap()]);
    let write = rig.write().await;
    write.group_member_remove("apps", "fn").await.unwrap();
    let error = write.group_member_remove("apps", "fn").await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NotFound {
                kind: Kind::Membership,
                ..
            }
        ),
        "{error}"
    );
}

async fn a_group_with_ties_stays(rig: Rig) {
    let write = rig.write().await;
    put_in_use(&write).await;
    let by = ties(write.group_delete("apps", Expect::Anything).await.err());
    assert_eq!(by, ["1 members", "1 attached policies"]);
    write.group_member_remove("apps", "fn").await.unwrap();
    write
        .attachment_remove(AttachTo::Group, "apps", "connect")
        .await
        .unwrap();
    write
        .group_delete("apps", Expect::Generation(1))
        .await
        .unwrap();
    write.commit().await.unwrap();
    assert!(
        rig.store
            .group_list(&Page::first(5))
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

async fn a_role_changes_and_goes(rig: Rig) {
    let write = rig.write().await;
    write.role_create(role("app")).await.unwrap();
    write.policy_create(policy("connect")).await.unwrap();
    let update = RoleUpdate {
        description: "new".to_owned(),
        trust_policy: "{}".to_owned(),
        max_session_s: 7200,
    };
    let row = write
        .role_update("app", Expect::Generation(1), update.clone())
        .await
        .unwrap();
    assert_eq!((row.generation, row.max_session_s), (2, 7200));
    let error = write
        .role_update("app", Expect::Generation(1), update)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::PreconditionFailed { current: 2, .. }),
        "{error}"
    );
    write
        .attachment_put(AttachTo::Role, "app", "connect")
        .await
        .unwrap();
    let by = ties(write.role_delete("app", Expect::Anything).await.err());
    assert_eq!(by, ["1 attached policies"]);
    write
        .attachment_remove(AttachTo::Role, "app", "connect")
        .await
        .unwrap();
    write
        .role_delete("app", Expect::Generation(2))
        .await
        .unwrap();
    write.commit().await.unwrap();
    assert!(
        rig.store
            .role_list(&Page::first(5))
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

async fn versions_have_a_limit_and_never_come_back(rig: Rig) {
    let write = rig.write().await;
    write.policy_create(policy("connect")).await.unwrap();
    for number in 2..=5 {
        let version = write
            .policy_version_create("connect", Expect::Anything, "{}")
            .await
            .unwrap();
        assert_eq!((version.version, version.is_default), (number, false));
    }
    let error = write
        .policy_version_create("connect", Expect::Anything, "{}")
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::LimitExceeded { limit: 5, .. }),
        "{error}"
    );
    write.policy_version_delete("connect", 5).await.unwrap();
    let version = write
        .policy_version_create("connect", Expect::Anything, "{}")
        .await
        .unwrap();
    assert_eq!(version.version, 6);
    write.commit().await.unwrap();
    let versions = rig.store.policy_version_list("connect").await.unwrap();
    let numbers: Vec<u32> = versions.iter().map(|row| row.version).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 6]);
    assert_eq!(
        rig.store.policy_version_get("connect", 6).await.unwrap(),
        version
    );
    let error = rig
        .store
        .policy_version_get("connect", 5)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no policy version `v5`");
}

async fn the_default_version_stays(rig: Rig) {
    let write = rig.write().await;
    write.policy_create(policy("connect")).await.unwrap();
    write
        .policy_version_create("connect", Expect::Generation(1), "{}")
        .await
        .unwrap();
    write
        .policy_version_set_default("connect", Expect::Generation(2), 2)
        .await
        .unwrap();
    let error = write.policy_version_delete("connect", 2).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::InUse {
                kind: Kind::PolicyVersion,
                ..
            }
        ),
        "{error}"
    );
    write.policy_version_delete("connect", 1).await.unwrap();
    write.commit().await.unwrap();
    let row = rig.store.policy_get("ANPAconnect").await.unwrap();
    assert_eq!(
        (row.default_version, row.document.as_str(), row.generation),
        (2, "{}", 4)
    );
    assert_eq!(
        rig.store.policy_list(&Page::first(5)).await.unwrap().items,
        [row]
    );
}

async fn a_policy_in_use_stays(rig: Rig) {
    let write = rig.write().await;
    put_in_use(&write).await;
    write
        .user_boundary_set("fn", Expect::Anything, Some("connect"))
        .await
        .unwrap();
    let by = ties(write.policy_delete("connect", Expect::Anything).await.err());
    assert_eq!(by, ["2 attachments", "1 users as boundary"]);
    write
        .user_boundary_set("fn", Expect::Anything, None)
        .await
        .unwrap();
    write
        .attachment_remove(AttachTo::User, "fn", "connect")
        .await
        .unwrap();
    write
        .attachment_remove(AttachTo::Group, "apps", "connect")
        .await
        .unwrap();
    write
        .policy_delete("connect", Expect::Generation(1))
        .await
        .unwrap();
    write.commit().await.unwrap();
    let left = rig.store.everything().await.unwrap().policies;
    assert!(left.iter().all(PolicyRow::is_aws_managed));
}

async fn attaching_twice_is_attaching_once(rig: Rig) {
    let write = rig.write().await;
    put_in_use(&write).await;
    write
        .attachment_put(AttachTo::User, "AIDAfn", "ANPAconnect")
        .await
        .unwrap();
    write.commit().await.unwrap();
    let page = Page::first(5);
    let attached = rig
        .store
        .attachment_list(AttachTo::User, "fn", &page)
        .await
        .unwrap();
    assert_eq!(
        attached.items,
        [rig.store.policy_get("connect").await.unwrap()]
    );
    let write = rig.write().await;
    let error = write
        .attachment_put(AttachTo::Role, "fn", "connect")
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NotFound {
                kind: Kind::Role,
                ..
            }
        ),
        "{error}"
    );
    write
        .attachment_remove(AttachTo::User, "fn", "connect")
        .await
        .unwrap();
    let error = write
        .attachment_remove(AttachTo::User, "fn", "connect")
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NotFound {
                kind: Kind::Attachment,
                ..
            }
        ),
        "{error}"
    );
}

async fn boundaries_are_named(rig: Rig) {
    let write = rig.write().await;
    put_in_use(&write).await;
    write.role_create(role("app")).await.unwrap();
    let user = write
        .user_boundary_set("fn", Expect::Generation(1), Some("connect"))
        .await;
    let role = write
        .role_boundary_set("app", Expect::Generation(1), Some("connect"))
        .await;
    let (user, role) = (user.unwrap(), role.unwrap());
    assert_eq!(user.boundary.as_deref(), Some("connect"));
    assert_eq!(role.boundary.as_deref(), Some("connect"));
    let error = write
        .user_boundary_set("fn", Expect::Anything, Some("nope"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NotFound {
                kind: Kind::Policy,
                ..
            }
        ),
        "{error}"
    );
    write.commit().await.unwrap();
    let everything = rig.store.everything().await.unwrap();
    assert_eq!(
        (everything.users, everything.roles),
        (vec![user], vec![role])
    );
}
