//! The README tells the truth: its walks are run as they stand, only ports and the database filled in.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use tollgate_testkit::{
    MySqlKind, MySqlOptions, MySqlServer, Postgres, PostgresVersion, TestCa, Tollgate,
    tollgate_program, tools_dir,
};

use crate::support::APP_PASSWORD;

/// The `sh` blocks of a section; `console` blocks are for people.
fn blocks(title: &str) -> Result<Vec<String>> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme)?;
    let section = readme
        .split("\n## ")
        .find(|part| part.starts_with(title))
        .with_context(|| format!("the README has no section {title}"))?;
    let blocks = section.split("```sh\n").skip(1);
    Ok(blocks
        .filter_map(|block| Some(block.split("```").next()?.to_owned()))
        .collect())
}

/// Runs code beside a fresh Tollgate, in front of a database at this port; `programs` are found first.
fn run(code: &str, database: (&str, u16), programs: Option<&Path>) -> Result<(String, String)> {
    let tollgate = Tollgate::start()?;
    let folder = tempfile::tempdir()?;
    std::os::unix::fs::symlink(tollgate.data_dir(), folder.path().join("tollgate-data"))?;
    let code = code
        .replace("7400", &tollgate.api_port().to_string())
        .replace("7500", &tollgate.first_endpoint_port().to_string());
    let program = tollgate_program()?;
    let ours = program.parent().context("a program has a folder")?;
    let mut path = vec![ours.to_owned()];
    path.extend(programs.map(Path::to_owned));
    path.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let (host, port) = database;
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &code])
        .current_dir(folder.path())
        .env("PATH", std::env::join_paths(path)?)
        .env("DB_HOST", host)
        .env("DB_PORT", port.to_string())
        .env("DB_PASSWORD", APP_PASSWORD)
        .stdin(Stdio::null())
        .output()
        .context("running the walk")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{complaints}");
    Ok((said, complaints))
}

#[test]
fn every_line_of_the_walk_works() -> Result<()> {
    let postgres = Postgres::start(PostgresVersion::newest()?)?;
    postgres.user_create("app", APP_PASSWORD)?;
    postgres.database_create("orders", "app")?;
    let code = blocks("Five-minute walk")?.join("\n");
    let (said, complaints) = run(&code, (postgres.host(), postgres.port()), None)?;
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

#[test]
fn every_line_for_mysql_works() -> Result<()> {
    if !MySqlKind::MySql9.available() {
        return Ok(());
    }
    // As servers out there, it offers TLS.
    let identity = TestCa::new()?.server(&["127.0.0.1"])?;
    let mysql = MySqlServer::start_with(MySqlOptions::new(MySqlKind::MySql9).tls(identity))?;
    mysql.user_create("app", APP_PASSWORD)?;
    let walk = blocks("Five-minute walk")?;
    // What the section takes for granted: how to call, and a user with a key.
    let given = walk
        .iter()
        .filter(|block| block.starts_with("API=") || block.contains("/iam/users "));
    let own = blocks("With MySQL or MariaDB")?;
    let code: Vec<&str> = given.chain(&own).map(String::as_str).collect();
    let client = mysql.program("mysql");
    let database = (mysql.host(), mysql.port());
    let (said, complaints) = run(&code.join("\n"), database, client.parent())?;
    assert!(said.contains("app@%"), "{said}\n{complaints}");
    Ok(())
}

#[test]
fn the_switch_for_aws_tools_works() -> Result<()> {
    let code = blocks("With the AWS command line")?.join("\n");
    let programs = tools_dir().join("python/bin");
    let (said, complaints) = run(&code, ("127.0.0.1", 1), Some(&programs))?;
    for word in [
        "arn:aws:iam::000000000000:root",
        ":secret:orders/app-",
        "DBProxies",
    ] {
        assert!(
            said.contains(word),
            "{word} is missing in\n{said}\n{complaints}"
        );
    }
    Ok(())
}
