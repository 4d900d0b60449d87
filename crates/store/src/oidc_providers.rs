//! OIDC providers whose tokens may be exchanged for a role's credentials.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait,
    QueryOrder, Set,
};

use crate::entity::oidc_providers;
use crate::tags::{self, TagKind, Tags};
use crate::{Kind, Store, StoreError, Write, cell, limit};

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcProviderRow {
    /// The issuer without `https://`: host and path. Unique; never changes; also the end of the ARN.
    pub url: String,
    /// Audiences that tokens may be made for.
    pub client_ids: Vec<String>,
    /// SHA-1 thumbprints of certificates of the provider, in hex.
    pub thumbprints: Vec<String>,
    /// Tags.
    pub tags: Tags,
    /// Rises with every change of audiences and thumbprints.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

/// A provider to be made.
#[derive(Debug, Clone)]
pub struct NewOidcProvider {
    /// The issuer without `https://`.
    pub url: String,
    /// Audiences.
    pub client_ids: Vec<String>,
    /// Thumbprints.
    pub thumbprints: Vec<String>,
    /// Tags.
    pub tags: Tags,
}

impl OidcProviderRow {
    fn new(row: oidc_providers::Model, tags: Tags) -> Result<Self, StoreError> {
        let what = |column: &str| format!("OIDC provider {}, {column}", row.url);
        Ok(Self {
            client_ids: cell::parse(&row.client_ids, &what("client ids"))?,
            thumbprints: cell::parse(&row.thumbprints, &what("thumbprints"))?,
            generation: cell::number(row.generation, &what("generation"))?,
            url: row.url,
            tags,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// The provider with this URL (without `https://`).
    pub async fn oidc_provider_get(&self, url: &str) -> Result<OidcProviderRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(get(reader, url)).await
    }

    /// Every provider in the order of their URLs; there are at most a hundred.
    pub async fn oidc_provider_list(&self) -> Result<Vec<OidcProviderRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let mut tags = tags::of_all(reader, TagKind::OidcProvider).await?;
            let select = oidc_providers::Entity::find().order_by_asc(oidc_providers::Column::Url);
            let rows = select.all(reader).await?.into_iter().map(|row| {
                let own = tags.remove(&row.url).unwrap_or_default();
                OidcProviderRow::new(row, own)
            });
            rows.collect()
        })
        .await
    }
}

impl Write {
    /// As [`Store::oidc_provider_get`], inside the transaction.
    pub async fn oidc_provider_get(&self, url: &str) -> Result<OidcProviderRow, StoreError> {
        get(&self.transaction, url).await
    }

    /// Registers a provider. Fails with [`StoreError::AlreadyExists`] or [`StoreError::LimitExceeded`].
    pub async fn oidc_provider_create(
        &self,
        new: NewOidcProvider,
    ) -> Result<OidcProviderRow, StoreError> {
        let taken = oidc_providers::Entity::find_by_id(&new.url);
        if taken.one(&self.transaction).await?.is_some() {
            return Err(StoreError::AlreadyExists {
                kind: Kind::OidcProvider,
                existing_id: new.url.clone(),
                name: new.url,
            });
        }
        let present = oidc_providers::Entity::find()
            .count(&self.transaction)
            .await?;
        if usize::try_from(present).is_ok_and(|count| count >= limit::OIDC_PROVIDERS) {
            return Err(StoreError::LimitExceeded {
                what: "OpenID Connect providers",
                limit: limit::OIDC_PROVIDERS,
            });
        }
        let row = oidc_providers::ActiveModel {
            url: Set(new.url),
            client_ids: Set(cell::json(&new.client_ids)?),
            thumbprints: Set(cell::json(&new.thumbprints)?),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        let row = row.insert(&self.transaction).await?;
        self.tags_insert(TagKind::OidcProvider, &row.url, &new.tags)
            .await?;
        OidcProviderRow::new(row, new.tags)
    }

    /// Gives a provider other audiences and thumbprints. Fails with [`StoreError::NotFound`].
    pub async fn oidc_provider_update(
        &self,
        url: &str,
        client_ids: &[String],
        thumbprints: &[String],
    ) -> Result<(), StoreError> {
        let row = find(&self.transaction, url).await?;
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.generation = Set(generation);
        row.client_ids = Set(cell::json(&client_ids)?);
        row.thumbprints = Set(cell::json(&thumbprints)?);
        row.updated_at = Set(self.now);
        row.update(&self.transaction).await?;
        Ok(())
    }

    /// Deletes a provider. Fails with [`StoreError::NotFound`].
    pub async fn oidc_provider_delete(&self, url: &str) -> Result<(), StoreError> {
        let row = find(&self.transaction, url).await?;
        self.tags_clear(TagKind::OidcProvider, &row.url).await?;
        row.delete(&self.transaction).await?;
        Ok(())
    }
}

async fn get<C: ConnectionTrait>(connection: &C, url: &str) -> Result<OidcProviderRow, StoreError> {
    let row = find(connection, url).await?;
    let tags = tags::of(connection, TagKind::OidcProvider, &row.url).await?;
    OidcProviderRow::new(row, tags)
}

async fn find<C: ConnectionTrait>(
    connection: &C,
    url: &str,
) -> Result<oidc_providers::Model, StoreError> {
    let row = oidc_providers::Entity::find_by_id(url)
        .one(connection)
        .await?;
    row.ok_or_else(|| StoreError::not_found(Kind::OidcProvider, url))
}
