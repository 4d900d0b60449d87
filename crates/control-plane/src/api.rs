//! What handlers are given: the store, the vault, who is who, and the way to wake the reconciler.

use std::sync::Arc;

use tokio::sync::Notify;
use tollgate_secrets::Sealer;
use tollgate_store::Store;

use crate::identity::{Directory, KnownKey, Principal};
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
    /// How the reconciler does.
    pub(crate) loop_health: Arc<LoopHealth>,
    directory: Arc<Directory>,
}

impl Api {
    pub(crate) fn new(settings: Settings, store: Store, sealer: Arc<Sealer>, ports: Ports) -> Self {
        let vault = Vault::new(sealer, Arc::clone(&ports.random));
        let directory = Directory::new(&settings);
        Self {
            settings: Arc::new(settings),
            store,
            vault,
            ports,
            wake: Arc::new(Notify::new()),
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

    /// The present second since the epoch.
    pub(crate) fn now(&self) -> i64 {
        crate::time::seconds((self.ports.clock)())
    }
}
