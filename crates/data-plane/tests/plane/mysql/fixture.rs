//! A data plane with one proxy in front of one throw-away MySQL or MariaDB server.

use std::ops::{Deref, DerefMut};
use std::process::Command;

use anyhow::{Result, bail};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, MySqlConnection};
use tollgate_data_plane::Reuse;
use tollgate_testkit::{MySqlKind, MySqlOptions, MySqlServer, TestCa};
use tollgate_types::{ClientPasswordAuth, Engine, IamAuth, PoolPolicy, TargetConfig};

use crate::fixture::{Served, ServerTls, Serving, target_tls};

/// The password that the server knows.
pub(crate) const PASSWORD: &str = "the password of app";

/// Both kinds of server.
pub(crate) const KINDS: [MySqlKind; 2] = [MySqlKind::MySql9, MySqlKind::MariaDb];

/// What a test wants to be different.
pub(crate) struct Setup {
    pub(crate) kind: MySqlKind,
    pub(crate) policy: PoolPolicy,
    pub(crate) iam: IamAuth,
    pub(crate) reuse: Reuse,
    pub(crate) shards: usize,
    pub(crate) server_tls: ServerTls,
    pub(crate) max_connections: u32,
}

impl Setup {
    /// A pool of `connections` whose clients have passwords.
    pub(crate) fn new(kind: MySqlKind, policy: PoolPolicy) -> Self {
        Self {
            kind,
            policy,
            iam: IamAuth::Disabled,
            reuse: Reuse::MostRecent,
            shards: 2,
            server_tls: ServerTls::Off,
            max_connections: 100,
        }
    }
}

/// Everything a test needs.
pub(crate) struct Fixture {
    pub(crate) server: MySqlServer,
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

impl Fixture {
    /// Starts it all and waits until the target is available.
    pub(crate) async fn start(setup: Setup) -> Result<Self> {
        let ca = TestCa::new()?;
        let mut options = MySqlOptions::new(setup.kind).max_connections(setup.max_connections);
        if setup.server_tls == ServerTls::Verified {
            options = options.tls(ca.server(&["127.0.0.1"])?);
        }
        let server = MySqlServer::start_with(options)?;
        server.user_create("app", PASSWORD)?;
        server.database_create("orders", "app")?;
        server.database_create("other", "app")?;
        let target = TargetConfig {
            id: "tgt-0a1b2c3d4e5f60718".parse()?,
            database: "orders-db".to_owned(),
            engine: match setup.kind {
                MySqlKind::MySql9 => Engine::Mysql,
                MySqlKind::MariaDb => Engine::Mariadb,
            },
            host: server.host().to_owned(),
            port: server.port(),
            tls: target_tls(setup.server_tls, &ca),
            generation: 1,
        };
        let plane = Served::start(Serving {
            target,
            client_password: ClientPasswordAuth::MysqlCachingSha2Password,
            policy: setup.policy,
            iam: setup.iam,
            reuse: setup.reuse,
            shards: setup.shards,
            ca,
        })
        .await?;
        Ok(Self {
            server,
            served: plane,
        })
    }

    /// How a driver connects through the proxy.
    pub(crate) fn options(&self) -> MySqlConnectOptions {
        MySqlConnectOptions::new()
            .host("127.0.0.1")
            .port(self.port)
            .username("app")
            .password(PASSWORD)
            .database("orders")
            .ssl_mode(MySqlSslMode::Disabled)
    }

    /// A connection through the proxy.
    pub(crate) async fn connect(&self) -> Result<MySqlConnection> {
        Ok(self.options().connect().await?)
    }

    /// A connection past the proxy.
    pub(crate) async fn direct(&self) -> Result<MySqlConnection> {
        let options = self.options().port(self.server.port());
        Ok(options.connect().await?)
    }

    /// The server's own client through the proxy, over TLS.
    pub(crate) fn cli(&self, password: &str, sql: &str) -> Result<String> {
        let mut command: Command = self.server.client(self.port, "app", password)?;
        let ca = self.ca_path().display().to_string();
        match self.server.kind() {
            MySqlKind::MySql9 => command.args(["--ssl-mode=VERIFY_CA", &format!("--ssl-ca={ca}")]),
            MySqlKind::MariaDb => command.args(["--ssl", &format!("--ssl-ca={ca}")]),
        };
        let output = command
            .args(["--batch", "--skip-column-names", "orders", "-e", sql])
            .output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
