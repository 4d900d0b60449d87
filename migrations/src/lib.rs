//! The schema of the metadata database, step by step, and the one way to bring a database up to date.

mod column;
mod m20261101_000001_resources;
mod m20261101_000002_identity;
mod m20261101_000003_records;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Any number that nobody else locks; it must never change.
const ADVISORY_LOCK: &str = "SELECT pg_advisory_xact_lock(7305230412000001)";

/// Every migration, oldest first.
struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261101_000001_resources::Migration),
            Box::new(m20261101_000002_identity::Migration),
            Box::new(m20261101_000003_records::Migration),
        ]
    }
}

/// Brings the database up to date; does nothing when it is.
///
/// Everything happens in one transaction that holds a lock, because the migration library takes none:
/// control planes that start together on an empty database would make each other fail. The price is
/// that no migration may use statements that refuse to run inside a transaction.
///
/// Fails with the database's error; then nothing has changed.
pub async fn migrate(database: &DatabaseConnection) -> Result<(), DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let transaction = database.begin_with_options(options).await?;
    if database.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared(ADVISORY_LOCK).await?;
    }
    Migrator::up(&transaction, None).await?;
    transaction.commit().await
}
