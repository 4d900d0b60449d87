//! `DescribeSecret`, and a secret as descriptions and lists show it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::SecretRow;

use super::named::{self, allowed};
use super::tags::{self, Tag};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeSecret {
    secret_id: String,
}

/// A secret without its values. Times are seconds since the epoch.
#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    description: Option<String>,
    kms_key_id: Option<String>,
    last_changed_date: i64,
    deleted_date: Option<i64>,
    tags: Vec<Tag>,
    /// Of a description.
    version_ids_to_stages: Option<BTreeMap<String, Vec<String>>>,
    /// Of an entry of a list.
    secret_versions_to_stages: Option<BTreeMap<String, Vec<String>>>,
    created_date: i64,
}

/// `DescribeSecret`
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: DescribeSecret = call.decode()?;
    let row = allowed(&call, &request.secret_id).await?;
    let stages = row.stages.clone();
    let mut described = Described::new(&call, row);
    described.version_ids_to_stages = Some(stages);
    call.answer(&described)
}

impl Described {
    /// An entry of a list.
    pub(super) fn entry(call: &Call, row: SecretRow) -> Self {
        let stages = row.stages.clone();
        let mut entry = Self::new(call, row);
        entry.secret_versions_to_stages = Some(stages);
        entry
    }

    fn new(call: &Call, row: SecretRow) -> Self {
        Self {
            arn: named::arn(call, &row),
            name: row.name,
            description: Some(row.description).filter(|text| !text.is_empty()),
            kms_key_id: row.kms_key_id,
            last_changed_date: row.updated_at,
            deleted_date: row.deletion.map(|deletion| deletion.requested_at),
            tags: tags::list(&row.tags),
            version_ids_to_stages: None,
            secret_versions_to_stages: None,
            created_date: row.created_at,
        }
    }
}
