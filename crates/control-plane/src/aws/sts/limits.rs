//! The rules that requests for sessions obey. Source: STS API, `AssumeRole` and `AssumeRoleWithWebIdentity`.

use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate_iam::policy::{PolicyDocument, PolicyKind};
use tollgate_store::RoleRow;

use crate::aws::call::Call;
use crate::aws::fault::{Fault, Refusal};
use crate::aws::iam;
use crate::service::sessions::NewSession;

const DURATION_S_MIN: i64 = 900;
const DURATION_S_DEFAULT: i64 = 3_600;
const POLICIES_MAX: usize = 10;
const TAGS_MAX: usize = 50;

/// `Tags` of a session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

/// `PolicyArns`.
#[derive(Debug, Deserialize)]
pub(super) struct PolicyDescriptor {
    arn: String,
}

/// The duration asked for, within the bounds of STS and of the role.
pub(super) fn duration(asked: Option<i64>, role: &RoleRow) -> Result<i64, Refusal> {
    let max = i64::from(role.max_session_s);
    let duration = asked.unwrap_or(DURATION_S_DEFAULT.min(max));
    if duration < DURATION_S_MIN {
        return Err(Refusal::Invalid(
            "DurationSeconds must be at least 900".to_owned(),
        ));
    }
    if duration > max {
        let words = format!(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role: {max}"
        );
        return Err(Refusal::Invalid(words));
    }
    Ok(duration)
}

/// A name of a session or of a source identity.
pub(super) fn identifier(member: &str, text: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (2..=64).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    let words = format!("{member} must be 2 to 64 characters long, of letters, digits and _+=,.@-");
    Err(Refusal::Invalid(words))
}

/// The session's policies: the one in the request, and the managed ones that it names.
pub(super) async fn policies(
    call: &Call,
    inline: Option<String>,
    named: &[PolicyDescriptor],
) -> Result<Vec<String>, Refusal> {
    if named.len() > POLICIES_MAX {
        return Err(Refusal::Invalid(
            "PolicyArns must name at most 10 policies".to_owned(),
        ));
    }
    let mut documents = Vec::new();
    if let Some(text) = inline {
        PolicyDocument::parse(&text, PolicyKind::SessionPolicy).map_err(|problems| {
            let first = problems
                .first()
                .map_or("", |problem| problem.message.as_str());
            Fault::sender("MalformedPolicyDocument", format!("Policy: {first}"))
        })?;
        documents.push(text);
    }
    if let Some(document) = managed(call, named).await? {
        documents.push(document);
    }
    Ok(documents)
}

/// The named policies together grant what any of them grants, so they become one document.
async fn managed(call: &Call, named: &[PolicyDescriptor]) -> Result<Option<String>, Refusal> {
    let mut statements = Vec::new();
    for PolicyDescriptor { arn } in named {
        let row = iam::policy(call, arn).await?;
        let document: serde_json::Value = serde_json::from_str(&row.document)
            .map_err(|_| crate::problem::Problem::internal(&"stored policy is no JSON"))?;
        match document.get("Statement").cloned() {
            Some(serde_json::Value::Array(many)) => statements.extend(many),
            Some(one) => statements.push(one),
            None => {}
        }
    }
    for statement in &mut statements {
        if let Some(members) = statement.as_object_mut() {
            // Sids are unique within one document only.
            members.remove("Sid");
        }
    }
    if statements.is_empty() {
        return Ok(None);
    }
    let merged = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    Ok(Some(merged.to_string()))
}

/// Session tags by key, with those that the caller's own session passes on.
pub(super) fn tags(
    call: &Call,
    given: Vec<Tag>,
    transitive: &[String],
) -> Result<(BTreeMap<String, String>, Vec<String>), Refusal> {
    let mut tags = BTreeMap::new();
    let mut passed_on: Vec<String> = transitive.to_vec();
    if let Some(session) = &call.caller.session {
        for key in &session.claims.transitive_tags {
            if let Some(value) = session.claims.tags.get(key) {
                tags.insert(key.clone(), value.clone());
                passed_on.push(key.clone());
            }
        }
    }
    for Tag { key, value } in given {
        if !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256 {
            let words = "Tags must have keys of 1 to 128 and values of at most 256 characters";
            return Err(Refusal::Invalid(words.to_owned()));
        }
        // Conditions do not tell upper and lower case apart, so two such keys would be one.
        if tags
            .keys()
            .any(|known: &String| known.eq_ignore_ascii_case(&key))
        {
            let words = format!("tag {key} is given twice or passed on by the caller's session");
            return Err(Refusal::Invalid(words));
        }
        tags.insert(key, value);
    }
    if tags.len() > TAGS_MAX {
        return Err(Refusal::Invalid(
            "a session can have at most 50 tags".to_owned(),
        ));
    }
    if let Some(unknown) = passed_on.iter().find(|key| !tags.contains_key(*key)) {
        let words = format!("TransitiveTagKeys names {unknown}, which is no tag of the session");
        return Err(Refusal::Invalid(words));
    }
    passed_on.sort();
    passed_on.dedup();
    Ok((tags, passed_on))
}

/// The share of the room that is taken, where anything is.
pub(super) fn packed(new: &NewSession) -> Result<Option<usize>, Refusal> {
    match new.packed_percent() {
        0 => Ok(None),
        percent @ 1..=100 => Ok(Some(percent)),
        percent => {
            let words = format!(
                "Packed policy consumes {percent}% of allotted space, please use smaller policy."
            );
            Err(Fault::sender("PackedPolicyTooLarge", words).into())
        }
    }
}
