//! The road of RDS Proxy's users, from a secret to SQL through the proxy, with the aws command line and boto3 as they are.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tollgate_testkit::{
    Api, MySqlKind, MySqlOptions, MySqlServer, Postgres, PostgresVersion, TestCa, Tollgate,
    tools_dir,
};

use crate::support::{APP_PASSWORD, output, python, script};

const USER: &str = "app_user";

/// What calls AWS.
#[derive(Clone, Copy)]
enum Tool {
    CommandLine,
    Boto3,
}

impl Tool {
    const ALL: [Self; 2] = [Self::CommandLine, Self::Boto3];

    fn command(self) -> Command {
        let (program, walk) = match self {
            Self::CommandLine => ("bash".into(), "aws/walk.sh"),
            Self::Boto3 => (python(), "aws/walk.py"),
        };
        let mut command = Command::new(program);
        command.arg(script(walk));
        command
    }
}

/// A Tollgate that knows one database.
struct Walk {
    tollgate: Tollgate,
    api: Api,
    family: &'static str,
}

impl Walk {
    async fn start(family: &'static str, database: &serde_json::Value) -> Result<Self> {
        let tollgate = Tollgate::start()?;
        let api = tollgate.api()?;
        api.post("/v1/databases", database).await?.expect(201)?;
        Ok(Self {
            tollgate,
            api,
            family,
        })
    }

    /// One stage of the walk; what it printed.
    async fn stage(&self, tool: Tool, arguments: &[&str]) -> Result<String> {
        let key = self.tollgate.root_key()?;
        let mut command = tool.command();
        command
            .args(arguments)
            .env("AWS_PROGRAM", tools_dir().join("python/bin/aws"))
            .env("ENDPOINT", self.tollgate.url())
            .env("FAMILY", self.family)
            .env("DATABASE", "db-1")
            .env("PASSWORD", APP_PASSWORD)
            .env("AWS_ACCESS_KEY_ID", &key.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key)
            .env_remove("AWS_SESSION_TOKEN")
            .env_remove("AWS_PROFILE")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        let said = output(&mut command).await?;
        let words = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        let errors = String::from_utf8_lossy(&said.stderr);
        ensure!(said.status.success(), "{arguments:?}: {words}\n{errors}");
        Ok(words)
    }

    /// The endpoint's port, which RDS's answers have no place for.
    async fn port(&self) -> Result<u16> {
        let proxy = self.api.get("/v1/proxies/app-proxy").await?.expect(200)?;
        let port = proxy["endpoints"][0]["port"].as_u64().context("no port")?;
        Ok(u16::try_from(port)?)
    }

    /// The whole walk with every tool; `query` runs one statement with a token and returns what it gave.
    async fn go(&self, query: impl AsyncFn(u16, &str) -> Result<String>) -> Result<()> {
        for tool in Tool::ALL {
            let host = self.stage(tool, &["make"]).await?;
            ensure!(host == "127.0.0.1", "{host}");
            let port = self.port().await?;
            let token = self.stage(tool, &["token", &port.to_string()]).await?;
            let said = query(port, &token).await?;
            ensure!(said.trim() == "42", "{said}");
            // Takes away everything, so that the next one can make it again.
            self.stage(tool, &["clean"]).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn from_a_secret_to_sql_on_postgresql() -> Result<()> {
    let postgres = Postgres::start(PostgresVersion::newest()?)?;
    postgres.user_create(USER, APP_PASSWORD)?;
    let database = json!({
        "name": "db-1", "engine": "postgres", "host": "127.0.0.1", "port": postgres.port(),
    });
    let walk = Walk::start("POSTGRESQL", &database).await?;
    walk.go(async |port, token| {
        let mut config = tokio_postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(port)
            .user(USER)
            .dbname("postgres")
            .password(token)
            .ssl_mode(tokio_postgres::config::SslMode::Require);
        let (client, connection) = config.connect(walk.tollgate.client_tls()?).await?;
        tokio::spawn(connection);
        Ok(client.query_one("SELECT '42'", &[]).await?.get(0))
    })
    .await
}

#[tokio::test]
async fn from_a_secret_to_sql_on_mysql_and_mariadb() -> Result<()> {
    for kind in MySqlKind::ALL.into_iter().filter(|kind| kind.available()) {
        let authority = TestCa::new()?;
        let options = MySqlOptions::new(kind).tls(authority.server(&["127.0.0.1"])?);
        let server = MySqlServer::start_with(options)?;
        server.user_create(USER, APP_PASSWORD)?;
        let engine = match kind {
            MySqlKind::MySql9 => "mysql",
            MySqlKind::MariaDb => "mariadb",
        };
        let database = json!({
            "name": "db-1", "engine": engine, "host": "127.0.0.1", "port": server.port(),
            "tls": {"mode": "verify-full", "caPem": authority.cert_pem()},
        });
        let walk = Walk::start("MYSQL", &database).await?;
        walk.go(async |port, token| {
            let mut command = server.client(port, USER, token)?;
            command.args(["--batch", "--skip-column-names", "-e", "SELECT 42"]);
            match kind {
                MySqlKind::MySql9 => command.arg("--ssl-mode=REQUIRED"),
                MySqlKind::MariaDb => command.arg("--ssl"),
            };
            let said = output(&mut command).await?;
            let errors = String::from_utf8_lossy(&said.stderr);
            ensure!(said.status.success(), "{errors}");
            Ok(String::from_utf8_lossy(&said.stdout).into_owned())
        })
        .await?;
    }
    Ok(())
}
