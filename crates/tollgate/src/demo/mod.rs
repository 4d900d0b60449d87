//! `tollgate demo`: everything from nothing to the first query, on throw-away data.

mod account;
mod api;
mod clients;
mod mysql;
mod postgres;
mod servers;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use tollgate_control_plane::RootCredentials;
use tollgate_types::Engine;

use crate::config::{Config, RawConfig};
use crate::data_dir::DataDir;
use crate::serve::Serving;
use crate::{random, root_key};
use api::Api;
use clients::{Client, Destination};
use servers::{DemoEngine, Owner, Programs, Server};
use tollgate_iam::token::{MintRequest, mint};

/// Options of `tollgate demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Engine to show; may be repeated [default: PostgreSQL and one of MySQL and MariaDB, as far as they are found]
    #[arg(long, value_enum, value_name = "ENGINE")]
    engine: Vec<DemoEngine>,
    /// End after the first query instead of serving until interrupted
    #[arg(long)]
    once: bool,
    /// Address of the REST API
    #[arg(long, default_value = "127.0.0.1:7400", value_name = "ADDR:PORT")]
    api_listen: String,
    /// Ports given to endpoints
    #[arg(long, default_value = "7500-7599", value_name = "FIRST-LAST")]
    endpoint_ports: String,
}

const USER: &str = "app";
const DATABASE: &str = "orders";

/// One engine on show: its server runs, and one query went through the proxy in front of it.
struct Shown {
    to: Destination,
    client: Client,
    _server: Server,
}

/// What every engine is shown with.
struct Stage<'a> {
    folder: &'a Path,
    data: &'a DataDir,
    root: RootCredentials,
    api: Api,
    began: Instant,
}

/// Runs the demo.
pub(crate) async fn demo(args: &DemoArgs) -> Result<()> {
    let began = Instant::now();
    let chosen = servers::choose(&args.engine)?;
    let folder = tempfile::Builder::new()
        .prefix("tollgate-demo-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    say(&format!(
        "data        {} (removed at the end)",
        folder.path().display()
    ))?;
    let raw = RawConfig {
        data_dir: Some(folder.path().join("data")),
        api_listen: Some(args.api_listen.clone()),
        endpoint_ports: Some(args.endpoint_ports.clone()),
        log_level: Some("warn".to_owned()),
        ..RawConfig::default()
    };
    let config = Config::load(raw, None)?;
    tollgate_telemetry::init_logging(&config.log)?;
    let data = DataDir::open(&config.data_dir)?;
    let url = format!("http://{}", config.api_listen);
    let serving = Serving::start(config).await?;
    let outcome = show_all(&url, (folder.path(), &data), &chosen, began).await;
    let shown = match outcome {
        Ok(shown) => shown,
        Err(error) => {
            serving.stop().await;
            return Err(error);
        }
    };
    instructions(&shown, &root_key::credentials_file(&data), &url)?;
    if !args.once {
        say("Serving until Ctrl-C.")?;
        serving.until_signal().await?;
    }
    serving.stop().await;
    Ok(())
}

async fn show_all(
    url: &str,
    (folder, data): (&Path, &DataDir),
    chosen: &[(DemoEngine, Programs)],
    began: Instant,
) -> Result<Vec<Shown>> {
    let root = root_key::load_or_make(data)?;
    let stage = Stage {
        folder,
        data,
        api: Api::new(url, &root)?,
        root,
        began,
    };
    let mut shown = Vec::with_capacity(chosen.len());
    for (engine, programs) in chosen {
        shown.push(stage.show(engine.engine(), programs).await?);
    }
    Ok(shown)
}

impl Stage<'_> {
    /// A server, a proxy in front of it, and a query through the proxy.
    async fn show(&self, engine: Engine, programs: &Programs) -> Result<Shown> {
        let client = Client::of(programs)?;
        let password = random::letters(32);
        let owner = Owner {
            user: USER,
            database: DATABASE,
            password: &password,
        };
        let server = Server::start(programs, self.folder, &owner)?;
        let (version, port) = (server.version(), server.port());
        let name = engine.as_str();
        say(&format!("{name:<11} {version} on 127.0.0.1:{port}"))?;
        let proxy = proxy_name(engine);
        self.register(engine, port, &password).await?;
        let (host, port) = self.wait_until_available(&proxy).await?;
        let to = Destination {
            host,
            port,
            user: USER,
            database: DATABASE,
            ca: self.data.file("ca.pem"),
        };
        // The first query goes through the command line that people know, as theirs would.
        let answer = client.first_query(&to, &self.token(&to))?;
        say(&format!(
            "{:<11} {answer}",
            format!("{} says", client.name())
        ))?;
        say(&format!("first query {}\n", self.since_the_start()))?;
        Ok(Shown {
            to,
            client,
            _server: server,
        })
    }

    /// What an operator does over REST.
    async fn register(&self, engine: Engine, port: u16, password: &str) -> Result<()> {
        let proxy = proxy_name(engine);
        let (database, secret) = (format!("{proxy}-db"), format!("{proxy}-app"));
        let body = json!({
            "name": database, "engine": engine.as_str(), "host": "127.0.0.1", "port": port,
            "tls": {"mode": "disable"}
        });
        self.api.post("/v1/databases", &body).await?;
        let body = json!({"name": secret, "username": USER, "password": password});
        self.api.post("/v1/secrets", &body).await?;
        let body = json!({
            "name": proxy, "engineFamily": engine.family().as_str(), "requireTls": true,
            "auth": [{"secret": secret, "iamAuth": "REQUIRED"}]
        });
        self.api.post("/v1/proxies", &body).await?;
        let targets = format!("/v1/proxies/{proxy}/targets");
        self.api
            .post(&targets, &json!({"database": database}))
            .await?;
        Ok(())
    }

    /// Up to an available proxy with an available target: where it listens.
    async fn wait_until_available(&self, name: &str) -> Result<(String, u16)> {
        let path = format!("/v1/proxies/{name}?waitFor=available&timeout=30s");
        let proxy = self.api.get(&path).await?;
        if proxy["status"] != "available" {
            bail!(
                "the proxy did not become available: {}",
                proxy["conditions"]
            );
        }
        self.wait_for_target(name).await?;
        let since = self.since_the_start();
        say(&format!("proxy       {name} is available {since}"))?;
        address(&proxy["endpoints"][0])
    }

    async fn wait_for_target(&self, name: &str) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let path = format!("/v1/proxies/{name}/targets");
            let targets = self.api.get(&path).await?;
            let health = &targets["items"][0]["health"];
            if health["state"] == "AVAILABLE" {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the target did not become available: {health}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn token(&self, to: &Destination) -> String {
        mint(&MintRequest {
            access_key_id: &self.root.access_key_id,
            secret_access_key: self.root.secret.expose(),
            session_token: None,
            region: "us-east-1",
            host: &to.host,
            port: to.port,
            db_user: to.user,
            now_unix: chrono::Utc::now().timestamp(),
        })
    }

    fn since_the_start(&self) -> String {
        format!(
            "{:.1} s after the start",
            self.began.elapsed().as_secs_f64()
        )
    }
}

/// One proxy for each engine, and the resources around it are called after it.
fn proxy_name(engine: Engine) -> String {
    match engine {
        Engine::Postgres => "orders".to_owned(),
        Engine::Mysql | Engine::Mariadb => format!("orders-{}", engine.as_str()),
    }
}

fn address(endpoint: &Value) -> Result<(String, u16)> {
    let host = endpoint["host"]
        .as_str()
        .context("the endpoint has no host")?;
    let port = endpoint["port"]
        .as_u64()
        .and_then(|port| u16::try_from(port).ok());
    Ok((host.to_owned(), port.context("the endpoint has no port")?))
}

fn instructions(shown: &[Shown], credentials: &Path, url: &str) -> Result<()> {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tollgate"));
    let lines: Vec<String> = shown
        .iter()
        .map(|Shown { to, client, .. }| {
            let Destination {
                host, port, user, ..
            } = to;
            let token = format!(
                "{} token --hostname {host} --port {port} --username {user}",
                program.display()
            );
            client.command_line(to, &token)
        })
        .collect();
    say(&format!(
        "Connect with a fresh token:\n\n\
         export AWS_SHARED_CREDENTIALS_FILE={credentials} AWS_PROFILE=tollgate AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n\
         {lines}\n\n\
         REST API: {url}/v1/proxies   OpenAPI: {url}/openapi.json   metrics: {url}/metrics\n",
        credentials = credentials.display(),
        lines = lines.join("\n\n"),
    ))
}

fn say(line: &str) -> Result<()> {
    crate::print(&format!("{line}\n"))
}
