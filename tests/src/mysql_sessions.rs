//! SQL through MYSQL proxies: the command lines that people know, tokens and passwords, right and wrong.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_iam::token::{MintRequest, mint};
use tollgate_testkit::{Api, LoginPlugin, MySqlKind, MySqlOptions, MySqlServer, Tollgate};

use crate::support::{APP_PASSWORD, PATIENCE, connect_policy, correlation_id, now_unix};

/// The servers of the machine.
fn kinds() -> impl Iterator<Item = MySqlKind> {
    MySqlKind::ALL.into_iter().filter(|kind| kind.available())
}

/// A MYSQL proxy `shop` in front of one server, whose user `app` has a database `shop`.
struct Shop {
    port: u16,
    key: (String, String),
    api: Api,
    /// Tollgate's authority, where clients under another account can read it.
    ca: TempDir,
    _tollgate: Tollgate,
    server: MySqlServer,
}

impl Shop {
    /// With these auth rules (the secret is `shop-app`).
    async fn start(options: MySqlOptions, proxy: &Value) -> Result<Self> {
        let engine = match options.kind {
            MySqlKind::MySql9 => "mysql",
            MySqlKind::MariaDb => "mariadb",
        };
        let server = MySqlServer::start_with(options)?;
        server.user_create("app", APP_PASSWORD)?;
        server.database_create("shop", "app")?;
        let tollgate = Tollgate::start()?;
        let ca = tempfile::tempdir()?;
        fs::set_permissions(ca.path(), fs::Permissions::from_mode(0o755))?;
        fs::copy(tollgate.ca_file(), ca.path().join("ca.pem"))?;
        let api = tollgate.api()?;
        let key = function(&api).await?;
        let secret = json!({"name": "shop-app", "username": "app", "password": APP_PASSWORD});
        api.post("/v1/secrets", &secret).await?.expect(201)?;
        let database = json!({
            "name": "shop-db", "engine": engine, "host": "127.0.0.1", "port": server.port(),
            "tls": {"mode": "disable"},
        });
        api.post("/v1/databases", &database).await?.expect(201)?;
        api.post("/v1/proxies", proxy).await?.expect(201)?;
        let target = json!({"database": "shop-db"});
        let targets = "/v1/proxies/shop/targets";
        api.post(targets, &target).await?.expect(201)?;
        let path = "/v1/proxies/shop?waitFor=targetsAvailable&timeout=60s";
        let shown = api.get(path).await?.expect(200)?;
        anyhow::ensure!(shown["status"] == "available", "not available: {shown}");
        let port = shown["endpoints"][0]["port"].as_u64().context("no port")?;
        Ok(Self {
            port: u16::try_from(port)?,
            key,
            api,
            ca,
            _tollgate: tollgate,
            server,
        })
    }

    /// Tokens only, over TLS.
    async fn with_tokens(kind: MySqlKind) -> Result<Self> {
        let proxy = json!({
            "name": "shop", "engineFamily": "MYSQL", "requireTls": true,
            "auth": [{"secret": "shop-app", "iamAuth": "REQUIRED"}],
        });
        Self::start(MySqlOptions::new(kind), &proxy).await
    }

    fn token(&self) -> String {
        mint(&MintRequest {
            access_key_id: &self.key.0,
            secret_access_key: &self.key.1,
            session_token: None,
            region: "us-east-1",
            host: "127.0.0.1",
            port: self.port,
            db_user: "app",
            now_unix: now_unix(),
        })
    }

    /// The server's own command line on its way to the proxy, verifying Tollgate's certificate.
    fn client(&self, password: &str) -> Result<Command> {
        let mut command = self.server.client(self.port, "app", password)?;
        let ca = self.ca.path().join("ca.pem");
        command.arg(format!("--ssl-ca={}", ca.display()));
        command.arg(match self.server.kind() {
            MySqlKind::MySql9 => "--ssl-mode=VERIFY_IDENTITY",
            MySqlKind::MariaDb => "--ssl-verify-server-cert",
        });
        Ok(command)
    }

    /// The same without TLS.
    fn open_client(&self, password: &str) -> Result<Command> {
        let mut command = self.server.client(self.port, "app", password)?;
        command.arg(match self.server.kind() {
            MySqlKind::MySql9 => "--ssl-mode=DISABLED",
            MySqlKind::MariaDb => "--skip-ssl",
        });
        Ok(command)
    }

    /// What the operator finds under the id that the client was shown.
    async fn decision(&self, shown: &str) -> Result<Value> {
        let path = format!("/v1/audit/decisions/{}", correlation_id(shown)?);
        self.api.until(&path, PATIENCE, Value::is_object).await
    }
}

/// User `fn`, who may connect as `app`, with a key.
async fn function(api: &Api) -> Result<(String, String)> {
    api.post("/v1/iam/users", &json!({"name": "fn"}))
        .await?
        .expect(201)?;
    let policy = json!({"name": "connect", "document": connect_policy("app")});
    api.post("/v1/iam/policies", &policy).await?.expect(201)?;
    let attached = api
        .put("/v1/iam/users/fn/policies/connect", &json!({}))
        .await?;
    anyhow::ensure!(attached.status.is_success(), "attaching: {}", attached.text);
    let path = "/v1/iam/users/fn/access-keys";
    let made = api.post(path, &json!({})).await?.expect(201)?;
    let text = |name: &str| made[name].as_str().map(str::to_owned).context("no key");
    Ok((text("accessKeyId")?, text("secretAccessKey")?))
}

/// Runs SQL; no headings, tabs between columns.
async fn run(mut command: Command, sql: &str) -> Result<Output> {
    command.args(["--batch", "--skip-column-names", "--execute", sql, "shop"]);
    // A client that waits would hold up the runtime that serves the test's own calls.
    let output = tokio::task::spawn_blocking(move || command.output()).await?;
    output.context("running the client")
}

async fn answer(command: Command, sql: &str) -> Result<String> {
    let output = run(command, sql).await?;
    anyhow::ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What a client says that does not get in.
async fn refusal(command: Command) -> Result<String> {
    let output = run(command, "SELECT 1").await?;
    anyhow::ensure!(!output.status.success(), "the login was accepted");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn the_command_line_gets_in_with_a_token() -> Result<()> {
    for kind in kinds() {
        let shop = Shop::with_tokens(kind).await?;
        let sql = "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42); \
                   SELECT n, database(), current_user() FROM kept";
        let said = answer(shop.client(&shop.token())?, sql).await?;
        assert_eq!(said, "42\tshop\tapp@%", "{kind:?}");
        let said = answer(shop.client(&shop.token())?, "SELECT version()").await?;
        let own = shop.server.superuser_sql("mysql", "SELECT version()")?;
        assert_eq!(said, own, "{kind:?}");
    }
    Ok(())
}

#[tokio::test]
async fn refusals_carry_an_id_for_the_operator() -> Result<()> {
    for kind in kinds() {
        let shop = Shop::with_tokens(kind).await?;
        let shown = refusal(shop.client("rubbish")?).await?;
        assert!(shown.contains("1045"), "{kind:?} {shown}");
        let event = shop.decision(&shown).await?;
        assert_eq!(event["outcome"], "deny", "{event}");
        assert_eq!(event["reason"], "MALFORMED", "{event}");
        assert_eq!(event["engine"], "mysql", "{event}");
        let shown = refusal(shop.open_client(&shop.token())?).await?;
        assert!(shown.contains("3159"), "{kind:?} {shown}");
        assert_eq!(shop.decision(&shown).await?["reason"], "TLS_REQUIRED");
    }
    Ok(())
}

#[tokio::test]
async fn passwords_get_in_where_the_rule_says_so() -> Result<()> {
    for (kind, way) in [
        (MySqlKind::MySql9, "MYSQL_CACHING_SHA2_PASSWORD"),
        (MySqlKind::MariaDb, "MYSQL_CACHING_SHA2_PASSWORD"),
        (MySqlKind::MariaDb, "MYSQL_NATIVE_PASSWORD"),
    ] {
        if !kind.available() {
            continue;
        }
        let proxy = json!({
            "name": "shop", "engineFamily": "MYSQL",
            "auth": [{"secret": "shop-app", "clientPasswordAuthType": way}],
        });
        let shop = Shop::start(MySqlOptions::new(kind), &proxy).await?;
        let said = answer(shop.client(APP_PASSWORD)?, "SELECT 6 * 7").await?;
        assert_eq!(said, "42", "{kind:?} {way}");
        let shown = refusal(shop.client("wrong")?).await?;
        assert!(shown.contains("1045"), "{kind:?} {way} {shown}");
        assert_eq!(shop.decision(&shown).await?["reason"], "WRONG_PASSWORD");
    }
    Ok(())
}

#[tokio::test]
async fn sessions_are_shown_with_the_servers_number() -> Result<()> {
    for kind in kinds() {
        let shop = Shop::with_tokens(kind).await?;
        let client = shop.client(&shop.token())?;
        let held = tokio::spawn(answer(client, "SELECT GET_LOCK('l', 1); SELECT SLEEP(15)"));
        let body = shop
            .api
            .until("/v1/proxies/shop/sessions", PATIENCE, |body| {
                body["items"][0]["serverPid"].is_number()
            })
            .await?;
        let session = &body["items"][0];
        assert_eq!(session["user"], "app", "{session}");
        assert_eq!(session["database"], "shop", "{session}");
        // Both command lines call themselves that.
        assert_eq!(session["applicationName"], "mysql", "{session}");
        let number = session["serverPid"].to_string();
        let sql = "SELECT id FROM information_schema.processlist WHERE user = 'app'";
        let numbers = shop.server.superuser_sql("mysql", sql)?;
        assert!(
            numbers.lines().any(|line| line == number),
            "{numbers} {session}"
        );
        held.await??;
    }
    Ok(())
}

#[tokio::test]
async fn an_account_of_ed25519_is_reached() -> Result<()> {
    if !MySqlKind::MariaDb.available() {
        return Ok(());
    }
    let shop = Shop::with_tokens(MySqlKind::MariaDb).await?;
    shop.server.superuser_sql("mysql", "DROP USER app@'%'")?;
    shop.server
        .user_create_with("app", APP_PASSWORD, LoginPlugin::Ed25519)?;
    shop.server
        .superuser_sql("mysql", "GRANT ALL ON shop.* TO app@'%'")?;
    let said = answer(shop.client(&shop.token())?, "SELECT 6 * 7").await?;
    assert_eq!(said, "42");
    Ok(())
}
