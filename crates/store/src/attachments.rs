//! Attachments: which policies a user, a group or a role has.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, Set,
};

use crate::entity::{attachments, policies};
use crate::page::{self, Listed, Page};
use crate::policies::{find, with_documents};
use crate::{Kind, PolicyRow, Store, StoreError, Write, groups, roles, users};

/// To what policies can be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttachTo {
    /// An IAM user.
    User,
    /// An IAM group.
    Group,
    /// An IAM role.
    Role,
}

impl AttachTo {
    const ALL: [Self; 3] = [Self::User, Self::Group, Self::Role];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// What [`Self::word`] has written.
    pub(crate) fn read(word: &str) -> Result<Self, StoreError> {
        let to = Self::ALL.into_iter().find(|to| to.word() == word);
        to.ok_or_else(|| StoreError::corrupt(format!("a policy of a `{word}`")))
    }

    /// Id of the principal with this name or id.
    pub(crate) async fn id_of<C: ConnectionTrait>(
        self,
        connection: &C,
        name: &str,
    ) -> Result<String, StoreError> {
        Ok(match self {
            Self::User => users::find(connection, name).await?.id,
            Self::Group => groups::find(connection, name).await?.id,
            Self::Role => roles::find(connection, name).await?.id,
        })
    }
}

/// One attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentRow {
    /// What kind of principal has the policy.
    pub to: AttachTo,
    /// The principal's id.
    pub principal_id: String,
    /// The policy's id.
    pub policy_id: String,
}

impl TryFrom<attachments::Model> for AttachmentRow {
    type Error = StoreError;

    fn try_from(row: attachments::Model) -> Result<Self, StoreError> {
        Ok(Self {
            to: AttachTo::read(&row.principal_kind)?,
            principal_id: row.principal_id,
            policy_id: row.policy_id,
        })
    }
}

impl Store {
    /// The policies attached to a principal, in the order of their names.
    pub async fn attachment_list(
        &self,
        to: AttachTo,
        principal: &str,
        page: &Page,
    ) -> Result<Listed<PolicyRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let principal = to.id_of(reader, principal).await?;
            let attached = of(to, &principal).all(reader).await?;
            let ids = attached.into_iter().map(|row| row.policy_id);
            let select = policies::Entity::find().filter(policies::Column::Id.is_in(ids));
            let rows = page::fetch(reader, select, policies::Column::Name, page).await?;
            with_documents(reader, Listed::cut(rows, page, |row| row.name.clone())).await
        })
        .await
    }
}

impl Write {
    /// Attaches a policy; once is enough. Fails with [`StoreError::NotFound`].
    pub async fn attachment_put(
        &self,
        to: AttachTo,
        principal: &str,
        policy: &str,
    ) -> Result<(), StoreError> {
        let principal = to.id_of(&self.transaction, principal).await?;
        let policy = find(&self.transaction, policy).await?;
        let id = (to.word().to_owned(), principal.clone(), policy.id.clone());
        let present = attachments::Entity::find_by_id(id)
            .one(&self.transaction)
            .await?;
        if present.is_none() {
            let row = attachments::ActiveModel {
                principal_kind: Set(to.word().to_owned()),
                principal_id: Set(principal),
                policy_id: Set(policy.id),
                created_at: Set(self.now),
            };
            row.insert(&self.transaction).await?;
        }
        Ok(())
    }

    /// Detaches a policy. Fails with [`StoreError::NotFound`], also when it is not attached.
    pub async fn attachment_remove(
        &self,
        to: AttachTo,
        principal: &str,
        policy: &str,
    ) -> Result<(), StoreError> {
        let principal = to.id_of(&self.transaction, principal).await?;
        let attached = find(&self.transaction, policy).await?;
        let id = (to.word().to_owned(), principal, attached.id);
        let deleted = attachments::Entity::delete_by_id(id)
            .exec(&self.transaction)
            .await?;
        match deleted.rows_affected {
            0 => Err(StoreError::not_found(Kind::Attachment, policy)),
            _ => Ok(()),
        }
    }
}

impl Write {
    /// How many policies are attached to a principal. Fails with [`StoreError::NotFound`].
    pub async fn attachment_count(&self, to: AttachTo, principal: &str) -> Result<u64, StoreError> {
        let principal = to.id_of(&self.transaction, principal).await?;
        count(&self.transaction, to, &principal).await
    }
}

/// How many policies a principal has.
pub(crate) async fn count<C: ConnectionTrait>(
    connection: &C,
    to: AttachTo,
    principal_id: &str,
) -> Result<u64, StoreError> {
    Ok(of(to, principal_id).count(connection).await?)
}

fn of(to: AttachTo, principal_id: &str) -> sea_orm::Select<attachments::Entity> {
    attachments::Entity::find()
        .filter(attachments::Column::PrincipalKind.eq(to.word()))
        .filter(attachments::Column::PrincipalId.eq(principal_id))
}
