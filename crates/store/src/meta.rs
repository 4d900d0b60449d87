//! Facts about the installation, by key: its certificate authority, its root principal, its ids.

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, Set};
use tollgate_types::Revision;

use crate::entity::meta;
use crate::{Store, StoreError, write};

impl Store {
    /// The value under a key.
    pub async fn meta_get(&self, key: &str) -> Result<Option<String>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let row = meta::Entity::find_by_id(key).one(reader).await?;
            Ok(row.map(|row| row.value))
        })
        .await
    }

    /// Writes a value, whatever was there. One with a secret in it must be sealed by the caller.
    pub async fn meta_put(&self, key: &str, value: &str, now_unix: i64) -> Result<(), StoreError> {
        let replace = OnConflict::column(meta::Column::Key)
            .update_columns([meta::Column::Value, meta::Column::UpdatedAt])
            .to_owned();
        self.meta_insert(row(key, value, now_unix), replace).await
    }

    /// Writes a value unless there is one, and returns the one that is there afterwards. Of several
    /// control planes that start at once, one wins, and all of them learn what it wrote.
    pub async fn meta_claim(
        &self,
        key: &str,
        value: &str,
        now_unix: i64,
    ) -> Result<String, StoreError> {
        let keep = OnConflict::column(meta::Column::Key)
            .do_nothing()
            .to_owned();
        self.meta_insert(row(key, value, now_unix), keep).await?;
        let present = self.meta_get(key).await?;
        present.ok_or_else(|| StoreError::corrupt(format!("meta {key} vanished")))
    }

    /// The present configuration revision; it rises with every [`crate::Write`].
    pub async fn revision_current(&self) -> Result<Revision, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(write::revision(reader)).await
    }

    async fn meta_insert(
        &self,
        row: meta::ActiveModel,
        conflict: OnConflict,
    ) -> Result<(), StoreError> {
        let writer = self.link().writer().await?;
        self.watched(async {
            meta::Entity::insert(row)
                .on_conflict(conflict)
                .exec_without_returning(writer)
                .await?;
            Ok(())
        })
        .await
    }
}

fn row(key: &str, value: &str, now_unix: i64) -> meta::ActiveModel {
    meta::ActiveModel {
        key: Set(key.to_owned()),
        value: Set(value.to_owned()),
        updated_at: Set(now_unix),
    }
}
