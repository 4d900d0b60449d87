//! What a caller is told when the store refuses.

use http::header::{LOCATION, RETRY_AFTER};
use tollgate_store::StoreError;

use crate::http::path;
use crate::problem::{Code, Problem};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let words = error.to_string();
        let told = |code| Self::new(code, words.clone());
        match error {
            StoreError::NotFound { .. } => told(Code::NotFound),
            StoreError::AlreadyExists { kind, name, .. } => match path::of(kind, &name) {
                Some(path) => told(Code::AlreadyExists).with_header(LOCATION, &path),
                None => told(Code::AlreadyExists),
            },
            StoreError::InUse { .. } => told(Code::InUse),
            StoreError::BeingDeleted { .. } => told(Code::BeingDeleted),
            StoreError::PreconditionFailed { .. } => told(Code::EtagMismatch),
            StoreError::LimitExceeded { .. } => told(Code::LimitExceeded),
            StoreError::PortsExhausted { .. } => told(Code::PortsExhausted),
            StoreError::IdempotencyKeyReused => told(Code::IdempotencyKeyReused),
            StoreError::IdempotencyInFlight => told(Code::IdempotencyInFlight),
            StoreError::Unavailable { reason } => {
                tracing::warn!(error = %reason, "metadata store is away");
                // What the driver said may name hosts; it is in the log and in /readyz.
                Self::new(Code::StoreUnavailable, "the metadata store does not answer")
                    .with_header(RETRY_AFTER, "2")
            }
            StoreError::Corrupt { .. } | StoreError::Database(_) => Self::internal(&words),
        }
    }
}
