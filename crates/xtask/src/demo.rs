//! `cargo xtask demo`: build, then become `tollgate demo`.

use std::{env, ffi::OsString, os::unix::process::CommandExt, process::Command};

use anyhow::{Context, Result};

use crate::{install, step, workspace};

/// Installs the servers that are to be shown if the machine has none, builds and runs the demo.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    install::for_demo(&engines(arguments))?;
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

/// The engines that the demo is asked to show.
fn engines(arguments: &[String]) -> Vec<&str> {
    let mut found = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--engine" {
            found.extend(words.next().map(String::as_str));
        } else {
            found.extend(word.strip_prefix("--engine="));
        }
    }
    found
}

/// The search path with the unpacked servers at its end, so that the demo finds them too.
fn search_path() -> OsString {
    let given = env::var_os("PATH").unwrap_or_default();
    let ours = install::server_bin_dirs();
    env::join_paths(env::split_paths(&given).chain(ours)).unwrap_or(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_read_as_the_demo_reads_them() {
        let given = ["--once", "--engine", "mysql", "--engine=mariadb"].map(str::to_owned);
        assert_eq!(engines(&given), ["mysql", "mariadb"]);
        assert!(engines(&["--once".to_owned()]).is_empty());
    }
}
