//! A client in a process of its own: it says on standard output where it is, and goes on when it reads a line.
//!
//! `version 1.2.3` once, `held REASON` while state exists that must pin, `done FEATURE` after each
//! step, `failed FEATURE: why` for a step that did not work. Other lines are nobody's business.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::mpsc;

use super::steps::Steps;

/// How long a whole script may take on a loaded machine.
const SCRIPT_PATIENCE: Duration = Duration::from_secs(150);

/// A process that ends when nobody waits for it any more.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A started client.
pub(super) struct Client {
    child: Owned,
    stdin: ChildStdin,
    lines: mpsc::UnboundedReceiver<String>,
    complaints: tempfile::NamedTempFile,
}

impl Client {
    /// Starts the client; its standard error is kept for the report of a failure.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let complaints = tempfile::NamedTempFile::new().context("making a file for complaints")?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(complaints.reopen().context("opening the complaints")?)
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        let stdin = child.stdin.take().context("no standard input")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let (sender, lines) = mpsc::unbounded_channel();
        // A thread, because a pipe of a child is read by blocking calls; it ends with the child.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child: Owned(child),
            stdin,
            lines,
            complaints,
        })
    }

    /// Gives the client something to read.
    pub(super) fn tell(&mut self, text: &str) -> Result<()> {
        self.stdin
            .write_all(text.as_bytes())
            .and_then(|()| self.stdin.flush())
            .with_context(|| format!("the client stopped reading: {}", self.complaints()))
    }

    /// The next line, `None` at the end.
    pub(super) async fn line(&mut self) -> Result<Option<String>> {
        tokio::time::timeout(SCRIPT_PATIENCE, self.lines.recv())
            .await
            .with_context(|| format!("the client says nothing more: {}", self.complaints()))
    }

    /// Waits for a good end.
    pub(super) async fn finish(self) -> Result<()> {
        let Self {
            mut child,
            stdin,
            mut lines,
            complaints,
        } = self;
        drop(stdin);
        while lines.recv().await.is_some() {}
        let status = tokio::task::spawn_blocking(move || child.0.wait()).await??;
        ensure!(
            status.success(),
            "{status}: {}",
            std::fs::read_to_string(complaints.path()).unwrap_or_default()
        );
        Ok(())
    }

    fn complaints(&self) -> String {
        let mut text = String::new();
        if let Ok(mut file) = File::open(self.complaints.path()) {
            let _ = std::io::Read::read_to_string(&mut file, &mut text);
        }
        text
    }
}

/// Runs a script to its end and returns the version that it named.
pub(super) async fn run(command: &mut Command, steps: &mut Steps<'_>) -> Result<String> {
    let mut client = Client::start(command)?;
    let mut version = String::new();
    while let Some(line) = client.line().await? {
        let Some((word, rest)) = line.split_once(' ') else {
            continue;
        };
        match word {
            "version" => {
                rest.clone_into(&mut version);
                continue;
            }
            "held" => steps.held(rest).await?,
            "done" => steps.done(rest).await?,
            "failed" => {
                let (feature, why) = rest.split_once(": ").unwrap_or((rest, ""));
                steps.failed(feature, why).await?;
            }
            _ => continue,
        }
        client.tell("go on\n")?;
    }
    client.finish().await?;
    Ok(version)
}

/// How a command line client is told things that are no steps.
pub(super) struct Language {
    /// Makes it print [`ECHO`] when everything before is done.
    pub(super) echo: &'static str,
    /// Makes it connect again.
    pub(super) reconnect: &'static str,
}

/// The line that a client prints when it was asked to.
const ECHO: &str = "all done so far";

/// What psql understands.
pub(super) const PSQL: Language = Language {
    echo: "\\echo all done so far\n",
    reconnect: "\\connect\n",
};

/// What the clients of MySQL and MariaDB understand.
pub(super) const MYSQL: Language = Language {
    echo: "SELECT 'all done so far';\n",
    reconnect: "\\r\n",
};

/// Feeds a command line client a script in portions: `-- step: FEATURE` ends a step and names it, `-- held: REASON`
/// says what is held, `-- expect: REASON` what was held for a moment. Each step has a connection of its own.
pub(super) async fn run_command_line(
    command: &mut Command,
    language: &Language,
    script: &str,
    steps: &mut Steps<'_>,
) -> Result<()> {
    let mut client = Client::start(command)?;
    for line in script.split_inclusive('\n') {
        let Some(mark) = line.strip_prefix("-- ") else {
            client.tell(line)?;
            continue;
        };
        let mark = mark.trim_end();
        if let Some(reason) = mark.strip_prefix("held: ") {
            until_echo(&mut client, language).await?;
            steps.held(reason).await?;
        } else if let Some(reason) = mark.strip_prefix("expect: ") {
            steps.expect(reason);
        } else if let Some(feature) = mark.strip_prefix("step: ") {
            until_echo(&mut client, language).await?;
            steps.done(feature).await?;
            client.tell(language.reconnect)?;
        }
    }
    client.finish().await
}

/// Waits until the client has done everything that it was told.
async fn until_echo(client: &mut Client, language: &Language) -> Result<()> {
    client.tell(language.echo)?;
    while let Some(line) = client.line().await? {
        if line == ECHO {
            return Ok(());
        }
    }
    bail!("the client ended: {}", client.complaints())
}
