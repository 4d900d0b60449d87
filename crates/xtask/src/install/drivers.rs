//! Database drivers of other languages, in their own folders outside the clone.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::unpacked;
use crate::step;

/// What the Python tests import, plus the AWS command line and an emulator of AWS Secrets Manager, pinned.
const PYTHON_PACKAGES: [&str; 14] = [
    "asyncpg==0.32.0",
    "awscli==1.46.2",
    "boto3==1.44.2",
    "django==5.2.19",
    "flask==3.1.3",
    "flask-cors==6.0.5",
    "greenlet==3.5.6",
    "moto[secretsmanager]==5.2.5",
    "mysql-connector-python==26.10.0",
    "mysqlclient==2.3.1",
    "psycopg-pool==3.3.3",
    "psycopg[binary]==3.3.9",
    "pymysql==1.2.4",
    "sqlalchemy==2.1.9",
];

/// What the Node.js tests import, pinned.
const NODE_PACKAGES: [&str; 6] = [
    "mariadb@3.4.5",
    "mysql2@3.24.6",
    "pg@8.23.1",
    "pg-copy-streams@7.0.0",
    "pg-cursor@2.22.0",
    "postgres@3.4.9",
];

/// Drivers (and a compiler for one of them) that Debian packages and its stable release lacks or has
/// in an old version. Unpacked, not installed; `tests/src/compatibility` looks into the same tree.
const DEBIAN_PACKAGES: [&str; 5] = [
    "golang-go",
    "golang-github-go-sql-driver-mysql-dev",
    "golang-github-jackc-pgx-v5-dev",
    "libmariadb-java",
    "libpostgresql-jdbc-java",
];

/// A tree with [`DEBIAN_PACKAGES`].
pub(super) fn debian(tools: &Path) -> Result<()> {
    let folder = tools.join("debian");
    if is_stamped(&folder, &DEBIAN_PACKAGES) {
        return Ok(());
    }
    unpacked::packages(&folder, "sid", &DEBIAN_PACKAGES)?;
    compile_go(tools, &folder.join("tree"))?;
    stamp(&folder, &DEBIAN_PACKAGES)
}

/// Compiles the Go drivers once, so that the tests only have to link them.
fn compile_go(tools: &Path, tree: &Path) -> Result<()> {
    let root = tree.join("usr/lib/go");
    step::run(
        "compiling Go drivers",
        Command::new(root.join("bin/go"))
            .args(["build", "github.com/jackc/pgx/v5/pgxpool"])
            .arg("github.com/go-sql-driver/mysql")
            .env("GOROOT", &root)
            .env("GOPATH", tree.join("usr/share/gocode"))
            .env("GOCACHE", tools.join("go-cache"))
            .env("GO111MODULE", "off")
            .env("GOTOOLCHAIN", "local")
            .env("CGO_ENABLED", "0"),
    )
}

/// A virtual environment with [`PYTHON_PACKAGES`].
pub(super) fn python(tools: &Path) -> Result<()> {
    let folder = tools.join("python");
    if is_stamped(&folder, &PYTHON_PACKAGES) {
        return Ok(());
    }
    fs::create_dir_all(tools).context("making the tools folder")?;
    step::run(
        "making a Python environment",
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    step::run_networked(
        &format!("installing with pip: {}", PYTHON_PACKAGES.join(" ")),
        || {
            let mut command = Command::new(folder.join("bin/python"));
            command
                .args(["-m", "pip", "install", "--quiet", "--no-input"])
                .arg("--disable-pip-version-check")
                .args(PYTHON_PACKAGES);
            command
        },
    )?;
    stamp(&folder, &PYTHON_PACKAGES)
}

/// A folder with [`NODE_PACKAGES`].
pub(super) fn node(tools: &Path) -> Result<()> {
    let folder = tools.join("node");
    if is_stamped(&folder, &NODE_PACKAGES) {
        return Ok(());
    }
    fs::create_dir_all(&folder).context("making the tools folder")?;
    fs::write(folder.join("package.json"), "{\"private\":true}\n")
        .context("writing package.json")?;
    step::run_networked(
        &format!("installing with npm: {}", NODE_PACKAGES.join(" ")),
        || {
            let mut command = Command::new("npm");
            command
                .args(["install", "--silent", "--no-audit", "--no-fund"])
                .args(NODE_PACKAGES)
                .current_dir(&folder);
            command
        },
    )?;
    stamp(&folder, &NODE_PACKAGES)
}

/// A finished folder carries the list of what is in it; another list means: do it again.
fn is_stamped(folder: &Path, packages: &[&str]) -> bool {
    fs::read_to_string(folder.join(".installed")).is_ok_and(|text| text == packages.join("\n"))
}

fn stamp(folder: &Path, packages: &[&str]) -> Result<()> {
    fs::write(folder.join(".installed"), packages.join("\n")).context("noting what was installed")
}
