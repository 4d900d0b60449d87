//! A data plane with one proxy in front of one throw-away server.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use tollgate_data_plane::{DataPlane, DecisionSink, Reuse, ServerIdentity, Settings};
use tollgate_iam::token::{MintRequest, SigningKey, mint};
use tollgate_telemetry::Metrics;
use tollgate_testkit::{ClientTls, Ports, Postgres, PostgresOptions, PostgresVersion, TestCa};
use tollgate_types::{
    AccessKeyConfig, Arn, AuthConfig, AuthDecision, ClientNetworks, ClientPasswordAuth,
    DaySigningKey, EndpointConfig, EndpointState, Engine, HealthState, IamAuth, IdentityConfig,
    PoolPolicy, PrincipalConfig, PrincipalKind, ProxyConfig, ProxyPhase, Revision, SNAPSHOT_FORMAT,
    SessionInfo, Snapshot, TargetConfig, TargetRole, TargetTls, TlsMode,
};

use crate::raw::Door;

/// Access key of the only principal.
pub(crate) const ACCESS_KEY: &str = "AKIATESTTESTTESTTEST";
const SECRET_KEY: &str = "secret-of-the-only-principal";
const REGION: &str = "us-east-1";
const PASSWORD: &str = "the password of app";

/// How long a test waits for something that must happen; nothing is asserted about the time it takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// How long clients may take to log in: hashing passwords is slow in a build without optimisation, and more so on a
/// busy machine. Tests of clients that are cut have a shorter one.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(crate) struct Decisions(pub(crate) Mutex<Vec<AuthDecision>>);

impl DecisionSink for Decisions {
    fn record(&self, decision: AuthDecision) {
        self.0.lock().push(decision);
    }
}

/// What a test wants to be different.
pub(crate) struct Setup {
    pub(crate) policy: PoolPolicy,
    pub(crate) iam: IamAuth,
    pub(crate) version: PostgresVersion,
    pub(crate) reuse: Reuse,
    pub(crate) shards: usize,
    pub(crate) server_tls: ServerTls,
    pub(crate) handshake_timeout: Duration,
}

impl Setup {
    /// PostgreSQL 15 and two shards.
    pub(crate) fn new(policy: PoolPolicy, iam: IamAuth) -> Self {
        Self {
            policy,
            iam,
            version: PostgresVersion::V15,
            reuse: Reuse::MostRecent,
            shards: 2,
            server_tls: ServerTls::Off,
            handshake_timeout: HANDSHAKE_TIMEOUT,
        }
    }
}

/// Whether server connections are encrypted; those of clients may always be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerTls {
    Off,
    Verified,
}

/// Everything a test needs.
pub(crate) struct Fixture {
    pub(crate) postgres: Postgres,
    served: Served,
}

impl Deref for Fixture {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl DerefMut for Fixture {
    fn deref_mut(&mut self) -> &mut Served {
        &mut self.served
    }
}

/// A data plane at work, whatever its target is.
pub(crate) struct Served {
    pub(crate) plane: DataPlane,
    pub(crate) snapshot: Snapshot,
    pub(crate) decisions: Arc<Decisions>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) port: u16,
    _ports: Ports,
    ca: tempfile::NamedTempFile,
}

fn provider() {
    // Several tests share a process; all but the first find it installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl Fixture {
    /// Starts it all and waits until the target is available.
    pub(crate) async fn start(policy: PoolPolicy, iam: IamAuth) -> Result<Self> {
        Self::start_as(Setup::new(policy, iam)).await
    }

    /// The same as a test wants it.
    pub(crate) async fn start_as(setup: Setup) -> Result<Self> {
        provider();
        let ca = TestCa::new()?;
        let mut options = PostgresOptions::new(setup.version);
        if setup.server_tls == ServerTls::Verified {
            options = options.tls(ca.server(&["127.0.0.1"])?);
        }
        let postgres = Postgres::start_with(options)?;
        postgres.user_create("app", PASSWORD)?;
        postgres.database_create("orders", "app")?;
        let target = TargetConfig {
            id: "tgt-0a1b2c3d4e5f60718".parse()?,
            database: "orders-db".to_owned(),
            engine: Engine::Postgres,
            host: postgres.host().to_owned(),
            port: postgres.port(),
            tls: target_tls(setup.server_tls, &ca),
            generation: 1,
        };
        let served = Served::start(Serving {
            target,
            client_password: ClientPasswordAuth::PostgresScramSha256,
            policy: setup.policy,
            iam: setup.iam,
            reuse: setup.reuse,
            shards: setup.shards,
            handshake_timeout: setup.handshake_timeout,
            ca,
        })
        .await?;
        Ok(Self { postgres, served })
    }
}

/// The policy of a target whose certificate is one of `ca`.
pub(crate) fn target_tls(server_tls: ServerTls, ca: &TestCa) -> TargetTls {
    match server_tls {
        ServerTls::Off => TargetTls {
            mode: TlsMode::Disable,
            ca_pem: None,
        },
        ServerTls::Verified => TargetTls {
            mode: TlsMode::VerifyFull,
            ca_pem: Some(ca.cert_pem().clone()),
        },
    }
}

/// What a data plane is to serve.
pub(crate) struct Serving {
    pub(crate) target: TargetConfig,
    pub(crate) client_password: ClientPasswordAuth,
    pub(crate) policy: PoolPolicy,
    pub(crate) iam: IamAuth,
    pub(crate) reuse: Reuse,
    pub(crate) shards: usize,
    pub(crate) handshake_timeout: Duration,
    pub(crate) ca: TestCa,
}

impl Served {
    /// Starts it and waits until the target is available.
    pub(crate) async fn start(serving: Serving) -> Result<Self> {
        provider();
        let ca = &serving.ca;
        let identity = ca.server(&["127.0.0.1", "localhost"])?;
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), ca.cert_pem())?;
        // Clients may run as other users.
        std::fs::set_permissions(file.path(), Permissions::from_mode(0o644))?;
        let decisions = Arc::new(Decisions::default());
        let metrics = Arc::new(Metrics::new("test"));
        let plane = DataPlane::start(Settings {
            bind: [127, 0, 0, 1].into(),
            shards: serving.shards,
            identity: ServerIdentity::from_pem(
                identity.cert_pem.as_bytes(),
                identity.key_pem.as_bytes(),
            )?,
            decisions: Arc::clone(&decisions) as _,
            metrics: Arc::clone(&metrics),
            max_client_connections: 2000,
            handshake_timeout: serving.handshake_timeout,
            reuse: serving.reuse,
        })?;
        let ports = Ports::reserve(1)?;
        let port = ports.first();
        let snapshot = snapshot(&serving, port)?;
        plane.apply(Arc::new(snapshot.clone()));
        let served = Self {
            plane,
            snapshot,
            decisions,
            metrics,
            port,
            _ports: ports,
            ca: file,
        };
        served.wait_available().await?;
        Ok(served)
    }

    pub(crate) async fn wait_available(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.plane.observations().borrow().clone();
            let listening = seen.proxies.iter().all(|p| {
                p.endpoints
                    .iter()
                    .all(|e| e.state == EndpointState::Listening)
            });
            let up = seen
                .targets
                .iter()
                .all(|t| t.health.state == HealthState::Available);
            if !seen.targets.is_empty() && listening && up {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not available: {seen:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A token for `user`.
    pub(crate) fn token(&self, user: &str) -> String {
        self.token_of_session(user, None)
    }

    /// The same of temporary credentials, whose session token may be long.
    pub(crate) fn token_of_session(&self, user: &str, session_token: Option<&str>) -> String {
        mint(&MintRequest {
            access_key_id: ACCESS_KEY,
            secret_access_key: SECRET_KEY,
            session_token,
            region: REGION,
            host: "127.0.0.1",
            port: self.port,
            db_user: user,
            now_unix: now(),
        })
    }

    /// The sessions view.
    pub(crate) async fn sessions(&self) -> Vec<SessionInfo> {
        self.plane.sessions(&self.snapshot.proxies[0].id).await
    }

    /// Applies a changed snapshot and waits until it runs.
    pub(crate) async fn change(&mut self, change: impl FnOnce(&mut Snapshot)) -> Result<()> {
        change(&mut self.snapshot);
        self.snapshot.revision.0 += 1;
        self.plane.apply(Arc::new(self.snapshot.clone()));
        let revision = self.snapshot.revision;
        let mut seen = self.plane.observations();
        let applied = seen.wait_for(|observation| observation.revision == revision);
        tokio::time::timeout(PATIENCE, applied).await??;
        Ok(())
    }

    /// The certificate that clients trust.
    pub(crate) fn ca_path(&self) -> &Path {
        self.ca.path()
    }

    /// For clients that encrypt.
    pub(crate) fn client_tls(&self) -> Result<ClientTls> {
        ClientTls::trusting(&std::fs::read_to_string(self.ca.path())?)
    }
}

impl Fixture {
    /// Runs psql and answers what it printed, or its error.
    pub(crate) fn psql(&self, password: &str, sslmode: &str, sql: &str) -> Result<String> {
        let dsn = format!(
            "host=127.0.0.1 port={} user=app dbname=orders sslmode={sslmode} sslrootcert={}",
            self.port,
            self.ca.path().display()
        );
        let output = Command::new("psql")
            .args([
                "-X",
                "-A",
                "-t",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-v",
                "VERBOSITY=verbose",
                "-c",
                sql,
                &dsn,
            ])
            .env("PGPASSWORD", password)
            .env("PGCONNECT_TIMEOUT", "20")
            .output()
            .context("psql")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A plain connection with the password; the driver task ends with it.
    pub(crate) async fn connect(&self) -> Result<Client> {
        self.connect_with("").await
    }

    /// The same with more of a connection string.
    pub(crate) async fn connect_with(&self, more: &str) -> Result<Client> {
        let dsn = format!(
            "host=127.0.0.1 port={} user=app dbname=orders password='{PASSWORD}' sslmode=disable {more}",
            self.port
        );
        let (client, connection) = tokio_postgres::connect(&dsn, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// The password that the server knows.
    pub(crate) fn password() -> &'static str {
        PASSWORD
    }

    /// Where and as whom a raw client logs in.
    pub(crate) fn door(&self) -> Door {
        Door::new(self.port, "orders")
    }
}

/// The first column of the first row of a simple query.
pub(crate) async fn ask(client: &Client, sql: &str) -> Result<String> {
    let messages = client.simple_query(sql).await?;
    Ok(first_value(&messages).unwrap_or_default())
}

/// The first column of the first row.
pub(crate) fn first_value(messages: &[SimpleQueryMessage]) -> Option<String> {
    messages.iter().find_map(|message| {
        let SimpleQueryMessage::Row(row) = message else {
            return None;
        };
        row.get(0).map(str::to_owned)
    })
}

/// The SQLSTATE of a failed query.
pub(crate) fn state<T>(result: &Result<T, tokio_postgres::Error>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error
            .code()
            .map_or_else(|| error.to_string(), |code| code.code().to_owned()),
    }
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

fn snapshot(serving: &Serving, port: u16) -> Result<Snapshot> {
    let iam = serving.iam;
    let proxy = ProxyConfig {
        id: "prx-0a1b2c3d4e5f60718".parse()?,
        name: "orders".to_owned(),
        generation: 1,
        engine_family: serving.target.engine.family(),
        require_tls: iam == IamAuth::Required,
        idle_client_timeout_s: 1800,
        auth: vec![AuthConfig {
            secret_name: "orders-app".to_owned(),
            secret_version: "1".to_owned(),
            iam,
            client_password: serving.client_password,
            username: "app".to_owned(),
            passwords: vec![PASSWORD.into()],
        }],
        endpoints: vec![EndpointConfig {
            name: "default".to_owned(),
            target_role: TargetRole::ReadWrite,
            host: "127.0.0.1".to_owned(),
            aliases: Vec::new(),
            port,
            admitted: ClientNetworks::everybody(),
        }],
        pool: serving.policy.clone(),
        targets: vec![serving.target.clone()],
        tags: BTreeMap::new(),
        phase: ProxyPhase::Serving,
    };
    Ok(Snapshot {
        format: SNAPSHOT_FORMAT,
        revision: Revision(1),
        created_unix: now(),
        arn: Arn {
            region: REGION.to_owned(),
            account_id: "000000000000".to_owned(),
        },
        proxies: vec![proxy],
        identity: identity(),
    })
}

fn identity() -> IdentityConfig {
    let principal = PrincipalConfig {
        id: "AIDATEST".to_owned(),
        arn: "arn:aws:iam::000000000000:root".to_owned(),
        name: "root".to_owned(),
        kind: PrincipalKind::Root,
        tags: BTreeMap::new(),
        policies: Vec::new(),
    };
    let date = chrono::Utc::now().format("%Y%m%d").to_string();
    let key = SigningKey::derive(SECRET_KEY, &date, REGION, "rds-db");
    IdentityConfig {
        access_keys: vec![AccessKeyConfig {
            access_key_id: ACCESS_KEY.to_owned(),
            principal_id: principal.id.clone(),
            active: true,
            signing_keys: vec![DaySigningKey {
                date,
                region: REGION.to_owned(),
                key_hex: key.to_hex().as_str().into(),
            }],
        }],
        principals: vec![principal],
        ..IdentityConfig::default()
    }
}
