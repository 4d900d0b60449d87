//! `CreateDBProxy`, `DescribeDBProxies`, `ModifyDBProxy` and `DeleteDBProxy`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{Expect, NewProxy, ProxyNetwork, ProxyRow, StoreError, Write};
use tollgate_types::{Arn, EngineFamily, NameRule, NetworkType, ProxyStatus, check_name};

use super::auth::{self, UserAuthConfig};
use super::view::{self, DbProxy, NO_DEFAULT_SCHEME};
use super::{PAGE, Tag, no_group, quota, refuse_filters, tag_map};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::Members;
use crate::http::decode::Decoded;
use crate::http::table::{Kind, On};
use crate::http::views::proxy::CreateProxy;
use crate::problem::Problem;
use crate::reconcile::permission::RDS;
use crate::service::proxy_spec::ProxySpec;
use crate::service::{identities, name, network, proxies};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateDbProxy {
    #[serde(rename = "DBProxyName")]
    name: String,
    engine_family: String,
    role_arn: String,
    vpc_subnet_ids: Vec<String>,
    #[serde(default)]
    auth: Vec<UserAuthConfig>,
    default_auth_scheme: Option<String>,
    #[serde(default)]
    vpc_security_group_ids: Vec<String>,
    #[serde(rename = "RequireTLS")]
    require_tls: Option<bool>,
    idle_client_timeout: Option<u32>,
    debug_logging: Option<bool>,
    tags: Option<Vec<Tag>>,
    #[serde(default)]
    endpoint_network_type: NetworkType,
    #[serde(default)]
    target_connection_network_type: NetworkType,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModifyDbProxy {
    #[serde(rename = "DBProxyName")]
    name: String,
    #[serde(rename = "NewDBProxyName")]
    new_name: Option<String>,
    default_auth_scheme: Option<String>,
    auth: Option<Vec<UserAuthConfig>>,
    #[serde(rename = "RequireTLS")]
    require_tls: Option<bool>,
    idle_client_timeout: Option<u32>,
    debug_logging: Option<bool>,
    role_arn: Option<String>,
    security_groups: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct DeleteDbProxy {
    #[serde(rename = "DBProxyName")]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeDbProxies {
    #[serde(rename = "DBProxyName")]
    name: Option<String>,
    marker: Option<String>,
    max_records: Option<u32>,
}

#[skip_serializing_none]
#[derive(Serialize)]
struct DbProxies {
    #[serde(rename = "DBProxies")]
    db_proxies: Members<DbProxy>,
    #[serde(rename = "Marker")]
    marker: Option<String>,
}

/// `DescribeDBProxies`: one by name, or a page of all.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    const ACTION: &str = "rds:DescribeDBProxies";
    let request: DescribeDbProxies = call.decode()?;
    let (rows, marker) = if let Some(given) = &request.name {
        call.allow(ACTION, On::One(Kind::Proxy), given).await?;
        refuse_filters(&call.input)?;
        (vec![find(&call, given).await?], None)
    } else {
        call.allow(ACTION, On::Any(Kind::Proxy), "").await?;
        refuse_filters(&call.input)?;
        let page = call.page(request.marker.as_deref(), request.max_records, PAGE, "")?;
        let listed = call.api.store.proxy_list(&page).await?;
        (listed.items, call.marker(listed.next.as_deref(), "")?)
    };
    let mut db_proxies = Members(Vec::with_capacity(rows.len()));
    for row in rows {
        db_proxies.0.push(view::proxy(&call, row).await?);
    }
    call.answer(&DbProxies { db_proxies, marker })
}

/// `CreateDBProxy`.
pub(super) async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: CreateDbProxy = call.decode()?;
    let api = &call.api;
    call.allow_passing(&request.role_arn, RDS).await?;
    check_scheme(request.default_auth_scheme.as_deref())?;
    let network = ProxyNetwork {
        subnet_ids: request.vpc_subnet_ids,
        security_group_ids: request.vpc_security_group_ids,
        endpoint_type: request.endpoint_network_type,
        target_type: target_type(request.target_connection_network_type)?,
    };
    network::check(&network.subnet_ids, &network.security_group_ids)?;
    let wanted = CreateProxy {
        name: Some(request.name),
        engine_family: Some(engine_family(&request.engine_family)?),
        require_tls: request.require_tls,
        idle_client_timeout: request.idle_client_timeout,
        auth: Some(auth::rules(request.auth)?),
        tags: Some(tag_map(request.tags)?),
    };
    let spec = spec(wanted, &api.settings.arn)?;
    let debug_logging = request.debug_logging.unwrap_or(false);
    let new = NewProxy {
        role_arn: Some(request.role_arn),
        debug_logging_since: debug_logging.then(|| call.now()),
        network,
        ..proxies::new(api, spec)
    };
    let writing = api.store.begin_at(call.now()).await?;
    network::check_groups_exist(&writing, &new.network.security_group_ids)
        .await
        .map_err(no_group)?;
    check_role(&writing, &api.settings.arn, new.role_arn.as_deref()).await?;
    let made = writing.proxy_create(new).await;
    let row = made.map_err(quota("DBProxyQuotaExceededFault"))?;
    writing.commit().await?;
    api.wake.notify_one();
    call.answer(&view::one(&call, row).await?)
}

/// `ModifyDBProxy`: what is absent stays, `Auth` is replaced as a whole.
pub(super) async fn modify(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ModifyDbProxy = call.decode()?;
    let api = &call.api;
    if let Some(role) = &request.role_arn {
        call.allow_passing(role, RDS).await?;
    }
    check_scheme(request.default_auth_scheme.as_deref())?;
    network::check_groups(request.security_groups.as_deref().unwrap_or_default())?;
    let rules = request.auth.map(auth::rules).transpose()?;
    let given = name::proxy(&api.settings.arn, &request.name);
    if let (Some(rules), None) = (&rules, &request.role_arn) {
        // Without a role that must be allowed to read them, whoever names secrets must be.
        let row = api.store.proxy_get(given).await?;
        if row.role_arn.is_none() {
            for rule in rules {
                let secret = rule.secret.as_deref().unwrap_or_default();
                call.allow("tollgate:UseSecret", On::One(Kind::Secret), secret)
                    .await?;
            }
        }
    }
    let writing = api.store.begin_at(call.now()).await?;
    let row = writing.proxy_get(given).await?;
    let mut wanted = proxies::writable(&row);
    wanted.require_tls = request.require_tls.or(wanted.require_tls);
    wanted.idle_client_timeout = request.idle_client_timeout.or(wanted.idle_client_timeout);
    wanted.auth = rules.or(wanted.auth);
    let mut update = proxies::update(&row, spec(wanted, &api.settings.arn)?);
    if let Some(role) = request.role_arn {
        check_role(&writing, &api.settings.arn, Some(&role)).await?;
        update.role_arn = Some(role);
    }
    if let Some(groups) = request.security_groups {
        network::check_groups_exist(&writing, &groups)
            .await
            .map_err(no_group)?;
        update.security_group_ids = groups;
    }
    update.debug_logging_since = match request.debug_logging {
        Some(true) => Some(call.now()),
        Some(false) => None,
        None => update.debug_logging_since,
    };
    let id = row.id.as_str();
    let mut row = writing.proxy_update(id, Expect::Anything, update).await?;
    if let Some(new_name) = &request.new_name {
        row = rename(&writing, &row, new_name).await?;
    }
    writing.commit().await?;
    api.wake.notify_one();
    call.answer(&view::one(&call, row).await?)
}

/// `DeleteDBProxy`: running transactions get the installation's time to end.
pub(super) async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: DeleteDbProxy = call.decode()?;
    let api = &call.api;
    let writing = api.store.begin_at(call.now()).await?;
    let given = name::proxy(&api.settings.arn, &request.name);
    let row = writing.proxy_get(given).await?;
    if row.status == ProxyStatus::Deleting {
        let message = format!("proxy `{}` is being deleted already", row.name);
        return Err(Fault::sender("InvalidDBProxyStateFault", message).into());
    }
    let drain = i64::from(api.settings.drain_timeout_s);
    let deadline = call.now().saturating_add(drain);
    let id = row.id.as_str();
    let row = writing
        .proxy_delete_request(id, Expect::Anything, deadline)
        .await?;
    writing.commit().await?;
    api.wake.notify_one();
    call.answer(&view::one(&call, row).await?)
}

async fn find(call: &Call, given: &str) -> Result<ProxyRow, StoreError> {
    let given = name::proxy(&call.api.settings.arn, given);
    call.api.store.proxy_get(given).await
}

async fn rename(writing: &Write, row: &ProxyRow, new_name: &str) -> Result<ProxyRow, Refusal> {
    if let Some(problem) = check_name(NameRule::Identifier, "/NewDBProxyName", new_name) {
        return Err(Refusal::Invalid(problem.message));
    }
    Ok(writing.proxy_rename(row.id.as_str(), new_name).await?)
}

fn spec(wanted: CreateProxy, arn: &Arn) -> Result<ProxySpec, Problem> {
    let decoded = Decoded {
        value: wanted,
        problems: Vec::new(),
    };
    ProxySpec::parse(decoded, arn)
}

fn engine_family(given: &str) -> Result<EngineFamily, Refusal> {
    match given {
        "POSTGRESQL" => Ok(EngineFamily::Postgresql),
        "MYSQL" => Ok(EngineFamily::Mysql),
        "SQLSERVER" => Err(Refusal::Invalid(
            "EngineFamily SQLSERVER is not supported; POSTGRESQL and MYSQL are".to_owned(),
        )),
        _ => Err(Refusal::Invalid(
            "EngineFamily must be one of MYSQL, POSTGRESQL".to_owned(),
        )),
    }
}

fn check_scheme(given: Option<&str>) -> Result<(), Refusal> {
    match given {
        None | Some(NO_DEFAULT_SCHEME) => Ok(()),
        Some("IAM_AUTH") => Err(Refusal::Invalid(
            "DefaultAuthScheme IAM_AUTH is not supported: it takes servers that accept IAM tokens themselves; \
             use NONE and name secrets in Auth"
                .to_owned(),
        )),
        Some(_) => Err(Refusal::Invalid(
            "DefaultAuthScheme must be NONE".to_owned(),
        )),
    }
}

fn target_type(given: NetworkType) -> Result<NetworkType, Refusal> {
    match given {
        NetworkType::Ipv4 | NetworkType::Ipv6 => Ok(given),
        NetworkType::Dual => Err(Refusal::Invalid(
            "TargetConnectionNetworkType must be one of IPV4, IPV6".to_owned(),
        )),
    }
}

/// The role must be one of this installation.
async fn check_role(writing: &Write, arn: &Arn, role: Option<&str>) -> Result<(), Refusal> {
    let role = role.unwrap_or_default();
    let wrong = || Refusal::Invalid(format!("RoleArn `{role}` names no role of this account"));
    if !role.starts_with(arn.iam("role/").as_str()) {
        return Err(wrong());
    }
    match writing.role_get(name::iam(arn, "role", role)).await {
        Ok(row) if identities::role_arn(arn, &row) == role => Ok(()),
        Ok(_) | Err(StoreError::NotFound { .. }) => Err(wrong()),
        Err(error) => Err(error.into()),
    }
}
