//! The little grammar over tokens: which statement this is, and what it may do to the session.

use crate::word::{SET_CONFIG, Word, named_effect};
use crate::{EffectSet, Name};

/// One token of a statement, without white space and comments.
#[derive(Clone, Copy)]
pub(crate) enum Token<'a> {
    /// An unquoted word, folded to lower case.
    Word(&'a Name),
    /// A quoted identifier.
    Identifier(&'a Name),
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
    Set,
    /// After `SET LOCAL`, `SET TRANSACTION` or `SET CONSTRAINTS`; each may still be a setting's name.
    SetLocal,
    SetBody,
    Prepare,
    PrepareTransaction,
    Deallocate,
    DeallocatePrepare,
    Discard,
    Unlisten,
    Declare,
    Close,
    Do,
    /// The rest does not matter.
    Body,
}

/// Whether the tokens are those of the text or of a string that holds code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Text,
    Body,
}

/// How far a call of `set_config` has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    None,
    Named,
    Arguments {
        depth: u32,
        commas: u32,
        last: Argument,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    Empty,
    True,
    Other,
}

/// Effects that are state of the session, as opposed to marks that only help to interpret others.
const STATE: EffectSet = EffectSet::SETTING
    .union(EffectSet::PREPARE)
    .union(EffectSet::TEMP_OBJECT)
    .union(EffectSet::HOLD_CURSOR)
    .union(EffectSet::LISTEN)
    .union(EffectSet::LOAD)
    .union(EffectSet::ADVISORY_LOCK)
    .union(EffectSet::SEED)
    .union(EffectSet::SEQUENCE)
    .union(EffectSet::UNKNOWN);

/// Words of a procedural language that look like statements of SQL but are not.
const NOT_IN_BODY: EffectSet = EffectSet::BEGIN
    .union(EffectSet::COMMIT)
    .union(EffectSet::ROLLBACK)
    .union(EffectSet::SAVEPOINT)
    .union(EffectSet::COPY)
    .union(EffectSet::PROCEDURE);

/// Reads the tokens of one statement after the other and adds up their effects.
pub(crate) struct Statement {
    stage: Stage,
    call: Call,
    previous: Word,
    before_previous: Word,
    scope: Scope,
    has_tokens: bool,
    count: u32,
    effects: EffectSet,
    name: Option<Name>,
}

impl Statement {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Lead,
            call: Call::None,
            previous: Word::OTHER,
            before_previous: Word::OTHER,
            scope: Scope::Text,
            has_tokens: false,
            count: 0,
            effects: EffectSet::NONE,
            name: None,
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn effects(&self) -> EffectSet {
        self.effects
    }

    /// The name after `PREPARE` or `DEALLOCATE`, if that is all the text has.
    pub(crate) fn name(&self) -> Option<Name> {
        self.name
            .filter(|name| self.count == 1 && name.is_whole() && !name.as_bytes().is_empty())
    }

    pub(crate) fn transparency(&self) -> Transparency {
        match (self.stage, self.call) {
            (Stage::Do, _) => Transparency::Code,
            (Stage::Set | Stage::SetLocal | Stage::SetBody, _) | (_, Call::Arguments { .. }) => {
                Transparency::Names
            }
            (
                Stage::Lead
                | Stage::Explain
                | Stage::Prepare
                | Stage::PrepareTransaction
                | Stage::Deallocate
                | Stage::DeallocatePrepare
                | Stage::Discard
                | Stage::Unlisten
                | Stage::Declare
                | Stage::Close
                | Stage::Body,
                Call::None | Call::Named,
            ) => Transparency::Opaque,
        }
    }

    pub(crate) fn add(&mut self, effects: EffectSet) {
        if self.scope == Scope::Text {
            self.effects.insert(effects);
            return;
        }
        self.effects.insert(effects.without(NOT_IN_BODY));
        if effects.intersects(STATE) {
            self.effects.insert(EffectSet::PROCEDURE_STATE);
        }
    }

    /// The body of a `DO` starts: its words are read as statements of their own.
    pub(crate) fn body_starts(&mut self) {
        self.scope = Scope::Body;
        self.boundary();
    }

    /// The body of the `DO` is over.
    pub(crate) fn body_ends(&mut self) {
        self.boundary();
        self.scope = Scope::Text;
        self.stage = Stage::Do;
    }

    /// A place inside a body after which a statement may start.
    pub(crate) fn boundary(&mut self) {
        self.call_abandoned();
        self.stage = Stage::Lead;
        self.previous = Word::OTHER;
    }

    /// `;` or the end of the text.
    pub(crate) fn end(&mut self) {
        self.boundary();
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
            && matches!(token, Token::Punct(_) | Token::Text | Token::Number)
        {
            self.before_previous = std::mem::replace(&mut self.previous, Word::OTHER);
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
            Token::Punct(byte) => {
                self.call_punct(byte);
                Word::OTHER
            }
            Token::Text | Token::Number => {
                self.call_argument(Argument::Other);
                Word::OTHER
            }
        };
        if self.stage != Stage::Body {
            self.advance(token, word);
        }
        if self.scope == Scope::Body && opens_block(word) {
            self.boundary();
        }
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
            _ => self.call_argument(Argument::Other),
        }
        word
    }

    fn identifier(&mut self, folded: &[u8]) {
        if folded == SET_CONFIG {
            // A call inside the arguments of another is taken for the lasting kind.
            if self.call != Call::None {
                self.add(EffectSet::SETTING);
            }
            if !matches!(self.call, Call::Arguments { .. }) {
                self.call = Call::Named;
                return;
            }
        }
        self.call_argument(Argument::Other);
        let effects = named_effect(folded);
        if !effects.is_empty() {
            self.add(effects);
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
            Stage::Lead => self.lead(word),
            Stage::Explain => {
                if word == Word::EXECUTE {
                    self.add(EffectSet::EXECUTE);
                }
                Stage::Explain
            }
            Stage::Set => match word {
                Word::LOCAL | Word::TRANSACTION | Word::CONSTRAINTS => Stage::SetLocal,
                _ => self.settled(EffectSet::SETTING, Stage::SetBody),
            },
            Stage::SetLocal => {
                let names_a_setting =
                    matches!(token, Token::Punct(b'.' | b'=')) || word == Word::TO;
                let effect = if names_a_setting {
                    EffectSet::SETTING
                } else {
                    EffectSet::LOCAL_SETTING
                };
                self.settled(effect, Stage::SetBody)
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
            stage @ (Stage::SetBody | Stage::Do | Stage::Body) => stage,
        };
    }

    fn settled(&mut self, effects: EffectSet, stage: Stage) -> Stage {
        self.add(effects);
        stage
    }

    fn lead(&mut self, word: Word) -> Stage {
        let effect = match word {
            Word::EXPLAIN => return Stage::Explain,
            Word::SET => return Stage::Set,
            Word::PREPARE => return Stage::Prepare,
            Word::DEALLOCATE => return Stage::Deallocate,
            Word::DISCARD => return Stage::Discard,
            Word::UNLISTEN => return Stage::Unlisten,
            Word::DECLARE => return Stage::Declare,
            Word::CLOSE => return Stage::Close,
            Word::DO => return self.settled(EffectSet::PROCEDURE, Stage::Do),
            Word::CALL => EffectSet::PROCEDURE,
            Word::RESET => EffectSet::SETTING,
            Word::EXECUTE => EffectSet::EXECUTE,
            Word::LISTEN => EffectSet::LISTEN,
            Word::LOAD => EffectSet::LOAD,
            Word::BEGIN | Word::START => EffectSet::BEGIN,
            Word::COMMIT | Word::END => EffectSet::COMMIT,
            Word::ROLLBACK | Word::ABORT => EffectSet::ROLLBACK,
            Word::SAVEPOINT | Word::RELEASE => EffectSet::SAVEPOINT,
            Word::COPY => EffectSet::COPY,
            _ => return Stage::Body,
        };
        self.settled(effect, Stage::Body)
    }

    fn prepare(&mut self, token: Token<'_>, word: Word) -> Stage {
        if self.stage == Stage::Prepare && word == Word::TRANSACTION {
            return Stage::PrepareTransaction;
        }
        if self.stage == Stage::PrepareTransaction && matches!(token, Token::Text) {
            return self.settled(EffectSet::COMMIT, Stage::Body);
        }
        self.name = if self.stage == Stage::Prepare {
            token.name()
        } else {
            Some(Name::from_bytes(b"transaction"))
        };
        self.settled(EffectSet::PREPARE, Stage::Body)
    }

    fn deallocate(&mut self, token: Token<'_>, word: Word) -> Stage {
        match word {
            Word::PREPARE if self.stage == Stage::Deallocate => {
                self.add(EffectSet::DEALLOCATE);
                Stage::DeallocatePrepare
            }
            Word::ALL => self.settled(EffectSet::DEALLOCATE_ALL, Stage::Body),
            _ => {
                self.name = token.name();
                self.settled(EffectSet::DEALLOCATE, Stage::Body)
            }
        }
    }

    fn discard(&mut self, word: Word) -> Stage {
        let effect = match word {
            Word::ALL => EffectSet::DISCARD_ALL,
            Word::TEMP => EffectSet::DISCARD_TEMP,
            Word::PLANS => EffectSet::DISCARD_PLANS,
            Word::SEQUENCES => EffectSet::DISCARD_SEQUENCES,
            _ => EffectSet::NONE,
        };
        self.settled(effect, Stage::Body)
    }

    #[inline]
    fn call_argument(&mut self, argument: Argument) {
        match &mut self.call {
            Call::None => {}
            Call::Named => self.call_abandoned(),
            Call::Arguments { depth, last, .. } => {
                let whole = *depth == 1 && *last == Argument::Empty;
                *last = if whole { argument } else { Argument::Other };
            }
        }
    }

    #[inline]
    fn call_punct(&mut self, byte: u8) {
        match (&mut self.call, byte) {
            (Call::None, _) => {}
            (Call::Named, b'(') => {
                self.call = Call::Arguments {
                    depth: 1,
                    commas: 0,
                    last: Argument::Empty,
                };
            }
            (Call::Named, _) => self.call_abandoned(),
            (Call::Arguments { depth, last, .. }, b'(') => {
                *depth = depth.saturating_add(1);
                *last = Argument::Other;
            }
            (
                Call::Arguments {
                    depth: 1,
                    commas,
                    last,
                },
                b')',
            ) => {
                let ends_with_transaction = *commas == 2 && *last == Argument::True;
                self.call = Call::None;
                self.add(if ends_with_transaction {
                    EffectSet::LOCAL_SETTING
                } else {
                    EffectSet::SETTING
                });
            }
            (Call::Arguments { depth, .. }, b')') => *depth = depth.saturating_sub(1),
            (
                Call::Arguments {
                    depth: 1,
                    commas,
                    last,
                },
                b',',
            ) => {
                *commas = commas.saturating_add(1);
                *last = Argument::Empty;
            }
            (Call::Arguments { last, .. }, _) => *last = Argument::Other,
        }
    }

    /// What was named `set_config` cannot be followed any further: it may have set anything.
    fn call_abandoned(&mut self) {
        if self.call != Call::None {
            self.call = Call::None;
            self.add(EffectSet::SETTING);
        }
    }
}

impl Token<'_> {
    fn name(self) -> Option<Name> {
        match self {
            Token::Word(name) | Token::Identifier(name) => Some(*name),
            Token::Punct(_) | Token::Text | Token::Number => None,
        }
    }
}

/// Words of a procedural language after which a statement may start.
fn opens_block(word: Word) -> bool {
    matches!(
        word,
        Word::BEGIN | Word::THEN | Word::ELSE | Word::LOOP | Word::EXECUTE
    )
}
