//! Access keys: the secret is shown once, sealed at rest, and opened only to check signatures.

use tollgate_store::{AccessKeyRow, AccessKeyState, NewAccessKey as NewRow};
use tollgate_types::SecretString;
use zeroize::Zeroizing;

use super::fresh;
use crate::api::Api;
use crate::http::views::access::{AccessKey, NewAccessKey};
use crate::problem::Problem;
use crate::time::rfc3339;
use crate::vault::Vault;

/// A new key: the row with the sealed secret, and the secret to show.
pub(crate) fn new(api: &Api) -> Result<(NewRow, SecretString), Problem> {
    let (id, secret) = fresh::access_key(&api.ports.random);
    let sealed_secret = api
        .vault
        .seal_text(&context(&id), secret.expose().as_bytes())?;
    Ok((NewRow { id, sealed_secret }, secret))
}

/// The secret of a stored key.
pub(crate) fn open(vault: &Vault, row: &AccessKeyRow) -> Result<SecretString, Problem> {
    let plaintext = vault.open_text(&context(&row.id), &row.sealed_secret)?;
    let text = Zeroizing::new(String::from_utf8_lossy(&plaintext).into_owned());
    Ok(SecretString::from(text.as_str()))
}

/// A key as callers see it.
pub(crate) fn view(row: &AccessKeyRow) -> AccessKey {
    AccessKey {
        id: row.id.clone(),
        user: row.user.clone(),
        active: row.state == AccessKeyState::Active,
        created_at: rfc3339(row.created_at),
    }
}

/// A key as its owner sees it once.
pub(crate) fn view_once(row: &AccessKeyRow, secret: &SecretString) -> NewAccessKey {
    NewAccessKey {
        access_key_id: row.id.clone(),
        secret_access_key: secret.expose().to_owned(),
        user: row.user.clone(),
        active: row.state == AccessKeyState::Active,
        created_at: rfc3339(row.created_at),
    }
}

fn context(id: &str) -> [String; 3] {
    ["access-key".to_owned(), id.to_owned(), "secret".to_owned()]
}
