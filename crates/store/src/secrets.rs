//! Secrets: names, descriptions, policies, and deletion in two steps. Their values are in `secret_versions`.

use std::collections::BTreeMap;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    QueryFilter, Set,
};

use crate::entity::secrets;
use crate::page::{self, Listed, Page};
use crate::secret_versions::{self, NewSecretVersion, Of, SecretStage, SecretVersionRow, Stages};
use crate::tags::{self, TagKind, Tags};
use crate::{Expect, Kind, Store, StoreError, Write, cell, proxies};

/// A secret, without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Unique id, never reused; the suffix of its ARN.
    pub id: String,
    /// Unique name; never changes.
    pub name: String,
    /// What the operator wrote about it.
    pub description: String,
    /// User name in the current version; `None` when that is no login for a database, or when there is none.
    pub username: Option<String>,
    /// Id of the current version; `None` as long as nothing was put in.
    pub version_id: Option<String>,
    /// Seconds since the epoch at which the current version was written.
    pub rotated_at: Option<i64>,
    /// Labels by version; versions without labels are not here.
    pub stages: BTreeMap<String, Vec<String>>,
    /// The key that a caller named for sealing; remembered and shown, nothing more.
    pub kms_key_id: Option<String>,
    /// Who may do what with this secret, besides what their own policies say: a policy document.
    pub resource_policy: Option<String>,
    /// The token of the call that made it.
    pub create_token: Option<String>,
    /// It is marked for deletion.
    pub deletion: Option<SecretDeletion>,
    /// Tags.
    pub tags: Tags,
    /// Rises with every change, a new value included.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

/// A deletion that can still be taken back. Times are seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretDeletion {
    /// When it was asked for.
    pub requested_at: i64,
    /// When it is carried out.
    pub due_at: i64,
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
    /// See [`SecretRow::kms_key_id`].
    pub kms_key_id: Option<String>,
    /// See [`SecretRow::create_token`].
    pub create_token: Option<String>,
    /// The first value, if there is one already.
    pub version: Option<NewSecretVersion>,
    /// Tags.
    pub tags: Tags,
}

/// What changes about a secret; `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct SecretUpdate {
    /// See [`SecretRow::description`].
    pub description: Option<String>,
    /// See [`SecretRow::kms_key_id`].
    pub kms_key_id: Option<String>,
    /// See [`SecretRow::resource_policy`]; `Some(None)` removes it.
    pub resource_policy: Option<Option<String>>,
}

impl SecretRow {
    /// `in_use` holds the current version, if there is one, among others.
    pub(crate) fn new(
        row: secrets::Model,
        stages: Stages,
        in_use: &[SecretVersionRow],
        tags: Tags,
    ) -> Result<Self, StoreError> {
        let what = format!("secret {}, generation", row.name);
        let current = in_use
            .iter()
            .find(|version| version.secret_id == row.id && version.is(SecretStage::Current));
        Ok(Self {
            generation: cell::number(row.generation, &what)?,
            deletion: deletion_of(&row),
            id: row.id,
            name: row.name,
            description: row.description,
            username: current.and_then(|version| version.username.clone()),
            version_id: current.map(|version| version.id.clone()),
            rotated_at: current.map(|version| version.created_at),
            stages,
            kms_key_id: row.kms_key_id,
            resource_policy: row.resource_policy,
            create_token: row.create_token,
            tags,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// The secret with this name or id, without its values. One that is marked for deletion is found too.
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
            let in_use = secret_versions::in_use(reader, Of::These(&ids)).await?;
            let mut stages = secret_versions::stages(reader, Of::These(&ids)).await?;
            listed.try_map(|row| {
                let own = tags.remove(&row.id).unwrap_or_default();
                let stages = stages.remove(&row.id).unwrap_or_default();
                SecretRow::new(row, stages, &in_use, own)
            })
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
    /// Fails with [`StoreError::AlreadyExists`], or with [`StoreError::BeingDeleted`] while a secret of that
    /// name is marked for deletion.
    pub async fn secret_create(&self, new: NewSecret) -> Result<SecretRow, StoreError> {
        if let Some(taken) = named(&self.transaction, &new.name).await? {
            refuse_deleted(&taken)?;
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
            kms_key_id: Set(new.kms_key_id),
            resource_policy: Set(None),
            create_token: Set(new.create_token),
            deleted_at: Set(None),
            delete_after: Set(None),
        };
        let row = row.insert(&self.transaction).await?;
        if let Some(version) = new.version {
            let id = version.id.clone();
            self.version_insert(&row.id, version).await?;
            self.stage_put(&row.id, SecretStage::Current.as_str(), &id)
                .await?;
        }
        self.tags_insert(TagKind::Secret, &row.id, &new.tags)
            .await?;
        self.proxies_touch_for_secret(&row.name).await?;
        get(&self.transaction, &row.id).await
    }

    /// Changes what is not a value.
    ///
    /// Fails with [`StoreError::NotFound`] or [`StoreError::BeingDeleted`].
    pub async fn secret_update(
        &self,
        name: &str,
        update: SecretUpdate,
    ) -> Result<SecretRow, StoreError> {
        let row = find_changeable(&self.transaction, name).await?;
        let (id, generation) = (row.id.clone(), row.generation.saturating_add(1));
        let mut row = row.into_active_model();
        if let Some(description) = update.description {
            row.description = Set(description);
        }
        if let Some(key) = update.kms_key_id {
            row.kms_key_id = Set(Some(key));
        }
        if let Some(policy) = update.resource_policy {
            row.resource_policy = Set(policy);
        }
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        row.update(&self.transaction).await?;
        get(&self.transaction, &id).await
    }

    /// Forgets a secret and all its versions. Fails with [`StoreError::InUse`] while an auth rule of a
    /// proxy names it.
    pub async fn secret_delete(&self, name: &str, expect: Expect) -> Result<(), StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::Secret, &row.name, row.generation)?;
        self.refuse_in_use(&row.name).await?;
        self.secret_remove(row).await
    }

    /// Marks a secret for deletion at `due_at`, in seconds since the epoch. Until then it cannot be used, and
    /// its name stays taken.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::BeingDeleted`], or [`StoreError::InUse`] while an
    /// auth rule of a proxy names it.
    pub async fn secret_delete_request(
        &self,
        name: &str,
        due_at: i64,
    ) -> Result<SecretRow, StoreError> {
        let row = find_changeable(&self.transaction, name).await?;
        self.refuse_in_use(&row.name).await?;
        self.deletion_set(row, Some(due_at)).await
    }

    /// Takes a deletion back; a secret that is not marked stays as it is.
    pub async fn secret_restore(&self, name: &str) -> Result<SecretRow, StoreError> {
        let row = find(&self.transaction, name).await?;
        if deletion_of(&row).is_none() {
            return get(&self.transaction, &row.id).await;
        }
        self.deletion_set(row, None).await
    }

    /// Carries out a deletion that is due; does nothing when it was taken back meanwhile. Whoever names the
    /// secret has been told that it is marked.
    pub async fn secret_delete_due(&self, id: &str) -> Result<(), StoreError> {
        let Some(row) = secrets::Entity::find_by_id(id)
            .one(&self.transaction)
            .await?
        else {
            return Ok(());
        };
        match deletion_of(&row) {
            Some(deletion) if deletion.due_at <= self.now => self.secret_remove(row).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn deletion_set(
        &self,
        row: secrets::Model,
        due_at: Option<i64>,
    ) -> Result<SecretRow, StoreError> {
        let (id, name) = (row.id.clone(), row.name.clone());
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.deleted_at = Set(due_at.map(|_| self.now));
        row.delete_after = Set(due_at);
        row.generation = Set(generation);
        row.update(&self.transaction).await?;
        self.proxies_touch_for_secret(&name).await?;
        get(&self.transaction, &id).await
    }

    async fn secret_remove(&self, row: secrets::Model) -> Result<(), StoreError> {
        self.tags_clear(TagKind::Secret, &row.id).await?;
        let name = row.name.clone();
        row.delete(&self.transaction).await?;
        self.proxies_touch_for_secret(&name).await
    }

    async fn refuse_in_use(&self, name: &str) -> Result<(), StoreError> {
        let users = proxies::naming_secret(&self.transaction, name).await?;
        if users.is_empty() {
            return Ok(());
        }
        let by = users
            .into_iter()
            .map(|proxy| format!("proxy {}", proxy.name));
        Err(StoreError::InUse {
            kind: Kind::Secret,
            name: name.to_owned(),
            by: by.take(10).collect(),
        })
    }

    /// A value of the secret has changed: new generation for it and for the proxies that use it.
    pub(crate) async fn secret_touched(
        &self,
        row: secrets::Model,
    ) -> Result<SecretRow, StoreError> {
        let (id, name) = (row.id.clone(), row.name.clone());
        self.versions_forget(&id).await?;
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        row.update(&self.transaction).await?;
        self.proxies_touch_for_secret(&name).await?;
        get(&self.transaction, &id).await
    }
}

async fn get<C: ConnectionTrait>(connection: &C, name: &str) -> Result<SecretRow, StoreError> {
    let row = find(connection, name).await?;
    let tags = tags::of(connection, TagKind::Secret, &row.id).await?;
    let ids = [row.id.clone()];
    let in_use = secret_versions::in_use(connection, Of::These(&ids)).await?;
    let mut stages = secret_versions::stages(connection, Of::These(&ids)).await?;
    let stages = stages.remove(&row.id).unwrap_or_default();
    SecretRow::new(row, stages, &in_use, tags)
}

/// By id or, failing that, by name.
pub(crate) async fn find<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<secrets::Model, StoreError> {
    if let Some(row) = secrets::Entity::find_by_id(name).one(connection).await? {
        return Ok(row);
    }
    let row = named(connection, name).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::Secret, name))
}

/// As [`find`], refusing a secret that is marked for deletion.
pub(crate) async fn find_changeable<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<secrets::Model, StoreError> {
    let row = find(connection, name).await?;
    refuse_deleted(&row)?;
    Ok(row)
}

fn refuse_deleted(row: &secrets::Model) -> Result<(), StoreError> {
    if deletion_of(row).is_some() {
        return Err(StoreError::BeingDeleted {
            kind: Kind::Secret,
            name: row.name.clone(),
        });
    }
    Ok(())
}

fn deletion_of(row: &secrets::Model) -> Option<SecretDeletion> {
    Some(SecretDeletion {
        requested_at: row.deleted_at?,
        due_at: row.delete_after?,
    })
}

async fn named<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<secrets::Model>, StoreError> {
    let by_name = secrets::Entity::find().filter(secrets::Column::Name.eq(name));
    Ok(by_name.one(connection).await?)
}
