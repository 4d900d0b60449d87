//! The keys that sessions are made and checked with: kept sealed in the metadata store, renewed in time.
//!
//! A new key is published to data planes before anything is signed with it, and stays until the last session
//! signed with it has ended. Every control plane over one store uses the same ring.

use serde::{Deserialize, Serialize};
use tollgate_iam::session::{SessionKeyPair, SessionKeys};
use tollgate_types::{SecretString, SessionKeyConfig};
use zeroize::Zeroizing;

use crate::api::Api;
use crate::problem::Problem;
use crate::vault::Place;

const META_KEY: &str = "session-keys";

/// How long one key signs, in seconds: 30 days.
const SIGNS_S: i64 = 30 * 86_400;
/// How long before its first use a key is published, in seconds.
const AHEAD_S: i64 = 600;
/// Longest session, in seconds. Source: STS API, `GetSessionToken`.
pub(crate) const SESSION_S_MAX: i64 = 129_600;

/// One key as it is kept.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    id: String,
    /// 64 bytes in hex.
    seed: SecretString,
    /// The second from which on it signs.
    valid_from: i64,
}

/// All keys, oldest first.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SessionRing {
    keys: Vec<Kept>,
}

impl SessionRing {
    /// The ring in the store; made there if there is none.
    pub(crate) async fn load(api: &Api) -> Result<Self, Problem> {
        let text = if let Some(text) = api.store.meta_get(META_KEY).await? {
            text
        } else {
            let first = Self {
                keys: vec![Kept::new(api, api.now())],
            };
            let sealed = first.sealed(api)?;
            api.store.meta_claim(META_KEY, &sealed, api.now()).await?
        };
        let plain = api.vault.open_text(&place(), &text)?;
        serde_json::from_slice(&plain).map_err(|_| Problem::internal(&"session keys are no JSON"))
    }

    /// Adds a key when the newest has signed for long enough, and forgets those that nobody needs. Two control
    /// planes that do so at once lose one of two keys with which nothing has been signed yet.
    pub(crate) async fn renewed(self, api: &Api) -> Result<Self, Problem> {
        let now = api.now();
        let Some(next) = self.next(api, now) else {
            return Ok(self);
        };
        let sealed = next.sealed(api)?;
        api.store.meta_put(META_KEY, &sealed, now).await?;
        tracing::info!(keys = next.keys.len(), "session keys renewed");
        Ok(next)
    }

    fn next(&self, api: &Api, now: i64) -> Option<Self> {
        let mut keys = self.keys.clone();
        let newest = keys.last().map_or(i64::MIN, |key| key.valid_from);
        if now >= newest.saturating_add(SIGNS_S) {
            keys.push(Kept::new(api, now.saturating_add(AHEAD_S)));
        }
        // A key is needed until the last session ends that was signed before its successor took over.
        let ended = |key: &Kept| now >= key.valid_from.saturating_add(SESSION_S_MAX);
        let unneeded = keys
            .iter()
            .skip(1)
            .take_while(|successor| ended(successor))
            .count();
        keys.drain(..unneeded);
        (keys.len() != self.keys.len() || unneeded > 0).then_some(Self { keys })
    }

    /// The key that signs now.
    pub(crate) fn signing(&self, now: i64) -> Result<SessionKeyPair, Problem> {
        let is_valid = |key: &&Kept| key.valid_from <= now;
        let key = self.keys.iter().rev().find(is_valid).or(self.keys.first());
        key.and_then(Kept::pair)
            .ok_or_else(|| Problem::internal(&"there is no session key"))
    }

    /// What sessions are checked with.
    pub(crate) fn verifying(&self) -> SessionKeys {
        let pairs = self.keys.iter().filter_map(Kept::pair);
        SessionKeys::new(pairs.map(|pair| pair.verifying().clone()).collect())
    }

    /// The same for data planes.
    pub(crate) fn configs(&self) -> Vec<SessionKeyConfig> {
        let pairs = self.keys.iter().filter_map(Kept::pair);
        pairs
            .map(|pair| {
                let key = pair.verifying();
                SessionKeyConfig {
                    id: key.id().to_owned(),
                    public_key_hex: key.public_hex(),
                    derivation_key_hex: SecretString::from(key.derivation_hex().as_str()),
                }
            })
            .collect()
    }

    fn sealed(&self, api: &Api) -> Result<String, Problem> {
        let text = serde_json::to_vec(self).map_err(|error| Problem::internal(&error))?;
        api.vault.seal_text(&place(), &Zeroizing::new(text))
    }
}

impl Kept {
    fn new(api: &Api, valid_from: i64) -> Self {
        let mut seed = Zeroizing::new([0; 64]);
        (api.ports.random)(seed.as_mut());
        let id: [u8; 4] = crate::service::fresh::bytes(&api.ports.random);
        Self {
            id: hex::encode(id),
            seed: SecretString::from(Zeroizing::new(hex::encode(*seed)).as_str()),
            valid_from,
        }
    }

    fn pair(&self) -> Option<SessionKeyPair> {
        let mut seed = Zeroizing::new([0; 64]);
        hex::decode_to_slice(self.seed.expose(), seed.as_mut()).ok()?;
        SessionKeyPair::from_seed(&self.id, &seed).ok()
    }
}

/// The ring opens nowhere else.
fn place() -> Place {
    ["meta".to_owned(), META_KEY.to_owned(), "value".to_owned()]
}
