//! Target groups and targets.

use super::{World, element, elements, good, refused};

const PROXY: (&str, &str) = ("DBProxyName", "orders");
const GROUP: (&str, &str) = ("TargetGroupName", "default");

async fn world() -> World {
    let world = World::new().await;
    let secret = world.with_role().await;
    world.rds_proxy("orders", &secret).await;
    world.database("orders-db").await;
    world.database("reports-db").await;
    world
}

#[tokio::test]
async fn the_only_group_has_the_proxys_letters_and_awss_defaults() {
    let world = world().await;
    let shown = good(&world, "DescribeDBProxyTargetGroups", &[PROXY]).await;
    for (name, value) in [
        ("DBProxyName", "orders"),
        ("TargetGroupName", "default"),
        ("IsDefault", "true"),
        ("Status", "available"),
        ("MaxConnectionsPercent", "100"),
        ("MaxIdleConnectionsPercent", "50"),
        ("ConnectionBorrowTimeout", "120"),
    ] {
        assert_eq!(element(&shown, name), value, "{name}");
    }
    assert!(shown.contains("<SessionPinningFilters/>") && !shown.contains("InitQuery"));
    let proxy = good(&world, "DescribeDBProxies", &[PROXY]).await;
    let letters = element(&proxy, "DBProxyArn").rsplit('-').next().unwrap();
    let arn = element(&shown, "TargetGroupArn");
    assert!(
        arn.ends_with(&format!(":target-group:prx-tg-{letters}")),
        "{arn}"
    );
    for (members, code) in [
        (vec![("DBProxyName", "no")], "DBProxyNotFoundFault"),
        (
            vec![PROXY, ("TargetGroupName", "other")],
            "DBProxyTargetGroupNotFoundFault",
        ),
    ] {
        refused(&world, "DescribeDBProxyTargetGroups", &members, 404, code).await;
        refused(&world, "DescribeDBProxyTargets", &members, 404, code).await;
    }
}

#[tokio::test]
async fn pool_settings_change_one_by_one() {
    let world = world().await;
    let change = async |members: &[(&str, &str)]| {
        let members: Vec<_> = [PROXY, GROUP].iter().chain(members).copied().collect();
        good(&world, "ModifyDBProxyTargetGroup", &members).await
    };
    let max = "ConnectionPoolConfig.MaxConnectionsPercent";
    let idle = "ConnectionPoolConfig.MaxIdleConnectionsPercent";
    let borrow = "ConnectionPoolConfig.ConnectionBorrowTimeout";
    let init = "ConnectionPoolConfig.InitQuery";
    let filters = "ConnectionPoolConfig.SessionPinningFilters";
    let answer = change(&[(max, "27"), (init, "SET x = 1"), ("NewName", "default")]).await;
    assert_eq!(element(&answer, "MaxConnectionsPercent"), "27");
    assert_eq!(element(&answer, "MaxIdleConnectionsPercent"), "13");
    assert_eq!(element(&answer, "InitQuery"), "SET x = 1");
    // As Terraform sends it.
    let answer = change(&[
        (max, "90"),
        (idle, "10"),
        (borrow, "0"),
        (init, ""),
        (filters, ""),
    ])
    .await;
    assert_eq!(element(&answer, "MaxIdleConnectionsPercent"), "10");
    assert_eq!(element(&answer, "ConnectionBorrowTimeout"), "0");
    assert!(!answer.contains("InitQuery"));
    let same = change(&[]).await;
    assert_eq!(
        element(&same, "ConnectionPoolConfig"),
        element(&answer, "ConnectionPoolConfig")
    );
    for wrong in [
        (max, "0"),
        (max, "101"),
        (idle, "5"),
        (borrow, "301"),
        ("ConnectionPoolConfig.SessionPinningFilters.member.1", "ALL"),
        // For MySQL only.
        (
            "ConnectionPoolConfig.SessionPinningFilters.member.1",
            "EXCLUDE_VARIABLE_SETS",
        ),
        ("NewName", "other"),
    ] {
        let members = [PROXY, GROUP, wrong];
        refused(
            &world,
            "ModifyDBProxyTargetGroup",
            &members,
            400,
            "InvalidParameterValue",
        )
        .await;
    }
    let other = [PROXY, ("TargetGroupName", "other")];
    refused(
        &world,
        "ModifyDBProxyTargetGroup",
        &other,
        404,
        "DBProxyTargetGroupNotFoundFault",
    )
    .await;
    refused(
        &world,
        "ModifyDBProxyTargetGroup",
        &[PROXY],
        400,
        "MissingParameter",
    )
    .await;
}

#[tokio::test]
async fn registered_databases_are_targets() {
    let world = world().await;
    let first = ("DBInstanceIdentifiers.member.1", "orders-db");
    let second = ("DBInstanceIdentifiers.member.2", "reports-db");
    let made = good(
        &world,
        "RegisterDBProxyTargets",
        &[PROXY, GROUP, first, second],
    )
    .await;
    let shown = good(&world, "DescribeDBProxyTargets", &[PROXY]).await;
    assert!(made.contains("<DBProxyTargets><member>"), "{made}");
    assert!(shown.contains("<Targets><member>"), "{shown}");
    for answer in [&made, &shown] {
        let mut ids = elements(answer, "RdsResourceId");
        ids.sort_unstable();
        assert_eq!(ids, ["orders-db", "reports-db"]);
        for (name, value) in [
            ("Type", "RDS_INSTANCE"),
            ("Endpoint", "10.0.0.5"),
            ("Port", "5432"),
            ("Role", "UNKNOWN"),
            ("State", "REGISTERING"),
            ("Reason", "PENDING_PROXY_CAPACITY"),
        ] {
            assert_eq!(element(answer, name), value, "{name}");
        }
    }
    assert!(made.contains("arn:aws:rds:us-east-1:000000000000:db:orders-db"));
    let again = [PROXY, first];
    refused(
        &world,
        "RegisterDBProxyTargets",
        &again,
        400,
        "DBProxyTargetAlreadyRegisteredFault",
    )
    .await;
    let gone = good(&world, "DeregisterDBProxyTargets", &again).await;
    assert!(gone.contains("<DeregisterDBProxyTargetsResult/>"), "{gone}");
    refused(
        &world,
        "DeregisterDBProxyTargets",
        &again,
        404,
        "DBProxyTargetNotFoundFault",
    )
    .await;
    let shown = good(&world, "DescribeDBProxyTargets", &[PROXY]).await;
    assert_eq!(elements(&shown, "RdsResourceId"), ["reports-db"]);
}

#[tokio::test]
async fn what_is_no_database_is_no_target() {
    let world = world().await;
    let cases = [
        (
            vec![PROXY, ("DBInstanceIdentifiers.member.1", "no")],
            404,
            "DBInstanceNotFound",
        ),
        (
            vec![PROXY, ("DBInstanceIdentifiers.member.1", "10.0.0.5:5432")],
            404,
            "DBInstanceNotFound",
        ),
        (
            vec![PROXY, ("DBClusterIdentifiers.member.1", "c")],
            404,
            "DBClusterNotFoundFault",
        ),
        (vec![PROXY], 400, "InvalidParameterCombination"),
        (
            vec![
                PROXY,
                ("TargetGroupName", "g"),
                ("DBInstanceIdentifiers.member.1", "orders-db"),
            ],
            404,
            "DBProxyTargetGroupNotFoundFault",
        ),
        (
            vec![
                ("DBProxyName", "no"),
                ("DBInstanceIdentifiers.member.1", "orders-db"),
            ],
            404,
            "DBProxyNotFoundFault",
        ),
    ];
    for (members, status, code) in cases {
        refused(&world, "RegisterDBProxyTargets", &members, status, code).await;
    }
    let cluster = [PROXY, ("DBClusterIdentifiers.member.1", "c")];
    refused(
        &world,
        "DeregisterDBProxyTargets",
        &cluster,
        404,
        "DBProxyTargetNotFoundFault",
    )
    .await;
    // One that is wrong leaves none registered.
    let mixed = [
        PROXY,
        ("DBInstanceIdentifiers.member.1", "orders-db"),
        ("DBInstanceIdentifiers.member.2", "no"),
    ];
    refused(
        &world,
        "RegisterDBProxyTargets",
        &mixed,
        404,
        "DBInstanceNotFound",
    )
    .await;
    let shown = good(&world, "DescribeDBProxyTargets", &[PROXY]).await;
    assert!(shown.contains("<Targets/>"), "{shown}");
}

#[tokio::test]
async fn a_database_of_another_engine_does_not_fit() {
    let world = world().await;
    let body = serde_json::json!({"name": "shop", "engine": "mysql", "host": "10.0.0.6"});
    world.post("/v1/databases", &body).await.expect(201);
    let members = [PROXY, ("DBInstanceIdentifiers.member.1", "shop")];
    refused(
        &world,
        "RegisterDBProxyTargets",
        &members,
        400,
        "InvalidParameterValue",
    )
    .await;
}

#[tokio::test]
async fn targets_are_allowed_on_group_and_database() {
    let world = world().await;
    let members = [PROXY, ("DBInstanceIdentifiers.member.1", "orders-db")];
    let statement = |resources: serde_json::Value| serde_json::json!([{"Effect": "Allow", "Action": "rds:RegisterDBProxyTargets", "Resource": resources}]);
    let (group, database) = (
        "arn:aws:rds:*:*:target-group:prx-tg-*",
        "arn:aws:rds:*:*:db:orders-db",
    );
    world
        .policy("group", &statement(serde_json::json!(group)))
        .await;
    world
        .policy("both", &statement(serde_json::json!([group, database])))
        .await;
    let key = world.user("registrar", &[]).await;
    let attach = |policy: &str| {
        let path = format!("/v1/iam/users/registrar/policies/{policy}");
        world.call(http::Method::PUT, &path).send()
    };
    attach("group").await.expect(204);
    let register = || {
        world
            .query("rds", "RegisterDBProxyTargets", &members)
            .key(&key)
    };
    register().refused(403, "AccessDenied").await;
    attach("both").await.expect(204);
    register().good().await;
}
