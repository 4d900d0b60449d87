//! The API document: as committed, consistent, and made of the route table only.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::http::openapi_document::path_parameters;
use crate::http::operations;

fn document() -> Value {
    serde_json::to_value(crate::openapi()).unwrap()
}

/// Every `(path, method, operation)` of the document.
fn described(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    found
}

fn walk<'v>(value: &'v Value, visit: &mut impl FnMut(&'v Value)) {
    visit(value);
    match value {
        Value::Object(members) => members.values().for_each(|member| walk(member, visit)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../api-spec/openapi.yaml");
    let generated = crate::openapi().to_yaml().unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "api-spec/openapi.yaml is stale: run with UPDATE=1"
    );
}

#[test]
fn every_reference_resolves() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut checked = 0;
    walk(&document, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').expect("local references only");
            assert!(document.pointer(pointer).is_some(), "{reference}");
            checked += 1;
        }
    });
    assert!(checked > 100, "{checked}");
}

#[test]
fn the_document_and_the_route_table_have_the_same_operations() {
    let described: BTreeSet<(String, String, String)> = described(&document())
        .into_iter()
        .map(|(path, method, operation)| {
            (
                path,
                method,
                operation["operationId"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let table: BTreeSet<(String, String, String)> = operations()
        .iter()
        .map(|operation| {
            let method = operation.method.as_str().to_ascii_lowercase();
            (operation.path.to_owned(), method, operation.id.to_owned())
        })
        .collect();
    assert_eq!(described, table);
    assert!(table.len() >= 80, "{}", table.len());
    let ids: HashSet<&String> = table.iter().map(|(_, _, id)| id).collect();
    assert_eq!(ids.len(), table.len(), "operation ids are unique");
}

#[test]
fn every_operation_is_described() {
    let document = document();
    let tags: HashSet<&str> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    for (path, method, operation) in described(&document) {
        let at = format!("{method} {path}");
        assert!(
            !operation["summary"].as_str().unwrap_or_default().is_empty(),
            "{at}"
        );
        assert!(
            tags.contains(operation["tags"][0].as_str().unwrap()),
            "{at}"
        );
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{at}"
        );
        for (status, response) in responses {
            let is_described = response["$ref"].is_string()
                || !response["description"]
                    .as_str()
                    .unwrap_or_default()
                    .is_empty();
            assert!(is_described, "{at} {status}");
        }
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let in_path: Vec<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(in_path, path_parameters(&path).collect::<Vec<_>>(), "{at}");
        for parameter in &parameters {
            assert!(parameter["schema"].is_object(), "{at} {parameter}");
            assert!(
                !parameter["description"]
                    .as_str()
                    .unwrap_or_default()
                    .is_empty(),
                "{at}"
            );
        }
        if path.starts_with("/v1/") {
            assert_eq!(
                operation["security"].as_array().map(Vec::len),
                Some(2),
                "{at}"
            );
            for status in ["400", "401", "403", "500", "503"] {
                assert!(responses.contains_key(status), "{at} {status}");
            }
        }
    }
}

#[test]
fn secrets_are_write_only_in_the_document() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        if let Some(password) = schema["properties"].get("password") {
            assert_eq!(password["writeOnly"], true, "{name}");
        }
    }
    assert!(schemas["Secret"]["properties"].get("password").is_none());
}

#[test]
fn bounds_and_closed_lists_are_in_the_document() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let proxy = &schemas["CreateProxy"];
    assert_eq!(
        proxy["required"],
        serde_json::json!(["name", "engineFamily"])
    );
    assert_eq!(proxy["properties"]["idleClientTimeout"]["maximum"], 28_800);
    assert_eq!(
        proxy["properties"]["engineFamily"]["enum"],
        serde_json::json!(["POSTGRESQL", "MYSQL"])
    );
    assert_eq!(
        schemas["PoolSettings"]["properties"]["connectionBorrowTimeout"]["maximum"],
        300
    );
}
