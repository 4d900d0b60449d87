//! Target groups: the pool settings of a proxy. There is one per proxy, named `default`.

use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Set};
use tollgate_types::{PoolPolicy, ProxyId};

use crate::entity::target_groups;
use crate::proxies::{find, find_changeable};
use crate::{Expect, Kind, Store, StoreError, Write, cell};

/// The only group's name, as in RDS Proxy.
const DEFAULT: &str = "default";

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetGroupRow {
    /// The proxy it belongs to.
    pub proxy_id: String,
    /// `default`.
    pub name: String,
    /// Pool settings.
    pub pool: PoolPolicy,
    /// Rises with every change.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

impl TryFrom<target_groups::Model> for TargetGroupRow {
    type Error = StoreError;

    fn try_from(row: target_groups::Model) -> Result<Self, StoreError> {
        let what = |column: &str| format!("target group of {}, {column}", row.proxy_id);
        Ok(Self {
            pool: cell::parse(&row.pool, &what("pool"))?,
            generation: cell::number(row.generation, &what("generation"))?,
            proxy_id: row.proxy_id,
            name: row.name,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// The default target group of the proxy with this name or id.
    pub async fn target_group_get(&self, proxy: &str) -> Result<TargetGroupRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let proxy = find(reader, proxy).await?;
            group_of(reader, &proxy.id).await?.try_into()
        })
        .await
    }
}

impl Write {
    /// As [`Store::target_group_get`], inside the transaction.
    pub async fn target_group_get(&self, proxy: &str) -> Result<TargetGroupRow, StoreError> {
        let proxy = find(&self.transaction, proxy).await?;
        group_of(&self.transaction, &proxy.id).await?.try_into()
    }

    /// Changes the pool settings; the proxy gets a new generation.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::PreconditionFailed`] or
    /// [`StoreError::BeingDeleted`].
    pub async fn target_group_update(
        &self,
        proxy: &str,
        expect: Expect,
        pool: &PoolPolicy,
    ) -> Result<TargetGroupRow, StoreError> {
        let proxy = find_changeable(&self.transaction, proxy).await?;
        let row = group_of(&self.transaction, &proxy.id).await?;
        expect.check(Kind::TargetGroup, &row.name, row.generation)?;
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.pool = Set(cell::json(pool)?);
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        let row = row.update(&self.transaction).await?;
        self.proxy_touch(&proxy.id).await?;
        row.try_into()
    }

    /// The group that every proxy is made with.
    pub(crate) async fn target_group_insert(
        &self,
        proxy: &ProxyId,
        pool: &PoolPolicy,
    ) -> Result<(), StoreError> {
        let row = target_groups::ActiveModel {
            proxy_id: Set(proxy.as_str().to_owned()),
            name: Set(DEFAULT.to_owned()),
            pool: Set(cell::json(pool)?),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        row.insert(&self.transaction).await?;
        Ok(())
    }
}

async fn group_of<C: ConnectionTrait>(
    connection: &C,
    proxy_id: &str,
) -> Result<target_groups::Model, StoreError> {
    let id = (proxy_id.to_owned(), DEFAULT.to_owned());
    let row = target_groups::Entity::find_by_id(id)
        .one(connection)
        .await?;
    row.ok_or_else(|| StoreError::not_found(Kind::TargetGroup, DEFAULT))
}
