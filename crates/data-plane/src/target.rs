//! What all shards share about one target: its plan, its credits and its health.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::ClientConfig;
use tokio::sync::{Notify, Semaphore};
use tollgate_pool::Credits;
use tollgate_session::mysql::CodeWatch;
use tollgate_types::{
    AuthConfig, EngineFamily, HealthState, PoolPolicy, ProxyConfig, ProxyId, TargetConfig,
    TargetHealth, TargetId, TargetRole, TlsMode,
};

use crate::renewing::Renewals;
use crate::routines::RoutineBooks;
use crate::server::ScramKeyCache;
use crate::tls;

/// How to reach and use a target. Replaced whole when any part of it changes.
pub(crate) struct TargetPlan {
    /// Address and TLS policy.
    pub(crate) config: TargetConfig,
    /// Made from the TLS policy; `None` without TLS.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Why `tls` could not be made (a CA that does not parse).
    pub(crate) tls_error: Option<String>,
    /// Pool settings.
    pub(crate) policy: PoolPolicy,
    /// The proxy's auth rules: who logs in to the server with which passwords.
    pub(crate) auth: Vec<AuthConfig>,
}

impl TargetPlan {
    /// Prepares the TLS side of `config`.
    pub(crate) fn new(config: TargetConfig, policy: PoolPolicy, auth: Vec<AuthConfig>) -> Self {
        let made = match config.tls.mode {
            TlsMode::Disable => Ok(None),
            TlsMode::Prefer | TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => {
                match config.engine.family() {
                    EngineFamily::Postgresql => tls::client_config(&config.tls),
                    EngineFamily::Mysql => tls::mysql_client_config(&config.tls),
                }
                .map(Some)
            }
        };
        let (tls, tls_error) = match made {
            Ok(tls) => (tls, None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            config,
            tls,
            tls_error,
            policy,
            auth,
        }
    }

    /// Whether server connections opened under `old` must not be lent any more.
    fn outdates(&self, old: &Self) -> bool {
        self.config != old.config
            || self.policy.init_query != old.policy.init_query
            || self.auth.iter().any(|rule| {
                old.auth.iter().any(|before| {
                    before.username == rule.username && before.passwords != rule.passwords
                })
            })
            || old.auth.iter().any(|before| {
                !self
                    .auth
                    .iter()
                    .any(|rule| rule.username == before.username)
            })
    }
}

/// Shared state of one target of one proxy.
pub(crate) struct TargetShared {
    /// The registration's id.
    pub(crate) id: TargetId,
    /// The proxy it serves.
    pub(crate) proxy: ProxyId,
    /// The proxy's name, for metrics.
    pub(crate) proxy_name: Arc<str>,
    /// The database's name, for logs and metrics.
    pub(crate) database: Arc<str>,
    plan: ArcSwap<TargetPlan>,
    health: ArcSwap<TargetHealth>,
    version: ArcSwapOption<String>,
    pub(crate) epoch: AtomicU64,
    /// When connections were last renewed.
    pub(crate) renewals: Renewals,
    /// How many server connections may be open, over all shards.
    pub(crate) credits: Arc<Credits>,
    /// SCRAM keys per user, so that PBKDF2 runs once.
    pub(crate) keys: ScramKeyCache,
    /// What the stored code of its databases does.
    pub(crate) routines: RoutineBooks,
    /// Tells its MySQL connections that stored code may have changed.
    pub(crate) code: CodeWatch,
    /// Asks the prober to look now.
    pub(crate) probe_now: Notify,
    /// The one place for a scout: see [`crate::scouting`].
    pub(crate) scout: Semaphore,
}

impl TargetShared {
    /// A target nobody has probed yet: no credits until its `max_connections` is known.
    pub(crate) fn new(proxy: &ProxyConfig, plan: TargetPlan, shards: usize) -> Self {
        Self {
            id: plan.config.id.clone(),
            proxy: proxy.id.clone(),
            proxy_name: Arc::from(proxy.name.as_str()),
            database: Arc::from(plan.config.database.as_str()),
            plan: ArcSwap::from_pointee(plan),
            health: ArcSwap::from_pointee(TargetHealth::registering()),
            version: ArcSwapOption::empty(),
            epoch: AtomicU64::new(0),
            renewals: Renewals::default(),
            credits: Credits::new(0, shards),
            keys: ScramKeyCache::default(),
            routines: RoutineBooks::default(),
            code: CodeWatch::default(),
            probe_now: Notify::new(),
            scout: Semaphore::new(1),
        }
    }

    /// The plan in force.
    pub(crate) fn plan(&self) -> Arc<TargetPlan> {
        self.plan.load_full()
    }

    /// Replaces the plan. Connections opened under an outdated one are retired by every shard when
    /// it sees the new [`TargetShared::epoch`].
    pub(crate) fn replace_plan(&self, plan: TargetPlan) {
        let old = self.plan.swap(Arc::new(plan));
        let new = self.plan.load();
        if new.outdates(&old) {
            self.routines.forget();
            self.epoch.fetch_add(1, Ordering::Release);
        }
        self.apply_limit();
        if new.config != old.config || new.auth != old.auth {
            self.probe_now.notify_one();
        }
    }

    /// Rises whenever server connections opened before must not be reused.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The newest probe's result.
    pub(crate) fn health(&self) -> Arc<TargetHealth> {
        self.health.load_full()
    }

    /// The version that the server had when it was last asked; a server that is down for a while keeps it.
    pub(crate) fn version(&self) -> Option<Arc<String>> {
        self.version.load_full()
    }

    /// Stores a probe's result and the limit that follows from it.
    pub(crate) fn set_health(&self, health: TargetHealth) {
        if let Some(version) = &health.server_version {
            self.version.store(Some(Arc::new(version.clone())));
        }
        self.health.store(Arc::new(health));
        self.apply_limit();
    }

    /// Whether sessions of an endpoint that leads to `role` may use this target. A target that was
    /// never probed counts as a writer: its requests wait for the first probe.
    pub(crate) fn serves(&self, role: TargetRole) -> bool {
        let health = self.health.load();
        match health.state {
            HealthState::Available => health.role.unwrap_or(TargetRole::ReadWrite) == role,
            HealthState::Registering => role == TargetRole::ReadWrite,
            HealthState::Unavailable => false,
        }
    }

    /// Whether every server connection that may exist does.
    pub(crate) fn is_full(&self) -> bool {
        self.credits.in_use() >= self.credits.limit()
    }

    /// Idle server connections allowed over all shards.
    pub(crate) fn idle_allowed(&self) -> u32 {
        let known = self.health.load().max_connections.unwrap_or(0);
        self.plan.load().policy.idle_allowed(known)
    }

    fn apply_limit(&self) {
        let plan = self.plan.load();
        if let Some(max_connections) = self.health.load().max_connections {
            let allowed = plan.policy.connections_allowed(max_connections);
            // One connection is left for the prober: a full pool must not look like a broken server.
            let most = max_connections.saturating_sub(1).max(1);
            self.credits.set_limit(allowed.min(most));
        }
    }
}
