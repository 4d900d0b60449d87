//! What the stored code of a database does to the sessions that run it, and how that is found out.
//!
//! Functions, triggers and views set what no text names. The catalogue of the server has their code, so it is
//! asked for it: once for all connections to a database, again after a statement that may have changed it, and
//! again when the owner of the [`RoutineBook`] says that it is old.

mod book;
mod consulting;
mod expressions;
mod question;

use std::sync::Arc;

use tollgate_sql::{Calls, EffectSet, Routines};

pub use book::RoutineBook;
pub(super) use consulting::Consulted;
use question::Consultation;

use super::pins::PINNING;
use super::queue::Meaning;

/// Effects of stored code that pin or may; settings of known names move.
const PINS: EffectSet = PINNING
    .without(EffectSet::SETTING)
    .without(EffectSet::SEQUENCE)
    .without(EffectSet::SEQUENCE_READ);

/// What one connection knows of the routines of its database.
#[derive(Debug)]
pub(super) struct Knowledge {
    book: Option<Arc<RoutineBook>>,
    /// What the book had told when it was last looked at.
    news: u64,
    routines: Option<Arc<Routines>>,
    /// The question that is being answered.
    consultation: Option<Box<Consultation>>,
    changes: Changes,
    /// What was called behind a statement that may have changed the routines.
    late: Calls,
    /// By which text, if it was one.
    late_text: LateText,
}

/// Whether a statement was sent that may change the routines, which have not been read since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changes {
    None,
    Sent,
}

/// The text of which the late calls are.
#[derive(Debug)]
enum LateText {
    None,
    /// Its digest.
    One(Arc<str>),
    Several,
}

impl LateText {
    fn digest(&self) -> Option<&Arc<str>> {
        match self {
            Self::One(digest) => Some(digest),
            Self::None | Self::Several => None,
        }
    }
}

impl Knowledge {
    /// Nothing is known, and there is nobody to ask.
    pub(super) const fn none() -> Self {
        Self {
            book: None,
            news: 0,
            routines: None,
            consultation: None,
            changes: Changes::None,
            late: Calls::NOTHING,
            late_text: LateText::None,
        }
    }

    /// All that is known is in this book.
    pub(super) fn share(&mut self, book: Arc<RoutineBook>) {
        self.book = Some(book);
    }

    /// What was asked and not answered is of no use to the next session.
    pub(super) fn forget_questions(&mut self) {
        self.consultation = None;
        self.changes = Changes::None;
        self.late = Calls::NOTHING;
        self.late_text = LateText::None;
    }

    /// A text with this meaning is sent.
    pub(super) fn runs(&mut self, meaning: &Meaning) {
        if self.book.is_none() {
            return;
        }
        if meaning.effects.intersects(EffectSet::ROUTINE_DDL) {
            self.changes = Changes::Sent;
        }
        if self.changes == Changes::Sent && !meaning.calls.is_nothing() {
            self.late.add(&meaning.calls);
            self.late_text = match (&self.late_text, &meaning.digest) {
                (LateText::None, Some(digest)) => LateText::One(Arc::clone(digest)),
                (LateText::None | LateText::One(_) | LateText::Several, _) => LateText::Several,
            };
        }
    }

    /// True if what these call may pin, or nobody knows yet.
    pub(super) fn may_pin(&self, calls: &Calls) -> bool {
        if calls.is_nothing() {
            return false;
        }
        let routines = self.routines.as_deref();
        let conduct = routines.and_then(|routines| routines.conduct(calls));
        let pins = conduct.is_some_and(|conduct| conduct.effects.intersects(PINS));
        pins || self.changes == Changes::Sent
    }

    /// No transaction is open: what a statement changed is there for all to call.
    pub(super) fn transaction_over(&self) {
        if let (Changes::Sent, Some(book)) = (self.changes, &self.book) {
            book.mark_changed();
        }
    }

    /// True when the book has news.
    #[inline]
    pub(super) fn is_behind(&self) -> bool {
        self.book
            .as_ref()
            .is_some_and(|book| book.news() != self.news)
    }
}
