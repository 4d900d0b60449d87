//! What an evaluation says: the outcome, and which statement or which missing layer decided.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The three possible answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Every layer allows it and nothing denies it.
    Allow,
    /// A statement denies it.
    ExplicitDeny,
    /// Some layer has no statement that allows it.
    ImplicitDeny,
}

/// A layer of policies; a request must pass all that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Policies of the user, its groups or the role.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// The session policy given when a role was assumed.
    Session,
}

/// Names one statement of one policy version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatementRef {
    /// Name of the policy.
    pub policy: Arc<str>,
    /// Its version number.
    pub version: u32,
    /// Position of the statement in it, from 0.
    pub index: usize,
    /// The statement's own name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Arc<str>>,
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Allowed, or denied how.
    pub outcome: Outcome,
    /// The layer that decided: where the denying statement stands, or which layer lacks an Allow.
    pub layer: Layer,
    /// The statement that decided. None for an implicit deny, and for the root, whom no statement allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementRef>,
}

impl Decision {
    /// Whether the request may go on.
    pub fn is_allow(&self) -> bool {
        match self.outcome {
            Outcome::Allow => true,
            Outcome::ExplicitDeny | Outcome::ImplicitDeny => false,
        }
    }
}
