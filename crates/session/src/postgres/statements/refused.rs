//! Why the server would not make statements again under the names of their clients: who runs one is told.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

use super::wire::ServerName;

/// Errors to keep: with more the oldest are of clients that have long gone.
const MAX_KEPT: usize = 250;

/// Bytes of an error that is kept.
const MAX_ERROR: usize = 4096;

/// What a connection has said to statements that it has not.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The body of the last error that answered an attempt.
    latest: Option<Box<[u8]>>,
    by_name: BTreeMap<Box<[u8]>, Box<[u8]>>,
}

impl Refused {
    pub(super) const fn new() -> Self {
        Self {
            latest: None,
            by_name: BTreeMap::new(),
        }
    }

    /// An attempt failed with an error that has this body.
    pub(super) fn hears(&mut self, body: &[u8]) {
        // Of a longer one not all may be here.
        self.latest = (body.len() <= MAX_ERROR).then(|| body.into());
    }

    /// What failed was to make the statement of this name.
    pub(super) fn was(&mut self, name: &[u8]) {
        let Some(latest) = &self.latest else {
            self.by_name.remove(name);
            return;
        };
        if self.by_name.len() >= MAX_KEPT && !self.by_name.contains_key(name) {
            self.by_name.clear();
        }
        self.by_name.insert(name.into(), latest.clone());
    }

    /// The body of the error for the statement whose words are in an error with this one.
    pub(super) fn said_in(&self, prefix: &ServerName, body: &[u8]) -> Option<&[u8]> {
        let mut all = self.by_name.iter();
        all.find(|(name, _)| contains(body, &words(prefix, name)))
            .map(|(_, said)| &**said)
    }
}

/// Words for what stands for the statement with this name; with no name, for one that has another result. Nobody
/// else can say them, and they do not tell what statements of ours are called. No name's words are within those
/// of another one: they end where the digits do.
pub(super) fn words(prefix: &ServerName, name: &[u8]) -> Vec<u8> {
    let mut words = token(prefix);
    for byte in name {
        let _ = write!(words, "{byte:02x}");
    }
    words.push('_');
    words.into_bytes()
}

/// True if any such words are in the body of an error.
pub(super) fn are_in(prefix: &ServerName, body: &[u8]) -> bool {
    contains(body, token(prefix).as_bytes())
}

fn token(prefix: &ServerName) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(prefix.as_bytes());
    format!("tollgate_stands_in_{:016x}_", hasher.finish())
}

fn contains(body: &[u8], words: &[u8]) -> bool {
    memchr::memmem::find(body, words).is_some()
}

/// The words for one that has another result, on a connection of the first session of a test.
#[cfg(test)]
pub(in crate::postgres) fn words_of_stale() -> Vec<u8> {
    words(&ServerName::prefix(0), b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_told_of_its_own_statement() {
        let prefix = ServerName::prefix(7);
        let mut refused = Refused::new();
        for (name, error) in [(&b"a"[..], &b"Mfirst\0\0"[..]), (b"ab", b"Msecond\0\0")] {
            refused.hears(error);
            refused.was(name);
        }
        let said = |name: &[u8]| {
            let body = [b"Minvalid input: \"", &words(&prefix, name)[..], b"\"\0\0"].concat();
            assert!(are_in(&prefix, &body) && !are_in(&ServerName::prefix(8), &body));
            refused.said_in(&prefix, &body)
        };
        assert_eq!(said(b"a"), Some(&b"Mfirst\0\0"[..]));
        assert_eq!(said(b"ab"), Some(&b"Msecond\0\0"[..]));
        assert_eq!(said(b"b"), None);
        assert_eq!(said(b""), None);
        assert!(!are_in(&prefix, b"Manything\0\0"));
    }
}
