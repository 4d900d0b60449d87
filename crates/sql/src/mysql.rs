//! MySQL and MariaDB: what a text may do to its session, what it asks of it, and its digest.
//!
//! One pass over the bytes in a fixed amount of memory, for texts that arrive whole or in pieces. The
//! server's own reports of session state come first; this module fills their holes, and tells where a number
//! of a connection stands so that the caller can put another in its place.
//!
//! Blind spots: what stored routines, triggers and prepared texts do (bits say when one may run), and
//! statements whose meaning hangs on variables the server was started with.

mod digest;
mod effect;
mod function;
mod mode;
mod objects;
mod question;
mod scanner;
mod statement;
mod summary;
mod version;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;

pub use digest::digest;
pub use effect::EffectSet;
pub use mode::{Backslash, Charset, DoubleQuotes, Mode, Server};
pub use objects::{Objects, RoutineName, TableName, TableUse};
pub use question::{Question, Subject};
pub use scanner::Scanner;
pub use summary::{
    ConnectionIdCall, Kill, KillTarget, Placement, Scope, Span, Summary, TouchedVariables,
    UserVariables, Write,
};

/// The summary of a complete text.
pub fn classify(mode: Mode, sql: &[u8]) -> Summary {
    let mut scanner = Scanner::new(mode);
    scanner.feed(sql);
    scanner.finish()
}
