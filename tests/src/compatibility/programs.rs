//! The clients that are programs: how each is started, and where `cargo xtask prepare` put it.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};
use tollgate_testkit::{PostgresVersion, tools_dir};

use super::{Target, process, steps::Steps};
use crate::support::{point_at, python, script};

/// A client that is a program.
#[derive(Clone, Copy)]
pub(super) enum Program {
    Psql,
    Psycopg,
    Asyncpg,
    SqlalchemyPsycopg,
    SqlalchemyAsyncpg,
    Django,
    NodePostgres,
    PostgresJs,
    Pgjdbc,
    Pgx,
    /// What `ActiveRecord` and the pg gem send, through the same library calls.
    Rails,
}

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Psql => "psql",
            Self::Psycopg => "psycopg",
            Self::Asyncpg => "asyncpg",
            Self::SqlalchemyPsycopg => "SQLAlchemy on psycopg",
            Self::SqlalchemyAsyncpg => "SQLAlchemy on asyncpg",
            Self::Django => "Django",
            Self::NodePostgres => "node-postgres",
            Self::PostgresJs => "postgres.js",
            Self::Pgjdbc => "pgjdbc",
            Self::Pgx => "pgx",
            Self::Rails => "Rails (messages by hand)",
        }
    }

    /// Goes through all steps and returns the client's version.
    pub(super) async fn run(self, target: &Target, steps: &mut Steps<'_>) -> Result<String> {
        let mut command = self.command()?;
        point_at(&target.place, &mut command);
        command.env("PGDATABASE", target.database);
        if matches!(self, Self::Psql) {
            let text = std::fs::read_to_string(ours("psql.sql")).context("reading psql.sql")?;
            process::run_command_line(&mut command, &process::PSQL, &text, steps).await?;
            return Ok(PostgresVersion::newest()?.major().to_string());
        }
        process::run(&mut command, steps).await
    }

    fn command(self) -> Result<Command> {
        Ok(match self {
            Self::Psql => {
                let folder = PostgresVersion::newest()?.bin_dir()?;
                let program = folder.join("psql");
                let mut command = Command::new(&program);
                command
                    .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
                    .env("PSQL", program)
                    .env("PGBIN", folder)
                    .current_dir(ours(""));
                command
            }
            Self::Psycopg => python_script("psycopg_steps.py"),
            Self::Asyncpg => python_script("asyncpg_steps.py"),
            Self::SqlalchemyPsycopg => {
                let mut command = python_script("sqlalchemy_steps.py");
                command.arg("psycopg");
                command
            }
            Self::SqlalchemyAsyncpg => {
                let mut command = python_script("sqlalchemy_steps.py");
                command.arg("asyncpg");
                command
            }
            Self::Django => python_script("django_steps.py"),
            Self::NodePostgres => node_script("node_postgres_steps.cjs"),
            Self::PostgresJs => node_script("postgres_js_steps.cjs"),
            Self::Pgjdbc => java_script("postgresql.jar", "PgjdbcSteps.java"),
            Self::Pgx => go_script("pgx_steps.go"),
            Self::Rails => python_script("rails_steps.py"),
        })
    }
}

/// A file of `tests/drivers/compatibility`.
pub(super) fn ours(name: &str) -> PathBuf {
    script("compatibility").join(name)
}

/// What `cargo xtask prepare` unpacked from Debian packages.
pub(super) fn unpacked(path: &str) -> PathBuf {
    tools_dir().join("debian/tree").join(path)
}

pub(super) fn python_script(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg("-B").arg(ours(name));
    command
}

pub(super) fn node_script(name: &str) -> Command {
    let mut command = Command::new("node");
    command
        .env("NODE_PATH", tools_dir().join("node/node_modules"))
        .arg(ours(name));
    command
}

/// Compiles and runs the Go script; Go keeps what it compiled, so only the first time takes long.
pub(super) fn go_script(name: &str) -> Command {
    let root = unpacked("usr/lib/go");
    let mut command = Command::new(root.join("bin/go"));
    command
        .arg("run")
        .arg(ours(name))
        .env("GOROOT", &root)
        .env("GOPATH", unpacked("usr/share/gocode"))
        .env("GOCACHE", tools_dir().join("go-cache"))
        .env("GO111MODULE", "off")
        .env("GOTOOLCHAIN", "local")
        .env("CGO_ENABLED", "0");
    command
}

/// Compiles and runs a Java script with a driver that Debian packages.
pub(super) fn java_script(driver: &str, name: &str) -> Command {
    let mut command = Command::new("java");
    command
        .args(["-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp"])
        .arg(unpacked("usr/share/java").join(driver))
        .arg(ours(name));
    command
}
