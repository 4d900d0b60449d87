//! IAM groups and who is in them.

use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    PaginatorTrait, QueryFilter, Set,
};

use crate::entity::{group_members, groups, users};
use crate::page::{self, Listed, Page};
use crate::{
    AttachTo, Expect, Kind, Store, StoreError, UserRow, Write, attachments, cell, inline_policies,
};

/// An IAM group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// Unique id (`AGPA…`), never reused for a later namesake.
    pub id: String,
    /// Unique name; case does not make a difference between names.
    pub name: String,
    /// `/`, or `/a/b/`: part of the ARN, not of the name.
    pub path: String,
    /// Rises when the group gets another name or path.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

/// A user's membership in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRow {
    /// The group.
    pub group_id: String,
    /// The user.
    pub user_id: String,
}

/// A group to be made.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Unique id, made by the caller.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// `/` or `/a/b/`.
    pub path: String,
}

impl TryFrom<groups::Model> for GroupRow {
    type Error = StoreError;

    fn try_from(row: groups::Model) -> Result<Self, StoreError> {
        Ok(Self {
            generation: cell::number(row.generation, &format!("group {}, generation", row.name))?,
            id: row.id,
            name: row.name,
            path: row.path,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl From<group_members::Model> for MembershipRow {
    fn from(row: group_members::Model) -> Self {
        Self {
            group_id: row.group_id,
            user_id: row.user_id,
        }
    }
}

impl Store {
    /// The group with this name or id.
    pub async fn group_get(&self, name: &str) -> Result<GroupRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async { find(reader, name).await?.try_into() })
            .await
    }

    /// Groups in the order of their names.
    pub async fn group_list(&self, page: &Page) -> Result<Listed<GroupRow>, StoreError> {
        self.group_list_in("/", page).await
    }

    /// Groups whose path begins with `path`, in the order of their names.
    pub async fn group_list_in(
        &self,
        path: &str,
        page: &Page,
    ) -> Result<Listed<GroupRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let select = page::below(groups::Entity::find(), groups::Column::Path, path);
            let rows = page::fetch(reader, select, groups::Column::Name, page).await?;
            Listed::cut(rows, page, |row| row.name.clone()).try_map(GroupRow::try_from)
        })
        .await
    }

    /// A group's members, in the order of their names.
    pub async fn group_members(
        &self,
        group: &str,
        page: &Page,
    ) -> Result<Listed<UserRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let group = find(reader, group).await?;
            let members = group_members::Entity::find()
                .filter(group_members::Column::GroupId.eq(group.id))
                .all(reader)
                .await?;
            let ids = members.into_iter().map(|member| member.user_id);
            let select = users::Entity::find().filter(users::Column::Id.is_in(ids));
            let rows = page::fetch(reader, select, users::Column::Name, page).await?;
            let listed = Listed::cut(rows, page, |row| row.name.clone());
            crate::users::with_details(reader, listed).await
        })
        .await
    }

    /// The groups that a user is in, in the order of their names.
    pub async fn user_groups(
        &self,
        user: &str,
        page: &Page,
    ) -> Result<Listed<GroupRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let user = crate::users::find(reader, user).await?;
            let memberships = group_members::Entity::find()
                .filter(group_members::Column::UserId.eq(user.id))
                .all(reader)
                .await?;
            let ids = memberships.into_iter().map(|member| member.group_id);
            let select = groups::Entity::find().filter(groups::Column::Id.is_in(ids));
            let rows = page::fetch(reader, select, groups::Column::Name, page).await?;
            Listed::cut(rows, page, |row| row.name.clone()).try_map(GroupRow::try_from)
        })
        .await
    }
}

impl Write {
    /// As [`Store::group_get`], inside the transaction.
    pub async fn group_get(&self, name: &str) -> Result<GroupRow, StoreError> {
        find(&self.transaction, name).await?.try_into()
    }

    /// Makes a group. Fails with [`StoreError::AlreadyExists`].
    pub async fn group_create(&self, new: NewGroup) -> Result<GroupRow, StoreError> {
        if let Some(taken) = taken(&self.transaction, &new.name).await? {
            return Err(StoreError::AlreadyExists {
                kind: Kind::Group,
                name: new.name,
                existing_id: taken.id,
            });
        }
        let row = groups::ActiveModel {
            id: Set(new.id),
            name: Set(new.name),
            path: Set(new.path),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        row.insert(&self.transaction).await?.try_into()
    }

    /// Gives a group another name or path. Fails with [`StoreError::NotFound`] or
    /// [`StoreError::AlreadyExists`].
    pub async fn group_move(
        &self,
        name: &str,
        to_name: &str,
        to_path: &str,
    ) -> Result<GroupRow, StoreError> {
        let row = find(&self.transaction, name).await?;
        let other = taken(&self.transaction, to_name).await?;
        if let Some(other) = other.filter(|other| other.id != row.id) {
            return Err(StoreError::AlreadyExists {
                kind: Kind::Group,
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
        row.update(&self.transaction).await?.try_into()
    }

    /// Deletes a group. Fails with [`StoreError::InUse`] while it has members, attached or inline policies.
    pub async fn group_delete(&self, name: &str, expect: Expect) -> Result<(), StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::Group, &row.name, row.generation)?;
        let members = group_members::Entity::find()
            .filter(group_members::Column::GroupId.eq(&row.id))
            .count(&self.transaction)
            .await?;
        let attached = attachments::count(&self.transaction, AttachTo::Group, &row.id).await?;
        let inline = inline_policies::count(&self.transaction, AttachTo::Group, &row.id).await?;
        let ties = [
            (members, "members"),
            (attached, "attached policies"),
            (inline, "inline policies"),
        ];
        let ties = ties.into_iter().filter(|(count, _)| *count > 0);
        let by: Vec<String> = ties
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !by.is_empty() {
            return Err(StoreError::InUse {
                kind: Kind::Group,
                name: row.name,
                by,
            });
        }
        row.delete(&self.transaction).await?;
        Ok(())
    }

    /// Puts a user into a group; once is enough. Fails with [`StoreError::NotFound`].
    pub async fn group_member_put(&self, group: &str, user: &str) -> Result<(), StoreError> {
        let group = find(&self.transaction, group).await?;
        let user = crate::users::find(&self.transaction, user).await?;
        let id = (group.id.clone(), user.id.clone());
        let present = group_members::Entity::find_by_id(id)
            .one(&self.transaction)
            .await?;
        if present.is_none() {
            let row = group_members::ActiveModel {
                group_id: Set(group.id),
                user_id: Set(user.id),
                created_at: Set(self.now),
            };
            row.insert(&self.transaction).await?;
        }
        Ok(())
    }

    /// Takes a user out of a group. Fails with [`StoreError::NotFound`], also for one who is not in it.
    pub async fn group_member_remove(&self, group: &str, user: &str) -> Result<(), StoreError> {
        let group = find(&self.transaction, group).await?;
        let member = crate::users::find(&self.transaction, user).await?;
        let id = (group.id, member.id);
        let deleted = group_members::Entity::delete_by_id(id)
            .exec(&self.transaction)
            .await?;
        match deleted.rows_affected {
            0 => Err(StoreError::not_found(Kind::Membership, user)),
            _ => Ok(()),
        }
    }
}

/// By id or, failing that, by name.
pub(crate) async fn find<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<groups::Model, StoreError> {
    if let Some(row) = groups::Entity::find_by_id(name).one(connection).await? {
        return Ok(row);
    }
    let row = named(connection, name).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::Group, name))
}

async fn named<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<groups::Model>, StoreError> {
    let by_name = groups::Entity::find().filter(groups::Column::Name.eq(name));
    Ok(by_name.one(connection).await?)
}

/// The group whose name is this one, whatever the case. Source: IAM User Guide, "IAM identifiers".
async fn taken<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<groups::Model>, StoreError> {
    let folded = Expr::expr(Func::lower(Expr::col(groups::Column::Name)));
    let by_name = groups::Entity::find().filter(folded.eq(name.to_ascii_lowercase()));
    Ok(by_name.one(connection).await?)
}
