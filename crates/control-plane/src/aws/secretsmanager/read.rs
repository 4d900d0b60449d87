//! `GetSecretValue` and `BatchGetSecretValue`: the only answers with values in them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{SecretRow, SecretStage, SecretVersionRow};
use zeroize::Zeroizing;

use super::list::{self, Filter};
use super::named::{self, allowed_to, not_deleted};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::paging::Bounds;
use crate::http::table::{Kind, On};
use crate::service::secret_data::SecretData;
use crate::service::secrets;

const ACTION: &str = "secretsmanager:GetSecretValue";
/// Source: `BatchGetSecretValue`.
const BATCH_MAX: usize = 20;
const PAGE: Bounds = Bounds {
    min: 1,
    max: 20,
    default: 20,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    version_id: String,
    secret_binary: Option<Zeroizing<String>>,
    secret_string: Option<tollgate_types::SecretString>,
    version_stages: Vec<String>,
    created_date: i64,
}

/// `GetSecretValue`
pub(super) async fn get_value(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: GetSecretValue = call.decode()?;
    let row = not_deleted(allowed_to(&call, ACTION, &request.secret_id).await?)?;
    let version = version(&call, &row, &request).await?;
    call.answer(&value(&call, &row, version)?)
}

/// By id, by label, or by both; the current one if by neither.
async fn version(
    call: &Call,
    row: &SecretRow,
    request: &GetSecretValue,
) -> Result<SecretVersionRow, Refusal> {
    let missing = |what: &str, which: &str| {
        let message =
            format!("Secrets Manager can't find the specified secret value for {what}: {which}");
        Refusal::from(Fault::sender("ResourceNotFoundException", message))
    };
    let stage = request.version_stage.as_deref();
    let id = if let Some(id) = &request.version_id {
        id.as_str()
    } else {
        let stage = stage.unwrap_or(SecretStage::Current.as_str());
        let labelled =
            |(id, labels): (_, &Vec<String>)| labels.iter().any(|l| l == stage).then_some(id);
        let found: Option<&String> = row.stages.iter().find_map(labelled);
        found.ok_or_else(|| missing("staging label", stage))?
    };
    let found = call.api.store.secret_version_get(&row.id, id).await?;
    let found = found.ok_or_else(|| missing("VersionId", id))?;
    match stage {
        Some(stage) if !found.stages.iter().any(|label| label == stage) => {
            Err(named::invalid_request(
                "You provided a VersionStage that is not associated to the provided VersionId.",
            ))
        }
        Some(_) | None => Ok(found),
    }
}

fn value(call: &Call, row: &SecretRow, version: SecretVersionRow) -> Result<Value, Refusal> {
    let (secret_string, secret_binary) = match secrets::open(&call.api.vault, &version)? {
        SecretData::Text(text) => (Some(text), None),
        SecretData::Binary(bytes) => (None, Some(Zeroizing::new(STANDARD.encode(&*bytes.0)))),
    };
    Ok(Value {
        arn: named::arn(call, row),
        name: row.name.clone(),
        version_id: version.id,
        secret_binary,
        secret_string,
        version_stages: version.stages,
        created_date: version.created_at,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    secret_id_list: Option<Vec<String>>,
    filters: Option<Vec<Filter>>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

#[skip_serializing_none]
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batched {
    secret_values: Vec<Value>,
    next_token: Option<String>,
    errors: Vec<Failed>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    secret_id: String,
    error_code: String,
    message: String,
}

/// `BatchGetSecretValue`: each secret is authorized for itself, and one that fails does not fail the others.
pub(super) async fn batch(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: Batch = call.decode()?;
    let mut answer = Batched::default();
    let wanted = match (request.secret_id_list, request.filters) {
        (Some(ids), None) if (1..=BATCH_MAX).contains(&ids.len()) => ids,
        (None, Some(filters)) => {
            call.allow("secretsmanager:ListSecrets", On::Any(Kind::Secret), "")
                .await?;
            let asked = list::Asked {
                filters,
                include_planned_deletion: None,
                sort_order: None,
                max_results: request.max_results,
                next_token: request.next_token,
            };
            let found = list::find(&call, &asked, PAGE).await?;
            answer.next_token = found.next_token;
            found.rows.into_iter().map(|row| row.name).collect()
        }
        (Some(_), None) => {
            let message = format!("SecretIdList must have 1 to {BATCH_MAX} elements.");
            return Err(Refusal::Invalid(message));
        }
        (Some(_), Some(_)) | (None, None) => {
            let message = "You must provide either SecretIdList or Filters, and not both.";
            return Err(Refusal::Invalid(message.to_owned()));
        }
    };
    for secret_id in wanted {
        match current(&call, &secret_id).await {
            Ok(value) => answer.secret_values.push(value),
            Err(refusal) => {
                let fault = super::fault(refusal);
                answer.errors.push(Failed {
                    secret_id,
                    error_code: fault.code.into_owned(),
                    message: fault.message,
                });
            }
        }
    }
    call.answer(&answer)
}

async fn current(call: &Call, secret_id: &str) -> Result<Value, Refusal> {
    let row = not_deleted(allowed_to(call, ACTION, secret_id).await?)?;
    let request = GetSecretValue {
        secret_id: secret_id.to_owned(),
        version_id: None,
        version_stage: None,
    };
    let version = version(call, &row, &request).await?;
    value(call, &row, version)
}
