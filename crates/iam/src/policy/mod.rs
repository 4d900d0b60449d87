//! IAM policies: parsed and compiled once, then evaluated without allocation, and explained on demand.
//!
//! The order of evaluation and the meaning of every element follow the AWS IAM User Guide ("Policy
//! evaluation logic", "IAM JSON policy elements reference"). Where AWS is silent the answer that lets fewer
//! requests through was chosen, and the place says so.

mod arn;
mod condition;
mod context;
mod decision;
mod document;
mod evaluate;
mod explain;
mod finding;
mod glob;
mod grammar;
mod json;
mod literal;
mod operator;
mod resource_policy;
mod set;
mod statement;
mod template;
#[cfg(test)]
mod tests;
mod trust;

pub use context::{Context, Value};
pub use decision::{Decision, Layer, Outcome, StatementRef};
pub use document::{PolicyDocument, PolicyKind, PolicyProblem};
pub use explain::{Explanation, StatementExplanation};
pub use finding::{FindingCode, PolicyFinding};
pub use set::{PolicySet, PolicySetBuilder, Request};
pub use statement::Effect;
pub use trust::{Assuming, Trust};
