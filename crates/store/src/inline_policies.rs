//! Inline policies: documents that are part of one user, group or role and go with it.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, Set,
};

use crate::entity::inline_policies;
use crate::page::{self, Listed, Page};
use crate::{AttachTo, Kind, Store, StoreError, Write};

/// One inline policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlinePolicyRow {
    /// What kind of principal it is part of.
    pub to: AttachTo,
    /// The principal's id.
    pub principal_id: String,
    /// Unique within the principal.
    pub name: String,
    /// IAM JSON as the operator wrote it.
    pub document: String,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

impl TryFrom<inline_policies::Model> for InlinePolicyRow {
    type Error = StoreError;

    fn try_from(row: inline_policies::Model) -> Result<Self, StoreError> {
        Ok(Self {
            to: AttachTo::read(&row.principal_kind)?,
            principal_id: row.principal_id,
            name: row.name,
            document: row.document,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// An inline policy of the principal with this name or id.
    pub async fn inline_policy_get(
        &self,
        to: AttachTo,
        principal: &str,
        name: &str,
    ) -> Result<InlinePolicyRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let principal = to.id_of(reader, principal).await?;
            let row = inline_policies::Entity::find_by_id(id(to, principal, name))
                .one(reader)
                .await?;
            row.ok_or_else(|| StoreError::not_found(Kind::InlinePolicy, name))?
                .try_into()
        })
        .await
    }

    /// The inline policies of a principal, in the order of their names.
    pub async fn inline_policy_list(
        &self,
        to: AttachTo,
        principal: &str,
        page: &Page,
    ) -> Result<Listed<InlinePolicyRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let principal = to.id_of(reader, principal).await?;
            let select = of(to, &principal);
            let rows = page::fetch(reader, select, inline_policies::Column::Name, page).await?;
            Listed::cut(rows, page, |row| row.name.clone()).try_map(InlinePolicyRow::try_from)
        })
        .await
    }
}

impl Write {
    /// Writes an inline policy, over one of the same name if there is one. Fails with
    /// [`StoreError::NotFound`].
    pub async fn inline_policy_put(
        &self,
        to: AttachTo,
        principal: &str,
        (name, document): (&str, &str),
    ) -> Result<(), StoreError> {
        let principal = to.id_of(&self.transaction, principal).await?;
        let present = inline_policies::Entity::find_by_id(id(to, principal.clone(), name))
            .one(&self.transaction)
            .await?;
        if let Some(present) = present {
            let mut row = present.into_active_model();
            row.document = Set(document.to_owned());
            row.updated_at = Set(self.now);
            row.update(&self.transaction).await?;
            return Ok(());
        }
        let row = inline_policies::ActiveModel {
            principal_kind: Set(to.word().to_owned()),
            principal_id: Set(principal),
            name: Set(name.to_owned()),
            document: Set(document.to_owned()),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        row.insert(&self.transaction).await?;
        Ok(())
    }

    /// Deletes an inline policy. Fails with [`StoreError::NotFound`].
    pub async fn inline_policy_remove(
        &self,
        to: AttachTo,
        principal: &str,
        name: &str,
    ) -> Result<(), StoreError> {
        let principal = to.id_of(&self.transaction, principal).await?;
        let deleted = inline_policies::Entity::delete_by_id(id(to, principal, name))
            .exec(&self.transaction)
            .await?;
        match deleted.rows_affected {
            0 => Err(StoreError::not_found(Kind::InlinePolicy, name)),
            _ => Ok(()),
        }
    }

    /// Every document of a principal's inline policies. Fails with [`StoreError::NotFound`].
    pub async fn inline_policy_documents(
        &self,
        to: AttachTo,
        principal: &str,
    ) -> Result<Vec<String>, StoreError> {
        let principal = to.id_of(&self.transaction, principal).await?;
        let rows = of(to, &principal).all(&self.transaction).await?;
        Ok(rows.into_iter().map(|row| row.document).collect())
    }
}

/// How many inline policies a principal has.
pub(crate) async fn count<C: ConnectionTrait>(
    connection: &C,
    to: AttachTo,
    principal_id: &str,
) -> Result<u64, StoreError> {
    Ok(of(to, principal_id).count(connection).await?)
}

fn id(to: AttachTo, principal_id: String, name: &str) -> (String, String, String) {
    (to.word().to_owned(), principal_id, name.to_owned())
}

fn of(to: AttachTo, principal_id: &str) -> sea_orm::Select<inline_policies::Entity> {
    inline_policies::Entity::find()
        .filter(inline_policies::Column::PrincipalKind.eq(to.word()))
        .filter(inline_policies::Column::PrincipalId.eq(principal_id))
}
