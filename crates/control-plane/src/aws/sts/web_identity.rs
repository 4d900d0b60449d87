//! `AssumeRoleWithWebIdentity`: a session of a role, for somebody whom an identity provider vouches for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_iam::policy::{Context, Value};
use tollgate_iam::session::Holder;
use tollgate_store::{RoleRow, StoreError};

use super::credentials::{AssumedRoleUser, Credentials};
use super::limits::{self, PolicyDescriptor};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::oidc::{OidcError, Provider, Verified, bare, issuer};
use crate::problem::{Code, Problem};
use crate::service::name;
use crate::service::sessions::{self, Assumer, NewSession};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleWithWebIdentity {
    role_arn: String,
    role_session_name: String,
    web_identity_token: String,
    provider_id: Option<String>,
    policy: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    duration_seconds: Option<i64>,
}

#[expect(
    clippy::struct_field_names,
    reason = "members are called as the service model calls them"
)]
#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Assumed {
    credentials: Credentials,
    subject_from_web_identity_token: String,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: Option<usize>,
    provider: String,
    audience: String,
}

/// Nobody has signed this call: the token proves who calls.
pub(super) async fn assume(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: AssumeRoleWithWebIdentity = call.decode()?;
    limits::identifier("RoleSessionName", &request.role_session_name)?;
    if request.provider_id.is_some() {
        let words = "ProviderId is for OAuth 2.0 access tokens, which are not supported: send an OpenID Connect token";
        return Err(Refusal::Invalid(words.to_owned()));
    }
    let (provider, verified) = vouched(&call, &request.web_identity_token).await?;
    let role = trusting_role(&call, &request.role_arn).await?;
    let context = context(&call, &verified, &request.role_session_name);
    sessions::authorize(
        &call.api,
        &Assumer::Federated(&provider),
        (&role, ACTION),
        &context,
    )
    .map_err(|_| not_authorized())?;
    let duration_s = limits::duration(request.duration_seconds, &role)?;
    let policies = limits::policies(&call, request.policy, &request.policy_arns).await?;
    let holder = Holder::Role {
        id: role.id.clone(),
        session_name: request.role_session_name.clone(),
    };
    let new = NewSession {
        policies,
        federated: federated(&verified, &provider),
        ..NewSession::of(holder, duration_s)
    };
    let packed_policy_size = limits::packed(&new)?;
    let issued = sessions::issue(&call.api, new).await?;
    call.answer(&Assumed {
        credentials: Credentials::from(&issued),
        assumed_role_user: AssumedRoleUser::new(
            &call,
            &role.name,
            &request.role_session_name,
            &issued,
        ),
        packed_policy_size,
        subject_from_web_identity_token: verified.subject,
        audience: verified.audience,
        provider,
    })
}

/// The provider's ARN and what its token says.
async fn vouched(call: &Call, token: &str) -> Result<(String, Verified), Refusal> {
    let written = issuer(token).map_err(|error| fault(&error))?;
    let url = bare(&written);
    let row = match call.api.store.oidc_provider_get(url).await {
        Ok(row) => row,
        Err(StoreError::NotFound { .. }) => {
            let words = format!("No OpenIDConnect provider found in your account for {written}");
            return Err(Fault::sender("InvalidIdentityToken", words).into());
        }
        Err(error) => return Err(error.into()),
    };
    let provider = Provider {
        issuer: &written,
        audiences: &row.client_ids,
    };
    let verified = provider
        .verify(&call.api.oidc_keys, token, call.now())
        .await
        .map_err(|error| fault(&error))?;
    let arn = call.api.settings.arn.iam(&format!("oidc-provider/{url}"));
    Ok((arn, verified))
}

fn fault(error: &OidcError) -> Refusal {
    let words = error.to_string();
    Refusal::Fault(match error {
        OidcError::Invalid(_) => Fault::sender("InvalidIdentityToken", words),
        OidcError::Expired(_) => Fault::sender("ExpiredTokenException", words),
        OidcError::Unreachable(_) => Fault::sender("IDPCommunicationError", words),
    })
}

/// Whoever holds a token learns neither which roles exist nor what they ask for.
async fn trusting_role(call: &Call, arn: &str) -> Result<RoleRow, Refusal> {
    match call
        .api
        .store
        .role_get(name::iam(&call.api.settings.arn, "role", arn))
        .await
    {
        Ok(role) => Ok(role),
        Err(StoreError::NotFound { .. }) => Err(not_authorized()),
        Err(error) => Err(error.into()),
    }
}

fn not_authorized() -> Refusal {
    Problem::new(
        Code::AccessDenied,
        format!("Not authorized to perform {ACTION}"),
    )
    .into()
}

/// What the role's trust policy can ask about.
fn context(call: &Call, verified: &Verified, session: &str) -> Context {
    let mut context = Context::new();
    context
        .set("aws:CurrentTime", Value::instant(call.now()))
        .set("aws:EpochTime", call.now())
        .set("sts:RoleSessionName", session);
    if let Some(peer) = call.received.peer {
        context.set("aws:SourceIp", peer.ip().to_canonical().to_string());
    }
    for (key, value) in &verified.claims {
        context.set(key, value.as_str());
    }
    context
}

/// What the session's own policies can ask about: provider, audience and subject.
fn federated(verified: &Verified, provider: &str) -> std::collections::BTreeMap<String, String> {
    let kept = |key: &String| key.ends_with(":aud") || key.ends_with(":sub");
    let mut found: std::collections::BTreeMap<String, String> = verified
        .claims
        .iter()
        .filter(|(key, _)| kept(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    found.insert("aws:FederatedProvider".to_owned(), provider.to_owned());
    found
}
