//! `DeleteSecret` and `RestoreSecret`: a deletion takes days, so that it can be taken back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{Expect, StoreError};

use super::named::{self, Named, allowed, finish};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;

/// Days between request and deletion. Source: `DeleteSecret`.
const WINDOW_DAYS: std::ops::RangeInclusive<i64> = 7..=30;
const WINDOW_DAYS_DEFAULT: i64 = 30;
const DAY_S: i64 = 86_400;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteSecret {
    secret_id: String,
    recovery_window_in_days: Option<i64>,
    force_delete_without_recovery: Option<bool>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Deleted {
    /// Absent when there was no such secret.
    #[serde(rename = "ARN")]
    arn: Option<String>,
    name: String,
    /// Seconds since the epoch.
    deletion_date: i64,
}

/// `DeleteSecret`
pub(super) async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: DeleteSecret = call.decode()?;
    let found = allowed(&call, &request.secret_id).await;
    let is_forced = request.force_delete_without_recovery == Some(true);
    let days = match request.recovery_window_in_days {
        Some(_) if is_forced => {
            return Err(Refusal::Invalid(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
                    .to_owned(),
            ));
        }
        Some(days) if !WINDOW_DAYS.contains(&days) => {
            return Err(Refusal::Invalid(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
                    .to_owned(),
            ));
        }
        given => given.unwrap_or(WINDOW_DAYS_DEFAULT),
    };
    let now = call.now();
    let row = match found {
        // Documented: whoever forces the deletion of what is not there has what was asked for.
        Err(Refusal::Store(StoreError::NotFound { .. })) if is_forced => {
            return call.answer(&Deleted {
                arn: None,
                name: request.secret_id,
                deletion_date: now,
            });
        }
        found => found?,
    };
    let writing = call.api.store.begin_at(now).await?;
    let deletion_date = if is_forced {
        writing.secret_delete(&row.id, Expect::Anything).await?;
        now
    } else {
        let due_at = now.saturating_add(days.saturating_mul(DAY_S));
        writing.secret_delete_request(&row.id, due_at).await?;
        due_at
    };
    let answer = Deleted {
        arn: Some(named::arn(&call, &row)),
        name: row.name,
        deletion_date,
    };
    finish(&call, writing, &answer).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RestoreSecret {
    secret_id: String,
}

/// `RestoreSecret`
pub(super) async fn restore(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: RestoreSecret = call.decode()?;
    let row = allowed(&call, &request.secret_id).await?;
    let writing = call.api.store.begin_at(call.now()).await?;
    let row = writing.secret_restore(&row.id).await?;
    finish(&call, writing, &Named::new(&call, &row)).await
}
