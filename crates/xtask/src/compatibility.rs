//! `cargo xtask compatibility`: runs the clients and writes what they give into docs/compatibility.md.

use anyhow::Result;

use crate::{install, step, workspace};

/// Runs every client on every database server and rewrites the tables.
pub(crate) fn write() -> Result<()> {
    install::for_tests()?;
    step::run(
        "building tollgate",
        workspace::cargo().args(["build", "--quiet", "--package", "tollgate"]),
    )?;
    step::run(
        "running every client",
        workspace::cargo()
            .args([
                "test",
                "--quiet",
                "--package",
                "acceptance",
                "compatibility::",
            ])
            .env("TOLLGATE_COMPATIBILITY", "write")
            .env("TOLLGATE_REQUIRE_ALL", "1")
            .env("TOLLGATE_BINARY", workspace::tollgate()),
    )
}
