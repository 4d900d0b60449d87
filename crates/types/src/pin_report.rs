//! What pins the clients of a proxy: the pins in force, and what they added up to since the start.

use serde::{Deserialize, Serialize};

/// The statement under which further ones are counted when there are too many different ones.
pub const OTHER_STATEMENTS: &str = "…";

/// One pin in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CurrentPin {
    /// The session: the correlation id of its login.
    pub session_id: String,
    /// Endpoint name.
    pub endpoint: String,
    /// Database user.
    pub user: String,
    /// Database.
    pub database: String,
    /// What the client calls itself: `application_name` of the startup packet, `program_name` among the
    /// connection attributes of MySQL.
    pub application_name: String,
    /// Code from the closed list.
    pub reason: String,
    /// The statement that caused it, without its literals; `None` where no single one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The stored code that caused it, by its name in the catalogue; `None` where none is known to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Seconds since the epoch of its beginning.
    pub since_unix: i64,
    /// Milliseconds it has lasted.
    pub held_ms: u64,
}

/// All pins of one reason, statement and stored code since the start of the process, those in force included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinTotal {
    /// Code from the closed list.
    pub reason: String,
    /// The statement that caused them, without its literals; [`OTHER_STATEMENTS`] stands for those beyond
    /// the number that is kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The stored code that caused them, by its name in the catalogue; `None` where none is known to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How many there were.
    pub count: u64,
    /// Milliseconds all of them lasted together.
    pub held_ms: u64,
    /// Milliseconds the longest of them lasted.
    pub longest_ms: u64,
    /// Seconds since the epoch at which one was last in force.
    pub last_seen_unix: i64,
}

/// Both for one proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinReport {
    /// The pins in force.
    pub current: Vec<CurrentPin>,
    /// Sums, the longest held first.
    pub totals: Vec<PinTotal>,
}
