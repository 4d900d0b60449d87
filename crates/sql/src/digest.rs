//! A text of SQL without its data: for humans to read and for equal statements to be counted together.

use lexer::Lexer;
pub(crate) use lexer::{Gap, Piece};
pub(crate) use writer::Writer;

use crate::{Dialect, StringStyle};

mod lexer;
mod writer;

/// Stands at the end of a digest that lacks something of its text.
const MORE: char = '…';

/// The text of `sql` with `?` for every literal, number and parameter, `(?)` for lists of them, and without
/// comments. Words are in lower case unless quoted, white space is a single space, a last `;` is gone.
///
/// A value is never shown, whether its string is finished or not: after `SET name TO` everything is one,
/// whatever it looks like. Where a string ends in a way that depends on `style` or on the client encoding
/// the digest ends too, because what follows may be the rest of the string.
///
/// The digest has at most `limit` bytes; if it lacks something of the text, it ends with `…`. Bytes that
/// are no UTF-8 are replaced, and so are control characters. A digest is its own digest, unless it was cut.
pub fn digest(dialect: Dialect, style: StringStyle, sql: &[u8], limit: usize) -> String {
    match dialect {
        Dialect::PostgreSql => {}
    }
    let mut lexer = Lexer::new(style, sql);
    let mut writer = Writer::new(limit.min(sql.len()), limit);
    while let Some((gap, piece)) = lexer.next_piece() {
        writer.piece(gap, piece);
        if writer.is_full() {
            break;
        }
    }
    shown(writer, limit)
}

/// What has been written, as far as the limit allows.
pub(crate) fn shown(writer: Writer, limit: usize) -> String {
    let (bytes, rest) = writer.finish();
    let text = String::from_utf8_lossy(&bytes);
    let text = text.chars().map(visible).collect();
    shortened(text, limit, rest)
}

/// Whether all of the text is in its digest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Hidden,
}

/// What stands for a control character is part of a word where the character is.
fn visible(letter: char) -> char {
    if letter.is_ascii_control() {
        '?'
    } else if letter.is_control() {
        char::REPLACEMENT_CHARACTER
    } else {
        letter
    }
}

fn shortened(mut text: String, limit: usize, rest: Rest) -> String {
    if rest == Rest::Nothing && text.len() <= limit {
        return text;
    }
    let Some(room) = limit.checked_sub(MORE.len_utf8()) else {
        return String::new();
    };
    text.truncate(text.floor_char_boundary(room));
    text.truncate(text.trim_end().len());
    text.push(MORE);
    text
}

#[cfg(test)]
mod tests;
