//! Secrets as Secrets Manager has them: any value, labels apart from versions, deletion in two steps.

use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, ForeignKeyAction, MigrationTrait, SchemaManager, Table, async_trait,
};

use crate::column::{key, key_null, number, number_null, primary, refers, text, text_null};

/// See the file's first line.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Every version so far is the JSON text that REST writes.
const COPY_VERSIONS: &str = "INSERT INTO secret_versions (secret_id, id, username, format, sealed, created_at) \
     SELECT secret_id, id, username, 'text', sealed, created_at FROM secret_versions_before";
const COPY_STAGES: &str = "INSERT INTO secret_stages (secret_id, stage, version_id) \
     SELECT secret_id, stage, id FROM secret_versions_before";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            text_null("kms_key_id"),
            text_null("resource_policy"),
            text_null("create_token"),
            number_null("deleted_at"),
            number_null("delete_after"),
        ];
        // One statement each: SQLite takes no more.
        for column in columns {
            let add = Table::alter().table("secrets").add_column(column).take();
            manager.alter_table(add).await?;
        }
        versions(manager).await
    }
}

/// Callers choose ids of versions, each for its own secret only: the key has to become two columns, which
/// SQLite can do in a new table only.
async fn versions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let rename = Table::rename()
        .table("secret_versions", "secret_versions_before")
        .take();
    manager.rename_table(rename).await?;
    let versions = Table::create()
        .table("secret_versions")
        .col(key(manager, "secret_id"))
        .col(key(manager, "id"))
        .col(key_null(manager, "username"))
        .col(text("format"))
        .col(text("sealed"))
        .col(number("created_at"))
        .primary_key(&mut primary(["secret_id", "id"]))
        .foreign_key(&mut refers(
            "secret_id",
            "secrets",
            ForeignKeyAction::Cascade,
        ))
        .take();
    manager.create_table(versions).await?;
    let stages = Table::create()
        .table("secret_stages")
        .col(key(manager, "secret_id"))
        .col(key(manager, "stage"))
        .col(key(manager, "version_id"))
        .primary_key(&mut primary(["secret_id", "stage"]))
        .foreign_key(&mut refers(
            "secret_id",
            "secrets",
            ForeignKeyAction::Cascade,
        ))
        .take();
    manager.create_table(stages).await?;
    let connection = manager.get_connection();
    connection.execute_unprepared(COPY_VERSIONS).await?;
    connection.execute_unprepared(COPY_STAGES).await?;
    let before = Table::drop().table("secret_versions_before").take();
    manager.drop_table(before).await
}
