//! What server connections reported when they were opened: the greetings of later clients, so that a
//! login needs no server connection.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tollgate_session::postgres::Defaults;

use crate::pool_key::PoolKey;

/// Keys remembered; beyond that all but the newest are forgotten and learnt again.
const KEPT: usize = 4096;

/// The longest `application_name` a server keeps whole (`NAMEDATALEN` less one).
const NAME_MAX: usize = 63;

/// Greetings of one proxy, over all shards. Locked at logins and openings, never for a query.
#[derive(Default)]
pub(crate) struct Greetings {
    known: Mutex<HashMap<Arc<PoolKey>, Defaults>>,
}

/// What a report was, compared with the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learnt {
    /// The same.
    Known,
    /// There was none.
    First,
    /// Another one, which is remembered instead.
    Otherwise,
}

impl Greetings {
    /// A server connection of `key` reported `parameters`. Equal reports share one copy.
    pub(crate) fn learn(
        &self,
        key: &Arc<PoolKey>,
        parameters: &[(Box<str>, Box<str>)],
    ) -> (Defaults, Learnt) {
        let reported = parameters
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let defaults = Defaults::new(reported);
        let mut known = self.known.lock();
        let learnt = match known.get(key) {
            Some(old) if *old == defaults => return (old.clone(), Learnt::Known),
            Some(_) => {
                // Derived from it, or no newer than it.
                known.retain(|other, _| !key.is_twin_of(other));
                Learnt::Otherwise
            }
            None => Learnt::First,
        };
        remember(&mut known, key, &defaults);
        (defaults, learnt)
    }

    /// Forgets everything: the target or its settings changed.
    pub(crate) fn forget(&self) {
        self.known.lock().clear();
    }

    /// What a client of `key` is greeted with, if it can be told without asking a server: what was
    /// learnt for the key itself, or for one that differs in nothing but a plain `application_name`,
    /// which servers report back as it came.
    pub(crate) fn find(&self, key: &Arc<PoolKey>) -> Option<Defaults> {
        const NAME: &str = "application_name";
        let mut known = self.known.lock();
        if let Some(greeting) = known.get(key) {
            return Some(greeting.clone());
        }
        let name = key.param(NAME).unwrap_or_default();
        if name.len() > NAME_MAX || !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return None;
        }
        let (_, twin) = known.iter().find(|(other, _)| key.is_twin_of(other))?;
        twin.get(NAME.as_bytes())?;
        let greeting = twin.with(NAME.as_bytes(), name.as_bytes());
        remember(&mut known, key, &greeting);
        Some(greeting)
    }
}

fn remember(known: &mut HashMap<Arc<PoolKey>, Defaults>, key: &Arc<PoolKey>, greeting: &Defaults) {
    if known.len() >= KEPT {
        known.clear();
    }
    known.insert(Arc::clone(key), greeting.clone());
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

    fn greeting(name: &str) -> Defaults {
        let reported = reported(name);
        Defaults::new(reported.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())))
    }

    #[test]
    fn another_application_name_needs_no_server() {
        let greetings = Greetings::default();
        greetings.learn(&key(&[("application_name", "one")]), &reported("one"));
        let found = greetings
            .find(&key(&[("application_name", "two")]))
            .unwrap();
        assert_eq!(found, greeting("two"));
        assert_eq!(greetings.find(&key(&[])).unwrap(), greeting(""));
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
        assert_eq!(greetings.find(&key).unwrap(), greeting("b"));
    }

    #[test]
    fn another_report_replaces_the_greeting_and_those_derived_from_it() {
        let greetings = Greetings::default();
        let (one, two) = (key(&[("application_name", "one")]), key(&[]));
        assert_eq!(greetings.learn(&one, &reported("one")).1, Learnt::First);
        assert_eq!(greetings.learn(&one, &reported("one")).1, Learnt::Known);
        greetings.find(&two).unwrap();
        let mut moved = reported("one");
        moved[1].1 = "CET".into();
        assert_eq!(greetings.learn(&one, &moved).1, Learnt::Otherwise);
        for key in [one, two] {
            let found = greetings.find(&key).unwrap();
            assert_eq!(found.get(b"TimeZone"), Some(&b"CET"[..]));
        }
    }
}
