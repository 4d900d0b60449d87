//! The loop that makes rows true: publishes snapshots, and writes back what became of them.
//!
//! Every turn reads all rows and the newest report, and acts on nothing else: what woke it is only a hint. A
//! crash anywhere is repaired by the next turn. When nothing woke it and the configuration is at the revision of
//! the last turn, there is none: reading all rows would cost more than all the rest of an installation at rest.

pub(crate) mod conditions;
pub(crate) mod health;
pub(crate) mod permission;
mod secret_values;
mod snapshot;
mod status;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollgate_store::{Everything, SecretRow};
use tollgate_types::Revision;

use crate::api::Api;
use crate::identity::SessionRing;
use crate::problem::Problem;

/// The pause after which the store is asked whether another process has changed anything.
const TICK: Duration = Duration::from_secs(5);
/// The pause behind a turn that failed, or where secrets are watched that change without a word: a turn follows.
const SHORT_TICK: Duration = Duration::from_secs(1);
/// The age in seconds of the last turn at which one is taken even if nothing has changed.
const TURN_EVERY_S: i64 = 15;
/// The pause that is always kept, so that a chatty data plane does not keep the store busy.
const REST: Duration = Duration::from_millis(20);
/// How often old answers are forgotten.
const PRUNE_EVERY_S: i64 = 3_600;

/// Runs until cancelled.
pub(crate) async fn run(api: Api, cancel: CancellationToken) {
    let mut reconciler = Reconciler::new(api.clone());
    let mut observations = api.ports.observations.clone();
    let mut hint = Hint::Changed;
    loop {
        let pause = match reconciler.follow(hint).await {
            Ok(pause) => {
                api.loop_health.succeeded(api.now());
                pause
            }
            Err(problem) => {
                api.loop_health.failed(&problem);
                SHORT_TICK
            }
        };
        let wake_up = async {
            let hint = tokio::select! {
                () = api.wake.notified() => Hint::Changed,
                () = tokio::time::sleep(pause) => Hint::Nothing,
                Ok(()) = observations.changed() => Hint::Changed,
            };
            tokio::time::sleep(REST).await;
            hint
        };
        hint = tokio::select! {
            () = cancel.cancelled() => return,
            hint = wake_up => hint,
        };
    }
}

/// What ended the pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// Rows or what runs have changed.
    Changed,
    /// Only time.
    Nothing,
}

/// A turn that went well and found nothing that changes without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settled {
    /// Of the rows that it read.
    revision: Revision,
    /// When it began, in seconds since the epoch.
    at: i64,
}

struct Reconciler {
    api: Api,
    settled: Option<Settled>,
    /// Content hash of the snapshot that was published last.
    published: Option<[u8; 32]>,
    pruned_at: i64,
}

impl Reconciler {
    fn new(api: Api) -> Self {
        Self {
            api,
            settled: None,
            published: None,
            pruned_at: 0,
        }
    }

    /// Takes a turn if there may be anything to do. Answers when to be asked again at the latest.
    async fn follow(&mut self, hint: Hint) -> Result<Duration, Problem> {
        let settled = self.settled.take();
        if hint == Hint::Nothing
            && let Some(settled) = settled
            && (0..TURN_EVERY_S).contains(&self.api.now().saturating_sub(settled.at))
            && self.api.store.revision_current().await? == settled.revision
        {
            self.settled = Some(settled);
            return Ok(TICK);
        }
        self.turn().await
    }

    /// Answers when to be asked again at the latest.
    async fn turn(&mut self) -> Result<Duration, Problem> {
        let at = self.api.now();
        let sessions = SessionRing::load(&self.api)
            .await?
            .renewed(&self.api)
            .await?;
        let rows = self.api.store.everything().await?;
        let external = secret_values::external(&self.api.settings.arn, &rows);
        self.api.ports.external_secrets.watch(&external);
        let unresolved = self.publish(&rows, &sessions);
        // Taken after the rows were read: a report may speak about newer rows than ours, never the reverse.
        let observation = self.api.ports.observations.borrow().clone();
        secret_values::hurry_refused(&self.api, &rows, &observation);
        status::settle(&self.api, &rows, &observation, &unresolved).await?;
        self.delete_due(&rows).await?;
        self.prune().await?;
        if !external.is_empty() {
            return Ok(SHORT_TICK);
        }
        self.settled = Some(Settled {
            revision: rows.revision,
            at,
        });
        Ok(TICK)
    }

    /// Publishes when the content differs from what was published last.
    fn publish(
        &mut self,
        rows: &Everything,
        sessions: &SessionRing,
    ) -> secret_values::UnresolvedSecrets {
        let built = snapshot::build(&self.api, rows, sessions);
        let hash = snapshot::content_hash(&built.snapshot);
        if self.published != Some(hash) {
            tracing::info!(config.revision = rows.revision.0, "snapshot published");
            self.api.ports.publisher.publish(Arc::new(built.snapshot));
            self.published = Some(hash);
            self.api.loop_health.published(rows.revision);
        }
        built.unresolved
    }

    /// Carries out the deletions of secrets whose time has come.
    async fn delete_due(&self, rows: &Everything) -> Result<(), Problem> {
        let now = self.api.now();
        let is_due = |row: &&SecretRow| row.deletion.is_some_and(|d| d.due_at <= now);
        for row in rows.secrets.iter().filter(is_due) {
            let write = self.api.store.begin_at(now).await?;
            write.secret_delete_due(&row.id).await?;
            write.commit().await?;
            tracing::info!(secret.name = %row.name, "secret deleted");
        }
        Ok(())
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
