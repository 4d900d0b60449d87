//! Tags as a resource of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schemas;

/// Every tag of a resource.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tags {
    /// Keys and values.
    #[schema(schema_with = schemas::tags)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// Sets tags; those that are not named stay.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutTags {
    /// Keys and values.
    #[schema(schema_with = schemas::tags, required = true)]
    pub(crate) tags: Option<BTreeMap<String, String>>,
}
