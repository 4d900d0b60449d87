//! Values and tokens in requests: text or bytes within bounds, and a retry that is known by its token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tollgate_store::{SecretRow, Write};
use tollgate_types::SecretString;
use zeroize::Zeroizing;

use super::named;
use crate::aws::call::Call;
use crate::aws::fault::{Fault, Refusal};
use crate::service::secret_data::{LENGTH_MAX, SecretBytes, SecretData};
use crate::service::{fresh, secrets};

/// The members of requests that carry a value.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Given {
    client_request_token: Option<String>,
    secret_string: Option<SecretString>,
    /// Base 64.
    secret_binary: Option<SecretString>,
}

impl Given {
    /// The token, which becomes the id of the version. Source: `PutSecretValue`, `ClientRequestToken`.
    pub(super) fn token(&self) -> Result<Option<String>, Refusal> {
        let Some(token) = &self.client_request_token else {
            return Ok(None);
        };
        let is_token = (32..=64).contains(&token.len()) && token.is_ascii();
        is_token.then(|| Some(token.clone())).ok_or_else(|| {
            Refusal::Invalid("ClientRequestToken must be 32-64 characters long.".to_owned())
        })
    }

    /// The value, if there is one.
    pub(super) fn data(&self) -> Result<Option<SecretData>, Refusal> {
        let data = match (&self.secret_string, &self.secret_binary) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(Refusal::Invalid(
                    "You can't specify both SecretBinary and SecretString for the same secret."
                        .to_owned(),
                ));
            }
            (Some(text), None) => SecretData::Text(text.clone()),
            (None, Some(text)) => {
                let bytes = STANDARD.decode(text.expose()).map_err(|_| {
                    Refusal::Invalid("SecretBinary must be Base64-encoded.".to_owned())
                })?;
                SecretData::Binary(SecretBytes(Zeroizing::new(bytes)))
            }
        };
        if !(1..=LENGTH_MAX).contains(&data.bytes().len()) {
            return Err(Refusal::Invalid(format!(
                "SecretString or SecretBinary must be 1 to {LENGTH_MAX} bytes long."
            )));
        }
        Ok(Some(data))
    }
}

/// A value under its token.
pub(super) struct Tokened {
    pub(super) token: String,
    pub(super) data: SecretData,
}

impl Tokened {
    /// Without a token one is made up: then no retry is known.
    pub(super) fn new(call: &Call, token: Option<String>, data: SecretData) -> Self {
        let token = token.unwrap_or_else(|| fresh::version_id(&call.api.ports.random));
        Self { token, data }
    }

    /// Whether the secret has this very version already.
    ///
    /// Fails when the token stands for another value.
    pub(super) async fn is_known(
        &self,
        call: &Call,
        writing: &Write,
        row: &SecretRow,
    ) -> Result<bool, Refusal> {
        let Some(version) = writing.secret_version_get(&row.id, &self.token).await? else {
            return Ok(false);
        };
        if secrets::open(&call.api.vault, &version)?.is_same(&self.data) {
            return Ok(true);
        }
        Err(Fault::sender(
            "ResourceExistsException",
            format!(
                "You can't use ClientRequestToken {} because that value is already in use for a version of \
                 secret {}.",
                self.token,
                named::arn(call, row)
            ),
        )
        .into())
    }

    /// Adds the version with these labels, unless it is there already; the secret afterwards.
    pub(super) async fn put(
        &self,
        call: &Call,
        writing: &Write,
        row: SecretRow,
        stages: &[String],
    ) -> Result<SecretRow, Refusal> {
        if self.is_known(call, writing, &row).await? {
            return Ok(row);
        }
        let token = Some(self.token.clone());
        let version = secrets::version(&call.api, &row.id, token, &self.data)?;
        Ok(writing.secret_version_put(&row.id, version, stages).await?)
    }
}
