//! Packages of Debian and Ubuntu.

use std::process::Command;

use anyhow::{Result, bail};

use crate::step;

/// Installs those of `packages` that are missing; elsewhere it names them and stops.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    if !step::succeeds("apt-get", &["--version"]) {
        return elsewhere(packages);
    }
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !rustix::process::geteuid().is_root() && !step::succeeds("sudo", &["-n", "true"]) {
        bail!("missing packages; please run: sudo apt-get install {names}");
    }
    step::run_networked("reading the package lists", || apt(&["update"]))?;
    step::run_networked(&format!("installing with apt: {names}"), || {
        let mut command = apt(&["install", "--yes", "--no-install-recommends"]);
        command.args(&missing);
        command
    })
}

/// Without apt nothing is installed behind anybody's back; programs that are there are enough.
fn elsewhere(packages: &[&str]) -> Result<()> {
    let missing: Vec<String> = packages
        .iter()
        .filter(|package| !is_there(package))
        .map(|package| format!("{package} ({})", in_words(package)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "this is no Debian or Ubuntu; please install what corresponds to: {}",
        missing.join(", ")
    )
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    };
    command
        .arg("--quiet=2")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_installed(package: &str) -> bool {
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output();
    let listed =
        output.is_ok_and(|output| output.status.success() && output.stdout == b"installed");
    listed || is_there(package)
}

/// Whether the program (or file) that a package is wanted for is there, however it was installed.
fn is_there(package: &str) -> bool {
    match package {
        "curl" | "patchelf" | "pkg-config" | "npm" => step::succeeds(package, &["--version"]),
        "nodejs" => step::succeeds("node", &["--version"]),
        "default-jdk-headless" => step::succeeds("javac", &["-version"]),
        "libmariadb-dev" => step::succeeds("mariadb_config", &["--version"]),
        "postgresql-client" => step::succeeds("psql", &["--version"]),
        "python3-dev" => step::succeeds("python3-config", &["--includes"]),
        "python3-venv" => step::succeeds("python3", &["-c", "import venv, ensurepip"]),
        "libpostgresql-jdbc-java" => {
            std::path::Path::new("/usr/share/java/postgresql.jar").is_file()
        }
        _ => false,
    }
}

fn in_words(package: &str) -> &'static str {
    match package {
        "default-jdk-headless" => "a Java development kit, 11 or newer",
        "libmariadb-dev" => "MariaDB Connector/C with its headers and plug-ins",
        "libpostgresql-jdbc-java" => "pgjdbc as /usr/share/java/postgresql.jar",
        "nodejs" => "Node.js 18 or newer",
        "npm" => "Node's package manager",
        "patchelf" => "rewrites library paths of programs",
        "postgresql" => "a PostgreSQL server, 13 or newer",
        "postgresql-client" => "psql",
        "pkg-config" => "finds libraries for compilers",
        "python3-dev" => "Python's headers",
        "python3-venv" => "Python 3.10 or newer with venv",
        _ => "the program of that name",
    }
}
