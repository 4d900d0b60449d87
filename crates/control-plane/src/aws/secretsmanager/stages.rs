//! `UpdateSecretVersionStage` and `ListSecretVersionIds`: labels and what they hang on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{SecretRow, SecretStage, limit};

use super::list::page;
use super::named::{self, Named, allowed, finish};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::paging::Bounds;

/// Source: `ListSecretVersionIds`, `MaxResults`.
const PAGE: Bounds = Bounds {
    min: 1,
    max: 100,
    default: 100,
};
const LABEL_LENGTH_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSecretVersionStage {
    secret_id: String,
    version_stage: String,
    remove_from_version_id: Option<String>,
    move_to_version_id: Option<String>,
}

/// `UpdateSecretVersionStage`
pub(super) async fn update(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UpdateSecretVersionStage = call.decode()?;
    let row = allowed(&call, &request.secret_id).await?;
    check(std::slice::from_ref(&request.version_stage))?;
    let writing = call.api.store.begin_at(call.now()).await?;
    let row = named::not_deleted(writing.secret_get(&row.id).await?)?;
    check_move(&row, &request)?;
    let to = request.move_to_version_id.as_deref();
    if let Some(version) = to
        && writing
            .secret_version_get(&row.id, version)
            .await?
            .is_none()
    {
        let message = format!(
            "Secrets Manager can't find the specified secret value for VersionId: {version}"
        );
        return Err(Fault::sender("ResourceNotFoundException", message).into());
    }
    let row = writing
        .secret_stage_set(&row.id, &request.version_stage, to)
        .await?;
    finish(&call, writing, &Named::new(&call, &row)).await
}

/// Whoever moves a label says where it hangs now, so that two who move it do not undo each other's work.
fn check_move(row: &SecretRow, request: &UpdateSecretVersionStage) -> Result<(), Refusal> {
    let stage = request.version_stage.as_str();
    let mut versions = row.stages.iter();
    let holder = versions.find(|(_, labels)| labels.iter().any(|label| label == stage));
    let holder = holder.map(|(version, _)| version.as_str());
    let from = request.remove_from_version_id.as_deref();
    let to = request.move_to_version_id.as_deref();
    let refused = |message: String| Err(Refusal::Invalid(message));
    match (holder, from, to) {
        (_, None, None) => {
            refused("You must provide RemoveFromVersionId, MoveToVersionId, or both.".to_owned())
        }
        (Some(_), _, None) if stage == SecretStage::Current.as_str() => refused(format!(
            "You can only move staging label {stage} to a different secret version. It can't be completely \
             removed."
        )),
        (Some(holder), None, Some(to)) if holder != to => refused(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to \
             version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )),
        (holder, Some(from), _) if holder != Some(from) => refused(format!(
            "Staging label {stage} is not attached to version {from}, which RemoveFromVersionId names."
        )),
        (_, _, _) => Ok(()),
    }
}

/// Checks labels of a request. Source: `PutSecretValue`, `VersionStages`.
pub(super) fn check(labels: &[String]) -> Result<(), Refusal> {
    let is_label = |label: &String| (1..=LABEL_LENGTH_MAX).contains(&label.chars().count());
    let is_count = (1..=limit::STAGES_PER_VERSION).contains(&labels.len());
    if is_count && labels.iter().all(is_label) {
        return Ok(());
    }
    Err(Refusal::Invalid(format!(
        "A version has 1 to {} staging labels of 1 to {LABEL_LENGTH_MAX} characters.",
        limit::STAGES_PER_VERSION
    )))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSecretVersionIds {
    secret_id: String,
    max_results: Option<u32>,
    next_token: Option<String>,
    include_deprecated: Option<bool>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    versions: Vec<Entry>,
    next_token: Option<String>,
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    version_id: String,
    version_stages: Vec<String>,
    created_date: i64,
}

/// `ListSecretVersionIds`, in the order of ids.
pub(super) async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ListSecretVersionIds = call.decode()?;
    let row = allowed(&call, &request.secret_id).await?;
    let with_deprecated = request.include_deprecated == Some(true);
    let shape = format!("{} {with_deprecated}", row.id);
    let asked = (request.next_token.as_deref(), request.max_results);
    let page = page(&call, asked, PAGE, &shape)?;
    let mut rows = call.api.store.secret_versions(&row.id).await?;
    rows.retain(|version| with_deprecated || !version.stages.is_empty());
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    if let Some(after) = &page.after {
        rows.retain(|version| version.id.as_str() > after.as_str());
    }
    let size = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let is_cut = rows.len() > size;
    rows.truncate(size);
    let last = rows.last().filter(|_| is_cut);
    let next_token = call.marker(last.map(|version| version.id.as_str()), &shape)?;
    let version = |row: tollgate_store::SecretVersionRow| Entry {
        version_id: row.id,
        version_stages: row.stages,
        created_date: row.created_at,
    };
    call.answer(&Listed {
        versions: rows.into_iter().map(version).collect(),
        next_token,
        arn: named::arn(&call, &row),
        name: row.name,
    })
}
