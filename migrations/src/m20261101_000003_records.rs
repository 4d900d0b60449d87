//! What is kept about calls and connections: answers given under idempotency keys, auth decisions.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};

use crate::column::{key, lookup, number, primary, text, text_null};

/// See the file's first line.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        idempotency(manager).await?;
        audit_decisions(manager).await
    }
}

async fn idempotency(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("idempotency")
        .col(key(manager, "principal"))
        .col(key(manager, "key"))
        .col(text("operation"))
        .col(text("request_hash"))
        .col(number("status"))
        .col(text("body"))
        .col(text_null("etag"))
        .col(text_null("location"))
        .col(number("created_at"))
        .primary_key(&mut primary(["principal", "key"]))
        .take();
    manager.create_table(table).await?;
    let by_age = lookup("idempotency_age", "idempotency", ["created_at"]);
    manager.create_index(by_age).await
}

async fn audit_decisions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("audit_decisions")
        .col(key(manager, "correlation_id").primary_key())
        .col(number("time_ms"))
        .col(key(manager, "proxy_name"))
        .col(key(manager, "outcome"))
        .col(text("decision"))
        .take();
    manager.create_table(table).await?;
    let by_time = lookup(
        "audit_decisions_time",
        "audit_decisions",
        ["time_ms", "correlation_id"],
    );
    manager.create_index(by_time).await?;
    let by_proxy = lookup(
        "audit_decisions_proxy",
        "audit_decisions",
        ["proxy_name", "time_ms"],
    );
    manager.create_index(by_proxy).await
}
