//! Who is calling and what may they do: `SigV4` tokens and requests, and IAM policies.
//!
//! Four modules, each usable on its own:
//!
//! - [`token`] parses, checks and mints `rds-db` login tokens;
//! - [`request`] checks REST calls signed with `SigV4` headers;
//! - [`session`] makes and opens temporary credentials;
//! - [`policy`] parses, compiles, evaluates and explains policy documents.
//!
//! Everything here is a pure function of its arguments: no socket, no clock (the time is an argument), no
//! store (keys are arguments) and no randomness. No input can make it panic.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod amz_date;
mod percent;
pub mod policy;
mod reason;
pub mod request;
pub mod session;
pub mod token;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
