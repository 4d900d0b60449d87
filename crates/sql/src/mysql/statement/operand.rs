//! Operands of any statement: calls of functions, user variables, system variables.

use super::{Calls, Stage, Statement, Telling, Token};
use crate::Name;
use crate::mysql::function::{Spelling, function_effect, is_known};
use crate::mysql::summary::{Kept, keep_call};
use crate::mysql::{ConnectionIdCall, EffectSet, Placement, Span, Write};

/// What the last tokens were, as far as the next one decides what they mean.
#[derive(Clone, Copy)]
pub(super) struct Operands {
    last: Last,
    /// What stands in front of the name that `last` may be, before all its parts.
    front: Front,
    /// What the last token is for a name that follows it.
    ahead: Front,
    columns: Columns,
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
        start: u64,
    },
    /// The dot between the parts of a name.
    Dot,
    /// A user variable: a `:` behind it makes it the target of an assignment.
    UserVariable(Name),
    /// `@@`
    SystemVariable,
    /// `@@name`; `@@global` if a dot follows.
    SystemName(Name),
    /// The dot in `@@global.name`.
    SystemDot,
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
    ConnectionId {
        start: u64,
        front: Front,
    },
    /// Behind `CONNECTION_ID()`.
    ConnectionIdEnds {
        span: Span,
        front: Front,
    },
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
        columns: Columns::Elsewhere,
        call: Call::None,
        into: Into::No,
    };
}

impl Statement {
    pub(super) fn operand(&mut self, token: Token<'_>, span: Span) {
        self.finish_variable(token);
        self.finish_call(token, span);
        if token.is_punct(b'(') {
            self.call_starts();
        }
        self.follow_into(token);
        if token.identifier().is_some() && !matches!(self.operands.last, Last::Dot) {
            self.operands.front = self.operands.ahead;
        }
        self.operands.ahead = self.ahead_of(token);
        self.operands.last = self.last_after(token, span);
    }

    /// The statement, or an item of a list, is over.
    pub(super) fn operands_end(&mut self) {
        let end = Token::Punct(b';');
        self.finish_variable(end);
        self.finish_call(end, Span { start: 0, end: 0 });
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
            Last::SystemName(name) if !token.is_punct(b'.') => self.system_variable(name),
            Last::Other
            | Last::Name { .. }
            | Last::Dot
            | Last::SystemVariable
            | Last::SystemName(_)
            | Last::SystemDot => {}
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
            Call::ConnectionId { start, front } if closes => Call::ConnectionIdEnds {
                span: Span { start, end: at.end },
                front,
            },
            // It has no arguments; the server will say so.
            Call::ConnectionId { .. } => {
                self.add(EffectSet::CONNECTION_ID_UNKNOWN);
                Call::None
            }
            Call::ConnectionIdEnds { span, front } => {
                self.connection_id_ends(token, span, front);
                Call::None
            }
        };
    }

    fn connection_id_ends(&mut self, token: Token<'_>, span: Span, front: Front) {
        let ends = matches!(token, Token::Punct(b',' | b';'))
            || matches!(
                token.keyword(),
                b"from" | b"where" | b"limit" | b"union" | b"order" | b"group" | b"having"
            );
        let listed = self.operands.columns == Columns::Listed;
        let placement = if ends && listed && front == Front::Column {
            Placement::Column
        } else {
            Placement::Inner
        };
        let call = ConnectionIdCall { span, placement };
        if keep_call(&mut self.connection_ids, call) == Kept::No {
            self.add(EffectSet::CONNECTION_ID_UNKNOWN);
        }
    }

    /// A `(` stands behind the last token.
    fn call_starts(&mut self) {
        let Last::Name { name, part, start } = self.operands.last else {
            return;
        };
        let front = self.operands.front;
        let word = name.as_bytes();
        if part == Part::Qualified {
            self.unknown_function(front);
            return;
        }
        match word {
            b"last_insert_id" => self.operands.call = Call::LastInsertId,
            b"connection_id" => {
                self.add(EffectSet::CONNECTION_ID);
                self.operands.call = Call::ConnectionId { start, front };
            }
            _ => {
                self.add(function_effect(word));
                let spelling = match part {
                    Part::Quoted => Spelling::Quoted,
                    Part::Word | Part::Qualified => Spelling::Word,
                };
                if !is_known(self.server, word, spelling) {
                    self.unknown_function(front);
                }
            }
        }
    }

    fn unknown_function(&mut self, front: Front) {
        if self.calls == Calls::Count && front != Front::NotCalled {
            self.add(EffectSet::UNKNOWN_FUNCTION);
        }
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

    fn last_after(&self, token: Token<'_>, span: Span) -> Last {
        match (self.operands.last, token) {
            (
                Last::SystemVariable | Last::SystemDot,
                Token::Word(name) | Token::Identifier(name),
            ) => Last::SystemName(*name),
            (Last::SystemName(_), Token::Punct(b'.')) => Last::SystemDot,
            (Last::Name { .. }, Token::Punct(b'.')) => Last::Dot,
            (Last::Dot, Token::Word(name) | Token::Identifier(name)) => Last::Name {
                name: *name,
                part: Part::Qualified,
                start: span.start,
            },
            (_, Token::Word(name)) => Last::Name {
                name: *name,
                part: Part::Word,
                start: span.start,
            },
            (_, Token::Identifier(name)) => Last::Name {
                name: *name,
                part: Part::Quoted,
                start: span.start,
            },
            (_, Token::UserVariable(name)) => Last::UserVariable(*name),
            (_, Token::SystemVariable) => Last::SystemVariable,
            (_, Token::Text | Token::Number(_) | Token::Punct(_)) => Last::Other,
        }
    }
}
