//! `RegisterDBProxyTargets`, `DeregisterDBProxyTargets` and `DescribeDBProxyTargets`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{Kind as StoreKind, StoreError, TargetRow};
use tollgate_types::{HealthReason, HealthState, TargetHealth, TargetRole};

use super::instances::no_cluster;
use super::target_groups::check_group;
use super::{PAGE, refuse_filters};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::Members;
use crate::http::table::{Kind, On};
use crate::service::{name, proxies};

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "DBProxyName")]
    proxy: String,
    #[serde(rename = "TargetGroupName")]
    group: Option<String>,
    #[serde(rename = "DBInstanceIdentifiers", default)]
    instances: Vec<String>,
    #[serde(rename = "DBClusterIdentifiers", default)]
    clusters: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeDbProxyTargets {
    #[serde(rename = "DBProxyName")]
    proxy: String,
    target_group_name: Option<String>,
    marker: Option<String>,
    max_records: Option<u32>,
}

#[derive(Serialize)]
struct Registered {
    #[serde(rename = "DBProxyTargets")]
    targets: Members<DbProxyTarget>,
}

#[derive(Serialize)]
struct Nothing {}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Targets {
    targets: Members<DbProxyTarget>,
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DbProxyTarget {
    target_arn: String,
    endpoint: String,
    rds_resource_id: String,
    port: u16,
    r#type: &'static str,
    role: &'static str,
    target_health: TargetHealthInfo,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetHealthInfo {
    state: HealthState,
    reason: Option<HealthReason>,
    description: Option<String>,
}

impl Named {
    /// What is registered are databases; there are no clusters.
    fn check(&self) -> Result<(), Refusal> {
        check_group(self.group.as_deref())?;
        if let Some(cluster) = self.clusters.first() {
            return Err(no_cluster(cluster).into());
        }
        if self.instances.is_empty() {
            let message = "DBInstanceIdentifiers must name at least one database";
            return Err(Fault::sender("InvalidParameterCombination", message).into());
        }
        Ok(())
    }

    /// The caller must be allowed on every database, as well as on the target group.
    async fn allow(&self, call: &Call) -> Result<(), Refusal> {
        let action = format!("rds:{}", call.operation);
        for instance in &self.instances {
            call.allow(&action, On::One(Kind::Database), instance)
                .await?;
        }
        Ok(())
    }
}

/// `RegisterDBProxyTargets`: all of them, or none.
pub(super) async fn register(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: Named = call.decode()?;
    request.allow(&call).await?;
    let api = &call.api;
    let arn = &api.settings.arn;
    let writing = api.store.begin_at(call.now()).await?;
    let proxy = writing.proxy_get(name::proxy(arn, &request.proxy)).await?;
    request.check()?;
    let mut rows = Vec::with_capacity(request.instances.len());
    for instance in &request.instances {
        let named = name::database(arn, instance);
        writing.database_get(named).await?;
        let new = proxies::new_target(api, &writing, &proxy, named).await?;
        rows.push(writing.target_register(proxy.id.as_str(), new).await?);
    }
    writing.commit().await?;
    api.wake.notify_one();
    let targets = Members(views(&call, rows).await?);
    call.answer(&Registered { targets })
}

/// `DeregisterDBProxyTargets`: all of them, or none.
pub(super) async fn deregister(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: Named = call.decode()?;
    request.allow(&call).await?;
    let api = &call.api;
    let arn = &api.settings.arn;
    let writing = api.store.begin_at(call.now()).await?;
    let proxy = writing.proxy_get(name::proxy(arn, &request.proxy)).await?;
    check_group(request.group.as_deref())?;
    if let Some(cluster) = request.clusters.first() {
        // A cluster cannot have been registered.
        return Err(StoreError::NotFound {
            kind: StoreKind::Target,
            name: cluster.clone(),
        }
        .into());
    }
    request.check()?;
    for instance in &request.instances {
        let named = name::database(arn, instance);
        writing.target_deregister(proxy.id.as_str(), named).await?;
    }
    writing.commit().await?;
    api.wake.notify_one();
    call.answer(&Nothing {})
}

/// `DescribeDBProxyTargets`.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: DescribeDbProxyTargets = call.decode()?;
    refuse_filters(&call.input)?;
    let api = &call.api;
    let given = name::proxy(&api.settings.arn, &request.proxy);
    let proxy = api.store.proxy_get(given).await?;
    check_group(request.target_group_name.as_deref())?;
    let id = proxy.id.as_str();
    let page = call.page(request.marker.as_deref(), request.max_records, PAGE, id)?;
    let listed = api.store.target_list(id, &page).await?;
    let marker = call.marker(listed.next.as_deref(), id)?;
    let targets = Members(views(&call, listed.items).await?);
    call.answer(&Targets { targets, marker })
}

async fn views(call: &Call, rows: Vec<TargetRow>) -> Result<Vec<DbProxyTarget>, Refusal> {
    let mut targets = Vec::with_capacity(rows.len());
    for row in rows {
        let database = match call.api.store.database_get(&row.database_id).await {
            Ok(database) => database,
            // Gone since the target was read, so the target is gone as well.
            Err(StoreError::NotFound { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        targets.push(DbProxyTarget {
            target_arn: call.api.settings.arn.rds("db", &database.name),
            endpoint: database.host,
            rds_resource_id: database.name,
            port: database.port,
            r#type: "RDS_INSTANCE",
            role: match row.health.role {
                Some(TargetRole::ReadWrite) => "READ_WRITE",
                Some(TargetRole::ReadOnly) => "READ_ONLY",
                None => "UNKNOWN",
            },
            target_health: health(row.health),
        });
    }
    Ok(targets)
}

/// RDS says why only while there is something to say.
fn health(health: TargetHealth) -> TargetHealthInfo {
    let is_available = health.state == HealthState::Available;
    TargetHealthInfo {
        state: health.state,
        reason: health.reason.filter(|_| !is_available),
        description: Some(health.description).filter(|_| !is_available),
    }
}
