//! The tokenizer: cuts a stream of SQL bytes into tokens, whatever the pieces it arrives in.
//!
//! Source of the lexical rules: PostgreSQL 15 `src/backend/parser/scan.l`.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};

use kept::Kept;
pub(crate) use kept::{Keeps, Place};
use prose::Prose;
use text::{Escape, Gap};

use crate::statement::{Statement, Strings, Token};
use crate::{Calls, EffectSet, Name, Namings, TouchedSettings};

mod dollar;
mod kept;
mod prose;
mod text;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL 9.0 and later.
    PostgreSql,
}

/// How plain `'..'` strings treat a backslash; PostgreSQL's `standard_conforming_strings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringStyle {
    /// `on`, the default: a backslash is a character like any other.
    Standard,
    /// `off`: a backslash escapes the next character.
    BackslashEscapes,
}

/// What a whole text may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Statements in the text; empty ones do not count.
    pub statements: u32,
    /// What all of them together may do.
    pub effects: EffectSet,
    /// The name of the one `PREPARE`, `EXECUTE` or `DEALLOCATE` that the text consists of.
    pub name: Option<Name>,
    /// The prepared statements that the text names.
    pub namings: Namings,
    /// The settings that the text may change for longer than its transaction.
    pub settings: TouchedSettings,
    /// The stored code that it may run, which may do more.
    pub calls: Calls,
}

/// The summary of a complete text.
pub fn classify(dialect: Dialect, style: StringStyle, sql: &[u8]) -> Summary {
    let mut scanner = Scanner::new(dialect, style);
    scanner.feed(sql);
    scanner.finish()
}

/// The statements of a complete text, in order, with the white space and comments around them and without
/// their semicolons. Empty ones are among them.
pub fn statements(dialect: Dialect, style: StringStyle, sql: &[u8]) -> Vec<Range<usize>> {
    let mut scanner = Scanner::new(dialect, style);
    let mut all = Vec::new();
    let mut start = 0;
    let mut fed = 0;
    for at in memchr_iter(b';', sql) {
        let end = at.saturating_add(1);
        scanner.feed(sql.get(fed..end).unwrap_or_default());
        fed = end;
        if scanner.statement.start() == end {
            all.push(start..at);
            start = end;
        }
    }
    all.push(start..sql.len());
    all
}

/// A resumable tokenizer. Feeding a text in any pieces gives the same summary as feeding it whole; the
/// memory it needs is its own size.
///
/// `EffectSet::AMBIGUOUS_ESCAPE` marks texts whose tokens depend on the string style (a backslash before
/// a quote in a plain string) or on the client encoding (a backslash that may be the second byte of a
/// character). A caller that is not sure of either must distrust the rest of the set.
pub struct Scanner {
    style: StringStyle,
    state: State,
    word: Name,
    tag: Name,
    last: u8,
    /// Bytes of the text up to the end of the piece that is being read.
    read: usize,
    prose: Prose,
    statement: Statement,
    kept: Kept,
    /// Texts around this one that execute it.
    depth: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    Word,
    Number,
    Dash,
    Slash,
    /// After `u&`.
    UnicodePrefix,
    Text(Escape),
    TextBackslash(Escape),
    /// After a quote inside a string: its end, or half of a doubled quote.
    TextQuote(Escape),
    /// After a string with escapes: another `'` beyond a line break goes on with it.
    TextGap(Gap),
    TextGapDash(Gap),
    Identifier(Spelling),
    IdentifierQuote(Spelling),
    LineComment(Resume),
    BlockComment {
        depth: u32,
        previous: u8,
    },
    Dollar,
    DollarTag,
    DollarBody {
        matched: u8,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Literal,
    /// `U&"..."`: if it has escapes, the name cannot be read.
    Unicode,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Resume {
    Code,
    TextGap(Gap),
}

impl Scanner {
    /// A scanner at the start of a text.
    pub fn new(dialect: Dialect, style: StringStyle) -> Self {
        match dialect {
            Dialect::PostgreSql => {}
        }
        Self {
            style,
            state: State::Code,
            word: Name::EMPTY,
            tag: Name::EMPTY,
            last: 0,
            read: 0,
            prose: Prose::OPAQUE,
            statement: Statement::new(),
            kept: Kept::new(Keeps::Calls),
            depth: 0,
        }
    }

    /// A scanner at the start of a body in a procedural language or SQL. Its strings may hold code if
    /// `strings` says so.
    pub(crate) fn of_body(style: StringStyle, strings: Strings, keeps: Keeps) -> Self {
        Self {
            statement: Statement::of_body(strings),
            kept: Kept::new(keeps),
            ..Self::new(Dialect::PostgreSql, style)
        }
    }

    /// Reads a text that is executed by a text, which is executed by a text, and so on.
    pub(crate) fn at_depth(mut self, depth: u8) -> Self {
        self.depth = depth;
        self
    }

    /// Reads the next piece of the text.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.read = self.read.saturating_add(chunk.len());
        let mut rest = chunk;
        while !rest.is_empty() {
            let keeps = self.kept.is_call();
            let next = self.step(rest);
            if keeps {
                let read = rest.len().saturating_sub(next.len());
                self.kept.push(rest.get(..read).unwrap_or_default());
            }
            rest = next;
        }
    }

    /// The summary of everything fed.
    pub fn finish(mut self) -> Summary {
        // A line break completes whatever token the text ends with and starts none.
        let length = self.read;
        self.feed(b"\n");
        // An unfinished string or comment is a syntax error: nothing of the text will run. What its words
        // say is counted all the same.
        self.prose_ends();
        self.statement.end(length);
        self.read_kept_calls();
        let statements = self.statement.count();
        let effects = self.statement.effects();
        let name = self.statement.name();
        let (settings, calls, namings) = self.statement.take_touched();
        Summary {
            statements,
            effects,
            name,
            namings,
            settings,
            calls,
        }
    }

    #[inline]
    fn step<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        match self.state {
            State::Code => self.code(rest),
            State::Word => self.in_word(rest),
            State::Text(escape) => self.text(rest, escape),
            State::Number => self.number(rest),
            State::Dash | State::Slash => self.after_operator(rest),
            State::UnicodePrefix => self.unicode_prefix(rest),
            State::TextBackslash(escape) => self.text_backslash(rest, escape),
            State::TextQuote(escape) => self.text_quote(rest, escape),
            State::TextGap(gap) => self.text_gap(rest, gap),
            State::TextGapDash(gap) => self.text_gap_dash(rest, gap),
            State::Identifier(spelling) => self.identifier(rest, spelling),
            State::IdentifierQuote(spelling) => self.identifier_quote(rest, spelling),
            State::LineComment(resume) => self.line_comment(rest, resume),
            State::BlockComment { depth, previous } => self.block_comment(rest, depth, previous),
            State::Dollar => self.dollar(rest),
            State::DollarTag => self.dollar_tag(rest),
            State::DollarBody { matched } => self.dollar_body(rest, matched),
        }
    }

    /// Between tokens; goes on as long as no token needs a state of its own.
    fn code<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let mut rest = rest;
        while let Some((&byte, tail)) = rest.split_first() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {}
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => {
                    self.word.clear();
                    self.state = State::Word;
                    rest = self.in_word(rest);
                    if self.state != State::Code {
                        return rest;
                    }
                    continue;
                }
                b';' => {
                    let at = self.read.saturating_sub(rest.len());
                    self.statement.end(at);
                }
                b'\'' | b'"' | b'0'..=b'9' | b'-' | b'/' | b'$' => {
                    self.opens(byte);
                    return tail;
                }
                b'(' => {
                    self.keep_call();
                    self.arguments_open();
                    if self.kept.is_call() {
                        return tail;
                    }
                }
                _ => self.statement.token(Token::Punct(byte)),
            }
            rest = tail;
        }
        rest
    }

    /// Right behind a name this is a call, and `word` still is that name.
    #[inline]
    pub(crate) fn arguments_open(&mut self) {
        if self.statement.is_behind_name() {
            self.statement.calls(&self.word);
        }
        self.statement.token(Token::Punct(b'('));
    }

    /// A byte that begins something longer.
    fn opens(&mut self, byte: u8) {
        match byte {
            b'\'' => self.text_starts(self.plain()),
            b'"' => self.identifier_starts(Spelling::Literal),
            b'-' => self.state = State::Dash,
            b'/' => self.state = State::Slash,
            b'$' => self.state = State::Dollar,
            _ => {
                self.statement.token(Token::Number);
                self.state = State::Number;
            }
        }
    }

    fn in_word<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let length = self.word.push_word(rest);
        let tail = rest.get(length..).unwrap_or_default();
        let Some((&next, after)) = tail.split_first() else {
            return tail;
        };
        self.state = State::Code;
        match (self.word.as_bytes(), next) {
            (b"e", b'\'') => self.text_starts(Escape::Backslash),
            (b"b" | b"x", b'\'') => self.text_starts(Escape::Never),
            (b"n", b'\'') => self.text_starts(self.plain()),
            (b"u", b'&') => self.state = State::UnicodePrefix,
            _ => {
                self.statement.token(Token::Word(&self.word));
                return tail;
            }
        }
        after
    }

    fn number<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let end = rest
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'.'));
        let (_, tail) = rest
            .split_at_checked(end.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        if !tail.is_empty() {
            self.state = State::Code;
        }
        tail
    }

    /// After `-` or `/`, which may open a comment.
    fn after_operator<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let dash = self.state == State::Dash;
        match (dash, rest.split_first()) {
            (true, Some((b'-', tail))) => {
                self.state = State::LineComment(Resume::Code);
                tail
            }
            (false, Some((b'*', tail))) => {
                self.state = State::BlockComment {
                    depth: 1,
                    previous: 0,
                };
                tail
            }
            _ => {
                let byte = if dash { b'-' } else { b'/' };
                self.statement.token(Token::Punct(byte));
                self.state = State::Code;
                rest
            }
        }
    }

    fn unicode_prefix<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        match rest.split_first() {
            Some((b'\'', tail)) => {
                self.text_starts(Escape::Never);
                if !self.prose.is_opaque() {
                    self.statement.add(EffectSet::UNKNOWN);
                }
                tail
            }
            Some((b'"', tail)) => {
                self.identifier_starts(Spelling::Unicode);
                tail
            }
            _ => {
                self.unicode_prefix_is_a_word();
                self.state = State::Code;
                rest
            }
        }
    }

    fn unicode_prefix_is_a_word(&mut self) {
        self.statement.token(Token::Word(&self.word));
        self.statement.token(Token::Punct(b'&'));
    }

    fn plain(&self) -> Escape {
        match self.style {
            StringStyle::Standard => Escape::Plain,
            StringStyle::BackslashEscapes => Escape::PlainBackslash,
        }
    }

    fn identifier_starts(&mut self, spelling: Spelling) {
        self.word.clear();
        self.state = State::Identifier(spelling);
    }

    fn identifier<'a>(&mut self, rest: &'a [u8], spelling: Spelling) -> &'a [u8] {
        let stop = memchr(b'"', rest);
        let (inside, tail) = rest
            .split_at_checked(stop.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        self.word.push_all(inside);
        if spelling == Spelling::Unicode && memchr(b'\\', inside).is_some() {
            self.statement.add(EffectSet::UNKNOWN);
        }
        match tail.split_first() {
            Some((_, after)) => {
                self.state = State::IdentifierQuote(spelling);
                after
            }
            None => tail,
        }
    }

    fn identifier_quote<'a>(&mut self, rest: &'a [u8], spelling: Spelling) -> &'a [u8] {
        if let Some((b'"', tail)) = rest.split_first() {
            self.word.push(b'"');
            self.state = State::Identifier(spelling);
            return tail;
        }
        self.statement.token(match spelling {
            Spelling::Literal => Token::Identifier(&self.word),
            Spelling::Unicode => Token::UnicodeIdentifier(&self.word),
        });
        self.state = State::Code;
        rest
    }

    fn line_comment<'a>(&mut self, rest: &'a [u8], resume: Resume) -> &'a [u8] {
        let Some(end) = memchr2(b'\n', b'\r', rest) else {
            return &[];
        };
        self.state = match resume {
            Resume::Code => State::Code,
            Resume::TextGap(gap) => State::TextGap(gap),
        };
        rest.get(end..).unwrap_or_default()
    }

    fn block_comment<'a>(&mut self, rest: &'a [u8], depth: u32, previous: u8) -> &'a [u8] {
        let Some((&byte, tail)) = rest.split_first() else {
            return rest;
        };
        let (depth, previous) = match (previous, byte) {
            (b'/', b'*') => (depth.saturating_add(1), 0),
            (b'*', b'/') if depth == 1 => {
                self.state = State::Code;
                return tail;
            }
            (b'*', b'/') => (depth.saturating_sub(1), 0),
            _ => (depth, byte),
        };
        self.state = State::BlockComment { depth, previous };
        if previous == b'*' || previous == b'/' {
            return tail;
        }
        memchr2(b'*', b'/', tail)
            .and_then(|next| tail.get(next..))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
