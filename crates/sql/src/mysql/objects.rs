//! The objects that a text names and that live as long as the session: temporary tables, locks, and the code it calls.

use super::{EffectSet, Span};
use crate::Name;

/// More objects of a kind than this are not listed.
const MAX_OBJECTS: usize = 16;

/// Names of a text, in its order. What is not listed is said by `unnamed`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Objects {
    /// Temporary tables that the text creates, and tables that it drops.
    pub tables: Vec<TableName>,
    /// The string literals, quotes included, that are the names of locks the text takes by `GET_LOCK`.
    pub locks: Vec<Span>,
    /// Procedures that the text calls, and functions that are not the server's.
    pub routines: Vec<RoutineName>,
    /// Those effects of the text of whose objects at least one is not listed: `TEMPORARY_CREATE`, `DROP_TABLE`,
    /// `TEMPORARY_DROP`, `NAMED_LOCK`, `CALL`, `UNKNOWN_FUNCTION`. `NAMED_UNLOCK` stands for locks that other functions
    /// than `GET_LOCK` take.
    pub unnamed: EffectSet,
}

/// What a statement does to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableUse {
    /// `CREATE TEMPORARY TABLE`.
    TemporaryCreated,
    /// `DROP TABLE` or `DROP TEMPORARY TABLE`.
    Dropped,
}

/// A table and where its name stands, quotes included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableName {
    /// What is done to it.
    pub used: TableUse,
    /// The schema in front of the name, if there is one.
    pub schema: Option<Span>,
    /// The name.
    pub name: Span,
}

/// A stored routine, in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoutineName {
    /// Where the schema in front of the name stands, if there is one.
    pub schema: Option<Span>,
    /// The name.
    pub name: Name,
}

impl Objects {
    pub(super) fn table(&mut self, table: TableName) {
        if self.tables.len() < MAX_OBJECTS {
            self.tables.push(table);
        } else {
            self.unnamed.insert(match table.used {
                TableUse::TemporaryCreated => EffectSet::TEMPORARY_CREATE,
                TableUse::Dropped => EffectSet::DROP_TABLE,
            });
        }
    }

    pub(super) fn lock(&mut self, name: Span) {
        if self.locks.len() < MAX_OBJECTS {
            self.locks.push(name);
        } else {
            self.unnamed.insert(EffectSet::NAMED_LOCK);
        }
    }

    pub(super) fn routine(&mut self, routine: RoutineName, kind: EffectSet) {
        if !routine.name.is_whole() || self.routines.len() >= MAX_OBJECTS {
            self.unnamed.insert(kind);
        } else if !self.routines.contains(&routine) {
            self.routines.push(routine);
        }
    }
}

/// Reads a name of one or two parts.
#[derive(Clone, Copy)]
pub(super) enum Naming {
    /// A part comes next; what stands in front of it.
    Expected(Option<Part>),
    /// Behind a part.
    Named(Option<Part>, Part),
}

/// One part of a name.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) name: Name,
    pub(super) span: Span,
}

/// What a token is to a name.
pub(super) enum Named {
    /// Part of it.
    Taken,
    /// What follows it: the name is complete.
    Complete(Option<Part>, Part),
    /// No name of this kind.
    Not,
}

impl Naming {
    pub(super) const START: Self = Self::Expected(None);

    /// Reads a token: `name` if it is a word or a quoted identifier.
    pub(super) fn token(&mut self, name: Option<Name>, span: Span, is_dot: bool) -> Named {
        match (*self, name) {
            (Self::Expected(schema), Some(name)) => {
                *self = Self::Named(schema, Part { name, span });
                Named::Taken
            }
            (Self::Named(None, part), None) if is_dot => {
                *self = Self::Expected(Some(part));
                Named::Taken
            }
            (Self::Named(Some(_), _), None) if is_dot => Named::Not,
            (Self::Named(schema, part), _) => Named::Complete(schema, part),
            (Self::Expected(_), None) => Named::Not,
        }
    }
}
