//! `tollgate serve`: both planes in one process, listening before anything remote is asked.

mod http;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tollgate_control_plane::{Clock, ControlPlane, DecisionSink, PeerRule, Ports, decision_sink};
use tollgate_data_plane::DataPlane;
use tollgate_secrets::{AwsSecrets, ExternalSettings, ExternalValues, Sealer};
use tollgate_store::{Store, StoreSettings};
use tollgate_telemetry::Metrics;

use crate::adapters::{ConfigMade, Decisions, FromAws, InProcess, remembered};
use crate::config::Config;
use crate::data_dir::{DataDir, DataDirLock};
use crate::snapshot_file::{SealedFile, SnapshotFile};
use crate::{certificates, descriptors, master_key, random, root_key};

/// Days ahead for which signing keys are derived: the horizon of serving without the control plane.
const SIGNING_KEY_DAYS: u16 = 7;

/// Runs until a signal ends it.
pub(crate) async fn serve(config: Config) -> Result<()> {
    let serving = Serving::start(config).await?;
    serving.until_signal().await?;
    serving.stop().await;
    Ok(())
}

/// A running process: both planes and the API listener.
pub(crate) struct Serving {
    config: Config,
    dir: DataDir,
    _lock: DataDirLock,
    data_plane: Arc<DataPlane>,
    control_plane: ControlPlane,
    cancel: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Serving {
    /// Starts everything. Waits for nothing remote.
    pub(crate) async fn start(config: Config) -> Result<Self> {
        let began = Instant::now();
        descriptors::raise(config.max_client_connections);
        let dir = DataDir::open(&config.data_dir)?;
        let lock = dir.lock()?;
        let key = master_key::load_or_make(&config.master_key_file, &dir)?;
        let sealer = Arc::new(Sealer::new(key));
        let file = SealedFile::new(dir.file("snapshot.sealed"), Arc::clone(&sealer));
        let snapshot = file.read()?;
        let root = root_key::load_or_make(&dir)?;
        let identity = certificates::load_or_issue(&config, &dir)?;
        // The API's address first: a port in use ends the start before anything else is touched.
        let listener = TcpListener::bind(config.api_listen)
            .await
            .with_context(|| format!("api-listen: cannot listen on {}", config.api_listen))?;
        let cancel = CancellationToken::new();
        let store = Store::open(StoreSettings::new(config.metadata.clone()));
        let (audit, audit_writer) = decision_sink(store.clone());
        let made = ConfigMade::default();
        let metrics = Arc::new(http::metrics(made.clone(), audit.clone()));
        let data_plane = Arc::new(DataPlane::start(tollgate_data_plane::Settings {
            bind: config.endpoint_bind,
            shards: config.shards,
            identity,
            decisions: Arc::new(Decisions::new(audit.clone())),
            metrics: Arc::clone(&metrics),
            max_client_connections: config.max_client_connections,
            handshake_timeout: config.handshake_timeout,
            reuse: tollgate_data_plane::Reuse::MostRecent,
        })?);
        let remembered = snapshot.as_ref().map(remembered).unwrap_or_default();
        if let Some(snapshot) = snapshot {
            tracing::info!(
                config.revision = snapshot.revision.0,
                "serving from the snapshot on disk until the metadata store answers"
            );
            made.note(&snapshot);
            data_plane.apply(Arc::new(snapshot));
        }
        let joint = Arc::new(InProcess::new(
            Arc::clone(&data_plane),
            SnapshotFile::start(file),
            made,
        ));
        let external = external_secrets(&config, remembered);
        let control_plane = tollgate_control_plane::control_plane(
            control_settings(&config, root),
            store,
            sealer,
            ports(joint, &data_plane, external, audit),
        );
        let mut serving = Self {
            config,
            dir,
            _lock: lock,
            data_plane,
            control_plane,
            cancel,
            tasks: Vec::new(),
        };
        serving.spawn(audit_writer.run(clock(), serving.cancel.clone()));
        let (reconciler, cancel) = (serving.control_plane.clone(), serving.cancel.clone());
        serving.spawn(async move { reconciler.run(cancel).await });
        serving.listen(listener, &metrics);
        tracing::info!(
            api.listen = %serving.config.api_listen, data.dir = %serving.config.data_dir.display(),
            shards = serving.config.shards, took_ms = began.elapsed().as_millis(), version = env!("CARGO_PKG_VERSION"),
            "tollgate serves"
        );
        Ok(serving)
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(tokio::spawn(task));
    }

    fn listen(&mut self, listener: TcpListener, metrics: &Arc<Metrics>) {
        let router = self
            .control_plane
            .router()
            .merge(http::routes(Arc::clone(metrics)));
        let stop = self.cancel.clone();
        self.spawn(http::serve(listener, router, stop));
    }

    /// Waits for SIGINT or SIGTERM. SIGHUP reads the certificates again.
    pub(crate) async fn until_signal(&self) -> Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot watch SIGTERM")?;
        let mut hangup = signal(SignalKind::hangup()).context("cannot watch SIGHUP")?;
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                _ = hangup.recv() => self.reload(),
            }
        }
    }

    fn reload(&self) {
        let reloaded = certificates::load_or_issue(&self.config, &self.dir)
            .and_then(|identity| Ok(self.data_plane.reload_identity(&identity)?));
        match reloaded {
            Ok(()) => tracing::info!("certificates reloaded"),
            Err(error) => {
                tracing::error!("certificates not reloaded, the old ones stay in use: {error:#}");
            }
        }
    }

    /// Drains and ends: no new work, transactions get the drain timeout.
    pub(crate) async fn stop(self) {
        tracing::info!(clients = self.data_plane.client_connections(), "stopping");
        self.control_plane.drain();
        let cut = self.data_plane.drain(self.config.drain_timeout).await;
        if cut > 0 {
            tracing::warn!(
                clients = cut,
                "clients were cut: their transactions outlasted drain-timeout"
            );
        }
        self.cancel.cancel();
        for task in self.tasks {
            // A task that hangs must not keep the process.
            let _ = tokio::time::timeout(Duration::from_secs(5), task).await;
        }
        tracing::info!("stopped");
    }
}

fn control_settings(
    config: &Config,
    root: tollgate_control_plane::RootCredentials,
) -> tollgate_control_plane::Settings {
    tollgate_control_plane::Settings {
        arn: config.arn.clone(),
        endpoint_host: config.endpoint_host.clone(),
        endpoint_ports: config.endpoint_ports.clone(),
        root,
        plaintext_basic: PeerRule::LoopbackOnly,
        drain_timeout_s: u32::try_from(config.drain_timeout.as_secs()).unwrap_or(u32::MAX),
        signing_key_days_ahead: SIGNING_KEY_DAYS,
        oidc_reach: config.oidc_reach,
    }
}

fn external_secrets(config: &Config, remembered: BTreeMap<String, ExternalValues>) -> Arc<FromAws> {
    let settings = ExternalSettings {
        endpoint: config.secrets_manager_endpoint.clone(),
        remembered,
    };
    let runtime = tokio::runtime::Handle::current();
    Arc::new(FromAws(AwsSecrets::new(runtime, settings)))
}

fn ports(
    joint: Arc<InProcess>,
    data_plane: &DataPlane,
    external_secrets: Arc<FromAws>,
    decisions: DecisionSink,
) -> Ports {
    Ports {
        publisher: Arc::clone(&joint) as _,
        observations: data_plane.observations(),
        sessions: joint,
        external_secrets,
        decisions,
        clock: clock(),
        random: Arc::new(random::fill),
    }
}

fn clock() -> Clock {
    Arc::new(|| chrono::Utc::now().timestamp_millis())
}
