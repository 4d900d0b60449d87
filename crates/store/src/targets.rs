//! Targets: databases registered with a proxy, and the health that was last found.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, QueryFilter, Set,
};
use tollgate_types::{ProxyId, TargetHealth, TargetId};

use crate::entity::{databases, targets};
use crate::page::{self, Listed, Page};
use crate::proxies::{find, find_changeable};
use crate::{Kind, Outcome, Store, StoreError, Write, cell};

/// A registered target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRow {
    /// Unique id, never reused.
    pub id: TargetId,
    /// The proxy it belongs to.
    pub proxy_id: ProxyId,
    /// The database's id.
    pub database_id: String,
    /// The database's name.
    pub database: String,
    /// What the probe ladder last found.
    pub health: TargetHealth,
    /// Seconds since the epoch.
    pub created_at: i64,
}

/// A target to be registered.
#[derive(Debug, Clone)]
pub struct NewTarget {
    /// Unique id, made by the caller.
    pub id: TargetId,
    /// Name or id of the database.
    pub database: String,
}

impl TargetRow {
    pub(crate) fn new(row: targets::Model, database: &str) -> Result<Self, StoreError> {
        let unreadable = |error: tollgate_types::IdError| StoreError::corrupt(error.to_string());
        Ok(Self {
            health: cell::parse(&row.health, &format!("target {}, health", row.id))?,
            id: TargetId::try_from(row.id).map_err(unreadable)?,
            proxy_id: ProxyId::try_from(row.proxy_id).map_err(unreadable)?,
            database_id: row.database_id,
            database: database.to_owned(),
            created_at: row.created_at,
        })
    }
}

impl Store {
    /// The target with this id, or the one for the database with this name or id.
    pub async fn target_get(&self, proxy: &str, target: &str) -> Result<TargetRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let proxy = find(reader, proxy).await?;
            let (row, database) = find_target(reader, &proxy.id, target).await?;
            TargetRow::new(row, &database)
        })
        .await
    }

    /// Targets of a proxy in the order of their ids.
    pub async fn target_list(
        &self,
        proxy: &str,
        page: &Page,
    ) -> Result<Listed<TargetRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let proxy = find(reader, proxy).await?;
            let select = targets::Entity::find().filter(targets::Column::ProxyId.eq(proxy.id));
            let rows = page::fetch(reader, select, targets::Column::Id, page).await?;
            let listed = Listed::cut(rows, page, |row| row.id.clone());
            let ids = listed.items.iter().map(|row| row.database_id.clone());
            let names = databases::Entity::find()
                .filter(databases::Column::Id.is_in(ids))
                .all(reader)
                .await?;
            listed.try_map(|row| {
                let name = names.iter().find(|database| database.id == row.database_id);
                // Gone between the two reads: then the target is going as well.
                let name = name.map_or(row.database_id.clone(), |database| database.name.clone());
                TargetRow::new(row, &name)
            })
        })
        .await
    }

    /// Writes what the probe ladder found; [`Outcome::Lost`] when the target is gone.
    pub async fn target_health_set(
        &self,
        target: &TargetId,
        health: &TargetHealth,
    ) -> Result<Outcome, StoreError> {
        let writer = self.link().writer().await?;
        self.watched(async {
            let written = targets::Entity::update_many()
                .col_expr(targets::Column::Health, Expr::value(cell::json(health)?))
                .filter(targets::Column::Id.eq(target.as_str()))
                .exec(writer)
                .await?;
            Ok(match written.rows_affected {
                0 => Outcome::Lost,
                _ => Outcome::Applied,
            })
        })
        .await
    }
}

impl Write {
    /// Registers a database with a proxy, which gets a new generation.
    ///
    /// Whether the engines fit is the caller's to check, inside the same transaction.
    /// Fails with [`StoreError::NotFound`], [`StoreError::AlreadyExists`] or
    /// [`StoreError::BeingDeleted`].
    pub async fn target_register(
        &self,
        proxy: &str,
        new: NewTarget,
    ) -> Result<TargetRow, StoreError> {
        let proxy = find_changeable(&self.transaction, proxy).await?;
        let database = crate::databases::find(&self.transaction, &new.database).await?;
        let taken = targets::Entity::find()
            .filter(targets::Column::ProxyId.eq(&proxy.id))
            .filter(targets::Column::DatabaseId.eq(&database.id))
            .one(&self.transaction)
            .await?;
        if let Some(taken) = taken {
            return Err(StoreError::AlreadyExists {
                kind: Kind::Target,
                name: database.name,
                existing_id: taken.id,
            });
        }
        let row = targets::ActiveModel {
            id: Set(new.id.as_str().to_owned()),
            proxy_id: Set(proxy.id.clone()),
            database_id: Set(database.id),
            health: Set(cell::json(&TargetHealth::registering())?),
            created_at: Set(self.now),
        };
        let row = row.insert(&self.transaction).await?;
        self.proxy_touch(&proxy.id).await?;
        TargetRow::new(row, &database.name)
    }

    /// Takes a target out of a proxy, which gets a new generation. `target` as in
    /// [`Store::target_get`].
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::BeingDeleted`].
    pub async fn target_deregister(&self, proxy: &str, target: &str) -> Result<(), StoreError> {
        let proxy = find_changeable(&self.transaction, proxy).await?;
        let (row, _) = find_target(&self.transaction, &proxy.id, target).await?;
        row.delete(&self.transaction).await?;
        self.proxy_touch(&proxy.id).await
    }
}

/// The target and its database's name.
async fn find_target<C: ConnectionTrait>(
    connection: &C,
    proxy_id: &str,
    target: &str,
) -> Result<(targets::Model, String), StoreError> {
    let of_proxy = targets::Entity::find().filter(targets::Column::ProxyId.eq(proxy_id));
    for row in of_proxy.all(connection).await? {
        let database = databases::Entity::find_by_id(&row.database_id);
        let Some(database) = database.one(connection).await? else {
            continue;
        };
        if row.id == target || database.id == target || database.name == target {
            return Ok((row, database.name));
        }
    }
    Err(StoreError::not_found(Kind::Target, target))
}
