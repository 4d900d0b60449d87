//! The proxy `orders` in front of MySQL or MariaDB: user `fn` may connect as database user `app`.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tollgate_iam::token::{MintRequest, mint};
use tollgate_testkit::{Api, MySqlKind, MySqlOptions, MySqlServer, TestCa, Tollgate};

use super::orders::{APP_PASSWORD, Key, function_user, now_unix};

/// A running proxy with everything around it; the server offers TLS itself.
pub(crate) struct MySqlOrders {
    /// The endpoint's port.
    pub(crate) port: u16,
    pub(crate) function: Key,
    pub(crate) api: Api,
    pub(crate) tollgate: Tollgate,
    pub(crate) server: MySqlServer,
    /// Certificates that every account of the machine can read.
    authorities: tempfile::TempDir,
}

impl MySqlOrders {
    /// A pool of `connections` for the databases `orders`, `other` and, for comparison, `direct`.
    pub(crate) async fn start(options: MySqlOptions, connections: u32) -> Result<Self> {
        let authority = TestCa::new()?;
        let server = MySqlServer::start_with(options.tls(authority.server(&["127.0.0.1"])?))?;
        server.user_create("app", APP_PASSWORD)?;
        for database in ["orders", "other", "direct"] {
            server.database_create(database, "app")?;
        }
        let tollgate = Tollgate::start()?;
        let api = tollgate.api()?;
        let function = function_user(&api).await?;
        let engine = match server.kind() {
            MySqlKind::MySql9 => "mysql",
            MySqlKind::MariaDb => "mariadb",
        };
        let database = json!({
            "name": "orders-db", "engine": engine, "host": "127.0.0.1", "port": server.port(),
            "tls": {"mode": "verify-full", "caPem": authority.cert_pem()},
        });
        api.post("/v1/databases", &database).await?.expect(201)?;
        let secret = json!({"name": "orders-app", "username": "app", "password": APP_PASSWORD});
        api.post("/v1/secrets", &secret).await?.expect(201)?;
        let proxy = json!({
            "name": "orders", "engineFamily": "MYSQL", "requireTls": true,
            "auth": [{"secret": "orders-app", "iamAuth": "REQUIRED"}],
        });
        api.post("/v1/proxies", &proxy).await?.expect(201)?;
        let pool = json!({"maximumPoolSize": connections});
        api.patch("/v1/proxies/orders/target-groups/default", &pool)
            .await?
            .expect(200)?;
        let target = json!({"database": "orders-db"});
        api.post("/v1/proxies/orders/targets", &target)
            .await?
            .expect(201)?;
        let authorities = tempfile::tempdir()?;
        readable(authorities.path(), 0o755)?;
        for (name, pem) in [
            ("server.pem", authority.cert_pem()),
            ("tollgate.pem", std::fs::read_to_string(tollgate.ca_file())?),
        ] {
            let file = authorities.path().join(name);
            std::fs::write(&file, pem)?;
            readable(&file, 0o644)?;
        }
        let port = available(&api).await?;
        Ok(Self {
            port,
            function,
            api,
            tollgate,
            server,
            authorities,
        })
    }

    /// The file with the authority of the server's own certificate.
    pub(crate) fn server_ca(&self) -> PathBuf {
        self.authorities.path().join("server.pem")
    }

    /// The file with the authority of the proxy's certificate.
    pub(crate) fn proxy_ca(&self) -> PathBuf {
        self.authorities.path().join("tollgate.pem")
    }

    /// A fresh token of user `fn` for database user `app`.
    pub(crate) fn token(&self) -> String {
        mint(&MintRequest {
            access_key_id: &self.function.id,
            secret_access_key: &self.function.secret,
            session_token: None,
            region: "us-east-1",
            host: "127.0.0.1",
            port: self.port,
            db_user: "app",
            now_unix: now_unix(),
        })
    }
}

fn readable(path: &Path, mode: u32) -> Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .with_context(|| format!("letting everybody read {}", path.display()))
}

/// Waits for proxy and target; returns the endpoint's port.
async fn available(api: &Api) -> Result<u16> {
    let path = "/v1/proxies/orders?waitFor=available&timeout=60s";
    let proxy = api.get(path).await?.expect(200)?;
    ensure!(proxy["status"] == "available", "not available: {proxy}");
    api.until("/v1/proxies/orders/targets", super::PATIENCE, |body| {
        body["items"][0]["health"]["state"] == "AVAILABLE"
    })
    .await?;
    let port = proxy["endpoints"][0]["port"].as_u64();
    u16::try_from(port.context("no port")?).context("a port that is none")
}
