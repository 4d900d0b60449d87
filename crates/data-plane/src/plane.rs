//! The data plane as the binary sees it: start, apply a snapshot, look, drain, stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::LocalOptions;
use tokio::sync::{mpsc, oneshot, watch};
use tollgate_types::{Observation, PinReport, ProxyId, SessionInfo, Snapshot};

use crate::listeners::Listeners;
use crate::pins;
use crate::plane_metrics::PlaneMetrics;
use crate::random;
use crate::settings::Settings;
use crate::shard::{Command, Peers, Seed, Shard};
use crate::supervisor::Supervisor;
use crate::tls::{ServerIdentity, ServerTls, TlsConfigError};

/// Why a data plane could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The certificate or key is unusable.
    #[error("TLS identity: {0}")]
    Identity(#[from] TlsConfigError),
    /// A thread or runtime could not be made.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

/// A running data plane. Dropping it stops its threads without draining.
pub struct DataPlane {
    peers: Peers,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    observations: watch::Receiver<Observation>,
    tls: Arc<ArcSwap<ServerTls>>,
    clients: Arc<AtomicUsize>,
    _threads: Vec<JoinHandle<()>>,
}

impl DataPlane {
    /// Starts the shards and the supervisor. Nothing listens before the first snapshot.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let tls = Arc::new(ArcSwap::from_pointee(ServerTls::new(&settings.identity)?));
        let settings = Arc::new(settings);
        let metrics = Arc::new(PlaneMetrics::new(Arc::clone(&settings.metrics)));
        let clients = Arc::new(AtomicUsize::new(0));
        let mut mock_key = [0; 32];
        random::fill(&mut mock_key);
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..settings.shards)
            .map(|_| mpsc::unbounded_channel())
            .unzip();
        let peers: Peers = Arc::new(senders);
        let started = Instant::now();
        let mut threads = Vec::with_capacity(settings.shards + 1);
        for (index, commands) in receivers.into_iter().enumerate() {
            let seed = Seed {
                index,
                settings: Arc::clone(&settings),
                tls: Arc::clone(&tls),
                peers: Arc::clone(&peers),
                started,
                metrics: Arc::clone(&settings.metrics),
                clients: Arc::clone(&clients),
                mock_key: Arc::new(mock_key),
            };
            threads.push(spawn(&format!("shard-{index}"), move || {
                Shard::new(seed).run(commands)
            })?);
        }
        let (snapshots, snapshot_rx) = watch::channel(None);
        let (observation_tx, observations) = watch::channel(Observation::default());
        let listeners = Listeners::new(settings.bind, settings.shards);
        let supervised = Arc::clone(&peers);
        threads.push(spawn("supervisor", move || {
            supervise(supervised, listeners, snapshot_rx, observation_tx, metrics)
        })?);
        Ok(Self {
            peers,
            snapshots,
            observations,
            tls,
            clients,
            _threads: threads,
        })
    }

    /// Runs this configuration from now on; the answer comes as an observation.
    pub fn apply(&self, snapshot: Arc<Snapshot>) {
        self.snapshots.send_replace(Some(snapshot));
    }

    /// What runs, as it changes.
    pub fn observations(&self) -> watch::Receiver<Observation> {
        self.observations.clone()
    }

    /// The client connections of a proxy.
    pub async fn sessions(&self, proxy: &ProxyId) -> Vec<SessionInfo> {
        let mut all = Vec::new();
        for peer in self.peers.iter() {
            let (reply, answer) = oneshot::channel();
            if peer
                .send(Command::Sessions {
                    proxy: proxy.clone(),
                    reply,
                })
                .is_ok()
            {
                all.extend(answer.await.unwrap_or_default());
            }
        }
        all.sort_by(|a, b| (a.connected_unix, &a.id).cmp(&(b.connected_unix, &b.id)));
        all
    }

    /// What pins the clients of a proxy.
    pub async fn pins(&self, proxy: &ProxyId) -> PinReport {
        let mut reports = Vec::new();
        for peer in self.peers.iter() {
            let (reply, answer) = oneshot::channel();
            let proxy = proxy.clone();
            if peer.send(Command::Pins { proxy, reply }).is_ok() {
                reports.push(answer.await.unwrap_or_default());
            }
        }
        pins::merge(reports)
    }

    /// Shows this certificate to clients that connect from now on.
    pub fn reload_identity(&self, identity: &ServerIdentity) -> Result<(), TlsConfigError> {
        self.tls.store(Arc::new(ServerTls::new(identity)?));
        Ok(())
    }

    /// Client connections open now, over all proxies.
    pub fn client_connections(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }

    /// Ends all sessions: each at its next transaction boundary, the rest after `patience`. Answers
    /// how many had to be cut.
    pub async fn drain(&self, patience: Duration) -> usize {
        self.broadcast(|| Command::Drain);
        let deadline = tokio::time::Instant::now() + patience;
        while self.client_connections() > 0 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let cut = self.client_connections();
        self.broadcast(|| Command::Terminate);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(1);
        while self.client_connections() > 0 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        cut
    }

    fn broadcast(&self, command: impl Fn() -> Command) {
        for peer in self.peers.iter() {
            // A shard that has ended has no sessions.
            let _ = peer.send(command());
        }
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        self.broadcast(|| Command::Stop);
    }
}

async fn supervise(
    peers: Peers,
    listeners: Listeners,
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    observations: watch::Sender<Observation>,
    metrics: Arc<PlaneMetrics>,
) {
    let (probed_tx, probed_rx) = mpsc::unbounded_channel();
    let supervisor = Supervisor::new(peers, listeners, probed_tx, observations, metrics);
    supervisor.run(snapshots, probed_rx).await;
}

/// Runs a future on a thread of its own, with a single-threaded runtime.
fn spawn<F, R>(name: &str, make: F) -> io::Result<JoinHandle<()>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Future<Output = ()>,
{
    let (failed, started) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // Tasks that never leave their thread, straight in the runtime's queue: a `LocalSet` would be a
            // scheduler within the scheduler. It must be made where it runs.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default());
            match runtime {
                Ok(runtime) => {
                    drop(failed);
                    runtime.block_on(make());
                }
                Err(error) => drop(failed.send(error)),
            }
        })?;
    match started.recv() {
        Ok(error) => Err(error),
        Err(std::sync::mpsc::RecvError) => Ok(thread),
    }
}
