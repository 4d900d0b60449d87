//! `floor LISTEN_PORT SERVER_PORT CONNECTIONS USER DATABASE`: a pooler that does nothing else, see `bench::floor`.
#![allow(
    clippy::print_stderr,
    reason = "a command line tool speaks to its terminal"
)]

use std::process::ExitCode;

use anyhow::{Context, Result};
use bench::floor::{Pool, serve};

fn main() -> ExitCode {
    match arguments().and_then(|(listen, pool)| serve(listen, &pool)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<(u16, Pool)> {
    let mut words = std::env::args().skip(1);
    let mut word = |name: &str| words.next().with_context(|| format!("{name} is missing"));
    let listen = word("LISTEN_PORT")?.parse().context("LISTEN_PORT")?;
    let pool = Pool {
        server_port: word("SERVER_PORT")?.parse().context("SERVER_PORT")?,
        connections: word("CONNECTIONS")?.parse().context("CONNECTIONS")?,
        user: word("USER")?,
        database: word("DATABASE")?,
    };
    Ok((listen, pool))
}
