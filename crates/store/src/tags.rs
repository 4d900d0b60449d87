//! Tags: keys and values that operators hang on resources and that policy conditions read.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::entity::tags;
use crate::{Store, StoreError, Write, limit};

/// Keys and values of one resource.
pub type Tags = BTreeMap<String, String>;

/// What can carry tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TagKind {
    /// A database.
    Database,
    /// A secret.
    Secret,
    /// A proxy.
    Proxy,
    /// An endpoint.
    Endpoint,
    /// A proxy's target group, by the proxy's id.
    TargetGroup,
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
    /// An IAM policy.
    Policy,
    /// An OIDC provider; its id is its URL without `https://`.
    OidcProvider,
    /// A security group.
    SecurityGroup,
    /// A rule of a security group.
    SecurityGroupRule,
}

impl TagKind {
    fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Secret => "secret",
            Self::Proxy => "proxy",
            Self::Endpoint => "endpoint",
            Self::TargetGroup => "target-group",
            Self::User => "user",
            Self::Role => "role",
            Self::Policy => "policy",
            Self::OidcProvider => "oidc-provider",
            Self::SecurityGroup => "security-group",
            Self::SecurityGroupRule => "security-group-rule",
        }
    }
}

impl Store {
    /// The tags of the resource with this id (not name); empty when there is no such resource.
    pub async fn tag_list(&self, kind: TagKind, id: &str) -> Result<Tags, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(of(reader, kind, id)).await
    }
}

impl Write {
    /// As [`Store::tag_list`], inside the transaction.
    pub async fn tag_list(&self, kind: TagKind, id: &str) -> Result<Tags, StoreError> {
        of(&self.transaction, kind, id).await
    }

    /// Sets these tags on the resource with this id (not name); others stay.
    ///
    /// A proxy gets a new generation: its tags are part of what its data plane decides by.
    /// Fails with [`StoreError::LimitExceeded`].
    pub async fn tag_set(&self, kind: TagKind, id: &str, set: &Tags) -> Result<Tags, StoreError> {
        self.tags_insert(kind, id, set).await?;
        self.tags_changed(kind, id).await?;
        of(&self.transaction, kind, id).await
    }

    /// Removes these keys; those that are not there do not matter.
    pub async fn tag_remove(
        &self,
        kind: TagKind,
        id: &str,
        keys: &[String],
    ) -> Result<Tags, StoreError> {
        tags::Entity::delete_many()
            .filter(tags::Column::ResourceKind.eq(kind.word()))
            .filter(tags::Column::ResourceId.eq(id))
            .filter(tags::Column::Key.is_in(keys.iter().cloned()))
            .exec(&self.transaction)
            .await?;
        self.tags_changed(kind, id).await?;
        of(&self.transaction, kind, id).await
    }

    /// Exactly these tags, for a resource made in this write.
    pub(crate) async fn tags_insert(
        &self,
        kind: TagKind,
        id: &str,
        set: &Tags,
    ) -> Result<(), StoreError> {
        if set.is_empty() {
            return Ok(());
        }
        let mut after = of(&self.transaction, kind, id).await?;
        after.extend(set.clone());
        if after.len() > limit::TAGS_PER_RESOURCE {
            return Err(StoreError::LimitExceeded {
                what: "tags per resource",
                limit: limit::TAGS_PER_RESOURCE,
            });
        }
        let rows = set.iter().map(|(key, value)| tags::ActiveModel {
            resource_kind: Set(kind.word().to_owned()),
            resource_id: Set(id.to_owned()),
            key: Set(key.clone()),
            value: Set(value.clone()),
        });
        let key = [
            tags::Column::ResourceKind,
            tags::Column::ResourceId,
            tags::Column::Key,
        ];
        let replace = OnConflict::columns(key)
            .update_column(tags::Column::Value)
            .to_owned();
        tags::Entity::insert_many(rows)
            .on_conflict(replace)
            .exec_without_returning(&self.transaction)
            .await?;
        Ok(())
    }

    /// Nothing may be left for a later resource with the same id.
    pub(crate) async fn tags_clear(&self, kind: TagKind, id: &str) -> Result<(), StoreError> {
        tags::Entity::delete_many()
            .filter(tags::Column::ResourceKind.eq(kind.word()))
            .filter(tags::Column::ResourceId.eq(id))
            .exec(&self.transaction)
            .await?;
        Ok(())
    }

    async fn tags_changed(&self, kind: TagKind, id: &str) -> Result<(), StoreError> {
        match kind {
            TagKind::Proxy => self.proxy_touch(id).await,
            TagKind::Database
            | TagKind::Secret
            | TagKind::Endpoint
            | TagKind::TargetGroup
            | TagKind::User
            | TagKind::Role
            | TagKind::Policy
            | TagKind::OidcProvider
            | TagKind::SecurityGroup
            | TagKind::SecurityGroupRule => Ok(()),
        }
    }
}

/// The tags of one resource.
pub(crate) async fn of<C: ConnectionTrait>(
    connection: &C,
    kind: TagKind,
    id: &str,
) -> Result<Tags, StoreError> {
    let mut all = of_many(connection, kind, &[id.to_owned()]).await?;
    Ok(all.remove(id).unwrap_or_default())
}

/// The tags of several resources, by id.
pub(crate) async fn of_many<C: ConnectionTrait>(
    connection: &C,
    kind: TagKind,
    ids: &[String],
) -> Result<HashMap<String, Tags>, StoreError> {
    let select = tags::Entity::find()
        .filter(tags::Column::ResourceKind.eq(kind.word()))
        .filter(tags::Column::ResourceId.is_in(ids.iter().cloned()));
    Ok(collect(select.all(connection).await?))
}

/// The tags of all resources of a kind, by id.
pub(crate) async fn of_all<C: ConnectionTrait>(
    connection: &C,
    kind: TagKind,
) -> Result<HashMap<String, Tags>, StoreError> {
    let select = tags::Entity::find()
        .filter(tags::Column::ResourceKind.eq(kind.word()))
        .order_by_asc(tags::Column::ResourceId);
    Ok(collect(select.all(connection).await?))
}

fn collect(rows: Vec<tags::Model>) -> HashMap<String, Tags> {
    let mut by_id: HashMap<String, Tags> = HashMap::new();
    for row in rows {
        by_id
            .entry(row.resource_id)
            .or_default()
            .insert(row.key, row.value);
    }
    by_id
}
