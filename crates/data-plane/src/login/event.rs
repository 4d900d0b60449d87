//! The audit event of a login: who came from where, what was decided and why.

use tollgate_types::{AuthDecision, AuthOutcome, DecisionSource, DecisionTls};

use super::{Asked, Findings, Place};
use crate::clock;
use crate::stream::TlsInfo;

/// Whom a decision is about, in the words of no protocol.
pub(crate) struct Subject<'a> {
    /// The protocol's name for operators.
    pub(crate) engine: &'a str,
    /// Database user.
    pub(crate) user: &'a str,
    /// Database or schema; may be empty.
    pub(crate) database: &'a str,
    /// TLS, if any.
    pub(crate) tls: Option<&'a TlsInfo>,
    /// The id the client is told.
    pub(crate) correlation_id: &'a str,
    /// What was asked for.
    pub(crate) asked: Asked,
}

/// The event for a decision with this outcome and reason.
pub(crate) fn decision(
    subject: &Subject<'_>,
    place: &Place,
    findings: &Findings,
    (outcome, reason): (AuthOutcome, &str),
) -> AuthDecision {
    let endpoint = place.proxy.endpoints.get(place.endpoint.as_ref());
    AuthDecision {
        correlation_id: subject.correlation_id.to_owned(),
        time_unix_ms: clock::unix_millis(),
        outcome,
        reason: reason.to_owned(),
        detail: findings.detail.clone(),
        proxy: place.proxy.config.id.to_string(),
        proxy_name: place.proxy.config.name.clone(),
        endpoint: endpoint.map_or_else(String::new, |e| {
            format!("{}:{}", e.config.host, e.config.port)
        }),
        engine: subject.engine.to_owned(),
        db_user: subject.user.to_owned(),
        database: subject.database.to_owned(),
        method: subject.asked.method().to_owned(),
        principal_arn: findings.principal.as_ref().map(|p| p.arn.to_string()),
        access_key_id: findings.access_key_id.clone(),
        token_issued_unix: findings.issued_unix,
        policy: findings.policy.clone(),
        source: DecisionSource {
            ip: place.peer.ip().to_canonical().to_string(),
            port: place.peer.port(),
        },
        tls: subject.tls.map(|info| DecisionTls {
            version: info.version.to_owned(),
            sni: info.sni.clone(),
        }),
        revision: place.running.revision.0,
    }
}
