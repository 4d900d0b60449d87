//! The words behind the first one.

use super::{Before, Blocks, Calls, Lifetime, Owner, Place, Stage, Statement, Token, Unlabelled};
use crate::mysql::{EffectSet, Kill, KillTarget, Server, Span};

impl Statement {
    pub(super) fn advance(&mut self, token: Token<'_>, span: Span) {
        let word = token.keyword();
        self.stage = match self.stage {
            Stage::Lead if token.is_punct(b'(') => Stage::Lead,
            Stage::Lead if token.identifier().is_none() => {
                self.stage_with(EffectSet::UNKNOWN, Stage::Body)
            }
            Stage::Branch if token.identifier().is_none() => Stage::Block,
            Stage::Lead | Stage::Branch => self.lead(word),
            Stage::Label(_) if token.is_punct(b':') => {
                self.block_starts();
                Stage::Lead
            }
            Stage::Label(Unlabelled::Statement) => self.stage_with(EffectSet::UNKNOWN, Stage::Body),
            Stage::Label(Unlabelled::Expression) | Stage::Block => self.block(word),
            Stage::Begin => self.begin(word),
            Stage::Start | Stage::StartTransaction | Stage::Commit | Stage::Rollback => {
                self.transaction(word)
            }
            Stage::Explain => self.explain(word),
            Stage::Set => self.setting_stage(word),
            Stage::Xa if word == b"recover" => self.stage_with(EffectSet::XA_RECOVER, Stage::Body),
            Stage::Xa => self.stage_with(EffectSet::XA, Stage::Body),
            Stage::Create(lifetime) => self.create(word, lifetime),
            Stage::Naming(owner) => self.naming(token, span, owner),
            Stage::Created => {
                if matches!(word, b"select" | b"values" | b"with") {
                    self.calls = Calls::Count;
                }
                Stage::Created
            }
            Stage::Drop(lifetime) => self.drop_of(word, lifetime),
            Stage::Alter => self.alter(word),
            Stage::Altering => {
                if word == b"rename" {
                    self.add(EffectSet::RENAME);
                }
                Stage::Altering
            }
            Stage::Lock | Stage::Unlock | Stage::Backup | Stage::BackingUp => self.lock(word),
            Stage::Flush => self.flush(word),
            Stage::Handler => Stage::HandlerNamed,
            Stage::HandlerNamed => self.handler(word),
            Stage::Prepare | Stage::Execute | Stage::Deallocate | Stage::DeallocateName => {
                self.prepared(token)
            }
            Stage::Load | Stage::Loading => self.load(word),
            Stage::Show => self.show(word),
            Stage::Kill(target) => self.kill(token, span, target),
            Stage::Killed => self.stage_with(EffectSet::KILL_UNKNOWN, Stage::Body),
            Stage::Reset => {
                if matches!(word, b"master" | b"slave" | b"replica" | b"binary") {
                    self.add(EffectSet::REPLICATION);
                }
                Stage::Body
            }
            Stage::Body | Stage::With
                if self.blocks == Blocks::Some && matches!(word, b"then" | b"do" | b"else") =>
            {
                Stage::Branch
            }
            Stage::With => {
                if matches!(word, b"update" | b"delete") && self.before != Before::For {
                    self.add(EffectSet::WRITE);
                }
                Stage::With
            }
            stage @ (Stage::Executed | Stage::Call | Stage::Diagnostics | Stage::Body) => stage,
        };
    }

    /// A transaction, or a block with statements in it.
    fn begin(&mut self, word: &[u8]) -> Stage {
        match word {
            b"work" => self.stage_with(EffectSet::BEGIN, Stage::Body),
            b"not" => {
                self.block_starts();
                Stage::Begin
            }
            b"atomic" => Stage::Lead,
            _ => {
                self.block_starts();
                self.lead(word)
            }
        }
    }

    /// The head of a block, or a declaration: some words are followed by statements, some lead them.
    fn block(&mut self, word: &[u8]) -> Stage {
        match word {
            b"then" | b"do" | b"loop" | b"begin" | b"else" => Stage::Branch,
            b"set" | b"commit" | b"rollback" | b"call" | b"insert" | b"update" | b"delete"
            | b"prepare" | b"execute" | b"get" => self.lead(word),
            _ => Stage::Block,
        }
    }

    fn transaction(&mut self, word: &[u8]) -> Stage {
        match (self.stage, word) {
            (Stage::Start, b"transaction") => {
                self.stage_with(EffectSet::BEGIN, Stage::StartTransaction)
            }
            (Stage::Start, _) => self.stage_with(
                EffectSet::REPLICATION | EffectSet::IMPLICIT_COMMIT,
                Stage::Body,
            ),
            (Stage::StartTransaction, b"only") if self.before == Before::Read => {
                self.stage_with(EffectSet::READ_ONLY, Stage::StartTransaction)
            }
            (Stage::StartTransaction, b"snapshot") => {
                self.stage_with(EffectSet::CONSISTENT_SNAPSHOT, Stage::StartTransaction)
            }
            (Stage::Rollback, b"to") => self.stage_with(EffectSet::ROLLBACK_TO, Stage::Body),
            (Stage::Commit | Stage::Rollback, b"chain") if self.before != Before::No => {
                self.stage_with(EffectSet::CHAIN, self.stage)
            }
            (Stage::Commit | Stage::Rollback, b"release") if self.before != Before::No => {
                self.stage_with(EffectSet::RELEASE, self.stage)
            }
            (stage, _) => stage,
        }
    }

    /// The statement below `EXPLAIN` is read as if it ran; below `ANALYZE` it does.
    fn explain(&mut self, word: &[u8]) -> Stage {
        match word {
            b"connection" if self.before == Before::For => {
                self.stage_with(EffectSet::CONNECTION_ID_UNKNOWN, Stage::Body)
            }
            b"table" | b"local" | b"no_write_to_binlog" => {
                self.stage_with(EffectSet::IMPLICIT_COMMIT, Stage::Body)
            }
            b"select" | b"insert" | b"update" | b"delete" | b"replace" | b"with" | b"values" => {
                self.lead(word)
            }
            _ => Stage::Explain,
        }
    }

    fn create(&mut self, word: &[u8], lifetime: Lifetime) -> Stage {
        let stage = match word {
            b"temporary" => {
                return self.stage_with(
                    EffectSet::TEMPORARY_CREATE,
                    Stage::Create(Lifetime::Temporary),
                );
            }
            b"database" | b"schema" => self.stage_with(EffectSet::DATABASE_DDL, Stage::Body),
            b"procedure" | b"function" | b"trigger" | b"event" | b"package" => self.routine(),
            b"table" if lifetime == Lifetime::Temporary => self.naming_starts(Owner::NewTable),
            _ if lifetime == Lifetime::Temporary && word == b"sequence" => {
                self.objects.unnamed.insert(EffectSet::TEMPORARY_CREATE);
                Stage::Created
            }
            b"view" => self.stage_with(EffectSet::VIEW_DEFINED, Stage::Created),
            b"table" | b"index" | b"sequence" | b"user" | b"role" | b"server" | b"tablespace"
            | b"undo" | b"logfile" | b"resource" | b"library" | b"catalog" => Stage::Created,
            _ => return Stage::Create(lifetime),
        };
        if lifetime == Lifetime::Lasting {
            self.add(EffectSet::IMPLICIT_COMMIT);
        }
        stage
    }

    fn routine(&mut self) -> Stage {
        self.place = Place::Routine;
        self.stage_with(EffectSet::ROUTINE, Stage::Body)
    }

    fn drop_of(&mut self, word: &[u8], lifetime: Lifetime) -> Stage {
        let effects = match word {
            b"temporary" => {
                return self
                    .stage_with(EffectSet::TEMPORARY_DROP, Stage::Drop(Lifetime::Temporary));
            }
            b"prepare" => return self.stage_with(EffectSet::DEALLOCATE, Stage::DeallocateName),
            b"database" | b"schema" => EffectSet::DATABASE_DDL | EffectSet::DROP_DATABASE,
            b"table" | b"tables" if lifetime == Lifetime::Lasting => EffectSet::DROP_TABLE,
            _ => EffectSet::NONE,
        };
        if lifetime == Lifetime::Lasting {
            self.add(effects | EffectSet::IMPLICIT_COMMIT);
        }
        if matches!(word, b"table" | b"tables") {
            return self.naming_starts(Owner::DroppedTable);
        }
        Stage::Body
    }

    fn alter(&mut self, word: &[u8]) -> Stage {
        match word {
            b"database" | b"schema" => self.stage_with(EffectSet::DATABASE_DDL, Stage::Body),
            b"event" => self.routine(),
            b"view" => self.stage_with(EffectSet::VIEW_DEFINED, Stage::Altering),
            b"table" | b"user" | b"procedure" | b"function" | b"instance" | b"server"
            | b"sequence" | b"tablespace" => Stage::Altering,
            _ => Stage::Alter,
        }
    }

    fn lock(&mut self, word: &[u8]) -> Stage {
        let effects = match (self.stage, word) {
            (Stage::Lock, b"instance") => EffectSet::BACKUP_LOCK,
            (Stage::Lock, _) => EffectSet::LOCK_TABLES | EffectSet::IMPLICIT_COMMIT,
            (Stage::Unlock, b"instance")
            | (Stage::Backup, b"unlock")
            | (Stage::BackingUp, b"end") => EffectSet::BACKUP_UNLOCK,
            (Stage::Unlock, _) => EffectSet::UNLOCK_TABLES | EffectSet::IMPLICIT_COMMIT,
            (Stage::Backup, b"stage") => return Stage::BackingUp,
            _ => EffectSet::BACKUP_LOCK,
        };
        self.stage_with(effects, Stage::Body)
    }

    fn flush(&mut self, word: &[u8]) -> Stage {
        if word == b"export" || word == b"lock" && self.before == Before::Read {
            self.add(EffectSet::FLUSH_LOCK);
        }
        Stage::Flush
    }

    fn handler(&mut self, word: &[u8]) -> Stage {
        let effects = match word {
            b"open" => EffectSet::HANDLER_OPEN,
            b"read" => EffectSet::HANDLER_READ,
            b"close" => EffectSet::HANDLER_CLOSE,
            _ => return Stage::HandlerNamed,
        };
        self.stage_with(effects, Stage::HandlerNamed)
    }

    fn prepared(&mut self, token: Token<'_>) -> Stage {
        let word = token.keyword();
        match (self.stage, word) {
            (Stage::Execute, b"immediate") => {
                return self.stage_with(EffectSet::EXECUTE_IMMEDIATE, Stage::Executed);
            }
            (Stage::Deallocate, b"prepare") => return Stage::DeallocateName,
            (Stage::Execute, _) => self.add(EffectSet::EXECUTE),
            _ => {}
        }
        self.name = token.identifier();
        if self.stage == Stage::Execute {
            Stage::Executed
        } else {
            Stage::Body
        }
    }

    fn load(&mut self, word: &[u8]) -> Stage {
        match (self.stage, word) {
            (Stage::Load, b"data" | b"xml") => {
                self.stage_with(EffectSet::LOAD_DATA, Stage::Loading)
            }
            (Stage::Load, _) => self.stage_with(EffectSet::IMPLICIT_COMMIT, Stage::Body),
            (_, b"local") => self.stage_with(EffectSet::LOCAL_INFILE, Stage::Loading),
            _ => Stage::Loading,
        }
    }

    fn show(&mut self, word: &[u8]) -> Stage {
        let effects = match word {
            // `COUNT(*)`, and what is between its letters.
            b"" | b"count" | b"full" | b"session" | b"local" => return Stage::Show,
            b"status" => EffectSet::SESSION_STATUS,
            b"warnings" | b"errors" => EffectSet::SHOW_WARNINGS,
            b"profile" | b"profiles" => EffectSet::PROFILE,
            b"explain" | b"analyze" => EffectSet::CONNECTION_ID_UNKNOWN,
            _ => EffectSet::NONE,
        };
        self.stage_with(effects, Stage::Body)
    }

    fn kill(&mut self, token: Token<'_>, span: Span, target: KillTarget) -> Stage {
        match (token, token.keyword()) {
            (Token::Number(Some(id)), _) => {
                self.kill = Some(Kill { target, id, span });
                Stage::Killed
            }
            (_, b"hard" | b"soft") if matches!(self.server, Server::MariaDb { .. }) => {
                Stage::Kill(target)
            }
            (_, b"connection") => Stage::Kill(KillTarget::Connection),
            (_, b"query") => Stage::Kill(KillTarget::Query),
            (_, b"id") if target == KillTarget::Query => Stage::Kill(KillTarget::QueryId),
            _ => self.stage_with(EffectSet::KILL_UNKNOWN, Stage::Body),
        }
    }
}
