//! Security groups and their rules: what is there from the start, what cannot be twice, what cannot go.

use tollgate_store::{
    DEFAULT_SECURITY_GROUP, Kind, NewProxy, NewSecurityGroup, NewSecurityGroupRule, ProxyNetwork,
    StoreError, TagKind, Tags,
};
use tollgate_types::{IpProtocol, Permission, RuleSource, Traffic};

use crate::rig::{Rig, proxy, secret, tags};

on_both_engines!(
    the_default_group_lets_everybody_in_and_stays,
    rules_come_change_and_go,
    a_group_in_use_stays,
);

fn group(name: &str) -> NewSecurityGroup {
    NewSecurityGroup {
        id: format!("sg-{name}"),
        name: name.to_owned(),
        description: "for a test".to_owned(),
        tags: tags(&[("team", "shop")]),
    }
}

fn permission(port: i32, source: &str) -> Permission {
    let (ports, source) = ((Some(port), Some(port)), source.parse().unwrap());
    Permission::new(Traffic::Ingress, IpProtocol::Tcp, ports, source).unwrap()
}

fn rule(id: &str, permission: Permission) -> NewSecurityGroupRule {
    NewSecurityGroupRule {
        id: id.to_owned(),
        permission,
        description: "office".to_owned(),
        tags: Tags::new(),
    }
}

async fn the_default_group_lets_everybody_in_and_stays(rig: Rig) {
    let row = rig
        .store
        .security_group_get(DEFAULT_SECURITY_GROUP)
        .await
        .unwrap();
    assert!(row.is_default);
    let admitted = row
        .rules
        .iter()
        .filter_map(|rule| rule.permission.client_network(5432));
    assert_eq!(admitted.count(), 2);
    let everything = rig.store.everything().await.unwrap();
    assert_eq!(everything.security_groups, [row]);
    let write = rig.write().await;
    let kept = write.security_group_delete(DEFAULT_SECURITY_GROUP).await;
    assert!(matches!(kept, Err(StoreError::InUse { .. })), "{kept:?}");
}

/// What there was already.
fn exists_already<T: std::fmt::Debug>(said: Result<T, StoreError>) -> Kind {
    match said {
        Err(StoreError::AlreadyExists { kind, .. }) => kind,
        said => panic!("{said:?}"),
    }
}

async fn rules_come_change_and_go(rig: Rig) {
    let write = rig.write().await;
    write.security_group_create(group("0a")).await.unwrap();
    let again = write.security_group_create(group("0a")).await;
    assert_eq!(exists_already(again), Kind::SecurityGroup);
    let first = rule("sgr-1", permission(5432, "10.0.0.0/8"));
    let made = write.security_group_rule_create("sg-0a", first.clone());
    let made = made.await.unwrap();
    let twice = NewSecurityGroupRule {
        id: "sgr-2".to_owned(),
        ..first
    };
    let twice = write.security_group_rule_create("sg-0a", twice).await;
    assert_eq!(exists_already(twice), Kind::SecurityGroupRule);
    let other = rule("sgr-2", permission(5432, "sg-0a"));
    write
        .security_group_rule_create("sg-0a", other)
        .await
        .unwrap();
    write.commit().await.unwrap();
    assert_eq!(
        rig.store.security_group_rule_get("sgr-1").await.unwrap(),
        made
    );
    let write = rig.write().await;
    let taken = permission(5432, "sg-0a");
    let taken = write.security_group_rule_update("sgr-1", &taken, "").await;
    assert_eq!(exists_already(taken), Kind::SecurityGroupRule);
    let changed = permission(5432, "fd00::/8");
    write
        .security_group_rule_update("sgr-1", &changed, "home")
        .await
        .unwrap();
    write.security_group_rule_delete("sgr-2").await.unwrap();
    write.commit().await.unwrap();
    let row = rig.store.security_group_get("sg-0a").await.unwrap();
    let [left] = row.rules.as_slice() else {
        panic!("{row:?}");
    };
    assert_eq!(
        (&left.permission, left.description.as_str()),
        (&changed, "home")
    );
    assert_eq!(row.tags, tags(&[("team", "shop")]));
    let write = rig.write().await;
    write.security_group_delete("sg-0a").await.unwrap();
    write.commit().await.unwrap();
    let left = rig.store.tag_list(TagKind::SecurityGroup, "sg-0a").await;
    assert!(left.unwrap().is_empty());
    let gone = rig.store.security_group_rule_get("sgr-1").await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
}

async fn a_group_in_use_stays(rig: Rig) {
    let write = rig.write().await;
    for name in ["0a", "0b"] {
        write.security_group_create(group(name)).await.unwrap();
    }
    let of_group = rule("sgr-1", permission(5432, "sg-0b"));
    write
        .security_group_rule_create("sg-0a", of_group)
        .await
        .unwrap();
    write.secret_create(secret("orders-app")).await.unwrap();
    let network = ProxyNetwork {
        security_group_ids: vec!["sg-0a".to_owned()],
        ..ProxyNetwork::default()
    };
    let new = NewProxy {
        network,
        ..proxy(1, "orders")
    };
    write.proxy_create(new).await.unwrap();
    for (id, user) in [("sg-0a", "proxy orders"), ("sg-0b", "a rule of sg-0a")] {
        let error = write.security_group_delete(id).await.unwrap_err();
        let StoreError::InUse { by, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(by, [user]);
    }
    let source = RuleSource::Group("sg-0b".to_owned());
    let row = write.security_group_rule_get("sgr-1").await.unwrap();
    assert_eq!(row.permission.source, source);
}
