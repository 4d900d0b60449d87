//! `DBProxyEndpoint`.

use serde_json::json;

use super::{World, element, elements, good, refused};

const READER: [(&str, &str); 4] = [
    ("DBProxyName", "orders"),
    ("DBProxyEndpointName", "reader"),
    ("VpcSubnetIds.member.1", "subnet-0"),
    ("TargetRole", "READ_ONLY"),
];
const NAMED: (&str, &str) = ("DBProxyEndpointName", "reader");

async fn world() -> World {
    let world = World::new().await;
    let secret = world.with_role().await;
    world.rds_proxy("orders", &secret).await;
    world
}

#[tokio::test]
async fn an_endpoint_lives_and_goes() {
    let world = world().await;
    let made = good(&world, "CreateDBProxyEndpoint", &READER).await;
    for (name, value) in [
        ("DBProxyEndpointName", "reader"),
        ("DBProxyName", "orders"),
        ("Status", "creating"),
        ("TargetRole", "READ_ONLY"),
        ("IsDefault", "false"),
        ("Endpoint", "127.0.0.1"),
        ("EndpointNetworkType", "IPV4"),
        ("VpcSubnetIds", "<member>subnet-0</member>"),
    ] {
        assert_eq!(element(&made, name), value, "{name}");
    }
    let arn = element(&made, "DBProxyEndpointArn");
    let id = arn.rsplit(':').next().unwrap();
    assert_eq!(id.strip_prefix("prx-endpoint-").map(str::len), Some(17));
    let group = world.security_group("web").await;
    let changed = [
        NAMED,
        ("NewDBProxyEndpointName", "reports"),
        ("VpcSecurityGroupIds.member.1", &group),
    ];
    let changed = good(&world, "ModifyDBProxyEndpoint", &changed).await;
    assert_eq!(element(&changed, "DBProxyEndpointName"), "reports");
    assert_eq!(element(&changed, "DBProxyEndpointArn"), arn);
    assert_eq!(
        element(&changed, "VpcSecurityGroupIds"),
        format!("<member>{group}</member>")
    );
    let rest = world.get("/v1/proxies/orders/endpoints/reports").await;
    assert_eq!(rest.expect(200).json["targetRole"], "READ_ONLY");
    let named = [("DBProxyEndpointName", "reports")];
    let deleted = good(&world, "DeleteDBProxyEndpoint", &named).await;
    assert_eq!(element(&deleted, "Status"), "deleting");
    for action in [
        "DescribeDBProxyEndpoints",
        "ModifyDBProxyEndpoint",
        "DeleteDBProxyEndpoint",
    ] {
        refused(&world, action, &named, 404, "DBProxyEndpointNotFoundFault").await;
    }
}

#[tokio::test]
async fn the_proxys_own_endpoint_goes_by_its_name() {
    let world = world().await;
    good(&world, "CreateDBProxyEndpoint", &READER).await;
    let of = [("DBProxyName", "orders")];
    let shown = good(&world, "DescribeDBProxyEndpoints", &of).await;
    let mut names = elements(&shown, "DBProxyEndpointName");
    names.sort_unstable();
    assert_eq!(names, ["orders", "reader"]);
    let own = ("DBProxyEndpointName", "orders");
    let shown = good(&world, "DescribeDBProxyEndpoints", &[own]).await;
    assert_eq!(element(&shown, "IsDefault"), "true");
    assert_eq!(element(&shown, "TargetRole"), "READ_WRITE");
    assert!(element(&shown, "VpcSubnetIds").contains("subnet-0a1b2c3d"));
    for action in ["ModifyDBProxyEndpoint", "DeleteDBProxyEndpoint"] {
        refused(
            &world,
            action,
            &[own],
            400,
            "InvalidDBProxyEndpointStateFault",
        )
        .await;
    }
    let foreign = [("DBProxyName", "no"), own];
    refused(
        &world,
        "DescribeDBProxyEndpoints",
        &foreign,
        404,
        "DBProxyNotFoundFault",
    )
    .await;
}

#[tokio::test]
async fn names_are_unique_over_all_proxies_here() {
    let world = world().await;
    world.proxy("bills").await;
    good(&world, "CreateDBProxyEndpoint", &READER).await;
    let of_bills = [
        ("DBProxyName", "bills"),
        NAMED,
        ("VpcSubnetIds.member.1", "subnet-0"),
    ];
    refused(
        &world,
        "CreateDBProxyEndpoint",
        &of_bills,
        400,
        "DBProxyEndpointAlreadyExistsFault",
    )
    .await;
    // REST counts within the proxy.
    let body = json!({"name": "reader"});
    world
        .post("/v1/proxies/bills/endpoints", &body)
        .await
        .expect(201);
    refused(
        &world,
        "DeleteDBProxyEndpoint",
        &[NAMED],
        400,
        "InvalidDBProxyEndpointStateFault",
    )
    .await;
    let of = [("DBProxyName", "bills"), NAMED];
    let shown = good(&world, "DescribeDBProxyEndpoints", &of).await;
    assert_eq!(elements(&shown, "DBProxyName"), ["bills"]);
    // Whoever may see one of them may not see the other.
    let statement = json!([{
        "Effect": "Allow", "Action": "rds:DescribeDBProxyEndpoints",
        "Resource": element(&shown, "DBProxyEndpointArn"),
    }]);
    world.policy("of-bills", &statement).await;
    let key = world.user("accountant", &[]).await;
    let path = "/v1/iam/users/accountant/policies/of-bills";
    let attach = world.call(http::Method::PUT, path);
    attach.send().await.expect(204);
    let of_orders = [("DBProxyName", "orders"), NAMED];
    let describe = |members: &[(&str, &str)]| {
        let call = world.query("rds", "DescribeDBProxyEndpoints", members);
        call.key(&key)
    };
    describe(&of).good().await;
    describe(&of_orders).refused(403, "AccessDenied").await;
}

#[tokio::test]
async fn wrong_endpoints_are_refused() {
    let world = world().await;
    for (member, status, code) in [
        (("DBProxyName", "no"), 404, "DBProxyNotFoundFault"),
        (
            ("DBProxyEndpointName", "default"),
            400,
            "InvalidParameterValue",
        ),
        (
            ("DBProxyEndpointName", "a--b"),
            400,
            "InvalidParameterValue",
        ),
        (("TargetRole", "UNKNOWN"), 400, "InvalidParameterValue"),
        (("VpcSubnetIds.member.1", "default"), 400, "InvalidSubnet"),
        (("VpcSubnetIds.member.1", ""), 400, "MissingParameter"),
    ] {
        let members = super::with(&READER, &[member]);
        refused(&world, "CreateDBProxyEndpoint", &members, status, code).await;
    }
    good(&world, "CreateDBProxyEndpoint", &READER).await;
    let rename = [NAMED, ("NewDBProxyEndpointName", "a--b")];
    refused(
        &world,
        "ModifyDBProxyEndpoint",
        &rename,
        400,
        "InvalidParameterValue",
    )
    .await;
    let named = [("DBProxyName", "orders")];
    good(&world, "DeleteDBProxy", &named).await;
    for (action, members) in [
        (
            "CreateDBProxyEndpoint",
            super::with(&READER, &[("DBProxyEndpointName", "x")]),
        ),
        ("ModifyDBProxyEndpoint", vec![NAMED]),
        ("DeleteDBProxyEndpoint", vec![NAMED]),
    ] {
        refused(&world, action, &members, 400, "InvalidDBProxyStateFault").await;
    }
}
