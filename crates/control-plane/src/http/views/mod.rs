//! The JSON that callers send and get, one file per resource.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod database;
pub(crate) mod health;
pub(crate) mod identity;
pub(crate) mod pins;
pub(crate) mod pool;
pub(crate) mod proxy;
mod schemas;
pub(crate) mod secret;
pub(crate) mod session;
pub(crate) mod tags;
pub(crate) mod target;

use serde::Serialize;
use utoipa::ToSchema;

/// Declares the page type of a list, so that every list has a name of its own in the document.
macro_rules! pages {
    ($($(#[$doc:meta])* $name:ident of $item:ty;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name {
            /// The items of this page.
            pub(crate) items: Vec<$item>,
            /// Asks for the next page; absent on the last one.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(crate) next_page_token: Option<String>,
        }
    )+};
}

pages! {
    /// A page of databases.
    DatabaseList of database::Database;
    /// A page of secrets.
    SecretList of secret::Secret;
    /// A page of proxies.
    ProxyList of proxy::Proxy;
    /// A page of targets.
    TargetList of target::Target;
    /// A page of endpoints.
    EndpointList of proxy::Endpoint;
    /// A page of client connections.
    SessionList of session::Session;
    /// A page of users.
    UserList of identity::User;
    /// A page of groups.
    GroupList of identity::Group;
    /// A page of group members.
    MemberList of identity::Member;
    /// A page of roles.
    RoleList of identity::Role;
    /// A page of policies.
    PolicyList of access::Policy;
    /// A page of policy versions.
    PolicyVersionList of access::PolicyVersion;
    /// A page of attached policies.
    AttachedPolicyList of access::AttachedPolicy;
    /// A page of access keys, without their secrets.
    AccessKeyList of access::AccessKey;
    /// A page of decisions, newest first.
    DecisionList of audit::Decision;
}
