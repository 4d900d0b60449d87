//! May this caller do that to this resource: policies evaluated over a truthful context.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tollgate_iam::policy::{
    Assuming, Context, Decision, Layer, Outcome, PolicyDocument, PolicyKind, Request, Trust, Value,
};
use tollgate_types::PrincipalKind;

use crate::api::Api;
use crate::http::call::{Call, RemovedTags};
use crate::http::table::On;
use crate::identity::Principal;
use crate::problem::{Code, Problem};
use crate::service::resource::{self, Resource};
use crate::settings::PeerRule;

/// Who asks, and what else is known about the call.
pub(crate) struct Asked<'c> {
    pub(crate) caller: &'c Principal,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) now_unix: i64,
    pub(crate) request_tags: BTreeMap<String, String>,
    pub(crate) removed_tags: RemovedTags,
    /// For `iam:PassRole`: the service that gets the role, such as `rds.amazonaws.com`.
    pub(crate) passed_to: Option<&'static str>,
}

/// Refuses with 403 unless the caller's policies allow `action` on the resource of this call.
pub(crate) async fn authorize(
    api: &Api,
    call: &Call,
    action: &'static str,
    on: On,
) -> Result<(), Problem> {
    authorize_for(api, call, action, (on, call.param("name"))).await
}

/// As [`authorize`], for a resource that the call names elsewhere than in its path.
pub(crate) async fn authorize_for(
    api: &Api,
    call: &Call,
    action: &'static str,
    (on, name): (On, &str),
) -> Result<(), Problem> {
    let asked = Asked {
        caller: &call.caller,
        peer: call.received.peer,
        now_unix: call.now(),
        request_tags: call.request_tags(),
        removed_tags: call.removed_tags(),
        passed_to: None,
    };
    decide(api, &asked, action, (on, name)).await
}

/// Refuses unless the policies of whoever asks allow `action` on this resource.
pub(crate) async fn decide(
    api: &Api,
    asked: &Asked<'_>,
    action: &str,
    (on, name): (On, &str),
) -> Result<(), Problem> {
    if asked.caller.kind == PrincipalKind::Root {
        return Ok(());
    }
    let resource = resource::of(api, on, name).await?;
    let context = context(api, asked, &resource);
    let request = Request {
        action,
        resource: &resource.arn,
        context: &context,
    };
    let policy = resource::policy_of(api, on, name).await?;
    let verdict = judge(api, asked.caller, policy.as_deref(), &request);
    verdict.map_err(|detail| Problem::new(Code::AccessDenied, detail))
}

/// What a principal's policies and the resource's own decide together; why not, in one sentence.
pub(crate) fn judge(
    api: &Api,
    principal: &Principal,
    resource_policy: Option<&str>,
    request: &Request<'_>,
) -> Result<(), String> {
    let granted = resource_policy.map_or(Trust::Silent, |text| {
        let arns = [principal.arn.as_str(), principal.own_arn()];
        let asking = Assuming::Principal {
            account: &api.settings.arn.account_id,
            arns: &arns,
        };
        // Documents are checked on write. Passing one over that is unreadable could lose a Deny.
        PolicyDocument::parse(text, PolicyKind::Resource)
            .map_or(Trust::Denied, |document| document.grants(&asking, request))
    });
    let decision = match granted {
        Trust::Denied => {
            return Err(format!(
                "{} is not authorized to perform {} on {}: the policy of the resource denies it",
                principal.arn, request.action, request.resource
            ));
        }
        Trust::Named => principal.policies.evaluate_granted(request),
        Trust::Account | Trust::Silent => principal.policies.evaluate(request),
    };
    if decision.is_allow() {
        return Ok(());
    }
    Err(explain(
        principal,
        request.action,
        request.resource,
        &decision,
    ))
}

/// The keys that describe a principal; `iam:simulate` starts from the same.
pub(crate) fn principal_context(principal: &Principal, now_unix: i64) -> Context {
    let mut context = Context::new();
    let kind = match principal.kind {
        PrincipalKind::Root => "Account",
        PrincipalKind::User => "User",
        PrincipalKind::Role => "AssumedRole",
    };
    context
        .set("aws:PrincipalArn", principal.own_arn())
        .set("aws:PrincipalType", kind)
        .set("aws:userid", principal.id.as_str())
        .set("aws:CurrentTime", Value::instant(now_unix))
        .set("aws:EpochTime", now_unix);
    if principal.kind == PrincipalKind::User {
        context.set("aws:username", principal.name.as_str());
    }
    for (key, value) in &principal.tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
    }
    if let Some(session) = &principal.session {
        session.claims.describe(&mut context);
    }
    context
}

/// All that is known about a call on a resource.
pub(crate) fn context(api: &Api, asked: &Asked<'_>, resource: &Resource) -> Context {
    let mut context = principal_context(asked.caller, asked.now_unix);
    let is_tls = api.settings.plaintext_basic == PeerRule::Tls;
    context.set("aws:SecureTransport", is_tls);
    if let Some(peer) = asked.peer {
        context.set("aws:SourceIp", peer.ip().to_canonical().to_string());
    }
    for (key, value) in &resource.tags {
        context.set(&format!("aws:ResourceTag/{key}"), value.as_str());
    }
    for (key, value) in &asked.request_tags {
        context.set(&format!("aws:RequestTag/{key}"), value.as_str());
    }
    if let Some(service) = asked.passed_to {
        context.set("iam:PassedToService", service);
    }
    let tag_keys: Vec<String> = match &asked.removed_tags {
        RemovedTags::None => asked.request_tags.keys().cloned().collect(),
        RemovedTags::Named(keys) => keys.clone(),
        RemovedTags::All => resource.tags.keys().cloned().collect(),
    };
    if !tag_keys.is_empty() {
        context.set("aws:TagKeys", tag_keys);
    }
    context
}

/// One sentence: who may not do what, and why not.
fn explain(principal: &Principal, action: &str, resource: &str, decision: &Decision) -> String {
    let layer = match decision.layer {
        Layer::Identity => "identity",
        Layer::Boundary => "boundary",
        Layer::Session => "session",
    };
    let why = match (decision.outcome, &decision.statement) {
        (Outcome::ExplicitDeny, Some(statement)) => format!(
            "statement {} of policy {} denies it ({layer} layer)",
            statement.index, statement.policy
        ),
        (Outcome::Allow | Outcome::ExplicitDeny | Outcome::ImplicitDeny, _) => {
            format!("no {layer} policy allows it")
        }
    };
    format!(
        "{} is not authorized to perform {action} on {resource}: {why}",
        principal.arn
    )
}
