//! The configuration: databases, secrets, proxies with their target groups, targets and endpoints, tags.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, ForeignKeyAction, MigrationTrait, Query, SchemaManager, Table,
    async_trait,
};

use crate::column::{flag, key, lookup, number, number_null, primary, refers, text, unique};

/// See the file's first line.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        installation(manager).await?;
        databases(manager).await?;
        secrets(manager).await?;
        proxies(manager).await?;
        targets(manager).await?;
        endpoints(manager).await?;
        tags(manager).await
    }
}

/// Facts about the installation, and the revision that rises with every write.
async fn installation(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let meta = Table::create()
        .table("meta")
        .col(key(manager, "key").primary_key())
        .col(text("value"))
        .col(number("updated_at"))
        .take();
    manager.create_table(meta).await?;
    let revision = Table::create()
        .table("config_revision")
        .col(number("id").primary_key())
        .col(number("revision"))
        .take();
    manager.create_table(revision).await?;
    let first = Query::insert()
        .into_table("config_revision")
        .columns(["id", "revision"])
        .values_panic([1.into(), 0.into()])
        .take();
    manager.execute(first).await
}

async fn databases(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("databases")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "name").unique_key())
        .col(text("engine"))
        .col(text("host"))
        .col(number("port"))
        .col(text("tls"))
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .take();
    manager.create_table(table).await
}

async fn secrets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("secrets")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "name").unique_key())
        .col(text("description"))
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .take();
    manager.create_table(table).await?;
    let versions = Table::create()
        .table("secret_versions")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "secret_id"))
        .col(text("username"))
        .col(text("sealed"))
        .col(key(manager, "stage"))
        .col(number("created_at"))
        .foreign_key(&mut refers(
            "secret_id",
            "secrets",
            ForeignKeyAction::Cascade,
        ))
        .take();
    manager.create_table(versions).await?;
    let stages = unique(
        "secret_versions_stage",
        "secret_versions",
        ["secret_id", "stage"],
    );
    manager.create_index(stages).await
}

async fn proxies(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("proxies")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "name").unique_key())
        .col(text("engine_family"))
        .col(flag("require_tls"))
        .col(number("idle_client_timeout"))
        .col(text("auth"))
        .col(text("status"))
        .col(text("status_reason"))
        .col(text("conditions"))
        .col(number("generation"))
        .col(number("observed_generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .col(number_null("delete_requested_at"))
        .col(number_null("drain_deadline"))
        .take();
    manager.create_table(table).await?;
    let groups = Table::create()
        .table("target_groups")
        .col(key(manager, "proxy_id"))
        .col(key(manager, "name"))
        .col(text("pool"))
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .primary_key(&mut primary(["proxy_id", "name"]))
        .foreign_key(&mut refers(
            "proxy_id",
            "proxies",
            ForeignKeyAction::Cascade,
        ))
        .take();
    manager.create_table(groups).await
}

async fn targets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("targets")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "proxy_id"))
        .col(key(manager, "database_id"))
        .col(text("health"))
        .col(number("created_at"))
        .foreign_key(&mut refers(
            "proxy_id",
            "proxies",
            ForeignKeyAction::Cascade,
        ))
        .foreign_key(&mut refers(
            "database_id",
            "databases",
            ForeignKeyAction::Restrict,
        ))
        .take();
    manager.create_table(table).await?;
    let once = unique("targets_once", "targets", ["proxy_id", "database_id"]);
    manager.create_index(once).await?;
    let by_database = lookup("targets_database", "targets", ["database_id"]);
    manager.create_index(by_database).await
}

async fn endpoints(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("endpoints")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "proxy_id"))
        .col(key(manager, "name"))
        .col(text("target_role"))
        .col(number("port").unique_key())
        .col(text("aliases"))
        .col(flag("is_default"))
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .foreign_key(&mut refers(
            "proxy_id",
            "proxies",
            ForeignKeyAction::Cascade,
        ))
        .take();
    manager.create_table(table).await?;
    let names = unique("endpoints_name", "endpoints", ["proxy_id", "name"]);
    manager.create_index(names).await
}

/// Tags hang on several kinds of resources, so no foreign key can guard them; the store removes them.
async fn tags(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("tags")
        .col(key(manager, "resource_kind"))
        .col(key(manager, "resource_id"))
        .col(key(manager, "key"))
        .col(text("value"))
        .primary_key(&mut primary(["resource_kind", "resource_id", "key"]))
        .take();
    manager.create_table(table).await
}
