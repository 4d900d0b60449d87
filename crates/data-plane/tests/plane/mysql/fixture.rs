//! A data plane with one proxy in front of one throw-away MySQL or MariaDB server.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, MySqlConnection};
use tollgate_data_plane::Reuse;
use tollgate_testkit::{ChaosLink, LinkMode, MySqlKind, MySqlOptions, MySqlServer, TestCa};
use tollgate_types::{ClientPasswordAuth, Engine, IamAuth, PoolPolicy, TargetConfig};

use super::forger::Forger;
use crate::fixture::{HANDSHAKE_TIMEOUT, Served, ServerTls, Serving, target_tls};

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
    pub(crate) way: Way,
}

/// How the bytes of server connections travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Straight,
    /// In writes of one byte, in both directions.
    Bytes,
    /// The server seems to say one thing in the place of another of the same length.
    Forged(&'static [u8], &'static [u8]),
}

/// What carries them, if not the machine itself.
enum Carrier {
    Nobody,
    Chaos { _link: ChaosLink },
    Forger { _link: Forger },
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
            way: Way::Straight,
        }
    }
}

/// Everything a test needs.
pub(crate) struct Fixture {
    pub(crate) server: MySqlServer,
    served: Served,
    _carrier: Carrier,
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
        let (carrier, port) = carrier(setup.way, server.port()).await?;
        let target = TargetConfig {
            id: "tgt-0a1b2c3d4e5f60718".parse()?,
            database: "orders-db".to_owned(),
            engine: match setup.kind {
                MySqlKind::MySql9 => Engine::Mysql,
                MySqlKind::MariaDb => Engine::Mariadb,
            },
            host: server.host().to_owned(),
            port,
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
            handshake_timeout: HANDSHAKE_TIMEOUT,
            ca,
        })
        .await?;
        Ok(Self {
            server,
            served: plane,
            _carrier: carrier,
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
        self.cli_trusting(self.ca_path(), password, sql)
    }

    /// The same for a client that trusts this authority.
    pub(crate) fn cli_trusting(&self, ca: &Path, password: &str, sql: &str) -> Result<String> {
        let ca = format!("--ssl-ca={}", ca.display());
        let options = match self.server.kind() {
            MySqlKind::MySql9 => ["--ssl-mode=VERIFY_CA", &ca],
            MySqlKind::MariaDb => ["--ssl-verify-server-cert", &ca],
        };
        self.cli_with(&options, password, sql)
    }

    /// The same without TLS.
    pub(crate) fn cli_in_the_clear(&self, password: &str, sql: &str) -> Result<String> {
        let option = match self.server.kind() {
            MySqlKind::MySql9 => "--ssl-mode=DISABLED",
            MySqlKind::MariaDb => "--skip-ssl",
        };
        self.cli_with(&[option], password, sql)
    }

    fn cli_with(&self, options: &[&str], password: &str, sql: &str) -> Result<String> {
        let mut command: Command = self.server.client(self.port, "app", password)?;
        command.args(options);
        let output = command
            .args(["--batch", "--skip-column-names", "orders", "-e", sql])
            .output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

async fn carrier(way: Way, port: u16) -> Result<(Carrier, u16)> {
    match way {
        Way::Straight => Ok((Carrier::Nobody, port)),
        Way::Bytes => {
            let link = ChaosLink::start(port)?;
            link.set(LinkMode::ByteAtATime);
            let port = link.port();
            Ok((Carrier::Chaos { _link: link }, port))
        }
        Way::Forged(said, heard) => {
            let forger = Forger::start(port, (said, heard)).await?;
            let port = forger.port;
            Ok((Carrier::Forger { _link: forger }, port))
        }
    }
}
