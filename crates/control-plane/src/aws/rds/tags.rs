//! `AddTagsToResource`, `RemoveTagsFromResource` and `ListTagsForResource`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tollgate_store::TagKind;

use super::view::{TagInfo, tag_list};
use super::{Tag, refuse_filters, tag_map};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Tags;
use crate::http::table::{Kind, On};
use crate::service::check::Check;
use crate::service::tagging;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddTags {
    resource_name: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemoveTags {
    resource_name: String,
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListTags {
    resource_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagList {
    tag_list: Tags<TagInfo>,
}

/// `AddTagsToResource`: others stay.
pub(super) async fn add(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: AddTags = call.decode()?;
    let (on, given) = allowed(&call, &request.resource_name).await?;
    let tags = tag_map(Some(request.tags))?;
    let mut check = Check::new(Vec::new());
    check.tags(&tags);
    check.done(())?;
    let writing = call.api.store.begin_at(call.now()).await?;
    let found = tagging::find(&writing, on, &given).await?;
    writing.tag_set(on, &found.id, &tags).await?;
    writing.commit().await?;
    call.api.wake.notify_one();
    call.done()
}

/// `RemoveTagsFromResource`: keys that are not there do not matter.
pub(super) async fn remove(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: RemoveTags = call.decode()?;
    let (on, given) = allowed(&call, &request.resource_name).await?;
    let writing = call.api.store.begin_at(call.now()).await?;
    let found = tagging::find(&writing, on, &given).await?;
    writing.tag_remove(on, &found.id, &request.tag_keys).await?;
    writing.commit().await?;
    call.api.wake.notify_one();
    call.done()
}

/// `ListTagsForResource`.
pub(super) async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ListTags = call.decode()?;
    let (on, given) = allowed(&call, &request.resource_name).await?;
    refuse_filters(&call.input)?;
    let tags = tagging::list(&call.api.store, on, &given).await?;
    let tag_list = tag_list(tags);
    call.answer(&TagList { tag_list })
}

/// The resource that an ARN names, if the caller may do this to it.
async fn allowed(call: &Call, resource: &str) -> Result<(TagKind, String), Refusal> {
    let arn = &call.api.settings.arn;
    let kinds = [
        ("db-proxy", TagKind::Proxy, Kind::Proxy),
        ("db-proxy-endpoint", TagKind::Endpoint, Kind::Endpoint),
        ("target-group", TagKind::TargetGroup, Kind::TargetGroup),
        ("db", TagKind::Database, Kind::Database),
    ];
    let is_of = |kind: &str| resource.starts_with(arn.rds(kind, "").as_str());
    let Some((_, on, kind)) = kinds.into_iter().find(|(kind, _, _)| is_of(kind)) else {
        let message = format!(
            "ResourceName `{resource}` is not the ARN of a proxy, an endpoint, a target group or a database of \
             this account and region"
        );
        return Err(Refusal::Invalid(message));
    };
    let action = format!("rds:{}", call.operation);
    call.allow(&action, On::One(kind), resource).await?;
    Ok((on, tagging::named(arn, on, resource)))
}
