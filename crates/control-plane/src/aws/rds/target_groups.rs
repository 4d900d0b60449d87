//! `DescribeDBProxyTargetGroups` and `ModifyDBProxyTargetGroup`: the pool settings of the one group there is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{Expect, Kind as StoreKind, ProxyRow, StoreError, TargetGroupRow};
use tollgate_types::{PoolPolicy, SessionPinningFilter};

use super::{PAGE, refuse_filters};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::service::check::Check;
use crate::service::name;
use crate::time::rfc3339;

/// The only group's name.
const DEFAULT: &str = "default";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeDbProxyTargetGroups {
    #[serde(rename = "DBProxyName")]
    proxy: String,
    target_group_name: Option<String>,
    marker: Option<String>,
    max_records: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModifyDbProxyTargetGroup {
    target_group_name: String,
    #[serde(rename = "DBProxyName")]
    proxy: String,
    connection_pool_config: Option<ConnectionPoolConfig>,
    new_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConnectionPoolConfig {
    max_connections_percent: Option<u8>,
    max_idle_connections_percent: Option<u8>,
    connection_borrow_timeout: Option<u32>,
    session_pinning_filters: Option<Vec<SessionPinningFilter>>,
    init_query: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetGroups {
    target_groups: Members<DbProxyTargetGroup>,
}

#[derive(Serialize)]
struct OneGroup {
    #[serde(rename = "DBProxyTargetGroup")]
    group: DbProxyTargetGroup,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DbProxyTargetGroup {
    #[serde(rename = "DBProxyName")]
    proxy: String,
    target_group_name: String,
    target_group_arn: String,
    is_default: bool,
    status: &'static str,
    connection_pool_config: ConnectionPoolConfigInfo,
    created_date: String,
    updated_date: String,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConnectionPoolConfigInfo {
    max_connections_percent: u8,
    max_idle_connections_percent: u8,
    connection_borrow_timeout: u32,
    session_pinning_filters: Members<SessionPinningFilter>,
    init_query: Option<String>,
}

/// `DescribeDBProxyTargetGroups`.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: DescribeDbProxyTargetGroups = call.decode()?;
    refuse_filters(&call.input)?;
    let api = &call.api;
    let given = name::proxy(&api.settings.arn, &request.proxy);
    let proxy = api.store.proxy_get(given).await?;
    check_group(request.target_group_name.as_deref())?;
    // There is one group, so there is one page.
    call.page(request.marker.as_deref(), request.max_records, PAGE, given)?;
    let group = api.store.target_group_get(proxy.id.as_str()).await?;
    let target_groups = Members(vec![view(&call, &proxy, group)]);
    call.answer(&TargetGroups { target_groups })
}

/// `ModifyDBProxyTargetGroup`: members that are absent stay.
pub(super) async fn modify(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ModifyDbProxyTargetGroup = call.decode()?;
    let api = &call.api;
    let writing = api.store.begin_at(call.now()).await?;
    let given = name::proxy(&api.settings.arn, &request.proxy);
    let proxy = writing.proxy_get(given).await?;
    check_group(Some(&request.target_group_name))?;
    if request.new_name.is_some_and(|name| name != DEFAULT) {
        let message = "NewName: the default target group cannot be renamed";
        return Err(Refusal::Invalid(message.to_owned()));
    }
    let id = proxy.id.as_str();
    let mut row = writing.target_group_get(id).await?;
    if let Some(config) = request.connection_pool_config {
        let pool = merged(row.pool, config)?;
        let mut check = Check::new(Vec::new());
        check.add_all(pool.problems(proxy.engine_family));
        let pool = check.done(pool)?;
        row = writing
            .target_group_update(id, Expect::Anything, &pool)
            .await?;
    }
    writing.commit().await?;
    api.wake.notify_one();
    let group = view(&call, &proxy, row);
    call.answer(&OneGroup { group })
}

/// Refuses every name but that of the only group.
pub(super) fn check_group(name: Option<&str>) -> Result<(), StoreError> {
    match name {
        None | Some(DEFAULT) => Ok(()),
        Some(name) => Err(StoreError::NotFound {
            kind: StoreKind::TargetGroup,
            name: name.to_owned(),
        }),
    }
}

fn merged(pool: PoolPolicy, config: ConnectionPoolConfig) -> Result<PoolPolicy, Refusal> {
    let (max, idle) = match (
        config.max_connections_percent,
        config.max_idle_connections_percent,
    ) {
        (None, None) => (
            pool.max_connections_percent,
            pool.max_idle_connections_percent,
        ),
        // Half of the maximum, the default. Source: RDS API, `ConnectionPoolConfiguration`.
        (Some(max), None) => (max, max / 2),
        (Some(max), Some(idle)) => (max, idle),
        (None, Some(_)) => {
            let message = "MaxIdleConnectionsPercent needs MaxConnectionsPercent beside it";
            return Err(Refusal::Invalid(message.to_owned()));
        }
    };
    Ok(PoolPolicy {
        max_connections_percent: max,
        max_idle_connections_percent: idle,
        connection_borrow_timeout: config
            .connection_borrow_timeout
            .unwrap_or(pool.connection_borrow_timeout),
        session_pinning_filters: config
            .session_pinning_filters
            .unwrap_or(pool.session_pinning_filters),
        init_query: match config.init_query {
            None => pool.init_query,
            Some(text) => Some(text).filter(|text| !text.is_empty()),
        },
        ..pool
    })
}

fn view(call: &Call, proxy: &ProxyRow, row: TargetGroupRow) -> DbProxyTargetGroup {
    DbProxyTargetGroup {
        proxy: proxy.name.clone(),
        target_group_arn: name::target_group_arn(&call.api.settings.arn, &row.proxy_id),
        is_default: row.name == DEFAULT,
        target_group_name: row.name,
        status: "available",
        connection_pool_config: ConnectionPoolConfigInfo {
            max_connections_percent: row.pool.max_connections_percent,
            max_idle_connections_percent: row.pool.max_idle_connections_percent,
            connection_borrow_timeout: row.pool.connection_borrow_timeout,
            session_pinning_filters: Members(row.pool.session_pinning_filters),
            init_query: row.pool.init_query,
        },
        created_date: rfc3339(row.created_at),
        updated_date: rfc3339(row.updated_at),
    }
}
