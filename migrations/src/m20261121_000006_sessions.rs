//! Temporary credentials: since when the sessions of a principal count.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use crate::column::{key, number};

/// See the file's first line.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The root has sessions too and is no row anywhere, so that no foreign key can guard this.
        let table = Table::create()
            .table("session_revocations")
            .col(key(manager, "principal_id").primary_key())
            .col(number("revoked_at"))
            .take();
        manager.create_table(table).await
    }
}
