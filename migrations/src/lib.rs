//! The schema of the metadata database, step by step, and the one way to bring a database up to date.

mod aws_managed;
mod column;
mod m20261101_000001_resources;
mod m20261101_000002_identity;
mod m20261101_000003_records;
mod m20261121_000004_rds;
mod m20261121_000005_iam;
mod m20261121_000006_sessions;
mod m20261121_000007_secrets;
mod m20261121_000008_security_groups;

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
            Box::new(m20261121_000004_rds::Migration),
            Box::new(m20261121_000005_iam::Migration),
            Box::new(m20261121_000006_sessions::Migration),
            Box::new(m20261121_000007_secrets::Migration),
            Box::new(m20261121_000008_security_groups::Migration),
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

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
    use sea_orm_migration::MigratorTrait;
    use tollgate_testkit::{Postgres, PostgresVersion};

    use super::Migrator;

    /// How many steps there were before secrets got labels.
    const BEFORE_LABELS: u32 = 6;

    async fn rows(database: &DatabaseConnection, sql: &str) -> Vec<String> {
        let statement = Statement::from_string(database.get_database_backend(), sql);
        let rows = database.query_all_raw(statement).await.unwrap();
        let text = |row: sea_orm::QueryResult| row.try_get_by_index::<String>(0).unwrap();
        rows.into_iter().map(text).collect()
    }

    async fn secrets_keep_their_values(url: &str) {
        let database = Database::connect(url).await.unwrap();
        Migrator::up(&database, Some(BEFORE_LABELS)).await.unwrap();
        for sql in [
            "INSERT INTO secrets (id, name, description, generation, created_at, updated_at) \
             VALUES ('OLDOLDOLD1', 'a', '', 2, 1, 1)",
            "INSERT INTO secret_versions (id, secret_id, username, sealed, stage, created_at) \
             VALUES ('v1', 'OLDOLDOLD1', 'app', 'sealed 1', 'AWSPREVIOUS', 1), \
             ('v2', 'OLDOLDOLD1', 'app', 'sealed 2', 'AWSCURRENT', 2)",
        ] {
            database.execute_unprepared(sql).await.unwrap();
        }
        Migrator::up(&database, None).await.unwrap();
        let kept = "SELECT v.id || ' ' || v.username || ' ' || v.format || ' ' || v.sealed || ' ' || s.stage \
             FROM secret_versions v JOIN secret_stages s ON s.secret_id = v.secret_id AND s.version_id = v.id \
             ORDER BY v.id";
        assert_eq!(
            rows(&database, kept).await,
            [
                "v1 app text sealed 1 AWSPREVIOUS",
                "v2 app text sealed 2 AWSCURRENT"
            ]
        );
        database
            .execute_unprepared("DELETE FROM secrets")
            .await
            .unwrap();
        assert!(
            rows(&database, "SELECT id FROM secret_versions")
                .await
                .is_empty()
        );
        assert!(
            rows(&database, "SELECT stage FROM secret_stages")
                .await
                .is_empty()
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn secrets_keep_their_values_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metadata.db");
        secrets_keep_their_values(&format!("sqlite://{}?mode=rwc", path.display())).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn secrets_keep_their_values_on_postgres() {
        let server = Postgres::start(PostgresVersion::newest().unwrap()).unwrap();
        secrets_keep_their_values(&server.superuser_url("postgres")).await;
    }
}
