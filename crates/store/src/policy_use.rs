//! Who uses a policy, and how: attached, or as a permissions boundary.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::entity::{attachments, groups, roles, users};
use crate::policies::find;
use crate::{AttachTo, Store, StoreError};

/// How a policy can be in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyUse {
    /// Attached to a user, a group or a role.
    Permissions,
    /// The permissions boundary of a user or a role.
    Boundary,
}

/// How often a policy is in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyUsage {
    /// Users, groups and roles it is attached to.
    pub attachments: u64,
    /// Users and roles whose boundary it is.
    pub boundaries: u64,
}

/// Somebody who uses a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntity {
    /// What it is.
    pub kind: AttachTo,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
}

impl Store {
    /// How often each of these policies, given by id, is in use; those that are not may be absent.
    pub async fn policy_usage(
        &self,
        ids: &[String],
    ) -> Result<HashMap<String, PolicyUsage>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let mut usage: HashMap<String, PolicyUsage> = HashMap::new();
            for id in ids_used(reader, PolicyUse::Permissions, Some(ids)).await? {
                let own = usage.entry(id).or_default();
                own.attachments = own.attachments.saturating_add(1);
            }
            for id in ids_used(reader, PolicyUse::Boundary, Some(ids)).await? {
                let own = usage.entry(id).or_default();
                own.boundaries = own.boundaries.saturating_add(1);
            }
            Ok(usage)
        })
        .await
    }

    /// Everybody who uses a policy in this way: groups, roles and users, each in the order of their
    /// names. Fails with [`StoreError::NotFound`].
    pub async fn policy_entities(
        &self,
        policy: &str,
        policy_use: PolicyUse,
    ) -> Result<Vec<PolicyEntity>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let policy = find(reader, policy).await?;
            let mut found = match policy_use {
                PolicyUse::Permissions => attached(reader, &policy.id).await?,
                PolicyUse::Boundary => bounded(reader, &policy.id).await?,
            };
            found.sort_by(|a, b| (a.kind.word(), &a.name).cmp(&(b.kind.word(), &b.name)));
            Ok(found)
        })
        .await
    }
}

/// Ids of the policies that are in use in this way.
pub(crate) async fn ids_in_use<C: ConnectionTrait>(
    connection: &C,
    policy_use: PolicyUse,
) -> Result<Vec<String>, StoreError> {
    ids_used(connection, policy_use, None).await
}

/// One id per use; only those in `among`, if that is given.
async fn ids_used<C: ConnectionTrait>(
    connection: &C,
    policy_use: PolicyUse,
    among: Option<&[String]>,
) -> Result<Vec<String>, StoreError> {
    match policy_use {
        PolicyUse::Permissions => {
            let mut select = attachments::Entity::find();
            if let Some(ids) = among {
                select = select.filter(attachments::Column::PolicyId.is_in(ids.iter().cloned()));
            }
            let rows = select.all(connection).await?;
            Ok(rows.into_iter().map(|row| row.policy_id).collect())
        }
        PolicyUse::Boundary => {
            let of_users =
                users::Entity::find().filter(users::Column::BoundaryPolicyId.is_not_null());
            let of_roles =
                roles::Entity::find().filter(roles::Column::BoundaryPolicyId.is_not_null());
            let of_users = of_users.all(connection).await?;
            let of_roles = of_roles.all(connection).await?;
            let ids = of_users
                .into_iter()
                .filter_map(|row| row.boundary_policy_id);
            let ids = ids.chain(
                of_roles
                    .into_iter()
                    .filter_map(|row| row.boundary_policy_id),
            );
            let wanted = |id: &String| among.is_none_or(|among| among.contains(id));
            Ok(ids.filter(wanted).collect())
        }
    }
}

async fn attached<C: ConnectionTrait>(
    connection: &C,
    policy_id: &str,
) -> Result<Vec<PolicyEntity>, StoreError> {
    let rows = attachments::Entity::find()
        .filter(attachments::Column::PolicyId.eq(policy_id))
        .all(connection)
        .await?;
    let ids = |to: AttachTo| -> Vec<String> {
        rows.iter()
            .filter(|row| row.principal_kind == to.word())
            .map(|row| row.principal_id.clone())
            .collect()
    };
    let of_users = users::Entity::find().filter(users::Column::Id.is_in(ids(AttachTo::User)));
    let of_groups = groups::Entity::find().filter(groups::Column::Id.is_in(ids(AttachTo::Group)));
    let of_roles = roles::Entity::find().filter(roles::Column::Id.is_in(ids(AttachTo::Role)));
    let mut found: Vec<PolicyEntity> = of_users
        .all(connection)
        .await?
        .into_iter()
        .map(user)
        .collect();
    found.extend(of_groups.all(connection).await?.into_iter().map(group));
    found.extend(of_roles.all(connection).await?.into_iter().map(role));
    Ok(found)
}

async fn bounded<C: ConnectionTrait>(
    connection: &C,
    policy_id: &str,
) -> Result<Vec<PolicyEntity>, StoreError> {
    let of_users = users::Entity::find().filter(users::Column::BoundaryPolicyId.eq(policy_id));
    let of_roles = roles::Entity::find().filter(roles::Column::BoundaryPolicyId.eq(policy_id));
    let mut found: Vec<PolicyEntity> = of_users
        .all(connection)
        .await?
        .into_iter()
        .map(user)
        .collect();
    found.extend(of_roles.all(connection).await?.into_iter().map(role));
    Ok(found)
}

fn user(row: users::Model) -> PolicyEntity {
    PolicyEntity {
        kind: AttachTo::User,
        id: row.id,
        name: row.name,
        path: row.path,
    }
}

fn group(row: groups::Model) -> PolicyEntity {
    PolicyEntity {
        kind: AttachTo::Group,
        id: row.id,
        name: row.name,
        path: row.path,
    }
}

fn role(row: roles::Model) -> PolicyEntity {
    PolicyEntity {
        kind: AttachTo::Role,
        id: row.id,
        name: row.name,
        path: row.path,
    }
}
