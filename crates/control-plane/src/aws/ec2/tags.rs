//! `CreateTags`, `DeleteTags` and `DescribeTags`, for security groups and their rules.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{TagKind, Tags};

use super::filter::{self, Filter};
use super::paged;
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::Items;
use crate::http::table::{Kind, On};
use crate::service::check::Check;
use crate::service::tagging;

/// Tags for what is about to be made.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagSpecification {
    resource_type: Option<String>,
    #[serde(default)]
    tag: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    resource_id: Vec<String>,
    #[serde(default)]
    tag: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wanted {
    #[serde(default)]
    filter: Vec<Filter>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    tag_set: Items<Description>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    resource_id: String,
    resource_type: &'static str,
    key: String,
    value: String,
    #[serde(skip)]
    place: String,
}

/// The tags that a request gives to what it makes, which is of one type.
pub(super) fn specified(
    specifications: Vec<TagSpecification>,
    kind: &str,
) -> Result<Tags, Refusal> {
    let mut tags = Vec::new();
    for given in specifications {
        if given.resource_type.as_deref() != Some(kind) {
            let message = format!("TagSpecification: ResourceType must be {kind}");
            return Err(Refusal::Invalid(message));
        }
        tags.extend(given.tag);
    }
    tag_map(tags)
}

fn tag_map(tags: Vec<Tag>) -> Result<Tags, Refusal> {
    let mut map = Tags::new();
    for Tag { key, value } in tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!("tag key `{key}` must not start with aws:");
            return Err(Refusal::Invalid(message));
        }
        if map.insert(key.clone(), value.unwrap_or_default()).is_some() {
            return Err(Refusal::Invalid(format!("tag key `{key}` is given twice")));
        }
    }
    let mut check = Check::new(Vec::new());
    check.tags(&map);
    Ok(check.done(map)?)
}

/// `CreateTags`: others stay.
pub(super) async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: Change = call.decode()?;
    let resources = allowed(&call, request.resource_id).await?;
    let tags = tag_map(request.tag)?;
    let writing = call.api.store.begin_at(call.now()).await?;
    for (on, id) in resources {
        let found = tagging::find(&writing, on, &id).await?;
        writing.tag_set(on, &found.id, &tags).await?;
    }
    writing.commit().await?;
    call.done()
}

/// `DeleteTags`: those with these keys, and these values where there are any; all where there are no keys.
pub(super) async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: Change = call.decode()?;
    let resources = allowed(&call, request.resource_id).await?;
    let writing = call.api.store.begin_at(call.now()).await?;
    for (on, id) in resources {
        let found = tagging::find(&writing, on, &id).await?;
        let is_meant = |key: &String, value: &String| {
            let tags = &request.tag;
            tags.is_empty()
                || tags.iter().any(|tag| {
                    tag.key == *key && tag.value.as_ref().is_none_or(|given| given == value)
                })
        };
        let keys = found
            .tags
            .iter()
            .filter(|(key, value)| is_meant(key, value));
        let keys: Vec<String> = keys.map(|(key, _)| key.clone()).collect();
        writing.tag_remove(on, &found.id, &keys).await?;
    }
    writing.commit().await?;
    call.done()
}

/// What these ids name, if the caller may do this to all of it.
async fn allowed(call: &Call, ids: Vec<String>) -> Result<Vec<(TagKind, String)>, Refusal> {
    let mut resources = Vec::with_capacity(ids.len());
    for id in ids {
        let (on, kind) = if id.starts_with("sg-") {
            (TagKind::SecurityGroup, Kind::SecurityGroup)
        } else if id.starts_with("sgr-") {
            (TagKind::SecurityGroupRule, Kind::SecurityGroupRule)
        } else {
            let message = format!(
                "The ID '{id}' is not valid: security groups and their rules can have tags here"
            );
            return Err(Fault::sender("InvalidID", message).into());
        };
        let action = format!("ec2:{}", call.operation);
        call.allow(&action, On::One(kind), &id).await?;
        resources.push((on, id));
    }
    call.unless_dry()?;
    Ok(resources)
}

/// `DescribeTags`.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    let wanted: Wanted = call.decode()?;
    let mut all = Vec::new();
    for group in call.api.store.security_group_list().await? {
        all.extend(shown(&group.id, "security-group", group.tags));
        for rule in group.rules {
            all.extend(shown(&rule.id, "security-group-rule", rule.tags));
        }
    }
    all.sort_by(|one, other| one.place.cmp(&other.place));
    let mut found = Vec::new();
    for tag in all {
        if filter::matches(&wanted.filter, |name| values(&tag, name))? {
            found.push(tag);
        }
    }
    let (found, next_token) = paged(&call, found, &wanted.filter, |tag| tag.place.as_str())?;
    call.answer(&Described {
        tag_set: Items(found),
        next_token,
    })
}

fn shown(id: &str, resource_type: &'static str, tags: Tags) -> Vec<Description> {
    let shown = tags.into_iter().map(|(key, value)| Description {
        place: format!("{id}/{key}"),
        resource_id: id.to_owned(),
        resource_type,
        key,
        value,
    });
    shown.collect()
}

fn values(tag: &Description, name: &str) -> Option<Vec<String>> {
    let value = match name {
        "key" => tag.key.as_str(),
        "value" => tag.value.as_str(),
        "resource-id" => tag.resource_id.as_str(),
        "resource-type" => tag.resource_type,
        _ => {
            let key = name.strip_prefix("tag:")?;
            let value = (tag.key == key).then(|| tag.value.clone());
            return Some(value.into_iter().collect());
        }
    };
    Some(vec![value.to_owned()])
}
