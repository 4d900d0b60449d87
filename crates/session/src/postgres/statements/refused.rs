//! Why the server would not make statements again under the names of their clients: who runs one is told.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::wire::ServerName;

/// Errors to keep: with more the oldest are of clients that have long gone.
const MAX_KEPT: usize = 250;

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
        self.latest = Some(body.into());
    }

    /// What failed was to make the statement of this name.
    pub(super) fn was(&mut self, name: &[u8]) {
        if let Some(latest) = &self.latest {
            if self.by_name.len() >= MAX_KEPT {
                self.by_name.clear();
            }
            self.by_name.insert(name.into(), latest.clone());
        }
    }

    /// Something else has the name.
    pub(super) fn forget(&mut self, name: &[u8]) {
        self.by_name.remove(name);
    }

    pub(super) fn forget_all(&mut self) {
        *self = Self::new();
    }

    /// Words that nobody else can say, for a statement that was refused.
    pub(super) fn words(&self, prefix: &ServerName, name: &[u8]) -> Option<Vec<u8>> {
        let known = self.by_name.contains_key(name);
        known.then(|| words(prefix, name))
    }

    /// The body of the error for the statement whose words are in an error with this one.
    pub(super) fn said_in(&self, prefix: &ServerName, body: &[u8]) -> Option<&[u8]> {
        let mut all = self.by_name.iter();
        all.find(|(name, _)| memchr::memmem::find(body, &words(prefix, name)).is_some())
            .map(|(_, said)| &**said)
    }
}

/// No name's words are within those of another one: they end where the digits do.
fn words(prefix: &ServerName, name: &[u8]) -> Vec<u8> {
    let mut digits = String::with_capacity(name.len().saturating_mul(2));
    for byte in name {
        let _ = write!(digits, "{byte:02x}");
    }
    [prefix.as_bytes(), b"refused_", digits.as_bytes(), b"_"].concat()
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
            let words = refused.words(&prefix, name)?;
            let body = [b"Minvalid input: \"", &words[..], b"\"\0\0"].concat();
            refused.said_in(&prefix, &body)
        };
        assert_eq!(said(b"a"), Some(&b"Mfirst\0\0"[..]));
        assert_eq!(said(b"ab"), Some(&b"Msecond\0\0"[..]));
        assert_eq!(said(b"b"), None);
        assert_eq!(refused.said_in(&prefix, b"Manything\0\0"), None);
    }
}
