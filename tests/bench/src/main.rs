//! `bench`: the measurements as a program; `cargo xtask bench` builds everything first.
#![allow(
    clippy::print_stderr,
    reason = "a command line tool speaks to its terminal"
)]

use std::process::ExitCode;

use bench::Options;
use clap::Parser;

fn main() -> ExitCode {
    match bench::run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
