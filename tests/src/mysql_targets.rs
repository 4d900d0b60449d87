//! MYSQL proxies over REST, in front of real MySQL and MariaDB servers: health, roles and what is refused.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tollgate_testkit::{Api, MySqlKind, MySqlOptions, MySqlServer, Ports, TestCa, Tollgate};

use crate::support::{APP_PASSWORD, PATIENCE};

/// The servers of the machine.
fn kinds() -> impl Iterator<Item = MySqlKind> {
    MySqlKind::ALL.into_iter().filter(|kind| kind.available())
}

/// What the API calls this server.
fn engine(kind: MySqlKind) -> &'static str {
    match kind {
        MySqlKind::MySql9 => "mysql",
        MySqlKind::MariaDb => "mariadb",
    }
}

/// A server with user `app`.
fn server(options: MySqlOptions) -> Result<MySqlServer> {
    let server = MySqlServer::start_with(options)?;
    server.user_create("app", APP_PASSWORD)?;
    Ok(server)
}

/// Tollgate with a secret, and proxies for one target each.
struct Shop {
    api: Api,
    _tollgate: Tollgate,
}

impl Shop {
    /// With this password for user `app`.
    async fn start(password: &str) -> Result<Self> {
        let tollgate = Tollgate::start()?;
        let api = tollgate.api()?;
        let secret = json!({"name": "shop-app", "username": "app", "password": password});
        api.post("/v1/secrets", &secret).await?.expect(201)?;
        Ok(Self {
            api,
            _tollgate: tollgate,
        })
    }

    /// Makes a proxy and registers the database with it, both with this name.
    async fn proxy(&self, name: &str, database: &Value) -> Result<()> {
        let mut database = database.clone();
        database["name"] = json!(name);
        let proxy = json!({
            "name": name, "engineFamily": "MYSQL", "requireTls": true,
            "auth": [{"secret": "shop-app", "iamAuth": "REQUIRED"}],
        });
        self.api
            .post("/v1/databases", &database)
            .await?
            .expect(201)?;
        self.api.post("/v1/proxies", &proxy).await?.expect(201)?;
        let targets = format!("/v1/proxies/{name}/targets");
        let target = json!({"database": name});
        self.api.post(&targets, &target).await?.expect(201)?;
        Ok(())
    }

    /// Waits until the health of the proxy's only target fits, and returns it.
    async fn health(&self, proxy: &str, fits: impl Fn(&Value) -> bool) -> Result<Value> {
        let path = format!("/v1/proxies/{proxy}/targets");
        let body = self
            .api
            .until(&path, PATIENCE, |body| fits(&body["items"][0]["health"]))
            .await?;
        Ok(body["items"][0]["health"].clone())
    }
}

fn place(kind: MySqlKind, port: u16, tls: &Value) -> Value {
    json!({"engine": engine(kind), "host": "127.0.0.1", "port": port, "tls": tls})
}

#[tokio::test]
async fn targets_of_both_engines_become_available() -> Result<()> {
    for kind in kinds() {
        let server = server(MySqlOptions::new(kind).max_connections(50))?;
        let shop = Shop::start(APP_PASSWORD).await?;
        let database = place(kind, server.port(), &json!({"mode": "disable"}));
        shop.proxy("shop", &database).await?;
        let health = shop
            .health("shop", |health| health["state"] == "AVAILABLE")
            .await?;
        for step in ["dns", "tcp", "auth", "role"] {
            assert_eq!(health["checks"][step]["outcome"], "ok", "{step}: {health}");
        }
        assert_eq!(health["checks"]["tls"]["outcome"], "skipped", "{health}");
        assert_eq!(health["role"], "READ_WRITE");
        assert_eq!(health["maxConnections"], 50);
        let version = server.superuser_sql("mysql", "SELECT version()")?;
        assert_eq!(health["serverVersion"], json!(version));
        let proxy = shop.api.get("/v1/proxies/shop").await?.expect(200)?;
        let found = proxy["conditions"].as_array().and_then(|conditions| {
            let mut conditions = conditions.iter();
            conditions.find(|condition| condition["type"] == "TargetsAvailable")
        });
        assert_eq!(found.context("no condition")?["status"], "True", "{proxy}");
    }
    Ok(())
}

#[tokio::test]
async fn health_names_the_step_that_failed_and_the_servers_words() -> Result<()> {
    for kind in kinds() {
        let server = server(MySqlOptions::new(kind))?;
        let shop = Shop::start("not the password").await?;
        let nobody = Ports::reserve(1)?;
        let (off, on) = (json!({"mode": "disable"}), json!({"mode": "require"}));
        let mut nowhere = place(kind, 3306, &off);
        nowhere["host"] = json!("no-such-host.invalid");
        let cases = [
            ("nowhere", nowhere, "dns", "UNREACHABLE"),
            (
                "closed",
                place(kind, nobody.first(), &off),
                "tcp",
                "UNREACHABLE",
            ),
            (
                "no-tls",
                place(kind, server.port(), &on),
                "tls",
                "CONNECTION_FAILED",
            ),
            (
                "refused",
                place(kind, server.port(), &off),
                "auth",
                "AUTH_FAILURE",
            ),
        ];
        for (name, database, step, reason) in cases {
            shop.proxy(name, &database).await?;
            let health = shop
                .health(name, |health| health["state"] == "UNAVAILABLE")
                .await?;
            assert_eq!(health["failedStep"], step, "{kind:?} {health}");
            assert_eq!(health["reason"], reason, "{kind:?} {health}");
            assert_eq!(health["checks"][step]["outcome"], "failed", "{health}");
            let words = health["description"].as_str().unwrap_or_default();
            assert!(
                step != "auth" || words.contains("Access denied for user 'app'"),
                "{health}"
            );
        }
        let value = json!({"username": "app", "password": APP_PASSWORD});
        let path = "/v1/secrets/shop-app/value";
        let put = shop.api.put(path, &value).await?;
        assert!(put.status.is_success(), "{}", put.text);
        shop.health("refused", |health| health["state"] == "AVAILABLE")
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn targets_are_reached_as_strictly_as_the_operator_says() -> Result<()> {
    let (ca, stranger) = (TestCa::new()?, TestCa::new()?);
    for kind in kinds() {
        let server = server(MySqlOptions::new(kind).tls(ca.server(&["127.0.0.1"])?))?;
        let shop = Shop::start(APP_PASSWORD).await?;
        for (name, mode, trusted, works) in [
            ("full", "verify-full", &ca, true),
            ("chain", "verify-ca", &ca, true),
            ("stranger", "verify-ca", &stranger, false),
            ("any", "require", &stranger, true),
        ] {
            let tls = json!({"mode": mode, "caPem": trusted.cert_pem()});
            shop.proxy(name, &place(kind, server.port(), &tls)).await?;
            let (state, outcome) = if works {
                ("AVAILABLE", "ok")
            } else {
                ("UNAVAILABLE", "failed")
            };
            let health = shop.health(name, |health| health["state"] == state).await?;
            assert_eq!(health["checks"]["tls"]["outcome"], outcome, "{health}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_read_only_server_is_a_reader_until_it_is_not() -> Result<()> {
    for kind in kinds() {
        let server = server(MySqlOptions::new(kind).setting("read_only", "ON"))?;
        let shop = Shop::start(APP_PASSWORD).await?;
        let database = place(kind, server.port(), &json!({"mode": "disable"}));
        shop.proxy("shop", &database).await?;
        shop.health("shop", |health| health["role"] == "READ_ONLY")
            .await?;
        server.superuser_sql("mysql", "SET GLOBAL read_only = OFF")?;
        let health = shop
            .health("shop", |health| health["role"] == "READ_WRITE")
            .await?;
        assert_eq!(health["state"], "AVAILABLE", "{kind:?} {health}");
    }
    Ok(())
}

#[tokio::test]
async fn defaults_are_those_of_the_family_and_other_families_are_refused() -> Result<()> {
    let shop = Shop::start(APP_PASSWORD).await?;
    for kind in MySqlKind::ALL {
        let name = engine(kind);
        let database = json!({"name": name, "engine": name, "host": "db.invalid"});
        let made = shop.api.post("/v1/databases", &database).await?;
        assert_eq!(made.expect(201)?["port"], 3306);
    }
    let proxy = json!({"name": "shop", "engineFamily": "MYSQL", "auth": [{"secret": "shop-app"}]});
    let made = shop.api.post("/v1/proxies", &proxy).await?.expect(201)?;
    let way = &made["auth"][0]["clientPasswordAuthType"];
    assert_eq!(way, "MYSQL_CACHING_SHA2_PASSWORD");
    let other = json!({
        "name": "other", "engineFamily": "MYSQL",
        "auth": [{"secret": "shop-app", "clientPasswordAuthType": "POSTGRES_SCRAM_SHA_256"}],
    });
    let refused = shop.api.post("/v1/proxies", &other).await?;
    assert_eq!(refused.status.as_u16(), 400, "{}", refused.text);
    let pointer = &refused.json["errors"][0]["pointer"];
    assert_eq!(pointer, "/auth/0/clientPasswordAuthType");
    let postgres = json!({"name": "orders-db", "engine": "postgres", "host": "db.invalid"});
    shop.api
        .post("/v1/databases", &postgres)
        .await?
        .expect(201)?;
    let target = json!({"database": "orders-db"});
    let refused = shop.api.post("/v1/proxies/shop/targets", &target).await?;
    assert_eq!(refused.status.as_u16(), 409, "{}", refused.text);
    assert_eq!(refused.json["code"], "ENGINE_MISMATCH");
    Ok(())
}
