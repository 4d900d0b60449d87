//! Operands of any statement: calls of functions, user variables, system variables.

use super::{Calls, Stage, Statement, Telling, Token};
use crate::Name;
use crate::mysql::function::{Spelling, function_effect, is_known};
use crate::mysql::summary::{Kept, keep_call};
use crate::mysql::{
    ConnectionIdCall, EffectSet, Placement, Question, RoutineName, Span, Subject, Write,
};

/// What the last tokens were, as far as the next one decides what they mean.
#[derive(Clone, Copy)]
pub(super) struct Operands {
    last: Last,
    /// What stands in front of the name that `last` may be, before all its parts.
    front: Front,
    /// What the last token is for a name that follows it.
    ahead: Front,
    /// What the last token was for a variable that begins with this one.
    front_of_variable: Front,
    columns: Columns,
    /// Of a qualified name: where the part in front of the last one stands.
    owner: Owner,
    call: Call,
    into: Into,
}

#[derive(Clone, Copy)]
enum Last {
    Other,
    /// A word or identifier, and where it began.
    Name {
        name: Name,
        part: Part,
        span: Span,
    },
    /// The dot between the parts of a name.
    Dot,
    /// A user variable: a `:` behind it makes it the target of an assignment.
    UserVariable(Name),
    /// `@@`
    SystemVariable(Place),
    /// `@@name`; `@@global` if a dot follows.
    SystemName(Name, Place),
    /// The dot in `@@global.name`.
    SystemDot(Place),
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct Place {
    span: Span,
    front: Front,
}

/// What stands in front of the dot of a name.
#[derive(Clone, Copy)]
enum Owner {
    None,
    Schema(Span),
    /// More than one part.
    Deeper,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Word,
    Quoted,
    /// Behind a dot.
    Qualified,
}

/// What stands in front of a name, if it decides that it is no function or that it is a whole column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Front {
    Other,
    /// A word behind which comes the name of a table, an alias or a type.
    NotCalled,
    /// `SELECT`, or a comma outside of brackets: a column, if this is the list of them.
    Column,
}

/// Whether we are among the columns of the outermost `SELECT`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Columns {
    Listed,
    Elsewhere,
}

/// A call whose first argument, or whose end, decides.
#[derive(Clone, Copy)]
enum Call {
    None,
    LastInsertId,
    /// `CONNECTION_ID(`, `ROW_COUNT(` or `FOUND_ROWS(`.
    Answer(Answer, Place),
    /// Behind one of these, and its `)` if it has one.
    AnswerEnds(Answer, Place),
    /// `GET_LOCK(`: the name comes next.
    Lock,
    /// Behind a literal there.
    LockNamed(Span),
}

/// What can be put in the place of an expression by somebody who knows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    ConnectionId,
    Question(Subject),
}

/// Whether we are among the targets of `INTO`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Into {
    No,
    /// A target comes next.
    Target,
    /// Behind a target.
    Taken,
}

impl Operands {
    pub(super) const NONE: Self = Self {
        last: Last::Other,
        front: Front::Other,
        ahead: Front::Other,
        front_of_variable: Front::Other,
        columns: Columns::Elsewhere,
        owner: Owner::None,
        call: Call::None,
        into: Into::No,
    };
}

impl Statement {
    pub(super) fn operand(&mut self, token: Token<'_>, span: Span) {
        self.finish_call(token, span);
        self.finish_variable(token);
        if token.is_punct(b'(') {
            self.call_starts();
        }
        self.follow_into(token);
        if token.identifier().is_some() && !matches!(self.operands.last, Last::Dot) {
            self.operands.front = self.operands.ahead;
        }
        self.operands.front_of_variable = self.operands.ahead;
        self.operands.ahead = self.ahead_of(token);
        self.operands.last = self.last_after(token, span);
    }

    /// The statement, or an item of a list, is over.
    pub(super) fn operands_end(&mut self) {
        let end = Token::Punct(b';');
        self.finish_call(end, Span { start: 0, end: 0 });
        self.finish_variable(end);
        self.operands = Operands::NONE;
    }

    /// The token behind a variable tells whether it is written, and whether its name is complete.
    fn finish_variable(&mut self, token: Token<'_>) {
        match self.operands.last {
            Last::UserVariable(name) => {
                let target = token.is_punct(b':') || self.operands.into == Into::Taken;
                if target || self.writes_its_variables() {
                    self.user_variable_written(name, Write::Other);
                } else {
                    self.add(EffectSet::USER_VARIABLE_READ);
                }
            }
            Last::SystemName(name, place) if !token.is_punct(b'.') => {
                self.system_variable(name);
                if let Some(subject) = Subject::of_variable(name.as_bytes()) {
                    self.answer_ends(token, Answer::Question(subject), place);
                }
            }
            Last::Other
            | Last::Name { .. }
            | Last::Dot
            | Last::SystemVariable(_)
            | Last::SystemName(..)
            | Last::SystemDot(_) => {}
        }
    }

    fn writes_its_variables(&self) -> bool {
        matches!(
            self.stage,
            Stage::Call | Stage::Loading | Stage::Diagnostics | Stage::Executed
        )
    }

    fn system_variable(&mut self, name: Name) {
        let effects = match name.as_bytes() {
            b"last_insert_id" | b"identity" => EffectSet::LAST_INSERT_ID,
            b"warning_count" | b"error_count" => EffectSet::DIAGNOSTICS_VARIABLE,
            b"last_gtid" => EffectSet::LAST_GTID,
            b"pseudo_thread_id" => EffectSet::CONNECTION_ID_UNKNOWN,
            _ => return,
        };
        self.add(effects);
    }

    fn finish_call(&mut self, token: Token<'_>, at: Span) {
        let closes = token.is_punct(b')');
        self.operands.call = match self.operands.call {
            Call::None => Call::None,
            Call::LastInsertId => {
                self.add(if closes {
                    EffectSet::LAST_INSERT_ID
                } else {
                    EffectSet::LAST_INSERT_ID_SET
                });
                Call::None
            }
            Call::Answer(answer, place) if closes => {
                let start = place.span.start;
                let span = Span { start, end: at.end };
                Call::AnswerEnds(answer, Place { span, ..place })
            }
            // It has no arguments; the server will say so.
            Call::Answer(answer, _) => {
                if answer == Answer::ConnectionId {
                    self.add(EffectSet::CONNECTION_ID_UNKNOWN);
                }
                Call::None
            }
            Call::AnswerEnds(answer, place) => {
                self.answer_ends(token, answer, place);
                Call::None
            }
            Call::Lock => match token {
                Token::Text => Call::LockNamed(at),
                Token::Word(_)
                | Token::Identifier(_)
                | Token::Number(_)
                | Token::UserVariable(_)
                | Token::SystemVariable
                | Token::Punct(_) => self.lock_unnamed(),
            },
            Call::LockNamed(name) if token.is_punct(b',') => {
                self.objects.lock(name);
                Call::None
            }
            Call::LockNamed(_) => self.lock_unnamed(),
        };
    }

    fn lock_unnamed(&mut self) -> Call {
        self.objects.unnamed.insert(EffectSet::NAMED_LOCK);
        Call::None
    }

    /// `token` stands behind an expression that has an answer.
    fn answer_ends(&mut self, token: Token<'_>, answer: Answer, place: Place) {
        let ends = matches!(token, Token::Punct(b',' | b';'))
            || matches!(
                token.keyword(),
                b"from" | b"where" | b"limit" | b"union" | b"order" | b"group" | b"having"
            );
        let listed = self.operands.columns == Columns::Listed;
        let placement = if ends && listed && place.front == Front::Column {
            Placement::Column
        } else {
            Placement::Inner
        };
        let span = place.span;
        match answer {
            Answer::ConnectionId => {
                let call = ConnectionIdCall { span, placement };
                if keep_call(&mut self.connection_ids, call) == Kept::No {
                    self.add(EffectSet::CONNECTION_ID_UNKNOWN);
                }
            }
            Answer::Question(subject) if self.count == 0 => {
                self.questions.add(Question {
                    subject,
                    span,
                    placement,
                });
            }
            Answer::Question(_) => {}
        }
    }

    /// A `(` stands behind the last token.
    fn call_starts(&mut self) {
        let Last::Name { name, part, span } = self.operands.last else {
            return;
        };
        let front = self.operands.front;
        let word = name.as_bytes();
        if part == Part::Qualified {
            self.unknown_function(front, name);
            return;
        }
        let place = Place { span, front };
        match word {
            b"last_insert_id" => self.operands.call = Call::LastInsertId,
            b"connection_id" => {
                self.add(EffectSet::CONNECTION_ID);
                self.operands.call = Call::Answer(Answer::ConnectionId, place);
            }
            _ => {
                self.add(function_effect(word));
                self.lock_starts(word);
                if let Some(subject) = Subject::of_function(word) {
                    self.operands.call = Call::Answer(Answer::Question(subject), place);
                }
                let spelling = match part {
                    Part::Quoted => Spelling::Quoted,
                    Part::Word | Part::Qualified => Spelling::Word,
                };
                if !is_known(self.server, word, spelling) {
                    self.unknown_function(front, name);
                }
            }
        }
    }

    /// Locks of other kinds than `GET_LOCK` takes are not known by a name.
    fn lock_starts(&mut self, function: &[u8]) {
        if function == b"get_lock" {
            self.operands.call = Call::Lock;
        } else if function_effect(function).intersects(EffectSet::NAMED_LOCK) {
            self.objects.unnamed.insert(EffectSet::NAMED_UNLOCK);
        }
    }

    fn unknown_function(&mut self, front: Front, name: Name) {
        if self.calls == Calls::Ignore || front == Front::NotCalled {
            return;
        }
        self.add(EffectSet::UNKNOWN_FUNCTION);
        let kind = EffectSet::UNKNOWN_FUNCTION;
        let schema = match self.operands.owner {
            Owner::None => None,
            Owner::Schema(span) => Some(span),
            Owner::Deeper => {
                self.objects.unnamed.insert(kind);
                return;
            }
        };
        self.objects.routine(RoutineName { schema, name }, kind);
    }

    fn follow_into(&mut self, token: Token<'_>) {
        self.operands.into = match (self.operands.into, token) {
            (Into::Target, Token::UserVariable(_) | Token::Word(_) | Token::Identifier(_)) => {
                Into::Taken
            }
            (Into::Taken, Token::Punct(b',')) => Into::Target,
            (_, token) if token.keyword() == b"into" => Into::Target,
            _ => Into::No,
        };
    }

    fn ahead_of(&mut self, token: Token<'_>) -> Front {
        if self.telling == Telling::No {
            return if self.depth == 0 && token.is_punct(b',') {
                Front::Column
            } else {
                Front::Other
            };
        }
        let word = token.keyword();
        if self.depth == 0 {
            match word {
                b"select" => self.operands.columns = Columns::Listed,
                b"from" | b"where" | b"order" | b"group" | b"having" | b"limit" | b"into"
                | b"procedure" | b"window" | b"for" | b"lock" => {
                    self.operands.columns = Columns::Elsewhere;
                }
                _ => {}
            }
        }
        match word {
            b"select" | b"distinct" | b"all" | b"high_priority" => Front::Column,
            b"into" | b"insert" | b"replace" | b"ignore" | b"low_priority" | b"delayed"
            | b"with" | b"recursive" | b"as" | b"table" | b"call" => Front::NotCalled,
            _ => Front::Other,
        }
    }

    fn last_after(&mut self, token: Token<'_>, span: Span) -> Last {
        let part = match token {
            Token::Identifier(_) => Part::Quoted,
            Token::Word(_)
            | Token::Text
            | Token::Number(_)
            | Token::UserVariable(_)
            | Token::SystemVariable
            | Token::Punct(_) => Part::Word,
        };
        match (self.operands.last, token) {
            (
                Last::SystemVariable(place) | Last::SystemDot(place),
                Token::Word(name) | Token::Identifier(name),
            ) => {
                let start = place.span.start;
                let end = span.end;
                let span = Span { start, end };
                Last::SystemName(*name, Place { span, ..place })
            }
            (Last::SystemName(_, place), Token::Punct(b'.')) => Last::SystemDot(place),
            (Last::Name { part, span, .. }, Token::Punct(b'.')) => {
                self.operands.owner = match part {
                    Part::Word | Part::Quoted => Owner::Schema(span),
                    Part::Qualified => Owner::Deeper,
                };
                Last::Dot
            }
            (Last::Dot, Token::Word(name) | Token::Identifier(name)) => Last::Name {
                name: *name,
                part: Part::Qualified,
                span,
            },
            (_, Token::Word(name) | Token::Identifier(name)) => {
                self.operands.owner = Owner::None;
                let name = *name;
                Last::Name { name, part, span }
            }
            (_, Token::UserVariable(name)) => Last::UserVariable(*name),
            (_, Token::SystemVariable) => {
                let front = self.operands.front_of_variable;
                Last::SystemVariable(Place { span, front })
            }
            (_, Token::Text | Token::Number(_) | Token::Punct(_)) => Last::Other,
        }
    }
}
