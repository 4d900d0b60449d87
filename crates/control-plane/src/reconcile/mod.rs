//! The loop that makes rows true: publishes snapshots, and writes back what became of them.
//!
//! Every turn reads all rows and the newest report, and acts on nothing else: what woke it is only a hint. A
//! crash anywhere is repaired by the next turn.

pub(crate) mod conditions;
pub(crate) mod health;
mod snapshot;
mod status;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollgate_store::Everything;

use crate::api::Api;
use crate::problem::Problem;

/// The pause after which a turn is taken even if nothing happened.
const TICK: Duration = Duration::from_secs(1);
/// The pause that is always kept, so that a chatty data plane does not keep the store busy.
const REST: Duration = Duration::from_millis(20);
/// How often old answers are forgotten.
const PRUNE_EVERY_S: i64 = 3_600;

/// Runs until cancelled.
pub(crate) async fn run(api: Api, cancel: CancellationToken) {
    let mut reconciler = Reconciler::new(api.clone());
    let mut observations = api.ports.observations.clone();
    loop {
        match reconciler.turn().await {
            Ok(()) => api.loop_health.succeeded(api.now()),
            Err(problem) => api.loop_health.failed(&problem),
        }
        let wake_up = async {
            tokio::select! {
                () = api.wake.notified() => {}
                () = tokio::time::sleep(TICK) => {}
                Ok(()) = observations.changed() => {}
            }
            tokio::time::sleep(REST).await;
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = wake_up => {}
        }
    }
}

struct Reconciler {
    api: Api,
    /// Content hash of the snapshot that was published last.
    published: Option<[u8; 32]>,
    pruned_at: i64,
}

impl Reconciler {
    fn new(api: Api) -> Self {
        Self {
            api,
            published: None,
            pruned_at: 0,
        }
    }

    async fn turn(&mut self) -> Result<(), Problem> {
        let rows = self.api.store.everything().await?;
        let missing = self.publish(&rows);
        // Taken after the rows were read: a report may speak about newer rows than ours, never the reverse.
        let observation = self.api.ports.observations.borrow().clone();
        status::settle(&self.api, &rows, &observation, &missing).await?;
        self.prune().await
    }

    /// Publishes when the content differs from what was published last.
    fn publish(&mut self, rows: &Everything) -> snapshot::MissingSecrets {
        let built = snapshot::build(&self.api, rows);
        let hash = snapshot::content_hash(&built.snapshot);
        if self.published != Some(hash) {
            tracing::info!(config.revision = rows.revision.0, "snapshot published");
            self.api.ports.publisher.publish(Arc::new(built.snapshot));
            self.published = Some(hash);
            self.api.loop_health.published(rows.revision);
        }
        built.missing
    }

    async fn prune(&mut self) -> Result<(), Problem> {
        let now = self.api.now();
        if now.saturating_sub(self.pruned_at) >= PRUNE_EVERY_S {
            self.api.store.idempotency_prune(now).await?;
            self.pruned_at = now;
        }
        Ok(())
    }
}
