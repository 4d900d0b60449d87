//! Access keys of users. The secret is shown once, in the answer that makes the key.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{AccessKeyRow, AccessKeyState, Expect};

use super::principal::user_or_self;
use super::{begin, finish, paged};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::{Kind, On};
use crate::service::access_keys;
use crate::time::rfc3339;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("CreateAccessKey", Authorized::ByHandler, create),
        Operation::new("ListAccessKeys", Authorized::ByHandler, list),
        Operation::new("UpdateAccessKey", Authorized::ByHandler, update),
        Operation::new("DeleteAccessKey", Authorized::ByHandler, delete),
        Operation::new("GetAccessKeyLastUsed", Authorized::ByHandler, last_used),
    ]
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Status {
    Active,
    Inactive,
}

fn status(state: AccessKeyState) -> &'static str {
    match state {
        AccessKeyState::Active => "Active",
        AccessKeyState::Inactive => "Inactive",
    }
}

/// The user, who may be left out: then it is the caller.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Owner {
    user_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewKey<'s> {
    user_name: &'s str,
    access_key_id: &'s str,
    status: &'static str,
    secret_access_key: &'s str,
    create_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneNewKey<'s> {
    access_key: NewKey<'s>,
}

async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let owner: Owner = call.decode()?;
    let user = user_or_self(&call, owner.user_name, "iam:CreateAccessKey").await?;
    let (new, secret) = access_keys::new(&call.api)?;
    let writing = begin(&call).await?;
    let row = writing.access_key_create(&user, new).await?;
    let access_key = NewKey {
        user_name: &row.user,
        access_key_id: &row.id,
        status: status(row.state),
        secret_access_key: secret.expose(),
        create_date: rfc3339(row.created_at),
    };
    let answer = call.answer(&OneNewKey { access_key })?;
    finish(&call, writing, answer).await
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyMetadata {
    user_name: String,
    access_key_id: String,
    status: &'static str,
    create_date: String,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    access_key_metadata: Members<KeyMetadata>,
    is_truncated: bool,
    marker: Option<String>,
}

fn metadata(row: AccessKeyRow) -> KeyMetadata {
    KeyMetadata {
        user_name: row.user,
        access_key_id: row.id,
        status: status(row.state),
        create_date: rfc3339(row.created_at),
    }
}

async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let owner: Owner = call.decode()?;
    let user = user_or_self(&call, owner.user_name, "iam:ListAccessKeys").await?;
    let page = paged::ask(&call, &user)?;
    let listed = call.api.store.access_key_list(&user, &page).await?;
    let marker = call.marker(listed.next.as_deref(), &user)?;
    call.answer(&Keys {
        access_key_metadata: Members(listed.items.into_iter().map(metadata).collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateKey {
    user_name: Option<String>,
    access_key_id: String,
    status: Status,
}

async fn update(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: UpdateKey = call.decode()?;
    let user = user_or_self(&call, request.user_name, "iam:UpdateAccessKey").await?;
    let state = match request.status {
        Status::Active => AccessKeyState::Active,
        Status::Inactive => AccessKeyState::Inactive,
    };
    let writing = begin(&call).await?;
    writing
        .access_key_update(&user, &request.access_key_id, Expect::Anything, state)
        .await?;
    finish(&call, writing, call.done()?).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteKey {
    user_name: Option<String>,
    access_key_id: String,
}

async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: DeleteKey = call.decode()?;
    let user = user_or_self(&call, request.user_name, "iam:DeleteAccessKey").await?;
    let writing = begin(&call).await?;
    writing
        .access_key_delete(&user, &request.access_key_id, Expect::Anything)
        .await?;
    finish(&call, writing, call.done()?).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LastUsedAsked {
    access_key_id: String,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastUsed {
    last_used_date: Option<String>,
    service_name: &'static str,
    region: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyLastUsed {
    user_name: String,
    access_key_last_used: LastUsed,
}

/// AWS's words for a key of which nothing is known: where keys are used is not recorded here.
async fn last_used(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: LastUsedAsked = call.decode()?;
    let found = call.api.store.access_key_get(&request.access_key_id).await;
    let owner = found.as_ref().map_or("*", |row| row.user.as_str());
    call.allow("iam:GetAccessKeyLastUsed", On::One(Kind::User), owner)
        .await?;
    let row = found?;
    call.answer(&KeyLastUsed {
        user_name: row.user,
        access_key_last_used: LastUsed {
            last_used_date: row.last_used_at.map(rfc3339),
            service_name: "N/A",
            region: "N/A",
        },
    })
}
