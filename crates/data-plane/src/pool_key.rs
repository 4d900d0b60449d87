//! What makes server connections interchangeable: user, database and startup parameters.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Startup parameters are part of the key: a session's defaults are exactly those of the server
/// connections it may get, so RESET goes back to them as it does without a proxy.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PoolKey {
    /// Database user.
    pub(crate) user: String,
    /// Database.
    pub(crate) database: String,
    /// Startup parameters in name order, `options` already taken apart.
    pub(crate) params: Vec<(String, String)>,
}

impl PoolKey {
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
        Self {
            user: user.to_owned(),
            database: database.to_owned(),
            params: sorted,
        }
    }

    /// The value of a startup parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// `ParameterStatus` values a server connection of one key reported: the greeting of later clients.
pub(crate) type Greeting = Rc<Vec<(Box<str>, Box<str>)>>;

/// Keys in use on a shard with the greetings learnt for them, per proxy.
#[derive(Default)]
pub(crate) struct Keys {
    known: RefCell<HashMap<Arc<PoolKey>, Option<Greeting>>>,
}

impl Keys {
    /// Keys kept although no session uses them.
    const KEPT: usize = 1024;

    /// The shared copy of `key`.
    pub(crate) fn intern(&self, key: PoolKey) -> Arc<PoolKey> {
        let mut known = self.known.borrow_mut();
        if let Some((shared, _)) = known.get_key_value(&key) {
            return Arc::clone(shared);
        }
        if known.len() >= Self::KEPT {
            known.retain(|key, _| Arc::strong_count(key) > 1);
        }
        let shared = Arc::new(key);
        known.insert(Arc::clone(&shared), None);
        shared
    }

    /// The greeting learnt for `key`.
    pub(crate) fn greeting(&self, key: &Arc<PoolKey>) -> Option<Greeting> {
        self.known.borrow().get(key).cloned().flatten()
    }

    /// A server connection of `key` reported `parameters`.
    pub(crate) fn learn(&self, key: &Arc<PoolKey>, parameters: &[(Box<str>, Box<str>)]) {
        let mut known = self.known.borrow_mut();
        let slot = known.entry(Arc::clone(key)).or_default();
        if slot.as_ref().is_none_or(|old| old.as_slice() != parameters) {
            *slot = Some(Rc::new(parameters.to_vec()));
        }
    }

    /// Forgets every greeting: the target or its settings changed.
    pub(crate) fn forget_greetings(&self) {
        for greeting in self.known.borrow_mut().values_mut() {
            *greeting = None;
        }
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
    fn interning_keeps_the_greeting() {
        let keys = Keys::default();
        let shared = keys.intern(key(&[]));
        keys.learn(&shared, &[("TimeZone".into(), "UTC".into())]);
        let again = keys.intern(key(&[]));
        assert!(Arc::ptr_eq(&shared, &again));
        assert_eq!(keys.greeting(&again).unwrap().len(), 1);
        keys.forget_greetings();
        assert!(keys.greeting(&again).is_none());
    }
}
