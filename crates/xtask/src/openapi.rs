//! `cargo xtask openapi`: the API description in the repository is what the program prints.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{step, workspace};

/// Writes `api-spec/openapi.yaml`.
pub(crate) fn write() -> Result<()> {
    fs::write(path(), generated()?).context("writing the API description")?;
    step::say("api-spec/openapi.yaml is up to date");
    Ok(())
}

/// Fails when `api-spec/openapi.yaml` is not what the program prints.
pub(crate) fn check() -> Result<()> {
    let committed = fs::read_to_string(path()).context("reading the API description")?;
    if committed != generated()? {
        bail!("api-spec/openapi.yaml is out of date: run `cargo xtask openapi`");
    }
    step::say("api-spec/openapi.yaml is up to date");
    Ok(())
}

fn path() -> PathBuf {
    workspace::root().join("api-spec/openapi.yaml")
}

fn generated() -> Result<String> {
    step::run(
        "building tollgate",
        workspace::cargo().args(["build", "--quiet", "--package", "tollgate"]),
    )?;
    let output = Command::new(workspace::tollgate())
        .args(["openapi", "--format", "yaml"])
        .output()
        .context("running tollgate openapi")?;
    ensure!(
        output.status.success(),
        "tollgate openapi: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).context("the API description is not UTF-8")
}
