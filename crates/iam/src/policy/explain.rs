//! Explanations for people: every statement looked at, and the first element of each that did not fit.

use serde::{Deserialize, Serialize};

use super::condition::{Condition, Truth};
use super::evaluate::lower_case;
use super::set::{Question, Rule, Rules};
use super::statement::{ActionClause, Listing, ResourceClause, ResourcePattern};
use super::{Context, Decision, Effect, Layer, Outcome, PolicySet, Request, StatementRef};

/// A decision with its reasons, as `iam:simulate` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Allowed, or denied how.
    pub decision: Outcome,
    /// The layer that decided.
    pub layer: Layer,
    /// The statement that decided, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementRef>,
    /// Every statement in the order of evaluation.
    pub statements: Vec<StatementExplanation>,
}

/// Why one statement took effect or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementExplanation {
    /// Layer of its policy.
    pub layer: Layer,
    /// Name of its policy.
    pub policy: String,
    /// Version of its policy.
    pub version: u32,
    /// Position in its policy, from 0.
    pub index: usize,
    /// Its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// What it does to requests that match.
    pub effect: Effect,
    /// Whether it took effect.
    pub matched: bool,
    /// Which element decided that, with what was wanted and what came.
    pub why: String,
    /// A likely mistake, if one shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl PolicySet {
    /// Decides a request like [`PolicySet::evaluate`] and says why.
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let Decision {
            outcome,
            layer,
            statement,
        } = self.evaluate(request);
        let action = lower_case(request.action);
        let question = Question::new(&action, request);
        let statements = match &self.rules {
            Rules::Everything => Vec::new(),
            Rules::Layered(layers) => layers
                .in_order()
                .flat_map(|(layer, rules)| rules.iter().map(move |rule| (layer, rule)))
                .map(|(layer, rule)| explain_rule(layer, rule, &question))
                .collect(),
        };
        Explanation {
            decision: outcome,
            layer,
            statement,
            statements,
        }
    }
}

fn explain_rule(layer: Layer, rule: &Rule, question: &Question<'_>) -> StatementExplanation {
    let effect = rule.statement.effect;
    let matched = rule.applies(effect, question);
    let why = match (first_misfit(rule, question), matched) {
        (None, _) => "every element matches".to_owned(),
        (Some(doubt), true) => format!("{doubt}; a Deny that cannot be decided applies"),
        (Some(misfit), false) => misfit,
    };
    let hint = if matched { None } else { hint(rule, question) };
    StatementExplanation {
        layer,
        policy: rule.origin.policy.as_ref().to_owned(),
        version: rule.origin.version,
        index: rule.origin.index,
        sid: rule.origin.sid.as_deref().map(ToOwned::to_owned),
        effect,
        matched,
        why,
        hint,
    }
}

/// The first element that says no; if none does, the first that cannot be decided.
fn first_misfit(rule: &Rule, question: &Question<'_>) -> Option<String> {
    let Question {
        action,
        resource,
        context,
    } = *question;
    let statement = &rule.statement;
    if !statement.action.covers(action, context) {
        return Some(action_misfit(&statement.action, question));
    }
    let mut doubt = None;
    match &statement.resource {
        None => doubt = Some("Resource: the statement names none".to_owned()),
        Some(_) if !statement.principals.is_empty() => {
            doubt = Some("Principal: the statement belongs on a resource".to_owned());
        }
        Some(clause) => match clause.covers(&resource, context) {
            Truth::True => {}
            Truth::False => return Some(resource_misfit(clause, question)),
            Truth::Undecidable => doubt = Some(resource_misfit(clause, question)),
        },
    }
    for condition in &statement.conditions {
        match condition.holds(context) {
            Truth::True => {}
            Truth::False => return Some(condition_misfit(condition, context)),
            Truth::Undecidable => {
                doubt = doubt.or_else(|| {
                    let shown = condition_misfit(condition, context);
                    Some(format!(
                        "{shown}; the request's value is not of the operator's type"
                    ))
                });
            }
        }
    }
    doubt
}

fn action_misfit(clause: &ActionClause, question: &Question<'_>) -> String {
    let action = question.action;
    let listed = |p: &&super::statement::ActionPattern| p.glob.matches(action, question.context);
    match (clause.listing, clause.patterns.iter().find(listed)) {
        (Listing::AllBut, Some(pattern)) => {
            format!("NotAction: pattern {:?} matches {action:?}", pattern.text)
        }
        (Listing::AllBut | Listing::Only, _) => {
            let texts: Vec<&str> = clause.patterns.iter().map(|p| p.text.as_str()).collect();
            format!("Action: none of {texts:?} matches {action:?}")
        }
    }
}

fn resource_misfit(clause: &ResourceClause, question: &Question<'_>) -> String {
    let Question {
        resource, context, ..
    } = *question;
    let element = match clause.listing {
        Listing::Only => "Resource",
        Listing::AllBut => "NotResource",
    };
    let listed = |p: &&ResourcePattern| p.arn.matches(&resource, context);
    if clause.listing == Listing::AllBut
        && let Some(pattern) = clause.patterns.iter().find(listed)
    {
        return format!(
            "{element}: pattern {:?} matches {:?}",
            pattern.text, resource.text
        );
    }
    let unresolved = clause
        .patterns
        .iter()
        .find_map(|pattern| Some((pattern, pattern.arn.first_unresolved(context)?)));
    if let Some((pattern, variable)) = unresolved {
        return format!(
            "{element}: {:?} matches nothing because the request has no single value for {:?}",
            pattern.text, variable.key
        );
    }
    // The pattern that fits furthest is the one its author most likely meant.
    let nearest = clause
        .patterns
        .iter()
        .filter_map(|pattern| pattern.arn.first_mismatch(resource.text, context))
        .max_by_key(|(number, _, _)| *number);
    match nearest {
        Some((number, segment, came)) => format!(
            "{element}: segment {number} pattern {:?} does not match {came:?}",
            segment.text
        ),
        None => format!("{element}: no pattern matches {:?}", resource.text),
    }
}

fn condition_misfit(condition: &Condition, context: &Context) -> String {
    let Condition {
        operator_name,
        key,
        lower_key,
        shown,
        ..
    } = condition;
    match context.values(lower_key) {
        [] => {
            format!("Condition: {operator_name} {key} wants {shown:?}; the request has no such key")
        }
        [value] => {
            format!("Condition: {operator_name} {key} wants {shown:?}; the request has {value:?}")
        }
        values => {
            format!("Condition: {operator_name} {key} wants {shown:?}; the request has {values:?}")
        }
    }
}

/// The most frequent mistake: a policy written for the database instead of the proxy in front of it.
fn hint(rule: &Rule, question: &Question<'_>) -> Option<String> {
    let clause = rule.statement.resource.as_ref()?;
    let (_, asked) = question.resource.text.split_once(":dbuser:")?;
    if !asked.starts_with("prx-") || clause.listing != Listing::Only {
        return None;
    }
    let named = clause.patterns.iter().find_map(|pattern| {
        let id = pattern
            .arn
            .resource_segment()?
            .text
            .strip_prefix("dbuser:")?;
        [("db-", "an instance"), ("cluster-", "a cluster")]
            .into_iter()
            .find(|(prefix, _)| id.starts_with(prefix))
    });
    let (prefix, what) = named?;
    Some(format!(
        "The policy names {what} id ({prefix}…). Connections through a proxy are checked against the proxy id (prx-…)."
    ))
}
