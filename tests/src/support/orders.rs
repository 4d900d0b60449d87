//! The proxy `orders`: a user `fn` with an access key may connect as database user `app`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio_postgres::{Client, Config, config::SslMode};
use tollgate_iam::token::{MintRequest, mint};
use tollgate_testkit::{
    Api, ChaosLink, ClientTls, HostAuth, Postgres, PostgresOptions, PostgresVersion,
    ScriptedClient, Tollgate, TollgateOptions,
};

/// The password of database user `app`; no client of the proxy ever knows it.
pub(crate) const APP_PASSWORD: &str = "App-pw-81d4fae7dec1";

/// An access key of an IAM user.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// How the server sees the world between it and Tollgate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    Direct,
    ThroughLink,
}

/// What the fixture should be like.
pub(crate) struct Setup {
    pub(crate) postgres: PostgresOptions,
    pub(crate) tollgate: TollgateOptions,
    pub(crate) pool: Value,
    pub(crate) proxy: Value,
    pub(crate) target_tls: Value,
    pub(crate) path: Path,
}

impl Setup {
    pub(crate) fn new(version: PostgresVersion) -> Self {
        Self {
            postgres: PostgresOptions::new(version),
            tollgate: TollgateOptions::default(),
            pool: json!({}),
            proxy: json!({
                "name": "orders", "engineFamily": "POSTGRESQL", "requireTls": true,
                "auth": [{"secret": "orders-app", "iamAuth": "REQUIRED"}],
            }),
            target_tls: json!({"mode": "prefer"}),
            path: Path::Direct,
        }
    }

    /// The newest version on the machine.
    pub(crate) fn newest() -> Result<Self> {
        Ok(Self::new(PostgresVersion::newest()?))
    }

    /// At most `size` server connections.
    pub(crate) fn pool_size(mut self, size: u32) -> Self {
        self.pool["maximumPoolSize"] = json!(size);
        self
    }

    /// Another pool setting.
    pub(crate) fn pool(mut self, name: &str, value: Value) -> Self {
        self.pool[name] = value;
        self
    }

    /// Another proxy setting.
    pub(crate) fn proxy(mut self, name: &str, value: Value) -> Self {
        self.proxy[name] = value;
        self
    }

    /// Clients log in with passwords, checked as `kind` says.
    pub(crate) fn passwords(self, kind: &str) -> Self {
        let rule = json!([{
            "secret": "orders-app", "iamAuth": "DISABLED", "clientPasswordAuthType": kind,
        }]);
        self.proxy("auth", rule)
    }

    pub(crate) fn server_auth(mut self, auth: HostAuth) -> Self {
        self.postgres = self.postgres.auth(auth);
        self
    }

    pub(crate) fn through_link(mut self) -> Self {
        self.path = Path::ThroughLink;
        self
    }

    /// Starts everything and waits until the target is available.
    pub(crate) async fn start(self) -> Result<Orders> {
        let orders = self.start_without_target().await?;
        orders.wait_for_target("AVAILABLE").await?;
        Ok(orders)
    }

    /// Starts everything and waits for the proxy only.
    pub(crate) async fn start_without_target(self) -> Result<Orders> {
        let postgres = Postgres::start_with(self.postgres)?;
        postgres.user_create("app", APP_PASSWORD)?;
        postgres.database_create("orders", "app")?;
        let link = match self.path {
            Path::Direct => None,
            Path::ThroughLink => Some(ChaosLink::start(postgres.port())?),
        };
        let tollgate = Tollgate::start_with(self.tollgate)?;
        let api = tollgate.api()?;
        let function = function_user(&api).await?;
        let port = link.as_ref().map_or(postgres.port(), ChaosLink::port);
        let database = json!({
            "name": "orders-db", "engine": "postgres", "host": "127.0.0.1", "port": port,
            "tls": self.target_tls,
        });
        api.post("/v1/databases", &database).await?.expect(201)?;
        let secret = json!({"name": "orders-app", "username": "app", "password": APP_PASSWORD});
        api.post("/v1/secrets", &secret).await?.expect(201)?;
        api.post("/v1/proxies", &self.proxy).await?.expect(201)?;
        if self.pool != json!({}) {
            let group = "/v1/proxies/orders/target-groups/default";
            api.patch(group, &self.pool).await?.expect(200)?;
        }
        let target = json!({"database": "orders-db"});
        api.post("/v1/proxies/orders/targets", &target)
            .await?
            .expect(201)?;
        let tls = tollgate.client_tls()?;
        let mut orders = Orders {
            proxy_id: String::new(),
            port: 0,
            tls,
            function,
            api,
            tollgate,
            link,
            postgres,
        };
        orders.wait_until_available().await?;
        Ok(orders)
    }
}

/// Makes user `fn` with a key and a policy for every proxy and the database user `app`.
pub(super) async fn function_user(api: &Api) -> Result<Key> {
    api.post("/v1/iam/users", &json!({"name": "fn"}))
        .await?
        .expect(201)?;
    let policy = json!({"name": "connect-orders", "document": connect_policy("app")});
    api.post("/v1/iam/policies", &policy).await?.expect(201)?;
    let attached = api
        .put("/v1/iam/users/fn/policies/connect-orders", &json!({}))
        .await?;
    anyhow::ensure!(attached.status.is_success(), "attaching: {}", attached.text);
    Key::create(api, "fn").await
}

/// An identity policy that lets its owner connect to any proxy as this database user.
pub(crate) fn connect_policy(db_user: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Connect", "Effect": "Allow", "Action": "rds-db:connect",
        "Resource": format!("arn:aws:rds-db:us-east-1:000000000000:dbuser:*/{db_user}"),
    }]})
}

impl Key {
    /// Makes one more access key for a user.
    pub(crate) async fn create(api: &Api, user: &str) -> Result<Self> {
        let path = format!("/v1/iam/users/{user}/access-keys");
        let made = api.post(&path, &json!({})).await?.expect(201)?;
        let text = |name: &str| made[name].as_str().map(str::to_owned);
        Ok(Self {
            id: text("accessKeyId").context("no accessKeyId")?,
            secret: text("secretAccessKey").context("no secretAccessKey")?,
        })
    }
}

/// A running proxy with everything around it.
pub(crate) struct Orders {
    pub(crate) proxy_id: String,
    /// The endpoint's port.
    pub(crate) port: u16,
    pub(crate) tls: ClientTls,
    pub(crate) function: Key,
    pub(crate) api: Api,
    pub(crate) tollgate: Tollgate,
    pub(crate) link: Option<ChaosLink>,
    pub(crate) postgres: Postgres,
}

impl Orders {
    /// The plain case: newest PostgreSQL, IAM, TLS required.
    pub(crate) async fn start() -> Result<Self> {
        Setup::newest()?.start().await
    }

    /// Waits for the proxy, and learns the proxy's id and port.
    pub(crate) async fn wait_until_available(&mut self) -> Result<()> {
        let path = "/v1/proxies/orders?waitFor=available&timeout=60s";
        let proxy = self.api.get(path).await?.expect(200)?;
        anyhow::ensure!(proxy["status"] == "available", "not available: {proxy}");
        self.proxy_id = proxy["id"].as_str().context("no id")?.to_owned();
        let port = proxy["endpoints"][0]["port"].as_u64().context("no port")?;
        self.port = u16::try_from(port)?;
        Ok(())
    }

    /// Waits until the only target's health is `state`, and returns the health.
    pub(crate) async fn wait_for_target(&self, state: &str) -> Result<Value> {
        let targets = self
            .api
            .until("/v1/proxies/orders/targets", super::PATIENCE, |body| {
                body["items"][0]["health"]["state"] == state
            })
            .await?;
        Ok(targets["items"][0]["health"].clone())
    }

    /// A fresh token of user `fn` for database user `app`.
    pub(crate) fn token(&self) -> String {
        self.token_of(&self.function, |_| {})
    }

    /// A token of another key, or one that `change` spoils.
    pub(crate) fn token_of<'a>(
        &'a self,
        key: &'a Key,
        change: impl FnOnce(&mut MintRequest<'a>),
    ) -> String {
        let mut request = MintRequest {
            access_key_id: &key.id,
            secret_access_key: &key.secret,
            session_token: None,
            region: "us-east-1",
            host: "127.0.0.1",
            port: self.port,
            db_user: "app",
            now_unix: now_unix(),
        };
        change(&mut request);
        mint(&request)
    }

    /// What tokio-postgres needs to log in with a fresh token.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.port)
            .user("app")
            .dbname("orders")
            .password(self.token())
            .ssl_mode(SslMode::Require);
        config
    }

    /// A logged-in client.
    pub(crate) async fn connect(&self) -> Result<Client> {
        self.connect_as(&self.config()).await
    }

    /// A client logged in as `config` says.
    pub(crate) async fn connect_as(&self, config: &Config) -> Result<Client> {
        let (client, connection) = config.connect(self.tls.clone()).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A raw client that has logged in with a token.
    pub(crate) async fn scripted(&self) -> Result<ScriptedClient> {
        let mut client = ScriptedClient::tls(self.port, &self.tls).await?;
        client.login("app", "orders", &self.token()).await?;
        Ok(client)
    }

    /// The rows of the sessions view.
    pub(crate) async fn sessions(&self) -> Result<Vec<Value>> {
        let body = self
            .api
            .get("/v1/proxies/orders/sessions")
            .await?
            .expect(200)?;
        Ok(body["items"].as_array().cloned().unwrap_or_default())
    }

    /// The Prometheus page.
    pub(crate) async fn metrics(&self) -> Result<String> {
        let reply = self.api.anonymous("/metrics").await?;
        anyhow::ensure!(reply.status.is_success(), "/metrics: {}", reply.text);
        Ok(reply.text)
    }
}

/// Seconds since the epoch.
pub(crate) fn now_unix() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
