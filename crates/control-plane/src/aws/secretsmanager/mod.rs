//! Secrets Manager, version 2017-10-17: the same secrets that REST writes, as AWS's clients write and read them.
//!
//! Source of shapes, limits and codes: Secrets Manager API reference.

mod delete;
mod describe;
mod list;
mod named;
mod policies;
mod random_password;
mod read;
mod stages;
mod tags;
mod unsupported;
mod value;
mod write;

use http::StatusCode;
use tollgate_store::StoreError;

use super::fault::{Fault, Refusal};
use super::table::{Authorized, Operation};
use super::words;
use crate::http::table::Kind;
use crate::problem::{Code, Problem};

/// The table. Handlers authorize the secret once they have found it: a name, an ARN and a part of an ARN may
/// all mean the same one.
pub(super) fn operations() -> Vec<Operation> {
    let one = Authorized::ByHandler;
    let any = Authorized::Any(Kind::Secret);
    let mut operations = vec![
        Operation::new("CreateSecret", one, write::create),
        Operation::new("UpdateSecret", one, write::update),
        Operation::new("PutSecretValue", one, write::put_value),
        Operation::new("GetSecretValue", one, read::get_value),
        Operation::new("BatchGetSecretValue", any, read::batch),
        Operation::new("DescribeSecret", one, describe::describe),
        Operation::new("ListSecrets", any, list::list),
        Operation::new("ListSecretVersionIds", one, stages::list),
        Operation::new("UpdateSecretVersionStage", one, stages::update),
        Operation::new("TagResource", one, tags::tag),
        Operation::new("UntagResource", one, tags::untag),
        Operation::new("GetResourcePolicy", one, policies::get),
        Operation::new("PutResourcePolicy", one, policies::put),
        Operation::new("DeleteResourcePolicy", one, policies::delete),
        Operation::new("ValidateResourcePolicy", one, policies::validate),
        Operation::new("DeleteSecret", one, delete::delete),
        Operation::new("RestoreSecret", one, delete::restore),
        Operation::new("GetRandomPassword", any, random_password::get),
    ];
    let refused = unsupported::NAMES.into_iter();
    operations.extend(refused.map(|name| Operation::new(name, one, unsupported::refuse)));
    operations
}

/// A refusal in Secrets Manager's words; all but its own troubles have status 400.
pub(super) fn fault(refusal: Refusal) -> Fault {
    let invalid = "InvalidParameterException";
    match refusal {
        Refusal::Fault(fault) => fault,
        Refusal::Missing(name) => {
            Fault::sender(invalid, format!("The parameter {name} is required."))
        }
        Refusal::Invalid(message) => Fault::sender(invalid, message),
        Refusal::Store(error) => words::store(error, store),
        Refusal::Problem(problem) if problem.code == Code::AccessDenied => {
            Fault::sender("AccessDeniedException", problem.sentence())
        }
        Refusal::Problem(problem) if problem.code == Code::Internal => own(problem.sentence()),
        Refusal::Problem(problem) => words::problem_as(&problem, invalid),
    }
}

/// A trouble of ours.
fn own(message: String) -> Fault {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Fault::with(status, "InternalServiceError", message)
}

fn store(error: &StoreError, message: String) -> Option<Fault> {
    let told = |code: &'static str, message: String| Some(Fault::sender(code, message));
    match error {
        StoreError::NotFound { .. } => told(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret: {message}."),
        ),
        StoreError::AlreadyExists { name, .. } => told(
            "ResourceExistsException",
            format!("The operation failed because the secret {name} already exists."),
        ),
        StoreError::InUse { .. } => told("InvalidRequestException", message),
        StoreError::BeingDeleted { name, .. } => told(
            "InvalidRequestException",
            format!(
                "You can't perform this operation on the secret {name} because it was marked for deletion."
            ),
        ),
        StoreError::LimitExceeded { .. } => told("LimitExceededException", message),
        StoreError::Corrupt { .. } | StoreError::Database(_) => {
            Some(own(Problem::internal(&message).sentence()))
        }
        StoreError::PreconditionFailed { .. }
        | StoreError::PortsExhausted { .. }
        | StoreError::IdempotencyKeyReused
        | StoreError::IdempotencyInFlight
        | StoreError::Unavailable { .. } => None,
    }
}
