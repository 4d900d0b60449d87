//! One compiled statement, and whether a request falls under it.

use serde::{Deserialize, Serialize};

use super::Context;
use super::arn::{Arn, ArnPattern};
use super::condition::{Condition, Truth, truth};
use super::glob::Glob;
use super::trust::Trusted;

/// What a statement does to the requests that match it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// Permits them, unless something denies them.
    Allow,
    /// Refuses them, whatever else permits them.
    Deny,
}

/// Whether an element lists what it is about or what it is not about (`NotAction`, `NotResource`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    Only,
    AllBut,
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone)]
pub(super) struct ActionClause {
    pub(super) listing: Listing,
    pub(super) patterns: Vec<ActionPattern>,
}

/// One action pattern; actions are compared in lower case.
#[derive(Debug, Clone)]
pub(super) struct ActionPattern {
    pub(super) text: String,
    pub(super) glob: Glob,
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone)]
pub(super) struct ResourceClause {
    pub(super) listing: Listing,
    pub(super) patterns: Vec<ResourcePattern>,
}

/// One resource pattern.
#[derive(Debug, Clone)]
pub(super) struct ResourcePattern {
    pub(super) text: String,
    pub(super) arn: ArnPattern,
}

/// A compiled statement.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    pub(super) action: ActionClause,
    /// Absent in trust policies, which speak about the role they hang on.
    pub(super) resource: Option<ResourceClause>,
    pub(super) conditions: Vec<Condition>,
    /// Whom a trust or resource policy is about; empty in every other.
    pub(super) principals: Vec<Trusted>,
}

impl Effect {
    /// The other effect.
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Allow => Self::Deny,
            Self::Deny => Self::Allow,
        }
    }
}

impl ActionClause {
    /// Whether an action, given in lower case, is meant.
    pub(super) fn covers(&self, lower_action: &str, context: &Context) -> bool {
        let listed = |pattern: &ActionPattern| pattern.glob.matches(lower_action, context);
        let any = self.patterns.iter().any(listed);
        any == (self.listing == Listing::Only)
    }
}

impl ResourceClause {
    /// Whether a resource is meant.
    ///
    /// A pattern whose variable has no value matches nothing. In `NotResource` that would *widen* the
    /// statement, so there it makes the answer undecidable.
    pub(super) fn covers(&self, resource: &Arn<'_>, context: &Context) -> Truth {
        let listed = |pattern: &ResourcePattern| pattern.arn.matches(resource, context);
        let any = self.patterns.iter().any(listed);
        match self.listing {
            Listing::Only => truth(any),
            Listing::AllBut if any => Truth::False,
            Listing::AllBut => {
                let unresolved = |p: &ResourcePattern| p.arn.first_unresolved(context).is_some();
                if self.patterns.iter().any(unresolved) {
                    Truth::Undecidable
                } else {
                    Truth::True
                }
            }
        }
    }
}

impl Statement {
    /// Whether the statement takes effect: undecidable Denies do, undecidable Allows do not.
    pub(super) fn applies(
        &self,
        lower_action: &str,
        resource: &Arn<'_>,
        context: &Context,
    ) -> bool {
        match self.matches(lower_action, resource, context) {
            Truth::True => true,
            Truth::False => false,
            Truth::Undecidable => self.effect == Effect::Deny,
        }
    }

    /// Whether the request falls under the statement. One element that says no outweighs doubt elsewhere.
    fn matches(&self, lower_action: &str, resource: &Arn<'_>, context: &Context) -> Truth {
        if !self.action.covers(lower_action, context) {
            return Truth::False;
        }
        // A statement that names no resource, or whom it means, has no place among identity policies: doubt,
        // not silence.
        let mut outcome = match &self.resource {
            Some(clause) if self.principals.is_empty() => clause.covers(resource, context),
            Some(_) | None => Truth::Undecidable,
        };
        for condition in &self.conditions {
            if outcome == Truth::False {
                return Truth::False;
            }
            match condition.holds(context) {
                Truth::True => {}
                Truth::False => return Truth::False,
                Truth::Undecidable => outcome = Truth::Undecidable,
            }
        }
        outcome
    }
}
