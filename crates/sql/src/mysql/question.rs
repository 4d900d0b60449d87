//! Where a text asks what the statement before it left.

use super::{EffectSet, Placement, Span};

/// More places than this are not listed.
const MAX_QUESTIONS: usize = 8;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// `ROW_COUNT()`.
    RowCount,
    /// `FOUND_ROWS()`.
    FoundRows,
    /// `@@warning_count`.
    WarningCount,
    /// `@@error_count`.
    ErrorCount,
}

/// One place of the first statement of a text that asks for something the statement before it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// What is asked for.
    pub subject: Subject,
    /// From the first byte of the expression up to and including its last.
    pub span: Span,
    /// What it is there.
    pub placement: Placement,
}

/// The questions of the first statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Questions {
    pub(super) listed: Vec<Question>,
    /// The effects of those that are not listed.
    pub(super) unlisted: EffectSet,
}

impl Questions {
    pub(super) fn add(&mut self, question: Question) {
        if self.listed.len() < MAX_QUESTIONS {
            self.listed.push(question);
        } else {
            self.unlisted.insert(question.subject.effect());
        }
    }
}

impl Subject {
    /// The function of this name, in lower case.
    pub(super) fn of_function(name: &[u8]) -> Option<Self> {
        match name {
            b"row_count" => Some(Self::RowCount),
            b"found_rows" => Some(Self::FoundRows),
            _ => None,
        }
    }

    /// The system variable of this name, in lower case.
    pub(super) fn of_variable(name: &[u8]) -> Option<Self> {
        match name {
            b"warning_count" => Some(Self::WarningCount),
            b"error_count" => Some(Self::ErrorCount),
            _ => None,
        }
    }

    fn effect(self) -> EffectSet {
        match self {
            Self::RowCount => EffectSet::ROW_COUNT,
            Self::FoundRows => EffectSet::FOUND_ROWS,
            Self::WarningCount | Self::ErrorCount => EffectSet::DIAGNOSTICS_VARIABLE,
        }
    }
}
