//! Ours: one process with a proxy per way to log in.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tollgate_testkit::{Api, Tollgate, TollgateOptions};

use super::{
    PASSWORD, POOL, USER,
    instance::{AccessKey, Held, Instance},
};
use crate::{
    door::{Door, Entry, Tls},
    process::Process,
    system::System,
};

/// Starts Tollgate in front of PostgreSQL on `server_port`.
pub(super) fn start(server_port: u16, shards: u32) -> Result<Instance> {
    let tollgate = Tollgate::start_with(options(shards))?;
    let (doors, key) = blocking(open(&tollgate, server_port))?;
    let held = Held::Tollgate(Box::new(tollgate), key);
    Ok(Instance::new(System::Tollgate, doors, held))
}

/// How Tollgate is run on so many shards.
pub(super) fn options(shards: u32) -> TollgateOptions {
    TollgateOptions::default()
        .arg("--shards", &shards.to_string())
        .arg("--max-client-connections", "15000")
        .arg("--log-level", "warn")
}

/// Makes the proxies; returns their doors and the key of a user who may connect.
async fn open(tollgate: &Tollgate, server_port: u16) -> Result<(Vec<(Entry, Door)>, AccessKey)> {
    let api = tollgate.api()?;
    let database = json!({
        "name": "db", "engine": "postgres", "host": "127.0.0.1", "port": server_port,
        "tls": {"mode": "disable"},
    });
    let key = prepare(&api, &database).await?;
    let body = |name: &str, tls: Tls, auth: Value| {
        json!({
            "name": name, "engineFamily": "POSTGRESQL", "requireTls": tls == Tls::On, "auth": auth,
        })
    };
    let cheap = body("cheap", Tls::Off, password_rule("POSTGRES_MD5"));
    let cheap = proxy(&api, &cheap).await?;
    let scram = body("scram", Tls::Off, password_rule("POSTGRES_SCRAM_SHA_256"));
    let scram = proxy(&api, &scram).await?;
    let tokens = json!([{"secret": "app", "iamAuth": "REQUIRED"}]);
    let token = proxy(&api, &body("token", Tls::On, tokens)).await?;
    let mut doors = vec![(Entry::Token, door(tollgate, token, Tls::On)?)];
    for tls in [Tls::Off, Tls::On] {
        doors.push((Entry::Cheap(tls), door(tollgate, cheap, tls)?));
        doors.push((Entry::Scram(tls), door(tollgate, scram, tls)?));
    }
    Ok((doors, key))
}

/// Runs the few calls of the API that a set-up needs.
pub(super) fn blocking<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting a runtime")?
        .block_on(work)
}

/// A rule for clients that prove the password of secret `app` in this way.
pub(super) fn password_rule(way: &str) -> Value {
    json!([{"secret": "app", "iamAuth": "DISABLED", "clientPasswordAuthType": way}])
}

/// Registers the database `db`, the secret `app`, and a user who may connect; returns the user's key.
pub(super) async fn prepare(api: &Api, database: &Value) -> Result<AccessKey> {
    api.post("/v1/databases", database).await?.expect(201)?;
    let secret = json!({"name": "app", "username": USER, "password": PASSWORD});
    api.post("/v1/secrets", &secret).await?.expect(201)?;
    api.post("/v1/iam/users", &json!({"name": "fn"}))
        .await?
        .expect(201)?;
    let document = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "rds-db:connect",
        "Resource": format!("arn:aws:rds-db:us-east-1:000000000000:dbuser:*/{USER}"),
    }]});
    let policy = json!({"name": "connect", "document": document});
    api.post("/v1/iam/policies", &policy).await?.expect(201)?;
    let attached = api
        .put("/v1/iam/users/fn/policies/connect", &json!({}))
        .await?;
    ensure!(attached.status.is_success(), "attaching: {}", attached.text);
    let made = api
        .post("/v1/iam/users/fn/access-keys", &json!({}))
        .await?
        .expect(201)?;
    let text = |name: &str| made[name].as_str().map(str::to_owned);
    Ok(AccessKey {
        id: text("accessKeyId").context("no accessKeyId")?,
        secret: text("secretAccessKey").context("no secretAccessKey")?,
    })
}

/// Makes a proxy for target `db` and returns its port once it works.
pub(super) async fn proxy(api: &Api, body: &Value) -> Result<u16> {
    let name = body["name"].as_str().context("no name")?;
    api.post("/v1/proxies", body).await?.expect(201)?;
    set_pool(api, name, POOL).await?;
    let targets = format!("/v1/proxies/{name}/targets");
    api.post(&targets, &json!({"database": "db"}))
        .await?
        .expect(201)?;
    let path = format!("/v1/proxies/{name}?waitFor=available&timeout=30s");
    let proxy = api.get(&path).await?.expect(200)?;
    let limit = std::time::Duration::from_secs(30);
    api.until(&targets, limit, |body| {
        body["items"][0]["health"]["state"] == "AVAILABLE"
    })
    .await?;
    let port = proxy["endpoints"][0]["port"].as_u64().context("no port")?;
    u16::try_from(port).context("no port")
}

async fn set_pool(api: &Api, proxy: &str, connections: u32) -> Result<()> {
    let path = format!("/v1/proxies/{proxy}/target-groups/default");
    let pool = json!({"maximumPoolSize": connections});
    api.patch(&path, &pool).await?.expect(200)?;
    Ok(())
}

/// Gives the cheap proxy's pool so many server connections.
pub(super) fn resize(tollgate: &Tollgate, connections: u32) -> Result<()> {
    blocking(async { set_pool(&tollgate.api()?, "cheap", connections).await })
}

/// Where clients of this proxy come in.
pub(super) fn door(tollgate: &Tollgate, port: u16, tls: Tls) -> Result<Door> {
    Ok(Door {
        system: System::Tollgate,
        port,
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
        tls: match tls {
            Tls::Off => None,
            Tls::On => Some(tollgate.client_tls()?),
        },
        process: tollgate.id().map(Process),
    })
}
