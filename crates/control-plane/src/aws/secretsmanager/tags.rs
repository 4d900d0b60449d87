//! `TagResource` and `UntagResource`, and tags in requests and answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tollgate_store::TagKind;

use super::named::{allowed, not_deleted};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::service::check::Check;

/// One tag.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagResource {
    secret_id: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagResource {
    secret_id: String,
    tag_keys: Vec<String>,
}

/// `TagResource`
pub(super) async fn tag(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: TagResource = call.decode()?;
    let row = not_deleted(allowed(&call, &request.secret_id).await?)?;
    let set = map(&request.tags)?;
    let mut check = Check::default();
    check.tags(&set);
    check.done(())?;
    let writing = call.api.store.begin_at(call.now()).await?;
    writing.tag_set(TagKind::Secret, &row.id, &set).await?;
    writing.commit().await?;
    call.done()
}

/// `UntagResource`
pub(super) async fn untag(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UntagResource = call.decode()?;
    let row = not_deleted(allowed(&call, &request.secret_id).await?)?;
    let writing = call.api.store.begin_at(call.now()).await?;
    writing
        .tag_remove(TagKind::Secret, &row.id, &request.tag_keys)
        .await?;
    writing.commit().await?;
    call.done()
}

/// Tags of a request by key; a key that comes twice is refused.
pub(super) fn map(tags: &[Tag]) -> Result<BTreeMap<String, String>, Refusal> {
    let mut map = BTreeMap::new();
    for tag in tags {
        if map.insert(tag.key.clone(), tag.value.clone()).is_some() {
            let message = format!("Tags: the key {} is given twice.", tag.key);
            return Err(Refusal::Invalid(message));
        }
    }
    Ok(map)
}

/// Tags of an answer.
pub(super) fn list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag {
        key: key.clone(),
        value: value.clone(),
    };
    tags.iter().map(tag).collect()
}
