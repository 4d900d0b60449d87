//! `tollgate demo`: everything from nothing to the first query, on throw-away data.

mod api;
mod server;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use crate::config::{Config, RawConfig};
use crate::data_dir::DataDir;
use crate::root_key;
use crate::serve::Serving;
use api::Api;
use server::DemoServer;
use tollgate_iam::token::{MintRequest, mint};

/// Options of `tollgate demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
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

/// What the demo has set up.
struct Ready {
    host: String,
    port: u16,
    ca: PathBuf,
    credentials: PathBuf,
    token: String,
}

/// Runs the demo.
pub(crate) async fn demo(args: &DemoArgs) -> Result<()> {
    let began = Instant::now();
    let folder = tempfile::Builder::new()
        .prefix("tollgate-demo-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    say(&format!(
        "data        {} (removed at the end)",
        folder.path().display()
    ))?;
    let server = DemoServer::start(folder.path(), USER, DATABASE)?;
    say(&format!(
        "postgres    {} on 127.0.0.1:{}",
        server.version(),
        server.port()
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
    let outcome = walk(&url, &data, &server, began).await;
    let ready = match outcome {
        Ok(ready) => ready,
        Err(error) => {
            serving.stop().await;
            return Err(error);
        }
    };
    first_query(&ready)?;
    say(&format!(
        "first query {:.1} s after the start\n",
        began.elapsed().as_secs_f64()
    ))?;
    instructions(&ready, &url)?;
    if !args.once {
        say("Serving until Ctrl-C.")?;
        serving.until_signal().await?;
    }
    serving.stop().await;
    Ok(())
}

/// What an operator does over REST, up to an available proxy with an available target.
async fn walk(url: &str, data: &DataDir, server: &DemoServer, began: Instant) -> Result<Ready> {
    let root = root_key::load_or_make(data)?;
    let api = Api::new(url, &root)?;
    register(&api, server).await?;
    let proxy = api
        .get("/v1/proxies/orders?waitFor=available&timeout=30s")
        .await?;
    if proxy["status"] != "available" {
        bail!(
            "the proxy did not become available: {}",
            proxy["conditions"]
        );
    }
    wait_for_target(&api).await?;
    say(&format!(
        "proxy       available after {:.1} s",
        began.elapsed().as_secs_f64()
    ))?;
    let endpoint = &proxy["endpoints"][0];
    let host = endpoint["host"]
        .as_str()
        .context("the endpoint has no host")?
        .to_owned();
    let port = endpoint["port"]
        .as_u64()
        .and_then(|port| u16::try_from(port).ok());
    let port = port.context("the endpoint has no port")?;
    let token = mint(&MintRequest {
        access_key_id: &root.access_key_id,
        secret_access_key: root.secret.expose(),
        session_token: None,
        region: "us-east-1",
        host: &host,
        port,
        db_user: USER,
        now_unix: chrono::Utc::now().timestamp(),
    });
    let (ca, credentials) = (data.file("ca.pem"), root_key::credentials_file(data));
    Ok(Ready {
        host,
        port,
        ca,
        credentials,
        token,
    })
}

async fn register(api: &Api, server: &DemoServer) -> Result<()> {
    let database = json!({
        "name": "orders-db", "engine": "postgres", "host": "127.0.0.1", "port": server.port(),
        "tls": {"mode": "disable"}
    });
    api.post("/v1/databases", &database).await?;
    let secret = json!({"name": "orders-app", "username": USER, "password": server.password()});
    api.post("/v1/secrets", &secret).await?;
    let proxy = json!({
        "name": "orders", "engineFamily": "POSTGRESQL", "requireTls": true,
        "auth": [{"secret": "orders-app", "iamAuth": "REQUIRED"}]
    });
    api.post("/v1/proxies", &proxy).await?;
    api.post(
        "/v1/proxies/orders/targets",
        &json!({"database": "orders-db"}),
    )
    .await?;
    Ok(())
}

async fn wait_for_target(api: &Api) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let targets = api.get("/v1/proxies/orders/targets").await?;
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

/// The first query goes through psql, as a user's would.
fn first_query(ready: &Ready) -> Result<()> {
    let query =
        "select 'hello from ' || current_user || ', server ' || split_part(version(), ' ', 2)";
    let output = std::process::Command::new("psql")
        .args(["-X", "-A", "-t", "-c", query, &dsn(ready)])
        .env("PGPASSWORD", &ready.token)
        .stdin(Stdio::null())
        .output()
        .context("cannot run psql: install postgresql-client")?;
    if !output.status.success() {
        bail!(
            "psql failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    say(&format!(
        "psql says   {}",
        String::from_utf8_lossy(&output.stdout).trim()
    ))
}

fn dsn(ready: &Ready) -> String {
    format!(
        "host={} port={} user={USER} dbname={DATABASE} sslmode=verify-full sslrootcert={}",
        ready.host,
        ready.port,
        ready.ca.display()
    )
}

fn instructions(ready: &Ready, url: &str) -> Result<()> {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tollgate"));
    say(&format!(
        "Connect with a fresh token:\n\n\
         export AWS_SHARED_CREDENTIALS_FILE={credentials} AWS_PROFILE=tollgate AWS_REGION=us-east-1\n\
         PGPASSWORD=\"$({program} token --hostname {host} --port {port} --username {USER})\" \\\n  \
         psql \"{dsn}\"\n\n\
         REST API: {url}/v1/proxies   OpenAPI: {url}/openapi.json   metrics: {url}/metrics\n",
        credentials = ready.credentials.display(),
        program = program.display(),
        host = ready.host,
        port = ready.port,
        dsn = dsn(ready),
    ))
}

fn say(line: &str) -> Result<()> {
    crate::print(&format!("{line}\n"))
}
