//! What several services say alike: from a refusal to a code and a sentence.

use http::StatusCode;
use tollgate_store::StoreError;

use super::fault::{Fault, Refusal};
use crate::problem::{Code, Problem};

/// The words of IAM and STS for what a request lacks or breaks; `NoSuchEntity` and `EntityAlreadyExists` for
/// the store.
pub(super) fn identity(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Fault(fault) => fault,
        Refusal::Missing(name) => Fault::sender(
            "ValidationError",
            format!("The request must contain the parameter {name}."),
        ),
        Refusal::Invalid(message) => Fault::sender("ValidationError", message),
        Refusal::Store(error) => store(error, |error, message| match error {
            StoreError::NotFound { .. } => {
                Some(Fault::with(StatusCode::NOT_FOUND, "NoSuchEntity", message))
            }
            StoreError::AlreadyExists { .. } => Some(Fault::with(
                StatusCode::CONFLICT,
                "EntityAlreadyExists",
                message,
            )),
            StoreError::InUse { .. } => {
                Some(Fault::with(StatusCode::CONFLICT, "DeleteConflict", message))
            }
            StoreError::LimitExceeded { .. } => {
                Some(Fault::with(StatusCode::CONFLICT, "LimitExceeded", message))
            }
            StoreError::BeingDeleted { .. }
            | StoreError::PreconditionFailed { .. }
            | StoreError::PortsExhausted { .. }
            | StoreError::IdempotencyKeyReused
            | StoreError::IdempotencyInFlight
            | StoreError::Unavailable { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Database(_) => None,
        }),
        Refusal::Problem(problem) => problem_as(&problem, "ValidationError"),
    }
}

/// Lets `own` choose the words for an error of the store; what it leaves becomes a general one.
pub(super) fn store(
    error: StoreError,
    own: impl FnOnce(&StoreError, String) -> Option<Fault>,
) -> Fault {
    let message = error.to_string();
    own(&error, message)
        .unwrap_or_else(|| problem_as(&Problem::from(error), "InvalidParameterValue"))
}

/// What REST would answer, in AWS's general codes; `invalid` is the service's code for wrong members.
pub(super) fn problem_as(problem: &Problem, invalid: &'static str) -> Fault {
    let message = problem.sentence();
    let status = problem.code.status();
    match problem.code {
        Code::AccessDenied => Fault::with(StatusCode::FORBIDDEN, "AccessDenied", message),
        Code::StoreUnavailable | Code::Timeout => Fault::with(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailable",
            message,
        ),
        Code::Internal => Fault::with(status, "InternalFailure", message),
        Code::BodyTooLarge => Fault::with(status, "RequestEntityTooLarge", message),
        Code::ValidationFailed
        | Code::MalformedJson
        | Code::EngineMismatch
        | Code::InvalidPageToken
        | Code::InvalidHeader
        | Code::MissingCredentials
        | Code::InvalidCredentials
        | Code::InsecureTransport
        | Code::Signature(_)
        | Code::NotFound
        | Code::RouteNotFound
        | Code::MethodNotAllowed
        | Code::AlreadyExists
        | Code::InUse
        | Code::BeingDeleted
        | Code::LimitExceeded
        | Code::PortsExhausted
        | Code::IdempotencyInFlight
        | Code::IdempotencyKeyReused
        | Code::EtagMismatch
        | Code::PreconditionRequired
        | Code::UnsupportedMediaType => Fault::sender(invalid, message),
    }
}
