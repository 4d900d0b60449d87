//! Making a server's data folder: initialised once per version, copied for every server after that.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::{Postgres, SUPERUSER};
use crate::tools::tools_dir;

/// Fills the data folder of `postgres` and writes its configuration.
pub(super) fn create(postgres: &Postgres) -> Result<()> {
    let data = postgres.data_dir();
    if let Some(template) = template(postgres) {
        copy(&template, &data)?;
    } else {
        init(postgres, &data)?;
    }
    own_file(postgres, &postgres.log_path(), "", 0o600)?;
    own_file(postgres, &data.join("pg_hba.conf"), &hba(postgres), 0o600)?;
    let conf = data.join("postgresql.auto.conf");
    own_file(postgres, &conf, &settings(postgres)?, 0o600)?;
    if let Some(identity) = &postgres.options.tls {
        own_file(
            postgres,
            &data.join("server.crt"),
            &identity.cert_pem,
            0o600,
        )?;
        own_file(postgres, &data.join("server.key"), &identity.key_pem, 0o600)?;
    }
    Ok(())
}

/// A data folder to copy, made on first use; `None` when the tools folder cannot be written.
///
/// `initdb` takes seconds on a small machine, a copy takes a tenth of one. The folder gets its name
/// by a rename, so that two test processes may race and a crash leaves nothing half made.
fn template(postgres: &Postgres) -> Option<PathBuf> {
    let home = tools_dir().join("templates");
    let name = format!(
        "postgresql-{}-{}",
        postgres.options.version.major(),
        build_id(postgres)?
    );
    let template = home.join(name);
    if template.join("PG_VERSION").is_file() {
        return Some(template);
    }
    fs::create_dir_all(&home).ok()?;
    let scratch = postgres.folder.path().join("template");
    init(postgres, &scratch).ok()?;
    let staged = home.join(format!(".staged-{}", unique(postgres)));
    copy(&scratch, &staged).ok()?;
    let _ = fs::remove_dir_all(&scratch);
    if fs::rename(&staged, &template).is_err() {
        // Somebody else was quicker; theirs is as good.
        let _ = fs::remove_dir_all(&staged);
    }
    template.join("PG_VERSION").is_file().then_some(template)
}

/// Length and time of the server program: another build gets another template.
fn build_id(postgres: &Postgres) -> Option<String> {
    let meta = fs::metadata(postgres.program("postgres")).ok()?;
    let changed = meta
        .modified()
        .ok()?
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    Some(format!("{}-{}", meta.len(), changed.as_secs()))
}

fn unique(postgres: &Postgres) -> String {
    postgres
        .folder
        .path()
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
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

/// `cp -a` keeps owner, modes and links, and clones blocks where the file system can.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let output = Command::new("cp")
        .args(["-a", "--reflink=auto"])
        .arg(from)
        .arg(to)
        .output()
        .context("running cp")?;
    ensure!(
        output.status.success(),
        "cp: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

fn own_file(postgres: &Postgres, path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("setting the mode of {}", path.display()))?;
    postgres.account.own(path)
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
