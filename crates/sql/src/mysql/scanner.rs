//! The tokenizer: cuts a stream of bytes for MySQL or MariaDB into tokens, whatever pieces it arrives in.
//!
//! Source of the lexical rules: MySQL 8.0 reference manual, "Language Structure", and the behaviour of the
//! servers' tokenizers where it says nothing (what ends a comment, what follows `@`).

use memchr::memchr;

use quoted::Quoted;

use super::statement::{Statement, Token};
use super::version::{Number, Opening, Verdict};
use super::{Charset, EffectSet, Mode, Server, Span, Summary};
use crate::Name;
use crate::name::continues_word;

mod comment;
mod quoted;

/// A resumable tokenizer. Feeding a text in any pieces gives the same summary as feeding it whole; the
/// memory it needs is its own size and that of a few names.
///
/// `EffectSet::AMBIGUOUS` marks texts that another reader may cut into other tokens: a backslash or a
/// backtick that may be half of a character, strings behind a statement that changes `sql_mode`, a dollar
/// quote, a version comment the versions disagree about. The caller must distrust the rest of the set.
pub struct Scanner {
    mode: Mode,
    state: State,
    word: Name,
    /// Where the token began.
    start: u64,
    /// Where the piece that is being read ends.
    end: u64,
    version_comment: VersionComment,
    statement: Statement,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    Word {
        last: u8,
    },
    Number(Option<u64>),
    Dash,
    DashDash,
    Slash,
    /// Behind a `*`, inside a version comment.
    Star,
    At,
    Variable,
    Quoted(Quoted),
    LineComment,
    /// Behind `/*`.
    Opened,
    /// Behind `/*M`.
    OpenedM,
    Version(Number),
    Comment {
        previous: u8,
        nesting: Nesting,
    },
    /// Behind `/*+`; the quote that is open, or zero.
    Hint {
        previous: u8,
        quote: u8,
    },
}

/// What a `/*` inside a comment means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    /// Nothing.
    None,
    /// A comment in a version comment that is not run.
    Allowed,
    /// That is where we are.
    Inside,
}

/// Whether `*/` ends a version comment that is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum VersionComment {
    Closed,
    Open,
}

impl Scanner {
    /// A scanner at the start of a text.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            state: State::Code,
            word: Name::EMPTY,
            start: 0,
            end: 0,
            version_comment: VersionComment::Closed,
            statement: Statement::new(mode.server),
        }
    }

    /// Reads the next piece of the text.
    pub fn feed(&mut self, chunk: &[u8]) {
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.end = self.end.saturating_add(length);
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = self.step(rest);
        }
    }

    /// The summary of everything fed.
    pub fn finish(mut self) -> Summary {
        // A string between dollars has nothing in it here. (MySQL's command line asks `select $$` to learn whether
        // the server knows them.)
        if matches!(self.state, State::Word { .. }) && self.is_dollars() {
            self.state = State::Code;
            self.word_ends(&[]);
        }
        // A line break completes whatever token the text ends with and starts none. A string or a comment
        // that is still open is a syntax error: the statement will not run.
        self.feed(b"\n");
        self.statement.end();
        self.statement.summary()
    }

    #[inline]
    fn step<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        match self.state {
            State::Code => self.code(rest),
            State::Word { last } => self.in_word(rest, last),
            State::Number(value) => self.number(rest, value),
            State::Dash | State::DashDash | State::Slash | State::Star => self.operator(rest),
            State::At | State::Variable => self.variable(rest),
            State::Quoted(quoted) => self.quoted(rest, quoted),
            State::LineComment => self.line_comment(rest),
            State::Opened | State::OpenedM => self.opened(rest),
            State::Version(number) => self.version(rest, number),
            State::Comment { previous, nesting } => self.comment(rest, previous, nesting),
            State::Hint { previous, quote } => self.hint(rest, previous, quote),
        }
    }

    /// Where in the text `rest`, the end of a piece, begins.
    fn position(&self, rest: &[u8]) -> u64 {
        let length = u64::try_from(rest.len()).unwrap_or(u64::MAX);
        self.end.saturating_sub(length)
    }

    fn ambiguous(&mut self) {
        self.statement.add(EffectSet::AMBIGUOUS);
    }

    /// Gives a token that began at `self.start` and ends where `rest` begins to the statement.
    fn emit(&mut self, token: Token<'_>, rest: &[u8]) {
        let span = Span {
            start: self.start,
            end: self.position(rest),
        };
        self.statement.token(token, span);
    }

    fn word_ends(&mut self, rest: &[u8]) {
        let span = Span {
            start: self.start,
            end: self.position(rest),
        };
        self.statement.token(Token::Word(&self.word), span);
    }

    /// Between tokens.
    fn code<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let spaces = rest.iter().position(|byte| !is_space(*byte));
        let rest = rest.get(spaces.unwrap_or(rest.len())..).unwrap_or_default();
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        self.start = self.position(rest);
        match byte {
            b'0'..=b'9' => {
                self.word.clear();
                self.state = State::Number(Some(0));
                return rest;
            }
            _ if continues_word(byte) => {
                self.word.clear();
                self.state = State::Word { last: 0 };
                return self.in_word(rest, 0);
            }
            b';' => self.semicolon(),
            b'-' => self.state = State::Dash,
            b'/' => self.state = State::Slash,
            b'*' if self.version_comment == VersionComment::Open => self.state = State::Star,
            b'#' => self.state = State::LineComment,
            b'@' => self.state = State::At,
            b'\'' | b'"' | b'`' => self.quote_opens(byte),
            _ => {
                self.strange(byte);
                self.emit(Token::Punct(byte), tail);
            }
        }
        tail
    }

    /// A text of several statements is read by the server one by one; a comment does not last beyond one.
    fn semicolon(&mut self) {
        if self.version_comment == VersionComment::Open {
            self.ambiguous();
        }
        self.statement.end();
    }

    /// A zero ends a text for some readers; brackets quote a name in one mode of MariaDB.
    fn strange(&mut self, byte: u8) {
        let bracket = byte == b'[' && matches!(self.mode.server, Server::MariaDb { .. });
        if byte == 0 || bracket {
            self.ambiguous();
        }
    }

    /// True for a word that later versions of MySQL may take for the beginning of a string.
    fn is_dollars(&self) -> bool {
        self.word.as_bytes().first() == Some(&b'$')
            && matches!(self.mode.server, Server::MySql { .. })
    }

    fn in_word<'a>(&mut self, rest: &'a [u8], last: u8) -> &'a [u8] {
        let length = self.word.push_word(rest);
        let (inside, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let last = inside.last().copied().unwrap_or(last);
        let Some(&next) = tail.first() else {
            self.state = State::Word { last };
            return tail;
        };
        // The next byte may belong to the character that the last one begins.
        let halves =
            self.mode.charset == Charset::Unsafe || self.statement.is_read_in_another_mode();
        if halves && last >= 0x80 && (0x40..0x7f).contains(&next) {
            self.ambiguous();
        }
        // Later versions of MySQL have strings between dollars.
        if self.is_dollars() {
            self.ambiguous();
        }
        self.state = State::Code;
        self.word_ends(tail);
        tail
    }

    /// Digits: a number, or the beginning of a word.
    fn number<'a>(&mut self, rest: &'a [u8], value: Option<u64>) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        if byte.is_ascii_digit() {
            self.word.push(byte);
            let digit = u64::from(byte.wrapping_sub(b'0'));
            let value = value
                .and_then(|value| value.checked_mul(10))
                .and_then(|value| value.checked_add(digit));
            self.state = State::Number(value);
            return tail;
        }
        if continues_word(byte) {
            self.state = State::Word { last: 0 };
            return rest;
        }
        self.state = State::Code;
        self.emit(Token::Number(value), rest);
        rest
    }

    /// Behind `-`, `--`, `/`, or `*` in a version comment.
    fn operator<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        let operator = match (self.state, byte) {
            (State::Dash, b'-') => {
                self.state = State::DashDash;
                return tail;
            }
            // White space or a control character makes it a comment, so that `1--1` is none.
            (State::DashDash, 0..=b' ' | 0x7f) => {
                self.state = State::LineComment;
                return rest;
            }
            (State::Slash, b'*') => {
                self.state = State::Opened;
                return tail;
            }
            (State::Star, b'/') => {
                self.version_comment = VersionComment::Closed;
                self.state = State::Code;
                return tail;
            }
            (State::DashDash, _) => {
                self.emit(Token::Punct(b'-'), rest);
                b'-'
            }
            (State::Dash, _) => b'-',
            (State::Star, _) => b'*',
            _ => b'/',
        };
        self.state = State::Code;
        self.emit(Token::Punct(operator), rest);
        rest
    }

    /// Behind `@`.
    fn variable<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        if self.state == State::At {
            self.word.clear();
            match byte {
                b'@' => {
                    self.state = State::Code;
                    self.emit(Token::SystemVariable, tail);
                    return tail;
                }
                b'\'' | b'"' | b'`' => {
                    self.variable_quote_opens(byte);
                    return tail;
                }
                _ => self.state = State::Variable,
            }
        }
        let end = rest
            .iter()
            .position(|byte| *byte != b'.' && !continues_word(*byte));
        let (inside, tail) = rest
            .split_at_checked(end.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        for byte in inside {
            self.word.push(byte.to_ascii_lowercase());
        }
        if !tail.is_empty() {
            self.state = State::Code;
            self.variable_ends(tail);
        }
        tail
    }

    fn variable_ends(&mut self, rest: &[u8]) {
        let span = Span {
            start: self.start,
            end: self.position(rest),
        };
        self.statement.token(Token::UserVariable(&self.word), span);
    }

    fn line_comment<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let end = memchr(b'\n', rest);
        let (inside, tail) = rest
            .split_at_checked(end.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        if memchr(0, inside).is_some() {
            self.ambiguous();
        }
        if !tail.is_empty() {
            self.state = State::Code;
        }
        tail
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests;
