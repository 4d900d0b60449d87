//! Versions of secrets and the labels that move between them: sealed values, which one is current, which one
//! was before it.
//!
//! Source of the rules: Secrets Manager API, `PutSecretValue` and `UpdateSecretVersionStage`.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::entity::{secret_stages, secret_versions};
use crate::secrets::find_changeable;
use crate::{Expect, Kind, SecretRow, Store, StoreError, Write, limit, secrets};

/// The labels that mean something to us, with the names of Secrets Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretStage {
    /// The value in force.
    Current,
    /// The value that was in force before.
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
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretFormat {
    /// Text, as `SecretString`.
    Text,
    /// Bytes, as `SecretBinary`.
    Binary,
}

impl SecretFormat {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }

    fn from_word(word: &str) -> Result<Self, StoreError> {
        [Self::Text, Self::Binary]
            .into_iter()
            .find(|format| format.word() == word)
            .ok_or_else(|| StoreError::corrupt(format!("secret format `{word}`")))
    }
}

/// One version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVersionRow {
    /// Unique within its secret, never reused.
    pub id: String,
    /// The secret's id.
    pub secret_id: String,
    /// User name, in the clear; `None` when the value is no login for a database.
    pub username: Option<String>,
    /// What is sealed.
    pub format: SecretFormat,
    /// The sealed value, as the caller gave it.
    pub sealed: String,
    /// Labels, in alphabetical order; a version without any is only kept for a while.
    pub stages: Vec<String>,
    /// Seconds since the epoch.
    pub created_at: i64,
}

impl SecretVersionRow {
    fn new(row: secret_versions::Model, stages: Vec<String>) -> Result<Self, StoreError> {
        Ok(Self {
            format: SecretFormat::from_word(&row.format)?,
            id: row.id,
            secret_id: row.secret_id,
            username: row.username,
            sealed: row.sealed,
            stages,
            created_at: row.created_at,
        })
    }

    /// Whether it carries this label.
    pub fn is(&self, stage: SecretStage) -> bool {
        self.stages.iter().any(|own| own == stage.as_str())
    }

    fn rank(&self) -> u8 {
        if self.is(SecretStage::Current) {
            0
        } else if self.is(SecretStage::Previous) {
            1
        } else {
            2
        }
    }
}

/// A value to be stored.
#[derive(Debug, Clone)]
pub struct NewSecretVersion {
    /// Unique within its secret, made by the caller.
    pub id: String,
    /// User name, in the clear, if the value is a login for a database.
    pub username: Option<String>,
    /// What is sealed.
    pub format: SecretFormat,
    /// The sealed value.
    pub sealed: String,
}

/// Versions by id, each with its labels.
pub(crate) type Stages = BTreeMap<String, Vec<String>>;

/// Which secrets are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of<'i> {
    All,
    These(&'i [String]),
}

impl Store {
    /// Every version that is kept, the current one first, then the previous one, then the newest.
    pub async fn secret_versions(&self, name: &str) -> Result<Vec<SecretVersionRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let secret = secrets::find(reader, name).await?;
            let select = secret_versions::Entity::find()
                .filter(secret_versions::Column::SecretId.eq(secret.id.as_str()));
            let mut labels = stages(reader, Of::These(std::slice::from_ref(&secret.id))).await?;
            let mut labels = labels.remove(&secret.id).unwrap_or_default();
            let rows = select.all(reader).await?.into_iter().map(|row| {
                let own = labels.remove(&row.id).unwrap_or_default();
                SecretVersionRow::new(row, own)
            });
            let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
            rows.sort_by_key(|row| (row.rank(), std::cmp::Reverse(row.created_at)));
            Ok(rows)
        })
        .await
    }

    /// One version; `None` if the secret has no version with this id.
    pub async fn secret_version_get(
        &self,
        name: &str,
        version: &str,
    ) -> Result<Option<SecretVersionRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(one(reader, name, version)).await
    }
}

impl Write {
    /// As [`Store::secret_version_get`], inside the transaction.
    pub async fn secret_version_get(
        &self,
        name: &str,
        version: &str,
    ) -> Result<Option<SecretVersionRow>, StoreError> {
        one(&self.transaction, name, version).await
    }

    /// Rotates: the new value becomes the current one, the current one the previous one. Proxies that use
    /// the secret get a new generation.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::BeingDeleted`] or [`StoreError::PreconditionFailed`].
    pub async fn secret_put_value(
        &self,
        name: &str,
        expect: Expect,
        version: NewSecretVersion,
    ) -> Result<SecretRow, StoreError> {
        let row = find_changeable(&self.transaction, name).await?;
        expect.check(Kind::Secret, &row.name, row.generation)?;
        let current = [SecretStage::Current.as_str().to_owned()];
        self.secret_version_put(&row.id, version, &current).await
    }

    /// Adds a version and moves these labels to it; the first version of a secret becomes the current one
    /// whatever its labels. The version's id must be new.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::BeingDeleted`] or [`StoreError::LimitExceeded`].
    pub async fn secret_version_put(
        &self,
        name: &str,
        version: NewSecretVersion,
        labels: &[String],
    ) -> Result<SecretRow, StoreError> {
        let row = find_changeable(&self.transaction, name).await?;
        let id = version.id.clone();
        self.version_insert(&row.id, version).await?;
        let current = SecretStage::Current.as_str();
        let is_first = holder(&self.transaction, &row.id, current).await?.is_none();
        for label in labels.iter().filter(|label| *label != current) {
            self.stage_put(&row.id, label, &id).await?;
        }
        if is_first || labels.iter().any(|label| label == current) {
            self.stage_put(&row.id, current, &id).await?;
        }
        self.secret_touched(row).await
    }

    /// Moves a label to a version, or takes it away when `to` is `None`. When the current value moves, the
    /// version that had it becomes the previous one. The version must exist.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::BeingDeleted`] or [`StoreError::LimitExceeded`].
    pub async fn secret_stage_set(
        &self,
        name: &str,
        stage: &str,
        to: Option<&str>,
    ) -> Result<SecretRow, StoreError> {
        let row = find_changeable(&self.transaction, name).await?;
        match to {
            Some(version) => self.stage_put(&row.id, stage, version).await?,
            None => {
                secret_stages::Entity::delete_by_id((row.id.clone(), stage.to_owned()))
                    .exec(&self.transaction)
                    .await?;
            }
        }
        self.secret_touched(row).await
    }

    pub(crate) async fn version_insert(
        &self,
        secret_id: &str,
        new: NewSecretVersion,
    ) -> Result<(), StoreError> {
        let row = secret_versions::ActiveModel {
            secret_id: Set(secret_id.to_owned()),
            id: Set(new.id),
            username: Set(new.username),
            format: Set(new.format.word().to_owned()),
            sealed: Set(new.sealed),
            created_at: Set(self.now),
        };
        secret_versions::Entity::insert(row)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Hangs a label on a version, with what follows for the previous value.
    pub(crate) async fn stage_put(
        &self,
        secret_id: &str,
        stage: &str,
        version: &str,
    ) -> Result<(), StoreError> {
        if stage == SecretStage::Current.as_str()
            && let Some(before) = holder(&self.transaction, secret_id, stage).await?
            && before != version
        {
            let previous = SecretStage::Previous.as_str();
            self.stage_write(secret_id, previous, &before).await?;
        }
        self.stage_write(secret_id, stage, version).await?;
        let ids = [secret_id.to_owned()];
        let all = stages(&self.transaction, Of::These(&ids)).await?;
        let labels = all
            .get(secret_id)
            .and_then(|versions| versions.get(version));
        if labels.is_some_and(|labels| labels.len() > limit::STAGES_PER_VERSION) {
            return Err(StoreError::LimitExceeded {
                what: "labels per version of a secret",
                limit: limit::STAGES_PER_VERSION,
            });
        }
        Ok(())
    }

    async fn stage_write(
        &self,
        secret_id: &str,
        stage: &str,
        version: &str,
    ) -> Result<(), StoreError> {
        let row = secret_stages::ActiveModel {
            secret_id: Set(secret_id.to_owned()),
            stage: Set(stage.to_owned()),
            version_id: Set(version.to_owned()),
        };
        let key = [
            secret_stages::Column::SecretId,
            secret_stages::Column::Stage,
        ];
        let replace = OnConflict::columns(key)
            .update_column(secret_stages::Column::VersionId)
            .to_owned();
        secret_stages::Entity::insert(row)
            .on_conflict(replace)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Forgets the oldest versions that no label needs.
    pub(crate) async fn versions_forget(&self, secret_id: &str) -> Result<(), StoreError> {
        let labelled = Query::select()
            .column(secret_stages::Column::VersionId)
            .from(secret_stages::Entity)
            .and_where(secret_stages::Column::SecretId.eq(secret_id))
            .take();
        let unlabelled = secret_versions::Entity::find()
            .filter(secret_versions::Column::SecretId.eq(secret_id))
            .filter(secret_versions::Column::Id.not_in_subquery(labelled))
            .order_by_desc(secret_versions::Column::CreatedAt)
            .order_by_asc(secret_versions::Column::Id);
        let rows = unlabelled.all(&self.transaction).await?;
        for old in rows.into_iter().skip(limit::VERSIONS_UNSTAGED) {
            secret_versions::Entity::delete_by_id((old.secret_id, old.id))
                .exec(&self.transaction)
                .await?;
        }
        Ok(())
    }
}

async fn one<C: ConnectionTrait>(
    connection: &C,
    name: &str,
    version: &str,
) -> Result<Option<SecretVersionRow>, StoreError> {
    let secret = secrets::find(connection, name).await?;
    let key = (secret.id.clone(), version.to_owned());
    let row = secret_versions::Entity::find_by_id(key)
        .one(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let mut all = stages(connection, Of::These(std::slice::from_ref(&secret.id))).await?;
    let own = all
        .get_mut(&secret.id)
        .and_then(|versions| versions.remove(version));
    SecretVersionRow::new(row, own.unwrap_or_default()).map(Some)
}

/// The version that carries a label.
async fn holder<C: ConnectionTrait>(
    connection: &C,
    secret_id: &str,
    stage: &str,
) -> Result<Option<String>, StoreError> {
    let key = (secret_id.to_owned(), stage.to_owned());
    let row = secret_stages::Entity::find_by_id(key)
        .one(connection)
        .await?;
    Ok(row.map(|row| row.version_id))
}

/// The labels, by secret and version.
pub(crate) async fn stages<C: ConnectionTrait>(
    connection: &C,
    of: Of<'_>,
) -> Result<HashMap<String, Stages>, StoreError> {
    let mut select = secret_stages::Entity::find().order_by_asc(secret_stages::Column::Stage);
    if let Of::These(ids) = of {
        select = select.filter(secret_stages::Column::SecretId.is_in(ids.iter().cloned()));
    }
    let mut by_secret: HashMap<String, Stages> = HashMap::new();
    for row in select.all(connection).await? {
        let versions = by_secret.entry(row.secret_id).or_default();
        versions.entry(row.version_id).or_default().push(row.stage);
    }
    Ok(by_secret)
}

/// The current and previous versions, per secret the current one first.
pub(crate) async fn in_use<C: ConnectionTrait>(
    connection: &C,
    of: Of<'_>,
) -> Result<Vec<SecretVersionRow>, StoreError> {
    let labels = [SecretStage::Current, SecretStage::Previous].map(SecretStage::as_str);
    let used = Query::select()
        .column(secret_stages::Column::VersionId)
        .from(secret_stages::Entity)
        .and_where(secret_stages::Column::Stage.is_in(labels))
        .take();
    let mut select =
        secret_versions::Entity::find().filter(secret_versions::Column::Id.in_subquery(used));
    if let Of::These(ids) = of {
        select = select.filter(secret_versions::Column::SecretId.is_in(ids.iter().cloned()));
    }
    let mut all = stages(connection, of).await?;
    let rows = select.all(connection).await?.into_iter().map(|row| {
        let own = all
            .get_mut(&row.secret_id)
            .and_then(|versions| versions.remove(&row.id));
        SecretVersionRow::new(row, own.unwrap_or_default())
    });
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    // Two secrets may have versions with the same id, of which only one is in use.
    rows.retain(|row| row.is(SecretStage::Current) || row.is(SecretStage::Previous));
    rows.sort_by(|a, b| (&a.secret_id, a.rank()).cmp(&(&b.secret_id, b.rank())));
    Ok(rows)
}
