//! Secrets: sealed on the way in, opened for snapshots and for those who may read them.

use tollgate_store::{NewSecret, NewSecretVersion, SecretRow, SecretVersionRow, Store, StoreError};
use tollgate_types::Arn;

use super::fresh;
use super::secret_data::SecretData;
use super::secret_spec::SecretSpec;
use crate::api::Api;
use crate::http::views::secret::Secret;
use crate::problem::Problem;
use crate::time::rfc3339;

/// A new row, its value sealed.
pub(crate) fn new(api: &Api, spec: SecretSpec) -> Result<NewSecret, Problem> {
    let id = fresh::secret_suffix(&api.ports.random);
    let version = match &spec.value {
        Some(data) => Some(version(api, &id, spec.token.clone(), data)?),
        None => None,
    };
    Ok(NewSecret {
        id,
        name: spec.name,
        description: spec.description,
        kms_key_id: spec.kms_key_id,
        create_token: spec.token,
        version,
        tags: spec.tags,
    })
}

/// A new version of the secret with this id, sealed. Without a token its own id is made up.
pub(crate) fn version(
    api: &Api,
    secret_id: &str,
    token: Option<String>,
    data: &SecretData,
) -> Result<NewSecretVersion, Problem> {
    let id = token.unwrap_or_else(|| fresh::version_id(&api.ports.random));
    let sealed = api
        .vault
        .seal_text(&context(secret_id, &id), data.bytes())?;
    Ok(NewSecretVersion {
        username: data.login().map(|login| login.username),
        format: data.format(),
        id,
        sealed,
    })
}

/// The value of a stored version.
pub(crate) fn open(
    vault: &crate::vault::Vault,
    row: &SecretVersionRow,
) -> Result<SecretData, Problem> {
    let plaintext = vault.open_text(&context(&row.secret_id, &row.id), &row.sealed)?;
    SecretData::from_bytes(row.format, plaintext)
        .ok_or_else(|| Problem::internal(&"a secret text is not UTF-8"))
}

/// The secret that a caller of AWS's interface names: by name, by ARN, or by an ARN without its suffix.
/// Source: Secrets Manager API, `GetSecretValue`, `SecretId`.
pub(crate) async fn find(store: &Store, arn: &Arn, given: &str) -> Result<SecretRow, StoreError> {
    let with_dash = arn.secret("", "");
    let prefix = with_dash.strip_suffix('-').unwrap_or(&with_dash);
    let rest = given.strip_prefix(prefix);
    // A whole ARN first: else whoever may make secrets could make one whose name is another's with its suffix.
    if let Some((name, id)) = rest.and_then(|rest| rest.rsplit_once('-')) {
        match store.secret_get(id).await {
            Ok(row) if row.id == id && row.name == name => return Ok(row),
            Ok(_) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let name = rest.unwrap_or(given);
    match store.secret_get(name).await {
        Ok(row) if row.name == name => Ok(row),
        Ok(_) | Err(StoreError::NotFound { .. }) => Err(StoreError::NotFound {
            kind: tollgate_store::Kind::Secret,
            name: given.to_owned(),
        }),
        Err(error) => Err(error),
    }
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
        delete_after: row.deletion.map(|deletion| rfc3339(deletion.due_at)),
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
