//! The real `tollgate` program, started with a temporary data folder and free ports.

mod program;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

pub use program::tollgate_program;

use crate::{
    Api, ClientTls, Ports,
    process::{Ended, Guarded},
};

/// How long a start may take on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many endpoint ports one instance gets.
const ENDPOINT_PORTS: u16 = 8;

/// What a Tollgate under test should be like.
#[derive(Debug, Clone, Default)]
pub struct TollgateOptions {
    /// Further command line arguments of `serve`.
    pub args: Vec<String>,
    /// Further environment variables.
    pub env: Vec<(String, String)>,
    /// A program to run in place of [`tollgate_program`], for instance one that runs it under a tool.
    pub program: Option<PathBuf>,
    /// How long a start may take, when that is not the usual minute.
    pub start_limit: Option<Duration>,
}

impl TollgateOptions {
    /// The same with one more `--name value`.
    #[must_use]
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.args.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// The same with one more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The root access key that the first start wrote down.
#[derive(Clone)]
pub struct RootKey {
    /// Access key id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

impl std::fmt::Debug for RootKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "RootKey({}, [redacted])", self.access_key_id)
    }
}

/// A running (or deliberately stopped) `tollgate serve`.
#[derive(Debug)]
pub struct Tollgate {
    // Declared before `folder`: fields drop in order, and the process must be gone first.
    process: Option<Guarded>,
    folder: tempfile::TempDir,
    /// The API's port, then those of the endpoints.
    ports: Ports,
    options: TollgateOptions,
}

impl Tollgate {
    /// Starts with default options and waits until `/livez` answers.
    pub fn start() -> Result<Self> {
        Self::start_with(TollgateOptions::default())
    }

    /// Starts with these options and waits until `/livez` answers.
    pub fn start_with(options: TollgateOptions) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("tollgate-")
            .tempdir()
            .context("making a data folder")?;
        let ports = Ports::reserve(ENDPOINT_PORTS + 1)?;
        let mut tollgate = Self {
            process: None,
            folder,
            ports,
            options,
        };
        tollgate.launch()?;
        Ok(tollgate)
    }

    /// `http://127.0.0.1:port` of the REST API.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port())
    }

    /// The REST API's port.
    pub fn api_port(&self) -> u16 {
        self.ports.first()
    }

    /// The first port that an endpoint will get.
    pub fn first_endpoint_port(&self) -> u16 {
        self.ports.first() + 1
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The process id.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Guarded::id)
    }

    /// Everything the process has written to its output so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The root access key from `<data-dir>/credentials`.
    pub fn root_key(&self) -> Result<RootKey> {
        let path = self.credentials_file();
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .find(|(key, _)| key.trim() == name)
                .map(|(_, value)| value.trim().to_owned())
                .with_context(|| format!("{name} is not in {}", path.display()))
        };
        Ok(RootKey {
            access_key_id: value("aws_access_key_id")?,
            secret_access_key: value("aws_secret_access_key")?,
        })
    }

    /// The credentials file, for `AWS_SHARED_CREDENTIALS_FILE`.
    pub fn credentials_file(&self) -> PathBuf {
        self.data_dir().join("credentials")
    }

    /// The certificate authority that clients should trust.
    pub fn ca_file(&self) -> PathBuf {
        self.data_dir().join("ca.pem")
    }

    /// TLS for clients that trusts this instance's authority.
    pub fn client_tls(&self) -> Result<ClientTls> {
        let path = self.ca_file();
        let pem =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        ClientTls::trusting(&pem)
    }

    /// The REST API as root.
    pub fn api(&self) -> Result<Api> {
        let root = self.root_key()?;
        Api::new(&self.url(), &root.access_key_id, &root.secret_access_key)
    }

    /// Sends SIGTERM and does not wait.
    pub fn terminate(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::TERM);
        }
    }

    /// Waits for the end of the process after [`Tollgate::terminate`].
    pub fn wait(&mut self, limit: Duration) -> Result<Ended> {
        match self.process.as_mut() {
            Some(process) => process.wait(limit),
            None => bail!("the process is not running"),
        }
    }

    /// SIGTERM, then waits for a clean end.
    pub fn stop(&mut self) -> Result<Ended> {
        self.terminate();
        let ended = self.wait(PATIENCE)?;
        self.process = None;
        Ok(ended)
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill_tree(),
            None => Ok(()),
        }
    }

    /// Starts again with the same data folder, ports and options.
    pub fn restart(&mut self) -> Result<()> {
        if self.process.is_some() {
            self.stop()?;
        }
        self.launch()
    }

    /// Changes the options that the next [`Tollgate::restart`] uses.
    pub fn set_options(&mut self, options: TollgateOptions) {
        self.options = options;
    }

    fn launch(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .context("opening the log")?;
        let last_port = self.ports.first() + ENDPOINT_PORTS;
        let program = match &self.options.program {
            Some(path) => path.clone(),
            None => tollgate_program()?,
        };
        let mut command = Command::new(program);
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(["--api-listen", &format!("127.0.0.1:{}", self.api_port())])
            .args([
                "--endpoint-ports",
                &format!("{}-{last_port}", self.first_endpoint_port()),
            ])
            .args(["--log-format", "json"])
            .args(&self.options.args)
            .envs(self.options.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("sharing the log")?)
            .stderr(log);
        let child = command.spawn().context("starting tollgate")?;
        self.process = Some(Guarded::new(child, Signal::KILL, Duration::from_secs(5)));
        self.wait_until_live()
    }

    fn wait_until_live(&mut self) -> Result<()> {
        let limit = self.options.start_limit.unwrap_or(PATIENCE);
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Ended::Exited(code) = self.wait(Duration::ZERO)? {
                bail!("tollgate ended with {code:?}: {}", self.log());
            }
            if program::is_live(self.api_port()) && self.credentials_file().is_file() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("tollgate was not live in {limit:?}: {}", self.log())
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("tollgate.log")
    }

    /// The folder that holds data folder and log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
