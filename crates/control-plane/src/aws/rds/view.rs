//! A proxy, and tags, as RDS shows them.

use serde::Serialize;
use serde_with::skip_serializing_none;
use tollgate_store::{ProxyRow, Tags as StoredTags};
use tollgate_types::NetworkType;

use super::auth::{self, UserAuthConfigInfo};
use crate::aws::call::Call;
use crate::aws::fault::Refusal;
use crate::aws::shape::{Members, Tags};
use crate::service::network::{VPC_ID, groups_in_force};
use crate::service::proxies;
use crate::time::rfc3339;

/// The only scheme that is served: logging in to servers with IAM tokens takes RDS on the other side.
pub(super) const NO_DEFAULT_SCHEME: &str = "NONE";

/// `DBProxy`.
#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the members of RDS's own document"
)]
pub(super) struct DbProxy {
    #[serde(rename = "DBProxyName")]
    name: String,
    #[serde(rename = "DBProxyArn")]
    arn: String,
    status: &'static str,
    engine_family: &'static str,
    vpc_id: &'static str,
    vpc_security_group_ids: Members<String>,
    vpc_subnet_ids: Members<String>,
    default_auth_scheme: &'static str,
    auth: Members<UserAuthConfigInfo>,
    role_arn: Option<String>,
    endpoint: String,
    #[serde(rename = "RequireTLS")]
    require_tls: bool,
    idle_client_timeout: u32,
    debug_logging: bool,
    created_date: String,
    updated_date: String,
    endpoint_network_type: NetworkType,
    target_connection_network_type: NetworkType,
}

/// An answer about one.
#[derive(Serialize)]
pub(super) struct OneProxy {
    #[serde(rename = "DBProxy")]
    db_proxy: DbProxy,
}

/// The answer about this row.
pub(super) async fn one(call: &Call, row: ProxyRow) -> Result<OneProxy, Refusal> {
    let db_proxy = proxy(call, row).await?;
    Ok(OneProxy { db_proxy })
}

/// This row.
pub(super) async fn proxy(call: &Call, row: ProxyRow) -> Result<DbProxy, Refusal> {
    let settings = &call.api.settings;
    Ok(DbProxy {
        arn: settings.arn.rds("db-proxy", row.id.as_str()),
        debug_logging: proxies::is_debug_logging(&row, call.now()),
        auth: Members(auth::shown(call, row.auth).await?),
        name: row.name,
        status: row.status.as_str(),
        engine_family: row.engine_family.as_str(),
        vpc_id: VPC_ID,
        vpc_security_group_ids: Members(groups_in_force(row.network.security_group_ids)),
        vpc_subnet_ids: Members(row.network.subnet_ids),
        default_auth_scheme: NO_DEFAULT_SCHEME,
        role_arn: row.role_arn,
        endpoint: settings.endpoint_host.clone(),
        require_tls: row.require_tls,
        idle_client_timeout: row.idle_client_timeout_s,
        created_date: rfc3339(row.created_at),
        updated_date: rfc3339(row.updated_at),
        endpoint_network_type: row.network.endpoint_type,
        target_connection_network_type: row.network.target_type,
    })
}

/// One tag of an answer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagInfo {
    key: String,
    value: String,
}

/// Tags in the order of their keys.
pub(super) fn tag_list(tags: StoredTags) -> Tags<TagInfo> {
    let shown = |(key, value)| TagInfo { key, value };
    Tags(tags.into_iter().map(shown).collect())
}
