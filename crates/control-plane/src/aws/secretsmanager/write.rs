//! `CreateSecret`, `UpdateSecret` and `PutSecretValue`.

use std::sync::Arc;

use serde::Deserialize;
use tollgate_store::{SecretRow, SecretStage, SecretUpdate, StoreError, Write};

use super::named::{self, Named, allowed, allowed_to, finish};
use super::stages;
use super::tags::{self, Tag};
use super::value::{Given, Tokened};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::http::table::{Kind, On};
use crate::service::check::Check;
use crate::service::secret_spec::{About, DESCRIPTION_LENGTH_MAX, SecretSpec};
use crate::service::secrets;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSecret {
    name: String,
    description: Option<String>,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    add_replica_regions: Vec<Replica>,
}

/// Refused, whatever it says.
#[derive(Deserialize)]
struct Replica {}

/// `CreateSecret`
pub(super) async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: CreateSecret = call.decode()?;
    let given: Given = call.decode()?;
    let one = On::One(Kind::Secret);
    call.allow("secretsmanager:CreateSecret", one, &request.name)
        .await?;
    if !request.tags.is_empty() {
        call.allow("secretsmanager:TagResource", one, &request.name)
            .await?;
    }
    if !request.add_replica_regions.is_empty() {
        let message = "AddReplicaRegions: this installation has one region and replicates nothing.";
        return Err(Refusal::Invalid(message.to_owned()));
    }
    let spec = spec(request, &given)?;
    let writing = call.api.store.begin_at(call.now()).await?;
    match writing.secret_get(&spec.name).await {
        Ok(row) if row.name == spec.name => existing(&call, &writing, row, &spec).await,
        Ok(_) | Err(StoreError::NotFound { .. }) => {
            let row = writing
                .secret_create(secrets::new(&call.api, spec)?)
                .await?;
            let version = row.version_id.clone();
            let answer = Named::new(&call, &row).with_version(version);
            finish(&call, writing, &answer).await
        }
        Err(error) => Err(error.into()),
    }
}

fn spec(request: CreateSecret, given: &Given) -> Result<SecretSpec, Refusal> {
    let about = About {
        name: Some(request.name),
        description: request.description,
        tags: tags::map(&request.tags)?,
    };
    let mut check = Check::default();
    let mut spec = SecretSpec::new(&mut check, about);
    if let Some(key) = &request.kms_key_id {
        check.length("/KmsKeyId", key, 0, DESCRIPTION_LENGTH_MAX);
    }
    spec.kms_key_id = request.kms_key_id;
    spec.value = given.data()?;
    spec.token = given.token()?;
    Ok(check.done(spec)?)
}

/// The same call again gets the same answer; any other is refused.
async fn existing(
    call: &Call,
    writing: &Write,
    row: SecretRow,
    spec: &SecretSpec,
) -> Result<Answer, Refusal> {
    if row.deletion.is_some() {
        return Err(named::invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    let repeated = spec
        .token
        .clone()
        .filter(|_| row.create_token == spec.token);
    let refused = || {
        let message = format!(
            "The operation failed because the secret {} already exists.",
            row.name
        );
        Refusal::from(Fault::sender("ResourceExistsException", message))
    };
    let token = repeated.ok_or_else(refused)?;
    let version = match spec.value.clone() {
        Some(data) => {
            let tokened = Tokened { token, data };
            if !tokened.is_known(call, writing, &row).await? {
                return Err(refused());
            }
            Some(tokened.token)
        }
        None if writing.secret_version_get(&row.id, &token).await?.is_some() => {
            return Err(refused());
        }
        None => None,
    };
    call.answer(&Named::new(call, &row).with_version(version))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSecret {
    secret_id: String,
    description: Option<String>,
    kms_key_id: Option<String>,
}

/// `UpdateSecret`
pub(super) async fn update(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UpdateSecret = call.decode()?;
    let given: Given = call.decode()?;
    let row = allowed(&call, &request.secret_id).await?;
    let mut check = Check::default();
    for (pointer, text) in [
        ("/Description", &request.description),
        ("/KmsKeyId", &request.kms_key_id),
    ] {
        check.length(
            pointer,
            text.as_deref().unwrap_or_default(),
            0,
            DESCRIPTION_LENGTH_MAX,
        );
    }
    check.done(())?;
    let (token, data) = (given.token()?, given.data()?);
    let writing = call.api.store.begin_at(call.now()).await?;
    let change = SecretUpdate {
        description: request.description,
        kms_key_id: request.kms_key_id,
        resource_policy: None,
    };
    let mut row = writing.secret_update(&row.id, change).await?;
    let mut version = None;
    if let Some(data) = data {
        let tokened = Tokened::new(&call, token, data);
        row = tokened.put(&call, &writing, row, &current()).await?;
        version = Some(tokened.token);
    }
    let answer = Named::new(&call, &row).with_version(version);
    finish(&call, writing, &answer).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutSecretValue {
    secret_id: String,
    version_stages: Option<Vec<String>>,
    rotation_token: Option<String>,
}

/// `PutSecretValue`
pub(super) async fn put_value(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: PutSecretValue = call.decode()?;
    let given: Given = call.decode()?;
    let row = allowed_to(&call, "secretsmanager:PutSecretValue", &request.secret_id).await?;
    if request.rotation_token.is_some() {
        return Err(named::invalid_request(
            "RotationToken: this installation runs no rotation functions.",
        ));
    }
    let labels = request.version_stages.unwrap_or_else(|| current().to_vec());
    stages::check(&labels)?;
    let data = given.data()?.ok_or_else(|| {
        Refusal::Invalid("You must provide either SecretString or SecretBinary.".to_owned())
    })?;
    let tokened = Tokened::new(&call, given.token()?, data);
    let writing = call.api.store.begin_at(call.now()).await?;
    let row = named::not_deleted(writing.secret_get(&row.id).await?)?;
    let row = tokened.put(&call, &writing, row, &labels).await?;
    let answer = Named::new(&call, &row)
        .with_version(Some(tokened.token))
        .with_stages(&row);
    finish(&call, writing, &answer).await
}

fn current() -> [String; 1] {
    [SecretStage::Current.as_str().to_owned()]
}
