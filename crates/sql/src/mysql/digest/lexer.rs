//! Cuts a whole text for MySQL or MariaDB into the pieces a digest is made of.

use memchr::{memchr, memchr2, memmem};

use crate::digest::{Gap, Piece};
use crate::mysql::{Backslash, Charset, DoubleQuotes, Mode};
use crate::name::continues_word;

pub(super) struct Lexer<'a> {
    mode: Mode,
    rest: &'a [u8],
    before: Before,
    version_comment: VersionComment,
}

/// Whether `*/` ends a comment that is code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum VersionComment {
    Closed,
    Open,
}

/// Whether the piece before is something an operator can stand behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Operand,
    Other,
}

/// How a string ends.
enum Ending<'a> {
    /// What is behind it.
    Closed(&'a [u8]),
    Unfinished,
    /// Another mode or character set would end it elsewhere.
    Doubtful,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(mode: Mode, text: &'a [u8]) -> Self {
        Self {
            mode,
            rest: text,
            before: Before::Other,
            version_comment: VersionComment::Closed,
        }
    }

    /// The next piece, or nothing at the end of the text.
    pub(super) fn next_piece(&mut self) -> Option<(Gap, Piece<'a>)> {
        let gap = self.space();
        let piece = self.piece()?;
        self.before = match piece {
            Piece::Word(_) | Piece::Quoted(_) | Piece::Value | Piece::Punct(b')') => {
                Before::Operand
            }
            Piece::Punct(_) | Piece::Semicolon | Piece::Doubt => Before::Other,
        };
        if piece == Piece::Doubt {
            self.rest = &[];
        }
        Some((gap, piece))
    }

    /// Skips white space, comments, and the marks of comments that are code.
    fn space(&mut self) -> Gap {
        let before = self.rest;
        loop {
            self.rest = match self.rest {
                [byte, tail @ ..] if is_space(*byte) => tail,
                [b'#', tail @ ..] => after_line(tail),
                [b'-', b'-'] => &[],
                [b'-', b'-', next, ..] if *next <= b' ' || *next == 0x7f => after_line(self.rest),
                [b'/', b'*', b'!', tail @ ..] | [b'/', b'*', b'M', b'!', tail @ ..] => {
                    self.version_comment = VersionComment::Open;
                    split(tail, |byte| byte.is_ascii_digit()).1
                }
                [b'/', b'*', tail @ ..] => memmem::find(tail, b"*/")
                    .and_then(|end| tail.get(end.saturating_add(2)..))
                    .unwrap_or_default(),
                [b'*', b'/', tail @ ..] if self.version_comment == VersionComment::Open => {
                    self.version_comment = VersionComment::Closed;
                    tail
                }
                _ => break,
            };
        }
        if before.len() == self.rest.len() {
            Gap::Nothing
        } else {
            Gap::Space
        }
    }

    fn piece(&mut self) -> Option<Piece<'a>> {
        let (&first, tail) = self.rest.split_first()?;
        let piece = match first {
            b'\'' => self.text(tail, b'\''),
            b'"' if self.mode.double_quotes == DoubleQuotes::Text => self.text(tail, b'"'),
            b'"' | b'`' => self.quoted(first),
            b'0'..=b'9' => self.number(),
            b'.' if tail.first().is_some_and(u8::is_ascii_digit)
                && self.before == Before::Other =>
            {
                self.rest = tail;
                self.number()
            }
            b'-' | b'+' if self.is_sign(tail) => {
                self.rest = tail;
                self.number()
            }
            b'?' => {
                self.rest = tail;
                Piece::Value
            }
            b';' => {
                self.rest = tail;
                Piece::Semicolon
            }
            _ if continues_word(first) => self.word(),
            _ => {
                self.rest = tail;
                Piece::Punct(first)
            }
        };
        Some(piece)
    }

    fn is_sign(&self, tail: &[u8]) -> bool {
        self.before == Before::Other && matches!(tail, [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..])
    }

    /// A word, which may be what stands in front of a string: `x'..'`, `b'..'`, `n'..'`, `_utf8'..'`.
    fn word(&mut self) -> Piece<'a> {
        let (word, tail) = split(self.rest, continues_word);
        self.rest = tail;
        let introduces = matches!(word, [b'x' | b'X' | b'b' | b'B' | b'n' | b'N'] | [b'_', ..]);
        if introduces && let Some((b'\'', text)) = tail.split_first() {
            return self.text(text, b'\'');
        }
        Piece::Word(word)
    }

    /// Behind the quote that opens a string. Strings side by side are one.
    fn text(&mut self, text: &'a [u8], quote: u8) -> Piece<'a> {
        match self.text_end(text, quote) {
            Ending::Closed(tail) => {
                self.rest = tail;
                Piece::Value
            }
            Ending::Unfinished => {
                self.rest = &[];
                Piece::Value
            }
            Ending::Doubtful => Piece::Doubt,
        }
    }

    fn text_end(&self, text: &'a [u8], quote: u8) -> Ending<'a> {
        let mut rest = text;
        let mut last = 0;
        loop {
            let Some((inside, tail)) =
                memchr2(quote, b'\\', rest).and_then(|stop| rest.split_at_checked(stop))
            else {
                return Ending::Unfinished;
            };
            last = inside.last().copied().unwrap_or(last);
            // In some character sets a backslash can be the second byte of a character.
            let half = last >= 0x80 && self.mode.charset == Charset::Unsafe;
            rest = match (tail, self.mode.backslash) {
                ([b'\\', ..], Backslash::Escape) if half => return Ending::Doubtful,
                ([b'\\', next, ..], Backslash::Literal) if *next == quote => {
                    return Ending::Doubtful;
                }
                ([b'\\', hidden, tail @ ..], Backslash::Escape) => {
                    last = *hidden;
                    tail
                }
                ([b'\\', tail @ ..], _) => {
                    last = b'\\';
                    tail
                }
                ([_, next, tail @ ..], _) if *next == quote => {
                    last = quote;
                    tail
                }
                ([_, tail @ ..], _) => return Ending::Closed(tail),
                ([], _) => return Ending::Unfinished,
            };
        }
    }

    /// A quoted identifier.
    fn quoted(&mut self, quote: u8) -> Piece<'a> {
        let whole = self.rest;
        let mut length = 1_usize;
        loop {
            let inside = whole.get(length..).unwrap_or_default();
            let Some(end) = memchr(quote, inside) else {
                // It may be meant for a string.
                self.rest = &[];
                return Piece::Value;
            };
            length = length.saturating_add(end).saturating_add(1);
            if whole.get(length) != Some(&quote) {
                break;
            }
            length = length.saturating_add(1);
        }
        let (name, tail) = whole.split_at_checked(length).unwrap_or((whole, &[]));
        self.rest = tail;
        Piece::Quoted(name)
    }

    /// A number, or a word that begins with digits.
    fn number(&mut self) -> Piece<'a> {
        let (whole, tail) = split(self.rest, |byte| byte == b'.' || continues_word(byte));
        let letters = whole
            .iter()
            .find(|byte| !byte.is_ascii_digit() && **byte != b'.');
        let exponent = whole.last().is_some_and(|last| matches!(last, b'e' | b'E'));
        self.rest = match tail {
            [b'+' | b'-', digits @ ..] if exponent => split(digits, |byte| byte.is_ascii_digit()).1,
            _ => tail,
        };
        match letters {
            None | Some(b'e' | b'E' | b'x' | b'X' | b'b' | b'B') => Piece::Value,
            Some(_) => Piece::Word(whole),
        }
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// What is before and from the first byte that does not belong.
fn split(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !belongs(*byte));
    bytes
        .split_at_checked(end.unwrap_or(bytes.len()))
        .unwrap_or((bytes, &[]))
}

fn after_line(comment: &[u8]) -> &[u8] {
    memchr(b'\n', comment)
        .and_then(|end| comment.get(end..))
        .unwrap_or_default()
}
