//! A policy document: its text as the author wrote it, checked and compiled.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::PolicyFinding;
use super::grammar;
use super::statement::Statement;

/// What a document is used for; each use has its own grammar and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyKind {
    /// Attached to a user, group or role.
    Identity,
    /// Says who may assume a role.
    Trust,
    /// Given when a role is assumed.
    SessionPolicy,
    /// A permissions boundary.
    Boundary,
    /// Hangs on a resource and says who may do what with it.
    Resource,
}

impl PolicyKind {
    /// Most characters, white space not counted. Source: IAM and STS quotas in the IAM User Guide.
    pub fn size_max(self) -> usize {
        match self {
            Self::Identity | Self::Boundary => 6_144,
            Self::Trust | Self::SessionPolicy => 2_048,
            // Source: Secrets Manager API, `PutResourcePolicy`.
            Self::Resource => 20_480,
        }
    }
}

/// One reason why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyProblem {
    /// RFC 6901 pointer into the document.
    pub pointer: String,
    /// The sentence for people.
    pub message: String,
}

/// A valid policy document.
///
/// It serialises as its kind and its text, and is checked again when it is read back.
#[derive(Debug, Clone)]
pub struct PolicyDocument {
    json: Arc<str>,
    kind: PolicyKind,
    statements: Arc<[Arc<Statement>]>,
    findings: Arc<[PolicyFinding]>,
}

impl PolicyDocument {
    /// Checks and compiles a document. Fails with every problem found, at least one.
    pub fn parse(json: &str, kind: PolicyKind) -> Result<Self, Vec<PolicyProblem>> {
        let checked = grammar::check(json, kind)?;
        Ok(Self {
            json: json.into(),
            kind,
            statements: checked.statements.into_iter().map(Arc::new).collect(),
            findings: checked.findings.into(),
        })
    }

    /// The text it was parsed from, unchanged.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// What it may be used for.
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// Warnings about things that are valid and probably not meant.
    pub fn findings(&self) -> &[PolicyFinding] {
        &self.findings
    }

    pub(super) fn statements(&self) -> &[Arc<Statement>] {
        &self.statements
    }
}

impl PartialEq for PolicyDocument {
    fn eq(&self, other: &Self) -> bool {
        // The text and the kind determine everything else.
        self.json == other.json && self.kind == other.kind
    }
}

impl Eq for PolicyDocument {}

/// The serialised form.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    kind: PolicyKind,
    #[serde(borrow)]
    json: std::borrow::Cow<'a, str>,
}

impl Serialize for PolicyDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = self.as_json().into();
        let kind = self.kind;
        Stored { kind, json }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PolicyDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        Self::parse(&stored.json, stored.kind).map_err(|problems| {
            let first = problems.first().map_or("", |p| p.message.as_str());
            de::Error::custom(format!("invalid policy document: {first}"))
        })
    }
}
