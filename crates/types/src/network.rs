//! The kinds of addresses that RDS's network settings name.

use serde::{Deserialize, Serialize};

/// RDS's network types. What an installation listens on and reaches is its own setting; these are kept and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum NetworkType {
    /// IPv4 addresses.
    #[default]
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// Both; for endpoints only.
    Dual,
}

impl NetworkType {
    /// The upper-case name used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPV4",
            Self::Ipv6 => "IPV6",
            Self::Dual => "DUAL",
        }
    }
}
