//! What servers answer: single packets to read and write, and where a whole reply ends.

mod bridge;
mod end;
mod error;
mod part;
mod result_set;
mod scanner;
mod state;
mod track;

pub use bridge::{EofBridge, Insert, Plan, Treatment};
pub use end::{Form, OkHead, OkPacket, end_of_rows, eof, ok, read_end};
pub use error::{ErrPacket, error};
pub use part::{Definitions, Metadata, Part, Prepared, ReplyError, ReplyKind, Seen, Then, Upload};
pub use result_set::{column_count, column_definition, prepared, text_row, text_values};
pub use scanner::{PEEK, ReplyScanner};
pub use track::{Change, Changes, TransactionState, put_change};

#[cfg(test)]
mod tests;
