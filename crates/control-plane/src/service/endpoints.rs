//! Endpoints by the names they have over all proxies, as RDS names them.

use tollgate_store::{EndpointRow, Store, StoreError};

/// What the store calls the endpoint that is made with a proxy.
const DEFAULT: &str = "default";

/// The endpoints that a name or id can mean.
///
/// Names are unique within a proxy only, so there may be several. The endpoint that was made with a proxy goes by
/// the proxy's name, unless an endpoint is called so.
pub(crate) async fn named(store: &Store, name: &str) -> Result<Vec<EndpointRow>, StoreError> {
    match store.endpoint_by_id(name).await {
        Ok(row) => return Ok(vec![row]),
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    let rows = store.endpoint_list_named(name).await?;
    if !rows.is_empty() {
        return Ok(rows);
    }
    match store.endpoint_get(name, DEFAULT).await {
        Ok(row) => Ok(vec![row]),
        Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
