//! Proxies, pools, targets, endpoints and sessions, as operators see them.

use http::Method;
use serde_json::json;
use tollgate_types::{
    ClientPasswordAuth, CurrentPin, Engine, EngineFamily, PinInfo, PinReport, PinTotal,
    SessionInfo, SessionState,
};

use super::World;

#[tokio::test]
async fn a_new_proxy_is_creating_and_complete() {
    let world = World::new().await;
    world.secret("orders-app").await;
    let body = json!({
        "name": "orders", "engineFamily": "POSTGRESQL", "requireTls": true, "tags": {"team": "blue"},
        "auth": [{"secret": "orders-app", "iamAuth": "REQUIRED", "description": "functions"}],
    });
    let made = world.post("/v1/proxies", &body).await.expect(201);
    assert_eq!(made.header("location"), Some("/v1/proxies/orders"));
    let proxy = &made.json;
    let id = proxy["id"].as_str().unwrap();
    assert!(id.starts_with("prx-") && id.len() == 21, "{id}");
    assert_eq!(
        proxy["arn"],
        format!("arn:aws:rds:us-east-1:000000000000:db-proxy:{id}")
    );
    assert_eq!(
        proxy["connectArn"],
        format!("arn:aws:rds-db:us-east-1:000000000000:dbuser:{id}/{{dbUser}}")
    );
    assert_eq!(proxy["status"], "creating");
    assert_eq!(
        (&proxy["requireTls"], &proxy["idleClientTimeout"]),
        (&json!(true), &json!(1800))
    );
    assert_eq!(
        (&proxy["generation"], &proxy["observedGeneration"]),
        (&json!(1), &json!(0))
    );
    let endpoint = json!({
        "name": "default", "targetRole": "READ_WRITE", "host": "127.0.0.1", "port": 7500,
        "status": "creating", "isDefault": true,
    });
    assert_eq!(proxy["endpoints"], json!([endpoint]));
    let rule = json!({
        "secret": "orders-app", "iamAuth": "REQUIRED", "description": "functions",
        "clientPasswordAuthType": "POSTGRES_SCRAM_SHA_256",
    });
    assert_eq!(proxy["auth"], json!([rule]));
    for name in ["orders", id, proxy["arn"].as_str().unwrap()] {
        let read = world.get(&format!("/v1/proxies/{name}")).await.expect(200);
        assert_eq!((read.etag(), &read.json), (made.etag(), proxy));
    }
    assert_eq!(
        world.get("/v1/proxies").await.expect(200).items(),
        std::slice::from_ref(proxy)
    );
}

#[tokio::test]
async fn a_wrong_proxy_is_refused_with_every_wrong_field() {
    let world = World::new().await;
    let body = json!({
        "name": "Bad Name!", "engineFamily": "ORACLE", "surprise": 1, "idleClientTimeout": 0,
        "requireTls": "yes",
        "auth": [{"secret": "a"}, {"secret": "a"}, {"iamAuth": "SOMETIMES"}, {"secret": 5}],
    });
    let reply = world
        .post("/v1/proxies", &body)
        .await
        .refused(400, "VALIDATION_FAILED");
    let found = reply.pointers();
    let wanted = [
        "/name",
        "/engineFamily",
        "/surprise",
        "/idleClientTimeout",
        "/requireTls",
        "/auth/1/secret",
        "/auth/2/iamAuth",
        "/auth/2/secret",
        "/auth/3/secret",
    ];
    for pointer in wanted {
        assert!(found.contains(&pointer), "{pointer} in {found:?}");
    }
    assert_eq!(found.len(), wanted.len(), "{found:?}");
}

#[tokio::test]
async fn a_family_must_be_named() {
    let world = World::new().await;
    let body = json!({"name": "orders", "auth": [{
        "secret": "orders-app", "clientPasswordAuthType": "MYSQL_NATIVE_PASSWORD",
    }]});
    let refused = world.post("/v1/proxies", &body).await;
    let refused = refused.refused(400, "VALIDATION_FAILED");
    // Which ways fit is not known without one.
    assert_eq!(refused.pointers(), ["/engineFamily"]);
    assert!(refused.text.contains("MYSQL"), "{}", refused.text);
}

#[tokio::test]
async fn rules_that_say_nothing_check_passwords_by_the_familys_default() {
    let world = World::new().await;
    world.secret("orders-app").await;
    for (family, way) in [
        ("POSTGRESQL", "POSTGRES_SCRAM_SHA_256"),
        ("MYSQL", "MYSQL_CACHING_SHA2_PASSWORD"),
    ] {
        let body = json!({
            "name": family.to_lowercase(), "engineFamily": family, "auth": [{"secret": "orders-app"}],
        });
        let made = world.post("/v1/proxies", &body).await.expect(201).json;
        assert_eq!(made["engineFamily"], family);
        assert_eq!(made["auth"][0]["clientPasswordAuthType"], way);
        assert_eq!(made["auth"][0]["iamAuth"], "DISABLED");
    }
}

#[tokio::test]
async fn passwords_are_checked_in_ways_that_the_familys_clients_know() {
    let world = World::new().await;
    world.secret("orders-app").await;
    let ways = [
        ("POSTGRES_SCRAM_SHA_256", "POSTGRESQL"),
        ("POSTGRES_MD5", "POSTGRESQL"),
        ("MYSQL_CACHING_SHA2_PASSWORD", "MYSQL"),
        ("MYSQL_NATIVE_PASSWORD", "MYSQL"),
    ];
    for (number, (way, of)) in ways.into_iter().enumerate() {
        for family in ["POSTGRESQL", "MYSQL"] {
            let body = json!({
                "name": format!("{}-{number}", family.to_lowercase()), "engineFamily": family,
                "auth": [{"secret": "orders-app", "clientPasswordAuthType": way}],
            });
            let reply = world.post("/v1/proxies", &body).await;
            if family == of {
                let made = reply.expect(201).json;
                assert_eq!(made["auth"][0]["clientPasswordAuthType"], way);
            } else {
                let refused = reply.refused(400, "VALIDATION_FAILED");
                assert_eq!(refused.pointers(), ["/auth/0/clientPasswordAuthType"]);
                assert!(refused.text.contains(family), "{}", refused.text);
            }
        }
    }
    let rule = json!([{"secret": "orders-app", "clientPasswordAuthType": "POSTGRES_MD5"}]);
    let patch = json!({"auth": rule});
    let patched = world.patch("/v1/proxies/mysql-2", &patch).await;
    let refused = patched.refused(400, "VALIDATION_FAILED");
    assert_eq!(refused.pointers(), ["/auth/0/clientPasswordAuthType"]);
}

#[tokio::test]
async fn pinning_filters_are_for_mysql() {
    let world = World::new().await;
    let patch =
        json!({"sessionPinningFilters": ["EXCLUDE_VARIABLE_SETS"], "initQuery": "SET @a = 1"});
    for family in ["POSTGRESQL", "MYSQL"] {
        let name = family.to_lowercase();
        let body = json!({"name": name, "engineFamily": family, "auth": []});
        world.post("/v1/proxies", &body).await.expect(201);
        let group = format!("/v1/proxies/{name}/target-groups/default");
        let reply = world.patch(&group, &patch).await;
        if family == "MYSQL" {
            let changed = reply.expect(200).json;
            assert_eq!(
                changed["sessionPinningFilters"],
                patch["sessionPinningFilters"]
            );
            assert_eq!(changed["initQuery"], patch["initQuery"]);
        } else {
            let refused = reply.refused(400, "VALIDATION_FAILED");
            assert_eq!(refused.pointers(), ["/sessionPinningFilters"]);
            assert!(refused.text.contains("engineFamily"), "{}", refused.text);
        }
    }
}

#[tokio::test]
async fn a_patch_merges_and_raises_the_generation() {
    let world = World::new().await;
    world.secret("orders-app").await;
    let made = world.proxy("orders").await;
    let patched = world
        .patch("/v1/proxies/orders", &json!({"requireTls": true}))
        .await
        .expect(200);
    assert_eq!(patched.json["requireTls"], true);
    assert_eq!(patched.json["auth"], made["auth"]);
    assert_eq!(patched.json["generation"], 2);
    let none = world
        .patch("/v1/proxies/orders", &json!({"auth": null}))
        .await
        .expect(200);
    assert_eq!(none.json["auth"], json!([]));
    let patch = json!({"name": "x", "engineFamily": "MYSQL"});
    let fixed = world.patch("/v1/proxies/orders", &patch).await;
    assert_eq!(
        fixed.refused(400, "VALIDATION_FAILED").pointers(),
        ["/name", "/engineFamily"]
    );
    let patch = json!({"idleClientTimeout": 99_999, "status": "available"});
    let wrong = world
        .patch("/v1/proxies/orders", &patch)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert!(wrong.pointers().contains(&"/idleClientTimeout"));
    assert!(wrong.pointers().contains(&"/status"));
    assert_eq!(world.get("/v1/proxies/orders").await.json["generation"], 3);
}

#[tokio::test]
async fn pool_settings_are_checked_together() {
    let world = World::new().await;
    world.proxy("orders").await;
    let group = "/v1/proxies/orders/target-groups/default";
    let defaults = world.get(group).await.expect(200);
    assert_eq!(defaults.json["maxConnectionsPercent"], 100);
    assert!(defaults.json.get("maximumPoolSize").is_none());
    let patch = json!({"maximumPoolSize": 20, "minimumIdle": 2, "initQuery": "SET x = 1"});
    let changed = world.patch(group, &patch).await.expect(200);
    assert_eq!(changed.json["maximumPoolSize"], 20);
    assert_eq!(world.get("/v1/proxies/orders").await.json["generation"], 2);
    let patch = json!({
        "keepaliveTime": 1_900_000, "minimumIdle": 50, "maxConnectionsPercent": 0, "x": 1,
        "idleTimeout": "long", "sessionPinningFilters": ["NOTHING"],
    });
    let wrong = world
        .patch(group, &patch)
        .await
        .refused(400, "VALIDATION_FAILED");
    for pointer in [
        "/keepaliveTime",
        "/minimumIdle",
        "/maxConnectionsPercent",
        "/x",
        "/idleTimeout",
        "/sessionPinningFilters/0",
    ] {
        assert!(
            wrong.pointers().contains(&pointer),
            "{pointer}: {}",
            wrong.text
        );
    }
    let reset = world
        .patch(
            group,
            &json!({"maximumPoolSize": null, "minimumIdle": null}),
        )
        .await;
    assert!(reset.expect(200).json.get("maximumPoolSize").is_none());
}

#[tokio::test]
async fn targets_come_and_go() {
    let world = World::new().await;
    world.proxy("orders").await;
    world.database("orders-db").await;
    let body = json!({"database": "orders-db"});
    let made = world
        .post("/v1/proxies/orders/targets", &body)
        .await
        .expect(201);
    let id = made.json["id"].as_str().unwrap();
    assert_eq!(
        made.header("location"),
        Some(&*format!("/v1/proxies/orders/targets/{id}"))
    );
    assert_eq!(made.json["health"]["state"], "REGISTERING");
    assert_eq!(made.json["health"]["reason"], "PENDING_PROXY_CAPACITY");
    for target in [id, "orders-db"] {
        let path = format!("/v1/proxies/orders/targets/{target}");
        assert_eq!(world.get(&path).await.expect(200).json, made.json);
    }
    world
        .post("/v1/proxies/orders/targets", &body)
        .await
        .refused(409, "ALREADY_EXISTS");
    let listed = world.get("/v1/proxies/orders/targets").await.expect(200);
    assert_eq!(listed.items(), std::slice::from_ref(&made.json));
    world
        .call(Method::DELETE, "/v1/proxies/orders/targets/orders-db")
        .send()
        .await
        .expect(204);
    world
        .get("/v1/proxies/orders/targets/orders-db")
        .await
        .refused(404, "NOT_FOUND");
    let none = json!({"database": "none"});
    let refused = world.post("/v1/proxies/orders/targets", &none).await;
    let refused = refused.refused(404, "NOT_FOUND");
    assert_eq!(refused.pointers(), ["/database"]);
    let refused = world.post("/v1/proxies/none/targets", &none).await;
    assert!(refused.refused(404, "NOT_FOUND").pointers().is_empty());
}

#[tokio::test]
async fn a_target_must_speak_the_proxys_protocol() {
    let world = World::new().await;
    world.proxy("orders").await;
    let database = json!({"name": "legacy", "engine": "mysql", "host": "10.0.0.6"});
    world.post("/v1/databases", &database).await.expect(201);
    let refused = world
        .post("/v1/proxies/orders/targets", &json!({"database": "legacy"}))
        .await;
    let refused = refused.refused(409, "ENGINE_MISMATCH");
    assert_eq!(refused.pointers(), ["/database"]);
    assert!(refused.text.contains("mysql") && refused.text.contains("POSTGRESQL"));
    let proxy = json!({"name": "shop", "engineFamily": "MYSQL", "auth": []});
    world.post("/v1/proxies", &proxy).await.expect(201);
    world.database("orders-db").await;
    let refused = world
        .post(
            "/v1/proxies/shop/targets",
            &json!({"database": "orders-db"}),
        )
        .await;
    let refused = refused.refused(409, "ENGINE_MISMATCH");
    assert!(refused.text.contains("postgres") && refused.text.contains("MYSQL"));
}

#[tokio::test]
async fn a_mysql_proxy_takes_both_engines_to_the_data_plane() {
    let world = World::running().await;
    world.secret("shop-app").await;
    let proxy = json!({
        "name": "shop", "engineFamily": "MYSQL",
        "auth": [{"secret": "shop-app", "clientPasswordAuthType": "MYSQL_NATIVE_PASSWORD"}],
    });
    world.post("/v1/proxies", &proxy).await.expect(201);
    for engine in ["mysql", "mariadb"] {
        let database =
            json!({"name": format!("{engine}-db"), "engine": engine, "host": "10.0.0.6"});
        world.post("/v1/databases", &database).await.expect(201);
        let target = json!({"database": format!("{engine}-db")});
        world
            .post("/v1/proxies/shop/targets", &target)
            .await
            .expect(201);
    }
    let patch = json!({"sessionPinningFilters": ["EXCLUDE_VARIABLE_SETS"]});
    let group = "/v1/proxies/shop/target-groups/default";
    world.patch(group, &patch).await.expect(200);
    let snapshot = world
        .snapshot_where(|snapshot| {
            let proxies = &snapshot.proxies;
            proxies.iter().any(|proxy| {
                proxy.targets.len() == 2 && !proxy.pool.session_pinning_filters.is_empty()
            })
        })
        .await;
    let proxy = &snapshot.proxies[0];
    assert_eq!(proxy.engine_family, EngineFamily::Mysql);
    assert_eq!(
        proxy.auth[0].client_password,
        ClientPasswordAuth::MysqlNativePassword
    );
    let mut seen: Vec<_> = proxy.targets.iter().map(|t| (t.engine, t.port)).collect();
    seen.sort_by_key(|(engine, _)| engine.as_str());
    assert_eq!(seen, [(Engine::Mariadb, 3306), (Engine::Mysql, 3306)]);
}

#[tokio::test]
async fn endpoints_get_ports_until_there_are_none() {
    let world = World::new().await;
    world.proxy("orders").await;
    let path = "/v1/proxies/orders/endpoints";
    for (name, port) in [("one", 7501), ("two", 7502), ("three", 7503)] {
        let made = world.post(path, &json!({"name": name})).await.expect(201);
        assert_eq!(
            (&made.json["port"], &made.json["targetRole"]),
            (&json!(port), &json!("READ_ONLY"))
        );
        assert_eq!(made.header("location"), Some(&*format!("{path}/{name}")));
    }
    let refused = world
        .post(path, &json!({"name": "four"}))
        .await
        .refused(409, "PORTS_EXHAUSTED");
    assert!(
        refused.text.contains("7500") && refused.text.contains("7503"),
        "{}",
        refused.text
    );
    world
        .call(Method::DELETE, &format!("{path}/two"))
        .send()
        .await
        .expect(204);
    let again = world.post(path, &json!({"name": "four"})).await.expect(201);
    assert_eq!(again.json["port"], 7502);
    let listed = world.get(path).await.expect(200);
    assert_eq!(listed.items().len(), 4);
    assert_eq!(
        world.get("/v1/proxies/orders").await.json["endpoints"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    world
        .post(path, &json!({"name": "one"}))
        .await
        .refused(409, "ALREADY_EXISTS");
    world
        .post(path, &json!({"name": "default"}))
        .await
        .refused(400, "VALIDATION_FAILED");
    let kept = world
        .call(Method::DELETE, &format!("{path}/default"))
        .send()
        .await;
    kept.refused(409, "IN_USE");
}

#[tokio::test]
async fn an_endpoints_aliases_can_be_patched() {
    let world = World::new().await;
    world.proxy("orders").await;
    let endpoint = "/v1/proxies/orders/endpoints/default";
    let patch = json!({"aliases": ["Orders.Internal.", "orders.internal", "db"]});
    let changed = world.patch(endpoint, &patch).await.expect(200);
    assert_eq!(changed.json["aliases"], json!(["db", "orders.internal"]));
    assert_eq!(world.get(endpoint).await.expect(200).etag(), changed.etag());
    let wrong = world
        .patch(endpoint, &json!({"aliases": ["ok", "http://x"], "port": 1}))
        .await;
    let wrong = wrong.refused(400, "VALIDATION_FAILED");
    assert!(wrong.pointers().contains(&"/aliases/1") && wrong.pointers().contains(&"/port"));
}

#[tokio::test]
async fn sessions_are_shown_and_paged() {
    let world = World::new().await;
    world.proxy("orders").await;
    let session = |id: &str| SessionInfo {
        id: id.to_owned(),
        endpoint: "default".to_owned(),
        user: "app".to_owned(),
        database: "orders".to_owned(),
        application_name: "psql".to_owned(),
        client: "10.0.0.9:5000".to_owned(),
        principal_arn: None,
        tls: true,
        state: SessionState::InTransaction,
        pins: vec![PinInfo {
            reason: "TEMP_TABLE".to_owned(),
        }],
        target: Some("orders-db".to_owned()),
        server_pid: Some(42),
        connected_unix: 0,
        borrows: 3,
    };
    world.connect_sessions(vec![session("c-3"), session("c-1"), session("c-2")]);
    let first = world
        .get("/v1/proxies/orders/sessions?pageSize=2")
        .await
        .expect(200);
    let ids = |items: &[serde_json::Value]| -> Vec<String> {
        items
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(first.items()), ["c-1", "c-2"]);
    assert_eq!(first.items()[0]["state"], "inTransaction");
    assert_eq!(first.items()[0]["pins"], json!([{"reason": "TEMP_TABLE"}]));
    assert_eq!(first.items()[0]["connectedAt"], "1970-01-01T00:00:00Z");
    let token = first.json["nextPageToken"].as_str().unwrap();
    let path = format!("/v1/proxies/orders/sessions?pageSize=2&pageToken={token}");
    let second = world.get(&path).await.expect(200);
    assert_eq!(ids(second.items()), ["c-3"]);
    assert!(second.json.get("nextPageToken").is_none());
    world
        .get("/v1/proxies/none/sessions")
        .await
        .refused(404, "NOT_FOUND");
}

fn pin(session_id: &str, user: &str, reason: &str) -> CurrentPin {
    CurrentPin {
        session_id: session_id.to_owned(),
        endpoint: "default".to_owned(),
        user: user.to_owned(),
        database: "orders".to_owned(),
        application_name: "psql".to_owned(),
        reason: reason.to_owned(),
        statement: Some(format!("{reason} $1")),
        detail: None,
        since_unix: 60,
        held_ms: 1_250,
    }
}

fn pin_total(reason: &str, statement: Option<&str>) -> PinTotal {
    PinTotal {
        reason: reason.to_owned(),
        statement: statement.map(str::to_owned),
        detail: statement.is_none().then(|| "audit".to_owned()),
        count: 3,
        held_ms: 4_500,
        longest_ms: 2_000,
        last_seen_unix: 120,
    }
}

async fn world_with_pins() -> World {
    let world = World::new().await;
    world.proxy("orders").await;
    world.hold_pins(PinReport {
        current: vec![
            pin("c-2", "app", "LISTEN"),
            pin("c-1", "web", "LISTEN"),
            pin("c-2", "app", "ADVISORY_LOCK"),
        ],
        totals: vec![
            pin_total("LISTEN", Some("LISTEN $1")),
            pin_total("ADVISORY_LOCK", None),
        ],
    });
    world
}

fn pins_of(reply: &super::Reply) -> Vec<(String, String)> {
    let word = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap().to_owned();
    let items = reply.items().iter();
    items
        .map(|item| (word(item, "sessionId"), word(item, "reason")))
        .collect()
}

#[tokio::test]
async fn pins_are_shown_with_their_sums_and_paged() {
    let world = world_with_pins().await;
    let path = "/v1/proxies/orders/pins?pageSize=2";
    let first = world.get(path).await.expect(200);
    let expected = [("c-1", "LISTEN"), ("c-2", "ADVISORY_LOCK")];
    assert_eq!(
        pins_of(&first),
        expected.map(|(id, reason)| (id.to_owned(), reason.to_owned()))
    );
    assert_eq!(
        first.items()[0],
        json!({
            "sessionId": "c-1", "reason": "LISTEN", "statement": "LISTEN $1", "endpoint": "default",
            "user": "web", "database": "orders", "applicationName": "psql",
            "since": "1970-01-01T00:01:00Z", "heldSeconds": 1.25,
        })
    );
    let totals = json!([
        {
            "reason": "LISTEN", "statement": "LISTEN $1", "count": 3, "heldSeconds": 4.5,
            "longestSeconds": 2.0, "lastSeenAt": "1970-01-01T00:02:00Z",
        },
        {
            "reason": "ADVISORY_LOCK", "detail": "audit", "count": 3, "heldSeconds": 4.5,
            "longestSeconds": 2.0, "lastSeenAt": "1970-01-01T00:02:00Z",
        },
    ]);
    assert_eq!(first.json["totals"], totals);
    let token = first.json["nextPageToken"].as_str().unwrap();
    let second = world.get(&format!("{path}&pageToken={token}")).await;
    let second = second.expect(200);
    assert_eq!(pins_of(&second), [("c-2".to_owned(), "LISTEN".to_owned())]);
    assert!(second.json.get("nextPageToken").is_none());
    assert_eq!(second.json["totals"], totals);
    let other_filter = format!("{path}&reason=LISTEN&pageToken={token}");
    world
        .get(&other_filter)
        .await
        .refused(400, "INVALID_PAGE_TOKEN");
    let missing = world.get("/v1/proxies/none/pins").await;
    missing.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn pins_can_be_filtered() {
    let world = world_with_pins().await;
    for (filter, pins, totals) in [
        ("", 3, 2),
        ("?reason=LISTEN", 2, 1),
        ("?reason=LISTEN&user=app", 1, 1),
        ("?user=web", 1, 2),
        ("?database=orders", 3, 2),
        ("?database=other", 0, 2),
        ("?reason=NOTHING", 0, 0),
    ] {
        let path = format!("/v1/proxies/orders/pins{filter}");
        let reply = world.get(&path).await.expect(200);
        let found = reply.json["totals"].as_array().unwrap().len();
        assert_eq!((reply.items().len(), found), (pins, totals), "{filter}");
    }
}

#[tokio::test]
async fn a_connect_policy_can_be_created_as_it_is() {
    let world = World::new().await;
    let proxy = world.proxy("orders").await;
    let made = world
        .get("/v1/proxies/orders/iam-policy?user=app")
        .await
        .expect(200);
    let arn = proxy["connectArn"]
        .as_str()
        .unwrap()
        .replace("{dbUser}", "app");
    assert_eq!(made.json["connectArn"], arn);
    let body = json!({"name": "connect", "document": made.json["document"]});
    world.post("/v1/iam/policies", &body).await.expect(201);
    world.user("fn", &[]).await;
    world
        .call(Method::PUT, "/v1/iam/users/fn/policies/connect")
        .send()
        .await
        .expect(204);
    let ask = json!({
        "principal": "arn:aws:iam::000000000000:user/fn", "action": "rds-db:connect", "resource": arn,
    });
    let answer = world.post("/v1/iam:simulate", &ask).await.expect(200);
    assert_eq!(answer.json["decision"], "ALLOW");
    let bad = "/v1/proxies/orders/iam-policy?user=a%2Fb";
    world.get(bad).await.refused(400, "VALIDATION_FAILED");
}
