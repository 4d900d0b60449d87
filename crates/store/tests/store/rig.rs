//! What every case starts from: an empty database of one of the engines, and specimens of resources.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tollgate_store::{
    AuthRule, Begun, MetadataUrl, NewDatabase, NewProxy, NewSecret, NewSecretVersion, NewTarget,
    ProxyNetwork, SecretFormat, Store, StoreError, StoreSettings, StoreState, Tags, Write,
    WriteContext,
};
use tollgate_testkit::{Postgres, PostgresVersion};
use tollgate_types::{
    ClientPasswordAuth, Engine, EngineFamily, IamAuth, PoolPolicy, ProxyId, TargetId, TargetTls,
};

/// The moment at which specimens are made.
pub(crate) const NOW: i64 = 1_790_000_000;

/// How long a test waits for something that must happen; nothing is asserted about the time it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A store on an empty database, and what must live as long.
pub(crate) struct Rig {
    pub(crate) store: Store,
    pub(crate) settings: StoreSettings,
    _place: Place,
}

enum Place {
    Folder { _folder: tempfile::TempDir },
    Server { _server: Arc<Postgres> },
}

/// Tests that run at the same time share one server; the last one ends it.
static SERVER: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Rig {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metadata.db");
        let url = MetadataUrl::Sqlite(path);
        Self::open(url, Place::Folder { _folder: folder })
    }

    pub(crate) fn postgres() -> Self {
        let server = shared_server();
        let name = format!("meta_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        server.database_create(&name, "postgres").unwrap();
        let url = server.superuser_url(&name).parse().unwrap();
        Self::open(url, Place::Server { _server: server })
    }

    fn open(url: MetadataUrl, place: Place) -> Self {
        let mut settings = StoreSettings::new(url);
        // The machine may be busy; a case that needs impatience sets it itself.
        settings.acquire_timeout = PATIENCE;
        settings.call_timeout = PATIENCE;
        Self {
            store: Store::open(settings.clone()),
            settings,
            _place: place,
        }
    }

    /// Another store on the same database, as another control plane would have it.
    pub(crate) fn second(&self) -> Store {
        Store::open(self.settings.clone())
    }

    /// A write without an idempotency key.
    pub(crate) async fn write(&self) -> Write {
        self.store.begin_at(NOW).await.unwrap()
    }
}

fn shared_server() -> Arc<Postgres> {
    let mut shared = SERVER.lock();
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let version = PostgresVersion::newest().unwrap();
    let server = Arc::new(Postgres::start(version).unwrap());
    *shared = Arc::downgrade(&server);
    server
}

/// Waits until the store is in this state.
pub(crate) async fn wait_for(store: &Store, state: StoreState) {
    let until = tokio::time::Instant::now() + PATIENCE;
    while store.health().state != state {
        assert!(
            tokio::time::Instant::now() < until,
            "still {:?}",
            store.health()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The transaction of a write that is not a repetition.
pub(crate) async fn fresh(store: &Store, context: WriteContext) -> Result<Write, StoreError> {
    match store.begin(context).await? {
        Begun::Fresh(write) => Ok(write),
        Begun::Replay(answer) => panic!("a repetition: {answer:?}"),
    }
}

pub(crate) fn proxy_id(number: u8) -> ProxyId {
    ProxyId::from_random(&[number; 17])
}

pub(crate) fn target_id(number: u8) -> TargetId {
    TargetId::from_random(&[number; 17])
}

pub(crate) fn tags(pairs: &[(&str, &str)]) -> Tags {
    let owned = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    owned.collect()
}

pub(crate) fn database(name: &str) -> NewDatabase {
    NewDatabase {
        id: format!("db-{name}"),
        name: name.to_owned(),
        engine: Engine::Postgres,
        host: "10.0.0.5".to_owned(),
        port: 5432,
        tls: TargetTls::default(),
        tags: Tags::new(),
    }
}

pub(crate) fn version(id: &str, username: &str) -> NewSecretVersion {
    NewSecretVersion {
        id: id.to_owned(),
        username: Some(username.to_owned()),
        format: SecretFormat::Text,
        sealed: format!("sealed {id}"),
    }
}

pub(crate) fn secret(name: &str) -> NewSecret {
    NewSecret {
        id: format!("sec-{name}"),
        name: name.to_owned(),
        description: String::new(),
        kms_key_id: None,
        create_token: None,
        version: Some(version(&format!("{name}-1"), "app")),
        tags: Tags::new(),
    }
}

pub(crate) fn rule(secret: &str) -> AuthRule {
    AuthRule {
        secret: secret.to_owned(),
        secret_arn: None,
        user_name: None,
        iam_auth: IamAuth::Required,
        client_password_auth_type: ClientPasswordAuth::PostgresScramSha256,
        description: String::new(),
    }
}

pub(crate) fn proxy(number: u8, name: &str) -> NewProxy {
    NewProxy {
        id: proxy_id(number),
        name: name.to_owned(),
        engine_family: EngineFamily::Postgresql,
        require_tls: true,
        idle_client_timeout_s: 1800,
        auth: vec![rule("orders-app")],
        pool: PoolPolicy::default(),
        endpoint_id: format!("ep-{number}"),
        endpoint_ports: 7500..=7599,
        tags: Tags::new(),
        role_arn: None,
        debug_logging_since: None,
        network: ProxyNetwork::default(),
    }
}

pub(crate) fn target(number: u8, database: &str) -> NewTarget {
    NewTarget {
        id: target_id(number),
        database: database.to_owned(),
    }
}
