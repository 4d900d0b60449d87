//! Proxies with their groups, targets and endpoints: generations, statuses, ports, the two-step deletion.

use tollgate_store::{
    EndpointNetwork, EndpointUpdate, Expect, Kind, NewEndpoint, NewProxy, Outcome, Page,
    ProxyNetwork, ProxyStatusChange, ProxyUpdate, StoreError, TagKind, limit,
};
use tollgate_types::{
    Condition, ConditionStatus, ConditionType, HealthState, NetworkType, PoolPolicy, ProxyStatus,
    TargetHealth, TargetRole,
};

use crate::rig::{NOW, Rig, database, proxy, proxy_id, rule, tags, target, target_id};

on_both_engines!(
    a_new_proxy_has_a_group_and_an_endpoint,
    a_changed_proxy_is_modifying,
    every_part_raises_the_generation,
    a_status_is_written_only_where_it_was_computed,
    of_two_status_writers_one_wins,
    a_proxy_being_deleted_takes_no_changes,
    a_removed_proxy_leaves_nothing,
    a_proxy_that_serves_cannot_be_removed,
    a_target_is_registered_once,
    health_is_kept,
    endpoints_get_the_lowest_free_port,
    ports_run_out,
    endpoints_have_a_limit,
    the_default_endpoint_stays,
    auth_rules_have_a_limit,
    a_renamed_proxy_is_the_same_proxy,
    a_renamed_endpoint_is_the_same_to_data_planes,
    tags_go_with_their_endpoint,
    where_a_proxy_is_comes_back,
);

fn endpoint(name: &str) -> NewEndpoint {
    NewEndpoint {
        id: format!("ep-{name}"),
        name: name.to_owned(),
        target_role: TargetRole::ReadOnly,
        aliases: vec!["orders.example.com".to_owned()],
        ports: 7500..=7599,
        network: EndpointNetwork::default(),
        tags: tags(&[("for", name)]),
    }
}

fn available(generation: u64, from: ProxyStatus) -> ProxyStatusChange {
    ProxyStatusChange {
        id: proxy_id(1),
        expected_generation: generation,
        expected_status: from,
        status: ProxyStatus::Available,
        status_reason: "it listens".to_owned(),
        conditions: vec![Condition {
            kind: ConditionType::Available,
            status: ConditionStatus::True,
            reason: "Listening".to_owned(),
            message: String::new(),
            observed_generation: generation,
            last_transition_unix: NOW,
        }],
        observed_generation: generation,
    }
}

async fn with_proxy(rig: &Rig) {
    let write = rig.write().await;
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    write.commit().await.unwrap();
}

async fn a_new_proxy_has_a_group_and_an_endpoint(rig: Rig) {
    with_proxy(&rig).await;
    let row = rig.store.proxy_get("orders").await.unwrap();
    assert_eq!((row.status, row.generation), (ProxyStatus::Creating, 1));
    assert_eq!(row.auth, [rule("orders-app")]);
    assert_eq!(
        rig.store.proxy_get(proxy_id(1).as_str()).await.unwrap(),
        row
    );
    let group = rig.store.target_group_get("orders").await.unwrap();
    assert_eq!(
        (group.name.as_str(), group.pool),
        ("default", PoolPolicy::default())
    );
    let endpoints = rig
        .store
        .endpoint_list("orders", &Page::first(10))
        .await
        .unwrap()
        .items;
    assert_eq!(endpoints.len(), 1);
    assert_eq!(
        (endpoints[0].name.as_str(), endpoints[0].port),
        ("default", 7500)
    );
    assert!(endpoints[0].is_default);
    let write = rig.write().await;
    let error = write.proxy_create(proxy(2, "orders")).await.unwrap_err();
    let taken = proxy_id(1).as_str().to_owned();
    assert!(
        matches!(&error, StoreError::AlreadyExists { existing_id, .. } if *existing_id == taken),
        "{error}"
    );
}

async fn a_changed_proxy_is_modifying(rig: Rig) {
    with_proxy(&rig).await;
    let set = rig
        .store
        .proxy_status_set(&available(1, ProxyStatus::Creating))
        .await
        .unwrap();
    assert_eq!(set, Outcome::Applied);
    let write = rig.write().await;
    let update = ProxyUpdate {
        require_tls: false,
        idle_client_timeout_s: 60,
        auth: vec![rule("a"), rule("b")],
        role_arn: Some("arn:aws:iam::0:role/r".to_owned()),
        debug_logging_since: Some(NOW),
        security_group_ids: vec!["sg-1".to_owned()],
    };
    let row = write
        .proxy_update("orders", Expect::Generation(1), update)
        .await
        .unwrap();
    write.commit().await.unwrap();
    assert_eq!((row.status, row.generation), (ProxyStatus::Modifying, 2));
    assert_eq!(
        (row.require_tls, row.idle_client_timeout_s, row.auth.len()),
        (false, 60, 2)
    );
    // What was observed stays observed.
    assert_eq!((row.observed_generation, row.conditions.len()), (1, 1));
    assert_eq!(rig.store.proxy_get("orders").await.unwrap(), row);
}

async fn every_part_raises_the_generation(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    let mut expected = 1;
    write
        .target_register("orders", target(1, "orders-db"))
        .await
        .unwrap();
    expected += 1;
    assert_eq!(
        write.proxy_get("orders").await.unwrap().generation,
        expected
    );
    let pool = PoolPolicy {
        maximum_pool_size: Some(20),
        ..PoolPolicy::default()
    };
    let group = write
        .target_group_update("orders", Expect::Generation(1), &pool)
        .await
        .unwrap();
    assert_eq!((group.generation, group.pool), (2, pool));
    expected += 1;
    assert_eq!(
        write.proxy_get("orders").await.unwrap().generation,
        expected
    );
    write
        .endpoint_create("orders", endpoint("ro"))
        .await
        .unwrap();
    expected += 1;
    assert_eq!(
        write.proxy_get("orders").await.unwrap().generation,
        expected
    );
    let aliases = EndpointUpdate {
        name: "ro".to_owned(),
        aliases: Vec::new(),
        security_group_ids: Vec::new(),
    };
    write
        .endpoint_update("orders", "ro", Expect::Generation(1), aliases)
        .await
        .unwrap();
    expected += 1;
    write
        .endpoint_delete("orders", "ro", Expect::Generation(2))
        .await
        .unwrap();
    expected += 1;
    write
        .target_deregister("orders", target_id(1).as_str())
        .await
        .unwrap();
    expected += 1;
    let id = proxy_id(1);
    write
        .tag_set(TagKind::Proxy, id.as_str(), &tags(&[("a", "b")]))
        .await
        .unwrap();
    expected += 1;
    assert_eq!(
        write.proxy_get("orders").await.unwrap().generation,
        expected
    );
}

async fn a_status_is_written_only_where_it_was_computed(rig: Rig) {
    with_proxy(&rig).await;
    let revision = rig.store.revision_current().await.unwrap();
    let wrong_status = available(1, ProxyStatus::Modifying);
    let wrong_generation = available(2, ProxyStatus::Creating);
    for change in [wrong_status, wrong_generation] {
        assert_eq!(
            rig.store.proxy_status_set(&change).await.unwrap(),
            Outcome::Lost
        );
    }
    assert_eq!(
        rig.store.proxy_get("orders").await.unwrap().status,
        ProxyStatus::Creating
    );
    let change = available(1, ProxyStatus::Creating);
    assert_eq!(
        rig.store.proxy_status_set(&change).await.unwrap(),
        Outcome::Applied
    );
    let row = rig.store.proxy_get("orders").await.unwrap();
    assert_eq!(
        (row.status, row.observed_generation),
        (ProxyStatus::Available, 1)
    );
    assert_eq!(
        (row.conditions, row.status_reason.as_str()),
        (change.conditions, "it listens")
    );
    assert_eq!(rig.store.revision_current().await.unwrap(), revision);
}

async fn of_two_status_writers_one_wins(rig: Rig) {
    with_proxy(&rig).await;
    let (first, second) = (rig.store.clone(), rig.second());
    let change = available(1, ProxyStatus::Creating);
    let rejected = ProxyStatusChange {
        status: ProxyStatus::IncompatibleNetwork,
        ..change.clone()
    };
    let (one, two) = tokio::join!(
        first.proxy_status_set(&change),
        second.proxy_status_set(&rejected)
    );
    let outcomes = [one.unwrap(), two.unwrap()];
    assert!(outcomes.contains(&Outcome::Applied), "{outcomes:?}");
    assert!(outcomes.contains(&Outcome::Lost), "{outcomes:?}");
}

async fn a_proxy_being_deleted_takes_no_changes(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    let row = write
        .proxy_delete_request("orders", Expect::Generation(1), NOW + 30)
        .await
        .unwrap();
    assert_eq!((row.status, row.generation), (ProxyStatus::Deleting, 2));
    assert_eq!(
        (row.delete_requested_at, row.drain_deadline),
        (Some(NOW), Some(NOW + 30))
    );
    let again = write
        .proxy_delete_request("orders", Expect::Anything, NOW + 99)
        .await
        .unwrap();
    assert_eq!(again, row);
    let refusals = [
        write
            .target_register("orders", target(1, "orders-db"))
            .await
            .err(),
        write.endpoint_create("orders", endpoint("ro")).await.err(),
        write
            .target_group_update("orders", Expect::Anything, &PoolPolicy::default())
            .await
            .err(),
    ];
    for refusal in refusals {
        assert!(
            matches!(
                refusal,
                Some(StoreError::BeingDeleted {
                    kind: Kind::Proxy,
                    ..
                })
            ),
            "{refusal:?}"
        );
    }
}

async fn a_removed_proxy_leaves_nothing(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    let mut new = proxy(1, "orders");
    new.tags = tags(&[("team", "shop")]);
    write.proxy_create(new).await.unwrap();
    write
        .target_register("orders", target(1, "orders-db"))
        .await
        .unwrap();
    write
        .endpoint_create("orders", endpoint("ro"))
        .await
        .unwrap();
    write
        .proxy_delete_request("orders", Expect::Anything, NOW)
        .await
        .unwrap();
    write.proxy_remove(&proxy_id(1)).await.unwrap();
    assert!(matches!(
        write.proxy_remove(&proxy_id(1)).await,
        Err(StoreError::NotFound { .. })
    ));
    // The name, the ids and the ports are free again.
    let again = write.proxy_create(proxy(1, "orders")).await.unwrap();
    assert!(again.tags.is_empty());
    write.commit().await.unwrap();
    let everything = rig.store.everything().await.unwrap();
    assert_eq!(
        (everything.targets.len(), everything.endpoints.len()),
        (0, 1)
    );
    assert_eq!(everything.endpoints[0].port, 7500);
    assert_eq!(everything.target_groups.len(), 1);
}

async fn a_proxy_that_serves_cannot_be_removed(rig: Rig) {
    with_proxy(&rig).await;
    let write = rig.write().await;
    assert!(matches!(
        write.proxy_remove(&proxy_id(1)).await,
        Err(StoreError::InUse { .. })
    ));
}

async fn a_target_is_registered_once(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    let made = write
        .target_register("orders", target(1, "orders-db"))
        .await
        .unwrap();
    assert_eq!(made.health, TargetHealth::registering());
    let error = write
        .target_register("orders", target(2, "db-orders-db"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::AlreadyExists {
                kind: Kind::Target,
                ..
            }
        ),
        "{error}"
    );
    let error = write
        .target_register("orders", target(2, "nope"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NotFound {
                kind: Kind::Database,
                ..
            }
        ),
        "{error}"
    );
    write.commit().await.unwrap();
    for name in [target_id(1).as_str(), "orders-db", "db-orders-db"] {
        assert_eq!(rig.store.target_get("orders", name).await.unwrap(), made);
    }
    let listed = rig
        .store
        .target_list("orders", &Page::first(10))
        .await
        .unwrap();
    assert_eq!(listed.items, [made]);
}

async fn health_is_kept(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    write
        .target_register("orders", target(1, "orders-db"))
        .await
        .unwrap();
    write.commit().await.unwrap();
    let revision = rig.store.revision_current().await.unwrap();
    let health = TargetHealth {
        state: HealthState::Available,
        reason: None,
        role: Some(TargetRole::ReadWrite),
        max_connections: Some(97),
        ..TargetHealth::registering()
    };
    let set = rig
        .store
        .target_health_set(&target_id(1), &health)
        .await
        .unwrap();
    assert_eq!(set, Outcome::Applied);
    let kept = rig.store.target_get("orders", "orders-db").await.unwrap();
    assert_eq!(kept.health, health);
    let gone = rig
        .store
        .target_health_set(&target_id(9), &health)
        .await
        .unwrap();
    assert_eq!(gone, Outcome::Lost);
    assert_eq!(rig.store.revision_current().await.unwrap(), revision);
}

async fn endpoints_get_the_lowest_free_port(rig: Rig) {
    let write = rig.write().await;
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    for (name, port) in [("a", 7501), ("b", 7502), ("c", 7503)] {
        assert_eq!(
            write
                .endpoint_create("orders", endpoint(name))
                .await
                .unwrap()
                .port,
            port
        );
    }
    write
        .endpoint_delete("orders", "b", Expect::Anything)
        .await
        .unwrap();
    assert_eq!(
        write
            .endpoint_create("orders", endpoint("d"))
            .await
            .unwrap()
            .port,
        7502
    );
    let error = write
        .endpoint_create("orders", endpoint("a"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::AlreadyExists {
                kind: Kind::Endpoint,
                ..
            }
        ),
        "{error}"
    );
    write.commit().await.unwrap();
    let one = rig.store.endpoint_get("orders", "d").await.unwrap();
    assert_eq!(one.aliases, ["orders.example.com"]);
    let ids = [proxy_id(1).as_str().to_owned()];
    let all = rig.store.endpoint_list_of(&ids).await.unwrap();
    let names: Vec<&str> = all.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["a", "c", "d", "default"]);
}

async fn ports_run_out(rig: Rig) {
    let write = rig.write().await;
    let mut first = proxy(1, "orders");
    first.endpoint_ports = 7500..=7500;
    write.proxy_create(first).await.unwrap();
    let mut second = proxy(2, "bills");
    second.endpoint_ports = 7500..=7500;
    let error = write.proxy_create(second).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "every endpoint port from 7500 to 7500 is taken"
    );
}

async fn endpoints_have_a_limit(rig: Rig) {
    let write = rig.write().await;
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    for number in 1..limit::ENDPOINTS_PER_PROXY {
        write
            .endpoint_create("orders", endpoint(&format!("e{number}")))
            .await
            .unwrap();
    }
    let error = write
        .endpoint_create("orders", endpoint("more"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::LimitExceeded { limit: 20, .. }),
        "{error}"
    );
}

async fn the_default_endpoint_stays(rig: Rig) {
    let write = rig.write().await;
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    let error = write
        .endpoint_delete("orders", "default", Expect::Anything)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::InUse {
                kind: Kind::Endpoint,
                ..
            }
        ),
        "{error}"
    );
}

async fn auth_rules_have_a_limit(rig: Rig) {
    let write = rig.write().await;
    let mut new = proxy(1, "orders");
    new.auth = vec![rule("a"); limit::AUTH_RULES_PER_PROXY + 1];
    let error = write.proxy_create(new.clone()).await.unwrap_err();
    assert!(
        matches!(error, StoreError::LimitExceeded { limit: 200, .. }),
        "{error}"
    );
    new.auth.pop();
    assert!(write.proxy_create(new).await.is_ok());
}

async fn a_renamed_proxy_is_the_same_proxy(rig: Rig) {
    with_proxy(&rig).await;
    let write = rig.write().await;
    write.proxy_create(proxy(2, "bills")).await.unwrap();
    let taken = write.proxy_rename("orders", "bills").await.unwrap_err();
    assert!(
        matches!(taken, StoreError::AlreadyExists { existing_id, .. } if existing_id == proxy_id(2).as_str())
    );
    let same = write.proxy_rename("orders", "orders").await.unwrap();
    assert_eq!(same.generation, 1);
    let row = write.proxy_rename("orders", "sales").await.unwrap();
    write.commit().await.unwrap();
    assert_eq!((row.id, row.generation), (proxy_id(1), 2));
    assert_eq!(row.name, "sales");
    let gone = rig.store.proxy_get("orders").await.unwrap_err();
    assert!(matches!(gone, StoreError::NotFound { .. }));
    assert_eq!(
        rig.store
            .endpoint_get("sales", "default")
            .await
            .unwrap()
            .proxy_id,
        proxy_id(1).as_str()
    );
}

async fn a_renamed_endpoint_is_the_same_to_data_planes(rig: Rig) {
    with_proxy(&rig).await;
    let write = rig.write().await;
    let made = write
        .endpoint_create("orders", endpoint("ro"))
        .await
        .unwrap();
    let update = |name: &str| EndpointUpdate {
        name: name.to_owned(),
        aliases: Vec::new(),
        security_group_ids: vec!["sg-1".to_owned()],
    };
    let taken = write
        .endpoint_update("orders", "ro", Expect::Anything, update("default"))
        .await
        .unwrap_err();
    assert!(matches!(taken, StoreError::AlreadyExists { .. }));
    let renamed = write
        .endpoint_update("orders", "ro", Expect::Anything, update("reports"))
        .await
        .unwrap();
    assert_eq!((renamed.label.as_str(), renamed.port), ("ro", made.port));
    assert_eq!(renamed.network.security_group_ids, ["sg-1"]);
    let again = NewEndpoint {
        id: "another".to_owned(),
        ..endpoint("ro")
    };
    let again = write.endpoint_create("orders", again).await.unwrap();
    assert_eq!(again.label, "another");
    write.commit().await.unwrap();
    let named = rig.store.endpoint_list_named("reports").await.unwrap();
    assert_eq!(named, std::slice::from_ref(&renamed));
    assert_eq!(rig.store.endpoint_by_id(&made.id).await.unwrap(), renamed);
    let page = Page::first(2);
    let all = rig.store.endpoint_list_all(&page).await.unwrap();
    assert_eq!(all.items.len(), 2);
    let rest = page.after(all.next.unwrap());
    let rest = rig.store.endpoint_list_all(&rest).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
    let defaults = rig.store.endpoint_list_named("default").await.unwrap();
    assert_eq!(defaults, []);
}

async fn tags_go_with_their_endpoint(rig: Rig) {
    with_proxy(&rig).await;
    let write = rig.write().await;
    let made = write
        .endpoint_create("orders", endpoint("ro"))
        .await
        .unwrap();
    let group = proxy_id(1);
    write
        .tag_set(TagKind::TargetGroup, group.as_str(), &tags(&[("a", "b")]))
        .await
        .unwrap();
    write.commit().await.unwrap();
    let of_endpoint = || rig.store.tag_list(TagKind::Endpoint, &made.id);
    assert_eq!(of_endpoint().await.unwrap(), tags(&[("for", "ro")]));
    let write = rig.write().await;
    write
        .endpoint_delete("orders", "ro", Expect::Anything)
        .await
        .unwrap();
    write
        .proxy_delete_request("orders", Expect::Anything, NOW)
        .await
        .unwrap();
    write.proxy_remove(&group).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(of_endpoint().await.unwrap(), tags(&[]));
    let left = rig.store.tag_list(TagKind::TargetGroup, group.as_str());
    assert_eq!(left.await.unwrap(), tags(&[]));
}

async fn where_a_proxy_is_comes_back(rig: Rig) {
    let network = ProxyNetwork {
        subnet_ids: vec!["subnet-b".to_owned(), "subnet-a".to_owned()],
        security_group_ids: vec!["sg-1".to_owned()],
        endpoint_type: NetworkType::Dual,
        target_type: NetworkType::Ipv6,
    };
    let new = NewProxy {
        role_arn: Some("arn:aws:iam::0:role/r".to_owned()),
        debug_logging_since: Some(NOW),
        network,
        ..proxy(1, "orders")
    };
    let write = rig.write().await;
    let made = write.proxy_create(new.clone()).await.unwrap();
    write.commit().await.unwrap();
    let row = rig.store.proxy_get("orders").await.unwrap();
    assert_eq!(row, made);
    assert_eq!(
        (row.network, row.role_arn, row.debug_logging_since),
        (new.network, new.role_arn, new.debug_logging_since)
    );
}
