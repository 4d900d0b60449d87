//! Secrets: sealed on the way in, opened for snapshots only.

use tollgate_store::{NewSecret, NewSecretVersion, SecretRow, SecretVersionRow};
use tollgate_types::{Arn, SecretString};

use super::fresh;
use super::secret_spec::{SecretSpec, SecretValue};
use crate::api::Api;
use crate::http::views::secret::Secret;
use crate::problem::Problem;
use crate::time::rfc3339;

/// A new row, its value sealed.
pub(crate) fn new(api: &Api, spec: SecretSpec) -> Result<NewSecret, Problem> {
    let SecretSpec {
        name,
        description,
        value,
        tags,
    } = spec;
    let id = fresh::secret_suffix(&api.ports.random);
    let version = version(api, &id, &value)?;
    Ok(NewSecret {
        id,
        name,
        description,
        version,
        tags,
    })
}

/// A new version of the secret with this id, sealed.
pub(crate) fn version(
    api: &Api,
    secret_id: &str,
    value: &SecretValue,
) -> Result<NewSecretVersion, Problem> {
    let id = uuid::Uuid::from_bytes(fresh::bytes(&api.ports.random)).to_string();
    let sealed = api
        .vault
        .seal_text(&context(secret_id, &id), &value.to_plaintext())?;
    Ok(NewSecretVersion {
        id,
        username: value.username.clone(),
        sealed,
    })
}

/// The password in a stored version.
pub(crate) fn open(
    vault: &crate::vault::Vault,
    row: &SecretVersionRow,
) -> Result<SecretString, Problem> {
    #[derive(serde::Deserialize)]
    struct Value {
        password: SecretString,
    }
    let plaintext = vault.open_text(&context(&row.secret_id, &row.id), &row.sealed)?;
    let value: Value = serde_json::from_slice(&plaintext)
        .map_err(|_| Problem::internal(&"secret value is no JSON"))?;
    Ok(value.password)
}

/// The secret's ARN; the id is its suffix.
pub(crate) fn arn(arn: &Arn, name: &str, id: &str) -> String {
    arn.secret(name, id)
}

/// What a caller sees.
pub(crate) fn view(row: SecretRow, base: &Arn) -> Secret {
    Secret {
        arn: arn(base, &row.name, &row.id),
        name: row.name,
        description: row.description,
        username: row.username,
        version_id: row.version_id,
        generation: row.generation,
        created_at: rfc3339(row.created_at),
        updated_at: rfc3339(row.updated_at),
        tags: row.tags,
    }
}

/// A sealed value opens only in its own row.
fn context(secret_id: &str, version_id: &str) -> [String; 3] {
    [
        "secret-version".to_owned(),
        secret_id.to_owned(),
        version_id.to_owned(),
    ]
}
