//! Instructions in user space per simple transaction of the whole program, counted by valgrind.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tollgate_testkit::tollgate_program;

use super::Scene;
use crate::{
    door::{Door, Entry, Tls},
    load::pgbench::{Load, Mode, Script},
    reading::Metric,
    system::System,
    wire::Client,
};

/// Transactions of the shorter and of the longer run, per client: the difference is free of start and logins.
const SHORT: u32 = 100;
const LONG: u32 = 5_100;
const CLIENTS: u32 = 8;

/// Instructions per transaction.
pub(super) fn measure(scene: &Scene<'_>) -> Result<Vec<(Metric, f64)>> {
    let valgrind = Command::new("valgrind").arg("--version").output();
    ensure!(valgrind.is_ok(), "valgrind is not installed");
    let more = count(scene, LONG)?.saturating_sub(count(scene, SHORT)?);
    let transactions = u64::from(CLIENTS * (LONG - SHORT));
    Ok(vec![(
        Metric::Instructions,
        more as f64 / transactions as f64,
    )])
}

/// Instructions of an instance from its start to its end, with so many transactions per client in between.
fn count(scene: &Scene<'_>, transactions: u32) -> Result<u64> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let report = folder.path().join("report");
    let wrapper = folder.path().join("counted");
    let script = format!(
        "#!/bin/sh\nexec valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file={} {} \"$@\"\n",
        report.display(),
        tollgate_program()?.display()
    );
    fs::write(&wrapper, script).context("writing a wrapper")?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    let mut instance = scene.stage.fresh(System::Tollgate)?;
    instance.restart_through(&wrapper)?;
    let door = instance.door(Entry::Cheap(Tls::Off)).context("no door")?;
    wait_until_open(&door)?;
    let load = Load {
        mode: Mode::Simple,
        script: Script::Builtin,
        clients: CLIENTS,
    };
    load.run_transactions(&door, transactions)?;
    instance.stop()?;
    let text = fs::read_to_string(&report).context("reading valgrind's report")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("summary:"))
        .context("valgrind's report has no summary")?;
    line.trim().parse().context("reading valgrind's summary")
}

/// Under valgrind everything takes fifty times as long.
fn wait_until_open(door: &Door) -> Result<()> {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let tried = Client::connect(door).and_then(|mut client| {
            client.query("SELECT 1")?;
            client.close()
        });
        if tried.is_ok() || Instant::now() > deadline {
            return tried;
        }
        thread::sleep(Duration::from_millis(200));
    }
}
