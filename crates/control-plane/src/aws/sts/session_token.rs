//! `GetSessionToken`: temporary credentials for a user's own permissions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tollgate_iam::session::Holder;
use tollgate_types::PrincipalKind;

use super::credentials::{Credentials, has_session};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::identity::SESSION_S_MAX;
use crate::problem::{Code, Problem};
use crate::service::sessions::{self, NewSession};

const DURATION_S_MIN: i64 = 900;
/// Source: STS API, `GetSessionToken`.
const DURATION_S_DEFAULT: i64 = 43_200;
const DURATION_S_MAX_ROOT: i64 = 3_600;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSessionToken {
    duration_seconds: Option<i64>,
    serial_number: Option<String>,
    token_code: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SessionToken {
    credentials: Credentials,
}

/// Answers whoever calls with a long-term key.
pub(super) async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: GetSessionToken = call.decode()?;
    if has_session(&call.caller) {
        let words = "Cannot call GetSessionToken with session credentials";
        return Err(Problem::new(Code::AccessDenied, words).into());
    }
    if request.serial_number.is_some() || request.token_code.is_some() {
        let words = "SerialNumber and TokenCode are not supported: no principal has an MFA device";
        return Err(Refusal::Invalid(words.to_owned()));
    }
    let max = match call.caller.kind {
        PrincipalKind::Root => DURATION_S_MAX_ROOT,
        PrincipalKind::User | PrincipalKind::Role => SESSION_S_MAX,
    };
    let duration_s = request
        .duration_seconds
        .unwrap_or(DURATION_S_DEFAULT.min(max));
    if !(DURATION_S_MIN..=SESSION_S_MAX).contains(&duration_s) {
        let words = format!("DurationSeconds must be between {DURATION_S_MIN} and {SESSION_S_MAX}");
        return Err(Refusal::Invalid(words));
    }
    let holder = Holder::User {
        id: call.caller.id.clone(),
    };
    // AWS, too, gives the root an hour whatever it asks for.
    let new = NewSession::of(holder, duration_s.min(max));
    let issued = sessions::issue(&call.api, new).await?;
    let credentials = Credentials::from(&issued);
    call.answer(&SessionToken { credentials })
}
