//! What only AWS's IAM has: paths, inline policies, AWS-managed policies, OIDC providers.

use tollgate_store::{
    AWS_MANAGED, AttachTo, Expect, Kind, NewGroup, NewOidcProvider, NewPolicy, NewRole, NewUser,
    Page, PolicyFilter, PolicyRow, PolicyScope, PolicyUsage, PolicyUse, StoreError, TagKind, Tags,
};

use crate::rig::{NOW, Rig, tags};

on_both_engines!(
    names_differ_in_more_than_case,
    lists_are_limited_to_a_path,
    users_and_groups_move,
    inline_policies_belong_to_their_principal,
    a_principal_with_inline_policies_stays,
    aws_managed_policies_are_there_from_the_beginning,
    policies_tell_who_uses_them,
    policies_carry_tags,
    oidc_providers_come_change_and_go,
);

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn user(name: &str, path: &str) -> NewUser {
    NewUser {
        id: format!("AIDA{name}"),
        name: name.to_owned(),
        path: path.to_owned(),
        tags: Tags::new(),
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
        trust_policy: DOCUMENT.to_owned(),
        max_session_s: 3_600,
        tags: Tags::new(),
    }
}

fn policy(name: &str) -> NewPolicy {
    NewPolicy {
        id: format!("ANPA{name}"),
        name: name.to_owned(),
        path: "/".to_owned(),
        description: String::new(),
        document: DOCUMENT.to_owned(),
        tags: tags(&[("team", "shop")]),
    }
}

async fn names_differ_in_more_than_case(rig: Rig) {
    let write = rig.write().await;
    write.user_create(user("Fn", "/")).await.unwrap();
    write.group_create(group("Apps")).await.unwrap();
    write.role_create(role("Job")).await.unwrap();
    write.policy_create(policy("Connect")).await.unwrap();
    let refused = [
        write.user_create(user("fN", "/a/")).await.unwrap_err(),
        write.group_create(group("apps")).await.unwrap_err(),
        write.role_create(role("JOB")).await.unwrap_err(),
        write.policy_create(policy("connect")).await.unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    }
}

async fn lists_are_limited_to_a_path(rig: Rig) {
    let write = rig.write().await;
    for (name, path) in [
        ("a", "/"),
        ("b", "/x/"),
        ("c", "/x/y/"),
        ("d", "/xy/"),
        ("e", "/%/"),
    ] {
        write.user_create(user(name, path)).await.unwrap();
    }
    write.commit().await.unwrap();
    for (path, wanted) in [
        ("/", vec!["a", "b", "c", "d", "e"]),
        ("/x", vec!["b", "c", "d"]),
        ("/x/", vec!["b", "c"]),
        ("/X/", vec![]),
        ("/%/", vec!["e"]),
    ] {
        let listed = rig.store.user_list_in(path, &Page::first(9)).await.unwrap();
        let names: Vec<&str> = listed.items.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, wanted, "{path}");
    }
    let page = Page::first(1).after("b");
    let listed = rig.store.user_list_in("/x/", &page).await.unwrap();
    assert_eq!(
        (listed.items[0].path.as_str(), listed.next),
        ("/x/y/", None)
    );
}

async fn users_and_groups_move(rig: Rig) {
    let write = rig.write().await;
    write.user_create(user("fn", "/")).await.unwrap();
    write.user_create(user("other", "/")).await.unwrap();
    write.group_create(group("apps")).await.unwrap();
    let moved = write.user_move("fn", "FN", "/a/").await.unwrap();
    assert_eq!(
        (
            moved.id.as_str(),
            moved.name.as_str(),
            moved.path.as_str(),
            moved.generation
        ),
        ("AIDAfn", "FN", "/a/", 2)
    );
    let error = write.user_move("FN", "OTHER", "/").await.unwrap_err();
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    let moved = write.group_move("apps", "jobs", "/b/").await.unwrap();
    assert_eq!((moved.name.as_str(), moved.path.as_str()), ("jobs", "/b/"));
}

async fn inline_policies_belong_to_their_principal(rig: Rig) {
    let write = rig.write().await;
    write.user_create(user("fn", "/")).await.unwrap();
    write.role_create(role("fn")).await.unwrap();
    for document in ["{}", DOCUMENT] {
        write
            .inline_policy_put(AttachTo::User, "fn", ("connect", document))
            .await
            .unwrap();
    }
    write
        .inline_policy_put(AttachTo::Role, "fn", ("other", "{}"))
        .await
        .unwrap();
    let all = write
        .inline_policy_documents(AttachTo::User, "fn")
        .await
        .unwrap();
    assert_eq!(all, [DOCUMENT]);
    write.commit().await.unwrap();
    let row = rig
        .store
        .inline_policy_get(AttachTo::User, "fn", "connect")
        .await
        .unwrap();
    assert_eq!((row.document.as_str(), row.updated_at), (DOCUMENT, NOW));
    let listed = rig
        .store
        .inline_policy_list(AttachTo::User, "AIDAfn", &Page::first(5))
        .await
        .unwrap();
    assert_eq!(listed.items, [row]);
    assert_eq!(
        rig.store.everything().await.unwrap().inline_policies.len(),
        2
    );
    let error = rig
        .store
        .inline_policy_get(AttachTo::User, "fn", "other")
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NotFound {
                kind: Kind::InlinePolicy,
                ..
            }
        ),
        "{error}"
    );
}

async fn a_principal_with_inline_policies_stays(rig: Rig) {
    let write = rig.write().await;
    write.user_create(user("fn", "/")).await.unwrap();
    write.group_create(group("fn")).await.unwrap();
    write.role_create(role("fn")).await.unwrap();
    let all = [AttachTo::User, AttachTo::Group, AttachTo::Role];
    for to in all {
        write
            .inline_policy_put(to, "fn", ("p", "{}"))
            .await
            .unwrap();
    }
    let refused = [
        write.user_delete("fn", Expect::Anything).await.unwrap_err(),
        write
            .group_delete("fn", Expect::Anything)
            .await
            .unwrap_err(),
        write.role_delete("fn", Expect::Anything).await.unwrap_err(),
    ];
    for error in refused {
        assert!(error.to_string().contains("1 inline policies"), "{error}");
    }
    for to in all {
        write.inline_policy_remove(to, "fn", "p").await.unwrap();
        let error = write.inline_policy_remove(to, "fn", "p").await.unwrap_err();
        assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    }
    write.user_delete("fn", Expect::Anything).await.unwrap();
    write.group_delete("fn", Expect::Anything).await.unwrap();
    write.role_delete("fn", Expect::Anything).await.unwrap();
}

fn filter(scope: PolicyScope, in_use: Option<PolicyUse>) -> PolicyFilter {
    PolicyFilter {
        scope,
        path: "/".to_owned(),
        in_use,
    }
}

async fn aws_managed_policies_are_there_from_the_beginning(rig: Rig) {
    let write = rig.write().await;
    // An operator's policy may have the same short name.
    write
        .policy_create(policy("AdministratorAccess"))
        .await
        .unwrap();
    write.commit().await.unwrap();
    let page = Page::first(100);
    let own = rig.store.policy_list(&page).await.unwrap().items;
    assert_eq!(own.len(), 1);
    assert!(!own[0].is_aws_managed());
    let managed = filter(PolicyScope::AwsManaged, None);
    let managed = rig
        .store
        .policy_list_where(&managed, &page)
        .await
        .unwrap()
        .items;
    assert_eq!(managed.len(), 10);
    assert!(managed.iter().all(PolicyRow::is_aws_managed));
    let all = filter(PolicyScope::All, None);
    let all = rig
        .store
        .policy_list_where(&all, &page)
        .await
        .unwrap()
        .items;
    assert_eq!(all.len(), 11);
    let arn = format!("{AWS_MANAGED}AdministratorAccess");
    let row = rig.store.policy_get(&arn).await.unwrap();
    assert_eq!(
        (row.short_name(), row.default_version),
        ("AdministratorAccess", 1)
    );
}

async fn policies_tell_who_uses_them(rig: Rig) {
    let write = rig.write().await;
    write.user_create(user("fn", "/a/")).await.unwrap();
    write.group_create(group("apps")).await.unwrap();
    write.role_create(role("job")).await.unwrap();
    let row = write.policy_create(policy("connect")).await.unwrap();
    write.policy_create(policy("unused")).await.unwrap();
    for (to, name) in [
        (AttachTo::User, "fn"),
        (AttachTo::Group, "apps"),
        (AttachTo::Role, "job"),
    ] {
        write.attachment_put(to, name, "connect").await.unwrap();
    }
    assert_eq!(
        write.attachment_count(AttachTo::User, "fn").await.unwrap(),
        1
    );
    write
        .role_boundary_set("job", Expect::Anything, Some("connect"))
        .await
        .unwrap();
    write.commit().await.unwrap();
    let usage = rig
        .store
        .policy_usage(std::slice::from_ref(&row.id))
        .await
        .unwrap();
    let wanted = PolicyUsage {
        attachments: 3,
        boundaries: 1,
    };
    assert_eq!(usage.get(&row.id), Some(&wanted));
    for (in_use, wanted) in [
        (PolicyUse::Permissions, vec!["apps", "job", "fn"]),
        (PolicyUse::Boundary, vec!["job"]),
    ] {
        let filter = filter(PolicyScope::All, Some(in_use));
        let listed = rig
            .store
            .policy_list_where(&filter, &Page::first(9))
            .await
            .unwrap();
        assert_eq!(listed.items.len(), 1);
        let entities = rig.store.policy_entities("connect", in_use).await.unwrap();
        let names: Vec<&str> = entities.iter().map(|entity| entity.name.as_str()).collect();
        assert_eq!(names, wanted);
    }
}

async fn policies_carry_tags(rig: Rig) {
    let write = rig.write().await;
    let row = write.policy_create(policy("connect")).await.unwrap();
    assert_eq!(row.tags, tags(&[("team", "shop")]));
    write
        .tag_set(TagKind::Policy, &row.id, &tags(&[("stage", "test")]))
        .await
        .unwrap();
    assert_eq!(write.policy_version_count("connect").await.unwrap(), 1);
    write.commit().await.unwrap();
    let wanted = tags(&[("stage", "test"), ("team", "shop")]);
    assert_eq!(rig.store.policy_get("connect").await.unwrap().tags, wanted);
    let everything = rig.store.everything().await.unwrap();
    let found = everything.policies.iter().find(|row| row.name == "connect");
    assert_eq!(found.unwrap().tags, wanted);
    let write = rig.write().await;
    write
        .policy_delete("connect", Expect::Anything)
        .await
        .unwrap();
    write.commit().await.unwrap();
    let left = rig.store.tag_list(TagKind::Policy, &row.id).await.unwrap();
    assert!(left.is_empty());
}

async fn oidc_providers_come_change_and_go(rig: Rig) {
    let new = || NewOidcProvider {
        url: "idp.example/a".to_owned(),
        client_ids: vec!["app".to_owned()],
        thumbprints: Vec::new(),
        tags: tags(&[("team", "shop")]),
    };
    let write = rig.write().await;
    write.oidc_provider_create(new()).await.unwrap();
    let error = write.oidc_provider_create(new()).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::AlreadyExists {
                kind: Kind::OidcProvider,
                ..
            }
        ),
        "{error}"
    );
    let (ids, prints) = (["app".to_owned(), "job".to_owned()], ["f".repeat(40)]);
    write
        .oidc_provider_update("idp.example/a", &ids, &prints)
        .await
        .unwrap();
    write.commit().await.unwrap();
    let row = rig.store.oidc_provider_get("idp.example/a").await.unwrap();
    assert_eq!(
        (row.client_ids.as_slice(), row.thumbprints.as_slice()),
        (&ids[..], &prints[..])
    );
    assert_eq!((row.tags.len(), row.generation), (1, 2));
    assert_eq!(rig.store.oidc_provider_list().await.unwrap(), [row]);
    let write = rig.write().await;
    write.oidc_provider_delete("idp.example/a").await.unwrap();
    let error = write
        .oidc_provider_delete("idp.example/a")
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    let fresh = NewOidcProvider {
        tags: Tags::new(),
        ..new()
    };
    let row = write.oidc_provider_create(fresh).await.unwrap();
    assert!(row.tags.is_empty());
}
