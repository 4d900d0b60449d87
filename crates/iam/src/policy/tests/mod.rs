//! Policies: grammar, matching, conditions, decisions, explanations, and agreement with a slow reference.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::too_many_lines,
    reason = "an overflow fails the test, and tables of cases are longer than functions should be"
)]

mod conditions;
mod decisions;
mod differential;
mod grammar;
mod reference;

use super::*;

/// A valid identity policy or a failed test that says why.
fn policy(json: &str) -> PolicyDocument {
    match PolicyDocument::parse(json, PolicyKind::Identity) {
        Ok(document) => document,
        Err(problems) => panic!("{json}: {problems:?}"),
    }
}

/// The decision of a single identity policy.
fn decide(json: &str, action: &str, resource: &str, context: &Context) -> Outcome {
    let set = PolicySet::builder()
        .identity("test", 1, &policy(json))
        .build();
    let request = Request {
        action,
        resource,
        context,
    };
    let decision = set.evaluate(&request);
    assert_eq!(set.explain(&request).decision, decision.outcome);
    decision.outcome
}

/// The ARN of a database user behind a proxy.
fn dbuser(proxy: &str, user: &str) -> String {
    format!("arn:aws:rds-db:us-east-1:000000000000:dbuser:{proxy}/{user}")
}
