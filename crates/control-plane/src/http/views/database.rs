//! Databases: registered servers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_types::{Engine, TlsMode};
use utoipa::ToSchema;

use super::schemas;

/// Registers a database server. Nothing is connected to until a proxy has it as a target.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateDatabase {
    /// 1–63 letters, digits or hyphens, starting with a letter.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 63)]
    pub(crate) name: Option<String>,
    /// The software behind it.
    #[schema(required = true, schema_with = schemas::engine)]
    pub(crate) engine: Option<Engine>,
    /// Host name or address.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 253)]
    pub(crate) host: Option<String>,
    /// TCP port; the engine's usual one when absent.
    #[schema(minimum = 1, maximum = 65535)]
    pub(crate) port: Option<u16>,
    /// How to speak TLS to it.
    pub(crate) tls: Option<Tls>,
    /// Tags.
    #[schema(schema_with = schemas::tags)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<BTreeMap<String, String>>,
}

/// Changes a database (RFC 7396 merge-patch). Name and engine stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "the document's shape of a patch, which is merged as JSON"
)]
pub(crate) struct PatchDatabase {
    /// Host name or address.
    #[schema(min_length = 1, max_length = 253)]
    host: Option<String>,
    /// TCP port.
    #[schema(minimum = 1, maximum = 65535)]
    port: Option<u16>,
    /// How to speak TLS to it.
    tls: Option<Tls>,
}

/// How to speak TLS to a server; libpq's names.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Tls {
    /// How strict; `prefer` when absent.
    #[schema(schema_with = schemas::tls_mode)]
    pub(crate) mode: Option<TlsMode>,
    /// Trusted CA certificates as PEM; the system's roots when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_pem: Option<String>,
}

/// A registered database server.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Database {
    /// Unique name.
    pub(crate) name: String,
    /// ARN.
    pub(crate) arn: String,
    /// The software behind it.
    #[schema(schema_with = schemas::engine)]
    pub(crate) engine: Engine,
    /// Host name or address.
    pub(crate) host: String,
    /// TCP port.
    #[schema(minimum = 1, maximum = 65535)]
    pub(crate) port: u16,
    /// How TLS is spoken to it.
    pub(crate) tls: Tls,
    /// Rises with every change.
    pub(crate) generation: u64,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// RFC 3339.
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
    /// Tags.
    #[schema(schema_with = schemas::tags)]
    pub(crate) tags: BTreeMap<String, String>,
}
