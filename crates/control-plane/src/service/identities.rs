//! Users, groups, roles and policies: between the request and the store.

use serde_json::Value;
use tollgate_iam::policy::{PolicyDocument, PolicyKind};
use tollgate_store::{
    GroupRow, NewGroup, NewPolicy, NewRole, NewUser, PolicyRow, PolicyVersionRow, RoleRow, UserRow,
};
use tollgate_types::Arn;

use super::fresh::{self, Unique};
use super::identity_spec::{GroupSpec, PolicySpec, RoleSpec, UserSpec};
use crate::http::views::access::{AttachedPolicy, Finding, Policy, PolicyVersion};
use crate::http::views::identity::{Group, Member, Role, User};
use crate::ports::Random;
use crate::problem::{Code, Problem};
use crate::time::rfc3339;

/// A new user.
pub(crate) fn new_user(random: &Random, spec: UserSpec) -> NewUser {
    NewUser {
        id: fresh::unique_id(random, Unique::User),
        name: spec.name,
        path: spec.path,
        tags: spec.tags,
    }
}

/// A new group.
pub(crate) fn new_group(random: &Random, spec: GroupSpec) -> NewGroup {
    NewGroup {
        id: fresh::unique_id(random, Unique::Group),
        name: spec.name,
        path: spec.path,
    }
}

/// A new role.
pub(crate) fn new_role(random: &Random, spec: RoleSpec) -> NewRole {
    NewRole {
        id: fresh::unique_id(random, Unique::Role),
        name: spec.name,
        path: spec.path,
        description: spec.description,
        trust_policy: spec.trust_policy,
        max_session_s: spec.max_session_s,
        tags: spec.tags,
    }
}

/// A new policy.
pub(crate) fn new_policy(random: &Random, spec: PolicySpec) -> NewPolicy {
    NewPolicy {
        id: fresh::unique_id(random, Unique::Policy),
        name: spec.name,
        path: spec.path,
        description: spec.description,
        document: spec.document,
        tags: spec.tags,
    }
}

/// The ARN of a user.
pub(crate) fn user_arn(arn: &Arn, row: &UserRow) -> String {
    arn.iam(&format!("user{}{}", row.path, row.name))
}

/// The ARN of a group.
pub(crate) fn group_arn(arn: &Arn, row: &GroupRow) -> String {
    arn.iam(&format!("group{}{}", row.path, row.name))
}

/// The ARN of a role.
pub(crate) fn role_arn(arn: &Arn, row: &RoleRow) -> String {
    arn.iam(&format!("role{}{}", row.path, row.name))
}

/// The ARN of a policy; AWS-managed ones are nobody's here.
pub(crate) fn policy_arn(arn: &Arn, row: &PolicyRow) -> String {
    if row.is_aws_managed() {
        return row.name.clone();
    }
    arn.iam(&format!("policy{}{}", row.path, row.name))
}

/// Refuses to change what is AWS-managed.
pub(crate) fn changeable(row: &PolicyRow) -> Result<(), Problem> {
    if row.is_aws_managed() {
        let detail = format!(
            "{} is AWS-managed and cannot be changed or deleted",
            row.name
        );
        return Err(Problem::new(Code::AccessDenied, detail));
    }
    Ok(())
}

/// A user as callers see it.
pub(crate) fn user_view(row: UserRow, arn: &Arn) -> User {
    User {
        arn: user_arn(arn, &row),
        name: row.name,
        path: row.path,
        id: row.id,
        permissions_boundary: row.boundary,
        generation: row.generation,
        created_at: rfc3339(row.created_at),
        tags: row.tags,
    }
}

/// A group as callers see it.
pub(crate) fn group_view(row: GroupRow, arn: &Arn) -> Group {
    Group {
        arn: group_arn(arn, &row),
        name: row.name,
        path: row.path,
        id: row.id,
        generation: row.generation,
        created_at: rfc3339(row.created_at),
    }
}

/// A member of a group as callers see it.
pub(crate) fn member_view(row: UserRow, arn: &Arn) -> Member {
    Member {
        arn: user_arn(arn, &row),
        user: row.name,
    }
}

/// A role as callers see it.
pub(crate) fn role_view(row: RoleRow, arn: &Arn) -> Role {
    Role {
        arn: role_arn(arn, &row),
        name: row.name,
        path: row.path,
        id: row.id,
        description: row.description,
        trust_policy: document(&row.trust_policy),
        max_session_duration: row.max_session_s,
        permissions_boundary: row.boundary,
        generation: row.generation,
        created_at: rfc3339(row.created_at),
        tags: row.tags,
    }
}

/// A policy as callers see it, with what looks like a mistake in it.
pub(crate) fn policy_view(row: PolicyRow, arn: &Arn) -> Policy {
    Policy {
        arn: policy_arn(arn, &row),
        findings: findings(&row.document),
        document: document(&row.document),
        name: row.short_name().to_owned(),
        path: row.path,
        id: row.id,
        description: row.description,
        default_version: row.default_version,
        generation: row.generation,
        created_at: rfc3339(row.created_at),
        updated_at: rfc3339(row.updated_at),
        tags: row.tags,
    }
}

/// A policy version as callers see it.
pub(crate) fn version_view(row: &PolicyVersionRow) -> PolicyVersion {
    PolicyVersion {
        version: row.version,
        is_default: row.is_default,
        document: document(&row.document),
        created_at: rfc3339(row.created_at),
    }
}

/// An attached policy as callers see it.
pub(crate) fn attached_view(row: &PolicyRow, arn: &Arn) -> AttachedPolicy {
    AttachedPolicy {
        arn: policy_arn(arn, row),
        name: row.short_name().to_owned(),
    }
}

/// Documents are checked before they are stored; null would mean that somebody else wrote the row.
fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn findings(text: &str) -> Vec<Finding> {
    let Ok(document) = PolicyDocument::parse(text, PolicyKind::Identity) else {
        return Vec::new();
    };
    document
        .findings()
        .iter()
        .map(|finding| Finding {
            code: word(&finding.code),
            pointer: finding.pointer.clone(),
            message: finding.message.clone(),
        })
        .collect()
}

/// The serialised name of a unit variant.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}
