//! The first word of a statement.

use super::{Blocks, Calls, Place, Reading, Stage, Statement, Unlabelled};
use crate::mysql::{EffectSet, KillTarget};

/// A statement that needs no more words than its first.
fn settled(word: &[u8]) -> Option<EffectSet> {
    let effects = match word {
        b"select" | b"table" | b"values" | b"do" | b"help" | b"signal" | b"resignal"
        | b"checksum" => EffectSet::NONE,
        b"insert" | b"update" | b"delete" | b"replace" => EffectSet::WRITE,
        b"savepoint" | b"release" => EffectSet::SAVEPOINT,
        b"use" => EffectSet::USE,
        b"binlog" => EffectSet::BINLOG,
        b"change" | b"stop" | b"purge" => EffectSet::REPLICATION | EffectSet::IMPLICIT_COMMIT,
        b"install" | b"uninstall" => EffectSet::INSTALL | EffectSet::IMPLICIT_COMMIT,
        b"shutdown" | b"restart" => EffectSet::SHUTDOWN,
        b"rename" => EffectSet::RENAME | EffectSet::IMPLICIT_COMMIT,
        b"grant" | b"revoke" | b"truncate" | b"optimize" | b"repair" | b"check" | b"cache"
        | b"import" => EffectSet::IMPLICIT_COMMIT,
        b"clone" => EffectSet::UNKNOWN | EffectSet::IMPLICIT_COMMIT,
        // These are statements of a body only.
        b"end" | b"until" | b"leave" | b"iterate" | b"fetch" | b"open" | b"close" | b"return" => {
            EffectSet::NONE
        }
        _ => return None,
    };
    Some(effects)
}

impl Statement {
    pub(super) fn lead(&mut self, word: &[u8]) -> Stage {
        self.calls = Calls::Count;
        if let Some(effects) = settled(word) {
            self.add(effects);
            return Stage::Body;
        }
        if let Some(stage) = self.lead_of_definition(word) {
            self.calls = Calls::Ignore;
            return stage;
        }
        match word {
            b"set" => {
                self.setting_starts();
                Stage::Set
            }
            b"with" => Stage::With,
            b"show" => Stage::Show,
            b"explain" | b"describe" | b"desc" | b"analyze" => Stage::Explain,
            b"begin" => Stage::Begin,
            b"start" => Stage::Start,
            b"commit" => self.stage_with(EffectSet::COMMIT, Stage::Commit),
            b"rollback" => Stage::Rollback,
            b"xa" => Stage::Xa,
            b"call" => {
                self.add(EffectSet::CALL);
                self.naming_starts(super::Owner::Procedure)
            }
            b"load" => Stage::Load,
            b"get" => self.stage_with(EffectSet::GET_DIAGNOSTICS, Stage::Diagnostics),
            b"handler" => Stage::Handler,
            b"prepare" => self.stage_with(EffectSet::PREPARE, Stage::Prepare),
            b"execute" => {
                self.mode_changes();
                Stage::Execute
            }
            b"deallocate" => self.stage_with(EffectSet::DEALLOCATE, Stage::Deallocate),
            b"kill" => self.lead_of_kill(),
            _ => self.lead_of_block(word),
        }
    }

    /// Statements whose names with a `(` behind them are no calls.
    fn lead_of_definition(&mut self, word: &[u8]) -> Option<Stage> {
        let stage = match word {
            b"create" => Stage::Create(super::Lifetime::Lasting),
            b"alter" => self.stage_with(EffectSet::IMPLICIT_COMMIT, Stage::Alter),
            b"drop" => Stage::Drop(super::Lifetime::Lasting),
            b"lock" => Stage::Lock,
            b"unlock" => Stage::Unlock,
            b"flush" => {
                self.stage_with(EffectSet::FLUSH | EffectSet::IMPLICIT_COMMIT, Stage::Flush)
            }
            b"backup" => self.stage_with(EffectSet::IMPLICIT_COMMIT, Stage::Backup),
            b"reset" => {
                self.stage_with(EffectSet::RESET | EffectSet::IMPLICIT_COMMIT, Stage::Reset)
            }
            _ => return None,
        };
        Some(stage)
    }

    fn lead_of_kill(&mut self) -> Stage {
        if self.effects.intersects(EffectSet::KILL) {
            self.add(EffectSet::KILL_UNKNOWN);
        }
        self.stage_with(EffectSet::KILL, Stage::Kill(KillTarget::Connection))
    }

    /// Words that lead statements with statements in them; in the text itself only MariaDB knows them.
    fn lead_of_block(&mut self, word: &[u8]) -> Stage {
        match word {
            b"if" | b"case" | b"while" | b"for" | b"declare" => {
                self.block_starts();
                Stage::Block
            }
            b"loop" | b"repeat" => {
                self.block_starts();
                Stage::Branch
            }
            b"elseif" | b"when" => Stage::Block,
            b"else" => Stage::Branch,
            _ if self.stage == Stage::Branch => Stage::Label(Unlabelled::Expression),
            _ => Stage::Label(Unlabelled::Statement),
        }
    }

    pub(super) fn block_starts(&mut self) {
        self.blocks = Blocks::Some;
        if self.place == Place::Text {
            self.add(EffectSet::COMPOUND);
        }
    }

    pub(super) fn stage_with(&mut self, effects: EffectSet, stage: Stage) -> Stage {
        self.add(effects);
        stage
    }

    /// The statement may change the mode that the next ones of the text are read in.
    pub(super) fn mode_changes(&mut self) {
        if self.reading == Reading::Given {
            self.reading = Reading::Changing;
        }
    }
}
