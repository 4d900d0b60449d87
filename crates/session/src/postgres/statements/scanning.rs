//! Under which settings the text of a `PREPARE` was cut into tokens that a Parse has brought: those of the
//! Parse, however late it is executed.

use std::sync::Arc;

use super::foresight::{ENDINGS, OPAQUE};
use super::names::{Draft, What};
use super::rereading::Read;
use crate::postgres::Session;
use crate::postgres::link::Link;
use crate::postgres::queue::{Meaning, NameChange};
use crate::postgres::settings::{Reading, depends_on_scanning, is_of_scanning};

/// When the text came of a statement that is bound now.
#[derive(Debug)]
pub(super) enum Scanned {
    /// Under the settings of now, as far as these matter.
    AsNow,
    Under(Arc<Reading>),
    /// Nobody knows.
    Unknown,
}

impl Scanned {
    /// A statement that is on its way.
    pub(super) fn of_draft(draft: &Draft, link: &Link) -> Self {
        match &draft.read {
            Read::Alike => Self::AsNow,
            Read::Under(reading) => Self::Under(Arc::clone(reading)),
            Read::AsAnswered | Read::Unknown => link.scanned_lately(),
        }
    }

    /// A statement with a name.
    pub(super) fn of(what: &What) -> Self {
        match what {
            What::Shared(statement) | What::Uncertain(statement) => match &statement.reading {
                Some(reading) => Self::Under(Arc::clone(reading)),
                None => Self::AsNow,
            },
            What::Stuck { .. } => Self::Unknown,
        }
    }
}

impl Session {
    /// What it may do to run the unnamed statement, which is bound now.
    pub(in crate::postgres) fn meaning_of_unnamed(&self) -> Meaning {
        let Some(link) = &self.link else {
            return Meaning::NOTHING;
        };
        let sent = link.segment_statement.clone();
        let scanned = match self.unnamed.reading() {
            Some(reading) if sent.is_none() => Scanned::Under(Arc::clone(reading)),
            Some(_) | None => link.scanned_lately(),
        };
        let mut meaning = sent.unwrap_or_else(|| self.unnamed.possible_meaning());
        meaning.was_scanned(scanned);
        meaning
    }
}

impl Link {
    /// A text that came in the transaction at hand, or before it under the settings that were known then.
    fn scanned_lately(&self) -> Scanned {
        let mut touched = self.bound_settings.iter();
        let changed = self.bound.intersects(OPAQUE.union(ENDINGS));
        if changed || touched.any(is_of_scanning) {
            Scanned::Unknown
        } else {
            Scanned::AsNow
        }
    }
}

impl Meaning {
    /// The statement is bound, and its text came like this. What it prepares can be made again only if that
    /// is known.
    pub(super) fn was_scanned(&mut self, scanned: Scanned) {
        let Some(NameChange::Add { text, reading, .. }) = self.name.as_deref_mut() else {
            return;
        };
        if !text.as_deref().is_some_and(depends_on_scanning) {
            return;
        }
        match scanned {
            Scanned::AsNow => {}
            Scanned::Under(then) => *reading = Some(then),
            Scanned::Unknown => *text = None,
        }
    }
}
