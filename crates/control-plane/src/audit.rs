//! Authentication decisions on their way into the store: buffered, batched, dropped rather than delayed.
//!
//! A login never waits for the metadata store. When it is away or slow, decisions are dropped and counted. Who
//! asks for decisions has those written first that the data planes of this process have handed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tollgate_store::{DecisionRetention, Store};
use tollgate_types::AuthDecision;

use crate::ports::Clock;

/// Decisions that wait for the store at most.
const BUFFERED_MAX: usize = 10_000;
/// Decisions written in one go at most.
const BATCH_MAX: usize = 1_000;
/// Bytes of them, about: clients choose how long the names in them are.
const BATCH_BYTES: usize = 1024 * 1024;
/// Bytes of a decision but for what clients choose, about.
const ORDINARY_BYTES: usize = 700;
/// As many decisions are not left waiting for others.
const HURRY_AT: usize = BUFFERED_MAX / 2;
/// How long the first decision of a batch waits for others, unless somebody asks: a write costs as much as
/// several logins.
const BATCH_EVERY: Duration = Duration::from_secs(1);
/// How long somebody who asks for decisions waits for a write at most.
const ASKER_WAITS: Duration = Duration::from_secs(1);
/// How often old decisions are forgotten.
const PRUNE_EVERY: Duration = Duration::from_mins(10);
/// How long decisions are kept: seven days.
const KEPT_MS: i64 = 7 * 24 * 3_600 * 1_000;
/// How many decisions are kept.
const ROWS_MAX: u64 = 100_000;

/// Takes decisions; cheap to clone, never waits.
#[derive(Debug, Clone)]
pub struct DecisionSink {
    sender: mpsc::Sender<AuthDecision>,
    askers: mpsc::UnboundedSender<oneshot::Sender<()>>,
    many: Arc<Notify>,
    dropped: Arc<AtomicU64>,
}

impl DecisionSink {
    /// Hands over a decision. When the buffer is full it is dropped and counted.
    pub fn record(&self, decision: AuthDecision) {
        if self.sender.try_send(decision).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        if self.sender.capacity() < BUFFERED_MAX - HURRY_AT {
            self.many.notify_one();
        }
    }

    /// How many decisions were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was recorded before is written or dropped, for a second at most.
    pub(crate) async fn written(&self) {
        let (done, answer) = oneshot::channel();
        if self.askers.send(done).is_ok() {
            // The writer may end or be slow: then the answer is what the store has.
            let _ = tokio::time::timeout(ASKER_WAITS, answer).await;
        }
    }
}

/// Writes what the sinks take in.
#[derive(Debug)]
pub struct DecisionWriter {
    receiver: mpsc::Receiver<AuthDecision>,
    askers: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
    many: Arc<Notify>,
    dropped: Arc<AtomicU64>,
    store: Store,
}

/// A sink, and the writer that empties it while [`DecisionWriter::run`] runs.
pub fn decision_sink(store: Store) -> (DecisionSink, DecisionWriter) {
    let (sender, receiver) = mpsc::channel(BUFFERED_MAX);
    let (askers_sender, askers) = mpsc::unbounded_channel();
    let many = Arc::new(Notify::new());
    let dropped = Arc::new(AtomicU64::new(0));
    let sink = DecisionSink {
        sender,
        askers: askers_sender,
        many: Arc::clone(&many),
        dropped: Arc::clone(&dropped),
    };
    let writer = DecisionWriter {
        receiver,
        askers,
        many,
        dropped,
        store,
    };
    (sink, writer)
}

impl DecisionWriter {
    /// Runs until cancelled, then writes what is left.
    pub async fn run(mut self, clock: Clock, cancel: CancellationToken) {
        let first = tokio::time::Instant::now() + PRUNE_EVERY;
        let mut prune = tokio::time::interval_at(first, PRUNE_EVERY);
        let mut batch = Vec::new();
        let mut asking = Vec::new();
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                taken = self.receiver.recv_many(&mut batch, BATCH_MAX) => {
                    if taken == 0 {
                        break;
                    }
                    tokio::select! {
                        () = cancel.cancelled() => break,
                        () = tokio::time::sleep(BATCH_EVERY) => {}
                        () = self.many.notified() => {}
                        Some(asker) = self.askers.recv() => asking.push(asker),
                    }
                }
                Some(asker) = self.askers.recv() => asking.push(asker),
                _ = prune.tick() => {
                    self.prune(clock()).await;
                    continue;
                }
            }
            self.write_all(&mut batch, &mut asking).await;
        }
        // Nobody serves any more: what comes now would come too late.
        self.receiver.close();
        self.write_all(&mut batch, &mut asking).await;
    }

    /// Writes `batch` and what has arrived meanwhile, and tells those who are waiting for it.
    async fn write_all(
        &mut self,
        batch: &mut Vec<AuthDecision>,
        asking: &mut Vec<oneshot::Sender<()>>,
    ) {
        // Who asks later may ask for what arrives later.
        while let Ok(asker) = self.askers.try_recv() {
            asking.push(asker);
        }
        // Logins may come as fast as they are written: they do not keep who asks for those before them.
        let mut left = self.receiver.len() + batch.len();
        while left > 0 {
            self.fill(batch);
            // One that is being handed over is counted, and cannot be taken yet.
            left = left.saturating_sub(batch.len().max(1));
            self.write(batch).await;
        }
        for asker in asking.drain(..) {
            // It may have stopped waiting.
            let _ = asker.send(());
        }
    }

    /// Takes what has arrived meanwhile, without waiting.
    fn fill(&mut self, batch: &mut Vec<AuthDecision>) {
        while batch.len() < BATCH_MAX
            && let Ok(decision) = self.receiver.try_recv()
        {
            batch.push(decision);
        }
    }

    async fn write(&self, batch: &mut Vec<AuthDecision>) {
        for part in in_parts(batch) {
            if let Err(error) = self.store.decision_insert_many(part).await {
                let lost = u64::try_from(part.len()).unwrap_or(u64::MAX);
                self.dropped.fetch_add(lost, Ordering::Relaxed);
                tracing::warn!(error = %error, audit.lost = lost, "decisions could not be written");
            }
        }
        batch.clear();
    }

    async fn prune(&self, now_ms: i64) {
        let stay = DecisionRetention {
            not_before_ms: now_ms.saturating_sub(KEPT_MS),
            rows_max: ROWS_MAX,
        };
        if let Err(error) = self.store.decision_prune(stay).await {
            tracing::warn!(error = %error, "old decisions could not be removed");
        }
    }
}

/// Cuts decisions into parts of some [`BATCH_BYTES`], of one decision at least.
fn in_parts(decisions: &[AuthDecision]) -> impl Iterator<Item = &[AuthDecision]> {
    let mut bytes = 0;
    decisions.chunk_by(move |last, _| {
        bytes += ORDINARY_BYTES + last.db_user.len() + last.database.len() + last.detail.len();
        let is_full = bytes >= BATCH_BYTES;
        if is_full {
            bytes = 0;
        }
        !is_full
    })
}
