//! Values: put once per token, read by label or id, moved between labels, used by proxies.

use serde_json::json;

use super::{LOGIN, OTHER_TOKEN, TOKEN, good};
use crate::tests::World;

#[tokio::test]
async fn a_value_is_read_as_it_was_written() {
    let world = World::new().await;
    let text = "any text\u{0} — not JSON";
    let create = json!({"Name": "prod/a", "SecretString": text, "ClientRequestToken": TOKEN,
        "Tags": [{"Key": "team", "Value": "shop"}], "Description": "d", "KmsKeyId": "alias/k"});
    let made = good(world.secrets("CreateSecret", &create)).await;
    assert_eq!(made["VersionId"], TOKEN);
    let arn = made["ARN"].as_str().unwrap().to_owned();
    let (partial, suffix) = arn.rsplit_once('-').unwrap();
    assert_eq!(suffix.len(), 6, "{arn}");
    assert!(suffix.bytes().all(|b| b.is_ascii_alphanumeric()), "{arn}");
    for id in ["prod/a", &arn, partial] {
        let value = good(world.secrets("GetSecretValue", &json!({"SecretId": id}))).await;
        assert_eq!(value["SecretString"], text);
        assert_eq!(value["VersionStages"], json!(["AWSCURRENT"]));
        assert!(value["CreatedDate"].is_i64() && value.get("SecretBinary").is_none());
    }
    let wrong = format!("{partial}-XXXXXX");
    for id in ["prod", suffix, &wrong] {
        world
            .secrets("GetSecretValue", &json!({"SecretId": id}))
            .refused(400, "ResourceNotFoundException")
            .await;
    }
    let binary = json!({"SecretId": "prod/a", "SecretBinary": "AAEC/w=="});
    good(world.secrets("PutSecretValue", &binary)).await;
    let value = good(world.secrets("GetSecretValue", &json!({"SecretId": "prod/a"}))).await;
    assert_eq!(value["SecretBinary"], "AAEC/w==");
    let shown = good(world.secrets("DescribeSecret", &json!({"SecretId": "prod/a"}))).await;
    assert_eq!(shown["Tags"], json!([{"Key": "team", "Value": "shop"}]));
    assert_eq!(shown["VersionIdsToStages"][TOKEN], json!(["AWSPREVIOUS"]));
    assert_eq!(
        (&shown["Description"], &shown["KmsKeyId"]),
        (&json!("d"), &json!("alias/k"))
    );
}

#[tokio::test]
async fn a_retry_is_known_by_its_token() {
    let world = World::new().await;
    let body = |name: &str, value: &str| json!({"Name": name, "SecretString": value, "ClientRequestToken": TOKEN});
    let first = good(world.secrets("CreateSecret", &body("a", "one"))).await;
    assert_eq!(
        good(world.secrets("CreateSecret", &body("a", "one"))).await,
        first
    );
    let exists = "ResourceExistsException";
    world
        .secrets("CreateSecret", &body("a", "two"))
        .refused(400, exists)
        .await;
    let other = json!({"Name": "a", "SecretString": "one", "ClientRequestToken": OTHER_TOKEN});
    world
        .secrets("CreateSecret", &other)
        .refused(400, exists)
        .await;
    good(world.secrets(
        "CreateSecret",
        &body("b", "another secret may have the same token"),
    ))
    .await;

    let put = |value: &str| json!({"SecretId": "a", "SecretString": value, "ClientRequestToken": OTHER_TOKEN});
    let first = good(world.secrets("PutSecretValue", &put("two"))).await;
    assert_eq!(first["VersionStages"], json!(["AWSCURRENT"]));
    assert_eq!(
        good(world.secrets("PutSecretValue", &put("two"))).await,
        first
    );
    world
        .secrets("PutSecretValue", &put("three"))
        .refused(400, exists)
        .await;
    world
        .secrets("UpdateSecret", &put("three"))
        .refused(400, exists)
        .await;

    let empty = json!({"Name": "empty", "ClientRequestToken": TOKEN});
    let first = good(world.secrets("CreateSecret", &empty)).await;
    assert!(first.get("VersionId").is_none());
    assert_eq!(good(world.secrets("CreateSecret", &empty)).await, first);
    world
        .secrets("GetSecretValue", &json!({"SecretId": "empty"}))
        .refused(400, "ResourceNotFoundException")
        .await;
}

#[tokio::test]
async fn labels_are_moved_by_those_who_know_where_they_are() {
    let world = World::new().await;
    let create = json!({"Name": "a", "SecretString": "one", "ClientRequestToken": TOKEN});
    good(world.secrets("CreateSecret", &create)).await;
    let pending = json!({"SecretId": "a", "SecretString": "two", "ClientRequestToken": OTHER_TOKEN,
        "VersionStages": ["AWSPENDING"]});
    let put = good(world.secrets("PutSecretValue", &pending)).await;
    assert_eq!(put["VersionStages"], json!(["AWSPENDING"]));
    let read = |stage: &str| {
        world.secrets(
            "GetSecretValue",
            &json!({"SecretId": "a", "VersionStage": stage}),
        )
    };
    assert_eq!(good(read("AWSPENDING")).await["SecretString"], "two");
    assert_eq!(good(read("AWSCURRENT")).await["SecretString"], "one");

    let invalid = "InvalidParameterException";
    let current = |more: serde_json::Value| {
        let mut body = json!({"SecretId": "a", "VersionStage": "AWSCURRENT"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        world.secrets("UpdateSecretVersionStage", &body)
    };
    let told = current(json!({"MoveToVersionId": OTHER_TOKEN}))
        .refused(400, invalid)
        .await;
    assert!(told.contains(TOKEN), "{told}");
    current(json!({"RemoveFromVersionId": TOKEN}))
        .refused(400, invalid)
        .await;
    current(json!({"RemoveFromVersionId": OTHER_TOKEN, "MoveToVersionId": OTHER_TOKEN}))
        .refused(400, invalid)
        .await;
    current(json!({})).refused(400, invalid).await;
    current(json!({"RemoveFromVersionId": TOKEN, "MoveToVersionId": "no such version"}))
        .refused(400, "ResourceNotFoundException")
        .await;
    good(current(
        json!({"RemoveFromVersionId": TOKEN, "MoveToVersionId": OTHER_TOKEN}),
    ))
    .await;
    assert_eq!(good(read("AWSCURRENT")).await["SecretString"], "two");
    assert_eq!(good(read("AWSPREVIOUS")).await["SecretString"], "one");
    let both = json!({"SecretId": "a", "VersionId": TOKEN, "VersionStage": "AWSCURRENT"});
    world
        .secrets("GetSecretValue", &both)
        .refused(400, "InvalidRequestException")
        .await;
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_without_repeating_it() {
    let world = World::new().await;
    let long = "x".repeat(65_537);
    for body in [
        json!({"Name": "a", "SecretString": long}),
        json!({"Name": "a", "SecretString": ""}),
        json!({"Name": "a", "SecretString": "hunter2", "SecretBinary": "AAEC"}),
        json!({"Name": "a", "SecretBinary": "hunter2!"}),
        json!({"Name": "a", "SecretString": "hunter2", "ClientRequestToken": "short"}),
        json!({"Name": "a b", "SecretString": "hunter2"}),
        json!({"Name": "a", "Tags": [{"Key": "aws:x", "Value": "y"}]}),
        json!({"Name": "a", "AddReplicaRegions": [{"Region": "eu-west-1"}]}),
        json!({"SecretString": "hunter2"}),
    ] {
        let told = world
            .secrets("CreateSecret", &body)
            .refused(400, "InvalidParameterException")
            .await;
        assert!(!told.contains("hunter2") && told.len() < 500, "{told}");
    }
    let largest = json!({"Name": "a", "SecretString": "x".repeat(65_536)});
    good(world.secrets("CreateSecret", &largest)).await;
    world
        .secrets("PutSecretValue", &json!({"SecretId": "a"}))
        .refused(400, "InvalidParameterException")
        .await;
    for operation in ["RotateSecret", "ReplicateSecretToRegions"] {
        world
            .secrets(operation, &json!({"SecretId": "a"}))
            .refused(400, "InvalidRequestException")
            .await;
    }
    world
        .secrets("NoSuchOperation", &json!({}))
        .refused(400, "UnknownOperationException")
        .await;
}

#[tokio::test]
async fn both_interfaces_write_the_same_secret() {
    let world = World::running().await;
    let create = json!({"Name": "orders-app", "SecretString": LOGIN});
    good(world.secrets("CreateSecret", &create)).await;
    let shown = world.get("/v1/secrets/orders-app").await.expect(200);
    assert_eq!(shown.json["username"], "app");
    world.proxy("orders").await;
    world.obey();
    let snapshot = world
        .snapshot_where(|s| s.proxies.iter().any(|p| !p.auth.is_empty()))
        .await;
    let rule = &snapshot.proxies[0].auth[0];
    assert_eq!(
        (rule.username.as_str(), rule.passwords[0].expose()),
        ("app", "hunter2")
    );

    let value = json!({"username": "app", "password": "by REST"});
    let put = world
        .call(http::Method::PUT, "/v1/secrets/orders-app/value")
        .json(&value);
    put.send().await.expect(200);
    let value = good(world.secrets("GetSecretValue", &json!({"SecretId": "orders-app"}))).await;
    assert_eq!(
        value["SecretString"],
        r#"{"password":"by REST","username":"app"}"#
    );
    let snapshot = world
        .snapshot_where(|s| {
            s.proxies[0]
                .auth
                .iter()
                .any(|rule| rule.passwords.len() == 2)
        })
        .await;
    let passwords: Vec<&str> = snapshot.proxies[0].auth[0]
        .passwords
        .iter()
        .map(tollgate_types::SecretString::expose)
        .collect();
    assert_eq!(passwords, ["by REST", "hunter2"]);

    let no_login = json!({"SecretId": "orders-app", "SecretString": "no login"});
    good(world.secrets("PutSecretValue", &no_login)).await;
    world.snapshot_where(|s| s.proxies[0].auth.is_empty()).await;
    let proxy = world
        .until("/v1/proxies/orders", |r| r.text.contains("SecretUnusable"))
        .await;
    assert!(
        proxy.text.contains("username and password"),
        "{}",
        proxy.text
    );
    let shown = world.get("/v1/secrets/orders-app").await.expect(200);
    assert!(shown.json.get("username").is_none(), "{}", shown.text);
}

#[tokio::test]
async fn a_password_is_made_up() {
    let world = World::new().await;
    let body = json!({"PasswordLength": 20, "ExcludePunctuation": true, "IncludeSpace": false});
    let made = good(world.secrets("GetRandomPassword", &body)).await;
    let text = made["RandomPassword"].as_str().unwrap();
    assert_eq!(text.len(), 20);
    assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
    for wrong in [
        json!({"PasswordLength": 3}),
        json!({"PasswordLength": 4097}),
        json!({"ExcludeLowercase": true, "ExcludeUppercase": true, "ExcludeNumbers": true, "ExcludePunctuation": true}),
    ] {
        world
            .secrets("GetRandomPassword", &wrong)
            .refused(400, "InvalidParameterException")
            .await;
    }
}

#[tokio::test]
async fn a_version_has_twenty_labels_at_most() {
    let world = World::new().await;
    let create = json!({"Name": "a", "SecretString": "one", "ClientRequestToken": TOKEN});
    good(world.secrets("CreateSecret", &create)).await;
    let label = |number: usize| {
        let body = json!({"SecretId": "a", "VersionStage": format!("L{number}"), "MoveToVersionId": TOKEN});
        world.secrets("UpdateSecretVersionStage", &body)
    };
    // AWSCURRENT is one of them.
    for number in 1..20 {
        good(label(number)).await;
    }
    label(20).refused(400, "LimitExceededException").await;
}

#[tokio::test]
async fn a_whole_arn_means_its_own_secret() {
    let world = World::new().await;
    let create = |name: &str, value: &str| {
        let body = json!({"Name": name, "SecretString": value});
        world.secrets("CreateSecret", &body)
    };
    let made = good(create("victim", "mine")).await;
    let arn = made["ARN"].as_str().unwrap();
    let (_, suffix) = arn.rsplit_once('-').unwrap();
    good(create(&format!("victim-{suffix}"), "a stranger's")).await;
    let value = good(world.secrets("GetSecretValue", &json!({"SecretId": arn}))).await;
    assert_eq!(value["SecretString"], "mine");
}
