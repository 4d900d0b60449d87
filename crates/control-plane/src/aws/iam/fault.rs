//! Refusals in IAM's words. Source: "Errors" of the operations in the IAM API Reference.

use http::StatusCode;
use tollgate_store::{Kind, StoreError};

use crate::aws::fault::{Fault, Refusal};
use crate::aws::words;

/// A refusal in IAM's words.
pub(in crate::aws) fn fault(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Store(error) => match of_store(&error) {
            Some(fault) => fault,
            None => words::identity(Refusal::Store(error)),
        },
        Refusal::Fault(_) | Refusal::Missing(_) | Refusal::Invalid(_) | Refusal::Problem(_) => {
            words::identity(refusal)
        }
    }
}

/// The entity that a request names is not there.
pub(super) fn no_such_entity(message: impl Into<String>) -> Fault {
    Fault::with(StatusCode::NOT_FOUND, "NoSuchEntity", message)
}

/// A quota would be passed.
pub(super) fn limit_exceeded(message: impl Into<String>) -> Fault {
    Fault::with(StatusCode::CONFLICT, "LimitExceeded", message)
}

/// Something else must go first.
pub(super) fn delete_conflict(message: impl Into<String>) -> Fault {
    Fault::with(StatusCode::CONFLICT, "DeleteConflict", message)
}

fn of_store(error: &StoreError) -> Option<Fault> {
    match error {
        StoreError::NotFound { kind, name } => Some(no_such_entity(missing(*kind, name))),
        StoreError::AlreadyExists { kind, name, .. } => Some(Fault::with(
            StatusCode::CONFLICT,
            "EntityAlreadyExists",
            taken(*kind, name),
        )),
        StoreError::InUse {
            kind: Kind::PolicyVersion,
            ..
        } => Some(delete_conflict(
            "Cannot delete the default version of a policy.",
        )),
        StoreError::InUse { by, .. } => Some(delete_conflict(format!(
            "Cannot delete entity, must first remove {}.",
            by.join(", ")
        ))),
        StoreError::LimitExceeded { what, limit } => Some(limit_exceeded(format!(
            "Cannot exceed quota: at most {limit} {what}."
        ))),
        StoreError::BeingDeleted { .. }
        | StoreError::PreconditionFailed { .. }
        | StoreError::PortsExhausted { .. }
        | StoreError::IdempotencyKeyReused
        | StoreError::IdempotencyInFlight
        | StoreError::Unavailable { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Database(_) => None,
    }
}

fn missing(kind: Kind, name: &str) -> String {
    match kind {
        Kind::User | Kind::Group | Kind::Role => {
            format!("The {kind} with name {name} cannot be found.")
        }
        Kind::InlinePolicy => format!("The policy with name {name} cannot be found."),
        Kind::AccessKey => format!("The Access Key with id {name} cannot be found."),
        Kind::PolicyVersion => {
            format!("Policy version {name} does not exist or is not attachable.")
        }
        Kind::Attachment => format!("Policy {name} was not found."),
        Kind::OidcProvider => format!("OpenIDConnect Provider not found for {name}"),
        Kind::Membership => format!("The user with name {name} is not in the group."),
        Kind::Policy
        | Kind::Database
        | Kind::Secret
        | Kind::Proxy
        | Kind::TargetGroup
        | Kind::Target
        | Kind::Endpoint
        | Kind::SecurityGroup
        | Kind::SecurityGroupRule
        | Kind::Decision => format!("The {kind} {name} does not exist."),
    }
}

fn taken(kind: Kind, name: &str) -> String {
    match kind {
        Kind::User => format!("User with name {name} already exists."),
        Kind::Group => format!("Group with name {name} already exists."),
        Kind::Role => format!("Role with name {name} already exists."),
        Kind::Policy => {
            format!("A policy called {name} already exists. Duplicate names are not allowed.")
        }
        Kind::OidcProvider => format!("Provider with url https://{name} already exists."),
        Kind::AccessKey
        | Kind::PolicyVersion
        | Kind::InlinePolicy
        | Kind::Attachment
        | Kind::Membership
        | Kind::Database
        | Kind::Secret
        | Kind::Proxy
        | Kind::TargetGroup
        | Kind::Target
        | Kind::Endpoint
        | Kind::SecurityGroup
        | Kind::SecurityGroupRule
        | Kind::Decision => format!("The {kind} {name} already exists."),
    }
}
