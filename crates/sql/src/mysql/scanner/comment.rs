//! Comments between `/*` and `*/`, some of which are code or hints.

use memchr::memchr2;

use super::{Nesting, Number, Opening, Scanner, Server, State, Token, Verdict, VersionComment};
use crate::mysql::EffectSet;

impl Scanner {
    /// Behind `/*` or `/*M`.
    pub(super) fn opened<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        let opening = match (self.state, byte) {
            (State::Opened, b'!') => Opening::Any,
            (State::Opened, b'M') => {
                self.state = State::OpenedM;
                return tail;
            }
            (State::OpenedM, b'!') => {
                self.statement.add(EffectSet::CONDITIONAL_COMMENT);
                if matches!(self.mode.server, Server::MySql { .. }) {
                    self.comment_starts();
                    return tail;
                }
                Opening::MariaDb
            }
            (State::Opened, b'+') => {
                self.state = State::Hint {
                    previous: 0,
                    quote: 0,
                };
                return tail;
            }
            _ => {
                self.comment_starts();
                return rest;
            }
        };
        self.statement.add(EffectSet::CONDITIONAL_COMMENT);
        self.state = State::Version(Number::new(opening));
        tail
    }

    fn comment_starts(&mut self) {
        self.state = State::Comment {
            previous: 0,
            nesting: Nesting::None,
        };
    }

    /// The digits behind `/*!`.
    pub(super) fn version<'a>(&mut self, rest: &'a [u8], number: Number) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        if let Some(number) = number.with(byte) {
            self.state = State::Version(number);
            return tail;
        }
        match number.verdict(self.mode.server, byte) {
            Verdict::Comment => {
                self.state = State::Comment {
                    previous: 0,
                    nesting: Nesting::Allowed,
                };
                return rest;
            }
            Verdict::Code => {}
            Verdict::Doubt => self.ambiguous(),
        }
        self.state = State::Code;
        self.version_comment = VersionComment::Open;
        if number.is_code() {
            self.emit(Token::Number(None), rest);
        }
        rest
    }

    pub(super) fn comment<'a>(
        &mut self,
        rest: &'a [u8],
        previous: u8,
        nesting: Nesting,
    ) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        let (previous, nesting) = match (previous, byte, nesting) {
            (b'*', b'/', Nesting::Inside) => (0, Nesting::Allowed),
            (b'*', b'/', Nesting::None | Nesting::Allowed) => {
                self.state = State::Code;
                return tail;
            }
            (b'/', b'*', Nesting::Allowed) => (0, Nesting::Inside),
            (_, _, nesting) => (byte, nesting),
        };
        self.state = State::Comment { previous, nesting };
        if matches!(previous, b'*' | b'/') {
            return tail;
        }
        let skipped = memchr2(b'*', b'/', tail).unwrap_or(tail.len());
        tail.get(skipped..).unwrap_or_default()
    }

    /// A comment that is read for hints: one that ends inside a quote may end elsewhere for its reader.
    pub(super) fn hint<'a>(&mut self, rest: &'a [u8], previous: u8, quote: u8) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        if (previous, byte) == (b'*', b'/') {
            if quote != 0 {
                self.ambiguous();
            }
            self.state = State::Code;
            return tail;
        }
        let quote = match byte {
            b'\'' | b'"' | b'`' if quote == 0 => byte,
            _ if quote == byte => 0,
            _ => quote,
        };
        self.state = State::Hint {
            previous: byte,
            quote,
        };
        tail
    }
}
