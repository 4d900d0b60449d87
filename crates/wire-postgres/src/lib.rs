//! The PostgreSQL protocol, versions 3.0 and 3.2, as values: frames, messages and logins for both roles.
//!
//! Bytes in, values out: nothing here opens a socket, reads a clock or rolls dice. A proxy looks at every
//! header ([`frame`]), decodes the few bodies it must understand ([`frontend`], [`backend::read`]) and
//! forwards the rest untouched.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod backend;
pub mod decode;
pub mod frame;
pub mod frontend;
pub mod md5_auth;
pub mod output;
pub mod scram;
pub mod secret;
pub mod sqlstate;
pub mod startup;
pub mod tag;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
