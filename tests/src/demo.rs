//! `tollgate demo` and the command line: what a newcomer sees first.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tollgate_testkit::{Ended, Guarded, MySqlKind, Ports, Signal, tollgate_program};

/// Every line of the child's output, both kinds, as it comes.
fn lines_of(child: &mut Child) -> Result<mpsc::Receiver<String>> {
    let (sender, lines) = mpsc::channel();
    let outputs: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().context("no output")?),
        Box::new(child.stderr.take().context("no output")?),
    ];
    for output in outputs {
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    Ok(lines)
}

/// What stands between `export AWS_` and the next empty line: the commands to paste.
fn commands(seen: &[String]) -> String {
    let from_export = seen.iter().skip_while(|line| !line.contains("export AWS_"));
    let block = from_export.take_while(|line| !line.trim().is_empty());
    block.cloned().collect::<Vec<_>>().join("\n")
}

/// Runs the demo until it serves, pastes the commands it prints with `query` behind them, and returns the answer.
fn pasted(arguments: &[&str], programs: &[PathBuf], query: &str) -> Result<String> {
    let ports = Ports::reserve(5)?;
    let first = ports.first();
    let started = Instant::now();
    let mut child = Command::new(tollgate_program()?)
        .arg("demo")
        .args(arguments)
        .env("PATH", search_path(programs)?)
        .args(["--api-listen", &format!("127.0.0.1:{first}")])
        .args(["--endpoint-ports", &format!("{}-{}", first + 1, first + 4)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting the demo")?;
    let lines = lines_of(&mut child)?;
    let mut demo = Guarded::new(child, Signal::INT, Duration::from_secs(20));
    let mut seen = Vec::new();
    while !seen
        .iter()
        .any(|line: &String| line.starts_with("Serving until"))
    {
        let Ok(line) = lines.recv_timeout(Duration::from_mins(1)) else {
            bail!("the demo did not come so far:\n{}", seen.join("\n"));
        };
        seen.push(line);
    }
    println!("the demo served after {:?}", started.elapsed());
    let commands = commands(&seen);
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("{commands} {query}"))
        .env("PATH", search_path(programs)?)
        .stdin(Stdio::null())
        .output()?;
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(
        output.status.success(),
        "{commands}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    demo.signal(Signal::INT);
    let ended = demo.wait(Duration::from_secs(30))?;
    assert_eq!(
        ended,
        Ended::Exited(Some(0)),
        "the demo does not end with Ctrl-C"
    );
    Ok(answer)
}

/// The machine's search path with more folders at its end.
fn search_path(more: &[PathBuf]) -> Result<OsString> {
    let given = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&given).chain(more.iter().cloned());
    Ok(std::env::join_paths(all)?)
}

#[test]
fn the_demo_prints_commands_that_work_as_they_stand() -> Result<()> {
    let arguments = ["--engine", "postgres"];
    let answer = pasted(&arguments, &[], "-X -A -t -c 'SELECT 6 * 7'")?;
    assert_eq!(answer, "42");
    Ok(())
}

#[test]
fn so_does_the_demo_of_mysql_and_mariadb() -> Result<()> {
    for (kind, engine) in [
        (MySqlKind::MySql9, "mysql"),
        (MySqlKind::MariaDb, "mariadb"),
    ] {
        if !kind.available() {
            continue;
        }
        let query = "-B -N -e 'SELECT 6 * 7'";
        let answer = pasted(&["--engine", engine], &kind.program_dirs()?, query)?;
        assert_eq!(answer, "42", "{engine}");
    }
    Ok(())
}

fn refused(arguments: &[&str]) -> Result<String> {
    let output = Command::new(tollgate_program()?)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    assert!(!output.status.success(), "{arguments:?} was accepted");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn wrong_settings_are_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tollgate.toml");
    std::fs::write(&file, "api_listen_typo = \"127.0.0.1:1\"\n")?;
    let shown = file.to_string_lossy().into_owned();
    let data_dir = folder.path().join("data").to_string_lossy().into_owned();
    let words = refused(&["serve", "--data-dir", &data_dir, "--config", &shown])?;
    assert!(
        words.contains("api_listen_typo") && words.contains("tollgate.toml"),
        "{words}"
    );
    let words = refused(&["serve", "--data-dir", &data_dir, "--endpoint-ports", "9-8"])?;
    assert!(words.contains("endpoint-ports"), "{words}");
    Ok(())
}
