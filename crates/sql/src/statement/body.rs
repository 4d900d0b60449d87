//! Bodies of code: those of `DO` and of routines, and the strings in them that are code as well.

use super::call::Call;
use super::{Scope, Stage, Statement, Token};
use crate::EffectSet;
use crate::word::Word;

/// Effects that are state of the session, as opposed to marks that only help to interpret others.
const STATE: EffectSet = EffectSet::SETTING_UNKNOWN
    .union(EffectSet::PREPARE)
    .union(EffectSet::TEMP_OBJECT)
    .union(EffectSet::HOLD_CURSOR)
    .union(EffectSet::LISTEN)
    .union(EffectSet::LOAD)
    .union(EffectSet::ADVISORY_LOCK)
    .union(EffectSet::SEED)
    .union(EffectSet::SEQUENCE)
    .union(EffectSet::SEQUENCE_READ)
    .union(EffectSet::UNKNOWN);

/// Words of a procedural language that look like statements of SQL but are not.
const NOT_IN_BODY: EffectSet = EffectSet::BEGIN
    .union(EffectSet::COMMIT)
    .union(EffectSet::ROLLBACK)
    .union(EffectSet::ROLLBACK_TO)
    .union(EffectSet::SAVEPOINT)
    .union(EffectSet::COPY)
    .union(EffectSet::PROCEDURE);

/// Whether the last token was the first half of what ends a label, `>>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Angle {
    None,
    Closing,
}

impl Statement {
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

    /// A string that is code starts: its words are read as statements of their own.
    pub(crate) fn body_starts(&mut self) {
        self.scope = Scope::Piece;
        self.boundary();
    }

    /// The string is over.
    pub(crate) fn body_ends(&mut self) {
        self.piece_ends();
        self.scope = self.home;
        self.stage = match self.home {
            Scope::Text => Stage::Do,
            Scope::Body | Scope::Piece => Stage::Body,
        };
    }

    /// The end of a string inside a body: the statement may go on in another one.
    pub(crate) fn piece_ends(&mut self) {
        if self.stage == Stage::Setting {
            self.setting_piece_ends();
        }
        self.boundary();
    }

    pub(super) fn body_token(&mut self, token: Token<'_>, word: Word) {
        let direct = self.scope == Scope::Body;
        // Arguments hold expressions only: `CASE` has such words, too.
        let in_arguments = direct && matches!(self.call, Call::Arguments { .. });
        if opens_block(word) && !in_arguments {
            self.boundary();
        }
        // Behind a label a statement starts.
        if direct && self.ends_label(token) {
            self.boundary();
        }
    }

    /// A statement that needs a name has none: it is put together from pieces.
    pub(super) fn cut_short(&mut self) {
        match self.stage {
            Stage::Prepare => {
                self.add(EffectSet::PREPARE);
                self.namings.lose();
            }
            Stage::Deallocate | Stage::DeallocatePrepare => {
                self.add(EffectSet::DEALLOCATE);
                self.namings.lose();
            }
            Stage::Lead
            | Stage::Explain
            | Stage::Setting
            | Stage::PrepareTransaction
            | Stage::Execute
            | Stage::ExplainedExecute
            | Stage::DefinedExecute
            | Stage::Discard
            | Stage::Unlisten
            | Stage::Declare
            | Stage::Close
            | Stage::Do
            | Stage::Define
            | Stage::DefineTemp
            | Stage::Drop
            | Stage::Defined
            | Stage::Rollback
            | Stage::Data
            | Stage::Quiet
            | Stage::Body => {}
        }
    }

    fn ends_label(&mut self, token: Token<'_>) -> bool {
        let angle = matches!(token, Token::Punct(b'>')) && self.call == Call::None;
        let doubled = angle && self.angle == Angle::Closing;
        self.angle = if angle { Angle::Closing } else { Angle::None };
        doubled
    }
}

/// Words of a procedural language after which a statement may start.
fn opens_block(word: Word) -> bool {
    matches!(
        word,
        Word::BEGIN | Word::THEN | Word::ELSE | Word::LOOP | Word::EXECUTE
    )
}
