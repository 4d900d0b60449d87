//! `ListEntitiesForPolicy`: who has a managed policy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{AttachTo, PolicyEntity, PolicyUse};

use super::{given, paged};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::aws::shape::Members;
use crate::aws::table::{Authorized, Operation};
use crate::http::table::Kind;

pub(super) fn operations() -> Vec<Operation> {
    let one = Authorized::One(Kind::Policy, "PolicyArn");
    vec![Operation::new("ListEntitiesForPolicy", one, list)]
}

/// Which kind of principal is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum EntityFilter {
    User,
    Role,
    Group,
    LocalManagedPolicy,
    #[serde(rename = "AWSManagedPolicy")]
    AwsManagedPolicy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum UsageFilter {
    PermissionsPolicy,
    PermissionsBoundary,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListEntities {
    policy_arn: String,
    entity_filter: Option<EntityFilter>,
    path_prefix: Option<String>,
    policy_usage_filter: Option<UsageFilter>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyGroup {
    group_name: String,
    group_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyUser {
    user_name: String,
    user_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyRole {
    role_name: String,
    role_id: String,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entities {
    policy_groups: Members<PolicyGroup>,
    policy_users: Members<PolicyUser>,
    policy_roles: Members<PolicyRole>,
    is_truncated: bool,
    marker: Option<String>,
}

async fn list(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: ListEntities = call.decode()?;
    let bound_to = format!("{request:?}");
    let page = paged::ask(&call, &bound_to)?;
    let prefix = given::path_prefix(request.path_prefix)?;
    let policy = given::policy(&call, &request.policy_arn).await?;
    let policy_use = match request.policy_usage_filter {
        Some(UsageFilter::PermissionsBoundary) => PolicyUse::Boundary,
        Some(UsageFilter::PermissionsPolicy) | None => PolicyUse::Permissions,
    };
    let mut found = call
        .api
        .store
        .policy_entities(&policy.id, policy_use)
        .await?;
    found.retain(|entity| {
        entity.path.starts_with(&prefix)
            && request
                .entity_filter
                .is_none_or(|only| passes(only, entity))
    });
    // Groups, roles, users: the order in which they come.
    let listed = paged::cut(found, &page, |entity| {
        format!("{:?}/{}", entity.kind, entity.name)
    });
    let marker = call.marker(listed.next.as_deref(), &bound_to)?;
    let mut entities = Entities {
        policy_groups: Members(Vec::new()),
        policy_users: Members(Vec::new()),
        policy_roles: Members(Vec::new()),
        is_truncated: marker.is_some(),
        marker,
    };
    for entity in listed.items {
        entities.push(entity);
    }
    call.answer(&entities)
}

fn passes(only: EntityFilter, entity: &PolicyEntity) -> bool {
    match only {
        EntityFilter::User => entity.kind == AttachTo::User,
        EntityFilter::Role => entity.kind == AttachTo::Role,
        EntityFilter::Group => entity.kind == AttachTo::Group,
        EntityFilter::LocalManagedPolicy | EntityFilter::AwsManagedPolicy => false,
    }
}

impl Entities {
    fn push(&mut self, entity: PolicyEntity) {
        let PolicyEntity { kind, id, name, .. } = entity;
        match kind {
            AttachTo::User => self.policy_users.0.push(PolicyUser {
                user_name: name,
                user_id: id,
            }),
            AttachTo::Group => self.policy_groups.0.push(PolicyGroup {
                group_name: name,
                group_id: id,
            }),
            AttachTo::Role => self.policy_roles.0.push(PolicyRole {
                role_name: name,
                role_id: id,
            }),
        }
    }
}
