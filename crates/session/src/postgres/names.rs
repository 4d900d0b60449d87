//! The names of a client's prepared statements: as long as one exists, the server connection is theirs.

use std::collections::BTreeSet;

use super::queue::NameChange;

/// Bytes of names to remember; beyond them only `DEALLOCATE ALL` or `DISCARD ALL` proves all are gone.
const MAX_BYTES: usize = 16 * 1024;

/// Bytes of a name the server distinguishes. PostgreSQL `NAMEDATALEN` less its terminator.
const MAX_NAME: usize = 63;

/// Names that exist in the session, from Parse messages and from `PREPARE`: one namespace.
#[derive(Debug)]
pub(crate) struct Names {
    known: BTreeSet<Box<[u8]>>,
    bytes: usize,
    others: Others,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    None,
    /// Statements exist, or may, whose names are not known.
    Possible,
}

impl Names {
    pub(crate) const fn new() -> Self {
        Self {
            known: BTreeSet::new(),
            bytes: 0,
            others: Others::None,
        }
    }

    /// True when no prepared statement exists.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.others == Others::None
    }

    pub(crate) fn apply(&mut self, change: NameChange) {
        match change {
            NameChange::Add(name) => self.add(name),
            NameChange::Remove(name) => {
                if self.known.remove(&name) {
                    self.bytes = self.bytes.saturating_sub(name.len());
                }
            }
        }
    }

    /// A statement was made, but its name is not known.
    pub(crate) fn add_unknown(&mut self) {
        self.others = Others::Possible;
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    fn add(&mut self, name: Box<[u8]>) {
        let bytes = self.bytes.saturating_add(name.len());
        if bytes > MAX_BYTES {
            self.others = Others::Possible;
        } else if self.known.insert(name) {
            self.bytes = bytes;
        }
    }
}

/// A name as the server keeps it.
pub(crate) fn kept(name: &[u8]) -> Box<[u8]> {
    name.get(..MAX_NAME).unwrap_or(name).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(names: &mut Names, name: &str) {
        names.apply(NameChange::Add(kept(name.as_bytes())));
    }

    fn remove(names: &mut Names, name: &str) {
        names.apply(NameChange::Remove(kept(name.as_bytes())));
    }

    #[test]
    fn the_last_name_closed_leaves_none() {
        let mut names = Names::new();
        add(&mut names, "a");
        add(&mut names, "b");
        remove(&mut names, "a");
        remove(&mut names, "never made");
        assert!(!names.is_empty());
        remove(&mut names, "b");
        assert!(names.is_empty());
    }

    #[test]
    fn names_are_cut_where_the_server_cuts_them() {
        let mut names = Names::new();
        add(&mut names, &"x".repeat(64));
        remove(&mut names, &"x".repeat(63));
        assert!(names.is_empty());
    }

    #[test]
    fn more_names_than_fit_stay_until_all_are_dropped() {
        let mut names = Names::new();
        for number in 0..5_000 {
            add(&mut names, &format!("statement_{number}"));
        }
        for number in 0..5_000 {
            remove(&mut names, &format!("statement_{number}"));
        }
        assert!(!names.is_empty());
        names.clear();
        assert!(names.is_empty());
    }
}
