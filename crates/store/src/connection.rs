//! The connection to the metadata database: opened in the background, watched, opened again.

use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqlxPostgresConnector,
    SqlxSqliteConnector, Statement,
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::StoreError;
use crate::settings::{MetadataUrl, StoreSettings};

/// Pause before SQLite is asked again for its journal's mode.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// First pause after a failed attempt; it doubles up to [`StoreSettings::retry_pause_max`].
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(100);

/// Whether the metadata database can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreState {
    /// Nobody has reached it yet; the first attempt is under way.
    Connecting,
    /// It answers and its schema is up to date.
    Ready,
    /// The last attempt failed; attempts go on.
    Away,
}

/// What a health check shows.
#[derive(Debug, Clone)]
pub struct StoreHealth {
    /// Whether it can be used.
    pub state: StoreState,
    /// For how long it has been in that state.
    pub age: Duration,
    /// The last failure's words, kept after recovery.
    pub last_error: Option<String>,
    /// Where the database is, without credentials.
    pub place: String,
}

#[derive(Debug, Clone)]
struct Condition {
    state: StoreState,
    since: Instant,
    last_error: Option<String>,
}

/// Pools of connections, and what is known about the other end.
#[derive(Debug)]
pub(crate) struct Link {
    settings: StoreSettings,
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    condition: watch::Sender<Condition>,
    doubted: Notify,
}

impl Link {
    /// Prepares pools without connecting. Must be called inside a tokio runtime.
    pub(crate) fn new(settings: StoreSettings) -> Self {
        let (reader, writer) = pools(&settings);
        let condition = Condition {
            state: StoreState::Connecting,
            since: Instant::now(),
            last_error: None,
        };
        Self {
            settings,
            reader,
            writer,
            condition: watch::Sender::new(condition),
            doubted: Notify::new(),
        }
    }

    pub(crate) fn settings(&self) -> &StoreSettings {
        &self.settings
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// The reading side, once the database is ready; fails at once while it is away.
    pub(crate) async fn reader(&self) -> Result<&DatabaseConnection, StoreError> {
        self.ready().await.map(|()| &self.reader)
    }

    /// The writing side, once the database is ready; fails at once while it is away.
    pub(crate) async fn writer(&self) -> Result<&DatabaseConnection, StoreError> {
        self.ready().await.map(|()| &self.writer)
    }

    /// Waits for the very first attempt only.
    async fn ready(&self) -> Result<(), StoreError> {
        let mut seen = self.condition.subscribe();
        let attempted = seen.wait_for(|now| now.state != StoreState::Connecting);
        let attempted = tokio::time::timeout(self.settings.acquire_timeout, attempted).await;
        let Ok(Ok(condition)) = attempted else {
            return Err(StoreError::unavailable("still connecting"));
        };
        match condition.state {
            StoreState::Ready => Ok(()),
            StoreState::Connecting | StoreState::Away => {
                let words = condition.last_error.clone();
                Err(StoreError::unavailable(words.unwrap_or_default()))
            }
        }
    }

    pub(crate) fn health(&self) -> StoreHealth {
        let condition = self.condition.borrow().clone();
        StoreHealth {
            state: condition.state,
            age: condition.since.elapsed(),
            last_error: condition.last_error,
            place: self.settings.url.describe(),
        }
    }

    /// Somebody's call failed in a way that looks like an outage: have a look now, not at the next check.
    pub(crate) fn doubt(&self) {
        self.doubted.notify_one();
    }

    pub(crate) async fn close(&self) {
        for side in [&self.writer, &self.reader] {
            // Closing what is closed already is no failure worth telling.
            let _ = side.close_by_ref().await;
        }
    }

    fn turn(&self, state: StoreState, error: Option<String>) {
        self.condition.send_if_modified(|condition| {
            let turned = condition.state != state;
            if turned {
                condition.state = state;
                condition.since = Instant::now();
            }
            let told = error.is_some() && condition.last_error != error;
            if told {
                condition.last_error = error;
            }
            turned || told
        });
    }

    /// Reaches the database and brings its schema up to date.
    async fn prepare(&self) -> Result<(), String> {
        self.reach().await?;
        self.keep_log().await.map_err(|error| error.to_string())?;
        let migration = tollgate_migrations::migrate(&self.writer);
        match tokio::time::timeout(self.settings.call_timeout, migration).await {
            Ok(migrated) => migrated.map_err(|error| error.to_string()),
            Err(_) => Err("bringing the schema up to date took too long".to_owned()),
        }
    }

    /// Has SQLite's file keep a write-ahead log, if it does not yet. The mode stays with the file, and to ask for it is
    /// refused at once while anybody else is at work, whatever the time limit is: so no connection asks by itself, and
    /// whoever is refused looks again.
    async fn keep_log(&self) -> Result<(), DbErr> {
        match self.settings.url {
            MetadataUrl::Memory | MetadataUrl::Postgres(_) => return Ok(()),
            MetadataUrl::Sqlite(_) => {}
        }
        let until = Instant::now() + self.settings.acquire_timeout;
        loop {
            let question = Statement::from_string(DbBackend::Sqlite, "PRAGMA journal_mode");
            let found = self.writer.query_one_raw(question).await?;
            let mode: Option<String> = found.and_then(|row| row.try_get_by_index(0).ok());
            if mode.as_deref() == Some("wal") {
                return Ok(());
            }
            let switch = "PRAGMA journal_mode = WAL";
            match self.writer.execute_unprepared(switch).await {
                Err(error) if Instant::now() >= until => return Err(error),
                Ok(_) | Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// One attempt past the pool, which would hide the reason behind its own time-out.
    async fn reach(&self) -> Result<(), String> {
        match &self.settings.url {
            MetadataUrl::Memory => Ok(()),
            MetadataUrl::Sqlite(path) => private_file(path).map_err(|error| error.to_string()),
            MetadataUrl::Postgres(url) => {
                let options = url.options();
                let attempt = sqlx::PgConnection::connect_with(&options);
                match tokio::time::timeout(self.settings.acquire_timeout, attempt).await {
                    Ok(Ok(connection)) => {
                        // It answered; how the goodbye goes does not matter.
                        let _ = connection.close().await;
                        Ok(())
                    }
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err("the server did not answer in time".to_owned()),
                }
            }
        }
    }

    /// Asks a pooled connection, and the server itself when that fails.
    async fn check(&self) -> Result<(), String> {
        let ping = tokio::time::timeout(self.settings.acquire_timeout, self.reader.ping());
        match ping.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => self.reach().await,
        }
    }
}

/// Keeps a link alive until the task that runs this is aborted.
pub(crate) async fn keep(link: Arc<Link>) {
    let place = link.settings.url.describe();
    let longest = link.settings.retry_pause_max;
    let mut pause = RETRY_PAUSE_MIN;
    loop {
        match link.prepare().await {
            Ok(()) => {
                tracing::info!(store.place = %place, "metadata store is ready");
                link.turn(StoreState::Ready, None);
                pause = RETRY_PAUSE_MIN;
                let error = watch_until_lost(&link).await;
                tracing::warn!(store.place = %place, %error, "metadata store is away");
                link.turn(StoreState::Away, Some(error));
            }
            Err(error) => {
                tracing::warn!(store.place = %place, %error, "cannot reach the metadata store");
                link.turn(StoreState::Away, Some(error));
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(longest);
            }
        }
    }
}

/// Checks at every interval and whenever a call was in doubt; returns the words of the failure.
async fn watch_until_lost(link: &Link) -> String {
    loop {
        let interval = link.settings.check_interval;
        let checked = match tokio::time::timeout(interval, link.doubted.notified()).await {
            Ok(()) => link.reach().await,
            Err(_) => link.check().await,
        };
        if let Err(error) = checked {
            return error;
        }
    }
}

/// Makes the file if need be, and lets nobody but its owner read it; SQLite gives its side files the
/// same mode.
fn private_file(path: &Path) -> io::Result<()> {
    let told =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut options = fs::OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    let file = options.open(path).map_err(told)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .map_err(told)
}

/// Reading and writing pools; the same one where the engine needs no distinction.
fn pools(settings: &StoreSettings) -> (DatabaseConnection, DatabaseConnection) {
    match &settings.url {
        MetadataUrl::Postgres(url) => {
            let pool = PgPoolOptions::new()
                .max_connections(settings.connections.max(1))
                .acquire_timeout(settings.acquire_timeout)
                .connect_lazy_with(postgres_session(url.options(), settings));
            let both = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
            (both.clone(), both)
        }
        MetadataUrl::Sqlite(path) => {
            let options = sqlite_session(SqliteConnectOptions::new().filename(path), settings);
            let pool = |size: u32, options| {
                let pool = SqlitePoolOptions::new()
                    .max_connections(size)
                    .acquire_timeout(settings.acquire_timeout)
                    .connect_lazy_with(options);
                SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)
            };
            // SQLite has one writer at a time anyway; a pool of one queues fairly, its lock does not.
            let reader = pool(settings.connections.max(1), options.clone());
            (reader, pool(1, options))
        }
        MetadataUrl::Memory => {
            let options = sqlite_session(SqliteConnectOptions::new().in_memory(true), settings);
            // The data lives in this one connection: it must be alone and never be closed.
            let pool = SqlitePoolOptions::new()
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
                .acquire_timeout(settings.acquire_timeout)
                .connect_lazy_with(options);
            let both = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
            (both.clone(), both)
        }
    }
}

/// What each connection keeps of the file, in KiB (a minus sign says so): the usual two megabytes would be full of audit
/// events that nobody reads again, and the kernel keeps the file as well.
const CACHE_SIZE: &str = "-256";

fn sqlite_session(options: SqliteConnectOptions, settings: &StoreSettings) -> SqliteConnectOptions {
    options
        .pragma("cache_size", CACHE_SIZE)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(settings.acquire_timeout)
        .disable_statement_logging()
}

/// Time limits on the server's side, so that a control plane that freezes inside a transaction does not
/// hold up the others for good.
fn postgres_session(options: PgConnectOptions, settings: &StoreSettings) -> PgConnectOptions {
    let call_ms = settings.call_timeout.as_millis().to_string();
    let lock_ms = settings.acquire_timeout.as_millis().to_string();
    options
        .application_name("tollgate")
        .options([
            ("lock_timeout", lock_ms.as_str()),
            ("statement_timeout", call_ms.as_str()),
            ("idle_in_transaction_session_timeout", call_ms.as_str()),
        ])
        .disable_statement_logging()
}
