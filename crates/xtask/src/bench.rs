//! `cargo xtask bench`: builds what is measured the way it is shipped, and starts `tests/bench`.

use anyhow::Result;

use crate::{step, workspace};

/// Builds Tollgate with profile `dist` and the bench with profile `perf`, and passes `arguments` on.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    // One after the other: together they would be built with each other's features.
    for (package, profile) in [("tollgate", "dist"), ("bench", "perf")] {
        step::run(
            &format!(
                "building {package}, optimised (half an hour for both on two processors, the first time)"
            ),
            workspace::cargo().args(["build", "--profile", profile, "--package", package]),
        )?;
    }
    let programs = std::path::absolute(workspace::target_dir())?;
    step::run(
        "measuring",
        std::process::Command::new(programs.join("perf/bench"))
            .args(arguments)
            .env("TOLLGATE_BINARY", programs.join("dist/tollgate")),
    )
}
