//! Prepared statements that move with their client: names of the client on one side, statements every
//! connection can be given on the other.
//!
//! A statement made by a Parse gets a name of ours on the server, `tollgate_<n>`, and only names are
//! rewritten while messages pass. A connection that lacks a statement is given it before its first use
//! there. What makes two statements the same is the text, the parameter types and the shape of the
//! result, as the server describes them: after a table has changed, a client that parses afresh has
//! another statement than one that has not.
//!
//! SQL that names statements (`PREPARE`, `EXECUTE`, `DEALLOCATE`) needs them under the client's own names;
//! see `own`.

mod adopting;
mod apart;
mod aside;
mod carried;
mod changes;
mod foresight;
mod giving;
mod judged;
mod making;
mod names;
mod own;
mod refused;
mod renaming;
mod replies;
mod requests;
mod rereading;
mod scanning;
mod study;
mod table;
mod texts;
mod wire;

#[cfg(test)]
pub(super) use refused::words_of_stale;
pub use table::{StatementTable, TableSeed};

pub(super) use apart::Apart;
pub(super) use carried::Carried;
pub(super) use changes::changes;
pub(super) use making::{EXITS, Making};
pub(super) use names::{Named, Names, Others, Possible};
pub(super) use own::Roll;
pub(super) use requests::{is_awaited, text_of};
pub(super) use rereading::Ahead;
pub(super) use study::Study;
pub(super) use table::{Shape, Statement};
pub(super) use wire::{probe, reply, sync};
