//! The metadata database: typed rows in, typed rows out, and the only SQL about our own data.
//!
//! [`Store`] reads; [`Store::begin`] opens a [`Write`], one transaction in which rows are written,
//! the configuration revision rises and the answer is kept under the caller's idempotency key.
//! Nothing here waits for a database at start, and nothing here sees a secret in the clear.

mod access_keys;
mod attachments;
mod cell;
mod connection;
mod databases;
mod decisions;
mod endpoints;
mod entity;
mod error;
mod everything;
mod groups;
mod in_flight;
mod inline_policies;
pub mod limit;
mod meta;
mod network;
mod oidc_providers;
mod page;
mod policies;
mod policy_use;
mod policy_versions;
mod proxies;
mod proxy_status;
mod roles;
mod secret_versions;
mod secrets;
mod security_groups;
mod session_revocations;
mod settings;
mod store;
mod tags;
mod target_groups;
mod targets;
mod users;
mod write;

pub use access_keys::{AccessKeyRow, AccessKeyState, NewAccessKey};
pub use attachments::{AttachTo, AttachmentRow};
pub use connection::{StoreHealth, StoreState};
pub use databases::{DatabaseRow, DatabaseUpdate, NewDatabase};
pub use decisions::{DecisionFilter, DecisionRetention};
pub use endpoints::{EndpointRow, EndpointUpdate, NewEndpoint};
pub use error::{Kind, StoreError};
pub use everything::Everything;
pub use groups::{GroupRow, MembershipRow, NewGroup};
pub use inline_policies::InlinePolicyRow;
pub use network::{EndpointNetwork, ProxyNetwork};
pub use oidc_providers::{NewOidcProvider, OidcProviderRow};
pub use page::{Listed, Page};
pub use policies::{AWS_MANAGED, NewPolicy, PolicyFilter, PolicyRow, PolicyScope};
pub use policy_use::{PolicyEntity, PolicyUsage, PolicyUse};
pub use policy_versions::PolicyVersionRow;
pub use proxies::{AuthRule, NewProxy, ProxyRow, ProxyUpdate};
pub use proxy_status::ProxyStatusChange;
pub use roles::{NewRole, RoleRow, RoleUpdate};
pub use secret_versions::{NewSecretVersion, SecretFormat, SecretStage, SecretVersionRow};
pub use secrets::{NewSecret, SecretDeletion, SecretRow, SecretUpdate};
pub use security_groups::{
    DEFAULT_SECURITY_GROUP, NewSecurityGroup, NewSecurityGroupRule, SecurityGroupRow,
    SecurityGroupRuleRow,
};
pub use session_revocations::SessionRevocationRow;
pub use settings::{MetadataUrl, MetadataUrlError, PostgresUrl, StoreSettings};
pub use store::{Outcome, Store};
pub use tags::{TagKind, Tags};
pub use target_groups::TargetGroupRow;
pub use targets::{NewTarget, TargetRow};
pub use users::{NewUser, UserRow};
pub use write::{Begun, Expect, Idempotency, StoredAnswer, Write, WriteContext};
