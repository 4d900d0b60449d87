//! Prepared statements: the client's numbers for texts, and the texts that a server connection carries.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::exchange::About;
use super::questions::{Asking, Shown};
use super::settings::Value;
use super::spelling::Spelled;

/// What a text means besides itself: the same text prepared under the same reading is the same statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reading {
    pub(super) schema: Option<Arc<[u8]>>,
    /// Of [`READING`], in its order; `None` for the connection's own.
    pub(super) values: [Option<Value>; READING.len()],
}

/// The variables that decide what a text means when it is prepared.
pub(super) const READING: [&[u8]; 4] = [
    b"character_set_client",
    b"character_set_connection",
    b"collation_connection",
    b"sql_mode",
];

/// A text and how it was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) text: Arc<[u8]>,
    pub(super) reading: Arc<Reading>,
    /// A client may have the same statement more than once, each with a cursor and parameters of its own.
    pub(super) copy: u32,
}

/// Types of parameters as they were bound last.
pub(super) type BoundTypes = Option<Arc<[u8]>>;

/// A statement of the client's.
#[derive(Debug)]
pub(super) struct Statement {
    /// `None`: too large to be kept, so that it lives on the connection it was made on.
    pub(super) key: Option<Key>,
    /// Its number there, then.
    pub(super) server_id: u32,
    pub(super) about: About,
    /// What of its text was replaced.
    pub(super) spelled: Arc<[Spelled]>,
    /// Numbers that take the places of its questions about the statement before.
    pub(super) asking: Option<Arc<Asking>>,
    /// It shows conditions of the statement before.
    pub(super) shows: Option<Shown>,
    pub(super) parameters: u16,
    pub(super) columns: u16,
    pub(super) types: BoundTypes,
    pub(super) cursor: Cursor,
    pub(super) long_data: LongData,
}

/// Whether a cursor is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cursor {
    Closed,
    Open,
}

/// Pieces of parameters that were sent ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LongData {
    None,
    /// They are on the server connection.
    Sent,
    /// They could not be sent: the next execute fails.
    Lost,
}

/// The statements of one client.
#[derive(Debug, Default)]
pub(super) struct Statements {
    by_id: BTreeMap<u32, Statement>,
    last_id: u32,
    /// What MariaDB's "statement prepared last" means; `None` when that failed.
    pub(super) last_prepared: Option<u32>,
}

impl Statements {
    pub(super) fn add(&mut self, statement: Statement) -> u32 {
        // All bits set has a meaning of its own.
        self.last_id = match self.last_id.wrapping_add(1) {
            0 | u32::MAX => 1,
            next => next,
        };
        self.by_id.insert(self.last_id, statement);
        self.last_prepared = Some(self.last_id);
        self.last_id
    }

    pub(super) fn get(&self, id: u32) -> Option<&Statement> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Statement> {
        self.by_id.get_mut(&id)
    }

    /// The key with the first number that no statement of the client has.
    pub(super) fn own_key(&self, mut key: Key) -> Key {
        while self.any(|statement| statement.key.as_ref() == Some(&key)) {
            key.copy = key.copy.saturating_add(1);
        }
        key
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Statement> {
        self.by_id.remove(&id)
    }

    pub(super) fn clear(&mut self) {
        self.by_id.clear();
        self.last_prepared = None;
    }

    pub(super) fn any(&self, what: impl Fn(&Statement) -> bool) -> bool {
        self.by_id.values().any(what)
    }
}

/// A statement as one server connection has it.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) server_id: u32,
    /// What was bound last, by whichever client.
    pub(super) types: BoundTypes,
    pub(super) history: History,
    used: u64,
}

/// Whether a statement was executed with different types: servers remember more than the last ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum History {
    Uniform,
    Varied,
}

impl Made {
    /// It is executed with these types.
    pub(super) fn bind(&mut self, types: BoundTypes) {
        if self.types.is_some() && self.types != types {
            self.history = History::Varied;
        }
        self.types = types;
    }
}

/// The statements that a server connection has.
#[derive(Debug)]
pub(super) struct Carried {
    made: BTreeMap<Key, Made>,
    limit: usize,
    clock: u64,
}

impl Carried {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            made: BTreeMap::new(),
            limit: limit.max(1),
            clock: 0,
        }
    }

    pub(super) fn use_of(&mut self, key: &Key) -> Option<&mut Made> {
        self.clock = self.clock.saturating_add(1);
        let made = self.made.get_mut(key)?;
        made.used = self.clock;
        Some(made)
    }

    /// The connection has one more statement; answers those it has too many, by their numbers.
    pub(super) fn add(&mut self, key: Key, server_id: u32) -> Vec<u32> {
        self.clock = self.clock.saturating_add(1);
        let made = Made {
            server_id,
            types: None,
            history: History::Uniform,
            used: self.clock,
        };
        let mut closing: Vec<u32> = Vec::new();
        closing.extend(self.made.insert(key, made).map(|old| old.server_id));
        while self.made.len() > self.limit {
            let oldest = self.made.iter().min_by_key(|(_, made)| made.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            closing.extend(self.made.remove(&key).map(|old| old.server_id));
        }
        closing
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Made> {
        self.made.remove(key)
    }

    pub(super) fn clear(&mut self) {
        self.made.clear();
    }
}
