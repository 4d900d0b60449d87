//! What a text of SQL may do to the session that runs it, told by one pass over its bytes.
//!
//! The scanner is a tokenizer with a few words of grammar, not a parser: it must never overlook an
//! effect, and may report one that is not there. It keeps a fixed amount of memory and can be fed in
//! pieces, so a statement of any size is classified while it streams past.
//!
//! What the functions, procedures and triggers of a database do is in no text. [`Reading`] reads them, as
//! the server keeps them, into [`Routines`]; a summary says which of them its text may run.
//!
//! Known blind spots: routines in C, whose code nobody can read, and sequences that routines use.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

mod calls;
mod digest;
mod effect;
mod memo;
pub mod mysql;
mod name;
mod namings;
mod proof;
mod routines;
mod scanner;
mod statement;
mod touched;
mod word;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;

pub use calls::Calls;
pub use digest::digest;
pub use effect::EffectSet;
pub use memo::{Memo, MySqlMemo};
pub use name::Name;
pub use namings::{Deed, Naming, Namings};
pub use routines::{Conduct, Reach, Reading, Routine, Routines};
pub use scanner::{Dialect, Scanner, StringStyle, Summary, classify, statements};
pub use touched::{LastTouch, TouchedSettings};
