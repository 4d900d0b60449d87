//! One step of a task: says what it does, runs a command, and fails when the command fails.

use std::{
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How often a step that talks to the network is tried.
const NETWORK_ATTEMPTS: u32 = 3;

/// Tells what is going on.
pub(crate) fn say(text: &str) {
    eprintln!("==> {text}");
}

/// Runs a command whose output goes to the terminal.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    say(what);
    let started = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{what}: cannot start {}", program(command)))?;
    if !status.success() {
        bail!("{what}: {} ended with {status}", program(command));
    }
    say(&format!(
        "{what}: done in {} s",
        started.elapsed().as_secs()
    ));
    Ok(())
}

/// Like [`run`], tried again a bounded number of times: mirrors and registries have bad minutes.
pub(crate) fn run_networked(what: &str, make: impl Fn() -> Command) -> Result<()> {
    let mut attempt = 1;
    loop {
        match run(what, &mut make()) {
            Ok(()) => return Ok(()),
            Err(error) if attempt < NETWORK_ATTEMPTS => {
                say(&format!("{error:#}; trying again"));
                thread::sleep(Duration::from_secs(u64::from(attempt) * 5));
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether a command runs and succeeds, without any output.
pub(crate) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
