//! Identity providers: whether a token that one of them has signed is genuine, ours and in time.
//!
//! Only issuers that an operator has registered are ever asked for their keys, so that a token cannot make
//! this program call somebody else.

mod fetch;
mod keys;
mod token;

pub(crate) use keys::KeyCache;
pub(crate) use token::{Provider, Verified, bare, issuer};

/// Why a token was not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OidcError {
    /// It is no JWT, or a part of it is not as it must be.
    #[error("{0}")]
    Invalid(String),
    /// It was valid once.
    #[error("the token expired {0} seconds ago")]
    Expired(i64),
    /// The provider's keys cannot be had.
    #[error("the identity provider's keys could not be read: {0}")]
    Unreachable(String),
}
