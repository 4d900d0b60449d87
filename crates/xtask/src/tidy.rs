//! `cargo xtask tidy`: the rules of CONTRIBUTING.md that neither rustc nor clippy knows.

mod edges;
mod manifests;
mod sources;

use anyhow::{Result, bail};

use crate::step;

/// Checks everything and reports all problems at once.
pub(crate) fn run() -> Result<()> {
    step::say("tidy");
    let mut problems = edges::problems()?;
    problems.extend(manifests::problems()?);
    problems.extend(sources::problems()?);
    if problems.is_empty() {
        return Ok(());
    }
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    bail!("tidy found {} problems", problems.len())
}
