//! What pins clients to server connections: pins in force, and sums since the start.

use serde::Serialize;
use tollgate_types::{CurrentPin, PinTotal};
use utoipa::ToSchema;

use crate::time::rfc3339;

/// One pin in force.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeldPin {
    /// The session: the correlation id of its login.
    pub(crate) session_id: String,
    /// Code from the closed list of pin reasons.
    pub(crate) reason: String,
    /// The statement that caused it, without its literals; absent where no single one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    /// The stored code that caused it, by its name in the catalogue; absent where none is known to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Endpoint name.
    endpoint: String,
    /// Database user.
    user: String,
    /// Database.
    database: String,
    /// What the client calls itself: `application_name`, or `program_name` among MySQL's connection attributes.
    application_name: String,
    /// RFC 3339.
    #[schema(format = DateTime)]
    since: String,
    /// Seconds it has lasted.
    held_seconds: f64,
}

/// All pins of one reason, statement and stored code since the start of the data plane.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PinSum {
    /// Code from the closed list of pin reasons.
    pub(crate) reason: String,
    /// The statement that caused them, without its literals; absent where no single one is known, `…` for all
    /// statements beyond the 200 that are kept apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
    /// The stored code that caused them, by its name in the catalogue; absent where none is known to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// How many there were.
    count: u64,
    /// Seconds all of them lasted together, those in force included.
    held_seconds: f64,
    /// Seconds the longest of them lasted.
    longest_seconds: f64,
    /// When one was last in force; RFC 3339.
    #[schema(format = DateTime)]
    last_seen_at: String,
}

impl HeldPin {
    /// Where it comes in the list: sessions in order, and the pins of a session in order.
    pub(crate) fn sort_key(&self) -> String {
        format!("{}/{}", self.session_id, self.reason)
    }
}

impl From<CurrentPin> for HeldPin {
    fn from(pin: CurrentPin) -> Self {
        Self {
            session_id: pin.session_id,
            reason: pin.reason,
            statement: pin.statement,
            detail: pin.detail,
            endpoint: pin.endpoint,
            user: pin.user,
            database: pin.database,
            application_name: pin.application_name,
            since: rfc3339(pin.since_unix),
            held_seconds: seconds(pin.held_ms),
        }
    }
}

impl From<PinTotal> for PinSum {
    fn from(total: PinTotal) -> Self {
        Self {
            reason: total.reason,
            statement: total.statement,
            detail: total.detail,
            count: total.count,
            held_seconds: seconds(total.held_ms),
            longest_seconds: seconds(total.longest_ms),
            last_seen_at: rfc3339(total.last_seen_unix),
        }
    }
}

fn seconds(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}

/// A page of pins in force, and the sums.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PinList {
    /// The pins in force of this page.
    pub(crate) items: Vec<HeldPin>,
    /// Sums by reason, statement and stored code, the longest held first; the same on every page.
    pub(crate) totals: Vec<PinSum>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_page_token: Option<String>,
}
