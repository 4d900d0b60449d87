//! What a body executes with `EXECUTE`: a text that its own strings make up, or one from elsewhere.
//!
//! The strings of a body are read as code, so a text that is put together from them is known well enough,
//! whatever names are filled in. A text that is a parameter, a column or another function's result is not.
//! The rule looks at how an expression begins: with a string or a function that assembles strings.

use super::Token;
use crate::Name;
use crate::calls::key;

/// Variables to keep apart; a body with more is not followed.
const MAX_VARIABLES: usize = 64;

/// Follows the variables of one body.
pub(super) struct Assembly {
    place: Place,
    /// The statement's variable, if it assigns one.
    subject: Option<u64>,
    /// Whether a string or an assembling function was seen in the statement.
    strings: Origin,
    variables: Vec<(u64, Origin)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The first word of a statement comes next.
    Start,
    /// The variable of a `FOR` or `FOREACH` comes next.
    Loop,
    /// Behind the first word.
    Subject,
    /// An expression that is assigned starts.
    Assigned,
    /// Behind `INTO`.
    Into,
    /// Behind `EXECUTE`.
    Execute,
    /// Behind a name that `EXECUTE` starts with, which may be a function's.
    Executed(u64),
    Rest,
}

/// Where a text comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Unknown,
    Strings,
    Elsewhere,
}

/// Whether the text that is executed is in the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Body,
    Elsewhere,
}

impl Assembly {
    pub(super) const fn new() -> Self {
        Self {
            place: Place::Start,
            subject: None,
            strings: Origin::Unknown,
            variables: Vec::new(),
        }
    }

    /// A statement of the body ends, or a block opens. Says where the text comes from that it executes.
    pub(super) fn boundary(&mut self) -> Option<Source> {
        let source = match self.place {
            Place::Executed(variable) => Some(self.executed(variable, Token::Punct(b';'))),
            Place::Execute
            | Place::Start
            | Place::Loop
            | Place::Subject
            | Place::Assigned
            | Place::Into
            | Place::Rest => None,
        };
        if self.place != Place::Execute {
            self.place = Place::Start;
        }
        self.subject = None;
        self.strings = Origin::Unknown;
        source
    }

    /// The rows of a loop go to its variable.
    pub(super) fn loop_starts(&mut self) {
        let origin = match self.strings {
            Origin::Strings => Origin::Strings,
            Origin::Unknown | Origin::Elsewhere => Origin::Elsewhere,
        };
        if let Some(subject) = self.subject.take() {
            self.assign(subject, origin);
        }
    }

    /// The next token. Says where an executed text comes from as soon as that is clear.
    pub(super) fn token(&mut self, token: Token<'_>) -> Option<Source> {
        let name = token.name();
        let keyword = token.keyword();
        let makes_text = match token {
            Token::Text => true,
            Token::Word(name) => assembles(name.as_bytes()),
            Token::Identifier(_)
            | Token::UnicodeIdentifier(_)
            | Token::Punct(_)
            | Token::Number => false,
        };
        if makes_text {
            self.strings = Origin::Strings;
        }
        let mut source = None;
        self.place = match (self.place, keyword) {
            (Place::Executed(variable), _) => {
                source = Some(self.executed(variable, token));
                Place::Rest
            }
            // Of a privilege, or of a trigger.
            (Place::Execute, b"on" | b"function" | b"procedure") => Place::Rest,
            (Place::Execute, _) => match (token, name) {
                (Token::Punct(b'('), _) => Place::Execute,
                // A parameter.
                (Token::Number, _) => {
                    source = Some(Source::Elsewhere);
                    Place::Rest
                }
                (_, Some(name)) if !makes_text => Place::Executed(key(name.as_bytes())),
                _ => {
                    source = Some(Source::Body);
                    Place::Rest
                }
            },
            (_, b"execute") => Place::Execute,
            (_, b"into") | (Place::Into, b"strict") => Place::Into,
            (Place::Start, b"for" | b"foreach") => Place::Loop,
            (Place::Start, b"declare") => Place::Start,
            (Place::Start | Place::Loop, _) => {
                self.subject = name.map(key_of);
                Place::Subject
            }
            (Place::Subject, b"default") => Place::Assigned,
            (Place::Subject, _) if matches!(token, Token::Punct(b'=')) => Place::Assigned,
            (Place::Subject, _) => Place::Subject,
            (Place::Assigned, _) => {
                self.assigned(token, name, makes_text);
                Place::Rest
            }
            (Place::Into, _) => {
                if let Some(name) = name {
                    let elsewhere = self.strings != Origin::Strings;
                    self.assign(
                        key_of(name),
                        if elsewhere {
                            Origin::Elsewhere
                        } else {
                            Origin::Strings
                        },
                    );
                }
                Place::Rest
            }
            (Place::Rest, _) => Place::Rest,
        };
        source
    }

    fn assigned(&mut self, token: Token<'_>, name: Option<Name>, makes_text: bool) {
        let Some(subject) = self.subject.take() else {
            return;
        };
        // What goes on with itself is what it was.
        if name.map(key_of) == Some(subject) || is_nothing(token.keyword()) {
            return;
        }
        self.assign(
            subject,
            if makes_text {
                Origin::Strings
            } else {
                Origin::Elsewhere
            },
        );
    }

    fn assign(&mut self, variable: u64, origin: Origin) {
        let known = self.variables.iter_mut().find(|(key, _)| *key == variable);
        if let Some((_, before)) = known {
            if *before != Origin::Elsewhere {
                *before = origin;
            }
        } else if self.variables.len() < MAX_VARIABLES {
            self.variables.push((variable, origin));
        }
    }

    fn executed(&self, variable: u64, behind: Token<'_>) -> Source {
        let known = self.variables.iter().find(|(key, _)| *key == variable);
        let is_call = matches!(behind, Token::Punct(b'('));
        match known {
            Some((_, Origin::Strings)) if !is_call => Source::Body,
            Some((_, Origin::Unknown | Origin::Strings | Origin::Elsewhere)) | None => {
                Source::Elsewhere
            }
        }
    }
}

fn key_of(name: Name) -> u64 {
    key(name.as_bytes())
}

/// Functions of `pg_catalog` that give what strings they are given.
fn assembles(function: &[u8]) -> bool {
    matches!(
        function,
        b"format"
            | b"concat"
            | b"concat_ws"
            | b"replace"
            | b"array_to_string"
            | b"string_agg"
            | b"regexp_replace"
            | b"quote_ident"
            | b"quote_literal"
    )
}

/// Values of a variable that holds no text yet.
fn is_nothing(keyword: &[u8]) -> bool {
    keyword == b"null"
}
