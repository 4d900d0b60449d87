//! Writes back what became of proxies and targets, and removes proxies that have drained.

use std::borrow::Cow;
use std::collections::HashMap;

use tollgate_store::{Everything, Outcome, ProxyRow, ProxyStatusChange, StoreError, TargetRow};
use tollgate_types::{
    CheckOutcome, HealthCheck, HealthReason, HealthState, Observation, ObservedProxy, ProbeStep,
    ProxyId, ProxyStatus, TargetHealth, TargetId,
};

use super::conditions::{Facts, Unusable};
use super::secret_values::UnresolvedSecrets;
use crate::api::Api;
use crate::problem::Problem;

/// A health that says nothing new is written when the one that is kept is this much older, so that `lastCheck`
/// stays meaningful. Turns that nothing else causes come every 15 seconds.
const HEALTH_REFRESH_S: i64 = 20;
/// Seconds past its deadline after which a draining proxy that no data plane knows is removed.
const FORGOTTEN_AFTER_S: i64 = 60;

/// Settles every proxy and target.
pub(crate) async fn settle(
    api: &Api,
    rows: &Everything,
    observation: &Observation,
    unresolved: &UnresolvedSecrets,
) -> Result<(), Problem> {
    let found = newest_health(rows, observation, unresolved);
    for (target, found) in &found {
        write_health(api, target, found).await?;
    }
    let health: HashMap<&TargetId, &TargetHealth> = found
        .iter()
        .map(|(target, found)| (&target.id, found.as_ref()))
        .collect();
    let observed: HashMap<&ProxyId, &ObservedProxy> = observation
        .proxies
        .iter()
        .map(|proxy| (&proxy.id, proxy))
        .collect();
    for row in &rows.proxies {
        let seen = observed.get(&row.id).copied();
        if is_drained(row, seen, api.now()) {
            remove(api, row).await?;
            continue;
        }
        let mut facts = facts(rows, row, seen, &health);
        if let Some(in_vain) = unresolved.get(&row.id) {
            facts.unusable_secrets = &in_vain.unusable;
            facts.denied_secrets = &in_vain.denied;
            facts.stale_secrets = &in_vain.stale;
        }
        write_status(api, row, &facts).await?;
    }
    Ok(())
}

/// What was probed, for the targets that are still registered. A proxy that must not read its secrets has no
/// target it could log in to, whatever the probe found with the secrets that are left.
fn newest_health<'a>(
    rows: &'a Everything,
    observation: &'a Observation,
    unresolved: &UnresolvedSecrets,
) -> Vec<(&'a TargetRow, Cow<'a, TargetHealth>)> {
    let probed: HashMap<&TargetId, &TargetHealth> = observation
        .targets
        .iter()
        .map(|target| (&target.target, &target.health))
        .collect();
    rows.targets
        .iter()
        .filter_map(|row| {
            let found = probed.get(&row.id).copied();
            match refusals(rows, row, unresolved) {
                Some(words) => Some((
                    row,
                    Cow::Owned(refused(found.unwrap_or(&row.health), words)),
                )),
                None => found.map(|found| (row, Cow::Borrowed(found))),
            }
        })
        .collect()
}

/// Why the role of the target's proxy does not get at the secrets; nothing when it does, or where there is no role.
fn refusals(rows: &Everything, row: &TargetRow, unresolved: &UnresolvedSecrets) -> Option<String> {
    let proxy = rows.proxies.iter().find(|proxy| proxy.id == row.proxy_id)?;
    let role = proxy.role_arn.as_ref()?;
    let in_vain = unresolved.get(&proxy.id)?;
    let unusable = in_vain.unusable.iter().map(|secret| {
        let what = format!("secret {} {}", secret.name, secret.why);
        match secret.why {
            Unusable::Absent => format!(
                "there is no secret {}; role {role} must be allowed secretsmanager:GetSecretValue on it",
                secret.name
            ),
            Unusable::MarkedForDeletion
            | Unusable::Empty
            | Unusable::NotALogin
            | Unusable::Sealed
            | Unusable::Pending
            | Unusable::Unreadable(_) => what,
        }
    });
    let words: Vec<String> = in_vain.denied.iter().cloned().chain(unusable).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// The health of a target that nobody may log in to.
fn refused(base: &TargetHealth, words: String) -> TargetHealth {
    let mut health = base.clone();
    let check = HealthCheck {
        outcome: CheckOutcome::Failed,
        took_ms: 0,
        detail: words.clone(),
    };
    health.checks.insert(ProbeStep::Auth, check);
    TargetHealth {
        state: HealthState::Unavailable,
        reason: Some(HealthReason::AuthFailure),
        description: words,
        failed_step: Some(ProbeStep::Auth),
        ..health
    }
}

async fn write_health(api: &Api, row: &TargetRow, found: &TargetHealth) -> Result<(), Problem> {
    if row.health == *found {
        return Ok(());
    }
    let age = found
        .last_check_unix
        .saturating_sub(row.health.last_check_unix);
    if row.health.says_the_same(found) && age < HEALTH_REFRESH_S {
        return Ok(());
    }
    // Lost means that the target was taken out meanwhile: nothing to write.
    match api.store.target_health_set(&row.id, found).await? {
        Outcome::Applied | Outcome::Lost => Ok(()),
    }
}

fn facts<'a>(
    rows: &'a Everything,
    row: &'a ProxyRow,
    observed: Option<&'a ObservedProxy>,
    health: &HashMap<&TargetId, &'a TargetHealth>,
) -> Facts<'a> {
    let endpoints = rows
        .endpoints
        .iter()
        .filter(|endpoint| endpoint.proxy_id == row.id.as_str());
    let targets = rows
        .targets
        .iter()
        .filter(|target| target.proxy_id == row.id);
    Facts {
        generation: row.generation,
        status: row.status,
        endpoints: endpoints.map(|endpoint| endpoint.label.as_str()).collect(),
        observed,
        unusable_secrets: &[],
        denied_secrets: &[],
        stale_secrets: &[],
        auth_rules: row.auth.len(),
        targets: targets
            .map(|target| {
                let newest = health.get(&target.id).copied().unwrap_or(&target.health);
                (target.database.as_str(), newest)
            })
            .collect(),
    }
}

async fn write_status(api: &Api, row: &ProxyRow, facts: &Facts<'_>) -> Result<(), Problem> {
    let change = ProxyStatusChange {
        id: row.id.clone(),
        expected_generation: row.generation,
        expected_status: row.status,
        status: facts.next_status(),
        status_reason: facts.status_reason(),
        conditions: facts.conditions(&row.conditions, api.now()),
        observed_generation: facts.observed_generation(),
    };
    let is_news = change.status != row.status
        || change.status_reason != row.status_reason
        || change.conditions != row.conditions
        || change.observed_generation != row.observed_generation;
    if !is_news {
        return Ok(());
    }
    match api.store.proxy_status_set(&change).await? {
        Outcome::Applied if change.status != row.status => {
            tracing::info!(
                proxy.name = %row.name, proxy.status = change.status.as_str(),
                proxy.generation = row.generation, "proxy status changed"
            );
            Ok(())
        }
        // Somebody changed the proxy meanwhile; the next turn judges the new state.
        Outcome::Applied | Outcome::Lost => Ok(()),
    }
}

fn is_drained(row: &ProxyRow, seen: Option<&ObservedProxy>, now_unix: i64) -> bool {
    if row.status != ProxyStatus::Deleting {
        return false;
    }
    if let Some(observed) = seen {
        return observed.drained;
    }
    let deadline = row.drain_deadline.unwrap_or(row.updated_at);
    now_unix > deadline.saturating_add(FORGOTTEN_AFTER_S)
}

async fn remove(api: &Api, row: &ProxyRow) -> Result<(), Problem> {
    let write = api.store.begin_at(api.now()).await?;
    match write.proxy_remove(&row.id).await {
        Ok(()) => {
            write.commit().await?;
            tracing::info!(proxy.name = %row.name, proxy.id = %row.id, "proxy removed");
            // The snapshot without it goes out at once.
            api.wake.notify_one();
            Ok(())
        }
        // Another control plane was faster.
        Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
