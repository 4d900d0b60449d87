//! Inline policies of users, groups and roles.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_iam::policy::PolicyKind;
use tollgate_types::NameRule;

use super::fault::limit_exceeded;
use super::principal::{GROUP, Principal, ROLE, USER};
use super::{begin, finish, given, paged, shape};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};

/// What the operations of each kind of principal are called: put, get, list, delete.
const NAMES: [(Principal, [&str; 4]); 3] = [
    (
        USER,
        [
            "PutUserPolicy",
            "GetUserPolicy",
            "ListUserPolicies",
            "DeleteUserPolicy",
        ],
    ),
    (
        GROUP,
        [
            "PutGroupPolicy",
            "GetGroupPolicy",
            "ListGroupPolicies",
            "DeleteGroupPolicy",
        ],
    ),
    (
        ROLE,
        [
            "PutRolePolicy",
            "GetRolePolicy",
            "ListRolePolicies",
            "DeleteRolePolicy",
        ],
    ),
];

pub(super) fn operations() -> Vec<Operation> {
    NAMES
        .into_iter()
        .flat_map(|(of, [put_name, get_name, list_name, delete_name])| {
            let one = Authorized::One(of.kind, of.member);
            [
                Operation::new(put_name, one, move |call| put(call, of)),
                Operation::new(get_name, one, move |call| get(call, of)),
                Operation::new(list_name, one, move |call| list(call, of)),
                Operation::new(delete_name, one, move |call| delete(call, of)),
            ]
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutPolicy {
    policy_name: String,
    policy_document: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyAsked {
    policy_name: String,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Names {
    policy_names: Members<String>,
    is_truncated: bool,
    marker: Option<String>,
}

async fn put(call: Arc<Call>, of: Principal) -> Result<Answer, Refusal> {
    let request: PutPolicy = call.decode()?;
    let name = given::name(NameRule::IamPolicy, "PolicyName", request.policy_name)?;
    let document = given::document(request.policy_document, PolicyKind::Identity)?;
    let principal = of.named(&call)?;
    let writing = begin(&call).await?;
    writing
        .inline_policy_put(of.to, principal, (&name, &document))
        .await?;
    let all = writing.inline_policy_documents(of.to, principal).await?;
    let size: usize = all.iter().map(|document| given::size(document)).sum();
    if size > of.inline_size_max {
        let message = format!(
            "Maximum policy size of {} bytes exceeded for {principal}",
            of.inline_size_max
        );
        return Err(limit_exceeded(message).into());
    }
    finish(&call, writing, call.done()?).await
}

async fn get(call: Arc<Call>, of: Principal) -> Result<Answer, Refusal> {
    let request: PolicyAsked = call.decode()?;
    let principal = of.named(&call)?;
    let row = call
        .api
        .store
        .inline_policy_get(of.to, principal, &request.policy_name)
        .await?;
    let document = shape::document(&row.document);
    call.answer(&BTreeMap::from([
        (of.member, principal),
        ("PolicyName", row.name.as_str()),
        ("PolicyDocument", document.as_str()),
    ]))
}

async fn list(call: Arc<Call>, of: Principal) -> Result<Answer, Refusal> {
    let principal = of.named(&call)?;
    let page = paged::ask(&call, principal)?;
    let listed = call
        .api
        .store
        .inline_policy_list(of.to, principal, &page)
        .await?;
    let marker = call.marker(listed.next.as_deref(), principal)?;
    let names = listed.items.into_iter().map(|row| row.name);
    call.answer(&Names {
        policy_names: Members(names.collect()),
        is_truncated: marker.is_some(),
        marker,
    })
}

async fn delete(call: Arc<Call>, of: Principal) -> Result<Answer, Refusal> {
    let request: PolicyAsked = call.decode()?;
    let principal = of.named(&call)?;
    let writing = begin(&call).await?;
    writing
        .inline_policy_remove(of.to, principal, &request.policy_name)
        .await?;
    finish(&call, writing, call.done()?).await
}
