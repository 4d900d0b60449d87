//! The directory that authentication looks into: kept in memory, read again when the revision has risen.
//!
//! Every call asks the store for the present revision first, so a key that was switched off is refused by the
//! next call, on every control plane.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tollgate_iam::request::RequestRejection;
use tollgate_iam::session::Claims;
use tollgate_store::{AccessKeyState, Everything, Store};
use tollgate_types::{Arn, Revision};

use super::{KnownKey, Principal, principals, root};
use crate::problem::Problem;
use crate::service::access_keys;
use crate::settings::Settings;
use crate::vault::Vault;

/// Principals and access keys as of the present revision.
#[derive(Debug)]
pub(crate) struct Directory {
    arn: Arn,
    root_key_id: String,
    root: KnownKey,
    newest: Mutex<Option<Arc<Entries>>>,
}

#[derive(Debug)]
struct Entries {
    revision: Revision,
    keys: HashMap<String, KnownKey>,
    /// By ARN.
    principals: HashMap<String, Arc<Principal>>,
    /// By unique id.
    by_id: HashMap<String, Arc<Principal>>,
    revoked: HashMap<String, i64>,
}

impl Directory {
    pub(crate) fn new(settings: &Settings) -> Self {
        let root = KnownKey {
            principal: Arc::new(Principal::new(root(&settings.arn))),
            secret: settings.root.secret.clone(),
            active: true,
        };
        Self {
            arn: settings.arn.clone(),
            root_key_id: settings.root.access_key_id.clone(),
            root,
            newest: Mutex::new(None),
        }
    }

    /// The access key with this id. The root's is known without the store.
    pub(crate) async fn access_key(
        &self,
        store: &Store,
        vault: &Vault,
        id: &str,
    ) -> Result<Option<KnownKey>, Problem> {
        if id == self.root_key_id {
            return Ok(Some(self.root.clone()));
        }
        Ok(self.entries(store, vault).await?.keys.get(id).cloned())
    }

    /// The principal with this ARN.
    pub(crate) async fn principal(
        &self,
        store: &Store,
        vault: &Vault,
        arn: &str,
    ) -> Result<Option<Arc<Principal>>, Problem> {
        Ok(self
            .entries(store, vault)
            .await?
            .principals
            .get(arn)
            .cloned())
    }

    /// The principal whose session this is, narrowed to the session, unless the session is void by now.
    pub(crate) async fn session(
        &self,
        store: &Store,
        vault: &Vault,
        claims: Claims,
    ) -> Result<Result<Arc<Principal>, RequestRejection>, Problem> {
        let entries = self.entries(store, vault).await?;
        let id = claims.principal_id();
        let revoked_at = entries.revoked.get(id).copied();
        if revoked_at.is_some_and(|at| claims.issued_at <= at) {
            return Ok(Err(RequestRejection::SessionRevoked));
        }
        let Some(principal) = entries.by_id.get(id) else {
            return Ok(Err(RequestRejection::SessionRevoked));
        };
        Ok(Ok(Arc::new(principal.in_session(&self.arn, claims))))
    }

    /// Until when the sessions of a principal are void.
    pub(crate) async fn revoked_at(
        &self,
        store: &Store,
        vault: &Vault,
        principal_id: &str,
    ) -> Result<Option<i64>, Problem> {
        let entries = self.entries(store, vault).await?;
        Ok(entries.revoked.get(principal_id).copied())
    }

    async fn entries(&self, store: &Store, vault: &Vault) -> Result<Arc<Entries>, Problem> {
        let revision = store.revision_current().await?;
        let kept = self.newest.lock().clone();
        if let Some(kept) = kept.filter(|kept| kept.revision == revision) {
            return Ok(kept);
        }
        let read = Arc::new(self.read(&store.everything().await?, vault));
        *self.newest.lock() = Some(Arc::clone(&read));
        Ok(read)
    }

    fn read(&self, rows: &Everything, vault: &Vault) -> Entries {
        let by_id: HashMap<String, Arc<Principal>> = principals(rows, &self.arn)
            .into_iter()
            .map(|config| (config.id.clone(), Arc::new(Principal::new(config))))
            .collect();
        let mut keys = HashMap::with_capacity(rows.access_keys.len());
        for row in &rows.access_keys {
            let Some(principal) = by_id.get(&row.user_id) else {
                continue;
            };
            // Opening logs its own failure; a key that cannot be opened is a key nobody has.
            let Ok(secret) = access_keys::open(vault, row) else {
                continue;
            };
            let active = row.state == AccessKeyState::Active;
            keys.insert(
                row.id.clone(),
                KnownKey {
                    principal: Arc::clone(principal),
                    secret,
                    active,
                },
            );
        }
        let principals = by_id
            .values()
            .map(|principal| (principal.arn.clone(), Arc::clone(principal)))
            .collect();
        let revoked = rows
            .session_revocations
            .iter()
            .map(|row| (row.principal_id.clone(), row.revoked_at))
            .collect();
        Entries {
            revision: rows.revision,
            keys,
            principals,
            by_id,
            revoked,
        }
    }
}
