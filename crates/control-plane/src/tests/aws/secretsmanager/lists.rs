//! Lists: filters, order, pages, several values at once, tags.

use serde_json::{Value, json};

use super::{TOKEN, good};
use crate::tests::World;

fn names(answer: &Value, list: &str) -> Vec<String> {
    let items = answer[list].as_array().unwrap();
    items
        .iter()
        .map(|item| item["Name"].as_str().unwrap().to_owned())
        .collect()
}

async fn three(world: &World) {
    for (name, description, team) in [
        ("prod/a", "Orders of the shop", "shop"),
        ("prod/b", "billing", "money"),
        ("test/c", "", "shop"),
    ] {
        let body = json!({"Name": name, "Description": description, "SecretString": name,
            "Tags": [{"Key": "team", "Value": team}]});
        good(world.secrets("CreateSecret", &body)).await;
    }
}

#[tokio::test]
async fn filters_choose_and_pages_go_on() {
    let world = World::new().await;
    three(&world).await;
    for (filters, expected) in [
        (
            json!([{"Key": "name", "Values": ["prod/"]}]),
            vec!["prod/a", "prod/b"],
        ),
        (
            json!([{"Key": "name", "Values": ["!prod/"]}]),
            vec!["test/c"],
        ),
        (
            json!([{"Key": "description", "Values": ["SHOP"]}]),
            vec!["prod/a"],
        ),
        (
            json!([{"Key": "tag-value", "Values": ["shop"]}, {"Key": "name", "Values": ["test", "x"]}]),
            vec!["test/c"],
        ),
        (json!([{"Key": "tag-key", "Values": ["none"]}]), vec![]),
        (json!([{"Key": "all", "Values": ["bill"]}]), vec!["prod/b"]),
    ] {
        let answer = good(world.secrets("ListSecrets", &json!({"Filters": filters}))).await;
        assert_eq!(names(&answer, "SecretList"), expected, "{filters}");
    }
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let body = json!({"MaxResults": 1, "SortOrder": "desc", "NextToken": token});
        let answer = good(world.secrets("ListSecrets", &body)).await;
        seen.extend(names(&answer, "SecretList"));
        token = answer["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["test/c", "prod/b", "prod/a"]);
    world
        .secrets("ListSecrets", &json!({"NextToken": "rubbish"}))
        .refused(400, "InvalidNextTokenException")
        .await;
    world
        .secrets("ListSecrets", &json!({"MaxResults": 101}))
        .refused(400, "InvalidParameterException")
        .await;
    good(world.secrets("DeleteSecret", &json!({"SecretId": "prod/a"}))).await;
    let answer = good(world.secrets("ListSecrets", &json!({}))).await;
    assert_eq!(names(&answer, "SecretList"), ["prod/b", "test/c"]);
    let planned = json!({"IncludePlannedDeletion": true});
    let answer = good(world.secrets("ListSecrets", &planned)).await;
    assert_eq!(names(&answer, "SecretList").len(), 3);
}

#[tokio::test]
async fn several_values_come_at_once_and_one_that_fails_fails_alone() {
    let world = World::new().await;
    three(&world).await;
    let body = json!({"SecretIdList": ["prod/b", "missing", "test/c"]});
    let answer = good(world.secrets("BatchGetSecretValue", &body)).await;
    assert_eq!(names(&answer, "SecretValues"), ["prod/b", "test/c"]);
    assert_eq!(answer["SecretValues"][0]["SecretString"], "prod/b");
    assert_eq!(answer["Errors"][0]["SecretId"], "missing");
    assert_eq!(
        answer["Errors"][0]["ErrorCode"],
        "ResourceNotFoundException"
    );
    let body = json!({"Filters": [{"Key": "name", "Values": ["prod"]}], "MaxResults": 1});
    let answer = good(world.secrets("BatchGetSecretValue", &body)).await;
    assert_eq!(names(&answer, "SecretValues"), ["prod/a"]);
    assert!(answer["NextToken"].is_string());
    for wrong in [json!({}), json!({"SecretIdList": []})] {
        world
            .secrets("BatchGetSecretValue", &wrong)
            .refused(400, "InvalidParameterException")
            .await;
    }
}

#[tokio::test]
async fn versions_without_labels_are_listed_when_asked_for() {
    let world = World::new().await;
    let create = json!({"Name": "a", "SecretString": "1", "ClientRequestToken": TOKEN});
    good(world.secrets("CreateSecret", &create)).await;
    for value in ["2", "3"] {
        let put = json!({"SecretId": "a", "SecretString": value});
        good(world.secrets("PutSecretValue", &put)).await;
    }
    let count = async |body: Value| {
        let answer = good(world.secrets("ListSecretVersionIds", &body)).await;
        answer["Versions"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({"SecretId": "a"})).await, 2);
    assert_eq!(
        count(json!({"SecretId": "a", "IncludeDeprecated": true})).await,
        3
    );
    let first = json!({"SecretId": "a", "MaxResults": 1});
    let answer = good(world.secrets("ListSecretVersionIds", &first)).await;
    let rest = json!({"SecretId": "a", "MaxResults": 1, "NextToken": answer["NextToken"]});
    let answer = good(world.secrets("ListSecretVersionIds", &rest)).await;
    assert!(answer.get("NextToken").is_none(), "{answer}");
    let old = json!({"SecretId": "a", "VersionId": TOKEN});
    let value = good(world.secrets("GetSecretValue", &old)).await;
    assert_eq!(
        (&value["SecretString"], &value["VersionStages"]),
        (&json!("1"), &json!([]))
    );
}

#[tokio::test]
async fn tags_come_and_go() {
    let world = World::new().await;
    three(&world).await;
    let tags = json!({"SecretId": "prod/a", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]});
    assert_eq!(good(world.secrets("TagResource", &tags)).await, json!({}));
    let keys = json!({"SecretId": "prod/a", "TagKeys": ["a", "team"]});
    assert_eq!(good(world.secrets("UntagResource", &keys)).await, json!({}));
    let shown = good(world.secrets("DescribeSecret", &json!({"SecretId": "prod/a"}))).await;
    assert_eq!(shown["Tags"], json!([{"Key": "b", "Value": ""}]));
}
