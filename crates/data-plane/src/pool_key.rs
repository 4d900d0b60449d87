//! What makes server connections interchangeable: user, database, and what was agreed upon at their login.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::mysql::server::Terms;

/// Startup parameters are part of the key: a session's defaults are exactly those of the server
/// connections it may get, so RESET goes back to them as it does without a proxy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PoolKey {
    /// Made once: keys are looked up with every transaction.
    hash: u64,
    /// Database user.
    pub(crate) user: String,
    /// Database.
    pub(crate) database: String,
    /// Startup parameters in name order, `options` already taken apart.
    pub(crate) params: Vec<(String, String)>,
    /// What logins to MySQL and MariaDB agree upon; PostgreSQL has parameters instead.
    pub(crate) terms: Option<Terms>,
}

impl PoolKey {
    /// Connections to MySQL or MariaDB; an empty schema is none.
    pub(crate) fn mysql(user: &str, schema: &str, terms: Terms) -> Self {
        Self::of(user, schema, Vec::new(), Some(terms))
    }

    /// The same for another database.
    pub(crate) fn with_database(&self, database: &str) -> Self {
        Self::of(&self.user, database, self.params.clone(), self.terms)
    }

    /// Puts parameters in name order; of several values for one name the last one counts, as in
    /// PostgreSQL.
    pub(crate) fn new(user: &str, database: &str, params: &[(String, String)]) -> Self {
        let mut sorted: Vec<(String, String)> = Vec::with_capacity(params.len());
        for (name, value) in params {
            match sorted
                .iter_mut()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
            {
                Some((_, old)) => value.clone_into(old),
                None => sorted.push((name.clone(), value.clone())),
            }
        }
        sorted.sort();
        Self::of(user, database, sorted, None)
    }

    fn of(user: &str, database: &str, params: Vec<(String, String)>, terms: Option<Terms>) -> Self {
        let mut hasher = DefaultHasher::new();
        (user, database, &params, terms).hash(&mut hasher);
        Self {
            hash: hasher.finish(),
            user: user.to_owned(),
            database: database.to_owned(),
            params,
            terms,
        }
    }

    /// Whether both are the same but for `application_name`.
    pub(crate) fn is_twin_of(&self, other: &Self) -> bool {
        fn rest(key: &PoolKey) -> impl Iterator<Item = &(String, String)> {
            key.params
                .iter()
                .filter(|(name, _)| !name.eq_ignore_ascii_case("application_name"))
        }
        self.user == other.user && self.database == other.database && rest(self).eq(rest(other))
    }

    /// The value of a startup parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl Hash for PoolKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Keys in use on a shard, so that sessions share one copy.
#[derive(Default)]
pub(crate) struct Keys {
    known: RefCell<HashSet<Arc<PoolKey>>>,
}

impl Keys {
    /// Keys kept although no session uses them.
    const KEPT: usize = 1024;

    /// The shared copy of `key`.
    pub(crate) fn intern(&self, key: PoolKey) -> Arc<PoolKey> {
        let mut known = self.known.borrow_mut();
        if let Some(shared) = known.get(&key) {
            return Arc::clone(shared);
        }
        if known.len() >= Self::KEPT {
            known.retain(|key| Arc::strong_count(key) > 1);
        }
        let shared = Arc::new(key);
        known.insert(Arc::clone(&shared));
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(params: &[(&str, &str)]) -> PoolKey {
        let params: Vec<_> = params
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        PoolKey::new("app", "orders", &params)
    }

    #[test]
    fn order_and_repetition_do_not_make_another_key() {
        assert_eq!(
            key(&[("DateStyle", "ISO"), ("TimeZone", "UTC")]),
            key(&[
                ("TimeZone", "GMT"),
                ("DateStyle", "ISO"),
                ("TimeZone", "UTC")
            ])
        );
    }

    #[test]
    fn values_make_another_key() {
        assert_ne!(key(&[("TimeZone", "UTC")]), key(&[("TimeZone", "GMT")]));
        assert_ne!(key(&[]), key(&[("TimeZone", "GMT")]));
    }

    #[test]
    fn equal_keys_share_one_copy() {
        let keys = Keys::default();
        let shared = keys.intern(key(&[]));
        assert!(Arc::ptr_eq(&shared, &keys.intern(key(&[]))));
    }

    #[test]
    fn twins_differ_in_the_application_name_only() {
        let one = key(&[("TimeZone", "UTC"), ("application_name", "one")]);
        assert!(one.is_twin_of(&key(&[("TimeZone", "UTC")])));
        assert!(!one.is_twin_of(&key(&[("TimeZone", "GMT"), ("application_name", "one")])));
    }
}
