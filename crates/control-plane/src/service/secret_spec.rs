//! What a secret must be like: parsed once, then trusted.

use std::collections::BTreeMap;

use tollgate_types::{NameRule, SecretString};

use super::check::Check;
use super::secret_data::{self, Login, SecretData};
use crate::http::decode::Decoded;
use crate::http::views::secret::{CreateSecret, PutSecretValue};
use crate::problem::Problem;

/// Source: Secrets Manager API, `CreateSecret`.
pub(crate) const DESCRIPTION_LENGTH_MAX: usize = 2_048;

/// A valid secret.
#[derive(Debug, Clone)]
pub(crate) struct SecretSpec {
    pub(crate) name: String,
    pub(crate) description: String,
    /// The first value, if there is one already.
    pub(crate) value: Option<SecretData>,
    /// Chosen by the caller: what a repeated call is known by, and the id of the first version.
    pub(crate) token: Option<String>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// What is said about a secret besides its value.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl SecretSpec {
    /// A secret without a value, so far.
    pub(crate) fn new(check: &mut Check, about: About) -> Self {
        let name = check.name(NameRule::Secret, about.name);
        let description = about.description.unwrap_or_default();
        check.length("/description", &description, 0, DESCRIPTION_LENGTH_MAX);
        check.tags(&about.tags);
        Self {
            name,
            description,
            value: None,
            token: None,
            kms_key_id: None,
            tags: about.tags,
        }
    }
}

impl TryFrom<Decoded<CreateSecret>> for SecretSpec {
    type Error = Problem;

    fn try_from(request: Decoded<CreateSecret>) -> Result<Self, Problem> {
        let Decoded {
            value: given,
            problems,
        } = request;
        let mut check = Check::new(problems);
        let about = About {
            name: given.name,
            description: given.description,
            tags: given.tags.unwrap_or_default(),
        };
        let mut spec = Self::new(&mut check, about);
        let login = login(&mut check, given.username, given.password);
        spec.value = Some(SecretData::from(&login));
        check.done(spec)
    }
}

impl TryFrom<Decoded<PutSecretValue>> for SecretData {
    type Error = Problem;

    fn try_from(request: Decoded<PutSecretValue>) -> Result<Self, Problem> {
        let mut check = Check::new(request.problems);
        let login = login(&mut check, request.value.username, request.value.password);
        check.done(Self::from(&login))
    }
}

fn login(check: &mut Check, username: Option<String>, password: Option<SecretString>) -> Login {
    if let Some(name) = &username
        && !secret_data::is_username(name)
    {
        let rule = "1 <= length <= 128 bytes, no zero byte";
        check.wrong(
            "/username",
            rule,
            "username must be 1 to 128 bytes long without a zero byte",
        );
    }
    if let Some(text) = password.as_ref().map(SecretString::expose)
        && !secret_data::is_password(text)
    {
        let rule = "1 <= length <= 4096 bytes, no zero byte";
        check.wrong(
            "/password",
            rule,
            "password must be 1 to 4096 bytes long without a zero byte",
        );
    }
    let username = check.required("/username", username);
    let password = check.required("/password", password);
    Login { username, password }
}
