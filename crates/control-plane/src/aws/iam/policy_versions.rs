//! Versions of managed policies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_iam::policy::PolicyKind;
use tollgate_store::{Expect, PolicyVersionRow};

use super::{begin, finish, given, paged, shape};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::Kind;
use crate::time::rfc3339;

pub(super) fn operations() -> Vec<Operation> {
    let one = Authorized::One(Kind::Policy, "PolicyArn");
    vec![
        Operation::new("CreatePolicyVersion", one, create),
        Operation::new("GetPolicyVersion", one, get),
        Operation::new("ListPolicyVersions", one, list),
        Operation::new("SetDefaultPolicyVersion", one, set_default),
        Operation::new("DeletePolicyVersion", one, delete),
    ]
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    create_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneVersion {
    policy_version: Version,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Versions {
    versions: Members<Version>,
    is_truncated: bool,
    marker: Option<String>,
}

fn version(row: &PolicyVersionRow) -> Version {
    Version {
        document: None,
        version_id: format!("v{}", row.version),
        is_default_version: row.is_default,
        create_date: rfc3339(row.created_at),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateVersion {
    policy_arn: String,
    policy_document: String,
    #[serde(default)]
    set_as_default: bool,
}

async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: CreateVersion = call.decode()?;
    let document = given::document(request.policy_document, PolicyKind::Identity)?;
    let writing = begin(&call).await?;
    let policy = given::own_policy_in(&call, &writing, &request.policy_arn).await?;
    let mut row = writing
        .policy_version_create(&policy.id, Expect::Anything, &document)
        .await?;
    if request.set_as_default {
        row = writing
            .policy_version_set_default(&policy.id, Expect::Anything, row.version)
            .await?;
    }
    let policy_version = version(&row);
    let answer = call.answer(&OneVersion { policy_version })?;
    finish(&call, writing, answer).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionAsked {
    policy_arn: String,
    version_id: String,
}

async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: VersionAsked = call.decode()?;
    let number = given::version(&request.version_id)?;
    let policy = given::policy(&call, &request.policy_arn).await?;
    let row = call
        .api
        .store
        .policy_version_get(&policy.id, number)
        .await?;
    let policy_version = Version {
        document: Some(shape::document(&row.document)),
        ..version(&row)
    };
    call.answer(&OneVersion { policy_version })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListVersions {
    policy_arn: String,
}

/// The newest first, as AWS lists them.
async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ListVersions = call.decode()?;
    let page = paged::ask(&call, &request.policy_arn)?;
    let policy = given::policy(&call, &request.policy_arn).await?;
    let mut rows = call.api.store.policy_version_list(&policy.id).await?;
    rows.reverse();
    let newest_first =
        |row: &PolicyVersionRow| format!("{:010}", u32::MAX.saturating_sub(row.version));
    let listed = paged::cut(rows, &page, newest_first);
    let marker = call.marker(listed.next.as_deref(), &request.policy_arn)?;
    call.answer(&Versions {
        versions: Members(listed.items.iter().map(version).collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}

async fn set_default(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: VersionAsked = call.decode()?;
    let number = given::version(&request.version_id)?;
    let writing = begin(&call).await?;
    let policy = given::own_policy_in(&call, &writing, &request.policy_arn).await?;
    writing
        .policy_version_set_default(&policy.id, Expect::Anything, number)
        .await?;
    finish(&call, writing, call.done()?).await
}

async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: VersionAsked = call.decode()?;
    let number = given::version(&request.version_id)?;
    let writing = begin(&call).await?;
    let policy = given::own_policy_in(&call, &writing, &request.policy_arn).await?;
    writing.policy_version_delete(&policy.id, number).await?;
    finish(&call, writing, call.done()?).await
}
