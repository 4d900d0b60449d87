//! `UserAuthConfig`: who logs in how, as RDS writes it.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{AuthRule as StoredRule, StoreError};
use tollgate_types::{ClientPasswordAuth, IamAuth};

use crate::aws::call::Call;
use crate::aws::fault::Refusal;
use crate::http::views::proxy::AuthRule;
use crate::service::{name, secrets};

/// Shortest ARN of a secret. Source: RDS API, `UserAuthConfig`.
const SECRET_ARN_LENGTH_MIN: usize = 20;
const SECRET_ARN_LENGTH_MAX: usize = 2_048;

/// A rule of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserAuthConfig {
    description: Option<String>,
    user_name: Option<String>,
    auth_scheme: Option<AuthScheme>,
    secret_arn: Option<String>,
    #[serde(rename = "IAMAuth")]
    iam_auth: Option<IamAuth>,
    client_password_auth_type: Option<ClientPasswordAuth>,
}

/// The only one there is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum AuthScheme {
    Secrets,
}

/// A rule of an answer: as it was given, with its defaults.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserAuthConfigInfo {
    description: Option<String>,
    user_name: Option<String>,
    auth_scheme: AuthScheme,
    secret_arn: String,
    #[serde(rename = "IAMAuth")]
    iam_auth: IamAuth,
    client_password_auth_type: ClientPasswordAuth,
}

/// The rules as REST would write them; RDS wants at least one, each with the ARN of a secret.
pub(super) fn rules(given: Vec<UserAuthConfig>) -> Result<Vec<AuthRule>, Refusal> {
    if given.is_empty() {
        let message = "Auth must have at least one element while DefaultAuthScheme is NONE";
        return Err(Refusal::Invalid(message.to_owned()));
    }
    let rules = given.into_iter().enumerate().map(|(index, rule)| {
        // AuthScheme says SECRETS or nothing: what it is, was checked when it was read.
        let _: Option<AuthScheme> = rule.auth_scheme;
        let secret = rule.secret_arn.unwrap_or_default();
        let fits = (SECRET_ARN_LENGTH_MIN..=SECRET_ARN_LENGTH_MAX).contains(&secret.len());
        if !fits || !name::is_secret_arn(&secret) {
            return Err(Refusal::Invalid(format!(
                "Auth.member.{}.SecretArn must be the ARN of a secret, {SECRET_ARN_LENGTH_MIN} to \
                 {SECRET_ARN_LENGTH_MAX} characters long",
                index.saturating_add(1)
            )));
        }
        Ok(AuthRule {
            secret: Some(secret),
            iam_auth: rule.iam_auth,
            client_password_auth_type: rule.client_password_auth_type,
            user_name: rule.user_name,
            description: rule.description,
        })
    });
    rules.collect()
}

/// The rules as RDS shows them, in their order.
pub(super) async fn shown(
    call: &Call,
    rules: Vec<StoredRule>,
) -> Result<Vec<UserAuthConfigInfo>, Refusal> {
    let mut shown = Vec::with_capacity(rules.len());
    for rule in rules {
        let secret_arn = match rule.secret_arn {
            Some(arn) => arn,
            None => arn_of(call, &rule.secret).await?,
        };
        shown.push(UserAuthConfigInfo {
            description: Some(rule.description).filter(|text| !text.is_empty()),
            user_name: rule.user_name,
            auth_scheme: AuthScheme::Secrets,
            secret_arn,
            iam_auth: rule.iam_auth,
            client_password_auth_type: rule.client_password_auth_type,
        });
    }
    Ok(shown)
}

/// The ARN of a secret that a rule names by its name. One that is gone has no suffix any more.
async fn arn_of(call: &Call, name: &str) -> Result<String, Refusal> {
    let arn = &call.api.settings.arn;
    match call.api.store.secret_get(name).await {
        Ok(row) => Ok(secrets::arn(arn, &row.name, &row.id)),
        Err(StoreError::NotFound { .. }) => Ok(secrets::arn(arn, name, "")),
        Err(error) => Err(error.into()),
    }
}
