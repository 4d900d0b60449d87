//! The program as it is shipped: all code optimised together, for what it was seen to do in training.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{step, workspace};

/// What the compiler is told of the branches that are taken and the functions that are run, in the clone. Of
/// functions that have changed since, it is not told anything.
const PROFILE: &str = "deploy/tollgate.profdata";

/// What the training consists of: everything that is measured by the transaction, the connection or the megabyte.
const LESSONS: &str = "transactions,state,connections,latency,bulk,mysql";

/// Builds the program. Returns where it is.
pub(crate) fn build() -> Result<PathBuf> {
    let profile = std::path::absolute(workspace::root().join(PROFILE))?;
    ensure!(
        profile.exists(),
        "there is no {PROFILE}: `cargo xtask train` writes it"
    );
    let flags = format!("-Cprofile-use={}", profile.display());
    build_with(&flags, &workspace::target_dir())
}

/// Builds the program so that it counts, has it work, and stores what it has counted.
pub(crate) fn train() -> Result<()> {
    let merge = profdata_tool()?;
    let target = std::path::absolute(workspace::target_dir())?;
    let raw = target.join("training");
    let flags = format!("-Cprofile-generate={}", raw.display());
    let program = build_with(&flags, &target.join("trained"))?;
    build_bench()?;
    // Macros and build scripts count as well while they run.
    if raw.exists() {
        fs::remove_dir_all(&raw).context("removing what the compiler's own programs counted")?;
    }
    let json = target.join("training.json");
    step::run(
        "training",
        Command::new(target.join("perf/bench"))
            .args(["--quick", "--repetitions", "2", "--peers", "none"])
            .args(["--only", LESSONS])
            .arg("--json")
            .arg(&json)
            .env("TOLLGATE_BINARY", program),
    )?;
    let learnt = fs::read_to_string(&json).context("reading what was measured")?;
    ensure!(
        learnt.contains("MySQL"),
        "a part of the training was skipped: install MySQL (`cargo xtask prepare`) and sysbench"
    );
    let files: Vec<PathBuf> = fs::read_dir(&raw)
        .context("nothing was counted")?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    ensure!(!files.is_empty(), "nothing was counted");
    step::run(
        "merging what was counted",
        Command::new(merge)
            .args(["merge", "--sparse", "--output"])
            .arg(workspace::root().join(PROFILE))
            .args(files),
    )
}

/// Builds what measures.
pub(crate) fn build_bench() -> Result<()> {
    step::run(
        "building the bench, optimised",
        workspace::cargo().args(["build", "--profile", "perf", "--package", "bench"]),
    )
}

fn build_with(flags: &str, target: &std::path::Path) -> Result<PathBuf> {
    step::run(
        "building tollgate as it is shipped (half an hour on two processors, the first time)",
        workspace::cargo()
            .args(["build", "--profile", "dist", "--package", "tollgate"])
            .env("CARGO_ENCODED_RUSTFLAGS", flags)
            .env("CARGO_TARGET_DIR", target),
    )?;
    Ok(std::path::absolute(target)?.join("dist/tollgate"))
}

/// `llvm-profdata` that understands what the compiler's programs write: of the same LLVM.
fn profdata_tool() -> Result<PathBuf> {
    let sysroot = answer_of(&["--print", "sysroot"])?;
    let version = answer_of(&["-vV"])?;
    let host = line_of(&version, "host: ")?;
    let llvm = line_of(&version, "LLVM version: ")?;
    let major = llvm.split('.').next().unwrap_or(llvm);
    let component =
        PathBuf::from(sysroot.trim()).join(format!("lib/rustlib/{host}/bin/llvm-profdata"));
    if component.exists() {
        return Ok(component);
    }
    let packaged = format!("llvm-profdata-{major}");
    if step::succeeds(&packaged, &["--version"]) {
        return Ok(packaged.into());
    }
    bail!(
        "no llvm-profdata of LLVM {major}: `rustup component add llvm-tools`, or package llvm-{major}"
    )
}

fn answer_of(arguments: &[&str]) -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(arguments)
        .output()
        .context("asking rustc")?;
    String::from_utf8(output.stdout).context("rustc answers no text")
}

fn line_of<'a>(text: &'a str, start: &str) -> Result<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(start))
        .with_context(|| format!("rustc -vV says nothing of {start}"))
}
