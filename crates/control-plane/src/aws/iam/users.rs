//! Users.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::Expect;
use tollgate_types::{NameRule, PrincipalKind};

use super::principal::{self, USER};
use super::{begin, finish, given, paged, shape};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::{Kind, On};
use crate::service::identities;
use crate::service::identity_spec::UserSpec;

pub(super) fn operations() -> Vec<Operation> {
    let one = Authorized::One(Kind::User, USER.member);
    vec![
        Operation::new("CreateUser", Authorized::ByHandler, create),
        Operation::new("GetUser", Authorized::ByHandler, get),
        Operation::new("ListUsers", Authorized::Any(Kind::User), list),
        Operation::new("UpdateUser", one, update),
        Operation::new("DeleteUser", one, delete),
        Operation::new("PutUserPermissionsBoundary", one, put_boundary),
        Operation::new("DeleteUserPermissionsBoundary", one, delete_boundary),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateUser {
    user_name: String,
    path: Option<String>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<given::Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneUser {
    user: shape::User,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Users {
    users: Members<shape::User>,
    is_truncated: bool,
    marker: Option<String>,
}

async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: CreateUser = call.decode()?;
    let spec = UserSpec {
        name: given::name(NameRule::Iam, USER.member, request.user_name)?,
        path: given::path(request.path)?,
        tags: given::tags(request.tags)?,
    };
    let arn = call
        .api
        .settings
        .arn
        .iam(&format!("user{}{}", spec.path, spec.name));
    call.allow("iam:CreateUser", On::New, &arn).await?;
    let writing = begin(&call).await?;
    let new = identities::new_user(&call.api.ports.random, spec);
    let mut row = writing.user_create(new).await?;
    if let Some(boundary) = request.permissions_boundary {
        let policy = given::policy_in(&call, &writing, &boundary).await?;
        row = writing
            .user_boundary_set(&row.id, Expect::Anything, Some(&policy.id))
            .await?;
    }
    let user = shape::user_in_full(&call, row).await?;
    let answer = call.answer(&OneUser { user })?;
    finish(&call, writing, answer).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetUser {
    user_name: Option<String>,
}

/// The named user, else the caller.
async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: GetUser = call.decode()?;
    if request.user_name.is_none() && call.caller.kind == PrincipalKind::Root {
        let user = shape::root(&call);
        return call.answer(&OneUser { user });
    }
    let name = principal::user_or_self(&call, request.user_name, "iam:GetUser").await?;
    let row = call.api.store.user_get(&name).await?;
    let user = shape::user_in_full(&call, row).await?;
    call.answer(&OneUser { user })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListUsers {
    path_prefix: Option<String>,
}

async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let prefix = given::path_prefix(call.decode::<ListUsers>()?.path_prefix)?;
    let page = paged::ask(&call, &prefix)?;
    let listed = call.api.store.user_list_in(&prefix, &page).await?;
    let marker = call.marker(listed.next.as_deref(), &prefix)?;
    let users = listed.items.into_iter().map(|row| shape::user(&call, row));
    call.answer(&Users {
        users: Members(users.collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateUser {
    user_name: String,
    new_path: Option<String>,
    new_user_name: Option<String>,
}

/// As in AWS the caller must be allowed on the old and on the new name.
async fn update(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UpdateUser = call.decode()?;
    let row = call.api.store.user_get(&request.user_name).await?;
    let path = match request.new_path {
        Some(path) => given::path(Some(path))?,
        None => row.path,
    };
    let name = match request.new_user_name {
        Some(name) => given::name(NameRule::Iam, "NewUserName", name)?,
        None => row.name,
    };
    let target = call.api.settings.arn.iam(&format!("user{path}{name}"));
    call.allow("iam:UpdateUser", On::New, &target).await?;
    let writing = begin(&call).await?;
    writing.user_move(&row.id, &name, &path).await?;
    finish(&call, writing, call.done()?).await
}

async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let writing = begin(&call).await?;
    let name = USER.named(&call)?;
    writing.user_delete(name, Expect::Anything).await?;
    finish(&call, writing, call.done()?).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutBoundary {
    user_name: String,
    permissions_boundary: String,
}

async fn put_boundary(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: PutBoundary = call.decode()?;
    let writing = begin(&call).await?;
    let policy = given::policy_in(&call, &writing, &request.permissions_boundary).await?;
    writing
        .user_boundary_set(&request.user_name, Expect::Anything, Some(&policy.id))
        .await?;
    finish(&call, writing, call.done()?).await
}

async fn delete_boundary(call: Arc<Call>) -> Result<Answer, Refusal> {
    let writing = begin(&call).await?;
    let name = USER.named(&call)?;
    writing
        .user_boundary_set(name, Expect::Anything, None)
        .await?;
    finish(&call, writing, call.done()?).await
}
