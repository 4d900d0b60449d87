//! The nouns both planes share: ids, specs, statuses, snapshots and observations. No I/O, no clock.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod audit;
mod client_password;
mod condition;
mod engine;
mod fault;
mod id;
mod name;
mod network;
mod observed;
mod pin_report;
mod policy_problem;
mod pool_policy;
mod secret;
mod security_group;
mod session_info;
mod snapshot;
mod status;
mod target;

pub use audit::{AuthDecision, AuthOutcome, DecisionSource, DecisionTls};
pub use client_password::ClientPasswordAuth;
pub use condition::{Condition, ConditionStatus, ConditionType};
pub use engine::{Engine, EngineFamily};
pub use fault::Fault;
pub use id::{Arn, IdError, ProxyId, TargetId};
pub use name::{NameRule, check_name};
pub use network::NetworkType;
pub use observed::{EndpointState, Observation, ObservedEndpoint, ObservedProxy, ObservedTarget};
pub use pin_report::{CurrentPin, OTHER_STATEMENTS, PinReport, PinTotal};
pub use policy_problem::FieldProblem;
pub use pool_policy::{ConnectionLimit, PoolPolicy, SessionPinningFilter};
pub use secret::SecretString;
pub use security_group::{
    ClientNetworks, IpProtocol, Permission, PermissionError, RuleSource, Traffic,
};
pub use session_info::{PinInfo, SessionInfo, SessionState};
pub use snapshot::{
    AccessKeyConfig, AuthConfig, DaySigningKey, EndpointConfig, IamAuth, IdentityConfig,
    PolicyConfig, PolicyLayer, PrincipalConfig, PrincipalKind, ProxyConfig, ProxyPhase, Revision,
    SNAPSHOT_FORMAT, SessionKeyConfig, Snapshot, TargetConfig,
};
pub use status::{ProxyEvent, ProxyStatus};
pub use target::{
    CheckOutcome, HealthCheck, HealthReason, HealthState, ProbeStep, TargetHealth, TargetRole,
    TargetTls, TlsMode,
};
