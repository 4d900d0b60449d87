//! Whose fault an error is. It decides log level, metric label and whether a client may be told.

use serde::{Deserialize, Serialize};

/// The side that has to change something for the error to go away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The connecting client: wrong bytes, wrong credentials, gone away.
    Client,
    /// The database server or the way to it.
    Backend,
    /// Tollgate itself.
    Proxy,
    /// The configuration an operator gave.
    Operator,
}
