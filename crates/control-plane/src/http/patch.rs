//! Merge-patch over a resource: what may change is merged, what may not is refused by name.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tollgate_types::FieldProblem;

use super::decode::{self, Decoded};
use crate::problem::Problem;

/// A document after a patch, and what the patch was not allowed to do. Both go on to decoding, so that one
/// answer names every wrong member.
pub(crate) struct Patched {
    document: Value,
    problems: Vec<FieldProblem>,
}

impl Patched {
    /// Decodes the document; what the patch did wrong comes first among the problems.
    pub(crate) fn decode<T: DeserializeOwned>(self) -> Result<Decoded<T>, Problem> {
        let mut decoded = decode::decode(self.document)?;
        decoded.problems.splice(0..0, self.problems);
        Ok(decoded)
    }
}

/// Applies a patch. Members in `fixed` may be repeated but not changed; tags have a path of their own.
pub(crate) fn merge(
    present: &impl Serialize,
    mut patch: Value,
    fixed: &[&str],
) -> Result<Patched, Problem> {
    let mut document = serde_json::to_value(present).map_err(|error| Problem::internal(&error))?;
    let mut problems = Vec::new();
    for name in fixed {
        let given = patch
            .as_object_mut()
            .and_then(|members| members.remove(*name));
        if given.is_some_and(|value| Some(&value) != document.get(*name)) {
            let message = format!("{name} cannot be changed");
            problems.push(FieldProblem::new(
                &format!("/{name}"),
                "fixed at creation",
                &message,
            ));
        }
    }
    if patch
        .as_object_mut()
        .is_some_and(|members| members.remove("tags").is_some())
    {
        let message = "tags are changed below the resource's path, at /tags";
        problems.push(FieldProblem::new("/tags", "not part of a patch", message));
    }
    decode::merge(&mut document, patch);
    Ok(Patched { document, problems })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: Option<String>,
        port: Option<u16>,
    }

    fn pointers(patch: Value, fixed: &[&str]) -> Vec<String> {
        let present = json!({"name": "a", "port": 1});
        let decoded = merge(&present, patch, fixed).unwrap().decode::<Sample>();
        let problems = decoded
            .unwrap_or_else(|_| panic!("cannot be decoded"))
            .problems;
        problems
            .into_iter()
            .map(|problem| problem.pointer)
            .collect()
    }

    #[test]
    fn fixed_members_may_be_repeated_but_not_changed() {
        let present = json!({"name": "a", "port": 1});
        let merged = merge(&present, json!({"name": "a", "port": 2}), &["name"]).unwrap();
        assert_eq!(merged.document, json!({"name": "a", "port": 2}));
        assert!(merged.problems.is_empty());
        assert_eq!(pointers(json!({"name": "b"}), &["name"]), ["/name"]);
        assert_eq!(pointers(json!({"name": null}), &["name"]), ["/name"]);
        assert_eq!(pointers(json!({"tags": {}}), &[]), ["/tags"]);
    }

    #[test]
    fn a_fixed_member_does_not_hide_the_other_wrong_ones() {
        let patch = json!({"name": "b", "port": "x", "extra": 1, "tags": {}});
        assert_eq!(
            pointers(patch, &["name"]),
            ["/name", "/tags", "/extra", "/port"]
        );
    }
}
