//! IAM roles.

use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, Set,
};

use crate::entity::roles;
use crate::page::{self, Listed, Page};
use crate::tags::{self, TagKind, Tags};
use crate::{
    AttachTo, Expect, Kind, Store, StoreError, Write, attachments, cell, inline_policies, policies,
};

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRow {
    /// Unique id (`AROA…`), never reused for a later namesake.
    pub id: String,
    /// Unique name; case does not make a difference between names.
    pub name: String,
    /// `/`, or `/a/b/`: part of the ARN, not of the name.
    pub path: String,
    /// What the operator wrote about it.
    pub description: String,
    /// Who may assume it: IAM JSON as the operator wrote it.
    pub trust_policy: String,
    /// Longest session, in seconds.
    pub max_session_s: u32,
    /// Name of the policy that is its permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// Rises with every change.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

/// A role to be made.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// Unique id, made by the caller.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// `/` or `/a/b/`.
    pub path: String,
    /// What the operator wrote about it.
    pub description: String,
    /// Who may assume it: IAM JSON.
    pub trust_policy: String,
    /// Longest session, in seconds.
    pub max_session_s: u32,
    /// Tags.
    pub tags: Tags,
}

/// Everything about a role itself that can change.
#[derive(Debug, Clone)]
pub struct RoleUpdate {
    /// What the operator wrote about it.
    pub description: String,
    /// Who may assume it: IAM JSON.
    pub trust_policy: String,
    /// Longest session, in seconds.
    pub max_session_s: u32,
}

impl RoleRow {
    pub(crate) fn new(
        row: roles::Model,
        boundary: Option<String>,
        tags: Tags,
    ) -> Result<Self, StoreError> {
        let what = |column: &str| format!("role {}, {column}", row.name);
        Ok(Self {
            generation: cell::number(row.generation, &what("generation"))?,
            max_session_s: cell::number(row.max_session_duration, &what("max session"))?,
            id: row.id,
            name: row.name,
            path: row.path,
            description: row.description,
            trust_policy: row.trust_policy,
            boundary,
            tags,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// The role with this name or id.
    pub async fn role_get(&self, name: &str) -> Result<RoleRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(get(reader, name)).await
    }

    /// Roles in the order of their names.
    pub async fn role_list(&self, page: &Page) -> Result<Listed<RoleRow>, StoreError> {
        self.role_list_in("/", page).await
    }

    /// Roles whose path begins with `path`, in the order of their names.
    pub async fn role_list_in(
        &self,
        path: &str,
        page: &Page,
    ) -> Result<Listed<RoleRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let select = page::below(roles::Entity::find(), roles::Column::Path, path);
            let rows = page::fetch(reader, select, roles::Column::Name, page).await?;
            let listed = Listed::cut(rows, page, |row| row.name.clone());
            let ids: Vec<String> = listed.items.iter().map(|row| row.id.clone()).collect();
            let mut tags = tags::of_many(reader, TagKind::Role, &ids).await?;
            let boundaries = listed
                .items
                .iter()
                .map(|row| row.boundary_policy_id.clone());
            let names = policies::names(reader, boundaries.flatten().collect()).await?;
            listed.try_map(|row| {
                let own = tags.remove(&row.id).unwrap_or_default();
                let boundary = policies::name_in(&names, row.boundary_policy_id.as_deref());
                RoleRow::new(row, boundary, own)
            })
        })
        .await
    }
}

impl Write {
    /// As [`Store::role_get`], inside the transaction.
    pub async fn role_get(&self, name: &str) -> Result<RoleRow, StoreError> {
        get(&self.transaction, name).await
    }

    /// Makes a role. Fails with [`StoreError::AlreadyExists`].
    pub async fn role_create(&self, new: NewRole) -> Result<RoleRow, StoreError> {
        if let Some(taken) = taken(&self.transaction, &new.name).await? {
            return Err(StoreError::AlreadyExists {
                kind: Kind::Role,
                name: new.name,
                existing_id: taken.id,
            });
        }
        let row = roles::ActiveModel {
            id: Set(new.id),
            name: Set(new.name),
            path: Set(new.path),
            description: Set(new.description),
            trust_policy: Set(new.trust_policy),
            max_session_duration: Set(i64::from(new.max_session_s)),
            boundary_policy_id: Set(None),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        let row = row.insert(&self.transaction).await?;
        self.tags_insert(TagKind::Role, &row.id, &new.tags).await?;
        RoleRow::new(row, None, new.tags)
    }

    /// Changes a role. Fails with [`StoreError::NotFound`] or [`StoreError::PreconditionFailed`].
    pub async fn role_update(
        &self,
        name: &str,
        expect: Expect,
        update: RoleUpdate,
    ) -> Result<RoleRow, StoreError> {
        let mut row = self.role_changed(name, expect).await?;
        row.description = Set(update.description);
        row.trust_policy = Set(update.trust_policy);
        row.max_session_duration = Set(i64::from(update.max_session_s));
        let row = row.update(&self.transaction).await?;
        get(&self.transaction, &row.id).await
    }

    /// Sets or takes away the permissions boundary: the policy with this name or id.
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::PreconditionFailed`].
    pub async fn role_boundary_set(
        &self,
        name: &str,
        expect: Expect,
        policy: Option<&str>,
    ) -> Result<RoleRow, StoreError> {
        let policy = policies::find_some(&self.transaction, policy).await?;
        let mut row = self.role_changed(name, expect).await?;
        row.boundary_policy_id = Set(policy.map(|policy| policy.id));
        let row = row.update(&self.transaction).await?;
        get(&self.transaction, &row.id).await
    }

    /// Deletes a role. Fails with [`StoreError::InUse`] while it has attached or inline policies.
    pub async fn role_delete(&self, name: &str, expect: Expect) -> Result<(), StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::Role, &row.name, row.generation)?;
        let attached = attachments::count(&self.transaction, AttachTo::Role, &row.id).await?;
        let inline = inline_policies::count(&self.transaction, AttachTo::Role, &row.id).await?;
        let ties = [(attached, "attached policies"), (inline, "inline policies")];
        let ties = ties.into_iter().filter(|(count, _)| *count > 0);
        let by: Vec<String> = ties
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !by.is_empty() {
            return Err(StoreError::InUse {
                kind: Kind::Role,
                name: row.name,
                by,
            });
        }
        self.tags_clear(TagKind::Role, &row.id).await?;
        row.delete(&self.transaction).await?;
        Ok(())
    }

    async fn role_changed(
        &self,
        name: &str,
        expect: Expect,
    ) -> Result<roles::ActiveModel, StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::Role, &row.name, row.generation)?;
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        Ok(row)
    }
}

async fn get<C: ConnectionTrait>(connection: &C, name: &str) -> Result<RoleRow, StoreError> {
    let row = find(connection, name).await?;
    let tags = tags::of(connection, TagKind::Role, &row.id).await?;
    let ids = row.boundary_policy_id.clone().into_iter().collect();
    let names = policies::names(connection, ids).await?;
    let boundary = policies::name_in(&names, row.boundary_policy_id.as_deref());
    RoleRow::new(row, boundary, tags)
}

/// By id or, failing that, by name.
pub(crate) async fn find<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<roles::Model, StoreError> {
    if let Some(row) = roles::Entity::find_by_id(name).one(connection).await? {
        return Ok(row);
    }
    let row = named(connection, name).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::Role, name))
}

async fn named<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<roles::Model>, StoreError> {
    let by_name = roles::Entity::find().filter(roles::Column::Name.eq(name));
    Ok(by_name.one(connection).await?)
}

/// The role whose name is this one, whatever the case. Source: IAM User Guide, "IAM identifiers".
async fn taken<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<roles::Model>, StoreError> {
    let folded = Expr::expr(Func::lower(Expr::col(roles::Column::Name)));
    let by_name = roles::Entity::find().filter(folded.eq(name.to_ascii_lowercase()));
    Ok(by_name.one(connection).await?)
}
