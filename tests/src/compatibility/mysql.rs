//! Clients of MySQL and MariaDB: every client goes through its steps on both, directly and through the proxy.

mod mysql_async_client;
mod programs;
mod sqlx_client;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use mysql_async::{Opts, OptsBuilder, SslOpts, prelude::Queryable};
use tollgate_testkit::{MySqlKind, MySqlOptions};

use self::programs::Program;
use super::{
    Run, compare, judge,
    page::Chapter,
    section,
    steps::{Outcome, Scene, Steps},
};
use crate::support::{APP_PASSWORD, MySqlOrders};

/// Who is asked to go through its steps.
#[derive(Clone, Copy)]
enum Client {
    /// A program, or a script in a process of its own.
    Program(Program),
    /// Rust code of ours around a crate, in this process.
    MySqlAsync,
    Sqlx,
}

/// Where a client finds its database.
struct Target {
    kind: MySqlKind,
    port: u16,
    password: String,
    ca_file: PathBuf,
    database: &'static str,
}

impl Target {
    /// How `mysql_async` logs in: over TLS, with no option for tokens.
    fn opts(&self) -> OptsBuilder {
        let tls = SslOpts::default().with_root_certs(vec![self.ca_file.clone().into()]);
        OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port)
            .user(Some("app"))
            .pass(Some(&self.password))
            .db_name(Some(self.database))
            .prefer_socket(false)
            .ssl_opts(tls)
    }
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Self::Program(program) => program.name(),
            Self::MySqlAsync => "mysql_async",
            Self::Sqlx => "sqlx",
        }
    }

    /// Whether it gets into a server by itself. MySQL's own command line has forgotten `mysql_native_password`, which
    /// is how accounts of MariaDB log in; the proxy takes its token all the same.
    fn speaks_to(self, kind: MySqlKind) -> bool {
        !matches!(
            (self, kind),
            (Self::Program(Program::MySqlCli), MySqlKind::MariaDb)
        )
    }

    /// Goes through all steps and returns the client's version.
    async fn run(self, target: &Target, steps: &mut Steps<'_>) -> Result<String> {
        let version = match self {
            Self::Program(program) => return program.run(target, steps).await,
            Self::MySqlAsync => {
                mysql_async_client::run(target, steps).await?;
                "0.37"
            }
            Self::Sqlx => {
                sqlx_client::run(target, steps).await?;
                "0.9"
            }
        };
        Ok(version.to_owned())
    }
}

/// One step of Rust code; an error is the step's and not the run's.
async fn step(
    steps: &mut Steps<'_>,
    feature: &str,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    match work.await {
        Ok(()) => steps.done(feature).await,
        Err(error) => steps.failed(feature, &format!("{error:#}")).await,
    }
}

/// A server and a proxy, which clients reach over TLS both.
struct Stage {
    orders: MySqlOrders,
}

impl Stage {
    async fn start(kind: MySqlKind) -> Result<Self> {
        // What clients of the steps need and a server does not allow by default.
        let options = MySqlOptions::new(kind)
            .setting("local-infile", "ON")
            .setting("character-set-server", "utf8mb4")
            .setting("max-allowed-packet", "64M");
        // More server connections than a script uses at once, so that sessions really move.
        let orders = MySqlOrders::start(options, 8).await?;
        Ok(Self { orders })
    }

    fn direct(&self) -> Target {
        Target {
            kind: self.orders.server.kind(),
            port: self.orders.server.port(),
            password: APP_PASSWORD.to_owned(),
            ca_file: self.orders.server_ca(),
            database: "direct",
        }
    }

    fn proxied(&self) -> Target {
        Target {
            kind: self.orders.server.kind(),
            port: self.orders.port,
            password: self.orders.token(),
            ca_file: self.orders.proxy_ca(),
            database: "orders",
        }
    }

    /// Clients with settings of their own that take and return server connections all the time, so that
    /// a session that is not pinned neither keeps its server connection nor its settings by luck.
    async fn neighbours(&self) -> Result<Vec<tokio::task::JoinHandle<()>>> {
        let mut tasks = Vec::new();
        for (pause_ms, habits) in [
            (11_u64, "SET time_zone = '-03:00', sql_mode = 'ANSI_QUOTES'"),
            (17, "SET NAMES latin1"),
            (23, "SET autocommit = 0, @mine = 'neighbour'"),
        ] {
            let opts = Opts::from(self.proxied().opts());
            let mut client = mysql_async::Conn::new(opts).await?;
            client.query_drop(habits).await?;
            tasks.push(tokio::spawn(async move {
                let work = ["START TRANSACTION", "DO SLEEP(0.005)", "COMMIT"];
                loop {
                    for text in work {
                        if client.query_drop(text).await.is_err() {
                            return;
                        }
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
                }
            }));
        }
        Ok(tasks)
    }
}

/// The client's steps on one server, directly and through the proxy.
async fn run(client: Client, kind: MySqlKind) -> Result<Run> {
    let stage = Stage::start(kind).await?;
    let mut direct = Steps::new(Scene::Direct);
    if client.speaks_to(kind) {
        let alone = client.run(&stage.direct(), &mut direct).await;
        alone.context("without a proxy")?;
    }
    for step in direct.noted() {
        ensure!(
            step.outcome == Outcome::Free,
            "wrong without a proxy: {step:?}"
        );
    }
    let neighbours = stage.neighbours().await?;
    let mut proxied = Steps::new(Scene::Proxied(&stage.orders.api));
    let client_version = client
        .run(&stage.proxied(), &mut proxied)
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

/// Runs a client on both servers; its table must be the one in the documentation.
async fn check(client: Client) -> Result<()> {
    let kinds = MySqlKind::ALL;
    let there = kinds.into_iter().filter(|kind| kind.available());
    let runs = there.map(|kind| async move {
        let run = run(client, kind).await;
        let run = run.with_context(|| format!("{} on {}", client.name(), kind.title()))?;
        anyhow::Ok((kind.title().to_owned(), run))
    });
    let runs = try_join_all(runs).await?;
    if runs.is_empty() {
        return Ok(());
    }
    let all = runs.len() == kinds.len();
    let section = section(Chapter::MySql, client.name(), &runs)?;
    judge(client.name(), &section, &runs)?;
    if all { compare(&section) } else { Ok(()) }
}

#[tokio::test]
async fn mysql_command_line_is_as_documented() -> Result<()> {
    check(Client::Program(Program::MySqlCli)).await
}

#[tokio::test]
async fn mariadb_command_line_is_as_documented() -> Result<()> {
    check(Client::Program(Program::MariaDbCli)).await
}

#[tokio::test]
async fn pymysql_is_as_documented() -> Result<()> {
    check(Client::Program(Program::PyMySql)).await
}

#[tokio::test]
async fn mysqlclient_is_as_documented() -> Result<()> {
    check(Client::Program(Program::MySqlClient)).await
}

#[tokio::test]
async fn mysql_connector_python_is_as_documented() -> Result<()> {
    check(Client::Program(Program::ConnectorPython)).await
}

#[tokio::test]
async fn mysql2_is_as_documented() -> Result<()> {
    check(Client::Program(Program::MySql2)).await
}

#[tokio::test]
async fn mariadb_for_node_is_as_documented() -> Result<()> {
    check(Client::Program(Program::MariaDbNode)).await
}

#[tokio::test]
async fn mysql_async_is_as_documented() -> Result<()> {
    check(Client::MySqlAsync).await
}

#[tokio::test]
async fn sqlx_is_as_documented() -> Result<()> {
    check(Client::Sqlx).await
}

#[tokio::test]
async fn mariadb_connector_j_is_as_documented() -> Result<()> {
    check(Client::Program(Program::ConnectorJ)).await
}

#[tokio::test]
async fn go_sql_driver_is_as_documented() -> Result<()> {
    check(Client::Program(Program::GoSqlDriver)).await
}

#[tokio::test]
async fn sqlalchemy_on_pymysql_is_as_documented() -> Result<()> {
    check(Client::Program(Program::SqlalchemyPyMySql)).await
}

#[tokio::test]
async fn sqlalchemy_on_mysqlclient_is_as_documented() -> Result<()> {
    check(Client::Program(Program::SqlalchemyMySqlClient)).await
}

#[tokio::test]
async fn django_is_as_documented() -> Result<()> {
    check(Client::Program(Program::Django)).await
}
