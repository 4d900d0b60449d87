//! Passwords that live in an AWS Secrets Manager: fetched, rotated, and still there when it is away.
//!
//! The Secrets Manager is moto's, an emulator, in a process of its own.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_credential_types::Credentials;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::{Client, Config};
use serde_json::{Value, json};
use tollgate_testkit::{Ended, Guarded, Ports, Signal, TollgateOptions, tools_dir};

use crate::support::{APP_PASSWORD, Orders, Setup, eventually};

const REGION: &str = "eu-west-1";

/// A running emulator with one secret.
struct Emulator {
    process: Guarded,
    ports: Ports,
    arn: String,
}

impl Emulator {
    async fn start() -> Result<Self> {
        let ports = Ports::reserve(1)?;
        let program = tools_dir().join("python/bin/moto_server");
        let child = Command::new(&program)
            .args(["--host", "127.0.0.1", "--port", &ports.first().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut emulator = Self {
            process: Guarded::new(child, Signal::TERM, Duration::from_secs(5)),
            ports,
            arn: String::new(),
        };
        eventually(async || Ok(TcpStream::connect(("127.0.0.1", emulator.ports.first()))?)).await?;
        let created = emulator
            .client()
            .create_secret()
            .name("shop/app")
            .secret_string(login(APP_PASSWORD))
            .send()
            .await?;
        emulator.arn = created.arn().context("no ARN")?.to_owned();
        Ok(emulator)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.first())
    }

    fn client(&self) -> Client {
        let credentials = Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", "secret", None);
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.url())
            .credentials_provider(credentials);
        Client::from_conf(config.build())
    }

    /// What a Tollgate needs to read from here.
    fn options(&self) -> TollgateOptions {
        TollgateOptions::default()
            .arg("--secrets-manager-endpoint", &self.url())
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_EC2_METADATA_DISABLED", "true")
    }

    fn setup(&self, arn: &str) -> Result<Setup> {
        let rules = json!([{"secret": arn, "iamAuth": "REQUIRED"}]);
        let mut setup = Setup::newest()?.proxy("auth", rules);
        setup.tollgate = self.options();
        Ok(setup)
    }

    fn end(&mut self) -> Result<()> {
        self.process.signal(Signal::TERM);
        match self.process.wait(Duration::from_secs(20))? {
            Ended::Exited(_) => Ok(()),
            Ended::StillRunning => bail!("the emulator does not end"),
        }
    }
}

fn login(password: &str) -> String {
    json!({"username": "app", "password": password, "engine": "postgres"}).to_string()
}

async fn answers(orders: &Orders) -> Result<()> {
    let client = orders.connect().await?;
    let row = client.query_one("SELECT current_user::text", &[]).await?;
    ensure!(row.get::<_, String>(0) == "app");
    Ok(())
}

/// Waits until the proxy's secrets are as `reason` says; the message.
async fn secrets(orders: &Orders, reason: &str) -> Result<String> {
    eventually(async || {
        let proxy = orders.api.get("/v1/proxies/orders").await?.expect(200)?;
        let conditions = proxy["conditions"].as_array().context("no conditions")?;
        let is_it = |it: &&Value| it["type"] == "SecretsResolved" && it["reason"] == reason;
        let found = conditions.iter().find(is_it);
        let found = found.with_context(|| format!("not {reason}: {proxy}"))?;
        Ok(found["message"].as_str().unwrap_or_default().to_owned())
    })
    .await
}

#[tokio::test]
async fn a_password_in_aws_is_fetched_rotated_and_remembered() -> Result<()> {
    const NEXT: &str = "Next-pw-5b8d0c2e7f11";
    let mut emulator = Emulator::start().await?;
    let mut orders = emulator.setup(&emulator.arn)?.start().await?;
    secrets(&orders, "AllResolved").await?;
    answers(&orders).await?;

    let alter = format!("ALTER USER app PASSWORD '{NEXT}'");
    orders.postgres.superuser_sql("postgres", &alter)?;
    let put = emulator.client().put_secret_value();
    let put = put.secret_id(&emulator.arn).secret_string(login(NEXT));
    put.send().await?;
    orders.postgres.terminate_backends("orders")?;
    // The refused password is asked for again long before its minute is over.
    eventually(async || answers(&orders).await).await?;

    emulator.end()?;
    orders.tollgate.restart()?;
    orders.wait_until_available().await?;
    let words = secrets(&orders, "Stale").await?;
    ensure!(words.contains(&emulator.arn), "{words}");
    eventually(async || answers(&orders).await).await?;
    for shown in [orders.tollgate.log(), words] {
        ensure!(
            !shown.contains(NEXT) && !shown.contains(APP_PASSWORD),
            "a password is shown"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_that_aws_does_not_have_is_named() -> Result<()> {
    let emulator = Emulator::start().await?;
    let absent = emulator.arn.replace("shop/app", "shop/absent");
    let orders = emulator.setup(&absent)?.start_without_target().await?;
    // At first it is being fetched.
    eventually(async || {
        let words = secrets(&orders, "SecretUnusable").await?;
        ensure!(
            words.contains(&absent) && words.contains("ResourceNotFoundException"),
            "{words}"
        );
        Ok(())
    })
    .await?;
    ensure!(answers(&orders).await.is_err(), "somebody has logged in");
    Ok(())
}
