//! One thing wrong with one field of a request, named by JSON pointer.

use serde::{Deserialize, Serialize};

/// A violated rule. A validator returns all of them at once, never only the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// RFC 6901 pointer into the request body, for example `/pool/keepaliveTime`.
    pub pointer: String,
    /// The rule in formal words, for example `keepaliveTime < maxLifetime`.
    pub rule: String,
    /// The sentence for people.
    pub message: String,
}

impl FieldProblem {
    /// Puts the three parts together.
    pub fn new(pointer: &str, rule: &str, message: &str) -> Self {
        Self {
            pointer: pointer.to_owned(),
            rule: rule.to_owned(),
            message: message.to_owned(),
        }
    }

    /// The same problem, seen from a body in which the checked value sits below `prefix`.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}
