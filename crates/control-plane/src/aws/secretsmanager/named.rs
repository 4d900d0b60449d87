//! Which secret a call names, and what most answers say about it.

use serde::Serialize;
use serde_with::skip_serializing_none;
use tollgate_store::{Kind as StoreKind, SecretRow, StoreError, Write};

use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::http::table::{Kind, On};
use crate::service::secrets;

/// The secret that a caller names, once it is known that the caller may do this with it. Whether it exists is
/// learned only by those who may.
pub(super) async fn allowed(call: &Call, given: &str) -> Result<SecretRow, Refusal> {
    let action = format!("secretsmanager:{}", call.operation);
    allowed_to(call, &action, given).await
}

/// As [`allowed`], for another action.
pub(super) async fn allowed_to(
    call: &Call,
    action: &str,
    given: &str,
) -> Result<SecretRow, Refusal> {
    let found = secrets::find(&call.api.store, &call.api.settings.arn, given).await;
    let resource = match &found {
        Ok(row) => row.id.as_str(),
        Err(StoreError::NotFound { .. }) => given,
        Err(_) => return Ok(found?),
    };
    call.allow(action, On::One(Kind::Secret), resource).await?;
    Ok(found?)
}

/// Refuses a secret that is marked for deletion.
pub(super) fn not_deleted(row: SecretRow) -> Result<SecretRow, Refusal> {
    if row.deletion.is_some() {
        return Err(Refusal::Store(StoreError::BeingDeleted {
            kind: StoreKind::Secret,
            name: row.name,
        }));
    }
    Ok(row)
}

/// The ARN of a secret.
pub(super) fn arn(call: &Call, row: &SecretRow) -> String {
    secrets::arn(&call.api.settings.arn, &row.name, &row.id)
}

/// The answer of many operations.
#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    #[serde(rename = "ARN")]
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) version_id: Option<String>,
    pub(super) version_stages: Option<Vec<String>>,
}

impl Named {
    /// Name and ARN alone.
    pub(super) fn new(call: &Call, row: &SecretRow) -> Self {
        Self {
            arn: arn(call, row),
            name: row.name.clone(),
            version_id: None,
            version_stages: None,
        }
    }

    /// With a version.
    pub(super) fn with_version(mut self, version: Option<String>) -> Self {
        self.version_id = version;
        self
    }

    /// With the labels of its version.
    pub(super) fn with_stages(mut self, row: &SecretRow) -> Self {
        let version = self.version_id.as_ref();
        let stages = version.and_then(|version| row.stages.get(version));
        self.version_stages = Some(stages.cloned().unwrap_or_default());
        self
    }
}

/// Makes a change durable, wakes the reconciler, and answers.
pub(super) async fn finish(
    call: &Call,
    writing: Write,
    result: &impl Serialize,
) -> Result<Answer, Refusal> {
    writing.commit().await?;
    call.api.wake.notify_one();
    call.answer(result)
}

/// A request that is understood and cannot be served in the present state.
pub(super) fn invalid_request(message: impl Into<String>) -> Refusal {
    Fault::sender("InvalidRequestException", message).into()
}
