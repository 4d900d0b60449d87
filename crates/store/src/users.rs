//! IAM users.

use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    PaginatorTrait, QueryFilter, Set,
};

use crate::entity::{access_keys, group_members, users};
use crate::page::{self, Listed, Page};
use crate::tags::{self, TagKind, Tags};
use crate::{
    AttachTo, Expect, Kind, Store, StoreError, Write, attachments, cell, inline_policies, policies,
};

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Unique id (`AIDA…`), never reused for a later namesake.
    pub id: String,
    /// Unique name; case does not make a difference between names.
    pub name: String,
    /// `/`, or `/a/b/`: part of the ARN, not of the name.
    pub path: String,
    /// Name of the policy that is its permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// Rises with every change of the boundary.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Unique id, made by the caller.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// `/` or `/a/b/`.
    pub path: String,
    /// Tags.
    pub tags: Tags,
}

impl UserRow {
    pub(crate) fn new(
        row: users::Model,
        boundary: Option<String>,
        tags: Tags,
    ) -> Result<Self, StoreError> {
        let what = format!("user {}, generation", row.name);
        Ok(Self {
            generation: cell::number(row.generation, &what)?,
            id: row.id,
            name: row.name,
            path: row.path,
            boundary,
            tags,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// The user with this name or id.
    pub async fn user_get(&self, name: &str) -> Result<UserRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(get(reader, name)).await
    }

    /// Users in the order of their names.
    pub async fn user_list(&self, page: &Page) -> Result<Listed<UserRow>, StoreError> {
        self.user_list_in("/", page).await
    }

    /// Users whose path begins with `path`, in the order of their names.
    pub async fn user_list_in(
        &self,
        path: &str,
        page: &Page,
    ) -> Result<Listed<UserRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let select = page::below(users::Entity::find(), users::Column::Path, path);
            let rows = page::fetch(reader, select, users::Column::Name, page).await?;
            let listed = Listed::cut(rows, page, |row| row.name.clone());
            with_details(reader, listed).await
        })
        .await
    }
}

impl Write {
    /// As [`Store::user_get`], inside the transaction.
    pub async fn user_get(&self, name: &str) -> Result<UserRow, StoreError> {
        get(&self.transaction, name).await
    }

    /// Makes a user. Fails with [`StoreError::AlreadyExists`].
    pub async fn user_create(&self, new: NewUser) -> Result<UserRow, StoreError> {
        if let Some(taken) = taken(&self.transaction, &new.name).await? {
            return Err(StoreError::AlreadyExists {
                kind: Kind::User,
                name: new.name,
                existing_id: taken.id,
            });
        }
        let row = users::ActiveModel {
            id: Set(new.id),
            name: Set(new.name),
            path: Set(new.path),
            boundary_policy_id: Set(None),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        let row = row.insert(&self.transaction).await?;
        self.tags_insert(TagKind::User, &row.id, &new.tags).await?;
        UserRow::new(row, None, new.tags)
    }

    /// Gives a user another name or path. Fails with [`StoreError::NotFound`] or
    /// [`StoreError::AlreadyExists`].
    pub async fn user_move(
        &self,
        name: &str,
        to_name: &str,
        to_path: &str,
    ) -> Result<UserRow, StoreError> {
        let row = find(&self.transaction, name).await?;
        let other = taken(&self.transaction, to_name).await?;
        if let Some(other) = other.filter(|other| other.id != row.id) {
            return Err(StoreError::AlreadyExists {
                kind: Kind::User,
                name: to_name.to_owned(),
                existing_id: other.id,
            });
        }
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.name = Set(to_name.to_owned());
        row.path = Set(to_path.to_owned());
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        let row = row.update(&self.transaction).await?;
        get(&self.transaction, &row.id).await
    }

    /// Sets or takes away the permissions boundary: the policy with this name or id.
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::PreconditionFailed`].
    pub async fn user_boundary_set(
        &self,
        name: &str,
        expect: Expect,
        policy: Option<&str>,
    ) -> Result<UserRow, StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::User, &row.name, row.generation)?;
        let policy = policies::find_some(&self.transaction, policy).await?;
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.boundary_policy_id = Set(policy.map(|policy| policy.id));
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        let row = row.update(&self.transaction).await?;
        get(&self.transaction, &row.id).await
    }

    /// Deletes a user. As in AWS, nothing may hang on it any more: fails with [`StoreError::InUse`]
    /// while it has access keys, attached or inline policies or is a member of a group.
    pub async fn user_delete(&self, name: &str, expect: Expect) -> Result<(), StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::User, &row.name, row.generation)?;
        let by = self.user_ties(&row.id).await?;
        if !by.is_empty() {
            return Err(StoreError::InUse {
                kind: Kind::User,
                name: row.name,
                by,
            });
        }
        self.tags_clear(TagKind::User, &row.id).await?;
        row.delete(&self.transaction).await?;
        Ok(())
    }

    async fn user_ties(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let keys = access_keys::Entity::find()
            .filter(access_keys::Column::UserId.eq(id))
            .count(&self.transaction)
            .await?;
        let groups = group_members::Entity::find()
            .filter(group_members::Column::UserId.eq(id))
            .count(&self.transaction)
            .await?;
        let attached = attachments::count(&self.transaction, AttachTo::User, id).await?;
        let inline = inline_policies::count(&self.transaction, AttachTo::User, id).await?;
        let ties = [
            (keys, "access keys"),
            (groups, "group memberships"),
            (attached, "attached policies"),
            (inline, "inline policies"),
        ];
        let ties = ties.into_iter().filter(|(count, _)| *count > 0);
        Ok(ties
            .map(|(count, what)| format!("{count} {what}"))
            .collect())
    }
}

async fn get<C: ConnectionTrait>(connection: &C, name: &str) -> Result<UserRow, StoreError> {
    let row = find(connection, name).await?;
    let tags = tags::of(connection, TagKind::User, &row.id).await?;
    let ids = row.boundary_policy_id.clone().into_iter().collect();
    let names = policies::names(connection, ids).await?;
    let boundary = policies::name_in(&names, row.boundary_policy_id.as_deref());
    UserRow::new(row, boundary, tags)
}

/// Adds tags and boundaries to a page of users.
pub(crate) async fn with_details<C: ConnectionTrait>(
    connection: &C,
    listed: Listed<users::Model>,
) -> Result<Listed<UserRow>, StoreError> {
    let ids: Vec<String> = listed.items.iter().map(|row| row.id.clone()).collect();
    let mut tags = tags::of_many(connection, TagKind::User, &ids).await?;
    let boundaries = listed
        .items
        .iter()
        .map(|row| row.boundary_policy_id.clone());
    let names = policies::names(connection, boundaries.flatten().collect()).await?;
    listed.try_map(|row| {
        let own = tags.remove(&row.id).unwrap_or_default();
        let boundary = policies::name_in(&names, row.boundary_policy_id.as_deref());
        UserRow::new(row, boundary, own)
    })
}

/// By id or, failing that, by name.
pub(crate) async fn find<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<users::Model, StoreError> {
    if let Some(row) = users::Entity::find_by_id(name).one(connection).await? {
        return Ok(row);
    }
    let row = named(connection, name).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::User, name))
}

async fn named<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<users::Model>, StoreError> {
    let by_name = users::Entity::find().filter(users::Column::Name.eq(name));
    Ok(by_name.one(connection).await?)
}

/// The user whose name is this one, whatever the case. Source: IAM User Guide, "IAM identifiers".
async fn taken<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<users::Model>, StoreError> {
    let folded = Expr::expr(Func::lower(Expr::col(users::Column::Name)));
    let by_name = users::Entity::find().filter(folded.eq(name.to_ascii_lowercase()));
    Ok(by_name.one(connection).await?)
}
