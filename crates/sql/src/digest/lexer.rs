//! Cuts a whole text into the pieces a digest is made of.
//!
//! Source of the lexical rules: PostgreSQL 15 `src/backend/parser/scan.l`.

use memchr::{memchr, memchr2, memmem};

use crate::StringStyle;
use crate::name::continues_word;

/// One piece of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Word(&'a [u8]),
    /// A quoted identifier with its quotes.
    Quoted(&'a [u8]),
    /// A string, a number or a parameter.
    Value,
    Punct(u8),
    Semicolon,
    /// Nobody can tell what the rest is; no piece follows.
    Doubt,
}

/// What is between a piece and the one before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    Nothing,
    Space,
}

/// What a backslash is inside a string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    /// A character; but a server with another setting would take it for an escape.
    Plain,
    /// An escape; but a server with another setting would take it for a character.
    PlainEscape,
    /// An escape for sure.
    Escape,
    /// A character for sure.
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Closed,
    Unfinished,
    Doubtful,
}

/// Whether the piece before is something an operator can stand behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Operand,
    Other,
}

pub(super) struct Lexer<'a> {
    style: StringStyle,
    rest: &'a [u8],
    before: Before,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(style: StringStyle, text: &'a [u8]) -> Self {
        Self {
            style,
            rest: text,
            before: Before::Other,
        }
    }

    /// The next piece, or nothing at the end of the text.
    pub(super) fn next_piece(&mut self) -> Option<(Gap, Piece<'a>)> {
        let gap = self.space();
        let piece = self.piece()?;
        self.before = match piece {
            Piece::Word(_) | Piece::Quoted(_) | Piece::Value | Piece::Punct(b')' | b']') => {
                Before::Operand
            }
            Piece::Punct(_) | Piece::Semicolon | Piece::Doubt => Before::Other,
        };
        if piece == Piece::Doubt {
            self.rest = &[];
        }
        Some((gap, piece))
    }

    fn piece(&mut self) -> Option<Piece<'a>> {
        let (&first, tail) = self.rest.split_first()?;
        Some(match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.word(),
            b'\'' => {
                self.rest = tail;
                self.string(self.plain())
            }
            b'"' => self.quoted(0),
            b'0'..=b'9' => self.number(),
            b'.' if tail.first().is_some_and(u8::is_ascii_digit) => self.number(),
            b'+' | b'-'
                if self.before == Before::Other && tail.first().is_some_and(u8::is_ascii_digit) =>
            {
                self.rest = tail;
                self.number()
            }
            b'$' => self.dollar(tail),
            b';' => {
                self.rest = tail;
                Piece::Semicolon
            }
            byte => {
                self.rest = tail;
                Piece::Punct(byte)
            }
        })
    }

    /// Skips white space and comments.
    fn space(&mut self) -> Gap {
        let mut gap = Gap::Nothing;
        loop {
            self.rest = match self.rest {
                [byte, tail @ ..] if is_space(*byte) => tail,
                [b'-', b'-', tail @ ..] => after_line(tail),
                [b'/', b'*', tail @ ..] => after_comment(tail),
                _ => return gap,
            };
            gap = Gap::Space;
        }
    }

    fn word(&mut self) -> Piece<'a> {
        let (word, tail) = split(self.rest, continues_word);
        let prefix = match (word, tail) {
            ([b'e' | b'E'], [b'\'', tail @ ..]) => Some((Backslash::Escape, tail)),
            ([b'b' | b'B' | b'x' | b'X'], [b'\'', tail @ ..])
            | ([b'u' | b'U'], [b'&', b'\'', tail @ ..]) => Some((Backslash::Never, tail)),
            ([b'n' | b'N'], [b'\'', tail @ ..]) => Some((self.plain(), tail)),
            ([b'u' | b'U'], [b'&', b'"', ..]) => return self.quoted(2),
            _ => None,
        };
        if let Some((backslash, tail)) = prefix {
            self.rest = tail;
            return self.string(backslash);
        }
        self.rest = tail;
        Piece::Word(word)
    }

    fn plain(&self) -> Backslash {
        match self.style {
            StringStyle::Standard => Backslash::Plain,
            StringStyle::BackslashEscapes => Backslash::PlainEscape,
        }
    }

    /// Behind the quote that opens a string.
    fn string(&mut self, backslash: Backslash) -> Piece<'a> {
        loop {
            let (ending, tail) = string_end(self.rest, backslash);
            self.rest = tail;
            match (ending, continued(tail)) {
                (Ending::Doubtful, _) => {
                    self.rest = &[];
                    return Piece::Doubt;
                }
                (Ending::Closed, Some(next)) => self.rest = next,
                (Ending::Closed | Ending::Unfinished, _) => return Piece::Value,
            }
        }
    }

    /// A quoted identifier behind `prefix` bytes.
    fn quoted(&mut self, prefix: usize) -> Piece<'a> {
        let whole = self.rest;
        let mut length = prefix.saturating_add(1);
        loop {
            let inside = whole.get(length..).unwrap_or_default();
            let Some(end) = memchr(b'"', inside) else {
                // It may be meant for a string.
                self.rest = &[];
                return Piece::Value;
            };
            length = length.saturating_add(end).saturating_add(1);
            if whole.get(length) != Some(&b'"') {
                break;
            }
            length = length.saturating_add(1);
        }
        let (name, tail) = whole.split_at_checked(length).unwrap_or((whole, &[]));
        self.rest = tail;
        Piece::Quoted(name)
    }

    fn number(&mut self) -> Piece<'a> {
        let (_, tail) = split(self.rest, |byte| byte.is_ascii_digit() || byte == b'.');
        let (letters, beyond) = split(tail, |byte| byte != b'$' && continues_word(byte));
        self.rest = match (letters, beyond) {
            // The letter is the prefix of a string.
            (_, [b'\'' | b'"' | b'&', ..]) => tail,
            ([b'e' | b'E'], [b'+' | b'-', digits @ ..]) => {
                split(digits, |byte| byte.is_ascii_digit()).1
            }
            _ => beyond,
        };
        Piece::Value
    }

    /// A `$`, and what is behind it.
    fn dollar(&mut self, tail: &'a [u8]) -> Piece<'a> {
        let (digits, beyond) = split(tail, |byte| byte.is_ascii_digit());
        if !digits.is_empty() {
            self.rest = beyond;
            return Piece::Value;
        }
        let (tag, beyond) = split(tail, |byte| byte != b'$' && continues_word(byte));
        let Some((b'$', body)) = beyond.split_first() else {
            self.rest = tail;
            return Piece::Punct(b'$');
        };
        let mark_length = tag.len().saturating_add(2);
        let mark = self.rest.get(..mark_length).unwrap_or_default();
        let end = memmem::find(body, mark).map(|at| at.saturating_add(mark_length));
        self.rest = end.and_then(|end| body.get(end..)).unwrap_or_default();
        Piece::Value
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// What is before and from the first byte that does not belong.
fn split(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !belongs(*byte));
    bytes
        .split_at_checked(end.unwrap_or(bytes.len()))
        .unwrap_or((bytes, &[]))
}

fn after_line(comment: &[u8]) -> &[u8] {
    memchr2(b'\n', b'\r', comment)
        .and_then(|end| comment.get(end..))
        .unwrap_or_default()
}

fn after_comment(comment: &[u8]) -> &[u8] {
    let mut rest = comment;
    let mut depth = 1_usize;
    while depth > 0 {
        let Some(next) = memchr2(b'*', b'/', rest) else {
            return &[];
        };
        rest = match rest.get(next..).unwrap_or_default() {
            [b'*', b'/', tail @ ..] => {
                depth = depth.saturating_sub(1);
                tail
            }
            [b'/', b'*', tail @ ..] => {
                depth = depth.saturating_add(1);
                tail
            }
            other => other.get(1..).unwrap_or_default(),
        };
    }
    rest
}

/// What is behind the quote that closes a string.
fn string_end(text: &[u8], backslash: Backslash) -> (Ending, &[u8]) {
    let escapes = matches!(backslash, Backslash::PlainEscape | Backslash::Escape);
    let mut rest = text;
    let mut last = 0;
    loop {
        let stop = if escapes {
            memchr2(b'\'', b'\\', rest)
        } else {
            memchr(b'\'', rest)
        };
        let Some((inside, tail)) = stop.and_then(|stop| rest.split_at_checked(stop)) else {
            return (Ending::Unfinished, &[]);
        };
        last = inside.last().copied().unwrap_or(last);
        let doubtful = match tail {
            [b'\\', b'\'', ..] => backslash == Backslash::PlainEscape || last >= 0x80,
            // In some client encodings a backslash can be the second byte of a character.
            [b'\\', ..] => last >= 0x80,
            _ => backslash == Backslash::Plain && last == b'\\',
        };
        if doubtful {
            return (Ending::Doubtful, &[]);
        }
        rest = match tail {
            [b'\'', b'\'', tail @ ..] => {
                last = b'\'';
                tail
            }
            [b'\\', hidden, tail @ ..] => {
                last = *hidden;
                tail
            }
            [b'\'', tail @ ..] => return (Ending::Closed, tail),
            _ => return (Ending::Unfinished, &[]),
        };
    }
}

/// What is behind the quote with which a string goes on beyond a line break.
fn continued(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    let mut line_break = false;
    loop {
        rest = match rest {
            [byte, tail @ ..] if is_space(*byte) => {
                line_break |= matches!(byte, b'\n' | b'\r');
                tail
            }
            [b'-', b'-', tail @ ..] => {
                line_break = true;
                after_line(tail)
            }
            [b'\'', tail @ ..] if line_break => return Some(tail),
            _ => return None,
        };
    }
}
