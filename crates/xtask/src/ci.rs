//! `cargo xtask test` and `cargo xtask ci`: install what is missing, then every check and every test.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{
    install,
    instructions::{self, Purpose},
    openapi, step, tidy, workspace,
};

/// Runs everything; the last lines are cargo's own summaries of the tests.
pub(crate) fn run() -> Result<()> {
    let started = Instant::now();
    install::for_tests()?;
    tidy::run()?;
    step::run(
        "checking the format",
        workspace::cargo().args(["fmt", "--all", "--check"]),
    )?;
    step::run(
        "clippy, warnings are errors",
        workspace::cargo().args([
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]),
    )?;
    step::run(
        "building everything",
        workspace::cargo().args(["build", "--quiet", "--workspace", "--all-targets"]),
    )?;
    let summaries = test()?;
    openapi::check()?;
    instructions::run(Purpose::Check)?;
    step::say(&format!(
        "everything passed in {} s; the tests in short:",
        started.elapsed().as_secs()
    ));
    for line in summaries {
        println!("{line}");
    }
    Ok(())
}

/// Runs all tests and returns cargo's summary lines.
fn test() -> Result<Vec<String>> {
    step::say("testing");
    let mut command = workspace::cargo();
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("TOLLGATE_REQUIRE_ALL", "1")
        .env("TOLLGATE_BINARY", workspace::tollgate())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("starting cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut summaries = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line.context("reading cargo test's output")?;
        println!("{line}");
        if line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed; 0 ignored;") {
            summaries.push(line);
        }
    }
    let status = child.wait().context("waiting for cargo test")?;
    if !status.success() {
        bail!("cargo test ended with {status}");
    }
    Ok(summaries)
}
