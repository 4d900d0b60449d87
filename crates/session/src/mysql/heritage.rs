//! What a session leaves to the next one over the same connection: servers keep it over another login.

use super::diagnostics::FoundRows;
use super::link::Multi;
use super::{Session, SessionConfig};

/// What `COM_CHANGE_USER` leaves as it was, on both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heritage {
    pub(super) multi_statements: Multi,
    pub(super) found_rows: FoundRows,
}

impl Heritage {
    /// What a session begins with.
    pub(super) fn of(config: &SessionConfig) -> Self {
        config.heritage.unwrap_or_else(|| Self {
            multi_statements: Multi::of(config.capabilities),
            found_rows: FoundRows::AT_LOGIN,
        })
    }
}

impl Session {
    /// What a session over the same connection goes on with, after [`Want::ChangeUser`](super::Want::ChangeUser).
    pub fn heritage(&self) -> Heritage {
        Heritage {
            multi_statements: self.multi_statements,
            found_rows: self.diagnostics.heritage(),
        }
    }
}
