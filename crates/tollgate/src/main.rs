//! The `tollgate` program: the only place where the two planes meet.

mod adapters;
mod certificates;
mod config;
mod data_dir;
mod demo;
mod descriptors;
mod master_key;
mod random;
mod root_key;
mod serve;
mod snapshot_file;
mod token;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};

use config::{Config, ConfigError, RawConfig};

/// Self-hosted RDS Proxy: IAM tokens and connection pooling in front of your own databases.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the control plane and the data plane in one process
    Serve(Box<ServeArgs>),
    /// Serve in front of throw-away database servers and run a first query through each
    Demo(demo::DemoArgs),
    /// Print an IAM token for a proxy endpoint, from the AWS credential chain
    Token(token::TokenArgs),
    /// Print the OpenAPI document of the REST API
    Openapi(OpenapiArgs),
}

#[derive(Debug, clap::Args)]
struct ServeArgs {
    /// Settings file (TOML); flags and environment win over it
    #[arg(long, env = "TOLLGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: RawConfig,
}

#[derive(Debug, clap::Args)]
struct OpenapiArgs {
    /// Form of the document
    #[arg(long, value_enum, default_value = "yaml")]
    format: DocumentFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DocumentFormat {
    Yaml,
    Json,
}

/// Exit status for wrong settings, as clap's for wrong flags.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The first statement that could need it: rustls refuses to choose between providers by itself.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        return fail(&anyhow::anyhow!("a TLS provider is installed already"));
    }
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    // Nothing is left to do if standard error is closed.
    let _ = writeln!(std::io::stderr(), "tollgate: {error:#}");
    match error.downcast_ref::<ConfigError>() {
        Some(_) => ExitCode::from(EXIT_USAGE),
        None => ExitCode::FAILURE,
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve(args) => {
            let config = Config::load(args.settings, args.config.as_deref())?;
            tollgate_telemetry::init_logging(&config.log).map_err(ConfigError::from)?;
            runtime()?.block_on(serve::serve(config))
        }
        Command::Demo(args) => runtime()?.block_on(demo::demo(&args)),
        Command::Token(args) => {
            let token = runtime()?.block_on(token::make(&args))?;
            print(&format!("{token}\n"))
        }
        Command::Openapi(args) => {
            let document = tollgate_control_plane::openapi();
            let text = match args.format {
                DocumentFormat::Yaml => document.to_yaml().context("cannot write YAML")?,
                DocumentFormat::Json => {
                    document.to_pretty_json().context("cannot write JSON")? + "\n"
                }
            };
            print(&text)
        }
    }
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

/// The control plane's runtime; the data plane has threads of its own.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start a runtime")
}
