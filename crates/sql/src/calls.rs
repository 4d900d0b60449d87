//! What stored code a text may run: the routines it calls, and what can be reached without a call.

use std::sync::Arc;

use crate::Name;

/// More calls than this are not kept; a text that has more may call anything.
const MAX_CALLS: usize = 256;

/// What stored code running a text may reach. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calls {
    extent: Extent,
    /// Keys of the names, in order, each once. A thin pointer, because every session has some of these.
    routines: Option<Arc<Vec<u64>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Extent {
    /// No stored code runs.
    #[default]
    Nothing,
    /// The routines that are named, and what queries reach on their own: triggers, defaults, views.
    Named,
    /// Any routine there is.
    Anything,
}

impl Calls {
    /// No stored code at all.
    pub const NOTHING: Self = Self {
        extent: Extent::Nothing,
        routines: None,
    };

    /// Which code runs is not known.
    pub const ANYTHING: Self = Self {
        extent: Extent::Anything,
        routines: None,
    };

    /// True when no stored code runs.
    pub fn is_nothing(&self) -> bool {
        self.extent == Extent::Nothing
    }

    /// True when which code runs is not known.
    pub(crate) fn is_anything(&self) -> bool {
        self.extent == Extent::Anything
    }

    /// Adds all that `other` may reach.
    pub fn add(&mut self, other: &Self) {
        let more = other.keys();
        if !more.is_empty() {
            let mut noted = Noted {
                extent: self.extent.max(other.extent),
                routines: self.keys().to_vec(),
            };
            for key in more {
                noted.key(*key);
            }
            *self = noted.finish();
        }
        self.extent = self.extent.max(other.extent);
    }

    /// The keys of the routines that are named.
    pub(crate) fn keys(&self) -> &[u64] {
        self.routines.as_deref().map_or(&[], Vec::as_slice)
    }
}

/// The calls of a text that is being read.
#[derive(Debug)]
pub(crate) struct Noted {
    extent: Extent,
    routines: Vec<u64>,
}

impl Noted {
    pub(crate) const fn new() -> Self {
        Self {
            extent: Extent::Nothing,
            routines: Vec::new(),
        }
    }

    /// A statement runs queries.
    pub(crate) fn query(&mut self) {
        self.extent = self.extent.max(Extent::Named);
    }

    /// Something with this name, folded or not, is called.
    pub(crate) fn call(&mut self, name: &Name) {
        self.query();
        self.key(key(name.as_bytes()));
    }

    /// All that these may reach is called.
    pub(crate) fn add(&mut self, calls: &Calls) {
        self.extent = self.extent.max(calls.extent);
        for key in calls.keys() {
            self.key(*key);
        }
    }

    fn key(&mut self, key: u64) {
        if self.routines.contains(&key) {
            return;
        }
        if self.routines.len() < MAX_CALLS {
            self.routines.push(key);
        } else {
            self.extent = Extent::Anything;
        }
    }

    pub(crate) fn finish(mut self) -> Calls {
        self.routines.sort_unstable();
        let routines = (!self.routines.is_empty()).then(|| Arc::new(self.routines));
        Calls {
            extent: self.extent,
            routines,
        }
    }
}

/// What a routine is found by: its name without the schema, whatever the case of its letters. Two names with
/// one key are taken for one. Source of the numbers: FNV-1a with 64 bits.
pub(crate) fn key(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Words before a parenthesis that are no names: reserved in PostgreSQL 15, `kwlist.h`.
pub(crate) fn is_reserved(word: &[u8]) -> bool {
    matches!(
        word,
        b"all"
            | b"and"
            | b"any"
            | b"array"
            | b"as"
            | b"case"
            | b"check"
            | b"distinct"
            | b"else"
            | b"from"
            | b"in"
            | b"limit"
            | b"not"
            | b"offset"
            | b"on"
            | b"or"
            | b"select"
            | b"some"
            | b"then"
            | b"unique"
            | b"using"
            | b"when"
            | b"where"
            | b"with"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(names: &[&str]) -> Calls {
        let mut noted = Noted::new();
        for name in names {
            noted.call(&Name::from_bytes(name.as_bytes()));
        }
        noted.finish()
    }

    #[test]
    fn order_case_and_repetition_do_not_matter() {
        assert_eq!(calls(&["a", "B", "a"]), calls(&["b", "A"]));
        assert_ne!(calls(&["a"]), calls(&["b"]));
    }

    #[test]
    fn what_is_added_is_called_as_well() {
        let mut both = calls(&["a"]);
        both.add(&calls(&["b"]));
        assert_eq!(both, calls(&["a", "b"]));
        both.add(&Calls::NOTHING);
        assert_eq!(both, calls(&["a", "b"]));
        both.add(&Calls::ANYTHING);
        assert!(both.is_anything());
    }

    #[test]
    fn too_many_calls_are_calls_of_anything() {
        let names: Vec<String> = (0..257).map(|number| format!("f{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(!calls(&names[..256]).is_anything());
        assert!(calls(&names).is_anything());
    }
}
