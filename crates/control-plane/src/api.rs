//! What handlers are given: the store, the vault, who is who, and the way to wake the reconciler.

use std::sync::Arc;

use tokio::sync::Notify;
use tollgate_iam::request::RequestRejection;
use tollgate_iam::session::Claims;
use tollgate_secrets::Sealer;
use tollgate_store::Store;

use crate::identity::{Directory, KnownKey, Principal};
use crate::oidc::KeyCache;
use crate::ports::Ports;
use crate::problem::Problem;
use crate::reconcile::health::LoopHealth;
use crate::settings::Settings;
use crate::vault::Vault;

/// Shared by every handler; cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) settings: Arc<Settings>,
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) ports: Ports,
    /// Wakes the reconciler after a write.
    pub(crate) wake: Arc<Notify>,
    /// Keys of identity providers.
    pub(crate) oidc_keys: Arc<KeyCache>,
    /// How the reconciler does.
    pub(crate) loop_health: Arc<LoopHealth>,
    directory: Arc<Directory>,
}

impl Api {
    pub(crate) fn new(settings: Settings, store: Store, sealer: Arc<Sealer>, ports: Ports) -> Self {
        let vault = Vault::new(sealer, Arc::clone(&ports.random));
        let directory = Directory::new(&settings);
        let oidc_reach = settings.oidc_reach;
        Self {
            settings: Arc::new(settings),
            store,
            vault,
            ports,
            wake: Arc::new(Notify::new()),
            oidc_keys: Arc::new(KeyCache::new(oidc_reach)),
            loop_health: Arc::new(LoopHealth::default()),
            directory: Arc::new(directory),
        }
    }

    /// The access key with this id, as of now.
    pub(crate) async fn access_key(&self, id: &str) -> Result<Option<KnownKey>, Problem> {
        self.directory
            .access_key(&self.store, &self.vault, id)
            .await
    }

    /// The principal with this ARN, as of now.
    pub(crate) async fn principal(&self, arn: &str) -> Result<Option<Arc<Principal>>, Problem> {
        self.directory
            .principal(&self.store, &self.vault, arn)
            .await
    }

    /// Whoever holds a session with these claims; the reason if the session is void.
    pub(crate) async fn session(
        &self,
        claims: Claims,
    ) -> Result<Result<Arc<Principal>, RequestRejection>, Problem> {
        self.directory
            .session(&self.store, &self.vault, claims)
            .await
    }

    /// Until when the sessions of the principal with this id are void.
    pub(crate) async fn sessions_revoked_at(&self, id: &str) -> Result<Option<i64>, Problem> {
        self.directory
            .revoked_at(&self.store, &self.vault, id)
            .await
    }

    /// The present second since the epoch.
    pub(crate) fn now(&self) -> i64 {
        crate::time::seconds((self.ports.clock)())
    }
}
