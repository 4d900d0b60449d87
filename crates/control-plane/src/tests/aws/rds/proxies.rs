//! `CreateDBProxy`, `DescribeDBProxies`, `ModifyDBProxy`, `DeleteDBProxy`.

use std::sync::atomic::Ordering;

use serde_json::json;
use tollgate_store::{NewProxy, ProxyNetwork, Tags};
use tollgate_types::{EngineFamily, PoolPolicy, ProxyId};

use super::{ACCOUNT, ROLE, World, element, elements, good, least, refused, with};

#[tokio::test]
async fn what_is_left_out_has_awss_defaults() {
    let world = World::new().await;
    let secret = world.with_role().await;
    let answer = world.rds_proxy("orders", &secret).await;
    assert!(answer.starts_with(
        "<CreateDBProxyResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">\
         <CreateDBProxyResult><DBProxy>"
    ));
    for (name, value) in [
        ("DBProxyName", "orders"),
        ("Status", "creating"),
        ("EngineFamily", "POSTGRESQL"),
        ("DefaultAuthScheme", "NONE"),
        ("RoleArn", ROLE),
        ("Endpoint", "127.0.0.1"),
        ("RequireTLS", "false"),
        ("IdleClientTimeout", "1800"),
        ("DebugLogging", "false"),
        ("EndpointNetworkType", "IPV4"),
        ("TargetConnectionNetworkType", "IPV4"),
        ("SecretArn", &secret),
        ("AuthScheme", "SECRETS"),
        ("IAMAuth", "DISABLED"),
        ("ClientPasswordAuthType", "POSTGRES_SCRAM_SHA_256"),
    ] {
        assert_eq!(element(&answer, name), value, "{name}");
    }
    assert_eq!(
        element(&answer, "VpcSubnetIds"),
        "<member>subnet-0a1b2c3d</member><member>subnet-0e4f5a6b</member>"
    );
    assert_eq!(
        element(&answer, "VpcSecurityGroupIds"),
        "<member>sg-0defa017000000000</member>"
    );
    assert_eq!(element(&answer, "VpcId"), "vpc-0defa017000000000");
    assert!(!answer.contains("<Description>") && !answer.contains("<UserName>"));
    let arn = element(&answer, "DBProxyArn");
    let prefix = format!("arn:aws:rds:us-east-1:{ACCOUNT}:db-proxy:prx-");
    assert_eq!(arn.strip_prefix(&prefix).map(str::len), Some(17));
    let rest = world.get("/v1/proxies/orders").await.expect(200).json;
    assert_eq!(
        (&rest["roleArn"], &rest["arn"]),
        (&json!(ROLE), &json!(arn))
    );
}

#[tokio::test]
async fn what_is_given_comes_back_in_its_order() {
    let world = World::new().await;
    let group = world.security_group("web").await;
    let first = world.with_role().await;
    world.secret("second").await;
    let second = world.secret_arn("second").await;
    let given = with(
        &least("orders", &second),
        &[
            ("Auth.member.1.Description", "the second"),
            ("Auth.member.1.UserName", "label"),
            ("Auth.member.1.AuthScheme", "SECRETS"),
            ("Auth.member.1.IAMAuth", "REQUIRED"),
            ("Auth.member.1.ClientPasswordAuthType", "POSTGRES_MD5"),
            ("Auth.member.2.SecretArn", &first),
            ("VpcSecurityGroupIds.member.1", &group),
            ("DefaultAuthScheme", "NONE"),
            ("RequireTLS", "true"),
            ("IdleClientTimeout", "28800"),
            ("DebugLogging", "true"),
            ("EndpointNetworkType", "DUAL"),
            ("TargetConnectionNetworkType", "IPV6"),
            ("Tags.Tag.1.Key", "team"),
            ("Tags.Tag.1.Value", "sales"),
        ],
    );
    good(&world, "CreateDBProxy", &given).await;
    let named = [("DBProxyName", "orders")];
    let shown = good(&world, "DescribeDBProxies", &named).await;
    assert_eq!(elements(&shown, "SecretArn"), [&second, &first]);
    assert_eq!(elements(&shown, "IAMAuth"), ["REQUIRED", "DISABLED"]);
    assert_eq!(elements(&shown, "Description"), ["the second"]);
    assert_eq!(elements(&shown, "UserName"), ["label"]);
    assert_eq!(element(&shown, "DebugLogging"), "true");
    assert_eq!(element(&shown, "EndpointNetworkType"), "DUAL");
    assert_eq!(element(&shown, "TargetConnectionNetworkType"), "IPV6");
    assert_eq!(
        element(&shown, "VpcSecurityGroupIds"),
        format!("<member>{group}</member>")
    );
    let rest = world.get("/v1/proxies/orders").await.expect(200).json;
    assert_eq!(rest["tags"], json!({"team": "sales"}));
    assert_eq!(rest["auth"][0]["userName"], "label");
    // A patch that speaks about something else changes nothing of it.
    let patch = json!({"idleClientTimeout": 60});
    world.patch("/v1/proxies/orders", &patch).await.expect(200);
    let after = good(&world, "DescribeDBProxies", &named).await;
    assert_eq!(element(&after, "IdleClientTimeout"), "60");
    assert_eq!(element(&after, "Auth"), element(&shown, "Auth"));
    assert_eq!(element(&after, "RoleArn"), ROLE);
    // Debug logging ends by itself.
    world.now_ms.fetch_add(86_400_000, Ordering::Relaxed);
    let row = world.get("/v1/proxies/orders").await.expect(200).json;
    assert_eq!(row["debugLogging"], false);
}

#[tokio::test]
async fn wrong_members_are_named() {
    let world = World::new().await;
    let secret = world.with_role().await;
    let least = least("orders", &secret);
    for missing in ["DBProxyName", "EngineFamily", "RoleArn"] {
        let members = with(&least, &[(missing, "")]);
        refused(&world, "CreateDBProxy", &members, 400, "MissingParameter").await;
    }
    for wrong in [
        ("DBProxyName", "-orders"),
        ("EngineFamily", "SQLSERVER"),
        ("EngineFamily", "ORACLE"),
        ("RoleArn", "arn:aws:iam::000000000000:role/nobody"),
        ("RoleArn", "arn:aws:iam::111111111111:role/proxy-role"),
        ("RoleArn", "proxy-role-proxy-role"),
        ("DefaultAuthScheme", "IAM_AUTH"),
        ("DefaultAuthScheme", "PASSWORD"),
        ("RequireTLS", "maybe"),
        ("IdleClientTimeout", "0"),
        ("IdleClientTimeout", "28801"),
        ("EndpointNetworkType", "IPV5"),
        ("TargetConnectionNetworkType", "DUAL"),
        ("VpcSecurityGroupIds.member.1", "default"),
        ("Auth.member.1.SecretArn", "orders-app-orders-app"),
        ("Auth.member.1.IAMAuth", "ENABLED"),
        ("Auth.member.1.AuthScheme", "TOKENS"),
        (
            "Auth.member.1.ClientPasswordAuthType",
            "MYSQL_NATIVE_PASSWORD",
        ),
        (
            "Auth.member.1.ClientPasswordAuthType",
            "SQL_SERVER_AUTHENTICATION",
        ),
        ("Tags.Tag.1.Key", "rds:mine"),
    ] {
        let members = with(&least, &[wrong]);
        refused(
            &world,
            "CreateDBProxy",
            &members,
            400,
            "InvalidParameterValue",
        )
        .await;
    }
    let no_auth = with(&least, &[("Auth.member.1.SecretArn", "")]);
    refused(
        &world,
        "CreateDBProxy",
        &no_auth,
        400,
        "InvalidParameterValue",
    )
    .await;
    let subnet = with(&least, &[("VpcSubnetIds.member.2", "default")]);
    refused(&world, "CreateDBProxy", &subnet, 400, "InvalidSubnet").await;
    let group = with(&least, &[("VpcSecurityGroupIds.member.1", "sg-0")]);
    let code = "InvalidParameterValue";
    refused(&world, "CreateDBProxy", &group, 400, code).await;
    let message = world
        .query(
            "rds",
            "CreateDBProxy",
            &with(&least, &[("EngineFamily", "SQLSERVER")]),
        )
        .refused(400, "InvalidParameterValue")
        .await;
    assert!(message.contains("SQLSERVER is not supported"), "{message}");
}

#[tokio::test]
async fn names_are_taken_once_and_ports_run_out() {
    let world = World::new().await;
    let secret = world.with_role().await;
    for name in ["a", "b", "c", "d"] {
        world.rds_proxy(name, &secret).await;
    }
    let again = least("a", &secret);
    refused(
        &world,
        "CreateDBProxy",
        &again,
        400,
        "DBProxyAlreadyExistsFault",
    )
    .await;
    let more = least("e", &secret);
    refused(
        &world,
        "CreateDBProxy",
        &more,
        400,
        "DBProxyQuotaExceededFault",
    )
    .await;
    let more = [
        ("DBProxyName", "a"),
        ("DBProxyEndpointName", "reader"),
        ("VpcSubnetIds.member.1", "subnet-0"),
    ];
    refused(
        &world,
        "CreateDBProxyEndpoint",
        &more,
        400,
        "DBProxyEndpointQuotaExceededFault",
    )
    .await;
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name() {
    let world = World::new().await;
    let group = world.security_group("web").await;
    let secret = world.with_role().await;
    let made = world.rds_proxy("orders", &secret).await;
    world.rds_proxy("bills", &secret).await;
    let named = ("DBProxyName", "orders");
    let changed = [
        named,
        ("NewDBProxyName", "sales"),
        ("RequireTLS", "true"),
        ("DebugLogging", "true"),
        ("SecurityGroups.member.1", &group),
        ("RoleArn", ROLE),
        ("Auth.member.1.SecretArn", &secret),
        ("Auth.member.1.IAMAuth", "REQUIRED"),
    ];
    let answer = good(&world, "ModifyDBProxy", &changed).await;
    let members = format!("<member>{group}</member>");
    for (name, value) in [
        ("DBProxyName", "sales"),
        ("DBProxyArn", element(&made, "DBProxyArn")),
        ("RequireTLS", "true"),
        ("DebugLogging", "true"),
        ("IdleClientTimeout", "1800"),
        ("IAMAuth", "REQUIRED"),
        ("VpcSecurityGroupIds", &members),
    ] {
        assert_eq!(element(&answer, name), value, "{name}");
    }
    refused(
        &world,
        "DescribeDBProxies",
        &[named],
        404,
        "DBProxyNotFoundFault",
    )
    .await;
    let off = [
        ("DBProxyName", "sales"),
        ("NewDBProxyName", "sales"),
        ("DebugLogging", "false"),
    ];
    let answer = good(&world, "ModifyDBProxy", &off).await;
    assert_eq!(element(&answer, "DebugLogging"), "false");
    assert_eq!(element(&answer, "IAMAuth"), "REQUIRED");
}

#[tokio::test]
async fn a_change_that_cannot_be_is_refused() {
    let world = World::new().await;
    let secret = world.with_role().await;
    world.rds_proxy("sales", &secret).await;
    world.rds_proxy("bills", &secret).await;
    let sales = ("DBProxyName", "sales");
    for (member, status, code) in [
        (
            ("NewDBProxyName", "bills"),
            400,
            "DBProxyAlreadyExistsFault",
        ),
        (("NewDBProxyName", "b--s"), 400, "InvalidParameterValue"),
        (("Auth", ""), 400, "InvalidParameterValue"),
        (
            ("RoleArn", "arn:aws:iam::000000000000:role/no"),
            400,
            "InvalidParameterValue",
        ),
        (
            ("DefaultAuthScheme", "IAM_AUTH"),
            400,
            "InvalidParameterValue",
        ),
        (("IdleClientTimeout", "0"), 400, "InvalidParameterValue"),
    ] {
        refused(&world, "ModifyDBProxy", &[sales, member], status, code).await;
    }
    let named = ("DBProxyName", "orders");
    refused(
        &world,
        "ModifyDBProxy",
        &[named],
        404,
        "DBProxyNotFoundFault",
    )
    .await;
}

#[tokio::test]
async fn a_deleted_proxy_is_deleting_and_then_gone() {
    let world = World::running().await;
    let secret = world.with_role().await;
    world.rds_proxy("orders", &secret).await;
    let named = [("DBProxyName", "orders")];
    let answer = good(&world, "DeleteDBProxy", &named).await;
    assert_eq!(element(&answer, "Status"), "deleting");
    refused(
        &world,
        "DeleteDBProxy",
        &named,
        400,
        "InvalidDBProxyStateFault",
    )
    .await;
    refused(
        &world,
        "ModifyDBProxy",
        &named,
        400,
        "InvalidDBProxyStateFault",
    )
    .await;
    world.obey();
    world
        .until("/v1/proxies/orders", |reply| reply.status == 404)
        .await;
    refused(&world, "DeleteDBProxy", &named, 404, "DBProxyNotFoundFault").await;
}

#[tokio::test]
async fn twenty_five_proxies_are_two_pages() {
    let world = World::new().await;
    let write = world.store.begin_at(1).await.unwrap();
    for number in 0..25_u8 {
        let new = NewProxy {
            id: ProxyId::from_random(&[number; 17]),
            name: format!("proxy-{number:02}"),
            engine_family: EngineFamily::Mysql,
            require_tls: false,
            idle_client_timeout_s: 1_800,
            auth: Vec::new(),
            pool: PoolPolicy::default(),
            endpoint_id: format!("ep-{number}"),
            endpoint_ports: 7_500..=7_599,
            tags: Tags::new(),
            role_arn: None,
            debug_logging_since: None,
            network: ProxyNetwork::default(),
        };
        write.proxy_create(new).await.unwrap();
    }
    write.commit().await.unwrap();
    for (action, names) in [
        ("DescribeDBProxies", "DBProxyName"),
        ("DescribeDBProxyEndpoints", "DBProxyEndpointName"),
    ] {
        let size = ("MaxRecords", "20");
        let first = good(&world, action, &[size]).await;
        let marker = element(&first, "Marker");
        let second = good(&world, action, &[size, ("Marker", marker)]).await;
        assert!(!second.contains("<Marker>"), "{second}");
        let mut seen = elements(&first, names);
        assert_eq!(seen.len(), 20);
        seen.extend(elements(&second, names));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 25, "{action}");
        let everything = good(&world, action, &[]).await;
        assert_eq!(elements(&everything, names).len(), 25);
        // A marker of one list is none of the other.
        let other = if action == "DescribeDBProxies" {
            "DescribeDBProxyEndpoints"
        } else {
            "DescribeDBProxies"
        };
        refused(
            &world,
            other,
            &[("Marker", marker)],
            400,
            "InvalidParameterValue",
        )
        .await;
        refused(
            &world,
            action,
            &[("MaxRecords", "101")],
            400,
            "InvalidParameterValue",
        )
        .await;
        let filter = [
            ("Filters.Filter.1.Name", "x"),
            ("Filters.Filter.1.Values.Value.1", "y"),
        ];
        refused(&world, action, &filter, 400, "InvalidParameterValue").await;
        let no_filter = good(&world, action, &[("Filters", "")]).await;
        assert_eq!(elements(&no_filter, names).len(), 25);
    }
}

#[tokio::test]
async fn who_names_a_role_must_be_allowed_to_pass_it() {
    let world = World::new().await;
    let secret = world.with_role().await;
    let creator = world.user("creator", &["rds:*"]).await;
    let passer = world.user("passer", &["rds:*", "iam:PassRole"]).await;
    let least = least("orders", &secret);
    let create = |key| world.query("rds", "CreateDBProxy", &least).key(key);
    let message = create(&creator).refused(403, "AccessDenied").await;
    assert!(
        message.contains("iam:PassRole") && message.contains(ROLE),
        "{message}"
    );
    create(&passer).good().await;
    let role = [("DBProxyName", "orders"), ("RoleArn", ROLE)];
    let modify = world.query("rds", "ModifyDBProxy", &role);
    modify.key(&creator).refused(403, "AccessDenied").await;

    // The condition that AWS's own examples have.
    let statement = json!([
        {"Effect": "Allow", "Action": "rds:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE,
         "Condition": {"StringEquals": {"iam:PassedToService": "rds.amazonaws.com"}}},
    ]);
    world.policy("passes-to-rds", &statement).await;
    let careful = world.user("careful", &[]).await;
    let path = "/v1/iam/users/careful/policies/passes-to-rds";
    world.call(http::Method::PUT, path).send().await.expect(204);
    let modify = world.query("rds", "ModifyDBProxy", &role);
    modify.key(&careful).good().await;
}

#[tokio::test]
async fn a_proxy_without_role_takes_secrets_from_whoever_may_use_them() {
    let world = World::new().await;
    world.secret("orders-app").await;
    let secret = world.secret_arn("orders-app").await;
    world.proxy("orders").await;
    let shown = good(&world, "DescribeDBProxies", &[("DBProxyName", "orders")]).await;
    assert_eq!(element(&shown, "SecretArn"), secret);
    assert!(!shown.contains("<RoleArn>"));
    let modifier = world.user("modifier", &["rds:*"]).await;
    let user = world.user("user", &["rds:*", "tollgate:UseSecret"]).await;
    let members = [
        ("DBProxyName", "orders"),
        ("Auth.member.1.SecretArn", secret.as_str()),
    ];
    let modify = |key| world.query("rds", "ModifyDBProxy", &members).key(key);
    modify(&modifier).refused(403, "AccessDenied").await;
    modify(&user).good().await;
}

#[tokio::test]
async fn secrets_are_named_by_whole_arns() {
    let world = World::new().await;
    let secret = world.with_role().await;
    let least = least("orders", &secret);
    for wrong in [
        "arn:aws:secretsmanager:evil.example/x:123456789012:secret:a-AbCdEf",
        "arn:aws:ssm:us-east-1:123456789012:secret:a-AbCdEf",
        "arn:aws:secretsmanager:us-east-1:123:secret:a-AbCdEf",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:*",
    ] {
        let members = with(&least, &[("Auth.member.1.SecretArn", wrong)]);
        let code = "InvalidParameterValue";
        refused(&world, "CreateDBProxy", &members, 400, code).await;
    }
}
