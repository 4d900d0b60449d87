//! How the health of a target is found out, rung by rung: dns, tcp, tls, auth, role.

mod ladder;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::ClientConfig;
use tokio::time::Instant;
use tollgate_types::{
    CheckOutcome, EngineFamily, HealthCheck, HealthState, ProbeStep, SecretString, TargetConfig,
    TargetHealth, TargetRole,
};

use crate::fingerprint::{self, Sight};
use crate::mysql;
use crate::server::{
    Credentials, Deadline, OpenError, OpenErrorKind, ScramKeyCache, Secured, ServerConnection,
    dial, log_in, query_rows, secure,
};

pub(crate) use ladder::{Failure, Ladder, Logins, ServerFacts, Top, auth, dns, tcp, tls_words};

/// Role, capacity and version in one question. The reserved settings that a server does not know count as
/// nothing: `reserved_connections` came with PostgreSQL 16.
const QUESTION: &str = "SELECT pg_catalog.pg_is_in_recovery(), \
     pg_catalog.current_setting('default_transaction_read_only'), \
     pg_catalog.current_setting('max_connections'), \
     pg_catalog.current_setting('superuser_reserved_connections', true), \
     pg_catalog.current_setting('reserved_connections', true), \
     pg_catalog.current_setting('server_version')";

/// What to climb with.
pub(crate) struct ProbePlan<'a> {
    /// Where to.
    pub(crate) target: &'a TargetConfig,
    /// Made from the target's TLS policy.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Why it could not be made.
    pub(crate) tls_error: Option<&'a str>,
    /// The users of the proxy's auth rules with their passwords.
    pub(crate) logins: &'a [(&'a str, &'a [SecretString])],
    /// Keys derived at earlier logins.
    pub(crate) key_cache: &'a ScramKeyCache,
    /// Fills bytes that nobody can guess.
    pub(crate) random: fn(&mut [u8]),
    /// Time for the whole climb.
    pub(crate) deadline: Duration,
}

/// What came of a climb.
pub(crate) struct Climb {
    /// Every rung. [`TargetHealth::consecutive_failures`] is the caller's.
    pub(crate) health: TargetHealth,
    /// What sessions of the server begin with, if it was reached and said so.
    pub(crate) sight: Option<Sight>,
}

/// Climbs the ladder and reports every rung.
pub(crate) async fn climb(plan: &ProbePlan<'_>) -> Climb {
    let mut ladder = Ladder {
        checks: BTreeMap::new(),
    };
    let mut climbed = match plan.target.engine.family() {
        EngineFamily::Postgresql => to_the_top(plan, &mut ladder).await,
        EngineFamily::Mysql => mysql::probe::to_the_top(plan, &mut ladder).await,
    };
    let sight = climbed.as_mut().ok().and_then(|top| top.sight.take());
    let failed_step = match &climbed {
        Ok(_) => None,
        Err(failure) => Some(failure.step),
    };
    for step in ProbeStep::ALL {
        ladder.checks.entry(step).or_insert_with(|| HealthCheck {
            outcome: CheckOutcome::Skipped,
            took_ms: 0,
            detail: String::new(),
        });
    }
    let found = climbed.as_ref().ok();
    let health = TargetHealth {
        state: if found.is_some() {
            HealthState::Available
        } else {
            HealthState::Unavailable
        },
        reason: climbed.as_ref().err().map(|failure| failure.reason),
        description: match &climbed {
            Ok(top) => top.description.clone(),
            Err(failure) => failure.description.clone(),
        },
        failed_step,
        checks: ladder.checks,
        role: found.map(|top| top.server.role),
        max_connections: found.map(|top| top.server.max_connections),
        server_version: found.map(|top| top.server.version.clone()),
        last_check_unix: now_unix(),
        consecutive_failures: 0,
    };
    Climb { health, sight }
}

async fn to_the_top(plan: &ProbePlan<'_>, ladder: &mut Ladder) -> Result<Top, Failure> {
    let deadline = Deadline::after(plan.deadline);
    let addresses = dns(plan, ladder, deadline).await?;
    let first = first_stream(plan, &addresses, ladder, deadline).await?;
    ladder.somebody(plan)?;
    let way = Way {
        plan,
        addresses: &addresses,
        deadline,
    };
    let since = Instant::now();
    let logins = log_everybody_in(&way, first).await;
    let (mut connection, description) = auth(ladder, since, logins)?;
    let since = Instant::now();
    let facts = deadline.limit(ProbeStep::Role, ask(&mut connection)).await;
    let server = ladder.rung(ProbeStep::Role, since, facts, ServerFacts::words)?;
    // A server that will not say is none the worse for it.
    let looked = deadline.limit(ProbeStep::Role, fingerprint::look(&mut connection));
    let sight = looked.await.ok();
    connection.close();
    Ok(Top {
        server,
        sight,
        description,
    })
}

/// The first connection, whose TCP and TLS rungs are reported.
async fn first_stream(
    plan: &ProbePlan<'_>,
    addresses: &[SocketAddr],
    ladder: &mut Ladder,
    deadline: Deadline,
) -> Result<Secured, Failure> {
    let tcp = tcp(addresses, ladder, deadline).await?;
    let since = Instant::now();
    let secured = match plan.tls_error {
        Some(problem) => Err(OpenError::tls_policy(problem)),
        None => secure(tcp, plan.target, plan.tls.as_ref(), deadline).await,
    };
    ladder.rung(ProbeStep::Tls, since, secured, |secured| {
        tls_words(secured.how, &secured.stream, plan.target.tls.mode)
    })
}

/// How further connections are made.
struct Way<'a> {
    plan: &'a ProbePlan<'a>,
    addresses: &'a [SocketAddr],
    deadline: Deadline,
}

impl Way<'_> {
    async fn stream(&self) -> Result<Secured, OpenError> {
        let tcp = dial(self.addresses, self.deadline).await?;
        secure(tcp, self.plan.target, self.plan.tls.as_ref(), self.deadline).await
    }

    /// Logs one user in, over `first` while there is one. An unknown database is no reason to fail: the
    /// probe wants a session, wherever.
    async fn log_in(
        &self,
        (user, passwords): (&str, &[SecretString]),
        first: &mut Option<Secured>,
    ) -> Result<ServerConnection, OpenError> {
        let mut refused = None;
        for index in 0..passwords.len().max(1) {
            let mut unknown = None;
            for database in ["postgres", user, "template1"] {
                let secured = match first.take() {
                    Some(secured) => secured,
                    None => self.stream().await?,
                };
                let credentials = Credentials {
                    user,
                    password: passwords.get(index),
                    database,
                    params: &[],
                    key_cache: self.plan.key_cache,
                    random: self.plan.random,
                    tls_mode: self.plan.target.tls.mode,
                };
                let part = log_in(secured.stream, &credentials);
                match self.deadline.limit(ProbeStep::Auth, part).await {
                    Err(error) if error.is_unknown_database() => unknown = Some(error),
                    Err(error) if error.is_refused_password() => {
                        refused.get_or_insert(error);
                        unknown = None;
                        break;
                    }
                    done => return done,
                }
            }
            if let Some(error) = unknown {
                return Err(error);
            }
        }
        Err(refused.unwrap_or_else(|| OpenError::no_credentials(user)))
    }
}

async fn log_everybody_in(way: &Way<'_>, first: Secured) -> Logins<ServerConnection> {
    let mut first = Some(first);
    let mut logins = Logins {
        connection: None,
        entered: Vec::new(),
        failed: Vec::new(),
    };
    for login in way.plan.logins {
        let name = login.0.to_owned();
        match way.log_in(*login, &mut first).await {
            Ok(connection) => {
                logins.entered.push(name);
                match logins.connection {
                    None => logins.connection = Some(connection),
                    Some(_) => connection.close(),
                }
            }
            // Nobody else will get further, and each would wait for the same silence.
            Err(error) if !error.concerns_the_key() => {
                logins.failed.push((name, error));
                break;
            }
            Err(error) => logins.failed.push((name, error)),
        }
    }
    logins
}

async fn ask(connection: &mut ServerConnection) -> Result<ServerFacts, OpenErrorKind> {
    let rows = query_rows(connection, QUESTION).await?;
    let unreadable = || {
        let problem = "the server's answer about its role cannot be read".to_owned();
        OpenErrorKind::Protocol(problem)
    };
    let [row] = rows.as_slice() else {
        return Err(unreadable());
    };
    let [recovery, read_only, max, superuser, reserved, version] = row.as_slice() else {
        return Err(unreadable());
    };
    let role = match (recovery.as_deref(), read_only.as_deref()) {
        (Some("f"), Some("off")) => TargetRole::ReadWrite,
        (Some("t" | "f"), Some("on" | "off")) => TargetRole::ReadOnly,
        _ => return Err(unreadable()),
    };
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<u32>().ok());
    let max = number(max).ok_or_else(unreadable)?;
    let kept = number(superuser)
        .unwrap_or(0)
        .saturating_add(number(reserved).unwrap_or(0));
    Ok(ServerFacts {
        role,
        max_connections: max.saturating_sub(kept),
        version: version.clone().ok_or_else(unreadable)?,
    })
}

fn now_unix() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
