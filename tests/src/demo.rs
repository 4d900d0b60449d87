//! `tollgate demo` and the command line: what a newcomer sees first.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tollgate_testkit::{Ended, Guarded, Ports, Signal, tollgate_program};

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

#[test]
fn the_demo_prints_commands_that_work_as_they_stand() -> Result<()> {
    let ports = Ports::reserve(5)?;
    let first = ports.first();
    let started = Instant::now();
    let mut child = Command::new(tollgate_program()?)
        .arg("demo")
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
    let pasted = commands(&seen);
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("{pasted} -X -A -t -c 'SELECT 6 * 7'"))
        .stdin(Stdio::null())
        .output()?;
    let answer = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        answer.trim(),
        "42",
        "{pasted}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    demo.signal(Signal::INT);
    let ended = demo.wait(Duration::from_secs(30))?;
    assert_eq!(
        ended,
        Ended::Exited(Some(0)),
        "the demo does not end with Ctrl-C"
    );
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
