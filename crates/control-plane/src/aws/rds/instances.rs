//! `DescribeDBInstances` and `DescribeDBClusters`: the registered databases, as far as RDS's words fit them.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::DatabaseRow;

use super::{PAGE, refuse_filters};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::{Members, Tags};
use crate::http::table::{Kind, On};
use crate::service::name;
use crate::time::rfc3339;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Describe {
    #[serde(rename = "DBInstanceIdentifier")]
    instance: Option<String>,
    #[serde(rename = "DBClusterIdentifier")]
    cluster: Option<String>,
    marker: Option<String>,
    max_records: Option<u32>,
}

#[skip_serializing_none]
#[derive(Serialize)]
struct DbInstances {
    #[serde(rename = "DBInstances")]
    instances: Instances,
    #[serde(rename = "Marker")]
    marker: Option<String>,
}

/// A list whose elements are `<DBInstance>`.
#[derive(Serialize)]
struct Instances {
    #[serde(rename = "DBInstance")]
    elements: Vec<DbInstance>,
}

#[derive(Serialize)]
struct DbClusters {
    #[serde(rename = "DBClusters")]
    clusters: Members<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DbInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    identifier: String,
    #[serde(rename = "DBInstanceArn")]
    arn: String,
    dbi_resource_id: String,
    #[serde(rename = "DBInstanceStatus")]
    status: &'static str,
    engine: &'static str,
    endpoint: Endpoint,
    instance_create_time: String,
    tag_list: Tags<super::view::TagInfo>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    address: String,
    port: u16,
}

/// `DescribeDBInstances`: one by name or ARN, or a page of all.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    const ACTION: &str = "rds:DescribeDBInstances";
    let request: Describe = call.decode()?;
    let store = &call.api.store;
    let (rows, marker) = if let Some(given) = &request.instance {
        call.allow(ACTION, On::One(Kind::Database), given).await?;
        refuse_filters(&call.input)?;
        let named = name::database(&call.api.settings.arn, given);
        (vec![store.database_get(named).await?], None)
    } else {
        call.allow(ACTION, On::Any(Kind::Database), "").await?;
        refuse_filters(&call.input)?;
        let page = call.page(request.marker.as_deref(), request.max_records, PAGE, "")?;
        let listed = store.database_list(&page).await?;
        (listed.items, call.marker(listed.next.as_deref(), "")?)
    };
    let elements = rows.into_iter().map(|row| view(&call, row)).collect();
    let instances = Instances { elements };
    call.answer(&DbInstances { instances, marker })
}

/// `DescribeDBClusters`: there are none.
pub(super) async fn describe_clusters(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: Describe = call.decode()?;
    if let Some(given) = &request.cluster {
        return Err(no_cluster(given).into());
    }
    call.page(request.marker.as_deref(), request.max_records, PAGE, "")?;
    let clusters = Members(Vec::new());
    call.answer(&DbClusters { clusters })
}

/// Databases are registered one by one.
pub(super) fn no_cluster(given: &str) -> Fault {
    let message = format!("there is no cluster `{given}`: databases are registered one by one");
    Fault::with(StatusCode::NOT_FOUND, "DBClusterNotFoundFault", message)
}

fn view(call: &Call, row: DatabaseRow) -> DbInstance {
    DbInstance {
        arn: call.api.settings.arn.rds("db", &row.name),
        identifier: row.name,
        dbi_resource_id: row.id,
        status: "available",
        engine: row.engine.as_str(),
        endpoint: Endpoint {
            address: row.host,
            port: row.port,
        },
        instance_create_time: rfc3339(row.created_at),
        tag_list: super::view::tag_list(row.tags),
    }
}
