//! The four operations about `DBProxyEndpoint`. Here an endpoint has one name over all proxies.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tollgate_store::{
    EndpointNetwork, EndpointRow, EndpointUpdate, Expect, Kind as StoreKind, NewEndpoint, ProxyRow,
    StoreError,
};
use tollgate_types::{NameRule, NetworkType, ProxyStatus, TargetRole, check_name};

use super::{PAGE, Tag, no_group, quota, refuse_filters, tag_map};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::Members;
use crate::http::decode::Decoded;
use crate::http::table::{Kind, On};
use crate::http::views::proxy::CreateEndpoint;
use crate::service::check::Check;
use crate::service::endpoint_spec::EndpointSpec;
use crate::service::{endpoints, name, network, proxies, proxy_view};
use crate::time::rfc3339;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateDbProxyEndpoint {
    #[serde(rename = "DBProxyName")]
    proxy: String,
    #[serde(rename = "DBProxyEndpointName")]
    name: String,
    vpc_subnet_ids: Vec<String>,
    #[serde(default)]
    vpc_security_group_ids: Vec<String>,
    target_role: Option<TargetRole>,
    tags: Option<Vec<Tag>>,
    #[serde(default)]
    endpoint_network_type: NetworkType,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModifyDbProxyEndpoint {
    #[serde(rename = "DBProxyEndpointName")]
    name: String,
    #[serde(rename = "NewDBProxyEndpointName")]
    new_name: Option<String>,
    vpc_security_group_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct DeleteDbProxyEndpoint {
    #[serde(rename = "DBProxyEndpointName")]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeDbProxyEndpoints {
    #[serde(rename = "DBProxyName")]
    proxy: Option<String>,
    #[serde(rename = "DBProxyEndpointName")]
    name: Option<String>,
    marker: Option<String>,
    max_records: Option<u32>,
}

#[derive(Serialize)]
struct OneEndpoint {
    #[serde(rename = "DBProxyEndpoint")]
    endpoint: DbProxyEndpoint,
}

#[serde_with::skip_serializing_none]
#[derive(Serialize)]
struct DbProxyEndpoints {
    #[serde(rename = "DBProxyEndpoints")]
    endpoints: Members<DbProxyEndpoint>,
    #[serde(rename = "Marker")]
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DbProxyEndpoint {
    #[serde(rename = "DBProxyEndpointName")]
    name: String,
    #[serde(rename = "DBProxyEndpointArn")]
    arn: String,
    #[serde(rename = "DBProxyName")]
    proxy: String,
    status: &'static str,
    vpc_id: &'static str,
    vpc_security_group_ids: Members<String>,
    vpc_subnet_ids: Members<String>,
    endpoint: String,
    created_date: String,
    target_role: TargetRole,
    is_default: bool,
    endpoint_network_type: NetworkType,
}

/// `CreateDBProxyEndpoint`.
pub(super) async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: CreateDbProxyEndpoint = call.decode()?;
    let api = &call.api;
    let network = EndpointNetwork {
        subnet_ids: request.vpc_subnet_ids,
        security_group_ids: request.vpc_security_group_ids,
        network_type: request.endpoint_network_type,
    };
    network::check(&network.subnet_ids, &network.security_group_ids)?;
    let wanted = CreateEndpoint {
        name: Some(request.name),
        target_role: Some(request.target_role.unwrap_or(TargetRole::ReadWrite)),
        aliases: None,
    };
    let spec = EndpointSpec::try_from(Decoded {
        value: wanted,
        problems: Vec::new(),
    })?;
    let tags = tag_map(request.tags)?;
    let mut check = Check::new(Vec::new());
    check.tags(&tags);
    let tags = check.done(tags)?;
    let writing = api.store.begin_at(call.now()).await?;
    let given = name::proxy(&api.settings.arn, &request.proxy);
    let proxy = writing.proxy_get(given).await?;
    check_free(&writing.endpoint_list_named(&spec.name).await?)?;
    let new = NewEndpoint {
        network,
        tags,
        ..proxies::new_endpoint(api, spec)
    };
    network::check_groups_exist(&writing, &new.network.security_group_ids)
        .await
        .map_err(no_group)?;
    let made = writing.endpoint_create(proxy.id.as_str(), new).await;
    let row = made.map_err(quota("DBProxyEndpointQuotaExceededFault"))?;
    writing.commit().await?;
    api.wake.notify_one();
    let endpoint = view(&call, &proxy, row);
    call.answer(&OneEndpoint { endpoint })
}

/// `ModifyDBProxyEndpoint`.
pub(super) async fn modify(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ModifyDbProxyEndpoint = call.decode()?;
    let api = &call.api;
    let groups = request.vpc_security_group_ids;
    network::check_groups(groups.as_deref().unwrap_or_default())?;
    let id = find(&call, &request.name).await?.id;
    let writing = api.store.begin_at(call.now()).await?;
    let row = writing.endpoint_by_id(&id).await?;
    let proxy = writing.proxy_get(&row.proxy_id).await?;
    if row.is_default {
        let message = format!(
            "endpoint `{}` was made with its proxy; change the proxy instead",
            request.name
        );
        return Err(Fault::sender("InvalidDBProxyEndpointStateFault", message).into());
    }
    network::check_groups_exist(&writing, groups.as_deref().unwrap_or_default())
        .await
        .map_err(no_group)?;
    let new_name = request.new_name.unwrap_or_else(|| row.name.clone());
    if new_name != row.name {
        if let Some(problem) =
            check_name(NameRule::Identifier, "/NewDBProxyEndpointName", &new_name)
        {
            return Err(Refusal::Invalid(problem.message));
        }
        check_free(&writing.endpoint_list_named(&new_name).await?)?;
    }
    let update = EndpointUpdate {
        name: new_name,
        aliases: row.aliases,
        security_group_ids: groups.unwrap_or(row.network.security_group_ids),
    };
    let row = writing
        .endpoint_update(proxy.id.as_str(), &row.name, Expect::Anything, update)
        .await?;
    writing.commit().await?;
    api.wake.notify_one();
    let endpoint = view(&call, &proxy, row);
    call.answer(&OneEndpoint { endpoint })
}

/// `DeleteDBProxyEndpoint`.
pub(super) async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: DeleteDbProxyEndpoint = call.decode()?;
    let api = &call.api;
    let id = find(&call, &request.name).await?.id;
    let writing = api.store.begin_at(call.now()).await?;
    let row = writing.endpoint_by_id(&id).await?;
    let proxy = writing.proxy_get(&row.proxy_id).await?;
    writing
        .endpoint_delete(proxy.id.as_str(), &row.name, Expect::Anything)
        .await?;
    writing.commit().await?;
    api.wake.notify_one();
    let endpoint = DbProxyEndpoint {
        status: ProxyStatus::Deleting.as_str(),
        ..view(&call, &proxy, row)
    };
    call.answer(&OneEndpoint { endpoint })
}

/// `DescribeDBProxyEndpoints`: one by name, those of a proxy, or all.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: DescribeDbProxyEndpoints = call.decode()?;
    let store = &call.api.store;
    allow_describing(&call, &request).await?;
    refuse_filters(&call.input)?;
    let of = match &request.proxy {
        Some(proxy) => {
            let given = name::proxy(&call.api.settings.arn, proxy);
            Some(store.proxy_get(given).await?)
        }
        None => None,
    };
    let filter = of.as_ref().map_or("", |proxy| proxy.id.as_str());
    let (marker, size) = (request.marker.as_deref(), request.max_records);
    let page = call.page(marker, size, PAGE, filter)?;
    let (rows, next) = match (&request.name, &of) {
        (Some(given), Some(proxy)) => (vec![of_proxy(&call, given, proxy).await?], None),
        (Some(given), None) => (vec![find(&call, given).await?], None),
        (None, Some(proxy)) => {
            let listed = store.endpoint_list(proxy.id.as_str(), &page).await?;
            (listed.items, listed.next)
        }
        (None, None) => {
            let listed = store.endpoint_list_all(&page).await?;
            (listed.items, listed.next)
        }
    };
    let marker = call.marker(next.as_deref(), filter)?;
    let endpoints = Members(views(&call, rows).await?);
    call.answer(&DbProxyEndpoints { endpoints, marker })
}

/// A list of one proxy's endpoints is about the proxy, everything else about endpoints.
async fn allow_describing(call: &Call, request: &DescribeDbProxyEndpoints) -> Result<(), Refusal> {
    const ACTION: &str = "rds:DescribeDBProxyEndpoints";
    match (&request.name, &request.proxy) {
        (Some(name), None) => call.allow(ACTION, On::One(Kind::Endpoint), name).await,
        (None, Some(proxy)) => call.allow(ACTION, On::One(Kind::Proxy), proxy).await,
        (None, None) => call.allow(ACTION, On::Any(Kind::Endpoint), "").await,
        (Some(name), Some(proxy)) => {
            // Several proxies may have one of that name: the one that would be shown counts.
            let given = name::proxy(&call.api.settings.arn, proxy);
            let proxy = call.api.store.proxy_get(given).await;
            let rows = endpoints::named(&call.api.store, name).await?;
            let meant = rows
                .iter()
                .find(|row| matches!(&proxy, Ok(proxy) if proxy.id.as_str() == row.proxy_id));
            let id = meant.map_or(name.as_str(), |row| row.id.as_str());
            call.allow(ACTION, On::One(Kind::Endpoint), id).await
        }
    }
}

/// The endpoint with this name, if there is just one.
async fn find(call: &Call, given: &str) -> Result<EndpointRow, Refusal> {
    let mut rows = endpoints::named(&call.api.store, given).await?;
    if rows.len() > 1 {
        let message = format!(
            "several proxies have an endpoint `{given}`, made over REST; name the proxy, or use REST"
        );
        return Err(Fault::sender("InvalidDBProxyEndpointStateFault", message).into());
    }
    rows.pop().ok_or_else(|| missing(given).into())
}

async fn of_proxy(call: &Call, given: &str, proxy: &ProxyRow) -> Result<EndpointRow, Refusal> {
    let rows = endpoints::named(&call.api.store, given).await?;
    let own = rows
        .into_iter()
        .find(|row| row.proxy_id == proxy.id.as_str());
    own.ok_or_else(|| missing(given).into())
}

fn missing(given: &str) -> StoreError {
    StoreError::NotFound {
        kind: StoreKind::Endpoint,
        name: given.to_owned(),
    }
}

/// Names are unique over all proxies on this face.
fn check_free(taken: &[EndpointRow]) -> Result<(), StoreError> {
    match taken.first() {
        None => Ok(()),
        Some(row) => Err(StoreError::AlreadyExists {
            kind: StoreKind::Endpoint,
            name: row.name.clone(),
            existing_id: row.id.clone(),
        }),
    }
}

async fn views(call: &Call, rows: Vec<EndpointRow>) -> Result<Vec<DbProxyEndpoint>, Refusal> {
    let mut proxies: HashMap<String, ProxyRow> = HashMap::new();
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        if !proxies.contains_key(&row.proxy_id) {
            match call.api.store.proxy_get(&row.proxy_id).await {
                Ok(proxy) => proxies.insert(row.proxy_id.clone(), proxy),
                // Removed since the endpoint was read.
                Err(StoreError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
        }
        if let Some(proxy) = proxies.get(&row.proxy_id) {
            shown.push(view(call, proxy, row));
        }
    }
    Ok(shown)
}

/// The endpoint made with a proxy goes by the proxy's name, and is where the proxy is.
fn view(call: &Call, proxy: &ProxyRow, row: EndpointRow) -> DbProxyEndpoint {
    let settings = &call.api.settings;
    let status = proxy_view::status_of(&call.api, proxy, &row).as_str();
    let place = if row.is_default {
        EndpointNetwork {
            subnet_ids: proxy.network.subnet_ids.clone(),
            security_group_ids: proxy.network.security_group_ids.clone(),
            network_type: proxy.network.endpoint_type,
        }
    } else {
        row.network
    };
    DbProxyEndpoint {
        name: if row.is_default {
            proxy.name.clone()
        } else {
            row.name
        },
        arn: settings.arn.rds("db-proxy-endpoint", &row.id),
        proxy: proxy.name.clone(),
        status,
        vpc_id: network::VPC_ID,
        vpc_security_group_ids: Members(network::groups_in_force(place.security_group_ids)),
        vpc_subnet_ids: Members(place.subnet_ids),
        endpoint: settings.endpoint_host.clone(),
        created_date: rfc3339(row.created_at),
        target_role: row.target_role,
        is_default: row.is_default,
        endpoint_network_type: place.network_type,
    }
}
