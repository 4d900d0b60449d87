//! Statements that make, drop or discard something by its name: `PREPARE`, `DEALLOCATE`, `DISCARD`.

use super::{Stage, Statement, Token};
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
        self.name = if self.stage == Stage::Prepare {
            token.name()
        } else {
            Some(Name::from_bytes(b"transaction"))
        };
        self.settled(EffectSet::PREPARE, Stage::Body)
    }

    pub(super) fn deallocate(&mut self, token: Token<'_>, word: Word) -> Stage {
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

    pub(super) fn discard(&mut self, word: Word) -> Stage {
        let effect = match word {
            Word::ALL => EffectSet::DISCARD_ALL | EffectSet::RESET_ALL,
            Word::TEMP => EffectSet::DISCARD_TEMP,
            Word::PLANS => EffectSet::DISCARD_PLANS,
            Word::SEQUENCES => EffectSet::DISCARD_SEQUENCES,
            _ => EffectSet::NONE,
        };
        self.settled(effect, Stage::Body)
    }
}
