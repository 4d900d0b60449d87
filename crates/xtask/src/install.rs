//! Installing what a task needs and nothing else: with apt where it is there, else it names the packages.

mod apt;
mod drivers;
mod mysql;
mod peers;
mod unpacked;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::{step, workspace};

/// Major versions of PostgreSQL that the tests use.
const POSTGRES_MAJORS: [u32; 2] = [15, 18];

/// Servers of these engines, in the words of `tollgate demo`, and their command lines; PostgreSQL if there are none.
pub(crate) fn for_demo(engines: &[&str]) -> Result<()> {
    let wants = |engine: &str| engines.contains(&engine);
    let has_postgres = !postgres_bin_dirs().is_empty() && step::succeeds("psql", &["--version"]);
    if (engines.is_empty() || wants("postgres")) && !has_postgres {
        apt::install(&["postgresql", "postgresql-client"])?;
    }
    for (engine, server, program) in [
        ("mysql", mysql::Server::MySql, "mysqld"),
        ("mariadb", mysql::Server::MariaDb, "mariadbd"),
    ] {
        let system = Path::new("/usr/sbin").join(program);
        if wants(engine) && !system.is_file() && server.bin_dirs().is_empty() {
            apt::install(&["patchelf"])?;
            server.install()?;
        }
    }
    Ok(())
}

/// Proxies that `cargo xtask bench` compares with, and what it makes load with.
pub(crate) fn for_bench() -> Result<()> {
    apt::install(&["patchelf", "sysbench", "valgrind"])?;
    peers::install()
}

/// Folders with programs of servers that are unpacked, for a search path.
pub(crate) fn server_bin_dirs() -> Vec<PathBuf> {
    let mysql = mysql::Server::ALL
        .into_iter()
        .flat_map(mysql::Server::bin_dirs);
    postgres_bin_dirs().into_iter().chain(mysql).collect()
}

/// Everything the tests use. They find it by the same rules (`crates/testkit/src/tools.rs`).
pub(crate) fn for_tests() -> Result<()> {
    apt::install(&[
        "curl",
        "default-jdk-headless",
        // For mysqlclient (Python), which is compiled: pip has no binary of it.
        "libmariadb-dev",
        "libpostgresql-jdbc-java",
        "nodejs",
        "patchelf",
        "pkg-config",
        "postgresql-client",
        "python3-dev",
        "python3-venv",
        "valgrind",
    ])?;
    // Not in the list above: Node.js packages of other origins bring their own npm and conflict.
    apt::install(&["npm"])?;
    for major in POSTGRES_MAJORS {
        if postgres_bin_dir(major).is_none() {
            unpacked::postgres(major)?;
        }
    }
    for server in mysql::Server::ALL {
        server.install()?;
    }
    let tools = workspace::tools_dir();
    drivers::python(&tools)?;
    drivers::node(&tools)?;
    drivers::debian(&tools)
}

/// Folders with PostgreSQL servers, newest first.
fn postgres_bin_dirs() -> Vec<PathBuf> {
    let majors = (10..=30).rev();
    majors.filter_map(postgres_bin_dir).collect()
}

fn postgres_bin_dir(major: u32) -> Option<PathBuf> {
    [
        PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")),
        unpacked::postgres_bin_dir(major),
    ]
    .into_iter()
    .find(|dir| is_server(dir))
}

fn is_server(dir: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|program| dir.join(program).is_file())
}
