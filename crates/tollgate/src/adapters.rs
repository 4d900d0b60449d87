//! The planes' ports, joined: snapshots down, observations up, decisions into the audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;
use tollgate_control_plane::{
    DecisionSink as AuditLog, Eventually, ExternalSecrets, Publisher, SessionsView,
};
use tollgate_data_plane::{DataPlane, DecisionSink};
use tollgate_secrets::{AwsSecrets, ExternalState, ExternalValues};
use tollgate_types::{
    AuthDecision, AuthOutcome, PinReport, ProxyId, SecretString, SessionInfo, Snapshot,
};

use crate::snapshot_file::SnapshotFile;

/// Hands snapshots to the data plane of the same process, and to the disk.
pub(crate) struct InProcess {
    data_plane: Arc<DataPlane>,
    file: SnapshotFile,
    made: ConfigMade,
}

/// When the configuration in force was made, in seconds since the epoch; 0 before the first.
#[derive(Clone, Default)]
pub(crate) struct ConfigMade(Arc<AtomicI64>);

impl ConfigMade {
    /// This configuration is in force from now on.
    pub(crate) fn note(&self, snapshot: &Snapshot) {
        self.0.store(snapshot.created_unix, Ordering::Relaxed);
    }

    /// Its age in seconds; 0 before the first.
    pub(crate) fn age_s(&self) -> f64 {
        let made = self.0.load(Ordering::Relaxed);
        let age = if made == 0 {
            0
        } else {
            (chrono::Utc::now().timestamp() - made).max(0)
        };
        f64::from(u32::try_from(age).unwrap_or(u32::MAX))
    }
}

impl InProcess {
    /// Joins the control plane to `data_plane`.
    pub(crate) fn new(data_plane: Arc<DataPlane>, file: SnapshotFile, made: ConfigMade) -> Self {
        Self {
            data_plane,
            file,
            made,
        }
    }
}

impl Publisher for InProcess {
    fn publish(&self, snapshot: Arc<Snapshot>) {
        self.made.note(&snapshot);
        self.file.write_later(Arc::clone(&snapshot));
        self.data_plane.apply(snapshot);
    }
}

impl SessionsView for InProcess {
    fn sessions<'a>(&'a self, proxy: &'a ProxyId) -> Eventually<'a, Vec<SessionInfo>> {
        Box::pin(self.data_plane.sessions(proxy))
    }

    fn pins<'a>(&'a self, proxy: &'a ProxyId) -> Eventually<'a, PinReport> {
        Box::pin(self.data_plane.pins(proxy))
    }
}

/// Secrets of AWS, for the control plane.
pub(crate) struct FromAws(pub(crate) AwsSecrets);

impl ExternalSecrets for FromAws {
    fn watch(&self, arns: &BTreeSet<String>) {
        self.0.watch(arns);
    }

    fn state(&self, arn: &str) -> ExternalState {
        self.0.state(arn)
    }

    fn hurry(&self, arn: &str) {
        self.0.hurry(arn);
    }
}

/// The secrets of AWS that a snapshot carries, which serve until AWS has answered after a restart.
pub(crate) fn remembered(snapshot: &Snapshot) -> BTreeMap<String, ExternalValues> {
    let rules = snapshot.proxies.iter().flat_map(|proxy| &proxy.auth);
    let external = rules.filter(|rule| rule.secret_name.starts_with("arn:"));
    let values = external.map(|rule| {
        let texts = rule.passwords.iter().map(|password| {
            let login = json!({"username": rule.username, "password": password.expose()});
            SecretString::from(login.to_string())
        });
        let values = ExternalValues {
            version_id: rule.secret_version.clone(),
            texts: texts.collect(),
            trouble: Some("AWS has not been asked since the start".to_owned()),
        };
        (rule.secret_name.clone(), values)
    });
    values.collect()
}

/// Logs every decision and hands it to the audit log.
pub(crate) struct Decisions {
    audit: AuditLog,
}

impl Decisions {
    /// Decisions go to `audit`.
    pub(crate) fn new(audit: AuditLog) -> Self {
        Self { audit }
    }
}

impl DecisionSink for Decisions {
    fn record(&self, decision: AuthDecision) {
        log(&decision);
        self.audit.record(decision);
    }
}

fn log(decision: &AuthDecision) {
    let principal = decision.principal_arn.as_deref().unwrap_or_default();
    match decision.outcome {
        AuthOutcome::Allow => tracing::debug!(
            auth.outcome = "allow", correlation.id = %decision.correlation_id, proxy.name = %decision.proxy_name,
            db.user = %decision.db_user, principal.arn = principal, client.ip = %decision.source.ip, "login allowed"
        ),
        AuthOutcome::Deny => tracing::warn!(
            auth.outcome = "deny", auth.reason = %decision.reason, correlation.id = %decision.correlation_id,
            proxy.name = %decision.proxy_name, db.user = %decision.db_user, principal.arn = principal,
            client.ip = %decision.source.ip, "login refused: {}", decision.detail
        ),
    }
}
