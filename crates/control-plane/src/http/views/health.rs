//! Health of the control plane itself.

use serde::Serialize;
use utoipa::ToSchema;

/// Whether the process is alive or ready.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Health)]
pub(crate) struct HealthReport {
    /// `ok` or `failing`.
    pub(crate) status: String,
    /// Every check, with `?verbose`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(crate) checks: Vec<ReadinessCheck>,
}

/// One thing that readiness is made of.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadinessCheck {
    /// What was checked.
    pub(crate) name: String,
    /// `ok`, `degraded` (told, but not counted against readiness) or `failing`.
    pub(crate) state: String,
    /// Seconds since the state was last confirmed; absent when it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) age_s: Option<i64>,
    /// The last error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
}

/// An OpenAPI 3.1 document.
#[derive(Debug, ToSchema)]
pub(crate) struct ApiDocument {
    /// Version of the OpenAPI specification.
    #[expect(dead_code, reason = "only its schema is used")]
    openapi: String,
}
