//! Databases: where registered servers are and how to speak TLS with them.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, QueryOrder, QuerySelect, Set,
};
use tollgate_types::{Engine, TargetTls};

use crate::entity::{databases, proxies, targets};
use crate::page::{self, Listed, Page};
use crate::tags::{self, TagKind, Tags};
use crate::{Expect, Kind, Store, StoreError, Write, cell, limit};

/// A registered database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseRow {
    /// Unique id, never reused.
    pub id: String,
    /// Unique name; never changes.
    pub name: String,
    /// Software; never changes.
    pub engine: Engine,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS policy.
    pub tls: TargetTls,
    /// Tags.
    pub tags: Tags,
    /// Rises with every change.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

/// A database to be registered.
#[derive(Debug, Clone)]
pub struct NewDatabase {
    /// Unique id, made by the caller.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// Software.
    pub engine: Engine,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS policy.
    pub tls: TargetTls,
    /// Tags.
    pub tags: Tags,
}

/// Everything about a database that can change.
#[derive(Debug, Clone)]
pub struct DatabaseUpdate {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS policy.
    pub tls: TargetTls,
}

impl DatabaseRow {
    pub(crate) fn new(row: databases::Model, tags: Tags) -> Result<Self, StoreError> {
        let what = |column: &str| format!("database {}, {column}", row.name);
        Ok(Self {
            engine: cell::from_word(&row.engine, &what("engine"))?,
            port: cell::number(row.port, &what("port"))?,
            tls: cell::parse(&row.tls, &what("tls"))?,
            generation: cell::number(row.generation, &what("generation"))?,
            id: row.id,
            name: row.name,
            host: row.host,
            tags,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// The database with this name or id.
    pub async fn database_get(&self, name: &str) -> Result<DatabaseRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(get(reader, name)).await
    }

    /// Databases in the order of their names.
    pub async fn database_list(&self, page: &Page) -> Result<Listed<DatabaseRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let select = databases::Entity::find();
            let rows = page::fetch(reader, select, databases::Column::Name, page).await?;
            let listed = Listed::cut(rows, page, |row| row.name.clone());
            let ids: Vec<String> = listed.items.iter().map(|row| row.id.clone()).collect();
            let mut tags = tags::of_many(reader, TagKind::Database, &ids).await?;
            listed.try_map(|row| {
                let own = tags.remove(&row.id).unwrap_or_default();
                DatabaseRow::new(row, own)
            })
        })
        .await
    }
}

impl Write {
    /// As [`Store::database_get`], inside the transaction.
    pub async fn database_get(&self, name: &str) -> Result<DatabaseRow, StoreError> {
        get(&self.transaction, name).await
    }

    /// Registers a database. Fails with [`StoreError::AlreadyExists`].
    pub async fn database_create(&self, new: NewDatabase) -> Result<DatabaseRow, StoreError> {
        if let Some(taken) = named(&self.transaction, &new.name).await? {
            return Err(StoreError::AlreadyExists {
                kind: Kind::Database,
                name: new.name,
                existing_id: taken.id,
            });
        }
        let row = databases::ActiveModel {
            id: Set(new.id),
            name: Set(new.name),
            engine: Set(new.engine.as_str().to_owned()),
            host: Set(new.host),
            port: Set(i64::from(new.port)),
            tls: Set(cell::json(&new.tls)?),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        let row = row.insert(&self.transaction).await?;
        self.tags_insert(TagKind::Database, &row.id, &new.tags)
            .await?;
        DatabaseRow::new(row, new.tags)
    }

    /// Changes a database; every proxy that has it as a target gets a new generation.
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::PreconditionFailed`].
    pub async fn database_update(
        &self,
        name: &str,
        expect: Expect,
        update: DatabaseUpdate,
    ) -> Result<DatabaseRow, StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::Database, &row.name, row.generation)?;
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.host = Set(update.host);
        row.port = Set(i64::from(update.port));
        row.tls = Set(cell::json(&update.tls)?);
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        let row = row.update(&self.transaction).await?;
        let registered = targets::Entity::find()
            .filter(targets::Column::DatabaseId.eq(&row.id))
            .all(&self.transaction)
            .await?;
        for target in registered {
            self.proxy_touch(&target.proxy_id).await?;
        }
        let tags = tags::of(&self.transaction, TagKind::Database, &row.id).await?;
        DatabaseRow::new(row, tags)
    }

    /// Forgets a database. Fails with [`StoreError::InUse`] while it is a target of a proxy.
    pub async fn database_delete(&self, name: &str, expect: Expect) -> Result<(), StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::Database, &row.name, row.generation)?;
        let by = users_of(&self.transaction, &row.id).await?;
        if !by.is_empty() {
            return Err(StoreError::InUse {
                kind: Kind::Database,
                name: row.name,
                by,
            });
        }
        self.tags_clear(TagKind::Database, &row.id).await?;
        row.delete(&self.transaction).await?;
        Ok(())
    }
}

async fn get<C: ConnectionTrait>(connection: &C, name: &str) -> Result<DatabaseRow, StoreError> {
    let row = find(connection, name).await?;
    let tags = tags::of(connection, TagKind::Database, &row.id).await?;
    DatabaseRow::new(row, tags)
}

/// By id or, failing that, by name.
pub(crate) async fn find<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<databases::Model, StoreError> {
    if let Some(row) = databases::Entity::find_by_id(name).one(connection).await? {
        return Ok(row);
    }
    let row = named(connection, name).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::Database, name))
}

async fn named<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<databases::Model>, StoreError> {
    let by_name = databases::Entity::find().filter(databases::Column::Name.eq(name));
    Ok(by_name.one(connection).await?)
}

/// The proxies that have this database as a target, in words.
async fn users_of<C: ConnectionTrait>(
    connection: &C,
    database_id: &str,
) -> Result<Vec<String>, StoreError> {
    let registered = targets::Entity::find()
        .filter(targets::Column::DatabaseId.eq(database_id))
        .limit(limit::USERS_NAMED)
        .all(connection)
        .await?;
    let ids = registered.into_iter().map(|target| target.proxy_id);
    let users = proxies::Entity::find()
        .filter(proxies::Column::Id.is_in(ids))
        .order_by_asc(proxies::Column::Name)
        .all(connection)
        .await?;
    Ok(users
        .into_iter()
        .map(|proxy| format!("proxy {}", proxy.name))
        .collect())
}
