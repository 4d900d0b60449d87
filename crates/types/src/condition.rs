//! Conditions: what is true of a resource, since when, and why not.

use serde::{Deserialize, Serialize};

/// What a condition speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionType {
    /// The data plane runs the newest generation.
    Programmed,
    /// Every endpoint listens on its port.
    Listening,
    /// Every secret an auth rule names could be read.
    SecretsResolved,
    /// At least one target can be used.
    TargetsAvailable,
    /// The summary clients wait for: programmed and listening.
    Available,
}

/// Three-valued truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody has reported yet.
    Unknown,
}

/// One condition of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it speaks about.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One CamelCase word for machines, never empty.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// The generation this was observed for.
    pub observed_generation: u64,
    /// Seconds since the epoch at which `status` last changed (not reason or message).
    pub last_transition_unix: i64,
}
