//! `cargo xtask instructions`: counts what the hot paths of the pure crates execute, and compares with what is stored.
//!
//! Times vary with the machine and its neighbours; the number of instructions of one compiler does not. Valgrind
//! counts them. `tests/bench/paths` is the program, `tests/bench/instructions.toml` the store.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{step, workspace};

/// The paths, as `tests/bench/paths` names them.
const PATHS: [&str; 6] = [
    "headers",
    "tokenizer",
    "transaction",
    "difference",
    "token",
    "policy",
];

/// A path may cost so many percent more than what is stored.
const PERCENT_MORE_MAX: u64 = 10;

/// Repetitions of the shorter and of the longer run: their difference is free of start and preparation.
const SHORT: u64 = 1_000;
const LONG: u64 = 3_000;

/// What to do with the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Fail when a path costs more than it may.
    Check,
    /// Store them.
    Update,
}

/// Counts every path.
pub(crate) fn run(purpose: Purpose) -> Result<()> {
    if !step::succeeds("valgrind", &["--version"]) {
        step::say("SKIPPED: counting instructions, because valgrind is not installed");
        return Ok(());
    }
    step::run(
        "building the hot paths, optimised",
        workspace::cargo().args([
            "build",
            "--quiet",
            "--profile",
            "perf",
            "--package",
            "paths",
        ]),
    )?;
    step::say("counting instructions");
    let mut counts = BTreeMap::new();
    for path in PATHS {
        counts.insert(path.to_owned(), each(path)?);
    }
    match purpose {
        Purpose::Update => store(&counts),
        Purpose::Check => compare(&stored()?, &counts),
    }
}

/// Instructions of one walk over a path.
fn each(path: &str) -> Result<u64> {
    let more = count(path, LONG)?.saturating_sub(count(path, SHORT)?);
    Ok(more / (LONG - SHORT))
}

fn count(path: &str, repetitions: u64) -> Result<u64> {
    let program = std::path::absolute(workspace::target_dir().join("perf/paths"))?;
    let output = Command::new("valgrind")
        .args([
            "--tool=cachegrind",
            "--cache-sim=no",
            "--cachegrind-out-file=/dev/null",
        ])
        .arg(program)
        .args([path, &repetitions.to_string()])
        .output()
        .context("running valgrind")?;
    let report = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "counting path {path}: {}",
        report.trim()
    );
    let walked: u64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    ensure!(walked >= repetitions, "path {path} ended early");
    let line = report.lines().find(|line| line.contains("refs:"));
    let number = line.and_then(|line| line.rsplit(' ').next());
    let digits = number.context("valgrind told no count")?.replace(',', "");
    digits.parse().context("reading valgrind's count")
}

fn file() -> PathBuf {
    workspace::root().join("tests/bench/instructions.toml")
}

fn store(counts: &BTreeMap<String, u64>) -> Result<()> {
    let mut text = String::from(
        "# Instructions of one walk over each of the hot paths (tests/bench/paths), optimised.\n\
         # Written by `cargo xtask instructions --update`; `cargo xtask ci` fails above 110 percent.\n",
    );
    for (path, count) in counts {
        println!("{path:12} {count:>8}");
        writeln!(text, "{path} = {count}")?;
    }
    fs::write(file(), text).context("storing the counts")
}

fn stored() -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(file()).context("reading the stored counts")?;
    toml::from_str(&text).context("reading the stored counts")
}

fn compare(stored: &BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) -> Result<()> {
    let mut dearer = Vec::new();
    for (path, &count) in counts {
        let before = *stored
            .get(path)
            .with_context(|| format!("no count of {path} is stored"))?;
        let change = 100.0 * (approximate(count) / approximate(before) - 1.0);
        println!("{path:12} {count:>8}, stored {before:>8} ({change:+.1} %)");
        if count * 100 > before * (100 + PERCENT_MORE_MAX) {
            dearer.push(path.as_str());
        }
    }
    if dearer.is_empty() {
        return Ok(());
    }
    bail!(
        "more than {PERCENT_MORE_MAX} % dearer than stored: {}; if that is what it has to cost: cargo xtask instructions --update",
        dearer.join(", ")
    )
}

#[allow(clippy::cast_precision_loss, reason = "for a percentage")]
fn approximate(count: u64) -> f64 {
    count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(value: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("headers".to_owned(), value)])
    }

    #[test]
    fn a_path_may_cost_a_tenth_more_and_not_a_bit_above() {
        assert!(compare(&counts(1_000), &counts(1_100)).is_ok());
        let refused = compare(&counts(1_000), &counts(1_101)).unwrap_err();
        assert!(refused.to_string().contains("headers"), "{refused}");
    }

    #[test]
    fn a_path_without_a_stored_count_is_an_error() {
        assert!(compare(&BTreeMap::new(), &counts(1)).is_err());
    }
}
