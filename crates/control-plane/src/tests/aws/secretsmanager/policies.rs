//! Who may: policies of callers, policies of secrets, and what those who may not are told.

use serde_json::{Value, json};

use super::good;
use crate::tests::World;

fn policy(effect: &str, principal: &Value) -> String {
    let statement = json!([{"Effect": effect, "Principal": principal, "Resource": "*",
        "Action": "secretsmanager:GetSecretValue"}]);
    json!({"Version": "2012-10-17", "Statement": statement}).to_string()
}

async fn secret(world: &World) {
    let create = json!({"Name": "prod/a", "SecretString": "x"});
    good(world.secrets("CreateSecret", &create)).await;
}

async fn put(world: &World, policy: &str) {
    let body = json!({"SecretId": "prod/a", "ResourcePolicy": policy});
    good(world.secrets("PutResourcePolicy", &body)).await;
}

#[tokio::test]
async fn the_policy_of_a_secret_grants_and_denies() {
    let world = World::new().await;
    secret(&world).await;
    let nobody = world.user("fn", &[]).await;
    let reader = world
        .user("reader", &["secretsmanager:GetSecretValue"])
        .await;
    let named = json!({"SecretId": "prod/a"});
    let read = |key: &crate::tests::Key| world.secrets("GetSecretValue", &named).key(key);
    let denied = "AccessDeniedException";
    read(&nobody).refused(400, denied).await;
    good(read(&reader)).await;

    let user = |name: &str| json!({"AWS": format!("arn:aws:iam::000000000000:user/{name}")});
    put(&world, &policy("Allow", &user("fn"))).await;
    good(read(&nobody)).await;
    world
        .secrets("DescribeSecret", &named)
        .key(&nobody)
        .refused(400, denied)
        .await;
    put(&world, &policy("Deny", &json!("*"))).await;
    let told = read(&reader).refused(400, denied).await;
    assert!(
        told.contains("user/reader") && told.contains("denies"),
        "{told}"
    );
    good(world.secrets("GetSecretValue", &named)).await;
    put(&world, &policy("Allow", &json!({"AWS": "000000000000"}))).await;
    read(&nobody).refused(400, denied).await;

    let shown = good(world.secrets("GetResourcePolicy", &named)).await;
    assert!(shown["ResourcePolicy"].as_str().unwrap().contains("Allow"));
    good(world.secrets("DeleteResourcePolicy", &named)).await;
    let shown = good(world.secrets("GetResourcePolicy", &named)).await;
    assert!(shown.get("ResourcePolicy").is_none());
}

#[tokio::test]
async fn a_policy_is_checked_before_it_is_put() {
    let world = World::new().await;
    secret(&world).await;
    let no_principal = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    for wrong in ["{", no_principal] {
        let body = json!({"SecretId": "prod/a", "ResourcePolicy": wrong});
        world
            .secrets("PutResourcePolicy", &body)
            .refused(400, "MalformedPolicyDocumentException")
            .await;
        let body = json!({"ResourcePolicy": wrong});
        let checked = good(world.secrets("ValidateResourcePolicy", &body)).await;
        assert_eq!(checked["PolicyValidationPassed"], false);
        assert_eq!(
            checked["ValidationErrors"][0]["CheckName"],
            "MALFORMED_POLICY"
        );
    }
    let public = policy("Allow", &json!("*"));
    let body = json!({"SecretId": "prod/a", "ResourcePolicy": public, "BlockPublicPolicy": true});
    world
        .secrets("PutResourcePolicy", &body)
        .refused(400, "PublicPolicyException")
        .await;
    let good_one = json!({"SecretId": "prod/a", "ResourcePolicy": policy("Deny", &json!("*"))});
    let checked = good(world.secrets("ValidateResourcePolicy", &good_one)).await;
    assert_eq!(checked["PolicyValidationPassed"], true);
}

#[tokio::test]
async fn callers_are_authorized_on_the_arn_and_learn_nothing_otherwise() {
    let world = World::new().await;
    secret(&world).await;
    let key = world.user("fn", &["tollgate:GetSecret"]).await;
    let statement = json!([{
        "Effect": "Allow",
        "Action": "secretsmanager:*",
        "Resource": "arn:aws:secretsmanager:us-east-1:000000000000:secret:prod/*-??????",
    }, {
        "Effect": "Allow",
        "Action": "secretsmanager:CreateSecret",
        "Resource": "arn:aws:secretsmanager:us-east-1:000000000000:secret:test/*",
    }]);
    world.policy("secrets", &statement).await;
    let path = "/v1/iam/users/fn/policies/secrets";
    world.call(http::Method::PUT, path).send().await.expect(204);
    good(
        world
            .secrets("GetSecretValue", &json!({"SecretId": "prod/a"}))
            .key(&key),
    )
    .await;
    let denied = "AccessDeniedException";
    for id in ["test/a", "missing"] {
        world
            .secrets("GetSecretValue", &json!({"SecretId": id}))
            .key(&key)
            .refused(400, denied)
            .await;
    }
    world
        .secrets("ListSecrets", &json!({}))
        .key(&key)
        .refused(400, denied)
        .await;
    let create = |name: &str| json!({"Name": name, "SecretString": "x"});
    good(world.secrets("CreateSecret", &create("test/b")).key(&key)).await;
    world
        .secrets("CreateSecret", &create("other"))
        .key(&key)
        .refused(400, denied)
        .await;
    let tagged = json!({"Name": "test/c", "Tags": [{"Key": "k", "Value": "v"}]});
    world
        .secrets("CreateSecret", &tagged)
        .key(&key)
        .refused(400, denied)
        .await;
}
