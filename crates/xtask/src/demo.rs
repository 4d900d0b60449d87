//! `cargo xtask demo`: build, then become `tollgate demo`.

use std::{env, ffi::OsString, os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::{install, step, workspace};

/// Installs a PostgreSQL server if the machine has none, builds and runs the demo.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    install::for_demo()?;
    step::run(
        "building tollgate",
        workspace::cargo().args(["build", "--quiet", "--package", "tollgate"]),
    )?;
    let error = Command::new(workspace::tollgate())
        .arg("demo")
        .args(arguments)
        .env("PATH", search_path())
        .exec();
    Err(error).context("starting tollgate demo")
}

/// The search path with the unpacked servers at its end, so that the demo finds them too.
fn search_path() -> OsString {
    let given = env::var_os("PATH").unwrap_or_default();
    let ours = install::postgres_bin_dirs();
    env::join_paths(env::split_paths(&given).chain(ours)).unwrap_or(given)
}
