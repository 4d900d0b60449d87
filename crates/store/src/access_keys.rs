//! Access keys of users. Their secrets come sealed and leave sealed.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    PaginatorTrait, QueryFilter, Set,
};

use crate::entity::{access_keys, users};
use crate::page::{self, Listed, Page};
use crate::users::find;
use crate::{Expect, Kind, Store, StoreError, Write, cell, limit};

/// Whether an access key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessKeyState {
    /// It may.
    Active,
    /// It is known but refused.
    Inactive,
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeyRow {
    /// `AKIA…`.
    pub id: String,
    /// Id of the user it belongs to.
    pub user_id: String,
    /// Name of the user it belongs to.
    pub user: String,
    /// The sealed secret access key, as the caller gave it.
    pub sealed_secret: String,
    /// Whether it may be used.
    pub state: AccessKeyState,
    /// Rises with every change of the state.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
    /// Seconds since the epoch of the last call signed with it, as far as it was noted.
    pub last_used_at: Option<i64>,
}

/// An access key to be made.
#[derive(Debug, Clone)]
pub struct NewAccessKey {
    /// `AKIA…`, made by the caller.
    pub id: String,
    /// The sealed secret access key.
    pub sealed_secret: String,
}

impl AccessKeyRow {
    pub(crate) fn new(row: access_keys::Model, user: &str) -> Result<Self, StoreError> {
        let what = format!("access key {}, generation", row.id);
        Ok(Self {
            generation: cell::number(row.generation, &what)?,
            state: if row.active {
                AccessKeyState::Active
            } else {
                AccessKeyState::Inactive
            },
            id: row.id,
            user_id: row.user_id,
            user: user.to_owned(),
            sealed_secret: row.sealed_secret,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_used_at: row.last_used_at,
        })
    }
}

impl Store {
    /// The access key with this id, whoever owns it.
    pub async fn access_key_get(&self, id: &str) -> Result<AccessKeyRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let row = access_keys::Entity::find_by_id(id).one(reader).await?;
            let row = row.ok_or_else(|| StoreError::not_found(Kind::AccessKey, id))?;
            // The owner cannot go before its keys do; both may be gone by now.
            let owner = users::Entity::find_by_id(&row.user_id).one(reader).await?;
            let owner = owner.ok_or_else(|| StoreError::not_found(Kind::AccessKey, id))?;
            AccessKeyRow::new(row, &owner.name)
        })
        .await
    }

    /// Access keys of a user in the order of their ids.
    pub async fn access_key_list(
        &self,
        user: &str,
        page: &Page,
    ) -> Result<Listed<AccessKeyRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let user = find(reader, user).await?;
            let select =
                access_keys::Entity::find().filter(access_keys::Column::UserId.eq(&user.id));
            let rows = page::fetch(reader, select, access_keys::Column::Id, page).await?;
            let listed = Listed::cut(rows, page, |row| row.id.clone());
            listed.try_map(|row| AccessKeyRow::new(row, &user.name))
        })
        .await
    }

    /// Notes that a call was signed with this key. A key that is gone does not matter.
    pub async fn access_key_used(&self, id: &str, now_unix: i64) -> Result<(), StoreError> {
        let writer = self.link().writer().await?;
        self.watched(async {
            access_keys::Entity::update_many()
                .col_expr(access_keys::Column::LastUsedAt, Expr::value(now_unix))
                .filter(access_keys::Column::Id.eq(id))
                .exec(writer)
                .await?;
            Ok(())
        })
        .await
    }
}

impl Write {
    /// Makes an access key. Fails with [`StoreError::NotFound`] or [`StoreError::LimitExceeded`].
    pub async fn access_key_create(
        &self,
        user: &str,
        new: NewAccessKey,
    ) -> Result<AccessKeyRow, StoreError> {
        let user = find(&self.transaction, user).await?;
        let present = access_keys::Entity::find()
            .filter(access_keys::Column::UserId.eq(&user.id))
            .count(&self.transaction)
            .await?;
        if usize::try_from(present).is_ok_and(|count| count >= limit::ACCESS_KEYS_PER_USER) {
            return Err(StoreError::LimitExceeded {
                what: "access keys per user",
                limit: limit::ACCESS_KEYS_PER_USER,
            });
        }
        let row = access_keys::ActiveModel {
            id: Set(new.id),
            user_id: Set(user.id),
            sealed_secret: Set(new.sealed_secret),
            active: Set(true),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            last_used_at: Set(None),
        };
        AccessKeyRow::new(row.insert(&self.transaction).await?, &user.name)
    }

    /// Switches an access key of this user on or off.
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::PreconditionFailed`].
    pub async fn access_key_update(
        &self,
        user: &str,
        id: &str,
        expect: Expect,
        state: AccessKeyState,
    ) -> Result<AccessKeyRow, StoreError> {
        let user = find(&self.transaction, user).await?;
        let row = key_of(&self.transaction, &user.id, id).await?;
        expect.check(Kind::AccessKey, &row.id, row.generation)?;
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.active = Set(state == AccessKeyState::Active);
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        AccessKeyRow::new(row.update(&self.transaction).await?, &user.name)
    }

    /// Deletes an access key of this user.
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::PreconditionFailed`].
    pub async fn access_key_delete(
        &self,
        user: &str,
        id: &str,
        expect: Expect,
    ) -> Result<(), StoreError> {
        let user = find(&self.transaction, user).await?;
        let row = key_of(&self.transaction, &user.id, id).await?;
        expect.check(Kind::AccessKey, &row.id, row.generation)?;
        row.delete(&self.transaction).await?;
        Ok(())
    }
}

async fn key_of<C: ConnectionTrait>(
    connection: &C,
    user_id: &str,
    id: &str,
) -> Result<access_keys::Model, StoreError> {
    let row = access_keys::Entity::find_by_id(id)
        .filter(access_keys::Column::UserId.eq(user_id))
        .one(connection)
        .await?;
    row.ok_or_else(|| StoreError::not_found(Kind::AccessKey, id))
}
