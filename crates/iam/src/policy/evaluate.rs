//! The decision: any Deny wins, then every layer must allow, and what nobody allows is denied.

use std::borrow::Cow;

use super::arn::Arn;
use super::set::{Layers, Question, Rule, Rules};
use super::{Decision, Effect, Layer, Outcome, PolicySet, Request};

impl PolicySet {
    /// Decides a request. Allocates nothing when the action is given in lower case.
    pub fn evaluate(&self, request: &Request<'_>) -> Decision {
        match &self.rules {
            Rules::Everything => decision(Outcome::Allow, Layer::Identity, None),
            Rules::Layered(layers) => {
                let action = lower_case(request.action);
                let question = Question::new(&action, request);
                layers.decide(&question, Granted::ByIdentity)
            }
        }
    }

    /// As [`PolicySet::evaluate`], where the policy of the resource gives the Allow that an identity policy
    /// would have to give. Every Deny still counts, and boundaries and session policies still limit.
    pub fn evaluate_granted(&self, request: &Request<'_>) -> Decision {
        match &self.rules {
            Rules::Everything => decision(Outcome::Allow, Layer::Identity, None),
            Rules::Layered(layers) => {
                let action = lower_case(request.action);
                let question = Question::new(&action, request);
                layers.decide(&question, Granted::ByResource)
            }
        }
    }
}

/// Where the Allow for the identity layer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Granted {
    ByIdentity,
    ByResource,
}

impl<'a> Question<'a> {
    /// `lower_action` is the request's action in lower case.
    pub(super) fn new(lower_action: &'a str, request: &Request<'a>) -> Self {
        Self {
            action: lower_action,
            resource: Arn::new(request.resource),
            context: request.context,
        }
    }
}

impl Layers {
    /// Every policy with the layer it belongs to, in the order of evaluation.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (Layer, &[Rule])> {
        let identity = std::iter::once((Layer::Identity, self.identity.as_slice()));
        let boundaries = self
            .boundaries
            .iter()
            .map(|b| (Layer::Boundary, b.as_slice()));
        let sessions = self.sessions.iter().map(|s| (Layer::Session, s.as_slice()));
        identity.chain(boundaries).chain(sessions)
    }

    fn decide(&self, question: &Question<'_>, grant: Granted) -> Decision {
        for (layer, rules) in self.in_order() {
            if let Some(rule) = first(rules, Effect::Deny, question) {
                return decision(Outcome::ExplicitDeny, layer, Some(rule));
            }
        }
        let mut granted = None;
        for (layer, rules) in self.in_order() {
            match first(rules, Effect::Allow, question) {
                None if layer == Layer::Identity && grant == Granted::ByResource => {}
                None => return decision(Outcome::ImplicitDeny, layer, None),
                Some(rule) => granted = granted.or(Some(rule)),
            }
        }
        decision(Outcome::Allow, Layer::Identity, granted)
    }
}

fn first<'r>(rules: &'r [Rule], effect: Effect, question: &Question<'_>) -> Option<&'r Rule> {
    rules.iter().find(|rule| rule.applies(effect, question))
}

fn decision(outcome: Outcome, layer: Layer, rule: Option<&Rule>) -> Decision {
    Decision {
        outcome,
        layer,
        statement: rule.map(|rule| rule.origin.clone()),
    }
}

/// The action in lower case, borrowed if it already is.
pub(super) fn lower_case(action: &str) -> Cow<'_, str> {
    if action.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(action.to_ascii_lowercase())
    } else {
        Cow::Borrowed(action)
    }
}
