//! Ordinary drivers with their ordinary settings, over verified TLS, with a token: each script
//! also runs against PostgreSQL itself, so that a failure through the proxy is the proxy's.

use std::process::Command;

use anyhow::Result;
use tollgate_testkit::{HostAuth, Postgres, PostgresOptions, PostgresVersion, TestCa, tools_dir};

use crate::support::{APP_PASSWORD, Orders, Place, Setup, python, run_script, script};

#[derive(Clone, Copy)]
enum Driver {
    Psql,
    Psycopg,
    Asyncpg,
    NodePostgres,
    Pgjdbc,
}

impl Driver {
    fn command(self, postgres: &Postgres) -> Command {
        match self {
            Self::Psql => {
                // The newest psql: the script uses \bind, which came with version 16.
                let newest = PostgresVersion::newest().and_then(PostgresVersion::bin_dir);
                let program =
                    newest.map_or_else(|_| postgres.program("psql"), |bin| bin.join("psql"));
                let mut command = Command::new(program);
                command
                    .args(["-X", "-q", "-A", "-t", "-f"])
                    .arg(script("psql_driver.sql"));
                command
            }
            Self::Psycopg => {
                let mut command = Command::new(python());
                command.arg(script("psycopg_driver.py"));
                command
            }
            Self::Asyncpg => {
                let mut command = Command::new(python());
                command.arg(script("asyncpg_driver.py"));
                command
            }
            Self::NodePostgres => {
                let mut command = Command::new("node");
                command
                    .env("NODE_PATH", tools_dir().join("node/node_modules"))
                    .arg(script("node_postgres_driver.cjs"));
                command
            }
            Self::Pgjdbc => {
                let mut command = Command::new("java");
                command
                    .args([
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        "/usr/share/java/postgresql.jar",
                    ])
                    .arg(script("PgjdbcDriver.java"));
                command
            }
        }
    }

    /// The last part that every script reports.
    fn last_word(self) -> &'static str {
        match self {
            Self::Psql => "ok psql",
            Self::Psycopg => "ok errors_leave_the_connection_usable",
            Self::Asyncpg | Self::NodePostgres => "ok pool",
            Self::Pgjdbc => "ok errors",
        }
    }
}

async fn check(place: &Place, postgres: &Postgres, driver: Driver) -> Result<()> {
    let said = run_script(place, &mut driver.command(postgres)).await?;
    assert!(said.trim_end().ends_with(driver.last_word()), "{said}");
    Ok(())
}

/// PostgreSQL itself, with TLS and a password in clear text: what the proxy looks like to a driver.
async fn without_proxy(driver: Driver) -> Result<()> {
    let ca = TestCa::new()?;
    let options = PostgresOptions::new(PostgresVersion::newest()?)
        .auth(HostAuth::Cleartext)
        .tls(ca.server(&["127.0.0.1"])?);
    let postgres = Postgres::start_with(options)?;
    postgres.user_create("app", APP_PASSWORD)?;
    postgres.database_create("orders", "app")?;
    let folder = tempfile::tempdir()?;
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, ca.cert_pem())?;
    let place = Place {
        port: postgres.port(),
        password: APP_PASSWORD.to_owned(),
        ca_file,
    };
    check(&place, &postgres, driver).await
}

/// The proxy in front of every version, on few server connections so that sharing really happens.
async fn through_proxy(driver: Driver) -> Result<()> {
    for version in PostgresVersion::ALL {
        if !version.available() {
            continue;
        }
        let orders: Orders = Setup::new(version).pool_size(8).start().await?;
        check(&Place::proxy(&orders), &orders.postgres, driver)
            .await
            .map_err(|error| error.context(format!("PostgreSQL {}", version.major())))?;
    }
    Ok(())
}

#[tokio::test]
async fn psql_script_passes_without_a_proxy() -> Result<()> {
    without_proxy(Driver::Psql).await
}

#[tokio::test]
async fn psql_passes_through_the_proxy() -> Result<()> {
    through_proxy(Driver::Psql).await
}

#[tokio::test]
async fn psycopg_script_passes_without_a_proxy() -> Result<()> {
    without_proxy(Driver::Psycopg).await
}

#[tokio::test]
async fn psycopg_passes_through_the_proxy() -> Result<()> {
    through_proxy(Driver::Psycopg).await
}

#[tokio::test]
async fn asyncpg_script_passes_without_a_proxy() -> Result<()> {
    without_proxy(Driver::Asyncpg).await
}

#[tokio::test]
async fn asyncpg_passes_through_the_proxy() -> Result<()> {
    through_proxy(Driver::Asyncpg).await
}

#[tokio::test]
async fn node_postgres_script_passes_without_a_proxy() -> Result<()> {
    without_proxy(Driver::NodePostgres).await
}

#[tokio::test]
async fn node_postgres_passes_through_the_proxy() -> Result<()> {
    through_proxy(Driver::NodePostgres).await
}

#[tokio::test]
async fn pgjdbc_script_passes_without_a_proxy() -> Result<()> {
    without_proxy(Driver::Pgjdbc).await
}

#[tokio::test]
async fn pgjdbc_passes_through_the_proxy() -> Result<()> {
    through_proxy(Driver::Pgjdbc).await
}
