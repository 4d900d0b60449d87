//! The client/server protocol of MySQL and MariaDB as values: packets, logins, commands and replies for both roles.
//!
//! Bytes in, values out: nothing here opens a socket, reads a clock or rolls dice. (RSA padding is the one
//! exception: aws-lc takes it from its own generator.) A proxy looks at every header ([`frame`]), lets
//! [`reply::ReplyScanner`] find the end of every reply from a few bytes of each packet, decodes the
//! packets it must understand and forwards the rest untouched.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

pub mod auth;
pub mod capabilities;
pub mod charset;
pub mod command;
pub mod decode;
pub mod error_code;
pub mod frame;
pub mod handshake;
pub mod output;
pub mod reply;
pub mod secret;
pub mod status;
pub mod version;

mod bits;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
