//! `AssumeRole`: a session of a role, for a principal that the role trusts.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_iam::policy::Context;
use tollgate_iam::session::Holder;
use tollgate_store::{RoleRow, StoreError};

use super::credentials::{AssumedRoleUser, Credentials, has_session};
use super::limits::{self, PolicyDescriptor, Tag};
use crate::authz;
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::problem::{Code, Problem};
use crate::service::resource::Resource;
use crate::service::sessions::{self, Assumer, NewSession};
use crate::service::{identities, name};

/// Longest session that was made from a session ("role chaining"), in seconds.
const CHAINED_S_MAX: i64 = 3_600;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRole {
    role_arn: String,
    role_session_name: String,
    policy: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    duration_seconds: Option<i64>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    external_id: Option<String>,
    source_identity: Option<String>,
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
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: Option<usize>,
    source_identity: Option<String>,
}

/// Checks the request, asks the trust policy and the caller's policies, and issues.
pub(super) async fn assume(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: AssumeRole = call.decode()?;
    limits::identifier("RoleSessionName", &request.role_session_name)?;
    if let Some(source) = &request.source_identity {
        limits::identifier("SourceIdentity", source)?;
    }
    let (tags, transitive_tags) = limits::tags(&call, request.tags, &request.transitive_tag_keys)?;
    let role = trusting_role(&call, &request.role_arn).await?;
    let source_identity = source_identity(&call, request.source_identity)?;
    let mut context = context(&call, &role, &request.role_session_name, &tags);
    if let Some(id) = &request.external_id {
        context.set("sts:ExternalId", id.as_str());
    }
    if let Some(source) = &source_identity {
        context.set("sts:SourceIdentity", source.as_str());
    }
    let mut actions = vec!["sts:AssumeRole"];
    actions.extend((!tags.is_empty()).then_some("sts:TagSession"));
    actions.extend(source_identity.is_some().then_some("sts:SetSourceIdentity"));
    let assumer = Assumer::Principal(&call.caller);
    for action in actions {
        sessions::authorize(&call.api, &assumer, (&role, action), &context)?;
    }
    let duration_s = chained(
        &call,
        limits::duration(request.duration_seconds, &role)?,
        request.duration_seconds,
    )?;
    let policies = limits::policies(&call, request.policy, &request.policy_arns).await?;
    let holder = Holder::Role {
        id: role.id.clone(),
        session_name: request.role_session_name.clone(),
    };
    let new = NewSession {
        policies,
        tags,
        transitive_tags,
        source_identity: source_identity.clone(),
        ..NewSession::of(holder, duration_s)
    };
    let packed = limits::packed(&new)?;
    let issued = sessions::issue(&call.api, new).await?;
    call.answer(&Assumed {
        credentials: Credentials::from(&issued),
        assumed_role_user: AssumedRoleUser::new(
            &call,
            &role.name,
            &request.role_session_name,
            &issued,
        ),
        packed_policy_size: packed,
        source_identity,
    })
}

/// The role with this ARN. Whoever may not know whether it exists is told that they may not assume it.
async fn trusting_role(call: &Call, arn: &str) -> Result<RoleRow, Refusal> {
    let base = &call.api.settings.arn;
    if !arn.starts_with("arn:") {
        return Err(Refusal::Invalid(format!(
            "{arn} is invalid: RoleArn must be an ARN"
        )));
    }
    match call.api.store.role_get(name::iam(base, "role", arn)).await {
        Ok(role) if identities::role_arn(base, &role) == arn => Ok(role),
        Ok(_) | Err(StoreError::NotFound { .. }) => {
            let words = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}",
                call.caller.arn
            );
            Err(Problem::new(Code::AccessDenied, words).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Once set, a source identity stays through all roles.
fn source_identity(call: &Call, asked: Option<String>) -> Result<Option<String>, Refusal> {
    let session = call.caller.session.as_ref();
    let present = session.and_then(|session| session.claims.source_identity.clone());
    match (present, asked) {
        (Some(present), Some(asked)) if present != asked => {
            let words = "SourceIdentity is set already and cannot be changed".to_owned();
            Err(Problem::new(Code::AccessDenied, words).into())
        }
        (Some(present), _) => Ok(Some(present)),
        (None, asked) => Ok(asked),
    }
}

/// All that is known about the call, for the trust policy and for the caller's own.
fn context(call: &Call, role: &RoleRow, session: &str, tags: &BTreeMap<String, String>) -> Context {
    let resource = Resource {
        arn: identities::role_arn(&call.api.settings.arn, role),
        tags: role.tags.clone(),
    };
    let mut context = authz::context(&call.api, &call.asked(), &resource);
    context.set("sts:RoleSessionName", session);
    for (key, value) in tags {
        context.set(&format!("aws:RequestTag/{key}"), value.as_str());
    }
    context
}

fn chained(call: &Call, duration_s: i64, asked: Option<i64>) -> Result<i64, Refusal> {
    match asked {
        Some(asked) if has_session(&call.caller) && asked > CHAINED_S_MAX => {
            let words = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
            Err(Refusal::Invalid(words.to_owned()))
        }
        Some(_) | None if has_session(&call.caller) => Ok(duration_s.min(CHAINED_S_MAX)),
        Some(_) | None => Ok(duration_s),
    }
}
