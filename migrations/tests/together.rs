//! Control planes that start together on an empty database all come up.
#![cfg(test)]

use sea_orm::{ConnectOptions, ConnectionTrait, Database, Statement};
use tollgate_migrations::migrate;
use tollgate_testkit::{Postgres, PostgresVersion};

const STARTERS: usize = 6;

/// Every step has a file.
fn steps() -> i64 {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
    let names = files.map(|file| file.unwrap().file_name());
    let steps = names.filter(|name| name.to_string_lossy().starts_with("m2"));
    i64::try_from(steps.count()).unwrap()
}

/// Every starter has its own pool, as separate processes would; two rounds, the second on a finished
/// database.
async fn all_come_up(url: &str) {
    for _round in 0..2 {
        let mut starters = tokio::task::JoinSet::new();
        for _ in 0..STARTERS {
            let mut options = ConnectOptions::new(url);
            options.max_connections(1).sqlx_logging(false);
            starters.spawn(async move {
                let database = Database::connect(options).await?;
                migrate(&database).await?;
                database.close().await
            });
        }
        while let Some(ended) = starters.join_next().await {
            ended.unwrap().unwrap();
        }
    }
    let database = Database::connect(url).await.unwrap();
    let backend = database.get_database_backend();
    let count = Statement::from_string(backend, "SELECT count(*) FROM seaql_migrations");
    let row = database.query_one_raw(count).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), steps());
    let revision = Statement::from_string(backend, "SELECT revision FROM config_revision");
    let rows = database.query_all_raw(revision).await.unwrap();
    assert_eq!(rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.db");
    all_come_up(&format!("sqlite://{}?mode=rwc", path.display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    let server = Postgres::start(PostgresVersion::newest().unwrap()).unwrap();
    all_come_up(&server.superuser_url("postgres")).await;
}
