//! From JSON to typed requests, reporting every wrong field instead of the first.
//!
//! serde stops at its first error. So the error is recorded under its pointer, the offending member is taken
//! out of the document, and decoding starts again, until it succeeds or nothing is left to take out. Request
//! types therefore declare every member as optional; what is required is checked when the specification is
//! built, so that a missing member is reported beside the wrong ones.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};
use tollgate_types::FieldProblem;

use crate::problem::{Code, Problem};

/// Most problems reported for one body.
const PROBLEMS_MAX: usize = 100;

/// Reads a body that must be one JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Value, Problem> {
    if body.is_empty() {
        return Err(Problem::new(
            Code::MalformedJson,
            "a JSON object is expected, the body is empty",
        ));
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::new(Code::MalformedJson, error.to_string()))?;
    if !value.is_object() {
        let message = "the body must be a JSON object";
        return Err(Problem::field(
            Code::ValidationFailed,
            "",
            "type = object",
            message,
        ));
    }
    Ok(value)
}

/// What was read, and what was wrong. The value is there even when something was wrong, so that the rules of
/// the remaining members can be checked in the same answer.
pub(crate) struct Decoded<T> {
    pub(crate) value: T,
    pub(crate) problems: Vec<FieldProblem>,
}

/// Decodes `document`, collecting every unknown member and every member of a wrong type.
pub(crate) fn decode<T: DeserializeOwned>(mut document: Value) -> Result<Decoded<T>, Problem> {
    let mut problems: Vec<FieldProblem> = Vec::new();
    loop {
        match serde_path_to_error::deserialize::<_, T>(&document) {
            Ok(value) => return Ok(Decoded { value, problems }),
            Err(error) => {
                let steps = steps(error.path());
                let message = without_value(&error.into_inner().to_string());
                let steps = with_unknown_member(steps, &document, &message);
                problems.push(problem(&steps, &message));
                if problems.len() >= PROBLEMS_MAX || !take_out(&mut document, &steps) {
                    return Err(Problem::fields(problems));
                }
            }
        }
    }
}

/// RFC 7396: members of `patch` replace those of `target`, null removes, objects merge.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

enum Step {
    Member(String),
    Element(usize),
}

fn steps(path: &Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(Step::Member(key.clone())),
            Segment::Seq { index } => Some(Step::Element(*index)),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// serde names an unknown member only in its sentence; the path may end at the object that holds it.
fn with_unknown_member(mut steps: Vec<Step>, document: &Value, message: &str) -> Vec<Step> {
    let name = message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once('`'))
        .map(|(name, _)| name);
    if let Some(name) = name
        && find(document, &steps)
            .and_then(|holder| holder.get(name))
            .is_some()
    {
        steps.push(Step::Member(name.to_owned()));
    }
    steps
}

/// serde repeats a value of a wrong type. It may be a password, so only its type is told.
fn without_value(message: &str) -> String {
    let message = with_range(message);
    let Some(rest) = message.strip_prefix("invalid type: ") else {
        return message;
    };
    let end = rest.rfind(", expected ").unwrap_or(rest.len());
    let (found, expected) = rest.split_at(end);
    let kind = found.split(['`', '"']).next().unwrap_or(found).trim_end();
    format!("invalid type: {kind}{expected}")
}

/// serde names our integer types; callers are told which numbers fit.
fn with_range(message: &str) -> String {
    let ranges = [
        ("expected u8", "expected an integer from 0 to 255"),
        ("expected u16", "expected an integer from 0 to 65535"),
        ("expected u32", "expected an integer from 0 to 4294967295"),
        ("expected u64", "expected an integer, 0 or more"),
    ];
    for (name, range) in ranges {
        if let Some(start) = message.strip_suffix(name) {
            return format!("{start}{range}");
        }
    }
    message.to_owned()
}

fn find<'v>(document: &'v Value, steps: &[Step]) -> Option<&'v Value> {
    steps.iter().try_fold(document, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Element(index) => value.get(*index),
    })
}

fn problem(steps: &[Step], message: &str) -> FieldProblem {
    let rule = if message.starts_with("unknown field") {
        "known fields only"
    } else if message.starts_with("unknown variant") {
        "one of the listed values"
    } else {
        "type"
    };
    FieldProblem::new(&pointer(steps), rule, message)
}

fn pointer(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |mut text, step| {
        text.push('/');
        match step {
            Step::Member(name) => text.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Step::Element(index) => text.push_str(&index.to_string()),
        }
        text
    })
}

/// Removes the innermost named member on the way; `false` if there is none.
fn take_out(document: &mut Value, steps: &[Step]) -> bool {
    let Some(last) = steps
        .iter()
        .rposition(|step| matches!(step, Step::Member(_)))
    else {
        return false;
    };
    let (Some(way), Some(Step::Member(name))) = (steps.get(..last), steps.get(last)) else {
        return false;
    };
    let holder = way.iter().try_fold(document, |value, step| match step {
        Step::Member(name) => value.get_mut(name),
        Step::Element(index) => value.get_mut(*index),
    });
    holder
        .and_then(Value::as_object_mut)
        .is_some_and(|members| members.remove(name).is_some())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Rule {
        secret: Option<String>,
        iam_auth: Option<tollgate_types::IamAuth>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Sample {
        name: Option<String>,
        port: Option<u16>,
        auth: Option<Vec<Rule>>,
    }

    fn pointers(document: Value) -> Vec<String> {
        match decode::<Sample>(document) {
            Ok(decoded) => decoded.problems.into_iter().map(|p| p.pointer).collect(),
            Err(_) => vec!["refused".to_owned()],
        }
    }

    #[test]
    fn reports_every_wrong_member_at_once() {
        let found = pointers(json!({
            "name": 5, "port": 70000, "extra/one": true,
            "auth": [{"secret": "a", "iamAuth": "MAYBE"}, {"secert": "b", "secret": {}}]
        }));
        for wanted in [
            "/name",
            "/port",
            "/extra~1one",
            "/auth/0/iamAuth",
            "/auth/1/secert",
            "/auth/1/secret",
        ] {
            assert!(found.iter().any(|p| p == wanted), "{wanted} in {found:?}");
        }
        assert_eq!(found.len(), 6);
    }

    #[test]
    fn a_wrong_element_costs_its_array_only() {
        assert_eq!(pointers(json!({"auth": [5], "port": "x"})).len(), 2);
    }

    #[test]
    fn a_good_document_has_no_problems() {
        let decoded = decode::<Sample>(json!({"name": "a", "port": null})).unwrap();
        assert_eq!(decoded.problems, vec![]);
        assert_eq!(
            decoded.value,
            Sample {
                name: Some("a".into()),
                port: None,
                auth: None
            }
        );
    }

    #[test]
    fn a_value_of_a_wrong_type_is_not_repeated() {
        let texts = [
            (
                "invalid type: integer `724`, expected a string",
                "invalid type: integer, expected a string",
            ),
            (
                r#"invalid type: string "a, expected b", expected u16"#,
                "invalid type: string, expected an integer from 0 to 65535",
            ),
            (
                "invalid type: map, expected a string",
                "invalid type: map, expected a string",
            ),
            (
                "invalid value: integer `70000`, expected u16",
                "invalid value: integer `70000`, expected an integer from 0 to 65535",
            ),
        ];
        for (given, told) in texts {
            assert_eq!(without_value(given), told);
        }
    }

    #[test]
    fn merge_follows_rfc_7396() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (
                json!({"a":"b","b":"c"}),
                json!({"a":null}),
                json!({"b":"c"}),
            ),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (
                json!({"a":{"b":"c"}}),
                json!({"a":{"b":"d","c":null}}),
                json!({"a":{"b":"d"}}),
            ),
            (
                json!({}),
                json!({"a":{"bb":{"ccc":null}}}),
                json!({"a":{"bb":{}}}),
            ),
        ] {
            let mut merged = target;
            merge(&mut merged, patch);
            assert_eq!(merged, result);
        }
    }
}
