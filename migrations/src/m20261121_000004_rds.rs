//! What RDS knows of proxies and endpoints beyond ours: role, debug logging, subnets, security groups, names.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Expr, MigrationTrait, Query, SchemaManager, Table,
    async_trait,
};

use crate::column::{number_null, text, text_null};

/// See the file's first line.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            text_null("role_arn"),
            number_null("debug_logging_since"),
            list("subnet_ids"),
            list("security_group_ids"),
            network_type("endpoint_network_type"),
            network_type("target_network_type"),
        ] {
            add(manager, "proxies", column).await?;
        }
        for column in [
            list("subnet_ids"),
            list("security_group_ids"),
            network_type("network_type"),
            text("label").default("").take(),
        ] {
            add(manager, "endpoints", column).await?;
        }
        let labels = Query::update()
            .table("endpoints")
            .value("label", Expr::col("name"))
            .take();
        manager.execute(labels).await
    }
}

/// One statement per column: SQLite takes no more.
async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    mut column: ColumnDef,
) -> Result<(), DbErr> {
    let change = Table::alter().table(table).add_column(&mut column).take();
    manager.alter_table(change).await
}

/// A JSON list, empty in the rows that are there.
fn list(name: &'static str) -> ColumnDef {
    text(name).default("[]").take()
}

fn network_type(name: &'static str) -> ColumnDef {
    text(name).default("IPV4").take()
}
