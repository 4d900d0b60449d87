//! Temporary credentials and assumed roles as STS shows them.

use serde::Serialize;

use crate::aws::call::Call;
use crate::identity::Principal;
use crate::service::sessions::Issued;
use crate::time::rfc3339;

/// `Credentials`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

impl From<&Issued> for Credentials {
    fn from(issued: &Issued) -> Self {
        Self {
            access_key_id: issued.claims.access_key_id.clone(),
            secret_access_key: issued.secret.as_str().to_owned(),
            session_token: issued.token.as_str().to_owned(),
            expiration: rfc3339(issued.claims.expires_at),
        }
    }
}

/// `AssumedRoleUser`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

impl AssumedRoleUser {
    /// The session of a role, given by its name.
    pub(super) fn new(call: &Call, role: &str, session_name: &str, issued: &Issued) -> Self {
        Self {
            assumed_role_id: issued.claims.user_id(),
            arn: call.api.settings.arn.assumed_role(role, session_name),
        }
    }
}

/// Whether somebody calls with a session already.
pub(super) fn has_session(principal: &Principal) -> bool {
    principal.session.is_some()
}
