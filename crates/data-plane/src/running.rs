//! A snapshot turned into what connections look things up in.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tollgate_iam::token::Authority;
use tollgate_types::{
    Arn, AuthConfig, EndpointConfig, EngineFamily, ProxyConfig, ProxyId, ProxyPhase, Revision,
    Snapshot, TargetId,
};
use tollgate_wire_postgres::scram::{DEFAULT_ITERATIONS, Verifier};

use crate::identity::Identity;
use crate::proxy_state::ProxyShared;
use crate::random;
use crate::target::TargetShared;

/// The whole running configuration; shards hold it behind an `Arc` and swap it at once.
#[derive(Default)]
pub(crate) struct Running {
    /// Revision it was made from.
    pub(crate) revision: Revision,
    /// Region and account; `None` before the first snapshot.
    pub(crate) arn: Option<Arn>,
    /// Proxies by id.
    pub(crate) proxies: FxHashMap<ProxyId, Arc<RunningProxy>>,
    /// Who may connect.
    pub(crate) identity: Arc<Identity>,
}

/// One proxy, with its auth rules and endpoints ready for use.
pub(crate) struct RunningProxy {
    /// As configured.
    pub(crate) config: ProxyConfig,
    /// Auth rules by database user.
    pub(crate) logins: HashMap<String, Arc<LoginRule>>,
    /// Endpoints by name.
    pub(crate) endpoints: FxHashMap<String, RunningEndpoint>,
    /// Registered databases in order of registration.
    pub(crate) targets: Vec<Arc<TargetShared>>,
    /// Counts over all shards.
    pub(crate) shared: Arc<ProxyShared>,
}

/// One endpoint and the `host:port` pairs a token may name.
pub(crate) struct RunningEndpoint {
    /// As configured.
    pub(crate) config: EndpointConfig,
    /// Public host and declared aliases, each with the endpoint's port.
    pub(crate) authorities: Vec<Authority>,
}

/// One auth rule with its verifiers derived: PBKDF2 runs here, never at login.
pub(crate) struct LoginRule {
    /// As configured, passwords included.
    pub(crate) config: AuthConfig,
    /// SCRAM verifiers of the passwords, the current one first; none for MySQL.
    pub(crate) scram: Vec<Verifier>,
}

impl Running {
    /// Compiles `snapshot`, taking over from `previous` what did not change. `targets` are the
    /// shared target states, already brought up to date with the snapshot.
    pub(crate) fn compile(
        snapshot: &Snapshot,
        previous: &Self,
        targets: &HashMap<TargetId, Arc<TargetShared>>,
    ) -> Self {
        let identity = Arc::new(Identity::compile(&snapshot.identity, &previous.identity));
        let proxies = snapshot
            .proxies
            .iter()
            .map(|config| {
                let old = previous.proxies.get(&config.id).map(Arc::as_ref);
                (
                    config.id.clone(),
                    Arc::new(RunningProxy::compile(config, old, targets)),
                )
            })
            .collect();
        Self {
            revision: snapshot.revision,
            arn: Some(snapshot.arn.clone()),
            proxies,
            identity,
        }
    }
}

impl RunningProxy {
    fn compile(
        config: &ProxyConfig,
        previous: Option<&Self>,
        targets: &HashMap<TargetId, Arc<TargetShared>>,
    ) -> Self {
        let logins = config
            .auth
            .iter()
            .map(|rule| {
                let kept = previous
                    .and_then(|old| old.logins.get(&rule.username))
                    .filter(|old| old.config == *rule)
                    .map(Arc::clone);
                (
                    rule.username.clone(),
                    kept.unwrap_or_else(|| Arc::new(LoginRule::derive(rule))),
                )
            })
            .collect();
        let endpoints = config
            .endpoints
            .iter()
            .map(|endpoint| (endpoint.name.clone(), RunningEndpoint::new(endpoint)))
            .collect();
        let targets = config
            .targets
            .iter()
            .filter_map(|target| targets.get(&target.id).cloned())
            .collect();
        let shared = previous.map_or_else(Arc::default, |old| Arc::clone(&old.shared));
        Self {
            config: config.clone(),
            logins,
            endpoints,
            targets,
            shared,
        }
    }

    /// Whether the proxy is being deleted.
    pub(crate) fn is_draining(&self) -> bool {
        match self.config.phase {
            ProxyPhase::Serving => false,
            ProxyPhase::Draining { .. } => true,
        }
    }
}

impl RunningEndpoint {
    fn new(config: &EndpointConfig) -> Self {
        let authorities = std::iter::once(&config.host)
            .chain(&config.aliases)
            .map(|host| Authority {
                host: host.clone(),
                port: config.port,
            })
            .collect();
        Self {
            config: config.clone(),
            authorities,
        }
    }
}

impl LoginRule {
    fn derive(config: &AuthConfig) -> Self {
        // MySQL's ways are cheap: they are checked with the passwords themselves.
        let passwords = match config.client_password.family() {
            EngineFamily::Postgresql => config.passwords.as_slice(),
            EngineFamily::Mysql => &[],
        };
        let scram = passwords
            .iter()
            .filter_map(|password| {
                let mut salt = [0; 16];
                random::fill(&mut salt);
                Verifier::from_password(password.expose().as_bytes(), &salt, DEFAULT_ITERATIONS)
                    .ok()
            })
            .collect();
        Self {
            config: config.clone(),
            scram,
        }
    }
}
