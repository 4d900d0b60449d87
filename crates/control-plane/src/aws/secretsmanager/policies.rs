//! Resource policies of secrets: read, put, removed, and checked without being put.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_iam::policy::{PolicyDocument, PolicyKind};
use tollgate_store::{SecretRow, SecretUpdate};

use super::named::{self, Named, allowed, finish, not_deleted};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::http::table::{Kind, On};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfSecret {
    secret_id: String,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    resource_policy: Option<String>,
}

/// `GetResourcePolicy`
pub(super) async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: OfSecret = call.decode()?;
    let row = not_deleted(allowed(&call, &request.secret_id).await?)?;
    call.answer(&Shown {
        arn: named::arn(&call, &row),
        name: row.name,
        resource_policy: row.resource_policy,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutResourcePolicy {
    secret_id: String,
    resource_policy: String,
    block_public_policy: Option<bool>,
}

/// `PutResourcePolicy`
pub(super) async fn put(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: PutResourcePolicy = call.decode()?;
    let row = allowed(&call, &request.secret_id).await?;
    let document = parse(&request.resource_policy).map_err(|problems| {
        Fault::sender("MalformedPolicyDocumentException", problems.join("; "))
    })?;
    if request.block_public_policy == Some(true) && document.is_public() {
        let message = "The resource policy allows everybody under no condition.";
        return Err(Fault::sender("PublicPolicyException", message).into());
    }
    store(&call, &row, Some(request.resource_policy)).await
}

/// `DeleteResourcePolicy`
pub(super) async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: OfSecret = call.decode()?;
    let row = allowed(&call, &request.secret_id).await?;
    store(&call, &row, None).await
}

async fn store(call: &Call, row: &SecretRow, policy: Option<String>) -> Result<Answer, Refusal> {
    let writing = call.api.store.begin_at(call.now()).await?;
    let change = SecretUpdate {
        resource_policy: Some(policy),
        ..SecretUpdate::default()
    };
    let row = writing.secret_update(&row.id, change).await?;
    finish(call, writing, &Named::new(call, &row)).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ValidateResourcePolicy {
    secret_id: Option<String>,
    resource_policy: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Validated {
    policy_validation_passed: bool,
    validation_errors: Vec<ValidationError>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ValidationError {
    check_name: &'static str,
    error_message: String,
}

/// `ValidateResourcePolicy`
pub(super) async fn validate(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ValidateResourcePolicy = call.decode()?;
    if let Some(given) = &request.secret_id {
        allowed(&call, given).await?;
    } else {
        let any = On::Any(Kind::Secret);
        call.allow("secretsmanager:ValidateResourcePolicy", any, "")
            .await?;
    }
    let wrong = |check_name, error_message| ValidationError {
        check_name,
        error_message,
    };
    let validation_errors = match parse(&request.resource_policy) {
        Ok(document) if document.is_public() => {
            let message = "The resource policy allows everybody under no condition.";
            vec![wrong("PUBLIC_POLICY", message.to_owned())]
        }
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|message| wrong("MALFORMED_POLICY", message))
            .collect(),
    };
    call.answer(&Validated {
        policy_validation_passed: validation_errors.is_empty(),
        validation_errors,
    })
}

/// The document, or everything that is wrong with it.
fn parse(text: &str) -> Result<PolicyDocument, Vec<String>> {
    PolicyDocument::parse(text, PolicyKind::Resource).map_err(|problems| {
        let told = problems.into_iter().map(|problem| {
            if problem.pointer.is_empty() {
                problem.message
            } else {
                format!("{}: {}", problem.pointer, problem.message)
            }
        });
        told.collect()
    })
}
