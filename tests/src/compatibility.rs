//! The ordinary life of real clients: every step of every client works directly and through the proxy,
//! and `docs/compatibility.md` says which steps pin.

mod mysql;
mod npgsql;
mod page;
mod process;
mod programs;
mod sqlx_client;
mod steps;
mod tokio_postgres_client;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use tollgate_testkit::{ClientTls, HostAuth, PostgresVersion, TestCa};

use self::{
    page::{Chapter, Section},
    programs::Program,
    steps::{Outcome, Scene, Step, Steps},
};
use crate::support::{APP_PASSWORD, Orders, Place, Setup};

/// Who is asked to go through its steps.
#[derive(Clone, Copy)]
enum Client {
    /// A script in a process of its own.
    Program(Program),
    /// Rust code of ours around a crate, in this process.
    TokioPostgres,
    Sqlx,
    /// What a library sends, written down by hand.
    Npgsql,
}

/// Where a client finds its database.
struct Target {
    place: Place,
    database: &'static str,
    tls: ClientTls,
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Self::Program(program) => program.name(),
            Self::TokioPostgres => "tokio-postgres",
            Self::Sqlx => "sqlx",
            Self::Npgsql => "Npgsql (messages by hand)",
        }
    }

    /// Goes through all steps and returns the client's version.
    async fn run(self, target: &Target, steps: &mut Steps<'_>) -> Result<String> {
        let version = match self {
            Self::Program(program) => return program.run(target, steps).await,
            Self::TokioPostgres => {
                tokio_postgres_client::run(target, steps).await?;
                "0.7"
            }
            Self::Sqlx => {
                sqlx_client::run(target, steps).await?;
                "0.9"
            }
            Self::Npgsql => {
                npgsql::run(target, steps).await?;
                "8"
            }
        };
        Ok(version.to_owned())
    }
}

/// A server that a client can reach both ways, over TLS.
struct Stage {
    orders: Orders,
    authority: TestCa,
}

impl Stage {
    async fn start(version: PostgresVersion) -> Result<Self> {
        let authority = TestCa::new()?;
        // More server connections than a script uses at once, so that sessions really move.
        // The server asks for passwords as the proxy does: in clear text, over TLS.
        let mut setup = Setup::new(version)
            .pool_size(8)
            .server_auth(HostAuth::Cleartext);
        setup.postgres = setup.postgres.tls(authority.server(&["127.0.0.1"])?);
        let orders = setup.start().await?;
        orders.postgres.database_create("direct", "app")?;
        Ok(Self { orders, authority })
    }

    fn direct(&self) -> Result<Target> {
        let ca_file = self.orders.tollgate.folder().join("direct-ca.pem");
        std::fs::write(&ca_file, self.authority.cert_pem())?;
        Ok(Target {
            place: Place {
                port: self.orders.postgres.port(),
                password: APP_PASSWORD.to_owned(),
                ca_file,
            },
            database: "direct",
            tls: ClientTls::trusting(&self.authority.cert_pem())?,
        })
    }

    fn proxied(&self) -> Target {
        Target {
            place: Place::proxy(&self.orders),
            database: "orders",
            tls: self.orders.tls.clone(),
        }
    }

    /// Clients that take and return server connections all the time, so that a session that is not
    /// pinned does not keep its server connection by luck.
    async fn neighbours(&self) -> Result<Vec<tokio::task::JoinHandle<()>>> {
        let mut tasks = Vec::new();
        for pause_ms in [11_u64, 17, 23] {
            let client = Arc::new(self.orders.connect().await?);
            tasks.push(tokio::spawn(async move {
                let work = format!("BEGIN; SELECT pg_sleep(0.0{pause_ms}); COMMIT");
                while client.batch_execute(&work).await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
                }
            }));
        }
        Ok(tasks)
    }
}

/// What a client's run gave.
struct Run {
    client_version: String,
    steps: Vec<Step>,
    /// The proxy's own account of what pinned, for the reader of a failure.
    pins: String,
}

/// The client's steps on one version, directly and through the proxy.
async fn run(client: Client, version: PostgresVersion) -> Result<Run> {
    let stage = Stage::start(version).await?;
    let mut direct = Steps::new(Scene::Direct);
    let target = stage.direct()?;
    let alone = client.run(&target, &mut direct).await;
    alone.context("without a proxy")?;
    for step in direct.noted() {
        ensure!(
            step.outcome == Outcome::Free,
            "wrong without a proxy: {step:?}"
        );
    }
    let neighbours = stage.neighbours().await?;
    let mut proxied = Steps::new(Scene::Proxied(&stage.orders.api));
    let target = stage.proxied();
    let client_version = client
        .run(&target, &mut proxied)
        .await
        .context("through the proxy")?;
    for neighbour in neighbours {
        ensure!(!neighbour.is_finished(), "a neighbour had an error");
        neighbour.abort();
    }
    let pins = stage.orders.api.get("/v1/proxies/orders/pins").await?;
    Ok(Run {
        client_version,
        steps: proxied.noted(),
        pins: pins.text,
    })
}

/// Steps that work and pin no longer than they must.
fn is_good(step: &Step) -> bool {
    match &step.outcome {
        Outcome::Free | Outcome::AsItMust(_) => true,
        Outcome::Pinned(_) | Outcome::NotReleased(_) | Outcome::Failed(_) => false,
    }
}

/// Runs a client on every version; its table must be the one in the documentation.
async fn check(client: Client) -> Result<()> {
    let versions = PostgresVersion::ALL;
    let there = versions.into_iter().filter(|version| version.available());
    let runs = there.map(|version| async move {
        let server = format!("PostgreSQL {}", version.major());
        let run = run(client, version).await;
        let run = run.with_context(|| format!("{} on {server}", client.name()))?;
        anyhow::Ok((server, run))
    });
    let runs = try_join_all(runs).await?;
    let all = runs.len() == versions.len();
    let section = section(Chapter::Postgres, client.name(), &runs)?;
    judge(client.name(), &section, &runs)?;
    if all { compare(&section) } else { Ok(()) }
}

/// The table of a client's runs on its servers.
fn section(chapter: Chapter, name: &str, runs: &[(String, Run)]) -> Result<Section> {
    let (_, first) = runs.first().context("no server on this machine")?;
    let columns = runs
        .iter()
        .map(|(server, run)| (server.clone(), run.steps.clone()));
    Ok(Section {
        chapter,
        title: format!("{name} {}", first.client_version),
        runs: columns.collect(),
    })
}

/// Every step must work and pin no longer than it must. When asked to, writes the table down first.
fn judge(name: &str, section: &Section, runs: &[(String, Run)]) -> Result<()> {
    if std::env::var_os("TOLLGATE_COMPATIBILITY").is_some_and(|wish| wish == "write") {
        page::write(name, section)?;
    }
    for (server, run) in runs {
        let bad = run.steps.iter().filter(|step| !is_good(step));
        let bad: Vec<String> = bad.map(|step| format!("{step:?}\n")).collect();
        ensure!(
            bad.is_empty(),
            "through the proxy on {server}:\n{}{}",
            bad.concat(),
            run.pins
        );
    }
    Ok(())
}

/// The documentation must have exactly this table.
fn compare(section: &Section) -> Result<()> {
    assert_eq!(
        page::documented(section)?,
        section.text()?.trim(),
        "docs/compatibility.md is out of date: run `cargo xtask compatibility`"
    );
    Ok(())
}

#[tokio::test]
async fn psql_is_as_documented() -> Result<()> {
    check(Client::Program(Program::Psql)).await
}

#[tokio::test]
async fn psycopg_is_as_documented() -> Result<()> {
    check(Client::Program(Program::Psycopg)).await
}

#[tokio::test]
async fn asyncpg_is_as_documented() -> Result<()> {
    check(Client::Program(Program::Asyncpg)).await
}

#[tokio::test]
async fn sqlalchemy_on_psycopg_is_as_documented() -> Result<()> {
    check(Client::Program(Program::SqlalchemyPsycopg)).await
}

#[tokio::test]
async fn sqlalchemy_on_asyncpg_is_as_documented() -> Result<()> {
    check(Client::Program(Program::SqlalchemyAsyncpg)).await
}

#[tokio::test]
async fn django_is_as_documented() -> Result<()> {
    check(Client::Program(Program::Django)).await
}

#[tokio::test]
async fn node_postgres_is_as_documented() -> Result<()> {
    check(Client::Program(Program::NodePostgres)).await
}

#[tokio::test]
async fn postgres_js_is_as_documented() -> Result<()> {
    check(Client::Program(Program::PostgresJs)).await
}

#[tokio::test]
async fn pgjdbc_is_as_documented() -> Result<()> {
    check(Client::Program(Program::Pgjdbc)).await
}

#[tokio::test]
async fn pgx_is_as_documented() -> Result<()> {
    check(Client::Program(Program::Pgx)).await
}

#[tokio::test]
async fn tokio_postgres_is_as_documented() -> Result<()> {
    check(Client::TokioPostgres).await
}

#[tokio::test]
async fn sqlx_is_as_documented() -> Result<()> {
    check(Client::Sqlx).await
}

#[tokio::test]
async fn npgsql_is_as_documented() -> Result<()> {
    check(Client::Npgsql).await
}

#[tokio::test]
async fn rails_is_as_documented() -> Result<()> {
    check(Client::Program(Program::Rails)).await
}
