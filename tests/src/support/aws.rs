//! Running the boto3 scripts of `tests/drivers/aws`, which hold every answer against botocore's own model.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use serde_json::json;
use tollgate_testkit::{Api, Postgres, PostgresVersion, Tollgate};

use super::{APP_PASSWORD, output, python, script};

/// A PostgreSQL server with the user `app`, and a Tollgate that knows it as the database `orders-db`.
pub(crate) async fn with_database() -> Result<(Postgres, Tollgate, Api)> {
    let postgres = Postgres::start(PostgresVersion::newest()?)?;
    postgres.user_create("app", APP_PASSWORD)?;
    let tollgate = Tollgate::start()?;
    let api = tollgate.api()?;
    let database = json!({
        "name": "orders-db", "engine": "postgres", "host": "127.0.0.1", "port": postgres.port(),
    });
    api.post("/v1/databases", &database).await?.expect(201)?;
    Ok((postgres, tollgate, api))
}

/// Runs the script of a service as root, with these further variables, to its end: it says `ok` and its name.
pub(crate) async fn boto3(
    tollgate: &Tollgate,
    service: &str,
    variables: &[(&str, &str)],
) -> Result<()> {
    let key = tollgate.root_key()?;
    let mut command = Command::new(python());
    command
        .arg(script(&format!("aws/{service}.py")))
        .env("TOLLGATE_API", tollgate.url())
        .env("AWS_ACCESS_KEY_ID", &key.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    let said = output(&mut command).await?;
    let words = String::from_utf8_lossy(&said.stdout);
    let errors = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "{words}\n{errors}");
    ensure!(
        words.trim_end().ends_with(&format!("ok {service}")),
        "{words}"
    );
    Ok(())
}
