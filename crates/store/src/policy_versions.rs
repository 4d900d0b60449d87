//! Versions of IAM policies: at most five, one of them the default, numbers never reused.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    PaginatorTrait, QueryFilter, QueryOrder, Set,
};

use crate::entity::{policies, policy_versions};
use crate::policies::{find, without_default};
use crate::{Expect, Kind, Store, StoreError, Write, cell, limit};

/// One version of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersionRow {
    /// Id of the policy.
    pub policy_id: String,
    /// Number, from 1.
    pub version: u32,
    /// IAM JSON as the operator wrote it.
    pub document: String,
    /// Whether it is the one in force.
    pub is_default: bool,
    /// Seconds since the epoch.
    pub created_at: i64,
}

impl TryFrom<policy_versions::Model> for PolicyVersionRow {
    type Error = StoreError;

    fn try_from(row: policy_versions::Model) -> Result<Self, StoreError> {
        let what = format!("policy {}, version", row.policy_id);
        Ok(Self {
            version: cell::number(row.version, &what)?,
            policy_id: row.policy_id,
            document: row.document,
            is_default: row.is_default,
            created_at: row.created_at,
        })
    }
}

impl Store {
    /// Every version of a policy, oldest first; there are at most five.
    pub async fn policy_version_list(
        &self,
        policy: &str,
    ) -> Result<Vec<PolicyVersionRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let policy = find(reader, policy).await?;
            let rows = policy_versions::Entity::find()
                .filter(policy_versions::Column::PolicyId.eq(policy.id))
                .order_by_asc(policy_versions::Column::Version)
                .all(reader)
                .await?;
            rows.into_iter().map(PolicyVersionRow::try_from).collect()
        })
        .await
    }

    /// One version of a policy.
    pub async fn policy_version_get(
        &self,
        policy: &str,
        version: u32,
    ) -> Result<PolicyVersionRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let policy = find(reader, policy).await?;
            find_version(reader, &policy.id, version).await?.try_into()
        })
        .await
    }
}

impl Write {
    /// How many versions a policy has. Fails with [`StoreError::NotFound`].
    pub async fn policy_version_count(&self, policy: &str) -> Result<u64, StoreError> {
        let policy = find(&self.transaction, policy).await?;
        Ok(policy_versions::Entity::find()
            .filter(policy_versions::Column::PolicyId.eq(&policy.id))
            .count(&self.transaction)
            .await?)
    }

    /// Adds a version that is not yet in force.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::PreconditionFailed`] or
    /// [`StoreError::LimitExceeded`].
    pub async fn policy_version_create(
        &self,
        policy: &str,
        expect: Expect,
        document: &str,
    ) -> Result<PolicyVersionRow, StoreError> {
        let policy = find(&self.transaction, policy).await?;
        expect.check(Kind::Policy, &policy.name, policy.generation)?;
        let present = policy_versions::Entity::find()
            .filter(policy_versions::Column::PolicyId.eq(&policy.id))
            .count(&self.transaction)
            .await?;
        if usize::try_from(present).is_ok_and(|count| count >= limit::VERSIONS_PER_POLICY) {
            return Err(StoreError::LimitExceeded {
                what: "versions per policy",
                limit: limit::VERSIONS_PER_POLICY,
            });
        }
        let version = policy_versions::ActiveModel {
            policy_id: Set(policy.id.clone()),
            version: Set(policy.next_version),
            document: Set(document.to_owned()),
            is_default: Set(false),
            created_at: Set(self.now),
        };
        let version = version.insert(&self.transaction).await?;
        let next = policy.next_version.saturating_add(1);
        let mut policy = self.policy_changed(policy);
        policy.next_version = Set(next);
        policy.update(&self.transaction).await?;
        version.try_into()
    }

    /// Puts a version in force.
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::PreconditionFailed`].
    pub async fn policy_version_set_default(
        &self,
        policy: &str,
        expect: Expect,
        version: u32,
    ) -> Result<PolicyVersionRow, StoreError> {
        let policy = find(&self.transaction, policy).await?;
        expect.check(Kind::Policy, &policy.name, policy.generation)?;
        let chosen = find_version(&self.transaction, &policy.id, version).await?;
        policy_versions::Entity::update_many()
            .col_expr(policy_versions::Column::IsDefault, Expr::value(false))
            .filter(policy_versions::Column::PolicyId.eq(&policy.id))
            .exec(&self.transaction)
            .await?;
        let mut chosen = chosen.into_active_model();
        chosen.is_default = Set(true);
        let chosen = chosen.update(&self.transaction).await?;
        self.policy_changed(policy)
            .update(&self.transaction)
            .await?;
        chosen.try_into()
    }

    /// Deletes a version. Fails with [`StoreError::NotFound`], or with [`StoreError::InUse`] for the one
    /// in force.
    pub async fn policy_version_delete(
        &self,
        policy: &str,
        version: u32,
    ) -> Result<(), StoreError> {
        let policy = find(&self.transaction, policy).await?;
        let row = find_version(&self.transaction, &policy.id, version).await?;
        if row.is_default {
            return Err(StoreError::InUse {
                kind: Kind::PolicyVersion,
                name: format!("v{version}"),
                by: vec![format!("policy {}: it is its default version", policy.name)],
            });
        }
        row.delete(&self.transaction).await?;
        self.policy_changed(policy)
            .update(&self.transaction)
            .await?;
        Ok(())
    }

    fn policy_changed(&self, policy: policies::Model) -> policies::ActiveModel {
        let generation = policy.generation.saturating_add(1);
        let mut policy = policy.into_active_model();
        policy.generation = Set(generation);
        policy.updated_at = Set(self.now);
        policy
    }
}

/// The version in force.
pub(crate) async fn default_of<C: ConnectionTrait>(
    connection: &C,
    policy_id: &str,
) -> Result<policy_versions::Model, StoreError> {
    let row = policy_versions::Entity::find()
        .filter(policy_versions::Column::PolicyId.eq(policy_id))
        .filter(policy_versions::Column::IsDefault.eq(true))
        .one(connection)
        .await?;
    row.ok_or_else(|| without_default(policy_id))
}

async fn find_version<C: ConnectionTrait>(
    connection: &C,
    policy_id: &str,
    version: u32,
) -> Result<policy_versions::Model, StoreError> {
    let id = (policy_id.to_owned(), i64::from(version));
    let row = policy_versions::Entity::find_by_id(id)
        .one(connection)
        .await?;
    row.ok_or_else(|| StoreError::not_found(Kind::PolicyVersion, &format!("v{version}")))
}
