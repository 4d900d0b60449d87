//! Merge-patch over a resource: what may change is merged, what may not is refused by name.

use serde::Serialize;
use serde_json::Value;
use tollgate_types::FieldProblem;

use super::decode;
use crate::problem::Problem;

/// The document after the patch. Members in `fixed` may be repeated but not changed; tags have a path of
/// their own.
pub(crate) fn merge(
    present: &impl Serialize,
    patch: Value,
    fixed: &[&str],
) -> Result<Value, Problem> {
    let mut document = serde_json::to_value(present).map_err(|error| Problem::internal(&error))?;
    let mut problems: Vec<FieldProblem> = fixed
        .iter()
        .filter(|name| {
            patch
                .get(**name)
                .is_some_and(|value| Some(value) != document.get(**name))
        })
        .map(|name| {
            let message = format!("{name} cannot be changed");
            FieldProblem::new(&format!("/{name}"), "fixed at creation", &message)
        })
        .collect();
    if patch.get("tags").is_some() {
        let message = "tags are changed below the resource's path, at /tags";
        problems.push(FieldProblem::new("/tags", "not part of a patch", message));
    }
    if !problems.is_empty() {
        return Err(Problem::fields(problems));
    }
    decode::merge(&mut document, patch);
    Ok(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fixed_members_may_be_repeated_but_not_changed() {
        let present = json!({"name": "a", "port": 1});
        let merged = merge(&present, json!({"name": "a", "port": 2}), &["name"]).unwrap();
        assert_eq!(merged, json!({"name": "a", "port": 2}));
        assert!(merge(&present, json!({"name": "b"}), &["name"]).is_err());
        assert!(merge(&present, json!({"name": null}), &["name"]).is_err());
        assert!(merge(&present, json!({"tags": {}}), &[]).is_err());
    }
}
