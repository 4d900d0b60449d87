//! Words inside string literals: the body of a `DO`, what a routine executes, and the value of a setting.

use super::Scanner;
use crate::EffectSet;
use crate::name::continues_word;
use crate::statement::{Token, Transparency};

/// Where the reading of words inside a string is.
#[derive(Clone, Copy)]
pub(super) struct Prose {
    transparency: Transparency,
    place: Place,
    line: Line,
    previous: u8,
    quote: Quote,
    reading: Reading,
}

/// Where a byte of code stands that may belong to a name in double quotes. Backslashes do not count: in
/// the strings of other languages they stand before quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Outside,
    Open,
    /// Behind two, or behind one that closes a name: a quote within a name is doubled.
    Doubled,
    /// Among the letters of a word.
    Word(Quoted),
    /// Behind a quote behind a word.
    Closed(Quoted),
}

/// Whether a word is the whole of what stands in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoted {
    Whole,
    Perhaps,
}

impl Quote {
    fn after(self, byte: u8) -> Self {
        match byte {
            b'\\' => self,
            b'"' => match self {
                Self::Outside => Self::Open,
                Self::Open | Self::Doubled | Self::Closed(_) => Self::Doubled,
                Self::Word(quoted) => Self::Closed(quoted),
            },
            b' ' | b'\t' | b'\n' | b'\r' => match self {
                Self::Closed(_) => self,
                Self::Outside | Self::Open | Self::Doubled | Self::Word(_) => Self::Outside,
            },
            byte if continues_word(byte) && byte != b'$' => match self {
                Self::Open => Self::Word(Quoted::Whole),
                Self::Word(_) => self,
                Self::Outside | Self::Doubled | Self::Closed(_) => Self::Word(Quoted::Perhaps),
            },
            _ => Self::Outside,
        }
    }
}

/// Whether the string is kept as the name of a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Nothing,
    Name,
    /// The string is code, and a string within is the name.
    NameWithin,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    Word,
    Escaped,
}

/// A line with a comment in it ends in a place where a statement may start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Plain,
    Commented,
}

impl Prose {
    pub(super) const OPAQUE: Self = Self {
        transparency: Transparency::Opaque,
        place: Place::Between,
        line: Line::Plain,
        previous: 0,
        quote: Quote::Outside,
        reading: Reading::Nothing,
    };

    pub(super) fn is_opaque(self) -> bool {
        self.transparency == Transparency::Opaque
    }
}

impl Scanner {
    pub(super) fn prose_starts(&mut self) {
        self.prose = Prose {
            transparency: self.statement.transparency(),
            ..Prose::OPAQUE
        };
        if !self.prose.is_opaque() {
            self.word.clear();
        }
        if self.prose.transparency == Transparency::Code {
            self.keep_body();
            self.statement.body_starts();
        }
    }

    /// The string that has just started may be the name in a call of `set_config`.
    pub(super) fn prose_may_be_name(&mut self) {
        if !self.prose.is_opaque() && self.statement.wants_name() {
            self.statement.name_starts();
            self.prose.reading = Reading::Name;
        }
    }

    /// Reads the whole of a body in a language whose strings nobody here can tell from its code.
    pub(crate) fn foreign_body(&mut self, body: &[u8]) {
        self.prose = Prose {
            transparency: Transparency::Code,
            ..Prose::OPAQUE
        };
        self.statement.body_starts();
        self.prose(body);
        self.prose_ends();
    }

    #[inline]
    pub(super) fn prose(&mut self, bytes: &[u8]) {
        if !self.prose.is_opaque() {
            self.keep_more(bytes);
            if self.prose.reading == Reading::Name {
                self.statement.name_goes_on(bytes);
            }
            for byte in bytes {
                self.prose_byte(*byte);
            }
        }
    }

    pub(super) fn prose_ends(&mut self) {
        self.prose_word_ends();
        if self.is_code() {
            self.statement.body_ends();
            self.read_kept_body();
        }
        self.prose = Prose::OPAQUE;
    }

    fn prose_byte(&mut self, byte: u8) {
        let previous = std::mem::replace(&mut self.prose.previous, byte);
        let quote = self.prose.quote;
        self.prose.quote = quote.after(byte);
        if self.prose.reading == Reading::NameWithin && self.name_within(byte) {
            return;
        }
        if self.prose.place == Place::Escaped {
            // An escape by number hides a letter.
            if matches!(byte, b'x' | b'u' | b'U' | b'0'..=b'7') {
                self.statement.add(EffectSet::UNKNOWN);
            }
            self.prose.place = Place::Between;
            self.prose_boundary();
            return;
        }
        if continues_word(byte) && byte != b'$' {
            // A word right behind a double quote may start a statement of another language's string;
            // a quoted name is followed by something else.
            if self.prose.place == Place::Between && previous == b'"' {
                self.prose_boundary();
            }
            if self.prose.place == Place::Between {
                self.word.clear();
            }
            self.prose.place = Place::Word;
            self.word.push(byte.to_ascii_lowercase());
            return;
        }
        self.prose_word_ends();
        match byte {
            b'\'' if self.is_code() && self.statement.is_in_call() => self.string_within(previous),
            b'\'' | b'$' if self.is_code() => self.statement.piece_ends(),
            b';' | b'>' => self.prose_boundary(),
            b'(' if self.is_code() => {
                self.quoted_arguments_open(quote);
                self.arguments_open();
            }
            b'\\' => self.prose.place = Place::Escaped,
            b'\n' | b'\r' if self.prose.line == Line::Commented => {
                self.prose.line = Line::Plain;
                self.prose_boundary();
            }
            b'-' if previous == b'-' => self.prose.line = Line::Commented,
            b'/' if previous == b'*' => self.prose_boundary(),
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ if self.is_code() => self.statement.token(Token::Punct(byte)),
            _ => {}
        }
    }

    /// A parenthesis behind a name in quotes is a call of it, whatever the language of the code is.
    fn quoted_arguments_open(&mut self, quote: Quote) {
        match quote {
            Quote::Closed(Quoted::Whole) => self.statement.calls_quoted(&self.word),
            Quote::Closed(Quoted::Perhaps) => self.statement.calls_anything(),
            Quote::Outside | Quote::Open | Quote::Doubled | Quote::Word(_) => {}
        }
    }

    fn is_code(&self) -> bool {
        self.prose.transparency == Transparency::Code
    }

    /// A quote among the arguments of a call. Inside a string that is itself quoted it is doubled.
    fn string_within(&mut self, previous: u8) {
        if previous == b'\'' {
            return;
        }
        if self.statement.wants_name() {
            self.statement.name_starts();
            self.prose.reading = Reading::NameWithin;
        } else {
            self.statement.call_text();
        }
    }

    /// More of the name of a setting, if that is what the byte is. Anything that is no letter of one ends
    /// the attempt, so that nothing is swallowed for a name that has no end.
    fn name_within(&mut self, byte: u8) -> bool {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => {
                self.statement.name_goes_on(&[byte]);
                return true;
            }
            b'\'' if self.statement.name_is_empty() => return true,
            b'\'' => {
                self.prose.reading = Reading::Nothing;
                self.statement.call_text();
                return true;
            }
            _ => {}
        }
        self.prose.reading = Reading::Nothing;
        self.statement.call_abandoned();
        false
    }

    fn prose_word_ends(&mut self) {
        if self.prose.place != Place::Word {
            return;
        }
        self.prose.place = Place::Between;
        match self.prose.transparency {
            Transparency::Opaque => {}
            Transparency::Names => {
                if self.word.as_bytes().starts_with(b"pg_temp") {
                    self.statement.add(EffectSet::TEMP_OBJECT);
                }
            }
            Transparency::Code => self.statement.token(Token::Word(&self.word)),
        }
    }

    fn prose_boundary(&mut self) {
        if self.prose.transparency == Transparency::Code {
            self.statement.boundary();
        }
    }
}
