//! What a proxied session means: which reply belongs to which request, when a server connection is
//! needed, when it is provably clean, and what ties a client to it in between.
//!
//! One machine per engine, bytes in and effects out. Nothing here owns a socket, a clock or a pool.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod effects;
pub mod mysql;
mod pin;
pub mod postgres;

pub use effects::{Effects, Notice, Piece, Pieces};
pub use pin::{PinChange, PinReason, PinSet};
