//! The little grammar over tokens: which statement this is, and what it may do to the session.

use call::{Argument, Call, CalledName};
use setting::{Reach, Setting};

use crate::calls::{Noted, is_reserved};
use crate::namings::{Deed, Namings};
use crate::word::{SET_CONFIG, SET_LIMIT, SIMILARITY_THRESHOLD, Word, named_effect};
use crate::{Calls, EffectSet, LastTouch, Name, TouchedSettings};
use body::Angle;

mod body;
mod call;
mod executed;
mod lead;
mod naming;
mod setting;

/// One token of a statement, without white space and comments.
#[derive(Clone, Copy)]
pub(crate) enum Token<'a> {
    /// An unquoted word, folded to lower case.
    Word(&'a Name),
    /// A quoted identifier.
    Identifier(&'a Name),
    /// A quoted identifier that may be followed by `UESCAPE`.
    UnicodeIdentifier(&'a Name),
    /// Any other single byte.
    Punct(u8),
    /// A string literal of any kind.
    Text,
    /// The start of a number or a `$1`.
    Number,
}

/// What the text inside a string literal at this place may mean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transparency {
    /// Nothing but data.
    Opaque,
    /// A setting's value: it may name the temporary schema.
    Names,
    /// The body of a `DO`: code.
    Code,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing of the statement seen yet.
    Lead,
    Explain,
    /// `SET` or `RESET`; `Setting` knows how far.
    Setting,
    Prepare,
    PrepareTransaction,
    Deallocate,
    DeallocatePrepare,
    /// After `EXECUTE`, and where the statement goes on behind the name.
    Execute,
    ExplainedExecute,
    DefinedExecute,
    Discard,
    Unlisten,
    Declare,
    Close,
    Do,
    /// After `CREATE` or `ALTER`.
    Define,
    /// After `CREATE TEMP`.
    DefineTemp,
    /// After `DROP`.
    Drop,
    /// The rest of that: `CREATE TABLE .. AS EXECUTE name` runs a prepared statement.
    Defined,
    Rollback,
    /// Of a body: strings are data.
    Data,
    /// The rest calls nothing, whatever it names.
    Quiet,
    /// The rest does not matter.
    Body,
}

/// What the strings of a text or body may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strings {
    Data,
    /// Code that the body executes.
    Code,
}

/// Whether the last token may be the name of a function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Name,
    Other,
}

/// Whose tokens are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Those of a text.
    Text,
    /// Those of the body of a routine.
    Body,
    /// Those of a string that holds code, in either.
    Piece,
}

/// Whether the statement has said `UPDATE`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    Nothing,
    Update,
}

/// Reads the tokens of one statement after the other and adds up their effects.
pub(crate) struct Statement {
    stage: Stage,
    call: Call,
    called_name: CalledName,
    setting: Setting,
    previous: Word,
    before_previous: Word,
    scope: Scope,
    /// Whether all of it is a body.
    home: Scope,
    strings: Strings,
    calls: Noted,
    last: Last,
    angle: Angle,
    writes: Writes,
    has_tokens: bool,
    count: u32,
    effects: EffectSet,
    namings: Namings,
    /// Where in the text the statement at hand starts.
    start: usize,
    settings: TouchedSettings,
}

impl Statement {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Lead,
            call: Call::None,
            called_name: CalledName::NONE,
            setting: Setting::NONE,
            previous: Word::OTHER,
            before_previous: Word::OTHER,
            scope: Scope::Text,
            home: Scope::Text,
            strings: Strings::Data,
            calls: Noted::new(),
            last: Last::Other,
            angle: Angle::None,
            writes: Writes::Nothing,
            has_tokens: false,
            count: 0,
            effects: EffectSet::NONE,
            namings: Namings::default(),
            start: 0,
            settings: TouchedSettings::default(),
        }
    }

    /// Reads a body instead of a text.
    pub(crate) fn of_body(strings: Strings) -> Self {
        Self {
            scope: Scope::Body,
            home: Scope::Body,
            strings,
            ..Self::new()
        }
    }

    /// Where in the text the statement at hand starts.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn effects(&self) -> EffectSet {
        self.effects
    }

    /// The name of the one prepared statement it names, if that is all the text has.
    pub(crate) fn name(&self) -> Option<Name> {
        self.namings.only().filter(|_| self.count == 1)
    }

    /// The settings it touches, the code it calls, and the prepared statements it names.
    pub(crate) fn take_touched(self) -> (TouchedSettings, Calls, Namings) {
        (self.settings, self.calls.finish(), self.namings)
    }

    /// True when the last token may be the name of a function.
    #[inline]
    pub(crate) fn is_behind_name(&self) -> bool {
        self.last == Last::Name && self.stage != Stage::Quiet
    }

    /// The last token was this name, and arguments follow.
    pub(crate) fn calls(&mut self, name: &Name) {
        if !is_reserved(name.as_bytes()) {
            self.calls.call(name);
        }
    }

    /// True where a string is the body of a `DO`.
    pub(crate) fn is_body_of_do(&self) -> bool {
        self.stage == Stage::Do
    }

    pub(crate) fn transparency(&self) -> Transparency {
        let code = self.strings == Strings::Code && self.stage != Stage::Data;
        match (self.stage, self.call) {
            (Stage::Do, _) => Transparency::Code,
            (Stage::Setting, _) | (_, Call::Arguments { .. }) => Transparency::Names,
            (
                Stage::Lead
                | Stage::Explain
                | Stage::Prepare
                | Stage::PrepareTransaction
                | Stage::Deallocate
                | Stage::DeallocatePrepare
                | Stage::Execute
                | Stage::ExplainedExecute
                | Stage::DefinedExecute
                | Stage::Discard
                | Stage::Unlisten
                | Stage::Declare
                | Stage::Close
                | Stage::Define
                | Stage::DefineTemp
                | Stage::Drop
                | Stage::Defined
                | Stage::Rollback
                | Stage::Data
                | Stage::Quiet
                | Stage::Body,
                Call::None | Call::Named,
            ) => {
                if code {
                    Transparency::Code
                } else {
                    Transparency::Opaque
                }
            }
        }
    }

    /// A place inside a body after which a statement may start.
    pub(crate) fn boundary(&mut self) {
        self.call_abandoned();
        if self.stage == Stage::Setting {
            self.setting_ends();
        } else if self.stage == Stage::Rollback {
            self.add(EffectSet::ROLLBACK);
        } else if self.scope == Scope::Piece {
            self.cut_short();
        }
        self.stage = Stage::Lead;
        self.previous = Word::OTHER;
        self.writes = Writes::Nothing;
    }

    /// `;` or the end of the text, so many bytes from its start.
    pub(crate) fn end(&mut self, at: usize) {
        self.boundary();
        self.namings.statement_ends(self.start, at);
        self.start = at.saturating_add(1);
        if self.has_tokens {
            self.count = self.count.saturating_add(1);
            self.has_tokens = false;
        }
    }

    #[inline]
    pub(crate) fn token(&mut self, token: Token<'_>) {
        // Deep inside a statement, where most tokens are, punctuation and data say nothing.
        if self.stage == Stage::Body
            && self.call == Call::None
            && self.home == Scope::Text
            && matches!(token, Token::Punct(_) | Token::Text | Token::Number)
        {
            self.before_previous = std::mem::replace(&mut self.previous, Word::OTHER);
            self.last = Last::Other;
            return;
        }
        self.telling_token(token);
    }

    fn telling_token(&mut self, token: Token<'_>) {
        self.has_tokens |= self.scope == Scope::Text;
        let word = match token {
            Token::Word(name) => self.word(name),
            Token::Identifier(name) => {
                self.identifier(name.as_bytes());
                Word::OTHER
            }
            Token::UnicodeIdentifier(name) => {
                self.identifier(name.as_bytes());
                Word::UNICODE_NAME
            }
            Token::Punct(byte) => {
                self.call_punct(byte);
                Word::OTHER
            }
            Token::Text => {
                self.call_text();
                Word::OTHER
            }
            Token::Number => {
                self.call_argument(Argument::Other);
                Word::OTHER
            }
        };
        if self.stage != Stage::Body {
            self.advance(token, word);
        }
        if self.scope != Scope::Text {
            self.body_token(token, word);
        }
        self.last = match token {
            Token::Word(_) | Token::Identifier(_) | Token::UnicodeIdentifier(_) => Last::Name,
            Token::Punct(_) | Token::Text | Token::Number => Last::Other,
        };
        self.before_previous = self.previous;
        self.previous = word;
    }

    fn word(&mut self, name: &Name) -> Word {
        let word = Word::of(name.as_bytes());
        match word {
            Word::OTHER => self.identifier(name.as_bytes()),
            Word::TRUE => self.call_argument(Argument::True),
            Word::TEMP => {
                self.call_argument(Argument::Other);
                self.temp();
            }
            Word::UPDATE => {
                self.call_argument(Argument::Other);
                self.writes = Writes::Update;
            }
            Word::UESCAPE if self.previous == Word::UNICODE_NAME => {
                self.call_argument(Argument::Other);
                self.add(EffectSet::UNKNOWN);
            }
            _ => self.call_argument(Argument::Other),
        }
        word
    }

    fn identifier(&mut self, folded: &[u8]) {
        let called = folded == SET_CONFIG && self.previous != Word::AS;
        if (called && self.call_named()) || self.call_casts(folded) {
            return;
        }
        self.call_argument(Argument::Other);
        let effects = named_effect(folded);
        if !effects.is_empty() {
            self.named(effects);
        } else if folded == SET_LIMIT {
            let name = Name::from_bytes(SIMILARITY_THRESHOLD);
            self.touch(Reach::Session, &name, LastTouch::Set);
        }
    }

    fn named(&mut self, effects: EffectSet) {
        if !effects.intersects(EffectSet::SETTING_UNKNOWN) {
            self.add(effects);
        } else if self.writes == Writes::Update {
            self.add(Reach::Session.unknown());
        }
    }

    fn temp(&mut self) {
        let target_of_write = self.previous == Word::INTO
            && matches!(self.before_previous, Word::INSERT | Word::MERGE);
        let makes = matches!(
            self.previous,
            Word::CREATE | Word::GLOBAL | Word::LOCAL | Word::REPLACE | Word::INTO
        );
        if makes && !target_of_write {
            self.add(EffectSet::TEMP_OBJECT);
        }
    }

    fn advance(&mut self, token: Token<'_>, word: Word) {
        self.stage = match self.stage {
            Stage::Lead => self.lead(token, word),
            Stage::Explain => {
                if word == Word::EXECUTE {
                    self.settled(EffectSet::EXECUTE, Stage::ExplainedExecute)
                } else {
                    Stage::Explain
                }
            }
            Stage::Setting => {
                self.setting_token(token);
                Stage::Setting
            }
            Stage::Prepare | Stage::PrepareTransaction => self.prepare(token, word),
            Stage::Deallocate | Stage::DeallocatePrepare => self.deallocate(token, word),
            Stage::Discard => self.discard(word),
            Stage::Unlisten => {
                let all = matches!(token, Token::Punct(b'*'));
                let effect = if all {
                    EffectSet::UNLISTEN_ALL
                } else {
                    EffectSet::UNLISTEN
                };
                self.settled(effect, Stage::Body)
            }
            Stage::Declare => {
                if word == Word::HOLD && self.previous == Word::WITH {
                    self.add(EffectSet::HOLD_CURSOR);
                }
                Stage::Declare
            }
            Stage::Close => {
                let effect = if word == Word::ALL {
                    EffectSet::CLOSE_ALL
                } else {
                    EffectSet::CLOSE_CURSOR
                };
                self.settled(effect, Stage::Body)
            }
            Stage::Define => self.define(token.keyword()),
            Stage::DefineTemp => self.define_temp(token.keyword()),
            Stage::Drop => {
                if word == Word::DATABASE {
                    self.add(EffectSet::DATABASE_DDL);
                }
                Stage::Quiet
            }
            Stage::Execute => self.names(Deed::Execute, token.name(), Stage::Body),
            Stage::ExplainedExecute => self.names(Deed::Execute, token.name(), Stage::Explain),
            Stage::DefinedExecute => self.names(Deed::Execute, token.name(), Stage::Defined),
            Stage::Defined => {
                if word == Word::EXECUTE && self.previous == Word::AS {
                    self.settled(EffectSet::EXECUTE, Stage::DefinedExecute)
                } else {
                    Stage::Defined
                }
            }
            Stage::Rollback => match word {
                Word::WORK | Word::TRANSACTION => Stage::Rollback,
                Word::TO => self.settled(EffectSet::ROLLBACK_TO, Stage::Body),
                _ => self.settled(EffectSet::ROLLBACK, Stage::Body),
            },
            stage @ (Stage::Do | Stage::Data | Stage::Quiet | Stage::Body) => stage,
        };
    }

    fn settled(&mut self, effects: EffectSet, stage: Stage) -> Stage {
        self.add(effects);
        stage
    }
}

impl Token<'_> {
    fn name(self) -> Option<Name> {
        match self {
            Token::Word(name) | Token::Identifier(name) | Token::UnicodeIdentifier(name) => {
                Some(*name)
            }
            Token::Punct(_) | Token::Text | Token::Number => None,
        }
    }

    /// The word, if it may be a keyword; nothing otherwise.
    fn keyword(&self) -> &[u8] {
        match self {
            Token::Word(name) => name.as_bytes(),
            Token::Identifier(_)
            | Token::UnicodeIdentifier(_)
            | Token::Punct(_)
            | Token::Text
            | Token::Number => &[],
        }
    }
}

#[cfg(test)]
mod tests;
