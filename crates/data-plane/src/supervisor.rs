//! The data plane's own thread: takes in snapshots, binds endpoints, runs probes, reports upwards.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tollgate_types::{
    Observation, ObservedProxy, ObservedTarget, ProxyConfig, Snapshot, TargetHealth, TargetId,
};

use crate::fingerprint::Found;
use crate::listeners::{ListenerChange, Listeners};
use crate::plane_metrics::PlaneMetrics;
use crate::prober;
use crate::renewing::Renew;
use crate::running::Running;
use crate::shard::{Command, Peers};
use crate::target::{TargetPlan, TargetShared};

/// How often it is looked whether drains have ended and server connections are to be renewed.
const TICK: Duration = Duration::from_millis(250);
/// Ticks between two tries of a refused port.
const RETRY_TICKS: u32 = 4;

/// What a prober reports.
pub(crate) struct Probed {
    /// The target.
    pub(crate) target: TargetId,
    /// Its health.
    pub(crate) health: TargetHealth,
    /// Whether what sessions of the server begin with has changed.
    pub(crate) defaults: Found,
}

/// The supervisor's state; lives on its thread.
pub(crate) struct Supervisor {
    peers: Peers,
    running: Arc<Running>,
    listeners: Listeners,
    targets: HashMap<TargetId, Arc<TargetShared>>,
    probers: HashMap<TargetId, AbortHandle>,
    probed: mpsc::UnboundedSender<Probed>,
    observations: watch::Sender<Observation>,
    metrics: Arc<PlaneMetrics>,
}

impl Supervisor {
    /// A supervisor of `peers` with nothing to run yet.
    pub(crate) fn new(
        peers: Peers,
        listeners: Listeners,
        probed: mpsc::UnboundedSender<Probed>,
        observations: watch::Sender<Observation>,
        metrics: Arc<PlaneMetrics>,
    ) -> Self {
        Self {
            peers,
            running: Arc::new(Running::default()),
            listeners,
            targets: HashMap::new(),
            probers: HashMap::new(),
            probed,
            observations,
            metrics,
        }
    }

    /// Runs until the sender of snapshots is gone. Must be called on a runtime of one thread.
    pub(crate) async fn run(
        mut self,
        mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
        mut probed: mpsc::UnboundedReceiver<Probed>,
    ) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut since_retry = 0;
        loop {
            tokio::select! {
                changed = snapshots.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let newest = snapshots.borrow_and_update().clone();
                    if let Some(snapshot) = newest {
                        self.apply(&snapshot).await;
                    }
                }
                Some(report) = probed.recv() => self.take_health(report),
                _ = ticks.tick() => {
                    since_retry += 1;
                    if since_retry >= RETRY_TICKS && self.listeners.has_refused() {
                        since_retry = 0;
                        self.push().await;
                        self.report();
                    }
                    self.renew_what_is_due();
                    self.report_drains();
                }
            }
        }
    }

    async fn apply(&mut self, snapshot: &Snapshot) {
        self.update_targets(snapshot);
        self.running = Arc::new(Running::compile(snapshot, &self.running, &self.targets));
        self.push().await;
        self.metrics.applied(snapshot);
        tracing::info!(
            config.revision = snapshot.revision.0,
            proxies = snapshot.proxies.len(),
            "configuration applied"
        );
        self.report();
    }

    /// Has every shard run what `self.running` says, and waits until all do.
    async fn push(&mut self) {
        let changes = self.listeners.reconcile(&self.running);
        let mut waits = Vec::with_capacity(changes.len());
        for (peer, listeners) in self.peers.iter().zip(changes) {
            waits.push(hand_over(peer, Arc::clone(&self.running), listeners));
        }
        for done in waits {
            // A shard that is gone cannot answer; the process is ending.
            let _ = done.await;
        }
    }

    fn update_targets(&mut self, snapshot: &Snapshot) {
        let mut wanted: HashMap<TargetId, (&ProxyConfig, TargetPlan)> = HashMap::new();
        for proxy in &snapshot.proxies {
            for target in &proxy.targets {
                let plan = TargetPlan::new(target.clone(), proxy.pool.clone(), proxy.auth.clone());
                wanted.insert(target.id.clone(), (proxy, plan));
            }
        }
        self.targets.retain(|id, _| wanted.contains_key(id));
        let targets = &self.targets;
        self.probers.retain(|id, prober| {
            let keep = targets.contains_key(id);
            if !keep {
                prober.abort();
            }
            keep
        });
        for (id, (proxy, plan)) in wanted {
            match self.targets.get(&id) {
                Some(known) => known.replace_plan(plan),
                None => self.add_target(id, proxy, plan),
            }
        }
    }

    fn add_target(&mut self, id: TargetId, proxy: &ProxyConfig, plan: TargetPlan) {
        let target = Arc::new(TargetShared::new(proxy, plan, self.peers.len()));
        let task = tokio::task::spawn_local(prober::run(Arc::clone(&target), self.probed.clone()));
        self.probers.insert(id.clone(), task.abort_handle());
        self.targets.insert(id, target);
    }

    fn take_health(&mut self, report: Probed) {
        let Some(target) = self.targets.get(&report.target) else {
            return;
        };
        let before = target.health();
        if before.state != report.health.state {
            tracing::info!(
                target.name = %target.database, proxy.id = %target.proxy, health.state = ?report.health.state,
                health.reason = ?report.health.reason, health.description = %report.health.description,
                "target health changed"
            );
        }
        self.metrics
            .target_health(&target.proxy_name, &target.database, report.health.state);
        target.set_health(report.health);
        match report.defaults {
            Found::AsBefore => {}
            Found::Changed => {
                target.defaults_changed();
            }
        }
        self.retry(&report.target);
        self.report();
    }

    /// Has every shard look at the target again.
    fn retry(&self, target: &TargetId) {
        for peer in self.peers.iter() {
            let _ = peer.send(Command::Retry {
                target: target.clone(),
            });
        }
    }

    fn renew_what_is_due(&self) {
        for (id, target) in &self.targets {
            match target.renew_if_due() {
                Renew::Now => self.retry(id),
                Renew::NotYet => {}
            }
        }
    }

    /// Shows what runs; wakes those who watch only when there is news, for they read all their rows then.
    fn report(&self) {
        let observation = self.observe();
        self.observations.send_if_modified(|last| {
            let is_news = observation.is_news_after(last);
            *last = observation;
            is_news
        });
    }

    /// That a client has left is told to nobody, and it may have been the last one.
    fn report_drains(&self) {
        if self
            .running
            .proxies
            .values()
            .any(|proxy| proxy.is_draining())
        {
            self.report();
        }
    }

    fn observe(&self) -> Observation {
        let proxies = self
            .running
            .proxies
            .values()
            .map(|proxy| ObservedProxy {
                id: proxy.config.id.clone(),
                generation: proxy.config.generation,
                endpoints: self.listeners.observed(&proxy.config.id),
                drained: proxy.is_draining() && proxy.shared.clients() == 0,
            })
            .collect();
        let targets = self
            .targets
            .values()
            .map(|target| ObservedTarget {
                proxy: target.proxy.clone(),
                target: target.id.clone(),
                health: TargetHealth::clone(&target.health()),
            })
            .collect();
        Observation {
            revision: self.running.revision,
            proxies,
            targets,
        }
    }
}

fn hand_over(
    peer: &mpsc::UnboundedSender<Command>,
    running: Arc<Running>,
    listeners: ListenerChange,
) -> oneshot::Receiver<()> {
    let (done, wait) = oneshot::channel();
    let _ = peer.send(Command::Apply {
        running,
        listeners,
        done,
    });
    wait
}
