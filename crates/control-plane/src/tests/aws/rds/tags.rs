//! Tags of proxies, endpoints, target groups and databases.

use super::{World, element, elements, good, refused};

#[tokio::test]
async fn everything_with_an_arn_has_tags() {
    let world = World::new().await;
    let secret = world.with_role().await;
    let proxy = world.rds_proxy("orders", &secret).await;
    world.database("orders-db").await;
    let of = [("DBProxyName", "orders")];
    let group = good(&world, "DescribeDBProxyTargetGroups", &of).await;
    let endpoint = [
        ("DBProxyName", "orders"),
        ("DBProxyEndpointName", "reader"),
        ("VpcSubnetIds.member.1", "subnet-0"),
        ("Tags.Tag.1.Key", "made"),
        ("Tags.Tag.1.Value", "with it"),
    ];
    let endpoint = good(&world, "CreateDBProxyEndpoint", &endpoint).await;
    let endpoint = element(&endpoint, "DBProxyEndpointArn");
    let listed = good(&world, "ListTagsForResource", &[("ResourceName", endpoint)]).await;
    assert_eq!(elements(&listed, "Value"), ["with it"]);
    for arn in [
        element(&proxy, "DBProxyArn"),
        element(&group, "TargetGroupArn"),
        endpoint,
        "arn:aws:rds:us-east-1:000000000000:db:orders-db",
    ] {
        let named = ("ResourceName", arn);
        let add = [
            named,
            ("Tags.Tag.1.Key", "team"),
            ("Tags.Tag.1.Value", "sales"),
            ("Tags.Tag.2.Key", "stage"),
        ];
        let done = good(&world, "AddTagsToResource", &add).await;
        assert!(!done.contains("Result>"), "{done}");
        let remove = [
            named,
            ("TagKeys.member.1", "stage"),
            ("TagKeys.member.2", "made"),
            ("TagKeys.member.3", "never"),
        ];
        good(&world, "RemoveTagsFromResource", &remove).await;
        let listed = good(&world, "ListTagsForResource", &[named]).await;
        assert_eq!(
            element(&listed, "TagList"),
            "<Tag><Key>team</Key><Value>sales</Value></Tag>",
            "{arn}"
        );
    }
}

#[tokio::test]
async fn missing_resources_have_their_own_codes() {
    let world = World::new().await;
    let arn = |kind: &str, id: &str| format!("arn:aws:rds:us-east-1:000000000000:{kind}:{id}");
    for (arn, status, code) in [
        (
            arn("db-proxy", "prx-00000000000000000"),
            404,
            "DBProxyNotFoundFault",
        ),
        (
            arn("db-proxy-endpoint", "prx-endpoint-00000000000000000"),
            404,
            "DBProxyEndpointNotFoundFault",
        ),
        (
            arn("target-group", "prx-tg-00000000000000000"),
            404,
            "DBProxyTargetGroupNotFoundFault",
        ),
        (arn("db", "no"), 404, "DBInstanceNotFound"),
        (arn("cluster", "no"), 400, "InvalidParameterValue"),
        ("orders".to_owned(), 400, "InvalidParameterValue"),
    ] {
        let named = ("ResourceName", arn.as_str());
        refused(&world, "ListTagsForResource", &[named], status, code).await;
        let add = [named, ("Tags.Tag.1.Key", "a"), ("Tags.Tag.1.Value", "b")];
        refused(&world, "AddTagsToResource", &add, status, code).await;
        let remove = [named, ("TagKeys.member.1", "a")];
        refused(&world, "RemoveTagsFromResource", &remove, status, code).await;
    }
}

#[tokio::test]
async fn keys_that_aws_keeps_are_refused() {
    let world = World::new().await;
    world.secret("orders-app").await;
    let proxy = world.proxy("orders").await;
    let named = ("ResourceName", proxy["arn"].as_str().unwrap());
    let long = "k".repeat(129);
    for key in ["aws:mine", "RDS:mine", long.as_str()] {
        let add = [named, ("Tags.Tag.1.Key", key), ("Tags.Tag.1.Value", "b")];
        refused(
            &world,
            "AddTagsToResource",
            &add,
            400,
            "InvalidParameterValue",
        )
        .await;
    }
    refused(
        &world,
        "AddTagsToResource",
        &[named],
        400,
        "MissingParameter",
    )
    .await;
    let reader = world.user("reader", &["rds:ListTagsForResource"]).await;
    let list = world.query("rds", "ListTagsForResource", &[named]);
    list.key(&reader).good().await;
    let remove = [named, ("TagKeys.member.1", "a")];
    let remove = world.query("rds", "RemoveTagsFromResource", &remove);
    remove.key(&reader).refused(403, "AccessDenied").await;
}
