//! Relational Database Service, version 2014-10-31: the operations about database proxies.

mod auth;
mod endpoints;
mod instances;
mod proxies;
mod tags;
mod target_groups;
mod targets;
mod view;

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;
use tollgate_store::{Kind as StoreKind, StoreError};

use super::fault::{Fault, Refusal};
use super::form::Node;
use super::paging::Bounds;
use super::table::{Authorized, Operation};
use super::words;
use crate::http::table::Kind;
use crate::service::network::NetworkProblem;

/// Every list's. Source: RDS API, `DescribeDBProxies`.
const PAGE: Bounds = Bounds {
    min: 20,
    max: 100,
    default: 100,
};

/// The member that names a proxy.
const PROXY_NAME: &str = "DBProxyName";

/// The table.
pub(super) fn operations() -> Vec<Operation> {
    let proxy = Authorized::One(Kind::Proxy, PROXY_NAME);
    let group = Authorized::One(Kind::TargetGroup, PROXY_NAME);
    let endpoint = Authorized::One(Kind::Endpoint, "DBProxyEndpointName");
    let any = Authorized::Any;
    let by_handler = Authorized::ByHandler;
    vec![
        Operation::new("CreateDBProxy", any(Kind::Proxy), proxies::create),
        Operation::new("DescribeDBProxies", by_handler, proxies::describe),
        Operation::new("ModifyDBProxy", proxy, proxies::modify),
        Operation::new("DeleteDBProxy", proxy, proxies::delete),
        Operation::new(
            "DescribeDBProxyTargetGroups",
            proxy,
            target_groups::describe,
        ),
        Operation::new("ModifyDBProxyTargetGroup", group, target_groups::modify),
        Operation::new("RegisterDBProxyTargets", group, targets::register),
        Operation::new("DeregisterDBProxyTargets", group, targets::deregister),
        Operation::new("DescribeDBProxyTargets", proxy, targets::describe),
        Operation::new("CreateDBProxyEndpoint", proxy, endpoints::create),
        Operation::new("ModifyDBProxyEndpoint", endpoint, endpoints::modify),
        Operation::new("DeleteDBProxyEndpoint", endpoint, endpoints::delete),
        Operation::new("DescribeDBProxyEndpoints", by_handler, endpoints::describe),
        Operation::new("AddTagsToResource", by_handler, tags::add),
        Operation::new("RemoveTagsFromResource", by_handler, tags::remove),
        Operation::new("ListTagsForResource", by_handler, tags::list),
        Operation::new("DescribeDBInstances", by_handler, instances::describe),
        Operation::new(
            "DescribeDBClusters",
            any(Kind::Database),
            instances::describe_clusters,
        ),
    ]
}

/// A refusal in RDS's words.
pub(super) fn fault(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Fault(fault) => fault,
        Refusal::Missing(name) => Fault::sender(
            "MissingParameter",
            format!("The request must contain the parameter {name}"),
        ),
        Refusal::Invalid(message) => Fault::sender("InvalidParameterValue", message),
        Refusal::Store(error) => words::store(error, store),
        Refusal::Problem(problem) => words::problem_as(&problem, "InvalidParameterValue"),
    }
}

/// Source of the codes and statuses: botocore, `rds/2014-10-31`.
fn store(error: &StoreError, message: String) -> Option<Fault> {
    let code = match error {
        StoreError::NotFound { kind, .. } => {
            let code = missing(*kind)?;
            return Some(Fault::with(StatusCode::NOT_FOUND, code, message));
        }
        StoreError::AlreadyExists { kind, .. } => taken(*kind)?,
        StoreError::BeingDeleted { .. } => "InvalidDBProxyStateFault",
        StoreError::InUse {
            kind: StoreKind::Endpoint,
            ..
        } => "InvalidDBProxyEndpointStateFault",
        StoreError::LimitExceeded { what, .. } if *what == "endpoints per proxy" => {
            "DBProxyEndpointQuotaExceededFault"
        }
        StoreError::InUse { .. }
        | StoreError::PreconditionFailed { .. }
        | StoreError::LimitExceeded { .. }
        | StoreError::PortsExhausted { .. }
        | StoreError::IdempotencyKeyReused
        | StoreError::IdempotencyInFlight
        | StoreError::Unavailable { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Database(_) => return None,
    };
    Some(Fault::sender(code, message))
}

fn missing(kind: StoreKind) -> Option<&'static str> {
    match kind {
        StoreKind::Proxy => Some("DBProxyNotFoundFault"),
        StoreKind::Endpoint => Some("DBProxyEndpointNotFoundFault"),
        StoreKind::TargetGroup => Some("DBProxyTargetGroupNotFoundFault"),
        StoreKind::Target => Some("DBProxyTargetNotFoundFault"),
        StoreKind::Database => Some("DBInstanceNotFound"),
        StoreKind::Secret
        | StoreKind::User
        | StoreKind::Group
        | StoreKind::Role
        | StoreKind::AccessKey
        | StoreKind::Policy
        | StoreKind::PolicyVersion
        | StoreKind::Membership
        | StoreKind::Attachment
        | StoreKind::InlinePolicy
        | StoreKind::OidcProvider
        | StoreKind::SecurityGroup
        | StoreKind::SecurityGroupRule
        | StoreKind::Decision => None,
    }
}

fn taken(kind: StoreKind) -> Option<&'static str> {
    match kind {
        StoreKind::Proxy => Some("DBProxyAlreadyExistsFault"),
        StoreKind::Endpoint => Some("DBProxyEndpointAlreadyExistsFault"),
        StoreKind::Target => Some("DBProxyTargetAlreadyRegisteredFault"),
        StoreKind::TargetGroup
        | StoreKind::Database
        | StoreKind::Secret
        | StoreKind::User
        | StoreKind::Group
        | StoreKind::Role
        | StoreKind::AccessKey
        | StoreKind::Policy
        | StoreKind::PolicyVersion
        | StoreKind::Membership
        | StoreKind::Attachment
        | StoreKind::InlinePolicy
        | StoreKind::OidcProvider
        | StoreKind::SecurityGroup
        | StoreKind::SecurityGroupRule
        | StoreKind::Decision => None,
    }
}

impl From<NetworkProblem> for Refusal {
    fn from(problem: NetworkProblem) -> Self {
        match problem {
            NetworkProblem::Subnet(message) => Fault::sender("InvalidSubnet", message).into(),
            NetworkProblem::SecurityGroup(problem) => Self::Problem(problem),
        }
    }
}

/// A refusal because a security group does not exist.
fn no_group(error: StoreError) -> Refusal {
    if let StoreError::NotFound { name, .. } = &error {
        return Refusal::Invalid(format!("security group `{name}` does not exist"));
    }
    Refusal::Store(error)
}

/// A refusal because every port is taken, as the quota that `code` names.
fn quota(code: &'static str) -> impl FnOnce(StoreError) -> Refusal {
    move |error| {
        if let StoreError::PortsExhausted { .. } = &error {
            return Fault::sender(code, error.to_string()).into();
        }
        Refusal::Store(error)
    }
}

/// One tag of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

/// The tags of a request as ours: every key once, none that AWS keeps to itself.
fn tag_map(tags: Option<Vec<Tag>>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut map = BTreeMap::new();
    for Tag { key, value } in tags.unwrap_or_default() {
        let lower = key.to_ascii_lowercase();
        if lower.starts_with("aws:") || lower.starts_with("rds:") {
            let message = format!("tag key `{key}` must not start with aws: or rds:");
            return Err(Refusal::Invalid(message));
        }
        if map.insert(key.clone(), value).is_some() {
            return Err(Refusal::Invalid(format!("tag key `{key}` is given twice")));
        }
    }
    Ok(map)
}

/// RDS takes no filters for proxies either; leaving them unread would show too much.
fn refuse_filters(input: &Node) -> Result<(), Refusal> {
    let filters = input.member("Filters").and_then(Node::elements);
    if filters.is_none_or(|filters| filters.is_empty()) {
        return Ok(());
    }
    Err(Refusal::Invalid("Filters are not supported".to_owned()))
}
