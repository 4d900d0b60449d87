//! `SET`: which variables it writes, and how far that reaches.
//!
//! Source of the grammar: MySQL 8.0 reference manual, "SET Syntax for Variable Assignment", and MariaDB's
//! knowledge base for `SET STATEMENT`.

use super::{Stage, Statement, Token};
use crate::Name;
use crate::mysql::summary::Kept;
use crate::mysql::{EffectSet, Scope, Write};

/// How far a `SET` has been read.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    step: Step,
    /// The scope of items that name none: the last that was named without `@@`.
    standing: Standing,
    /// The scope of this item.
    own: Own,
    name: Name,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The first item comes next.
    First,
    /// An item comes next.
    Item,
    /// Behind `GLOBAL` or its like.
    Scoped,
    /// Behind `@@`.
    At,
    /// Behind `@@global` or its like, which is a scope if a dot follows.
    AtScope(Scope),
    /// Behind a dot in a name.
    Dot,
    /// Behind a name.
    Named,
    /// The value, up to a comma.
    Value,
    /// The rest does not matter.
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    None,
    Session,
    Global,
    Statement,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    None,
    /// `@@` without a scope.
    At,
    Named(Scope),
}

impl Setting {
    pub(super) const NONE: Self = Self {
        step: Step::Done,
        standing: Standing::None,
        own: Own::None,
        name: Name::EMPTY,
    };
}

fn scope_of(word: &[u8]) -> Option<Scope> {
    match word {
        b"session" | b"local" => Some(Scope::Session),
        b"global" | b"persist" | b"persist_only" => Some(Scope::Global),
        _ => None,
    }
}

impl Statement {
    pub(super) fn setting_starts(&mut self) {
        self.setting = Setting {
            step: Step::First,
            ..Setting::NONE
        };
    }

    /// Reads a token; false if it is part of a value and has to be looked at like any other.
    pub(super) fn setting_takes(&mut self, token: Token<'_>) -> bool {
        let (next, handled) = match self.setting.step {
            Step::First | Step::Item => (self.setting_item(token), true),
            Step::Scoped => (self.setting_scoped(token), true),
            Step::At | Step::Dot => (self.setting_name(token), true),
            Step::AtScope(scope) => {
                if token.is_punct(b'.') {
                    self.setting.own = Own::Named(scope);
                    (Step::Dot, true)
                } else {
                    (self.setting_named(token), true)
                }
            }
            Step::Named => (self.setting_named(token), true),
            Step::Value if self.depth == 0 && token.is_punct(b',') => {
                self.operands_end();
                (Step::Item, true)
            }
            step @ (Step::Value | Step::Done) => (step, false),
        };
        self.setting.step = next;
        handled
    }

    /// `FOR` ends the variables of `SET STATEMENT`; a statement follows.
    pub(super) fn setting_stage(&mut self, word: &[u8]) -> Stage {
        let statement = self.setting.standing == Standing::Statement;
        if statement && self.setting.step == Step::Value && self.depth == 0 && word == b"for" {
            self.operands_end();
            self.setting.step = Step::Done;
            return Stage::Lead;
        }
        Stage::Set
    }

    /// A name without a value is a syntax error; it is counted all the same.
    pub(super) fn setting_ends(&mut self) {
        if matches!(self.setting.step, Step::Named | Step::AtScope(_)) {
            self.setting_touches();
        }
    }

    fn setting_item(&mut self, token: Token<'_>) -> Step {
        self.setting.own = Own::None;
        match token {
            Token::UserVariable(name) => {
                self.user_variable_written(*name, Write::Set);
                Step::Value
            }
            Token::SystemVariable => {
                self.setting.own = Own::At;
                Step::At
            }
            Token::Word(name) => self.setting_word(*name),
            Token::Identifier(name) => {
                self.setting.name = *name;
                Step::Named
            }
            Token::Text | Token::Number(_) | Token::Punct(_) => Step::Value,
        }
    }

    fn setting_word(&mut self, name: Name) -> Step {
        let word = name.as_bytes();
        if let Some(scope) = scope_of(word) {
            self.setting.own = Own::Named(scope);
            self.setting.standing = match scope {
                Scope::Session => Standing::Session,
                Scope::Global => Standing::Global,
                Scope::Statement => Standing::Statement,
            };
            return Step::Scoped;
        }
        let (effects, step) = match word {
            b"names" | b"character" | b"charset" => {
                self.mode_changes();
                (EffectSet::NAMES | EffectSet::LEXICAL_VARIABLE, Step::Value)
            }
            b"password" => (
                EffectSet::SET_PASSWORD | EffectSet::IMPLICIT_COMMIT,
                Step::Value,
            ),
            b"transaction" => (EffectSet::SET_NEXT_TRANSACTION, Step::Done),
            b"role" => (EffectSet::SET_ROLE, Step::Done),
            b"default" => (EffectSet::IMPLICIT_COMMIT, Step::Done),
            b"resource" => (EffectSet::SET_RESOURCE_GROUP, Step::Done),
            b"statement" if self.setting.step == Step::First => {
                self.setting.standing = Standing::Statement;
                (EffectSet::SET_STATEMENT, Step::Item)
            }
            _ => {
                self.setting.name = name;
                (EffectSet::NONE, Step::Named)
            }
        };
        self.add(effects);
        step
    }

    fn setting_scoped(&mut self, token: Token<'_>) -> Step {
        let effects = match (token.keyword(), self.setting.own) {
            (b"transaction", Own::Named(Scope::Global)) => EffectSet::SET_GLOBAL_TRANSACTION,
            (b"transaction", _) => EffectSet::SET_SESSION_TRANSACTION,
            (b"authorization", _) => EffectSet::SET_AUTHORIZATION,
            _ => return self.setting_name(token),
        };
        self.add(effects);
        Step::Done
    }

    /// A name, behind `@@`, a scope or a dot.
    fn setting_name(&mut self, token: Token<'_>) -> Step {
        let Some(name) = token.identifier() else {
            return Step::Value;
        };
        self.setting.name = name;
        match (self.setting.step, scope_of(token.keyword())) {
            (Step::At, Some(scope)) => Step::AtScope(scope),
            _ => Step::Named,
        }
    }

    /// Behind a name: what follows a dot is the variable, and what stood in front of it its owner.
    fn setting_named(&mut self, token: Token<'_>) -> Step {
        if token.is_punct(b'.') {
            return Step::Dot;
        }
        self.setting_touches();
        Step::Value
    }

    fn setting_touches(&mut self) {
        let name = self.setting.name;
        let at_once = matches!(
            name.as_bytes(),
            b"transaction_isolation" | b"tx_isolation" | b"transaction_read_only" | b"tx_read_only"
        );
        match (self.setting.own, self.setting.standing) {
            (_, Standing::Statement) => self.touch(name, Scope::Statement),
            (Own::At, _) if at_once => self.add(EffectSet::SET_NEXT_TRANSACTION),
            (Own::Named(scope), _) => self.touch(name, scope),
            // A scope goes on for the items behind it, as MySQL 9.7 and MariaDB 10.11 show.
            (Own::None, Standing::Global) => self.touch(name, Scope::Global),
            (Own::None | Own::At, _) => self.touch(name, Scope::Session),
        }
    }

    fn touch(&mut self, name: Name, scope: Scope) {
        if self.variables.touch(name, scope) == Kept::No {
            self.add(EffectSet::VARIABLE_UNKNOWN);
        }
        let lexical = matches!(
            name.as_bytes(),
            b"sql_mode" | b"character_set_client" | b"old_mode"
        );
        match scope {
            Scope::Global => self.add(EffectSet::SET_GLOBAL),
            // The rest of the statement may be read with the new value already.
            Scope::Statement if lexical => self.add(EffectSet::AMBIGUOUS),
            Scope::Statement => {}
            Scope::Session => {
                self.add(EffectSet::SET_SESSION);
                if lexical {
                    self.add(EffectSet::LEXICAL_VARIABLE);
                    self.mode_changes();
                }
                self.touch_of_session(name.as_bytes());
            }
        }
    }

    fn touch_of_session(&mut self, name: &[u8]) {
        let effects = match name {
            b"autocommit" => EffectSet::AUTOCOMMIT,
            b"last_insert_id" | b"identity" => EffectSet::LAST_INSERT_ID_SET,
            _ if name.starts_with(b"session_track_") => EffectSet::SESSION_TRACK,
            _ => return,
        };
        self.add(effects);
    }
}
