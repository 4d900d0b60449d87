//! Statements that make, drop or discard something by its name: `PREPARE`, `DEALLOCATE`, `DISCARD`.

use super::Scope;
use super::{Stage, Statement, Token};
use crate::namings::Deed;
use crate::word::Word;
use crate::{EffectSet, Name};

impl Statement {
    pub(super) fn prepare(&mut self, token: Token<'_>, word: Word) -> Stage {
        if self.stage == Stage::Prepare && word == Word::TRANSACTION {
            return Stage::PrepareTransaction;
        }
        if self.stage == Stage::PrepareTransaction && matches!(token, Token::Text) {
            return self.settled(EffectSet::COMMIT, Stage::Body);
        }
        let name = if self.stage == Stage::Prepare {
            token.name()
        } else {
            Some(Name::from_bytes(b"transaction"))
        };
        self.add(EffectSet::PREPARE);
        self.names(Deed::Prepare, name, Stage::Body)
    }

    pub(super) fn deallocate(&mut self, token: Token<'_>, word: Word) -> Stage {
        match word {
            Word::PREPARE if self.stage == Stage::Deallocate => {
                self.add(EffectSet::DEALLOCATE);
                Stage::DeallocatePrepare
            }
            Word::ALL => {
                self.add(EffectSet::DEALLOCATE_ALL);
                self.names(Deed::DeallocateAll, None, Stage::Body)
            }
            _ => {
                self.add(EffectSet::DEALLOCATE);
                self.names(Deed::Deallocate, token.name(), Stage::Body)
            }
        }
    }

    pub(super) fn discard(&mut self, word: Word) -> Stage {
        let effect = match word {
            Word::ALL => {
                self.names(Deed::DeallocateAll, None, Stage::Body);
                EffectSet::DISCARD_ALL | EffectSet::RESET_ALL
            }
            Word::TEMP => EffectSet::DISCARD_TEMP,
            Word::PLANS => EffectSet::DISCARD_PLANS,
            Word::SEQUENCES => EffectSet::DISCARD_SEQUENCES,
            _ => EffectSet::NONE,
        };
        self.settled(effect, Stage::Body)
    }

    /// The statement does that with the prepared statement of this name.
    pub(super) fn names(&mut self, deed: Deed, name: Option<Name>, stage: Stage) -> Stage {
        if self.scope == Scope::Text {
            self.namings.add(deed, name, self.start);
        } else {
            self.namings.lose();
        }
        stage
    }
}
