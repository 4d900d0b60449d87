//! String literals in single quotes, with and without escapes.

use memchr::{memchr, memchr2};

use super::{Resume, Scanner, State};
use crate::EffectSet;
use crate::statement::Token;

/// What a backslash means inside a string.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// `'..'` with standard strings: nothing.
    Plain,
    /// `'..'` where a backslash escapes.
    PlainBackslash,
    /// `E'..'`.
    Backslash,
    /// `B'..'`, `X'..'`, `U&'..'`: nothing, whatever the style.
    Never,
}

/// The space behind a string with escapes, which goes on if a `'` follows beyond a line break.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    escape: Escape,
    lines: Lines,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    Same,
    Next,
}

impl Escape {
    fn has_backslash(self) -> bool {
        match self {
            Self::PlainBackslash | Self::Backslash => true,
            Self::Plain | Self::Never => false,
        }
    }
}

impl Gap {
    fn after_line_break(self) -> Self {
        Self {
            lines: Lines::Next,
            ..self
        }
    }
}

impl Scanner {
    pub(super) fn text_starts(&mut self, escape: Escape) {
        self.last = 0;
        self.state = State::Text(escape);
        self.prose_starts();
        match escape {
            Escape::Plain | Escape::PlainBackslash | Escape::Backslash => self.prose_may_be_name(),
            // Bits, or text that may hide its letters.
            Escape::Never => self.keep_escape(),
        }
    }

    pub(super) fn text<'a>(&mut self, rest: &'a [u8], escape: Escape) -> &'a [u8] {
        let stop = if escape.has_backslash() {
            memchr2(b'\'', b'\\', rest)
        } else {
            memchr(b'\'', rest)
        };
        let (inside, tail) = rest
            .split_at_checked(stop.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        self.prose(inside);
        if let Some(last) = inside.last() {
            self.last = *last;
        }
        let Some((&byte, after)) = tail.split_first() else {
            return tail;
        };
        if byte == b'\\' {
            // In some client encodings a backslash can be the second byte of a character.
            if self.last >= 0x80 {
                self.statement.add(EffectSet::AMBIGUOUS_ESCAPE);
            }
            self.state = State::TextBackslash(escape);
        } else {
            if escape == Escape::Plain && self.last == b'\\' {
                self.statement.add(EffectSet::AMBIGUOUS_ESCAPE);
            }
            self.state = State::TextQuote(escape);
        }
        after
    }

    pub(super) fn text_backslash<'a>(&mut self, rest: &'a [u8], escape: Escape) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        if escape == Escape::PlainBackslash && byte == b'\'' {
            self.statement.add(EffectSet::AMBIGUOUS_ESCAPE);
        }
        self.keep_escape();
        self.prose(b"\\");
        self.prose(&[byte]);
        self.last = byte;
        self.state = State::Text(escape);
        tail
    }

    /// After a quote inside a string: its end, or half of a doubled quote.
    pub(super) fn text_quote<'a>(&mut self, rest: &'a [u8], escape: Escape) -> &'a [u8] {
        if let Some((b'\'', tail)) = rest.split_first() {
            self.prose(b"'");
            self.last = b'\'';
            self.state = State::Text(escape);
            return tail;
        }
        self.prose_ends();
        self.statement.token(Token::Text);
        self.state = if escape.has_backslash() {
            State::TextGap(Gap {
                escape,
                lines: Lines::Same,
            })
        } else {
            State::Code
        };
        rest
    }

    pub(super) fn text_gap<'a>(&mut self, rest: &'a [u8], gap: Gap) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        match byte {
            b' ' | b'\t' | 0x0b | 0x0c => {}
            b'\n' | b'\r' => self.state = State::TextGap(gap.after_line_break()),
            b'-' => self.state = State::TextGapDash(gap),
            b'\'' if gap.lines == Lines::Next => self.text_starts(gap.escape),
            _ => {
                self.state = State::Code;
                return rest;
            }
        }
        tail
    }

    pub(super) fn text_gap_dash<'a>(&mut self, rest: &'a [u8], gap: Gap) -> &'a [u8] {
        if let Some((b'-', tail)) = rest.split_first() {
            // The comment ends with its line.
            self.state = State::LineComment(Resume::TextGap(gap.after_line_break()));
            return tail;
        }
        self.state = State::Dash;
        rest
    }
}
