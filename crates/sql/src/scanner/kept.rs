//! What is kept of a text to be read once more: code in it that executes texts.
//!
//! The body of a `DO`, and what is given to functions that execute it, have to be known as a whole. All else
//! streams past.

use super::{Scanner, State};
use crate::proof::{self, Findings, Owner};

/// Bytes to keep of one text; what has more may execute anything.
const MAX_KEPT: usize = 64 * 1024;

/// What of a text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Bodies of `DO`.
    Nothing,
    /// And calls of functions that execute texts.
    Calls,
}

/// Where in a text the scanner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Code,
    /// Inside a string in single quotes.
    Text,
    Dollar,
    Identifier,
    /// In a comment, or in the midst of what may be a quote.
    Hidden,
}

pub(super) struct Kept {
    keeps: Keeps,
    now: Now,
    bytes: Vec<u8>,
    extent: Extent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Now {
    Nothing,
    /// The body of a `DO`.
    Body,
    /// A call, and all behind it.
    Call,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    /// Its letters are hidden behind escapes.
    Escaped,
    TooLong,
}

impl Kept {
    pub(super) const fn new(keeps: Keeps) -> Self {
        Self {
            keeps,
            now: Now::Nothing,
            bytes: Vec::new(),
            extent: Extent::Whole,
        }
    }

    #[inline]
    pub(super) fn is_call(&self) -> bool {
        self.now == Now::Call
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.bytes.len().saturating_add(bytes.len()) > MAX_KEPT {
            self.extent = Extent::TooLong;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

impl Scanner {
    /// Parentheses open; if they hold what a function executes, all from here on is kept.
    pub(super) fn keep_call(&mut self) {
        let name = self.word.as_bytes();
        let keeps = self.kept.now == Now::Nothing && self.kept.keeps == Keeps::Calls;
        if keeps && self.statement.is_behind_name() && proof::executes_text(name) {
            self.kept.now = Now::Call;
            self.kept.extent = Extent::Whole;
            self.kept.bytes.clear();
            self.kept.push(name);
            self.kept.push(b"(");
        }
    }

    /// A string starts; if it is the body of a `DO`, it is kept.
    pub(super) fn keep_body(&mut self) {
        if !self.statement.is_body_of_do() {
            return;
        }
        if self.kept.now == Now::Call {
            // One behind the other is more than is worth following.
            self.kept.extent = Extent::TooLong;
        } else {
            self.kept.now = Now::Body;
            self.kept.extent = Extent::Whole;
            self.kept.bytes.clear();
        }
    }

    /// More of a string.
    pub(super) fn keep_more(&mut self, bytes: &[u8]) {
        if self.kept.now == Now::Body {
            self.kept.push(bytes);
        }
    }

    /// A backslash in a string hides what is behind it.
    pub(super) fn keep_escape(&mut self) {
        if self.kept.now == Now::Body && self.kept.extent == Extent::Whole {
            self.kept.extent = Extent::Escaped;
        }
    }

    /// A string is over.
    pub(super) fn read_kept_body(&mut self) {
        if self.kept.now != Now::Body {
            return;
        }
        let body = self.take_kept();
        let findings = match self.kept.extent {
            Extent::Escaped if !proof::may_execute(&body) => Findings::default(),
            Extent::Whole => proof::of_body(self.style, &body, Owner::Nobody, self.depth),
            Extent::Escaped | Extent::TooLong => Findings::unread(),
        };
        self.statement.found(&findings);
    }

    /// The text is over.
    pub(super) fn read_kept_calls(&mut self) {
        if self.kept.now != Now::Call {
            return;
        }
        let text = self.take_kept();
        let findings = match self.kept.extent {
            Extent::Whole => proof::of_calls(self.style, &text, self.depth),
            Extent::Escaped | Extent::TooLong => Findings::unread(),
        };
        self.statement.found(&findings);
    }

    fn take_kept(&mut self) -> Vec<u8> {
        self.kept.now = Now::Nothing;
        std::mem::take(&mut self.kept.bytes)
    }

    /// Where the scanner is, for what may be filled in there.
    pub(crate) fn place(&self) -> Place {
        match self.state {
            State::Code
            | State::Word
            | State::Number
            | State::Dash
            | State::Slash
            | State::Dollar
            | State::TextQuote(_)
            | State::TextGap(_)
            | State::IdentifierQuote(_) => Place::Code,
            State::Text(_) => Place::Text,
            State::Identifier(_) => Place::Identifier,
            State::DollarBody { .. } => Place::Dollar,
            State::UnicodePrefix
            | State::TextBackslash(_)
            | State::TextGapDash(_)
            | State::LineComment(_)
            | State::BlockComment { .. }
            | State::DollarTag => Place::Hidden,
        }
    }
}
