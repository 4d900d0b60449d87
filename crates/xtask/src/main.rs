//! Developer tasks: `cargo xtask demo | test | tidy | openapi | compatibility | bench | dist | train | instructions | ci`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to its terminal"
)]

mod bench;
mod ci;
mod compatibility;
mod demo;
mod install;
mod instructions;
mod openapi;
mod shipped;
mod step;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use instructions::Purpose;

/// What can be asked for.
#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of Tollgate")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build Tollgate and run its demo; installs a PostgreSQL server first if there is none.
    Demo {
        /// Passed on to `tollgate demo`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Install what the tests need and nothing else.
    Prepare,
    /// Install what the tests need, then run every check and every test.
    Test,
    /// Check the rules that neither rustc nor clippy knows.
    Tidy,
    /// Write api-spec/openapi.yaml from the code.
    Openapi {
        /// Only say whether the file is up to date.
        #[arg(long)]
        check: bool,
    },
    /// Write docs/compatibility.md from what real clients do through the proxy.
    Compatibility,
    /// Measure Tollgate beside other proxies; `cargo xtask bench -- --help` says more.
    Bench {
        /// Install `PgBouncer`, `HAProxy` and `MySQL` Router beside the system first, in newer versions than it has.
        #[arg(long)]
        install_peers: bool,
        /// Passed on: --quick, --peers, --only, --json …
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build Tollgate as it is shipped: optimised as a whole, for what it was seen to do in training.
    Dist,
    /// Train: have an instrumented build work, and store in deploy/tollgate.profdata what it does.
    Train,
    /// Count what the hot paths execute; fails when one costs over a tenth more than what is stored.
    Instructions {
        /// Store the counts instead.
        #[arg(long)]
        update: bool,
    },
    /// Exactly what continuous integration runs.
    Ci,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Demo { arguments } => demo::run(&arguments),
        Task::Prepare => install::for_tests(),
        Task::Test | Task::Ci => ci::run(),
        Task::Bench {
            install_peers,
            arguments,
        } => install_peers
            .then(install::for_bench)
            .unwrap_or(Ok(()))
            .and_then(|()| bench::run(&arguments)),
        Task::Dist => shipped::build().map(|program| step::say(&program.display().to_string())),
        Task::Train => shipped::train(),
        Task::Instructions { update: false } => instructions::run(Purpose::Check),
        Task::Instructions { update: true } => instructions::run(Purpose::Update),
        Task::Tidy => tidy::run(),
        Task::Compatibility => compatibility::write(),
        Task::Openapi { check: true } => openapi::check(),
        Task::Openapi { check: false } => openapi::write(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
