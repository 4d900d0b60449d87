//! `cargo xtask bench`: builds what is measured the way it is shipped, and starts `tests/bench`.

use anyhow::Result;

use crate::{shipped, step, workspace};

/// Builds Tollgate and the bench, and passes `arguments` on.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    // One after the other: together they would be built with each other's features.
    let tollgate = shipped::build()?;
    shipped::build_bench()?;
    let programs = std::path::absolute(workspace::target_dir())?;
    step::run(
        "measuring",
        std::process::Command::new(programs.join("perf/bench"))
            .args(arguments)
            .env("TOLLGATE_BINARY", tollgate),
    )
}
