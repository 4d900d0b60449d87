//! From what a refused client sees to what the operator can look up.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio_postgres::{Config, error::DbError};

use super::{Orders, PATIENCE};

/// Tries to log in and returns the error that the client is shown.
pub(crate) async fn refusal(orders: &Orders, config: &Config) -> Result<DbError> {
    match config.connect(orders.tls.clone()).await {
        Ok(_) => anyhow::bail!("the login was accepted"),
        Err(error) => error
            .as_db_error()
            .cloned()
            .with_context(|| format!("not refused by protocol: {error:?}")),
    }
}

/// The correlation id (`c-` and 16 hex digits) in what the client is shown.
pub(crate) fn correlation_id(text: &str) -> Result<String> {
    let found = text.match_indices("c-").find_map(|(at, _)| {
        let id = text.get(at..at + 18)?;
        let hex = id.get(2..)?;
        hex.chars()
            .all(|c| c.is_ascii_hexdigit())
            .then(|| id.to_owned())
    });
    found.with_context(|| format!("no correlation id in {text:?}"))
}

/// The audit event under this id; some are handed over a moment after the client was answered.
pub(crate) async fn decision(orders: &Orders, id: &str) -> Result<Value> {
    let path = format!("/v1/audit/decisions/{id}");
    orders.api.until(&path, PATIENCE, Value::is_object).await
}
