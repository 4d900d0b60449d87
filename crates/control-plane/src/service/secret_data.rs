//! What is in a secret: text or bytes, kept as given, and the login to databases that a text may spell.

use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq;
use tollgate_store::SecretFormat;
use tollgate_types::SecretString;
use zeroize::Zeroizing;

/// Longest user name, in bytes: RDS's limit, and above every engine's (PostgreSQL 63 bytes, MySQL 32 characters).
/// Source: RDS API, `UserAuthConfig`.
const USERNAME_LENGTH_MAX: usize = 128;
const PASSWORD_LENGTH_MAX: usize = 4_096;
/// Longest value, in bytes. Source: Secrets Manager API, `PutSecretValue`.
pub(crate) const LENGTH_MAX: usize = 65_536;

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum SecretData {
    Text(SecretString),
    Binary(SecretBytes),
}

/// Bytes that nobody may print.
#[derive(Clone)]
pub(crate) struct SecretBytes(pub(crate) Zeroizing<Vec<u8>>);

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A user name and its password.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Login {
    pub(crate) username: String,
    pub(crate) password: SecretString,
}

impl SecretData {
    /// What was sealed before, given its format; `None` if a text is not UTF-8.
    pub(crate) fn from_bytes(format: SecretFormat, bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        Some(match format {
            SecretFormat::Binary => Self::Binary(SecretBytes(bytes)),
            SecretFormat::Text => {
                let text = std::str::from_utf8(&bytes).ok()?;
                Self::Text(SecretString::from(text))
            }
        })
    }

    /// What is sealed.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.expose().as_bytes(),
            Self::Binary(bytes) => &bytes.0,
        }
    }

    pub(crate) fn format(&self) -> SecretFormat {
        match self {
            Self::Text(_) => SecretFormat::Text,
            Self::Binary(_) => SecretFormat::Binary,
        }
    }

    /// The login, if the value is a JSON object with a `username` and a `password`; other members do not
    /// matter.
    pub(crate) fn login(&self) -> Option<Login> {
        let Self::Text(text) = self else { return None };
        // serde takes a list for a structure as well.
        if !text.expose().trim_start().starts_with('{') {
            return None;
        }
        let login: Login = serde_json::from_str(text.expose()).ok()?;
        (is_username(&login.username) && is_password(login.password.expose())).then_some(login)
    }

    /// Whether both are the same value; takes the same time wherever they differ.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.format() == other.format() && bool::from(self.bytes().ct_eq(other.bytes()))
    }
}

/// The JSON text that AWS Secrets Manager would hold.
impl From<&Login> for SecretData {
    fn from(login: &Login) -> Self {
        let value = json!({"username": login.username, "password": login.password.expose()});
        Self::Text(SecretString::from(value.to_string()))
    }
}

/// Whether a database could have a user of this name.
pub(crate) fn is_username(text: &str) -> bool {
    !text.is_empty() && text.len() <= USERNAME_LENGTH_MAX && !text.contains('\0')
}

/// Whether a password can be sent to a database.
pub(crate) fn is_password(text: &str) -> bool {
    !text.is_empty() && text.len() <= PASSWORD_LENGTH_MAX && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &str) -> Option<String> {
        SecretData::Text(SecretString::from(text))
            .login()
            .map(|login| login.username)
    }

    #[test]
    fn a_login_is_an_object_with_two_texts() {
        let good = r#"{"username":"app","password":"p","host":"db","port":5432}"#;
        assert_eq!(login(good).as_deref(), Some("app"));
        for bad in [
            "hunter2",
            r#"{"username":"app"}"#,
            r#"{"username":"app","password":5}"#,
            r#"{"username":"","password":"p"}"#,
            r#"["app","p"]"#,
        ] {
            assert_eq!(login(bad), None, "{bad}");
        }
        let bytes = SecretBytes(Zeroizing::new(good.as_bytes().to_vec()));
        assert!(SecretData::Binary(bytes).login().is_none());
    }

    #[test]
    fn values_are_the_same_when_format_and_bytes_are() {
        let text = |text: &str| SecretData::Text(SecretString::from(text));
        let binary = SecretData::Binary(SecretBytes(Zeroizing::new(b"a".to_vec())));
        assert!(text("a").is_same(&text("a")));
        assert!(!text("a").is_same(&text("b")) && !text("a").is_same(&binary));
        assert_eq!(format!("{binary:?}"), "Binary([redacted])");
    }
}
