//! The rungs of the ladder and how they are noted, whatever protocol is spoken on the upper ones.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;
use tollgate_types::{CheckOutcome, HealthCheck, HealthReason, ProbeStep, TargetRole, TlsMode};

use super::ProbePlan;
use crate::fingerprint::Sight;
use crate::server::{Deadline, ErrorScope, OpenError, OpenErrorKind, Security, dial, resolve};
use crate::stream::Stream;

/// What the climb found at the top.
pub(crate) struct Top {
    /// What the server says about itself.
    pub(crate) server: ServerFacts,
    /// What sessions begin with, where that is watched.
    pub(crate) sight: Option<Sight>,
    /// A sentence for the operator.
    pub(crate) description: String,
}

/// What a server says about itself.
pub(crate) struct ServerFacts {
    /// Writer or reader.
    pub(crate) role: TargetRole,
    /// Connections for ordinary users.
    pub(crate) max_connections: u32,
    /// Its version.
    pub(crate) version: String,
}

impl ServerFacts {
    /// How the rung of the role went.
    pub(crate) fn words(&self) -> (CheckOutcome, String) {
        let role = match self.role {
            TargetRole::ReadWrite => "read-write",
            TargetRole::ReadOnly => "read-only",
        };
        let room = self.max_connections;
        (
            CheckOutcome::Ok,
            format!("{role}, {room} connections, version {}", self.version),
        )
    }
}

/// Where and why the climb ended early.
pub(crate) struct Failure {
    pub(super) step: ProbeStep,
    pub(super) reason: HealthReason,
    pub(super) description: String,
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let reason = match (error.step, error.scope(), &error.kind) {
            (ProbeStep::Dns | ProbeStep::Tcp, _, _) => HealthReason::Unreachable,
            (ProbeStep::Auth, ErrorScope::Key, _) => HealthReason::AuthFailure,
            (ProbeStep::Role, ErrorScope::Key, _)
            | (ProbeStep::Role, _, OpenErrorKind::Protocol(_)) => {
                HealthReason::InvalidReplicationState
            }
            // A server that is full or starting up has not said anything about the password.
            (ProbeStep::Tls, _, _) | (ProbeStep::Auth | ProbeStep::Role, ErrorScope::Target, _) => {
                HealthReason::ConnectionFailed
            }
        };
        Self {
            step: error.step,
            reason,
            description: error.to_string(),
        }
    }
}

/// The rungs tried so far.
pub(crate) struct Ladder {
    pub(super) checks: BTreeMap<ProbeStep, HealthCheck>,
}

impl Ladder {
    /// Notes how a rung went.
    pub(crate) fn note(
        &mut self,
        step: ProbeStep,
        outcome: CheckOutcome,
        took: Duration,
        detail: String,
    ) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.checks.insert(
            step,
            HealthCheck {
                outcome,
                took_ms,
                detail,
            },
        );
    }

    /// Fails the rung of the login when there is nobody to log in.
    pub(crate) fn somebody(&mut self, plan: &ProbePlan<'_>) -> Result<(), Failure> {
        if !plan.logins.is_empty() {
            return Ok(());
        }
        let description = "Proxy does not have any registered credentials".to_owned();
        self.note(
            ProbeStep::Auth,
            CheckOutcome::Failed,
            Duration::ZERO,
            description.clone(),
        );
        Err(Failure {
            step: ProbeStep::Auth,
            reason: HealthReason::AuthFailure,
            description,
        })
    }

    /// Notes how a rung went, `words` being the detail of success.
    pub(crate) fn rung<T>(
        &mut self,
        step: ProbeStep,
        since: Instant,
        result: Result<T, OpenError>,
        words: impl FnOnce(&T) -> (CheckOutcome, String),
    ) -> Result<T, Failure> {
        match result {
            Ok(found) => {
                let (outcome, detail) = words(&found);
                self.note(step, outcome, since.elapsed(), detail);
                Ok(found)
            }
            Err(error) => Err(self.failed(step, since, error)),
        }
    }

    /// Notes that a rung failed.
    pub(crate) fn failed(&mut self, step: ProbeStep, since: Instant, error: OpenError) -> Failure {
        let detail = error.to_string();
        self.note(step, CheckOutcome::Failed, since.elapsed(), detail);
        error.into()
    }
}

/// The rung of the name.
pub(crate) async fn dns(
    plan: &ProbePlan<'_>,
    ladder: &mut Ladder,
    deadline: Deadline,
) -> Result<Vec<SocketAddr>, Failure> {
    let since = Instant::now();
    let resolved = resolve(plan.target, deadline).await;
    ladder.rung(ProbeStep::Dns, since, resolved, |addresses| {
        let found: Vec<String> = addresses
            .iter()
            .map(|address| address.ip().to_string())
            .collect();
        (CheckOutcome::Ok, found.join(", "))
    })
}

/// The rung of the socket.
pub(crate) async fn tcp(
    addresses: &[SocketAddr],
    ladder: &mut Ladder,
    deadline: Deadline,
) -> Result<TcpStream, Failure> {
    let since = Instant::now();
    let dialled = dial(addresses, deadline).await;
    ladder.rung(ProbeStep::Tcp, since, dialled, |tcp| {
        let peer = tcp
            .peer_addr()
            .map(|address| address.to_string())
            .unwrap_or_default();
        (CheckOutcome::Ok, peer)
    })
}

/// How the rung of TLS went.
pub(crate) fn tls_words(how: Security, stream: &Stream, mode: TlsMode) -> (CheckOutcome, String) {
    match how {
        Security::Off => (
            CheckOutcome::Skipped,
            "the target's policy is disable".to_owned(),
        ),
        Security::NotOffered => (
            CheckOutcome::Skipped,
            "the server does not offer TLS; the policy is prefer".to_owned(),
        ),
        Security::Encrypted => {
            let version = stream.tls_version().unwrap_or("TLS");
            (CheckOutcome::Ok, format!("{version} {}", mode_name(mode)))
        }
    }
}

fn mode_name(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Disable => "disable",
        TlsMode::Prefer => "prefer",
        TlsMode::Require => "require",
        TlsMode::VerifyCa => "verify-ca",
        TlsMode::VerifyFull => "verify-full",
    }
}

/// Who got in and who did not.
pub(crate) struct Logins<C> {
    /// The connection of the first who got in; no more than one is kept open.
    pub(crate) connection: Option<C>,
    /// Names of those who got in.
    pub(crate) entered: Vec<String>,
    /// Names of the others, and why not.
    pub(crate) failed: Vec<(String, OpenError)>,
}

/// One user who gets in makes the target available; the others are named.
pub(crate) fn auth<C>(
    ladder: &mut Ladder,
    since: Instant,
    logins: Logins<C>,
) -> Result<(C, String), Failure> {
    let told: Vec<String> = logins
        .failed
        .iter()
        .map(|(user, error)| format!("user \"{user}\": {error}"))
        .collect();
    let told = told.join("; ");
    let names = logins.entered.join(", ");
    if let Some(connection) = logins.connection {
        let detail = if told.is_empty() {
            names
        } else {
            format!("{names}; failed: {told}")
        };
        ladder.note(ProbeStep::Auth, CheckOutcome::Ok, since.elapsed(), detail);
        let description = if told.is_empty() {
            "the target is available".to_owned()
        } else {
            format!("the target is available, but some registered secrets fail: {told}")
        };
        return Ok((connection, description));
    }
    ladder.note(
        ProbeStep::Auth,
        CheckOutcome::Failed,
        since.elapsed(),
        told.clone(),
    );
    // The last failure decides: one that concerns the target ends the round.
    let reason = match logins.failed.into_iter().next_back() {
        Some((_, error)) => Failure::from(error).reason,
        None => HealthReason::AuthFailure,
    };
    Err(Failure {
        step: ProbeStep::Auth,
        reason,
        description: told,
    })
}
