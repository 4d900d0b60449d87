//! Looks after one target for as long as it is configured: probe, report, wait, again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tollgate_types::{HealthState, TargetHealth};
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_postgres::sqlstate::SqlState;

use crate::fingerprint::{Found, Sights};
use crate::mysql::server::Numbered;
use crate::probe::{self, Climb, ProbePlan};
use crate::random;
use crate::supervisor::Probed;
use crate::target::TargetShared;

/// Between two probes of a healthy target.
const HEALTHY_INTERVAL: Duration = Duration::from_secs(10);
/// After the first failed probe; doubles up to [`FAILING_MAX`].
const FAILING_MIN: Duration = Duration::from_millis(500);
/// The longest pause between probes of a target that is down: it bounds how late its return is noticed.
const FAILING_MAX: Duration = Duration::from_secs(5);
/// Time for one climb of the ladder.
const DEADLINE: Duration = Duration::from_secs(10);
/// Requests to look now within this time are answered by one probe.
const SETTLE: Duration = Duration::from_millis(50);

/// Probes until it is aborted.
pub(crate) async fn run(target: Arc<TargetShared>, reports: mpsc::UnboundedSender<Probed>) {
    let mut failures = 0_u32;
    let mut sights = Sights::default();
    loop {
        let Climb { mut health, sight } = climb(&target).await;
        let defaults = sight.map_or(Found::AsBefore, |sight| sights.note(sight));
        if is_full(&health) && target.credits.in_use() > 0 {
            // The server takes no more connections while ours are at work: it is busy, not broken.
            health = TargetHealth {
                last_check_unix: health.last_check_unix,
                ..known(&target)
            };
        }
        failures = match health.state {
            HealthState::Available => 0,
            HealthState::Registering | HealthState::Unavailable => failures.saturating_add(1),
        };
        health.consecutive_failures = failures;
        if reports
            .send(Probed {
                target: target.id.clone(),
                health,
                defaults,
            })
            .is_err()
        {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause(failures)) => {}
            () = target.probe_now.notified() => tokio::time::sleep(SETTLE).await,
        }
    }
}

fn known(target: &TargetShared) -> TargetHealth {
    TargetHealth::clone(&target.health())
}

/// Whether the server refused the probe because all its connections are taken.
fn is_full(health: &TargetHealth) -> bool {
    let refused = health.failed_step.and_then(|step| health.checks.get(&step));
    let mysql = Numbered(ErrorCode::CON_COUNT.code).to_string();
    refused.is_some_and(|check| {
        [SqlState::TOO_MANY_CONNECTIONS.as_str(), &mysql]
            .iter()
            .any(|words| check.detail.contains(words))
    })
}

async fn climb(target: &TargetShared) -> Climb {
    let plan = target.plan();
    let logins: Vec<_> = plan
        .auth
        .iter()
        .map(|rule| (rule.username.as_str(), rule.passwords.as_slice()))
        .collect();
    probe::climb(&ProbePlan {
        target: &plan.config,
        tls: plan.tls.clone(),
        tls_error: plan.tls_error.as_deref(),
        logins: &logins,
        key_cache: &target.keys,
        random: random::fill,
        deadline: DEADLINE,
    })
    .await
}

/// Pauses differ by up to a quarter, so that many targets are not probed in step.
fn pause(failures: u32) -> Duration {
    let base = match failures {
        0 => HEALTHY_INTERVAL,
        n => FAILING_MIN
            .saturating_mul(1 << (n - 1).min(6))
            .min(FAILING_MAX),
    };
    base.mul_f64(1.0 - f64::from(random::number() % 256) / 1024.0)
}

#[cfg(test)]
mod tests {
    use tollgate_types::{CheckOutcome, HealthCheck, ProbeStep};

    use super::*;

    #[test]
    fn a_server_without_room_is_known_by_its_own_code() {
        let health = |detail: &str| {
            let check = HealthCheck {
                outcome: CheckOutcome::Failed,
                took_ms: 1,
                detail: detail.to_owned(),
            };
            TargetHealth {
                failed_step: Some(ProbeStep::Auth),
                checks: [(ProbeStep::Auth, check)].into(),
                ..TargetHealth::registering()
            }
        };
        assert!(is_full(&health("user \"app\": 53300 too many clients")));
        assert!(is_full(&health("error 1040 (08004): Too many connections")));
        assert!(!is_full(&health("error 1045 (28000): Access denied")));
        assert!(!is_full(&TargetHealth::registering()));
    }

    #[test]
    fn a_target_that_is_down_is_probed_again_soon() {
        assert!(pause(1) <= FAILING_MIN);
        for failures in 1..100 {
            assert!(pause(failures) <= FAILING_MAX, "{failures}");
        }
        assert!(pause(0) >= HEALTHY_INTERVAL.mul_f64(0.74));
    }
}
