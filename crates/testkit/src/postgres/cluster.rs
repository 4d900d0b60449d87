//! Making a server's data folder: initialised once per version, copied for every server after that.

use std::{
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::{Postgres, SUPERUSER};
use crate::template::{Template, write_owned};

/// Fills the data folder of `postgres` and writes its configuration.
pub(super) fn create(postgres: &Postgres) -> Result<()> {
    let data = postgres.data_dir();
    let template = Template {
        name: &format!("postgresql-{}", postgres.options.version.major()),
        program: &postgres.program("postgres"),
        marker: "PG_VERSION",
        folder: postgres.folder.path(),
    };
    template.fill(&data, |folder| init(postgres, folder))?;
    let write = |path: &Path, text: &str| write_owned(path, text, 0o600, postgres.account);
    write(&postgres.log_path(), "")?;
    write(&data.join("pg_hba.conf"), &hba(postgres))?;
    write(&data.join("postgresql.auto.conf"), &settings(postgres)?)?;
    if let Some(identity) = &postgres.options.tls {
        write(&data.join("server.crt"), &identity.cert_pem)?;
        write(&data.join("server.key"), &identity.key_pem)?;
    }
    Ok(())
}

fn init(postgres: &Postgres, data: &Path) -> Result<()> {
    let mut command = Command::new(postgres.program("initdb"));
    command
        .arg("-D")
        .arg(data)
        .args(["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"])
        .args(["--locale=C", "--no-sync", "--wal-segsize=1"])
        .current_dir(postgres.folder.path())
        .stdin(Stdio::null());
    postgres.account.apply(&mut command, postgres.folder.path());
    let output = command.output().context("running initdb")?;
    ensure!(
        output.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn hba(postgres: &Postgres) -> String {
    let method = postgres.options.auth.hba_method();
    format!("local all all trust\nhost all all 127.0.0.1/32 {method}\n")
}

fn settings(postgres: &Postgres) -> Result<String> {
    let options = &postgres.options;
    let socket_dir = postgres
        .socket_dir()
        .to_str()
        .context("the temporary folder's name is not UTF-8")?;
    let mut pairs = vec![
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", postgres.port().to_string()),
        ("unix_socket_directories", socket_dir.to_owned()),
        ("max_connections", options.max_connections.to_string()),
        (
            "password_encryption",
            options.auth.password_encryption().to_owned(),
        ),
        // Nothing here has to survive a power cut.
        ("fsync", "off".to_owned()),
        ("synchronous_commit", "off".to_owned()),
        ("full_page_writes", "off".to_owned()),
        ("shared_buffers", "16MB".to_owned()),
        ("max_wal_size", "32MB".to_owned()),
        ("log_line_prefix", "%m [%p] ".to_owned()),
    ];
    if options.tls.is_some() {
        pairs.push(("ssl", "on".to_owned()));
    }
    let given = options.settings.iter();
    pairs.extend(given.map(|(name, value)| (name.as_str(), value.clone())));
    let mut text = String::new();
    for (name, value) in pairs {
        writeln!(text, "{name} = '{}'", value.replace('\'', "''")).context("writing settings")?;
    }
    Ok(text)
}
