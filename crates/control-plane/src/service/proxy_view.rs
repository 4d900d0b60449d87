//! A proxy as callers see it: what was asked for, what became of it, and where it listens.

use tollgate_store::{EndpointRow, Page, ProxyRow, TargetRow};
use tollgate_types::{
    Condition as StoredCondition, EndpointState, Observation, ProxyId, ProxyStatus,
};

use super::proxies::{auth_view, is_debug_logging};
use crate::api::Api;
use crate::http::views::proxy::{Condition, Endpoint, Proxy};
use crate::http::views::target::Target;
use crate::problem::Problem;
use crate::time::rfc3339;

/// Most endpoints of a proxy, the default one included.
const ENDPOINTS_MAX: u32 = 20;

/// One proxy with its endpoints.
pub(crate) async fn view(api: &Api, row: ProxyRow) -> Result<Proxy, Problem> {
    let page = Page::first(ENDPOINTS_MAX);
    let endpoints = match api.store.endpoint_list(row.id.as_str(), &page).await {
        Ok(listed) => listed.items,
        // Removed since it was read: the caller sees the last of it.
        Err(tollgate_store::StoreError::NotFound { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(assemble(api, row, endpoints))
}

/// Several proxies with their endpoints.
pub(crate) async fn views(api: &Api, rows: Vec<ProxyRow>) -> Result<Vec<Proxy>, Problem> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let endpoints = api.store.endpoint_list_of(&ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let is_own = |endpoint: &&EndpointRow| endpoint.proxy_id == row.id.as_str();
            let own = endpoints.iter().filter(is_own).cloned().collect();
            assemble(api, row, own)
        })
        .collect())
}

/// A proxy and endpoints that were read together.
pub(crate) fn assemble(api: &Api, row: ProxyRow, endpoints: Vec<EndpointRow>) -> Proxy {
    let arn = &api.settings.arn;
    Proxy {
        arn: arn.rds("db-proxy", row.id.as_str()),
        connect_arn: arn.connect(&row.id, "{dbUser}"),
        endpoints: endpoints
            .into_iter()
            .map(|endpoint| endpoint_view(api, &row, endpoint))
            .collect(),
        auth: row.auth.iter().map(auth_view).collect(),
        debug_logging: is_debug_logging(&row, api.now()),
        conditions: row.conditions.iter().map(condition).collect(),
        id: row.id.to_string(),
        name: row.name,
        role_arn: row.role_arn,
        engine_family: row.engine_family,
        status: row.status,
        status_reason: Some(row.status_reason).filter(|reason| !reason.is_empty()),
        require_tls: row.require_tls,
        idle_client_timeout: row.idle_client_timeout_s,
        generation: row.generation,
        observed_generation: row.observed_generation,
        created_at: rfc3339(row.created_at),
        updated_at: rfc3339(row.updated_at),
        tags: row.tags,
    }
}

/// One endpoint; its status comes from the newest report, which knows it by its label.
pub(crate) fn endpoint_view(api: &Api, proxy: &ProxyRow, row: EndpointRow) -> Endpoint {
    let status = status_of(api, proxy, &row);
    Endpoint {
        name: row.name,
        target_role: row.target_role,
        host: api.settings.endpoint_host.clone(),
        port: row.port,
        aliases: row.aliases,
        status,
        is_default: row.is_default,
    }
}

/// What became of an endpoint.
pub(crate) fn status_of(api: &Api, proxy: &ProxyRow, row: &EndpointRow) -> ProxyStatus {
    endpoint_status(&api.ports.observations.borrow(), proxy, &row.label)
}

/// One target.
pub(crate) fn target_view(row: TargetRow) -> Target {
    Target {
        id: row.id.to_string(),
        database: row.database,
        role: row.health.role,
        health: row.health.into(),
        created_at: rfc3339(row.created_at),
    }
}

fn endpoint_status(observation: &Observation, proxy: &ProxyRow, label: &str) -> ProxyStatus {
    if proxy.status == ProxyStatus::Deleting {
        return ProxyStatus::Deleting;
    }
    match endpoint_state(observation, &proxy.id, label) {
        Some(EndpointState::Listening) => ProxyStatus::Available,
        Some(EndpointState::PortRejected { .. }) => ProxyStatus::IncompatibleNetwork,
        Some(EndpointState::ResourcesRejected { .. }) => ProxyStatus::InsufficientResourceLimits,
        None => ProxyStatus::Creating,
    }
}

fn endpoint_state<'o>(
    observation: &'o Observation,
    proxy: &ProxyId,
    label: &str,
) -> Option<&'o EndpointState> {
    let observed = observation
        .proxies
        .iter()
        .find(|observed| observed.id == *proxy)?;
    let endpoint = observed
        .endpoints
        .iter()
        .find(|endpoint| endpoint.name == label)?;
    Some(&endpoint.state)
}

fn condition(condition: &StoredCondition) -> Condition {
    Condition {
        kind: condition.kind,
        status: condition.status,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        observed_generation: condition.observed_generation,
        last_transition_time: rfc3339(condition.last_transition_unix),
    }
}
