//! Strings, quoted identifiers and quoted names of user variables.

use memchr::memchr2;

use super::{Scanner, State, Token};
use crate::mysql::{Backslash, Charset, DoubleQuotes, EffectSet};

/// Where in something quoted we are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Quoted {
    quote: u8,
    kind: Kind,
    owner: Owner,
    place: Place,
    /// The byte before.
    last: u8,
    /// Bytes the character of an identifier still lacks, if the text is UTF-8.
    lacking: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Identifier,
}

/// What the quoted name is the name of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Itself,
    /// `@` is in front of it.
    Variable,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    /// Behind a backslash that escapes.
    Escape,
    /// Behind a quote: the end, or half of a doubled one.
    Quote,
}

impl Scanner {
    pub(super) fn quote_opens(&mut self, quote: u8) {
        self.word.clear();
        self.open(quote, Owner::Itself);
    }

    pub(super) fn variable_quote_opens(&mut self, quote: u8) {
        self.open(quote, Owner::Variable);
    }

    fn open(&mut self, quote: u8, owner: Owner) {
        // In a mode that nobody knows, a double quote may open the one or the other.
        if quote == b'"' && self.statement.is_read_in_another_mode() {
            self.ambiguous();
        }
        let identifier =
            quote == b'`' || quote == b'"' && self.mode.double_quotes == DoubleQuotes::Identifier;
        self.state = State::Quoted(Quoted {
            quote,
            kind: if identifier {
                Kind::Identifier
            } else {
                Kind::Text
            },
            owner,
            place: Place::Inside,
            last: 0,
            lacking: 0,
        });
    }

    pub(super) fn quoted<'a>(&mut self, rest: &'a [u8], quoted: Quoted) -> &'a [u8] {
        match quoted.place {
            Place::Inside if quoted.is_plain_text() => self.plain_text(rest, quoted),
            Place::Inside => self.inside(rest, quoted),
            Place::Escape => self.escaped(rest, quoted),
            Place::Quote => self.behind_quote(rest, quoted),
        }
    }

    /// A string that is nothing but data: only its end matters.
    fn plain_text<'a>(&mut self, rest: &'a [u8], quoted: Quoted) -> &'a [u8] {
        let stop = memchr2(quoted.quote, b'\\', rest);
        let (inside, tail) = rest
            .split_at_checked(stop.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        if self.statement.is_read_in_another_mode() && inside.iter().any(|byte| *byte >= 0x80) {
            self.ambiguous();
        }
        let last = inside.last().copied().unwrap_or(quoted.last);
        let Some((&byte, tail)) = tail.split_first() else {
            self.state = State::Quoted(Quoted { last, ..quoted });
            return tail;
        };
        self.stop(byte, Quoted { last, ..quoted });
        tail
    }

    /// A name: its bytes are kept.
    fn inside<'a>(&mut self, rest: &'a [u8], quoted: Quoted) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        if byte >= 0x80 && self.statement.is_read_in_another_mode() {
            self.ambiguous();
        }
        if byte == quoted.quote || byte == b'\\' && quoted.kind == Kind::Text {
            self.stop(byte, quoted);
            return tail;
        }
        let lacking = match (quoted.lacking, byte) {
            (_, 0xc2..=0xdf) => 1,
            (_, 0xe0..=0xef) => 2,
            (_, 0xf0..=0xf7) => 3,
            (lacking, 0x80..=0xbf) => lacking.saturating_sub(1),
            (lacking, _) => {
                if lacking > 0 && self.mode.charset == Charset::Utf8 {
                    self.ambiguous();
                }
                0
            }
        };
        self.word.push(byte);
        self.state = State::Quoted(Quoted {
            last: byte,
            lacking,
            ..quoted
        });
        tail
    }

    /// At a quote or a backslash.
    fn stop(&mut self, byte: u8, quoted: Quoted) {
        if byte == quoted.quote {
            // Some versions take the quote of a name for the rest of a character.
            let swallowed = match self.mode.charset {
                Charset::SingleByte => false,
                Charset::Utf8 => quoted.lacking > 0,
                Charset::Unsafe => quoted.last >= 0x80,
            };
            if swallowed && quoted.kind == Kind::Identifier {
                self.ambiguous();
            }
            self.state = State::Quoted(Quoted {
                place: Place::Quote,
                last: byte,
                lacking: 0,
                ..quoted
            });
            return;
        }
        let half = quoted.last >= 0x80 && self.mode.charset == Charset::Unsafe;
        if half && self.mode.backslash == Backslash::Escape
            || self.statement.is_read_in_another_mode()
        {
            self.ambiguous();
        }
        let place = match self.mode.backslash {
            Backslash::Escape => Place::Escape,
            Backslash::Literal => Place::Inside,
        };
        if quoted.owner == Owner::Variable && place == Place::Escape {
            // What the escape stands for is not worked out.
            self.statement.add(EffectSet::USER_VARIABLE_UNKNOWN);
        }
        self.state = State::Quoted(Quoted {
            place,
            last: byte,
            ..quoted
        });
    }

    fn escaped<'a>(&mut self, rest: &'a [u8], quoted: Quoted) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        if quoted.owner == Owner::Variable {
            self.word.push(byte);
        }
        self.state = State::Quoted(Quoted {
            place: Place::Inside,
            last: byte,
            ..quoted
        });
        tail
    }

    fn behind_quote<'a>(&mut self, rest: &'a [u8], quoted: Quoted) -> &'a [u8] {
        if let Some((&byte, tail)) = rest.split_first()
            && byte == quoted.quote
        {
            self.word.push(byte);
            self.state = State::Quoted(Quoted {
                place: Place::Inside,
                last: byte,
                ..quoted
            });
            return tail;
        }
        self.state = State::Code;
        let mut lower = crate::Name::EMPTY;
        lower.push_lower(&self.word);
        let token = match (quoted.owner, quoted.kind) {
            (Owner::Variable, _) => Token::UserVariable(&lower),
            (Owner::Itself, Kind::Text) => Token::Text,
            (Owner::Itself, Kind::Identifier) => Token::Identifier(&lower),
        };
        self.emit(token, rest);
        rest
    }
}

impl Quoted {
    fn is_plain_text(self) -> bool {
        self.kind == Kind::Text && self.owner == Owner::Itself
    }
}
