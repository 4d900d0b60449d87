//! A proxy's status and its legal transitions, in one exhaustive place.

use serde::{Deserialize, Serialize};

/// RDS's `DBProxyStatus`, as far as Tollgate uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyStatus {
    /// Written, not yet served.
    Creating,
    /// The data plane listens and has applied the newest generation.
    Available,
    /// A newer generation waits to be applied; the previous one still serves.
    Modifying,
    /// Draining; the row disappears when the last session is gone.
    Deleting,
    /// An endpoint's port could not be bound.
    IncompatibleNetwork,
    /// The data plane refused for lack of resources (file descriptors, memory).
    InsufficientResourceLimits,
}

/// What can happen to a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyEvent {
    /// The operator changed the specification (generation rose).
    SpecChanged,
    /// The data plane reports: newest generation applied, every endpoint listening.
    Applied,
    /// The data plane reports: an endpoint's port cannot be bound.
    PortRejected,
    /// The data plane reports: not enough descriptors or memory.
    ResourcesRejected,
    /// The operator deleted the proxy.
    DeleteRequested,
}

impl ProxyStatus {
    /// The status after `event`. A proxy being deleted never comes back.
    #[must_use]
    pub fn after(self, event: ProxyEvent) -> Self {
        match (self, event) {
            (Self::Deleting, _) | (_, ProxyEvent::DeleteRequested) => Self::Deleting,
            (Self::Creating, ProxyEvent::SpecChanged) => Self::Creating,
            (
                Self::Available
                | Self::Modifying
                | Self::IncompatibleNetwork
                | Self::InsufficientResourceLimits,
                ProxyEvent::SpecChanged,
            ) => Self::Modifying,
            (_, ProxyEvent::Applied) => Self::Available,
            (_, ProxyEvent::PortRejected) => Self::IncompatibleNetwork,
            (_, ProxyEvent::ResourcesRejected) => Self::InsufficientResourceLimits,
        }
    }

    /// The kebab-case name used in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::Modifying => "modifying",
            Self::Deleting => "deleting",
            Self::IncompatibleNetwork => "incompatible-network",
            Self::InsufficientResourceLimits => "insufficient-resource-limits",
        }
    }

    /// The status with this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Creating,
            Self::Available,
            Self::Modifying,
            Self::Deleting,
            Self::IncompatibleNetwork,
            Self::InsufficientResourceLimits,
        ]
        .into_iter()
        .find(|status| status.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [ProxyEvent; 5] = [
        ProxyEvent::SpecChanged,
        ProxyEvent::Applied,
        ProxyEvent::PortRejected,
        ProxyEvent::ResourcesRejected,
        ProxyEvent::DeleteRequested,
    ];

    #[test]
    fn deleting_is_final() {
        for event in EVENTS {
            assert_eq!(ProxyStatus::Deleting.after(event), ProxyStatus::Deleting);
        }
    }

    #[test]
    fn creation_becomes_available_only_when_applied() {
        let created = ProxyStatus::Creating;
        assert_eq!(
            created.after(ProxyEvent::SpecChanged),
            ProxyStatus::Creating
        );
        assert_eq!(created.after(ProxyEvent::Applied), ProxyStatus::Available);
        assert_eq!(
            created.after(ProxyEvent::PortRejected),
            ProxyStatus::IncompatibleNetwork
        );
    }

    #[test]
    fn a_freed_port_heals_the_proxy() {
        let rejected = ProxyStatus::IncompatibleNetwork;
        assert_eq!(rejected.after(ProxyEvent::Applied), ProxyStatus::Available);
        assert_eq!(
            rejected.after(ProxyEvent::SpecChanged),
            ProxyStatus::Modifying
        );
    }

    #[test]
    fn names_are_a_bijection() {
        for status in [
            ProxyStatus::Creating,
            ProxyStatus::IncompatibleNetwork,
            ProxyStatus::Deleting,
        ] {
            assert_eq!(ProxyStatus::from_name(status.as_str()), Some(status));
        }
        assert_eq!(ProxyStatus::from_name("suspended"), None);
    }
}
