//! What was found when statements were made again under the names of their clients.

use std::collections::BTreeMap;

use super::carried::STALE;
use super::names::Named;
use super::own::STAND_IN;
use super::refused::{self, Refused};
use super::wire::ServerName;

/// What became of a statement that was made under its client's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is another one now, with these parameters: the body of a `ParameterDescription`.
    Stale(Box<[u8]>),
    /// It cannot be made.
    Unmakeable,
    /// Nor can what would stand for it.
    Hopeless,
}

/// What an error stands for that the client must not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoodIn<'a> {
    /// A statement with another result than when it was made was run.
    Stale,
    /// One was run that could not be made: the body of the error that said so.
    Refused(&'a [u8]),
}

/// What is known of the statements of one connection that are not what they should be.
#[derive(Debug)]
pub(crate) struct Judged {
    /// By name, with the ids of the statements: a name may come to mean another one. For the request at hand.
    by_name: BTreeMap<Box<[u8]>, (u64, Judgement)>,
    pub(super) refused: Refused,
    /// Whether something with the id `STALE` has been there since all statements were dropped last.
    pub(super) stands_in: bool,
}

impl Judged {
    pub(super) const fn new() -> Self {
        Self {
            by_name: BTreeMap::new(),
            refused: Refused::new(),
            stands_in: false,
        }
    }

    /// Statements may be other ones when the next request comes.
    pub(super) fn request_ends(&mut self) {
        // Clearing a map takes time even when it is empty, as it is almost always.
        if !self.by_name.is_empty() {
            self.by_name.clear();
        }
    }

    pub(super) fn of(&self, named: &Named) -> Option<&Judgement> {
        let (id, judgement) = self.by_name.get(&named.name)?;
        let is_it = named.shared().is_some_and(|shared| shared.id == *id);
        is_it.then_some(judgement)
    }

    /// The attempt to make what has this id failed, or made something else.
    pub(super) fn add(&mut self, name: &[u8], id: u64, judgement: Judgement) {
        if matches!(id, STAND_IN | STALE) {
            if let Some((_, known)) = self.by_name.get_mut(name) {
                *known = Judgement::Hopeless;
            }
            return;
        }
        if judgement == Judgement::Unmakeable {
            self.refused.was(name);
        }
        self.by_name.insert(name.into(), (id, judgement));
    }

    /// What the error with this body stands for.
    pub(super) fn stood_in(&self, prefix: &ServerName, body: &[u8]) -> Option<StoodIn<'_>> {
        if !refused::are_in(prefix, body) {
            return None;
        }
        let said = self.refused.said_in(prefix, body);
        Some(said.map_or(StoodIn::Stale, StoodIn::Refused))
    }
}
