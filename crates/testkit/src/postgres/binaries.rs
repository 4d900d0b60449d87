//! Finding the programs of a PostgreSQL version on the machine.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::tools::tools_dir;

/// A major version that the tests know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PostgresVersion {
    /// PostgreSQL 15 (Debian 12's own).
    V15,
    /// PostgreSQL 18 (protocol 3.2, direct TLS).
    V18,
}

impl PostgresVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 2] = [Self::V15, Self::V18];

    /// The major number.
    pub fn major(self) -> u32 {
        match self {
            Self::V15 => 15,
            Self::V18 => 18,
        }
    }

    /// Whether this version is on the machine; says so loudly on standard error when it is not.
    ///
    /// With `TOLLGATE_REQUIRE_ALL` set (as `cargo xtask test` does) a missing version is reported as
    /// present, so that the test runs, fails and nothing is skipped in silence.
    #[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
    pub fn available(self) -> bool {
        if self.bin_dir().is_ok() || env::var_os("TOLLGATE_REQUIRE_ALL").is_some() {
            return true;
        }
        eprintln!(
            "skipped: no PostgreSQL {} (run `cargo xtask test`)",
            self.major()
        );
        false
    }

    /// The newest version on the machine.
    pub fn newest() -> Result<Self> {
        for version in Self::ALL.into_iter().rev() {
            if version.bin_dir().is_ok() {
                return Ok(version);
            }
        }
        bail!("no PostgreSQL server found on this machine (run `cargo xtask test`)")
    }

    /// The folder with `initdb`, `postgres` and `psql`.
    ///
    /// Looked for in `TOLLGATE_POSTGRES_<major>` (a folder), the distribution's places, the unpacked
    /// tree in [`tools_dir`], and the search path.
    pub fn bin_dir(self) -> Result<PathBuf> {
        let major = self.major();
        if let Some(dir) = env::var_os(format!("TOLLGATE_POSTGRES_{major}")) {
            return Ok(PathBuf::from(dir));
        }
        let places = [
            PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")),
            tools_dir().join(format!(
                "postgresql-{major}/tree/usr/lib/postgresql/{major}/bin"
            )),
            PathBuf::from(format!("/usr/pgsql-{major}/bin")),
        ];
        if let Some(found) = places.into_iter().find(|dir| is_complete(dir)) {
            return Ok(found);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        for dir in env::split_paths(&path) {
            if is_complete(&dir) && major_of(&dir) == Some(major) {
                return Ok(dir);
            }
        }
        bail!("no PostgreSQL {major} on this machine (run `cargo xtask test`)")
    }
}

fn is_complete(dir: &Path) -> bool {
    ["initdb", "postgres", "psql"]
        .iter()
        .all(|program| dir.join(program).is_file())
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → 15.
fn major_of(dir: &Path) -> Option<u32> {
    let output = Command::new(dir.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    version.split('.').next()?.parse().ok()
}
