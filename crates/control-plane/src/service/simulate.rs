//! `iam:simulate`: what the policies of a principal would decide, and a policy to start from.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate_iam::policy::{Context, Explanation, Request};

use super::check::Check;
use super::identities::word;
use crate::authz::principal_context;
use crate::http::decode::Decoded;
use crate::http::views::access::{Simulate, Simulation};
use crate::identity::Principal;
use crate::problem::Problem;

/// A valid question.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) principal: String,
    action: String,
    resource: String,
    context: Vec<(String, Vec<String>)>,
    detail: Detail,
}

/// How much an answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    Decision,
    Statements,
}

impl TryFrom<Decoded<Simulate>> for Question {
    type Error = Problem;

    fn try_from(request: Decoded<Simulate>) -> Result<Self, Problem> {
        let Decoded { value, problems } = request;
        let mut check = Check::new(problems);
        let principal = check.required("/principal", value.principal);
        let action = check.required("/action", value.action);
        let resource = check.required("/resource", value.resource);
        let context = context(&mut check, value.context.unwrap_or_default());
        let detail = if value.trace.unwrap_or(true) {
            Detail::Statements
        } else {
            Detail::Decision
        };
        check.done(Self {
            principal,
            action,
            resource,
            context,
            detail,
        })
    }
}

impl Question {
    /// The answer for this principal.
    pub(crate) fn answer(
        &self,
        principal: &Principal,
        now_unix: i64,
    ) -> Result<Simulation, Problem> {
        let asked = (self.action.as_str(), self.resource.as_str());
        let explained = explain(principal, asked, &self.context, now_unix);
        let explained_statements = match self.detail {
            Detail::Statements => explained.statements.as_slice(),
            Detail::Decision => &[],
        };
        let statements = explained_statements.iter().map(serde_json::to_value);
        Ok(Simulation {
            decision: word(&explained.decision),
            layer: word(&explained.layer),
            statements: statements
                .collect::<Result<Vec<Value>, _>>()
                .map_err(|error| Problem::internal(&error))?,
        })
    }
}

/// What a principal's policies say to an action on a resource, with more context than is known of the principal.
pub(crate) fn explain(
    principal: &Principal,
    (action, resource): (&str, &str),
    more: &[(String, Vec<String>)],
    now_unix: i64,
) -> Explanation {
    let mut context: Context = principal_context(principal, now_unix);
    for (key, values) in more {
        context.set(key, values.clone());
    }
    principal.policies.explain(&Request {
        action,
        resource,
        context: &context,
    })
}

fn context(check: &mut Check, given: BTreeMap<String, Value>) -> Vec<(String, Vec<String>)> {
    let mut context = Vec::with_capacity(given.len());
    for (key, value) in given {
        let values = match &value {
            Value::Array(items) => items.iter().map(scalar).collect::<Option<Vec<_>>>(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => scalar(&value).map(|text| vec![text]),
        };
        if let Some(values) = values {
            context.push((key, values));
        } else {
            let pointer = format!("/context/{}", key.replace('~', "~0").replace('/', "~1"));
            let message = format!("`{key}` must be a text, a number, a boolean, or a list of them");
            check.wrong(&pointer, "scalar or list of scalars", &message);
        }
    }
    context
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A document that lets its holder connect as one database user.
pub(crate) fn connect_document(connect_arn: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Connect",
            "Effect": "Allow",
            "Action": "rds-db:connect",
            "Resource": connect_arn,
        }]
    })
}
