//! What a server connection reports when it is made: the defaults of its sessions, shared by those who were
//! greeted with them.

use std::sync::Arc;

/// `ParameterStatus` names and values in the server's order. Cheap to clone; clones are compared by address.
#[derive(Clone)]
pub struct Defaults(Arc<Vec<Reported>>);

#[derive(Clone, PartialEq, Eq)]
struct Reported {
    name: Box<[u8]>,
    value: Box<[u8]>,
}

impl Defaults {
    /// What was reported; of several values for one name the last one counts.
    pub fn new<'a>(reported: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut entries: Vec<Reported> = Vec::new();
        for (name, value) in reported {
            match entries.iter_mut().find(|known| *known.name == *name) {
                Some(known) => known.value = value.into(),
                None => entries.push(Reported {
                    name: name.into(),
                    value: value.into(),
                }),
            }
        }
        Self(Arc::new(entries))
    }

    /// Names as the server spells them, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|entry| (&*entry.name, &*entry.value))
    }

    /// The value of `name`, spelled as the server does.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let entry = self.0.iter().find(|entry| *entry.name == *name)?;
        Some(&entry.value)
    }

    /// The same with another value of `name`, or with `name` behind the others.
    #[must_use]
    pub fn with(&self, name: &[u8], value: &[u8]) -> Self {
        Self::new(self.iter().chain([(name, value)]))
    }

    /// True for clones of each other.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Defaults {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || self.0 == other.0
    }
}

impl Eq for Defaults {}

/// Names only: values may be anything a client chose.
impl std::fmt::Debug for Defaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.iter().map(|(name, _)| String::from_utf8_lossy(name));
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTC: (&[u8], &[u8]) = (b"TimeZone", b"UTC");
    const UTF8: (&[u8], &[u8]) = (b"client_encoding", b"UTF8");

    #[test]
    fn the_last_value_of_a_name_counts_in_its_first_place() {
        let defaults = Defaults::new([(UTC.0, &b"CET"[..]), UTF8, UTC]);
        assert!(defaults.iter().eq([UTC, UTF8]));
        assert_eq!(defaults.get(b"client_encoding"), Some(UTF8.1));
        assert_eq!(defaults.get(b"timezone"), None, "spelled otherwise");
    }

    #[test]
    fn equal_defaults_are_equal_however_they_came_about() {
        let made = Defaults::new([UTC]).with(UTF8.0, UTF8.1);
        let read = Defaults::new([UTC, UTF8]);
        assert_eq!(made, read);
        assert!(!made.is(&read));
        assert_ne!(read.with(UTC.0, b"CET"), read);
    }
}
