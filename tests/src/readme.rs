//! The README tells the truth: its walk is run as it stands, only ports and the database filled in.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use tollgate_testkit::{Postgres, PostgresVersion, Tollgate, tollgate_program};

use crate::support::APP_PASSWORD;

/// The `sh` blocks of the section "Five-minute walk"; `console` blocks are for people.
fn walk(readme: &str) -> Result<String> {
    let section = readme
        .split("\n## ")
        .find(|part| part.starts_with("Five-minute walk"));
    let section = section.context("the README has no walk")?;
    let blocks = section.split("```sh\n").skip(1);
    let code: Vec<&str> = blocks
        .filter_map(|block| block.split("```").next())
        .collect();
    Ok(code.join("\n"))
}

#[test]
fn every_line_of_the_walk_works() -> Result<()> {
    let postgres = Postgres::start(PostgresVersion::newest()?)?;
    postgres.user_create("app", APP_PASSWORD)?;
    postgres.database_create("orders", "app")?;
    let tollgate = Tollgate::start()?;
    let folder = tempfile::tempdir()?;
    std::os::unix::fs::symlink(tollgate.data_dir(), folder.path().join("tollgate-data"))?;
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let code = walk(&std::fs::read_to_string(readme)?)?
        .replace("7400", &tollgate.api_port().to_string())
        .replace("7500", &tollgate.first_endpoint_port().to_string());
    let program = tollgate_program()?;
    let programs = program.parent().context("a program has a folder")?;
    let path = format!("{}:{}", programs.display(), std::env::var("PATH")?);
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &code])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("DB_HOST", postgres.host())
        .env("DB_PORT", postgres.port().to_string())
        .env("DB_PASSWORD", APP_PASSWORD)
        .stdin(Stdio::null())
        .output()
        .context("running the walk")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaints}");
    for word in [
        "\"status\":\"available\"",
        "PostgreSQL",
        "MALFORMED",
        "tollgate_auth_decisions",
    ] {
        let compact = said.replace("\": ", "\":");
        assert!(
            compact.contains(word),
            "{word} is missing in\n{said}\n{complaints}"
        );
    }
    Ok(())
}
