//! The first words of a statement: what it is, and whether it runs stored code.

use super::setting::Verb;
use super::{Scope, Stage, Statement, Strings, Token};
use crate::EffectSet;
use crate::word::Word;

impl Statement {
    pub(super) fn lead(&mut self, token: Token<'_>, word: Word) -> Stage {
        if self.home == Scope::Text && !is_session_command(token.keyword()) {
            self.calls.query();
        }
        let effect = match word {
            Word::EXPLAIN => return Stage::Explain,
            Word::SET => {
                self.setting_starts(Verb::Set);
                return Stage::Setting;
            }
            Word::RESET => {
                self.setting_starts(Verb::Reset);
                return Stage::Setting;
            }
            Word::CREATE | Word::ALTER => return Stage::Define,
            Word::DROP => return self.settled(EffectSet::DROP, Stage::Drop),
            Word::ROLLBACK => return Stage::Rollback,
            Word::PREPARE => return Stage::Prepare,
            Word::DEALLOCATE => return Stage::Deallocate,
            Word::DISCARD => return Stage::Discard,
            Word::UNLISTEN => return Stage::Unlisten,
            Word::DECLARE => return Stage::Declare,
            Word::CLOSE => return Stage::Close,
            Word::DO => return self.settled(EffectSet::PROCEDURE, Stage::Do),
            Word::CALL => EffectSet::PROCEDURE,
            Word::EXECUTE => return self.settled(EffectSet::EXECUTE, Stage::Execute),
            Word::LISTEN => EffectSet::LISTEN,
            Word::LOAD => EffectSet::LOAD,
            Word::BEGIN | Word::START => EffectSet::BEGIN,
            Word::COMMIT | Word::END => EffectSet::COMMIT,
            Word::ABORT => EffectSet::ROLLBACK,
            Word::SAVEPOINT | Word::RELEASE => EffectSet::SAVEPOINT,
            Word::COPY => EffectSet::COPY,
            _ => return self.other_lead(token.keyword()),
        };
        self.settled(effect, Stage::Body)
    }

    fn other_lead(&self, keyword: &[u8]) -> Stage {
        match keyword {
            // They name routines and run none.
            b"grant" | b"revoke" | b"comment" | b"security" => Stage::Quiet,
            _ if self.strings == Strings::Code && handles_data(keyword) => Stage::Data,
            _ => Stage::Body,
        }
    }

    /// After `CREATE` or `ALTER`. What runs only later calls nothing now.
    pub(super) fn define(&mut self, keyword: &[u8]) -> Stage {
        if self.previous == Word::ALTER && matches!(keyword, b"database" | b"role" | b"user") {
            self.add(EffectSet::DEFAULTS);
        }
        let stage = match keyword {
            b"or" | b"replace" | b"global" | b"local" | b"constraint" | b"recursive"
            | b"unlogged" | b"trusted" | b"procedural" => return Stage::Define,
            b"temp" | b"temporary" => return Stage::DefineTemp,
            b"database" => return self.settled(EffectSet::DATABASE_DDL, Stage::Defined),
            b"index" | b"unique" | b"sequence" | b"role" | b"user" | b"group" | b"tablespace"
            | b"system" | b"default" | b"subscription" | b"publication" | b"statistics"
            | b"collation" | b"conversion" | b"server" | b"access" | b"text" | b"large" => {
                return Stage::Defined;
            }
            b"function" | b"procedure" | b"routine" | b"aggregate" | b"trigger" | b"view"
            | b"policy" | b"rule" | b"event" | b"domain" | b"operator" | b"cast" | b"type"
            | b"extension" | b"language" | b"transform" => Stage::Quiet,
            _ => Stage::Defined,
        };
        self.settled(EffectSet::ROUTINE_DDL, stage)
    }

    /// After `CREATE TEMP`: tables of that kind are made so often, and reach code so rarely, that those who
    /// read the routines need not be told.
    pub(super) fn define_temp(&mut self, keyword: &[u8]) -> Stage {
        match keyword {
            b"view" | b"recursive" => self.settled(EffectSet::ROUTINE_DDL, Stage::Quiet),
            _ => Stage::Defined,
        }
    }
}

/// Statements that run no code of anybody. `COMMIT` may run triggers, but only those of statements before it.
fn is_session_command(keyword: &[u8]) -> bool {
    matches!(
        keyword,
        b"set"
            | b"reset"
            | b"show"
            | b"begin"
            | b"start"
            | b"commit"
            | b"end"
            | b"rollback"
            | b"abort"
            | b"savepoint"
            | b"release"
            | b"discard"
            | b"deallocate"
            | b"listen"
            | b"unlisten"
            | b"notify"
            | b"load"
            | b"close"
            | b"lock"
            | b"checkpoint"
    )
}

/// Statements of a body whose strings are data, not code to be executed.
fn handles_data(keyword: &[u8]) -> bool {
    matches!(
        keyword,
        b"insert"
            | b"update"
            | b"delete"
            | b"if"
            | b"elsif"
            | b"elseif"
            | b"when"
            | b"while"
            | b"case"
            | b"raise"
            | b"return"
            | b"assert"
    )
}
