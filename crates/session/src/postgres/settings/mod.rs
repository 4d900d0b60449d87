//! What a session has set: a small immutable map, the query that carries it to another connection, and
//! the query that asks a connection for it.
//!
//! Names are in lower case. Values are what the server itself says, byte for byte, in the encoding of the
//! *database*: a client encoding may change between the moment a value is learnt and the moment it is
//! written again. An [`inspection`] answers in that encoding. A reported value (`ParameterStatus`) is in the
//! client's encoding, so it can be kept as it is only while it is ASCII; otherwise the server must be asked.

mod course;
mod inspection;
mod reading;
mod replay;
mod sql;
mod standing;
#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails, as it should"
)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub(crate) use course::{Moved, is_of_reading};
#[cfg(test)]
pub(crate) use inspection::Answer;
pub(crate) use inspection::{Facts, Listing, Question, unescape};
pub(crate) use reading::{Reading, depends_on_reading, depends_on_scanning, is_of_scanning};
#[cfg(test)]
pub(crate) use replay::Replay;
pub(crate) use replay::{Certainty, replay};

pub(super) use sql::{push_literal, push_query};
use standing::is_session_setting;

/// What a session has set, beyond the defaults of its connections. Cheap to clone; the same map reached
/// by clones is compared by address.
#[derive(Clone, Default)]
pub(crate) struct Settings(Option<Arc<[Setting]>>);

/// One setting that is not at its default.
#[derive(Clone, PartialEq, Eq)]
struct Setting {
    /// In lower case, as the server compares them (`guc_name_compare` folds ASCII letters only).
    name: Box<[u8]>,
    /// Shared, because a map that changes is copied and a value can be long.
    value: Arc<[u8]>,
}

impl Settings {
    #[cfg(test)]
    /// True when nothing is set.
    pub(crate) fn is_default(&self) -> bool {
        self.0.is_none()
    }

    /// The value of `name` (any case), or `None` when it is at its default.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let entries = self.entries();
        let folded = |setting: &Setting| {
            let letters = name.iter().map(u8::to_ascii_lowercase);
            setting.name.iter().copied().cmp(letters)
        };
        let at = entries.binary_search_by(folded).ok()?;
        entries.get(at).map(|setting| &*setting.value)
    }

    /// True when both hold the same values.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs) || ours == theirs,
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Bytes of memory behind this value, as if nobody shared them.
    pub(crate) fn bytes(&self) -> usize {
        /// Two counters in front of the map.
        const HEAD: usize = 2 * size_of::<usize>();
        let Some(entries) = &self.0 else { return 0 };
        entries.iter().fold(HEAD, |sum, setting| {
            sum.saturating_add(size_of::<Setting>())
                .saturating_add(HEAD)
                .saturating_add(setting.name.len())
                .saturating_add(setting.value.len())
        })
    }

    /// Names (in lower case) and values, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries()
            .iter()
            .map(|setting| (&*setting.name, &*setting.value))
    }

    /// The map after some changes: a value sets, `None` removes; of two changes of a name the later one
    /// counts. What no session can set (`server_version`, `is_superuser`, `transaction_isolation`, …) is
    /// ignored. The same map comes back if nothing differs.
    pub(crate) fn changed<'a>(
        &self,
        changes: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Self {
        let mut copy: Option<Vec<Setting>> = None;
        for (name, value) in changes {
            let name = name.to_ascii_lowercase();
            let entries = copy.as_deref().unwrap_or(self.entries());
            let found = position(entries, &name);
            let old = found.ok().and_then(|at| entries.get(at));
            if old.map(|setting| &*setting.value) == value || !is_session_setting(&name) {
                continue;
            }
            let entries = copy.get_or_insert_with(|| self.entries().to_vec());
            match (found, value) {
                (Ok(at), Some(value)) => {
                    if let Some(setting) = entries.get_mut(at) {
                        setting.value = value.into();
                    }
                }
                (Ok(at), None) => {
                    entries.remove(at);
                }
                (Err(at), Some(value)) => entries.insert(
                    at,
                    Setting {
                        name: name.into(),
                        value: value.into(),
                    },
                ),
                (Err(_), None) => {}
            }
        }
        match copy {
            None => self.clone(),
            Some(entries) if entries.is_empty() => Self::default(),
            // A change that was taken back by a later one makes no new map.
            Some(entries) if *entries == *self.entries() => self.clone(),
            Some(entries) => Self(Some(entries.into())),
        }
    }

    fn entries(&self) -> &[Setting] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Where `name` is, or where it belongs.
fn position(entries: &[Setting], name: &[u8]) -> Result<usize, usize> {
    entries.binary_search_by(|setting| (*setting.name).cmp(name))
}

/// Names only: a value may be a secret (`app.token`).
impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map()
            .entries(self.iter().map(|(name, _)| {
                let name = String::from_utf8_lossy(name).into_owned();
                (name, "[redacted]")
            }))
            .finish()
    }
}
