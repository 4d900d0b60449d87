//! `SimulatePrincipalPolicy` and `SimulateCustomPolicy`: what policies would decide, by the evaluator itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_iam::policy::{Effect, Explanation, Layer, Outcome, PolicyKind};
use tollgate_store::AWS_MANAGED;
use tollgate_types::{PolicyConfig, PolicyLayer, PrincipalConfig, PrincipalKind};

use super::fault::no_such_entity;
use super::{given, paged};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::{Kind, On};
use crate::identity::{self, Principal};
use crate::service::simulate::explain;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("SimulatePrincipalPolicy", Authorized::ByHandler, principal),
        Operation::new(
            "SimulateCustomPolicy",
            Authorized::Any(Kind::Simulation),
            custom,
        ),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEntry {
    context_key_name: String,
    #[serde(default)]
    context_key_values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simulate {
    policy_source_arn: Option<String>,
    #[serde(default)]
    policy_input_list: Vec<String>,
    #[serde(default)]
    permissions_boundary_policy_input_list: Vec<String>,
    action_names: Vec<String>,
    #[serde(default)]
    resource_arns: Vec<String>,
    #[serde(default)]
    context_entries: Vec<ContextEntry>,
    caller_arn: Option<String>,
}

async fn principal(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: Simulate = call.decode()?;
    let missing = || Refusal::Missing("PolicySourceArn".to_owned());
    let source = request.policy_source_arn.clone().ok_or_else(missing)?;
    let own = call.api.settings.arn.iam("");
    let kind = source
        .strip_prefix(own.as_str())
        .and_then(|rest| rest.split_once('/'));
    let kind = match kind {
        Some(("user", _)) => Kind::User,
        Some(("group", _)) => Kind::Group,
        Some(("role", _)) => Kind::Role,
        Some(_) | None => {
            let message =
                format!("{source} is not the ARN of a user, group or role of this account");
            return Err(Fault::sender("InvalidInput", message).into());
        }
    };
    call.allow("iam:SimulatePrincipalPolicy", On::One(kind), &source)
        .await?;
    let config = find(&call, &source).await?;
    answer(&call, &request, config)
}

/// Whose policies these are, as the data plane would get them.
async fn find(call: &Call, source: &str) -> Result<PrincipalConfig, Refusal> {
    let rows = call.api.store.everything().await?;
    let arn = &call.api.settings.arn;
    let groups = rows
        .groups
        .iter()
        .map(|row| identity::group(&rows, arn, row));
    let mut all = identity::principals(&rows, arn).into_iter().chain(groups);
    let found = all.find(|config| config.arn == source);
    found.ok_or_else(|| no_such_entity(format!("There is no principal {source}.")).into())
}

async fn custom(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: Simulate = call.decode()?;
    if request.policy_input_list.is_empty() {
        return Err(Refusal::Missing("PolicyInputList".to_owned()));
    }
    let config = PrincipalConfig {
        id: String::new(),
        arn: request.caller_arn.clone().unwrap_or_default(),
        name: String::new(),
        kind: PrincipalKind::User,
        tags: BTreeMap::new(),
        policies: Vec::new(),
    };
    answer(&call, &request, config)
}

fn answer(call: &Call, request: &Simulate, mut config: PrincipalConfig) -> Result<Answer, Refusal> {
    extend(&mut config, request)?;
    let is_bounded = config
        .policies
        .iter()
        .any(|policy| policy.layer == PolicyLayer::Boundary);
    let principal = Principal::new(config);
    let anything = vec!["*".to_owned()];
    let resources = match request.resource_arns.as_slice() {
        [] => &anything,
        _ => &request.resource_arns,
    };
    let entries = request.context_entries.iter();
    let context: Vec<(String, Vec<String>)> = entries
        .map(|entry| {
            (
                entry.context_key_name.clone(),
                entry.context_key_values.clone(),
            )
        })
        .collect();
    let mut results = Vec::new();
    for action in &request.action_names {
        for resource in resources {
            let explained = explain(&principal, (action, resource), &context, call.now());
            results.push(Evaluation::new((action, resource), &explained, is_bounded));
        }
    }
    let page = paged::ask(call, "")?;
    let numbered: Vec<(usize, Evaluation)> = results.into_iter().enumerate().collect();
    let listed = paged::cut(numbered, &page, |(number, _)| format!("{number:010}"));
    let marker = call.marker(listed.next.as_deref(), "")?;
    call.answer(&Simulated {
        evaluation_results: Members(listed.items.into_iter().map(|(_, result)| result).collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}

/// Adds the policies that the request brings; its boundaries stand in for the principal's own.
fn extend(config: &mut PrincipalConfig, request: &Simulate) -> Result<(), Refusal> {
    let boundaries = &request.permissions_boundary_policy_input_list;
    if !boundaries.is_empty() {
        config
            .policies
            .retain(|policy| policy.layer != PolicyLayer::Boundary);
    }
    let lists = [
        (
            "PolicyInputList",
            &request.policy_input_list,
            PolicyLayer::Identity,
        ),
        (
            "PermissionsBoundaryPolicyInputList",
            boundaries,
            PolicyLayer::Boundary,
        ),
    ];
    for (name, documents, layer) in lists {
        for (number, document) in (1_u32..).zip(documents) {
            let kind = match layer {
                PolicyLayer::Identity => PolicyKind::Identity,
                PolicyLayer::Boundary => PolicyKind::Boundary,
            };
            config.policies.push(PolicyConfig {
                name: format!("{name}.{number}"),
                version: 1,
                layer,
                document: given::document(document.clone(), kind)?,
            });
        }
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    source_policy_id: String,
    source_policy_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BoundaryDetail {
    allowed_by_permissions_boundary: bool,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Evaluation {
    eval_action_name: String,
    eval_resource_name: String,
    eval_decision: &'static str,
    matched_statements: Members<Statement>,
    missing_context_values: Members<String>,
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Simulated {
    evaluation_results: Members<Evaluation>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Evaluation {
    fn new((action, resource): (&str, &str), explained: &Explanation, is_bounded: bool) -> Self {
        let (eval_decision, effect) = match explained.decision {
            Outcome::Allow => ("allowed", Some(Effect::Allow)),
            Outcome::ExplicitDeny => ("explicitDeny", Some(Effect::Deny)),
            Outcome::ImplicitDeny => ("implicitDeny", None),
        };
        let decisive = explained
            .statements
            .iter()
            .filter(|statement| statement.matched && Some(statement.effect) == effect);
        let matched = decisive.map(|statement| Statement {
            source_policy_id: statement.policy.clone(),
            source_policy_type: source_type(&statement.policy),
        });
        Self {
            eval_action_name: action.to_owned(),
            eval_resource_name: resource.to_owned(),
            eval_decision,
            matched_statements: Members(matched.collect()),
            missing_context_values: Members(Vec::new()),
            permissions_boundary_decision_detail: is_bounded.then(|| BoundaryDetail {
                allowed_by_permissions_boundary: boundary_allows(explained),
            }),
        }
    }
}

fn boundary_allows(explained: &Explanation) -> bool {
    let matches = |effect: Effect| {
        explained.statements.iter().any(|statement| {
            statement.layer == Layer::Boundary && statement.matched && statement.effect == effect
        })
    };
    matches(Effect::Allow) && !matches(Effect::Deny)
}

/// Where a statement comes from, told by the name its policy has in decisions.
fn source_type(policy: &str) -> &'static str {
    if policy.starts_with(AWS_MANAGED) {
        return "aws-managed";
    }
    match policy.split_once('/') {
        Some(("user", _)) => "user",
        Some(("group", _)) => "group",
        Some(("role", _)) => "role",
        Some(_) | None if policy.contains("InputList.") => "none",
        Some(_) | None => "user-managed",
    }
}
