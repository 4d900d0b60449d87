//! What requests give: names, paths, documents, tags and policy ARNs, checked as IAM checks them.

use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate_iam::policy::{PolicyDocument, PolicyKind};
use tollgate_store::{PolicyRow, StoreError, Write};
use tollgate_types::{NameRule, check_name};

use super::fault::{limit_exceeded, no_such_entity};
use crate::aws::call::Call;
use crate::aws::fault::{Fault, Refusal};
use crate::service::check::Check;
use crate::service::identity_spec::ROOT_PATH;
use crate::service::{identities, name};

/// Longest path. Source: IAM API, `pathType`.
const PATH_LENGTH_MAX: usize = 512;
/// How many reasons a refused document tells.
const REASONS_MAX: usize = 5;

/// A tag of a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// A name that obeys a rule; `member` is where it stood.
pub(super) fn name(rule: NameRule, member: &str, text: String) -> Result<String, Refusal> {
    match check_name(rule, member, &text) {
        Some(problem) => Err(Refusal::Invalid(format!("{member}: {}", problem.message))),
        None => Ok(text),
    }
}

/// A path: `/` when absent, else `/a/b/`.
pub(super) fn path(given: Option<String>) -> Result<String, Refusal> {
    let path = given.unwrap_or_else(|| ROOT_PATH.to_owned());
    if path.ends_with('/') && is_below_root(&path) {
        return Ok(path);
    }
    let message = format!(
        "Path must begin and end with / and contain only printable ASCII characters, at most {PATH_LENGTH_MAX}"
    );
    Err(Refusal::Invalid(message))
}

/// What paths must begin with: `/` when absent.
pub(super) fn path_prefix(given: Option<String>) -> Result<String, Refusal> {
    let prefix = given.unwrap_or_else(|| ROOT_PATH.to_owned());
    if is_below_root(&prefix) {
        return Ok(prefix);
    }
    let message = format!(
        "PathPrefix must begin with / and contain only printable ASCII characters, at most {PATH_LENGTH_MAX}"
    );
    Err(Refusal::Invalid(message))
}

fn is_below_root(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= PATH_LENGTH_MAX
        && path.bytes().all(|byte| (0x21..=0x7f).contains(&byte))
}

/// A document that is valid for its use, as it was written.
pub(super) fn document(text: String, kind: PolicyKind) -> Result<String, Refusal> {
    let (quota, max) = match kind {
        PolicyKind::Trust => ("ACLSizePerRole", kind.size_max()),
        PolicyKind::Identity
        | PolicyKind::SessionPolicy
        | PolicyKind::Boundary
        | PolicyKind::Resource => ("PolicySize", kind.size_max()),
    };
    if size(&text) > max {
        let message = format!("Cannot exceed quota for {quota}: {max}");
        return Err(limit_exceeded(message).into());
    }
    match PolicyDocument::parse(&text, kind) {
        Ok(_) => Ok(text),
        Err(problems) => {
            let reasons: Vec<String> = problems
                .iter()
                .take(REASONS_MAX)
                .map(|problem| match problem.pointer.as_str() {
                    "" => problem.message.clone(),
                    pointer => format!("{pointer}: {}", problem.message),
                })
                .collect();
            Err(Fault::sender("MalformedPolicyDocument", reasons.join("; ")).into())
        }
    }
}

/// The size that quotas count: characters, white space left out.
pub(super) fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

/// Tags, no key twice.
pub(super) fn tags(given: Vec<Tag>) -> Result<BTreeMap<String, String>, Refusal> {
    let count = given.len();
    let tags: BTreeMap<String, String> =
        given.into_iter().map(|tag| (tag.key, tag.value)).collect();
    let mut folded: Vec<String> = tags.keys().map(|key| key.to_ascii_lowercase()).collect();
    folded.sort_unstable();
    folded.dedup();
    if folded.len() < count {
        let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(Fault::sender("InvalidInput", message).into());
    }
    let mut check = Check::new(Vec::new());
    check.tags(&tags);
    Ok(check.done(tags)?)
}

/// A description within bounds.
pub(super) fn description(given: Option<String>) -> Result<String, Refusal> {
    let text = given.unwrap_or_default();
    let mut check = Check::new(Vec::new());
    check.length("/Description", &text, 0, 1_000);
    Ok(check.done(text)?)
}

/// The policy with this ARN.
pub(in crate::aws) async fn policy(call: &Call, arn: &str) -> Result<PolicyRow, Refusal> {
    let found = call.api.store.policy_get(policy_name(call, arn)?).await;
    with_arn(call, arn, found)
}

/// As [`policy`], inside a write.
pub(super) async fn policy_in(
    call: &Call,
    writing: &Write,
    arn: &str,
) -> Result<PolicyRow, Refusal> {
    let found = writing.policy_get(policy_name(call, arn)?).await;
    with_arn(call, arn, found)
}

/// As [`policy_in`], for a policy that is about to change: AWS-managed ones never do.
pub(super) async fn own_policy_in(
    call: &Call,
    writing: &Write,
    arn: &str,
) -> Result<PolicyRow, Refusal> {
    let row = policy_in(call, writing, arn).await?;
    identities::changeable(&row)?;
    Ok(row)
}

fn policy_name<'t>(call: &Call, arn: &'t str) -> Result<&'t str, Refusal> {
    if !arn.starts_with("arn:aws:iam::") {
        return Err(Fault::sender("InvalidInput", format!("ARN {arn} is not valid.")).into());
    }
    Ok(name::iam(&call.api.settings.arn, "policy", arn))
}

/// A name alone does not tell the path, but the ARN does.
fn with_arn(
    call: &Call,
    arn: &str,
    found: Result<PolicyRow, StoreError>,
) -> Result<PolicyRow, Refusal> {
    let missing = || no_such_entity(format!("Policy {arn} does not exist or is not attachable."));
    match found {
        Ok(row) if identities::policy_arn(&call.api.settings.arn, &row) == arn => Ok(row),
        Ok(_) | Err(StoreError::NotFound { .. }) => Err(missing().into()),
        Err(error) => Err(error.into()),
    }
}

/// The number in `v3`.
pub(super) fn version(text: &str) -> Result<u32, Refusal> {
    let number = text
        .strip_prefix('v')
        .and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| {
        Refusal::Invalid(format!(
            "VersionId must be v and a number, as in v1; it is {text}"
        ))
    })
}
