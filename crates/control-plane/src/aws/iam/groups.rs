//! Groups and who is in them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::Expect;
use tollgate_types::NameRule;

use super::principal::{GROUP, USER};
use super::{begin, finish, given, paged, shape};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::{Kind, On};
use crate::service::identities;
use crate::service::identity_spec::GroupSpec;

pub(super) fn operations() -> Vec<Operation> {
    let one = Authorized::One(Kind::Group, GROUP.member);
    let user = Authorized::One(Kind::User, USER.member);
    vec![
        Operation::new("CreateGroup", Authorized::ByHandler, create),
        Operation::new("GetGroup", one, get),
        Operation::new("ListGroups", Authorized::Any(Kind::Group), list),
        Operation::new("ListGroupsForUser", user, list_for_user),
        Operation::new("UpdateGroup", one, update),
        Operation::new("DeleteGroup", one, delete),
        Operation::new("AddUserToGroup", one, add),
        Operation::new("RemoveUserFromGroup", one, remove),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateGroup {
    group_name: String,
    path: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneGroup {
    group: shape::Group,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupWithMembers {
    group: shape::Group,
    users: Members<shape::User>,
    is_truncated: bool,
    marker: Option<String>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Groups {
    groups: Members<shape::Group>,
    is_truncated: bool,
    marker: Option<String>,
}

async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: CreateGroup = call.decode()?;
    let spec = GroupSpec {
        name: given::name(NameRule::Iam, GROUP.member, request.group_name)?,
        path: given::path(request.path)?,
    };
    let arn = call
        .api
        .settings
        .arn
        .iam(&format!("group{}{}", spec.path, spec.name));
    call.allow("iam:CreateGroup", On::New, &arn).await?;
    let writing = begin(&call).await?;
    let new = identities::new_group(&call.api.ports.random, spec);
    let group = shape::group(&call, writing.group_create(new).await?);
    let answer = call.answer(&OneGroup { group })?;
    finish(&call, writing, answer).await
}

async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let name = GROUP.named(&call)?;
    let page = paged::ask(&call, name)?;
    let row = call.api.store.group_get(name).await?;
    let listed = call.api.store.group_members(&row.id, &page).await?;
    let marker = call.marker(listed.next.as_deref(), name)?;
    let users = listed.items.into_iter().map(|row| shape::user(&call, row));
    call.answer(&GroupWithMembers {
        group: shape::group(&call, row),
        users: Members(users.collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListGroups {
    path_prefix: Option<String>,
}

async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let prefix = given::path_prefix(call.decode::<ListGroups>()?.path_prefix)?;
    let page = paged::ask(&call, &prefix)?;
    let listed = call.api.store.group_list_in(&prefix, &page).await?;
    let marker = call.marker(listed.next.as_deref(), &prefix)?;
    let groups = listed.items.into_iter().map(|row| shape::group(&call, row));
    call.answer(&Groups {
        groups: Members(groups.collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}

async fn list_for_user(call: Arc<Call>) -> Result<Answer, Refusal> {
    let name = USER.named(&call)?;
    let page = paged::ask(&call, name)?;
    let listed = call.api.store.user_groups(name, &page).await?;
    let marker = call.marker(listed.next.as_deref(), name)?;
    let groups = listed.items.into_iter().map(|row| shape::group(&call, row));
    call.answer(&Groups {
        groups: Members(groups.collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateGroup {
    group_name: String,
    new_path: Option<String>,
    new_group_name: Option<String>,
}

/// As in AWS the caller must be allowed on the old and on the new name.
async fn update(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UpdateGroup = call.decode()?;
    let row = call.api.store.group_get(&request.group_name).await?;
    let path = match request.new_path {
        Some(path) => given::path(Some(path))?,
        None => row.path,
    };
    let name = match request.new_group_name {
        Some(name) => given::name(NameRule::Iam, "NewGroupName", name)?,
        None => row.name,
    };
    let target = call.api.settings.arn.iam(&format!("group{path}{name}"));
    call.allow("iam:UpdateGroup", On::New, &target).await?;
    let writing = begin(&call).await?;
    writing.group_move(&row.id, &name, &path).await?;
    finish(&call, writing, call.done()?).await
}

async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let writing = begin(&call).await?;
    let name = GROUP.named(&call)?;
    writing.group_delete(name, Expect::Anything).await?;
    finish(&call, writing, call.done()?).await
}

async fn add(call: Arc<Call>) -> Result<Answer, Refusal> {
    let (group, user) = (GROUP.named(&call)?, USER.named(&call)?);
    let writing = begin(&call).await?;
    writing.group_member_put(group, user).await?;
    finish(&call, writing, call.done()?).await
}

async fn remove(call: Arc<Call>) -> Result<Answer, Refusal> {
    let (group, user) = (GROUP.named(&call)?, USER.named(&call)?);
    let writing = begin(&call).await?;
    writing.group_member_remove(group, user).await?;
    finish(&call, writing, call.done()?).await
}
