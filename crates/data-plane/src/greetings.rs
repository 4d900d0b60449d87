//! What server connections reported when they were opened: the greetings of later clients, so that a
//! login needs no server connection.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::pool_key::PoolKey;

/// `ParameterStatus` names and values in the server's order.
pub(crate) type Greeting = Arc<Vec<(Box<str>, Box<str>)>>;

/// Keys remembered; beyond that all but the newest are forgotten and learnt again.
const KEPT: usize = 4096;

/// The longest `application_name` a server keeps whole (`NAMEDATALEN` less one).
const NAME_MAX: usize = 63;

/// Greetings of one proxy, over all shards. Locked at logins and openings, never for a query.
#[derive(Default)]
pub(crate) struct Greetings {
    known: Mutex<HashMap<Arc<PoolKey>, Greeting>>,
}

impl Greetings {
    /// A server connection of `key` reported `parameters`.
    pub(crate) fn learn(&self, key: &Arc<PoolKey>, parameters: &[(Box<str>, Box<str>)]) {
        let mut known = self.known.lock();
        if known
            .get(key)
            .is_some_and(|old| old.as_slice() == parameters)
        {
            return;
        }
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(Arc::clone(key), Arc::new(parameters.to_vec()));
    }

    /// Forgets everything: the target or its settings changed.
    pub(crate) fn forget(&self) {
        self.known.lock().clear();
    }

    /// What a client of `key` is greeted with, if it can be told without asking a server: what was
    /// learnt for the key itself, or for one that differs in nothing but a plain `application_name`,
    /// which servers report back as it came.
    pub(crate) fn find(&self, key: &PoolKey) -> Option<Greeting> {
        let known = self.known.lock();
        if let Some(greeting) = known.get(key) {
            return Some(Arc::clone(greeting));
        }
        let name = key.param("application_name").unwrap_or_default();
        if name.len() > NAME_MAX || !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return None;
        }
        let (_, twin) = known.iter().find(|(other, _)| key.is_twin_of(other))?;
        let mut greeting = twin.to_vec();
        let (_, reported) = greeting
            .iter_mut()
            .find(|(name, _)| name.as_ref() == "application_name")?;
        *reported = name.into();
        Some(Arc::new(greeting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(params: &[(&str, &str)]) -> Arc<PoolKey> {
        let params: Vec<_> = params
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        Arc::new(PoolKey::new("app", "orders", &params))
    }

    fn reported(name: &str) -> Vec<(Box<str>, Box<str>)> {
        vec![
            ("application_name".into(), name.into()),
            ("TimeZone".into(), "UTC".into()),
        ]
    }

    #[test]
    fn another_application_name_needs_no_server() {
        let greetings = Greetings::default();
        greetings.learn(&key(&[("application_name", "one")]), &reported("one"));
        let found = greetings
            .find(&key(&[("application_name", "two")]))
            .unwrap();
        assert_eq!(*found, reported("two"));
        assert_eq!(*greetings.find(&key(&[])).unwrap(), reported(""));
    }

    #[test]
    fn what_a_server_might_change_is_asked_for() {
        let greetings = Greetings::default();
        greetings.learn(&key(&[("TimeZone", "utc")]), &reported(""));
        assert!(greetings.find(&key(&[("TimeZone", "gmt")])).is_none());
        let long = "x".repeat(64);
        for name in ["na\u{ef}ve", long.as_str()] {
            let asked = key(&[("TimeZone", "utc"), ("application_name", name)]);
            assert!(greetings.find(&asked).is_none(), "{name}");
        }
    }

    #[test]
    fn forgotten_greetings_are_learnt_again() {
        let greetings = Greetings::default();
        let key = key(&[]);
        greetings.learn(&key, &reported("a"));
        greetings.forget();
        assert!(greetings.find(&key).is_none());
        greetings.learn(&key, &reported("b"));
        assert_eq!(*greetings.find(&key).unwrap(), reported("b"));
    }
}
