//! Databases, secrets and tags: made, found, changed, kept while in use, gone.

use tollgate_store::{
    DatabaseUpdate, Expect, Kind, Page, SecretRow, SecretStage, SecretUpdate, StoreError, TagKind,
    limit,
};
use tollgate_types::{TargetTls, TlsMode};

use crate::rig::{NOW, Rig, database, proxy, proxy_id, secret, tags, target, version};

on_both_engines!(
    a_database_is_found_by_name_and_by_id,
    a_taken_name_tells_who_has_it,
    a_stale_generation_changes_nothing,
    a_changed_database_reaches_its_proxies,
    a_database_in_use_stays,
    a_deleted_name_can_be_used_again,
    rotation_moves_the_labels,
    labels_move_and_what_had_the_current_one_becomes_the_previous,
    versions_without_labels_are_bounded,
    versions_of_two_secrets_may_have_the_same_id,
    a_deletion_can_be_taken_back_until_it_is_due,
    a_secret_may_wait_for_its_first_value,
    a_rotated_secret_reaches_its_proxies,
    a_secret_in_use_stays,
    a_secret_that_comes_later_reaches_the_waiting_proxy,
    tags_are_set_one_by_one,
    tags_have_a_limit,
    tags_do_not_outlive_their_resource,
    what_is_not_there_is_named,
);

fn moved() -> DatabaseUpdate {
    DatabaseUpdate {
        host: "db.internal".to_owned(),
        port: 6432,
        tls: TargetTls {
            mode: TlsMode::VerifyFull,
            ca_pem: Some("PEM".to_owned()),
        },
    }
}

async fn a_database_is_found_by_name_and_by_id(rig: Rig) {
    let write = rig.write().await;
    let mut new = database("orders-db");
    new.tags = tags(&[("team", "shop")]);
    let made = write.database_create(new).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(made.generation, 1);
    assert_eq!(made.created_at, NOW);
    assert_eq!(made.tags, tags(&[("team", "shop")]));
    assert_eq!(rig.store.database_get("orders-db").await.unwrap(), made);
    assert_eq!(rig.store.database_get("db-orders-db").await.unwrap(), made);
    let listed = rig.store.database_list(&Page::first(10)).await.unwrap();
    assert_eq!(listed.items, [made]);
}

async fn a_taken_name_tells_who_has_it(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    let mut again = database("orders-db");
    again.id = "db-other".to_owned();
    let error = write.database_create(again).await.unwrap_err();
    let StoreError::AlreadyExists {
        kind, existing_id, ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (kind, existing_id.as_str()),
        (Kind::Database, "db-orders-db")
    );
    // The refusal does not spoil the transaction.
    write.commit().await.unwrap();
    assert!(rig.store.database_get("orders-db").await.is_ok());
}

async fn a_stale_generation_changes_nothing(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    let updated = write
        .database_update("orders-db", Expect::Generation(1), moved())
        .await
        .unwrap();
    assert_eq!(updated.generation, 2);
    let stale = write
        .database_update("orders-db", Expect::Generation(1), moved())
        .await;
    assert!(matches!(
        stale,
        Err(StoreError::PreconditionFailed { current: 2, .. })
    ));
    let stale = write
        .database_delete("orders-db", Expect::Generation(1))
        .await;
    assert!(matches!(
        stale,
        Err(StoreError::PreconditionFailed { current: 2, .. })
    ));
    write
        .database_update("orders-db", Expect::Anything, moved())
        .await
        .unwrap();
    write.commit().await.unwrap();
    let now = rig.store.database_get("orders-db").await.unwrap();
    assert_eq!((now.generation, now.port), (3, 6432));
    assert_eq!(now.tls, moved().tls);
}

async fn a_changed_database_reaches_its_proxies(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    write.proxy_create(proxy(2, "bills")).await.unwrap();
    write
        .target_register("orders", target(1, "orders-db"))
        .await
        .unwrap();
    let before = write.proxy_get("orders").await.unwrap().generation;
    write
        .database_update("orders-db", Expect::Anything, moved())
        .await
        .unwrap();
    assert_eq!(
        write.proxy_get("orders").await.unwrap().generation,
        before + 1
    );
    assert_eq!(write.proxy_get("bills").await.unwrap().generation, 1);
}

async fn a_database_in_use_stays(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    write
        .target_register("orders", target(1, "orders-db"))
        .await
        .unwrap();
    let error = write
        .database_delete("orders-db", Expect::Anything)
        .await
        .unwrap_err();
    let StoreError::InUse { by, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(by, ["proxy orders"]);
    write
        .target_deregister("orders", "orders-db")
        .await
        .unwrap();
    write
        .database_delete("orders-db", Expect::Anything)
        .await
        .unwrap();
}

async fn a_deleted_name_can_be_used_again(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    write
        .database_delete("orders-db", Expect::Generation(1))
        .await
        .unwrap();
    assert!(matches!(
        write.database_delete("orders-db", Expect::Anything).await,
        Err(StoreError::NotFound { .. })
    ));
    write.database_create(database("orders-db")).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(
        rig.store
            .database_get("orders-db")
            .await
            .unwrap()
            .generation,
        1
    );
}

async fn rotation_moves_the_labels(rig: Rig) {
    let write = rig.write().await;
    let made = write.secret_create(secret("orders-app")).await.unwrap();
    assert_eq!(made.version_id.as_deref(), Some("orders-app-1"));
    for (number, expect) in [(2, Expect::Generation(1)), (3, Expect::Anything)] {
        let next = version(&format!("orders-app-{number}"), "app2");
        write
            .secret_put_value("orders-app", expect, next)
            .await
            .unwrap();
    }
    write.commit().await.unwrap();
    let values = rig.store.secret_versions("orders-app").await.unwrap();
    let stages: Vec<_> = values
        .iter()
        .map(|value| (value.stages.join(" "), value.sealed.as_str()))
        .collect();
    assert_eq!(
        stages,
        [
            ("AWSCURRENT".to_owned(), "sealed orders-app-3"),
            ("AWSPREVIOUS".to_owned(), "sealed orders-app-2"),
            (String::new(), "sealed orders-app-1"),
        ]
    );
    let row = rig.store.secret_get("sec-orders-app").await.unwrap();
    assert_eq!((row.generation, row.username.as_deref()), (3, Some("app2")));
    let listed = rig.store.secret_list(&Page::first(10)).await.unwrap();
    assert_eq!(listed.items, [row]);
    let everything = rig.store.everything().await.unwrap();
    assert_eq!(everything.secrets, listed.items);
    assert_eq!(everything.secret_versions, values[..2]);
}

fn labels(row: &SecretRow) -> Vec<(String, String)> {
    let pairs = row.stages.iter();
    pairs
        .map(|(version, labels)| (version.clone(), labels.join(" ")))
        .collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = of.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
    owned.collect()
}

async fn labels_move_and_what_had_the_current_one_becomes_the_previous(rig: Rig) {
    let write = rig.write().await;
    write.secret_create(secret("a")).await.unwrap();
    let pending = ["AWSPENDING".to_owned()];
    let row = write
        .secret_version_put("a", version("a-2", "app"), &pending)
        .await
        .unwrap();
    assert_eq!(
        labels(&row),
        pairs(&[("a-1", "AWSCURRENT"), ("a-2", "AWSPENDING")])
    );
    let current = SecretStage::Current.as_str();
    let row = write
        .secret_stage_set("a", current, Some("a-2"))
        .await
        .unwrap();
    let moved = pairs(&[("a-1", "AWSPREVIOUS"), ("a-2", "AWSCURRENT AWSPENDING")]);
    assert_eq!(labels(&row), moved);
    let row = write
        .secret_stage_set("a", current, Some("a-2"))
        .await
        .unwrap();
    assert_eq!(labels(&row), moved);
    let row = write
        .secret_stage_set("a", "AWSPENDING", None)
        .await
        .unwrap();
    assert_eq!(
        labels(&row),
        pairs(&[("a-1", "AWSPREVIOUS"), ("a-2", "AWSCURRENT")])
    );
    for number in 0..limit::STAGES_PER_VERSION - 1 {
        let label = format!("L{number}");
        write
            .secret_stage_set("a", &label, Some("a-2"))
            .await
            .unwrap();
    }
    let error = write
        .secret_stage_set("a", "one-too-many", Some("a-2"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::LimitExceeded { .. }), "{error}");
}

async fn versions_without_labels_are_bounded(rig: Rig) {
    let write = rig.write().await;
    write.secret_create(secret("a")).await.unwrap();
    for number in 2..limit::VERSIONS_UNSTAGED + 5 {
        let next = version(&format!("a-{number:04}"), "app");
        write
            .secret_put_value("a", Expect::Anything, next)
            .await
            .unwrap();
    }
    write.commit().await.unwrap();
    let kept = rig.store.secret_versions("a").await.unwrap();
    assert_eq!(kept.len(), limit::VERSIONS_UNSTAGED + 2);
}

async fn versions_of_two_secrets_may_have_the_same_id(rig: Rig) {
    let write = rig.write().await;
    for name in ["a", "b"] {
        let mut new = secret(name);
        new.version = Some(version("same", name));
        write.secret_create(new).await.unwrap();
    }
    write
        .secret_put_value("a", Expect::Anything, version("next", "a"))
        .await
        .unwrap();
    write
        .secret_put_value("a", Expect::Anything, version("last", "a"))
        .await
        .unwrap();
    write.commit().await.unwrap();
    let everything = rig.store.everything().await.unwrap();
    let used: Vec<_> = everything
        .secret_versions
        .iter()
        .map(|row| (row.secret_id.as_str(), row.id.as_str()))
        .collect();
    assert_eq!(
        used,
        [("sec-a", "last"), ("sec-a", "next"), ("sec-b", "same")]
    );
}

async fn a_deletion_can_be_taken_back_until_it_is_due(rig: Rig) {
    let write = rig.write().await;
    write.secret_create(secret("a")).await.unwrap();
    let marked = write.secret_delete_request("a", NOW + 5).await.unwrap();
    let deletion = marked.deletion.unwrap();
    assert_eq!((deletion.requested_at, deletion.due_at), (NOW, NOW + 5));
    let is_deleted =
        |error: StoreError| assert!(matches!(error, StoreError::BeingDeleted { .. }), "{error}");
    let next = version("a-2", "app");
    is_deleted(
        write
            .secret_put_value("a", Expect::Anything, next)
            .await
            .unwrap_err(),
    );
    is_deleted(write.secret_create(secret("a")).await.unwrap_err());
    is_deleted(write.secret_delete_request("a", NOW).await.unwrap_err());
    write.secret_delete_due("sec-a").await.unwrap();
    let restored = write.secret_restore("a").await.unwrap();
    assert_eq!(restored.deletion, None);
    write.secret_delete_due("sec-a").await.unwrap();
    write.secret_get("a").await.unwrap();
    write.secret_delete_request("a", NOW).await.unwrap();
    write.secret_delete_due("sec-a").await.unwrap();
    write.commit().await.unwrap();
    let error = rig.store.secret_get("a").await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
}

async fn a_secret_may_wait_for_its_first_value(rig: Rig) {
    let write = rig.write().await;
    let mut new = secret("a");
    new.version = None;
    let row = write.secret_create(new).await.unwrap();
    assert_eq!(
        (row.version_id, row.username, row.rotated_at),
        (None, None, None)
    );
    let pending = ["AWSPENDING".to_owned()];
    let row = write
        .secret_version_put("a", version("first", "app"), &pending)
        .await
        .unwrap();
    assert_eq!(labels(&row), pairs(&[("first", "AWSCURRENT AWSPENDING")]));
    let changed = SecretUpdate {
        description: Some("new".to_owned()),
        kms_key_id: Some("alias/k".to_owned()),
        resource_policy: Some(Some("{}".to_owned())),
    };
    let row = write.secret_update("a", changed).await.unwrap();
    assert_eq!(row.resource_policy.as_deref(), Some("{}"));
    let none = SecretUpdate {
        resource_policy: Some(None),
        ..SecretUpdate::default()
    };
    let row = write.secret_update("a", none).await.unwrap();
    assert_eq!(
        (
            row.resource_policy,
            row.description.as_str(),
            row.kms_key_id.as_deref()
        ),
        (None, "new", Some("alias/k"))
    );
}

async fn a_rotated_secret_reaches_its_proxies(rig: Rig) {
    let write = rig.write().await;
    write.secret_create(secret("orders-app")).await.unwrap();
    write.secret_create(secret("other")).await.unwrap();
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    let next = version("other-2", "app");
    write
        .secret_put_value("other", Expect::Anything, next)
        .await
        .unwrap();
    assert_eq!(write.proxy_get("orders").await.unwrap().generation, 1);
    let next = version("orders-app-2", "app");
    write
        .secret_put_value("orders-app", Expect::Anything, next)
        .await
        .unwrap();
    assert_eq!(write.proxy_get("orders").await.unwrap().generation, 2);
}

async fn a_secret_in_use_stays(rig: Rig) {
    let write = rig.write().await;
    write.secret_create(secret("orders-app")).await.unwrap();
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    let error = write
        .secret_delete("orders-app", Expect::Anything)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StoreError::InUse { by, .. } if by == &["proxy orders"]),
        "{error}"
    );
    write
        .proxy_delete_request("orders", Expect::Anything, NOW)
        .await
        .unwrap();
    write
        .secret_delete("orders-app", Expect::Anything)
        .await
        .unwrap();
    write.commit().await.unwrap();
    let everything = rig.store.everything().await.unwrap();
    assert!(everything.secrets.is_empty() && everything.secret_versions.is_empty());
}

async fn a_secret_that_comes_later_reaches_the_waiting_proxy(rig: Rig) {
    let write = rig.write().await;
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    write.secret_create(secret("orders-app")).await.unwrap();
    assert_eq!(write.proxy_get("orders").await.unwrap().generation, 2);
}

async fn tags_are_set_one_by_one(rig: Rig) {
    let write = rig.write().await;
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    let id = proxy_id(1);
    let first = tags(&[("team", "shop"), ("stage", "test")]);
    write
        .tag_set(TagKind::Proxy, id.as_str(), &first)
        .await
        .unwrap();
    let second = tags(&[("stage", "live")]);
    let all = write
        .tag_set(TagKind::Proxy, id.as_str(), &second)
        .await
        .unwrap();
    assert_eq!(all, tags(&[("stage", "live"), ("team", "shop")]));
    let keys = ["team".to_owned(), "absent".to_owned()];
    let left = write
        .tag_remove(TagKind::Proxy, id.as_str(), &keys)
        .await
        .unwrap();
    assert_eq!(left, second);
    write.commit().await.unwrap();
    let row = rig.store.proxy_get("orders").await.unwrap();
    assert_eq!((row.tags, row.generation), (second.clone(), 4));
    let alone = rig
        .store
        .tag_list(TagKind::Proxy, id.as_str())
        .await
        .unwrap();
    assert_eq!(alone, second);
}

async fn tags_have_a_limit(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    let many = (0..limit::TAGS_PER_RESOURCE).map(|number| (format!("key{number}"), String::new()));
    let id = "db-orders-db";
    write
        .tag_set(TagKind::Database, id, &many.collect())
        .await
        .unwrap();
    // One that is there already may still change.
    write
        .tag_set(TagKind::Database, id, &tags(&[("key0", "new")]))
        .await
        .unwrap();
    let error = write
        .tag_set(TagKind::Database, id, &tags(&[("one", "more")]))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::LimitExceeded { limit: 50, .. }),
        "{error}"
    );
}

async fn tags_do_not_outlive_their_resource(rig: Rig) {
    let write = rig.write().await;
    let mut new = database("orders-db");
    new.tags = tags(&[("team", "shop")]);
    write.database_create(new).await.unwrap();
    write
        .database_delete("orders-db", Expect::Anything)
        .await
        .unwrap();
    let again = write.database_create(database("orders-db")).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(rig.store.database_get("orders-db").await.unwrap(), again);
    assert!(again.tags.is_empty());
}

async fn what_is_not_there_is_named(rig: Rig) {
    let error = rig.store.database_get("nope").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no database `nope`");
    let error = rig.store.secret_versions("nope").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no secret `nope`");
    let error = rig.store.target_group_get("nope").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no proxy `nope`");
}
