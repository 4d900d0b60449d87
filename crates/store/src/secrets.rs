//! Secrets: names, versions and sealed values. The values are sealed before they come and opened after
//! they leave.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, QueryOrder, Set,
};

use crate::entity::{secret_versions, secrets};
use crate::page::{self, Listed, Page};
use crate::tags::{self, TagKind, Tags};
use crate::{Expect, Kind, Store, StoreError, Write, cell, proxies};

/// Which version of a secret, with the names of Secrets Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretStage {
    /// The newest value.
    Current,
    /// The value before the last rotation.
    Previous,
}

impl SecretStage {
    /// `AWSCURRENT` or `AWSPREVIOUS`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Previous => "AWSPREVIOUS",
        }
    }

    fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Current, Self::Previous]
            .into_iter()
            .find(|stage| stage.as_str() == name)
            .ok_or_else(|| StoreError::corrupt(format!("secret stage `{name}`")))
    }
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Unique id, never reused; the suffix of its ARN.
    pub id: String,
    /// Unique name; never changes.
    pub name: String,
    /// What the operator wrote about it.
    pub description: String,
    /// User name in the current version.
    pub username: String,
    /// Id of the current version.
    pub version_id: String,
    /// Seconds since the epoch at which the current version was written.
    pub rotated_at: i64,
    /// Tags.
    pub tags: Tags,
    /// Rises with every change, a new value included.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

/// One version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVersionRow {
    /// Unique id, never reused.
    pub id: String,
    /// The secret's id.
    pub secret_id: String,
    /// User name, in the clear.
    pub username: String,
    /// The sealed value, as the caller gave it.
    pub sealed: String,
    /// Current or previous.
    pub stage: SecretStage,
    /// Seconds since the epoch.
    pub created_at: i64,
}

/// A secret to be made.
#[derive(Debug, Clone)]
pub struct NewSecret {
    /// Unique id, made by the caller.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// What the operator wrote about it.
    pub description: String,
    /// The first value.
    pub version: NewSecretVersion,
    /// Tags.
    pub tags: Tags,
}

/// A value to be stored.
#[derive(Debug, Clone)]
pub struct NewSecretVersion {
    /// Unique id, made by the caller.
    pub id: String,
    /// User name, in the clear.
    pub username: String,
    /// The sealed value.
    pub sealed: String,
}

impl SecretRow {
    pub(crate) fn new(
        row: secrets::Model,
        current: &secret_versions::Model,
        tags: Tags,
    ) -> Result<Self, StoreError> {
        let what = format!("secret {}, generation", row.name);
        Ok(Self {
            generation: cell::number(row.generation, &what)?,
            id: row.id,
            name: row.name,
            description: row.description,
            username: current.username.clone(),
            version_id: current.id.clone(),
            rotated_at: current.created_at,
            tags,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl TryFrom<secret_versions::Model> for SecretVersionRow {
    type Error = StoreError;

    fn try_from(row: secret_versions::Model) -> Result<Self, StoreError> {
        Ok(Self {
            stage: SecretStage::from_name(&row.stage)?,
            id: row.id,
            secret_id: row.secret_id,
            username: row.username,
            sealed: row.sealed,
            created_at: row.created_at,
        })
    }
}

impl Store {
    /// The secret with this name or id, without its value.
    pub async fn secret_get(&self, name: &str) -> Result<SecretRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(get(reader, name)).await
    }

    /// Secrets in the order of their names, without their values.
    pub async fn secret_list(&self, page: &Page) -> Result<Listed<SecretRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let select = secrets::Entity::find();
            let rows = page::fetch(reader, select, secrets::Column::Name, page).await?;
            let listed = Listed::cut(rows, page, |row| row.name.clone());
            let ids: Vec<String> = listed.items.iter().map(|row| row.id.clone()).collect();
            let mut tags = tags::of_many(reader, TagKind::Secret, &ids).await?;
            let current = current_of(reader, &ids).await?;
            listed.try_map(|row| {
                let own = tags.remove(&row.id).unwrap_or_default();
                let version = current.iter().find(|version| version.secret_id == row.id);
                let version = version.ok_or_else(|| without_value(&row.name))?;
                SecretRow::new(row, version, own)
            })
        })
        .await
    }

    /// The sealed values of a secret, the current one first.
    pub async fn secret_values(&self, name: &str) -> Result<Vec<SecretVersionRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let secret = find(reader, name).await?;
            let mut rows = versions(reader, &secret.id).await?;
            rows.sort_by(|a, b| a.stage.cmp(&b.stage));
            rows.into_iter().map(SecretVersionRow::try_from).collect()
        })
        .await
    }
}

impl Write {
    /// As [`Store::secret_get`], inside the transaction.
    pub async fn secret_get(&self, name: &str) -> Result<SecretRow, StoreError> {
        get(&self.transaction, name).await
    }

    /// Makes a secret; proxies whose auth rules have been waiting for its name get a new generation.
    ///
    /// Fails with [`StoreError::AlreadyExists`].
    pub async fn secret_create(&self, new: NewSecret) -> Result<SecretRow, StoreError> {
        if let Some(taken) = named(&self.transaction, &new.name).await? {
            return Err(StoreError::AlreadyExists {
                kind: Kind::Secret,
                name: new.name,
                existing_id: taken.id,
            });
        }
        let row = secrets::ActiveModel {
            id: Set(new.id),
            name: Set(new.name),
            description: Set(new.description),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        let row = row.insert(&self.transaction).await?;
        let version = self.version_insert(&row.id, new.version).await?;
        self.tags_insert(TagKind::Secret, &row.id, &new.tags)
            .await?;
        self.proxies_touch_for_secret(&row.name).await?;
        SecretRow::new(row, &version, new.tags)
    }

    /// Rotates: the current value becomes the previous one, the previous one is forgotten. Proxies that
    /// use the secret get a new generation.
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::PreconditionFailed`].
    pub async fn secret_put_value(
        &self,
        name: &str,
        expect: Expect,
        version: NewSecretVersion,
    ) -> Result<SecretRow, StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::Secret, &row.name, row.generation)?;
        for old in versions(&self.transaction, &row.id).await? {
            match SecretStage::from_name(&old.stage)? {
                SecretStage::Previous => {
                    old.delete(&self.transaction).await?;
                }
                SecretStage::Current => {}
            }
        }
        for old in versions(&self.transaction, &row.id).await? {
            let mut old = old.into_active_model();
            old.stage = Set(SecretStage::Previous.as_str().to_owned());
            old.update(&self.transaction).await?;
        }
        let version = self.version_insert(&row.id, version).await?;
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        let row = row.update(&self.transaction).await?;
        self.proxies_touch_for_secret(&row.name).await?;
        let tags = tags::of(&self.transaction, TagKind::Secret, &row.id).await?;
        SecretRow::new(row, &version, tags)
    }

    /// Forgets a secret and all its versions. Fails with [`StoreError::InUse`] while an auth rule of a
    /// proxy names it.
    pub async fn secret_delete(&self, name: &str, expect: Expect) -> Result<(), StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::Secret, &row.name, row.generation)?;
        let users = proxies::naming_secret(&self.transaction, &row.name).await?;
        if !users.is_empty() {
            let by = users
                .into_iter()
                .map(|proxy| format!("proxy {}", proxy.name));
            return Err(StoreError::InUse {
                kind: Kind::Secret,
                name: row.name,
                by: by.take(10).collect(),
            });
        }
        self.tags_clear(TagKind::Secret, &row.id).await?;
        row.delete(&self.transaction).await?;
        Ok(())
    }

    async fn version_insert(
        &self,
        secret_id: &str,
        new: NewSecretVersion,
    ) -> Result<secret_versions::Model, StoreError> {
        let row = secret_versions::ActiveModel {
            id: Set(new.id),
            secret_id: Set(secret_id.to_owned()),
            username: Set(new.username),
            sealed: Set(new.sealed),
            stage: Set(SecretStage::Current.as_str().to_owned()),
            created_at: Set(self.now),
        };
        Ok(row.insert(&self.transaction).await?)
    }
}

async fn get<C: ConnectionTrait>(connection: &C, name: &str) -> Result<SecretRow, StoreError> {
    let row = find(connection, name).await?;
    let tags = tags::of(connection, TagKind::Secret, &row.id).await?;
    let current = current_of(connection, std::slice::from_ref(&row.id)).await?;
    let current = current.first().ok_or_else(|| without_value(&row.name))?;
    SecretRow::new(row, current, tags)
}

async fn find<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<secrets::Model, StoreError> {
    if let Some(row) = secrets::Entity::find_by_id(name).one(connection).await? {
        return Ok(row);
    }
    let row = named(connection, name).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::Secret, name))
}

async fn named<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<secrets::Model>, StoreError> {
    let by_name = secrets::Entity::find().filter(secrets::Column::Name.eq(name));
    Ok(by_name.one(connection).await?)
}

async fn versions<C: ConnectionTrait>(
    connection: &C,
    secret_id: &str,
) -> Result<Vec<secret_versions::Model>, StoreError> {
    let select = secret_versions::Entity::find()
        .filter(secret_versions::Column::SecretId.eq(secret_id))
        .order_by_asc(secret_versions::Column::Stage);
    Ok(select.all(connection).await?)
}

async fn current_of<C: ConnectionTrait>(
    connection: &C,
    secret_ids: &[String],
) -> Result<Vec<secret_versions::Model>, StoreError> {
    let select = secret_versions::Entity::find()
        .filter(secret_versions::Column::Stage.eq(SecretStage::Current.as_str()))
        .filter(secret_versions::Column::SecretId.is_in(secret_ids.iter().cloned()));
    Ok(select.all(connection).await?)
}

/// A secret is written together with its first value.
pub(crate) fn without_value(name: &str) -> StoreError {
    StoreError::corrupt(format!("secret {name} has no current version"))
}
