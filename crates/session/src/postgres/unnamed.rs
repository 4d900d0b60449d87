//! The unnamed statement of a client: what it is, so that it can be made again on another connection.
//!
//! PostgreSQL keeps it until the next unnamed Parse, a Close, a simple Query or the end of the session; a
//! client may Parse in one batch and Bind in a later one. Between the two it holds no server connection,
//! so the bytes of the Parse message are remembered and sent again if need be.

use std::sync::Arc;

use tollgate_sql::EffectSet;

use super::queue::Meaning;
use super::settings::{Reading, depends_on_reading};

/// The remembered Parse messages of one client: the one in force, and those whose outcome is not known.
#[derive(Debug)]
pub(crate) struct Unnamed {
    /// Whole messages: the current one, then those in flight, in order.
    bytes: Vec<u8>,
    limit: usize,
    current: Current,
    meaning: Meaning,
    /// The settings it was read under, if others have come since.
    reading: Option<Arc<Reading>>,
    /// Counts the changes of `current`; tells one statement of a client from the next.
    serial: u64,
    in_flight: usize,
    in_flight_effects: EffectSet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Current {
    None,
    Known {
        length: usize,
    },
    /// It exists, but its bytes are gone.
    Forgotten,
}

/// The bytes of one Parse in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// That many bytes are kept.
    Bytes(usize),
    /// It was over the limit.
    Nothing,
}

/// What a connection must be given before it has the client's unnamed statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Remedy<'a> {
    /// This message makes the statement.
    Parse(&'a [u8]),
    /// The client has none: make sure the connection has none.
    Close,
}

impl Unnamed {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            current: Current::None,
            meaning: Meaning::NOTHING,
            reading: None,
            serial: 0,
            in_flight: 0,
            in_flight_effects: EffectSet::NONE,
        }
    }

    /// Which statement is in force, if any.
    pub(crate) fn serial(&self) -> Option<u64> {
        match self.current {
            Current::None => None,
            Current::Known { .. } | Current::Forgotten => Some(self.serial),
        }
    }

    /// True when the statement exists but cannot be made again elsewhere.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.current == Current::Forgotten
    }

    pub(crate) fn remedy(&self) -> Remedy<'_> {
        match self.current {
            Current::Known { length } => {
                Remedy::Parse(self.bytes.get(..length).unwrap_or_default())
            }
            // A forgotten statement pins, so this connection has it; `Close` is never asked for then.
            Current::None | Current::Forgotten => Remedy::Close,
        }
    }

    /// What running the unnamed statement may do, whichever of the possible ones it turns out to be.
    pub(crate) fn possible_meaning(&self) -> Meaning {
        if self.in_flight == 0 {
            return self.meaning.clone();
        }
        Meaning::of_effects(self.meaning.effects.union(self.in_flight_effects))
    }

    /// True when messages are on their way that may replace or drop the statement.
    pub(crate) fn is_changing(&self) -> bool {
        self.in_flight > 0
    }

    /// A message that replaces or drops the statement is on its way.
    pub(crate) fn change_starts(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// The text of an unnamed Parse on its way has been read.
    pub(crate) fn change_means(&mut self, effects: EffectSet) {
        self.in_flight_effects.insert(effects);
    }

    /// Keeps the next bytes of the Parse that was started last.
    pub(crate) fn record(&mut self, kept: Remembered, bytes: &[u8]) -> Remembered {
        let Remembered::Bytes(length) = kept else {
            return kept;
        };
        // The limit is for the current statement and, on its own, for all that are in flight.
        let in_flight = self.bytes.len().saturating_sub(self.current_length());
        if in_flight.saturating_add(bytes.len()) <= self.limit {
            self.bytes.extend_from_slice(bytes);
            return Remembered::Bytes(length.saturating_add(bytes.len()));
        }
        let keep = self.bytes.len().saturating_sub(length);
        self.bytes.truncate(keep);
        Remembered::Nothing
    }

    /// The oldest Parse in flight succeeded: it is the statement now.
    pub(crate) fn replace(&mut self, kept: Remembered, meaning: Meaning) {
        self.drop_current();
        self.current = match kept {
            Remembered::Bytes(length) => Current::Known { length },
            Remembered::Nothing => Current::Forgotten,
        };
        self.meaning = meaning;
        self.change_ends();
    }

    /// The oldest change in flight dropped the statement (Query, Close, or a Parse that failed).
    pub(crate) fn drop_statement(&mut self, kept: Remembered) {
        self.drop_current();
        self.meaning = Meaning::NOTHING;
        self.forget_oldest(kept);
        self.change_ends();
    }

    /// The oldest change in flight was skipped by the server.
    pub(crate) fn skip(&mut self, kept: Remembered) {
        self.forget_oldest(kept);
        self.change_ends();
    }

    /// What became of the changes in flight is not known and never will be.
    pub(crate) fn lose_track(&mut self) {
        let possible = self.possible_meaning().effects;
        self.drop_current();
        self.bytes.clear();
        self.current = Current::Forgotten;
        self.meaning = Meaning::of_effects(possible);
        self.in_flight = 0;
        self.in_flight_effects = EffectSet::NONE;
    }

    /// Gives memory back that is not needed now.
    pub(crate) fn trim(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The settings are about to change; `read` says under which the statement was read.
    pub(crate) fn settings_change(&mut self, read: impl FnOnce() -> Option<Reading>) {
        let Current::Known { length } = self.current else {
            return;
        };
        let message = self.bytes.get(..length).unwrap_or_default();
        if self.reading.is_none() && depends_on_reading(message) {
            self.reading = read().map(Arc::new);
        }
    }

    /// The settings it was read under, if others have come since.
    pub(crate) fn reading(&self) -> Option<&Arc<Reading>> {
        self.reading.as_ref()
    }

    fn drop_current(&mut self) {
        self.reading = None;
        if let Current::Known { length } = self.current {
            self.bytes.drain(..length.min(self.bytes.len()));
        }
        self.current = Current::None;
        self.serial = self.serial.wrapping_add(1);
    }

    fn forget_oldest(&mut self, kept: Remembered) {
        let Remembered::Bytes(length) = kept else {
            return;
        };
        let start = self.current_length();
        let end = start.saturating_add(length).min(self.bytes.len());
        self.bytes.drain(start.min(end)..end);
    }

    fn current_length(&self) -> usize {
        match self.current {
            Current::Known { length } => length,
            Current::None | Current::Forgotten => 0,
        }
    }

    fn change_ends(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if self.in_flight == 0 {
            self.in_flight_effects = EffectSet::NONE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(unnamed: &mut Unnamed, bytes: &[u8]) -> Remembered {
        unnamed.change_starts();
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        let kept = unnamed.record(Remembered::Bytes(0), head);
        unnamed.record(kept, tail)
    }

    #[test]
    fn the_last_success_is_remembered() {
        let mut unnamed = Unnamed::new(100);
        let first = sent(&mut unnamed, b"first");
        let second = sent(&mut unnamed, b"second");
        let third = sent(&mut unnamed, b"third");
        unnamed.replace(first, Meaning::NOTHING);
        assert_eq!(unnamed.remedy(), Remedy::Parse(b"first"));
        unnamed.skip(second);
        assert_eq!(unnamed.remedy(), Remedy::Parse(b"first"));
        unnamed.replace(third, Meaning::NOTHING);
        assert_eq!(unnamed.remedy(), Remedy::Parse(b"third"));
        assert!(!unnamed.is_changing());
    }

    #[test]
    fn a_failed_parse_leaves_none() {
        let mut unnamed = Unnamed::new(100);
        let first = sent(&mut unnamed, b"first");
        unnamed.replace(first, Meaning::NOTHING);
        let serial = unnamed.serial();
        let second = sent(&mut unnamed, b"second");
        unnamed.drop_statement(second);
        assert_eq!(unnamed.remedy(), Remedy::Close);
        assert_eq!(unnamed.serial(), None);
        let third = sent(&mut unnamed, b"third");
        unnamed.replace(third, Meaning::NOTHING);
        assert_ne!(unnamed.serial(), serial);
    }

    #[test]
    fn more_than_the_limit_is_forgotten() {
        let mut unnamed = Unnamed::new(8);
        let first = sent(&mut unnamed, b"first");
        unnamed.replace(first, Meaning::NOTHING);
        let large = sent(&mut unnamed, b"much too large");
        assert_eq!(large, Remembered::Nothing);
        unnamed.replace(large, Meaning::NOTHING);
        assert!(unnamed.is_forgotten());
        assert!(unnamed.bytes.is_empty());
        let small = sent(&mut unnamed, b"small");
        unnamed.replace(small, Meaning::NOTHING);
        assert_eq!(unnamed.remedy(), Remedy::Parse(b"small"));
    }

    #[test]
    fn effects_of_all_candidates_count_until_the_outcome_is_known() {
        let mut unnamed = Unnamed::new(100);
        let first = sent(&mut unnamed, b"first");
        unnamed.change_means(EffectSet::LISTEN);
        unnamed.replace(first, Meaning::of_effects(EffectSet::LISTEN));
        let second = sent(&mut unnamed, b"second");
        unnamed.change_means(EffectSet::LOAD);
        assert_eq!(
            unnamed.possible_meaning().effects,
            EffectSet::LISTEN | EffectSet::LOAD
        );
        unnamed.replace(second, Meaning::of_effects(EffectSet::LOAD));
        assert_eq!(unnamed.possible_meaning().effects, EffectSet::LOAD);
    }
}
