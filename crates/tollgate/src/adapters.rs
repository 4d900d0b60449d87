//! The planes' ports, joined: snapshots down, observations up, decisions into the audit log.

use std::sync::Arc;

use tollgate_control_plane::{DecisionSink as AuditLog, Eventually, Publisher, SessionsView};
use tollgate_data_plane::{DataPlane, DecisionSink};
use tollgate_types::{AuthDecision, AuthOutcome, ProxyId, SessionInfo, Snapshot};

use crate::snapshot_file::SnapshotFile;

/// Hands snapshots to the data plane of the same process, and to the disk.
pub(crate) struct InProcess {
    data_plane: Arc<DataPlane>,
    file: SnapshotFile,
}

impl InProcess {
    /// Joins the control plane to `data_plane`.
    pub(crate) fn new(data_plane: Arc<DataPlane>, file: SnapshotFile) -> Self {
        Self { data_plane, file }
    }
}

impl Publisher for InProcess {
    fn publish(&self, snapshot: Arc<Snapshot>) {
        self.file.write_later(Arc::clone(&snapshot));
        self.data_plane.apply(snapshot);
    }
}

impl SessionsView for InProcess {
    fn sessions<'a>(&'a self, proxy: &'a ProxyId) -> Eventually<'a, Vec<SessionInfo>> {
        Box::pin(self.data_plane.sessions(proxy))
    }
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
