//! A text for MySQL or MariaDB without its data: for humans to read and for equal statements to be counted.

use lexer::Lexer;

use super::Mode;
use crate::digest::{Writer, shown};

mod lexer;

/// The text of `sql` with `?` for every literal and number, `(?)` for lists of them, and without comments.
/// Words are in lower case unless quoted, white space is a single space, a last `;` is gone. A comment that
/// some servers take for code is shown as code.
///
/// A value is never shown, whether its string is finished or not: after `SET name =` everything is one,
/// whatever it looks like. Where a string ends in a way that depends on the mode or on the character set the
/// digest ends too, because what follows may be the rest of the string.
///
/// The digest has at most `limit` bytes; if it lacks something of the text, it ends with `…`. Bytes that
/// are no UTF-8 are replaced, and so are control characters.
pub fn digest(mode: Mode, sql: &[u8], limit: usize) -> String {
    let mut lexer = Lexer::new(mode, sql);
    let mut writer = Writer::new(limit.min(sql.len()), limit);
    while let Some((gap, piece)) = lexer.next_piece() {
        writer.piece(gap, piece);
        if writer.is_full() {
            break;
        }
    }
    shown(writer, limit)
}

#[cfg(test)]
mod tests;
