//! Keys derived from passwords at earlier logins, so that PBKDF2 runs once per secret and not per login.

use parking_lot::Mutex;
use tollgate_types::SecretString;
use tollgate_wire_postgres::scram::ClientKeys;

/// Entries kept per target: users times password versions.
const MAX_ENTRIES: usize = 64;

/// SCRAM keys of one target's users. An entry serves only the very password it was derived from: a
/// changed secret must not be able to log in with what its predecessor left here.
#[derive(Debug, Default)]
pub(crate) struct ScramKeyCache {
    /// Oldest first.
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    user: String,
    password: SecretString,
    keys: ClientKeys,
}

impl Entry {
    fn is_of(&self, user: &str, password: &SecretString) -> bool {
        self.user == user && self.password == *password
    }
}

impl ScramKeyCache {
    /// The keys of this user and password, which fit only one salt and iteration count.
    pub(super) fn keys(&self, user: &str, password: &SecretString) -> Option<ClientKeys> {
        let entries = self.entries.lock();
        entries
            .iter()
            .find(|entry| entry.is_of(user, password))
            .map(|entry| entry.keys.clone())
    }

    /// Remembers keys that the server has accepted, in place of older ones.
    pub(super) fn remember(&self, user: &str, password: &SecretString, keys: ClientKeys) {
        let mut entries = self.entries.lock();
        entries.retain(|entry| !entry.is_of(user, password));
        if entries.len() >= MAX_ENTRIES {
            entries.remove(0);
        }
        entries.push(Entry {
            user: user.to_owned(),
            password: password.clone(),
            keys,
        });
    }
}
