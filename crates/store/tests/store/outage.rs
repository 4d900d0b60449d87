//! A database that is not there, goes away, and comes back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tollgate_store::{MetadataUrl, Store, StoreError, StoreSettings, StoreState};
use tollgate_testkit::{Ports, Postgres, PostgresOptions, PostgresVersion};

use crate::rig::{NOW, database, wait_for};

/// Retries often, so that a test does not wait long.
fn settings(url: MetadataUrl) -> StoreSettings {
    StoreSettings {
        check_interval: Duration::from_millis(100),
        retry_pause_max: Duration::from_millis(200),
        ..StoreSettings::new(url)
    }
}

fn assert_unavailable<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::Unavailable { .. })),
        "{result:?}"
    );
}

async fn assert_works(store: &Store, name: &str) {
    wait_for(store, StoreState::Ready).await;
    let write = store.begin_at(NOW).await.unwrap();
    write.database_create(database(name)).await.unwrap();
    write.commit().await.unwrap();
    assert!(store.database_get(name).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_does_not_wait_for_a_server() {
    let nobody = Ports::reserve(1).unwrap();
    let port = nobody.first();
    let url = format!("postgres://app:hunter2@127.0.0.1:{port}/meta");
    let store = Store::open(settings(url.parse().unwrap()));
    // The first call waits for the first attempt, which is refused.
    assert_unavailable(&store.everything().await);
    let health = store.health();
    assert_eq!(health.state, StoreState::Away);
    assert!(health.last_error.is_some());
    assert!(!format!("{health:?} {store:?}").contains("hunter2"));
    assert_unavailable(&store.begin_at(NOW).await);
    assert_unavailable(&store.meta_put("a", "b", NOW).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_and_comes_back() {
    // Throw-away servers commit carelessly; this one must remember what it confirmed.
    let options = PostgresOptions::new(PostgresVersion::newest().unwrap());
    let options = options.setting("synchronous_commit", "on");
    let mut server = Postgres::start_with(options).unwrap();
    let url = server.superuser_url("postgres").parse().unwrap();
    let store = Store::open(settings(url));
    assert_works(&store, "before").await;

    let write = store.begin_at(NOW).await.unwrap();
    write.database_create(database("cut")).await.unwrap();
    server.kill().unwrap();
    assert_unavailable(&write.commit().await);
    assert_unavailable(&store.database_get("before").await);
    wait_for(&store, StoreState::Away).await;
    assert_unavailable(&store.begin_at(NOW).await);

    server.restart().unwrap();
    assert_works(&store, "after").await;
    assert!(store.database_get("before").await.is_ok());
    let cut = store.database_get("cut").await;
    assert!(matches!(cut, Err(StoreError::NotFound { .. })), "{cut:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ended_are_replaced() {
    let server = Postgres::start(PostgresVersion::newest().unwrap()).unwrap();
    let url = server.superuser_url("postgres").parse().unwrap();
    let store = Store::open(settings(url));
    assert_works(&store, "before").await;
    server.terminate_backends("postgres").unwrap();
    assert_works(&store, "after").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_comes_later() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let path = folder.join("metadata.db");
    let store = Store::open(settings(MetadataUrl::Sqlite(path.clone())));
    assert_unavailable(&store.revision_current().await);
    let told = store.health().last_error.unwrap();
    assert!(told.contains("metadata.db"), "{told}");
    fs::create_dir(&folder).unwrap();
    assert_works(&store, "orders-db").await;
    // The write-ahead log is still there: a connection is open.
    for name in ["metadata.db", "metadata.db-wal"] {
        let mode = fs::metadata(folder.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metadata.db");
    fs::write(
        &path,
        "this is a text and it is longer than one hundred bytes ".repeat(9),
    )
    .unwrap();
    let store = Store::open(settings(MetadataUrl::Sqlite(path.clone())));
    assert_unavailable(&store.everything().await);
    assert_eq!(store.health().state, StoreState::Away);
    // Nothing was overwritten.
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .starts_with("this is a text")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_keeps_its_content_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let url = MetadataUrl::Sqlite(folder.path().join("metadata.db"));
    let first = Store::open(settings(url.clone()));
    assert_works(&first, "orders-db").await;
    first.close().await;
    let second = Store::open(settings(url));
    wait_for(&second, StoreState::Ready).await;
    assert!(second.database_get("orders-db").await.is_ok());
    assert_eq!(second.revision_current().await.unwrap().0, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_enough_for_a_small_test() {
    let store = Store::open(settings(MetadataUrl::Memory));
    assert_works(&store, "orders-db").await;
    assert_works(&store, "bills-db").await;
    assert_eq!(store.everything().await.unwrap().databases.len(), 2);
}
