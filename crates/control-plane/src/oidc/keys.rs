//! Keys of identity providers, kept in memory: read again in time, and served when a provider is away.

use std::collections::HashMap;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use parking_lot::Mutex;

use super::{OidcError, fetch};
use crate::settings::OidcReach;

/// How old keys may be before they are read again, in seconds.
const FRESH_S: i64 = 300;
/// How often a provider is asked at most because of a key nobody knows, in seconds.
const RETRY_S: i64 = 30;
/// How old keys may be when their provider is away, in seconds: a day.
const STALE_S: i64 = 86_400;

/// What is known of every provider that was asked.
#[derive(Debug)]
pub(crate) struct KeyCache {
    reach: OidcReach,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    keys: Option<JwkSet>,
    read_at: i64,
    asked_at: i64,
}

impl KeyCache {
    pub(crate) fn new(reach: OidcReach) -> Self {
        Self {
            reach,
            known: Mutex::new(HashMap::new()),
        }
    }

    /// The key with this id of a registered issuer.
    pub(super) async fn key(&self, issuer: &str, id: &str, now: i64) -> Result<Jwk, OidcError> {
        let known = self.known.lock().get(issuer).cloned().unwrap_or_default();
        let kept = known.find(id);
        let age = now.saturating_sub(known.read_at);
        if let Some(key) = kept.clone().filter(|_| age < FRESH_S) {
            return Ok(key);
        }
        let may_ask = now.saturating_sub(known.asked_at) >= RETRY_S || known.asked_at == 0;
        let asked = if may_ask {
            self.read(issuer, now).await
        } else {
            Err(OidcError::Invalid(format!("the issuer has no key `{id}`")))
        };
        match (asked, kept) {
            (Ok(keys), _) => keys
                .find(id)
                .cloned()
                .ok_or_else(|| OidcError::Invalid(format!("the issuer has no key `{id}`"))),
            (Err(_), Some(key)) if age < STALE_S => Ok(key),
            (Err(error), _) => Err(error),
        }
    }

    async fn read(&self, issuer: &str, now: i64) -> Result<JwkSet, OidcError> {
        self.known
            .lock()
            .entry(issuer.to_owned())
            .or_default()
            .asked_at = now;
        match fetch::key_set(issuer, self.reach).await {
            Ok(keys) => {
                let mut known = self.known.lock();
                let entry = known.entry(issuer.to_owned()).or_default();
                entry.keys = Some(keys.clone());
                entry.read_at = now;
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(oidc.issuer = issuer, error = %error, "keys of an identity provider could not be read");
                Err(error)
            }
        }
    }
}

impl Known {
    fn find(&self, id: &str) -> Option<Jwk> {
        self.keys.as_ref()?.find(id).cloned()
    }
}
