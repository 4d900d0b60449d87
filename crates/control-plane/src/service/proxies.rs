//! Proxies, their pools, targets and endpoints: between the request and the store.

use tollgate_store::{
    AuthRule as StoredRule, EndpointNetwork, NewEndpoint, NewProxy, NewTarget, ProxyNetwork,
    ProxyRow, ProxyUpdate, StoreError, Tags, Write,
};
use tollgate_types::PoolPolicy;

use super::endpoint_spec::EndpointSpec;
use super::fresh;
use super::proxy_spec::{AuthSpec, ProxySpec, TlsRule};
use crate::api::Api;
use crate::http::views::proxy::{AuthRule, CreateProxy};
use crate::problem::{Code, Problem};

/// Seconds for which debug logging stays on. Source: RDS API, `CreateDBProxy`, `DebugLogging`.
const DEBUG_LOGGING_S: i64 = 86_400;

/// A new row with its default endpoint.
pub(crate) fn new(api: &Api, spec: ProxySpec) -> NewProxy {
    let random = &api.ports.random;
    NewProxy {
        id: fresh::proxy_id(random),
        name: spec.name,
        engine_family: spec.engine_family,
        require_tls: spec.require_tls == TlsRule::Required,
        idle_client_timeout_s: spec.idle_client_timeout_s,
        auth: spec.auth.into_iter().map(stored_rule).collect(),
        pool: PoolPolicy::default(),
        endpoint_id: fresh::endpoint_id(random),
        endpoint_ports: api.settings.endpoint_ports.clone(),
        tags: spec.tags,
        role_arn: None,
        debug_logging_since: None,
        network: ProxyNetwork::default(),
    }
}

/// A changed row; what the specification does not speak about stays.
pub(crate) fn update(row: &ProxyRow, spec: ProxySpec) -> ProxyUpdate {
    ProxyUpdate {
        require_tls: spec.require_tls == TlsRule::Required,
        idle_client_timeout_s: spec.idle_client_timeout_s,
        auth: spec.auth.into_iter().map(stored_rule).collect(),
        role_arn: row.role_arn.clone(),
        debug_logging_since: row.debug_logging_since,
        security_group_ids: row.network.security_group_ids.clone(),
    }
}

/// What a patch is merged into.
pub(crate) fn writable(row: &ProxyRow) -> CreateProxy {
    CreateProxy {
        name: Some(row.name.clone()),
        engine_family: Some(row.engine_family),
        require_tls: Some(row.require_tls),
        idle_client_timeout: Some(row.idle_client_timeout_s),
        auth: Some(row.auth.iter().map(writable_rule).collect()),
        tags: None,
    }
}

/// As [`auth_view`], but a secret that was named by its ARN is named so again.
fn writable_rule(rule: &StoredRule) -> AuthRule {
    let named = rule.secret_arn.as_ref().unwrap_or(&rule.secret);
    AuthRule {
        secret: Some(named.clone()),
        ..auth_view(rule)
    }
}

/// Whether debug logging is on: it switches itself off after a day, as in RDS.
pub(crate) fn is_debug_logging(row: &ProxyRow, now_unix: i64) -> bool {
    row.debug_logging_since
        .is_some_and(|since| now_unix.saturating_sub(since) < DEBUG_LOGGING_S)
}

/// An auth rule as callers see it.
pub(crate) fn auth_view(rule: &StoredRule) -> AuthRule {
    AuthRule {
        secret: Some(rule.secret.clone()),
        iam_auth: Some(rule.iam_auth),
        client_password_auth_type: Some(rule.client_password_auth_type),
        user_name: rule.user_name.clone(),
        description: Some(rule.description.clone()).filter(|text| !text.is_empty()),
    }
}

/// A new endpoint.
pub(crate) fn new_endpoint(api: &Api, spec: EndpointSpec) -> NewEndpoint {
    NewEndpoint {
        id: fresh::endpoint_id(&api.ports.random),
        name: spec.name,
        target_role: spec.target_role,
        aliases: spec.aliases,
        ports: api.settings.endpoint_ports.clone(),
        network: EndpointNetwork::default(),
        tags: Tags::new(),
    }
}

/// A new target, if its database speaks the proxy's protocol.
pub(crate) async fn new_target(
    api: &Api,
    write: &Write,
    proxy: &ProxyRow,
    database: &str,
) -> Result<NewTarget, Problem> {
    let database = match write.database_get(database).await {
        Ok(row) => row,
        // The pointer tells it from a proxy that does not exist.
        Err(StoreError::NotFound { .. }) => {
            let message = format!("there is no database `{database}`");
            let (code, rule) = (Code::NotFound, "name or ARN of a database");
            return Err(Problem::field(code, "/database", rule, &message));
        }
        Err(error) => return Err(error.into()),
    };
    let family = database.engine.family();
    if family != proxy.engine_family {
        let message = format!(
            "database `{}` is {} and the proxy speaks {}",
            database.name,
            database.engine.as_str(),
            proxy.engine_family.as_str()
        );
        let rule = "engine of the database fits engineFamily of the proxy";
        return Err(Problem::field(
            Code::EngineMismatch,
            "/database",
            rule,
            &message,
        ));
    }
    Ok(NewTarget {
        id: fresh::target_id(&api.ports.random),
        database: database.id,
    })
}

fn stored_rule(spec: AuthSpec) -> StoredRule {
    StoredRule {
        secret: spec.secret,
        secret_arn: spec.secret_arn,
        user_name: spec.user_name,
        iam_auth: spec.iam,
        client_password_auth_type: spec.client_password,
        description: spec.description.unwrap_or_default(),
    }
}
