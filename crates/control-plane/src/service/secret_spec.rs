//! What a secret must be like: parsed once, then trusted.

use std::collections::BTreeMap;

use serde_json::json;
use tollgate_types::{NameRule, SecretString};
use zeroize::Zeroizing;

use super::check::Check;
use crate::http::decode::Decoded;
use crate::http::views::secret::{CreateSecret, PutSecretValue};
use crate::problem::Problem;

/// Longest user name, in bytes: RDS's limit, and above every engine's (PostgreSQL 63 bytes, MySQL 32 characters).
/// Source: RDS API, `UserAuthConfig`.
const USERNAME_LENGTH_MAX: usize = 128;
const PASSWORD_LENGTH_MAX: usize = 4_096;

/// A user name and its password.
#[derive(Debug, Clone)]
pub(crate) struct SecretValue {
    pub(crate) username: String,
    pub(crate) password: SecretString,
}

impl SecretValue {
    /// The text that is sealed: the JSON that AWS Secrets Manager would hold.
    pub(crate) fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        let value = json!({"username": self.username, "password": self.password.expose()});
        Zeroizing::new(value.to_string().into_bytes())
    }
}

/// A valid secret.
#[derive(Debug, Clone)]
pub(crate) struct SecretSpec {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) value: SecretValue,
    pub(crate) tags: BTreeMap<String, String>,
}

impl TryFrom<Decoded<CreateSecret>> for SecretSpec {
    type Error = Problem;

    fn try_from(request: Decoded<CreateSecret>) -> Result<Self, Problem> {
        let Decoded {
            value: given,
            problems,
        } = request;
        let mut check = Check::new(problems);
        let name = check.name(NameRule::Secret, given.name);
        let description = given.description.unwrap_or_default();
        check.length("/description", &description, 0, 2_048);
        let value = value(&mut check, given.username, given.password);
        let tags = given.tags.unwrap_or_default();
        check.tags(&tags);
        check.done(Self {
            name,
            description,
            value,
            tags,
        })
    }
}

impl TryFrom<Decoded<PutSecretValue>> for SecretValue {
    type Error = Problem;

    fn try_from(request: Decoded<PutSecretValue>) -> Result<Self, Problem> {
        let mut check = Check::new(request.problems);
        let value = value(&mut check, request.value.username, request.value.password);
        check.done(value)
    }
}

fn value(
    check: &mut Check,
    username: Option<String>,
    password: Option<SecretString>,
) -> SecretValue {
    if let Some(name) = &username
        && (name.is_empty() || name.len() > USERNAME_LENGTH_MAX || name.contains('\0'))
    {
        let rule = "1 <= length <= 128 bytes, no zero byte";
        check.wrong(
            "/username",
            rule,
            "username must be 1 to 128 bytes long without a zero byte",
        );
    }
    if let Some(text) = password.as_ref().map(SecretString::expose)
        && (text.is_empty() || text.len() > PASSWORD_LENGTH_MAX || text.contains('\0'))
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
    SecretValue { username, password }
}
