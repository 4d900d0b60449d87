//! Running the driver scripts of `tests/drivers` with what `cargo xtask test` installed.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use tollgate_testkit::tools_dir;

use super::Orders;

/// A script of `tests/drivers`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("drivers")
        .join(name)
}

/// The Python with psycopg, asyncpg and boto3.
pub(crate) fn python() -> PathBuf {
    tools_dir().join("python/bin/python")
}

/// Where a script connects to, always as `app` to `orders`.
pub(crate) struct Place {
    pub(crate) port: u16,
    pub(crate) password: String,
    pub(crate) ca_file: PathBuf,
}

impl Place {
    /// The proxy, with a fresh token.
    pub(crate) fn proxy(orders: &Orders) -> Self {
        Self {
            port: orders.port,
            password: orders.token(),
            ca_file: orders.tollgate.ca_file(),
        }
    }
}

/// Tells a script where to connect: in the usual `PG*` variables, the token or password in `PGPASSWORD`.
pub(crate) fn point_at(place: &Place, command: &mut Command) {
    command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", place.port.to_string())
        .env("PGUSER", "app")
        .env("PGDATABASE", "orders")
        .env("PGPASSWORD", &place.password)
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", &place.ca_file)
        .env("PGCONNECT_TIMEOUT", "20");
}

/// Runs a driver script to its end. Fails with the script's own words.
pub(crate) async fn run_script(place: &Place, command: &mut Command) -> Result<String> {
    point_at(place, command);
    command.stdin(Stdio::null());
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = output(command).await?;
    ensure!(
        output.status.success(),
        "{shown}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs to the end without blocking the test's runtime.
pub(crate) async fn output(command: &mut Command) -> Result<Output> {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().to_string_lossy()))?;
    tokio::task::spawn_blocking(move || child.wait_with_output())
        .await
        .context("waiting for a script")?
        .context("reading a script's output")
}
