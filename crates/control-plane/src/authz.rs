//! May this caller do that to this resource: policies evaluated over a truthful context.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tollgate_iam::policy::{Context, Decision, Layer, Outcome, Request, Value};
use tollgate_types::PrincipalKind;

use crate::api::Api;
use crate::http::call::{Call, RemovedTags};
use crate::http::table::On;
use crate::identity::Principal;
use crate::problem::{Code, Problem};
use crate::service::resource::{self, Resource};
use crate::settings::PeerRule;

/// What else is known about a call.
pub(crate) struct Surroundings {
    pub(crate) source_ip: Option<IpAddr>,
    pub(crate) transport: PeerRule,
    pub(crate) now_unix: i64,
    pub(crate) request_tags: BTreeMap<String, String>,
    /// Keys of tags that the call sets or removes.
    pub(crate) tag_keys: Vec<String>,
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
    if call.caller.kind == PrincipalKind::Root {
        return Ok(());
    }
    let resource = resource::of(api, on, name).await?;
    let request_tags = call.request_tags();
    let tag_keys = match call.removed_tags() {
        RemovedTags::None => request_tags.keys().cloned().collect(),
        RemovedTags::Named(keys) => keys,
        RemovedTags::All => resource.tags.keys().cloned().collect(),
    };
    let surroundings = Surroundings {
        source_ip: call.received.peer.map(|peer| peer.ip().to_canonical()),
        transport: api.settings.plaintext_basic,
        now_unix: call.now(),
        request_tags,
        tag_keys,
    };
    let context = context(&call.caller, &resource, &surroundings);
    let request = Request {
        action,
        resource: &resource.arn,
        context: &context,
    };
    let decision = call.caller.policies.evaluate(&request);
    if decision.is_allow() {
        return Ok(());
    }
    let detail = explain(&call.caller, action, &resource.arn, &decision);
    Err(Problem::new(Code::AccessDenied, detail))
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
        .set("aws:PrincipalArn", principal.arn.as_str())
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
    context
}

fn context(principal: &Principal, resource: &Resource, around: &Surroundings) -> Context {
    let mut context = principal_context(principal, around.now_unix);
    context.set("aws:SecureTransport", around.transport == PeerRule::Tls);
    if let Some(ip) = around.source_ip {
        context.set("aws:SourceIp", ip.to_string());
    }
    for (key, value) in &resource.tags {
        context.set(&format!("aws:ResourceTag/{key}"), value.as_str());
    }
    for (key, value) in &around.request_tags {
        context.set(&format!("aws:RequestTag/{key}"), value.as_str());
    }
    if !around.tag_keys.is_empty() {
        context.set("aws:TagKeys", around.tag_keys.clone());
    }
    context
}

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
