//! All policies that bear on one principal, in their layers, ready to be evaluated.

use std::sync::Arc;

use super::arn::Arn;
use super::statement::{Effect, Statement};
use super::{Context, PolicyDocument, PolicyKind, StatementRef};

/// A question to a [`PolicySet`].
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The action, `rds-db:connect` for example; case does not count.
    pub action: &'a str,
    /// ARN of what it is done to; case counts.
    pub resource: &'a str,
    /// What else is known.
    pub context: &'a Context,
}

/// A [`Request`] made ready to be held against many statements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// In lower case.
    pub(super) action: &'a str,
    pub(super) resource: Arn<'a>,
    pub(super) context: &'a Context,
}

/// The compiled policies of one principal. Cheap to clone, immutable, shared between threads.
#[derive(Debug, Clone)]
pub struct PolicySet {
    pub(super) rules: Rules,
}

/// Whose rules these are.
#[derive(Debug, Clone)]
pub(super) enum Rules {
    /// The root's: everything is allowed.
    Everything,
    /// Anybody else's.
    Layered(Arc<Layers>),
}

/// Each policy that limits the others stands alone: a request must pass every one of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Layers {
    pub(super) identity: Vec<Rule>,
    pub(super) boundaries: Vec<Vec<Rule>>,
    pub(super) sessions: Vec<Vec<Rule>>,
}

/// A statement and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) origin: StatementRef,
    pub(super) statement: Arc<Statement>,
}

/// Collects the policies of a [`PolicySet`].
#[derive(Debug, Default)]
pub struct PolicySetBuilder {
    layers: Layers,
}

impl PolicySet {
    /// A set to fill. Left empty it denies everything.
    pub fn builder() -> PolicySetBuilder {
        PolicySetBuilder::default()
    }

    /// This set, limited further by the policies of a session: every one of them must allow as well.
    ///
    /// The root's set stays what it is as long as there is nothing to limit it.
    #[must_use]
    pub fn within(&self, sessions: &[PolicyDocument]) -> Self {
        if sessions.is_empty() {
            return self.clone();
        }
        let limits = sessions
            .iter()
            .map(|document| rules("session", 1, document));
        let mut layers = match &self.rules {
            Rules::Everything => Layers {
                identity: everything(),
                ..Layers::default()
            },
            Rules::Layered(layers) => Layers::clone(layers),
        };
        layers.sessions.extend(limits);
        Self {
            rules: Rules::Layered(Arc::new(layers)),
        }
    }

    /// The root principal's set: it allows everything.
    pub fn root() -> Self {
        Self {
            rules: Rules::Everything,
        }
    }
}

impl PolicySetBuilder {
    /// Adds a policy of the user, of one of its groups, or of the role.
    #[must_use]
    pub fn identity(mut self, name: &str, version: u32, document: &PolicyDocument) -> Self {
        self.layers.identity.extend(rules(name, version, document));
        self
    }

    /// Adds a permissions boundary. Several of them must all allow.
    #[must_use]
    pub fn boundary(mut self, name: &str, version: u32, document: &PolicyDocument) -> Self {
        self.layers.boundaries.push(rules(name, version, document));
        self
    }

    /// Adds a session policy. Several of them must all allow.
    #[must_use]
    pub fn session(mut self, name: &str, version: u32, document: &PolicyDocument) -> Self {
        self.layers.sessions.push(rules(name, version, document));
        self
    }

    /// The finished set.
    pub fn build(self) -> PolicySet {
        PolicySet {
            rules: Rules::Layered(Arc::new(self.layers)),
        }
    }
}

/// The root's permissions as statements; nothing at all should the text ever stop parsing.
fn everything() -> Vec<Rule> {
    let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    PolicyDocument::parse(text, PolicyKind::Identity)
        .map(|document| rules("root", 1, &document))
        .unwrap_or_default()
}

fn rules(name: &str, version: u32, document: &PolicyDocument) -> Vec<Rule> {
    let policy: Arc<str> = name.into();
    let statements = document.statements().iter().enumerate();
    statements
        .map(|(index, statement)| Rule {
            origin: StatementRef {
                policy: Arc::clone(&policy),
                version,
                index,
                sid: statement.sid.as_deref().map(Arc::from),
            },
            statement: Arc::clone(statement),
        })
        .collect()
}

impl Rule {
    pub(super) fn applies(&self, effect: Effect, question: &Question<'_>) -> bool {
        self.statement.effect == effect
            && self
                .statement
                .applies(question.action, &question.resource, question.context)
    }
}
