//! Making a server's data folder and its `my.cnf`.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::{Binlog, MySqlKind, MySqlServer, PerformanceSchema, quote_literal};
use crate::template::{Template, write_owned};

/// To be raised whenever [`init`] changes: templates of older recipes are not used any more.
const RECIPE: u32 = 1;

/// Fills the data folder of `server` and writes its configuration.
pub(super) fn create(server: &MySqlServer) -> Result<()> {
    let data = server.data_dir();
    let template = Template {
        name: &format!("{}-r{RECIPE}", server.kind().slug()),
        program: &server.program(server.kind().server_program()),
        // Made by the last statements of an initialisation, and by both servers.
        marker: "ib_buffer_pool",
        folder: server.folder.path(),
    };
    template.fill(&data, |folder| init(server, folder))?;
    let write = |path: &Path, text: &str| write_owned(path, text, 0o600, server.account);
    write(&server.log_path(), "")?;
    if let Some(identity) = &server.options.tls {
        write(&server.certificate_path(), &identity.cert_pem)?;
        write(&server.key_path(), &identity.key_pem)?;
    }
    write(&server.settings_path(), &settings(server)?)
}

/// Makes a data folder whose superuser has no password on the unix socket, and has
/// [`MySqlServer::superuser_password`] on TCP.
fn init(server: &MySqlServer, data: &Path) -> Result<()> {
    let sql = server.folder.path().join("init.sql");
    write_owned(&sql, &init_sql(server.kind()), 0o600, server.account)?;
    let mut command = match server.kind() {
        MySqlKind::MySql9 => mysql_init(server, &sql),
        MySqlKind::MariaDb => mariadb_init(server, &sql),
    };
    for (name, value) in foundation(server) {
        command.arg(format!("--{name}={value}"));
    }
    command
        .arg(format!("--datadir={}", data.display()))
        .current_dir(server.folder.path())
        .stdin(Stdio::null());
    server.account.apply(&mut command, server.folder.path());
    let output = command
        .output()
        .with_context(|| format!("initialising {}", server.kind().title()))?;
    ensure!(
        output.status.success(),
        "initialising {}: {}{}",
        server.kind().title(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // The server's identity: every copy has to get its own, or copies cannot replicate.
    let _ = fs::remove_file(data.join("auto.cnf"));
    Ok(())
}

fn mysql_init(server: &MySqlServer, sql: &Path) -> Command {
    let mut command = Command::new(server.program("mysqld"));
    command
        .args(["--no-defaults", "--initialize-insecure"])
        .arg(format!("--init-file={}", sql.display()));
    command
}

fn mariadb_init(server: &MySqlServer, sql: &Path) -> Command {
    let mut command = Command::new(server.program("mariadb-install-db"));
    command
        .args(["--no-defaults", "--skip-test-db"])
        .arg("--auth-root-authentication-method=normal")
        .arg(format!("--extra-file={}", sql.display()));
    command
}

/// One statement per line, as both bootstraps want it.
fn init_sql(kind: MySqlKind) -> String {
    let password = quote_literal(MySqlServer::superuser_password());
    let user = "root@'127.0.0.1'";
    let grant = format!("GRANT ALL ON *.* TO {user} WITH GRANT OPTION;\n");
    match kind {
        MySqlKind::MySql9 => format!("CREATE USER {user} IDENTIFIED BY {password};\n{grant}"),
        // Its bootstrap makes a superuser per name of the machine, all without password, and refuses
        // statements about accounts until it has read their tables.
        MySqlKind::MariaDb => format!(
            "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';\n\
             DELETE FROM mysql.proxies_priv WHERE Host <> 'localhost';\n\
             FLUSH PRIVILEGES;\n\
             CREATE USER {user} IDENTIFIED BY {password};\n{grant}"
        ),
    }
}

type Setting = (&'static str, String);

/// Where the server finds its own parts: unpacked, it does not lie where it was compiled for.
fn places(server: &MySqlServer) -> Vec<Setting> {
    let shown = |path: &Path| path.display().to_string();
    let installation = &server.installation;
    vec![
        ("basedir", shown(installation.base())),
        ("lc-messages-dir", shown(&installation.messages_dir())),
        ("plugin-dir", shown(&installation.plugin_dir())),
    ]
}

/// Nothing here has to survive a power cut. What is written does survive the end of the process: the
/// operating system has it.
fn quick_storage(kind: MySqlKind) -> Vec<Setting> {
    let log_size = match kind {
        MySqlKind::MySql9 => "innodb-redo-log-capacity",
        MySqlKind::MariaDb => "innodb-log-file-size",
    };
    vec![
        (log_size, "8M".to_owned()),
        ("innodb-buffer-pool-size", "16M".to_owned()),
        ("innodb-log-buffer-size", "1M".to_owned()),
        ("innodb-doublewrite", "OFF".to_owned()),
        ("innodb-flush-method", "nosync".to_owned()),
        // A machine has a limited number of asynchronous requests, and tests run side by side.
        ("innodb-use-native-aio", "OFF".to_owned()),
    ]
}

/// What only MySQL knows.
fn mysql_only() -> Vec<Setting> {
    vec![
        // A second protocol, on a second port.
        ("mysqlx", "OFF".to_owned()),
        // The default is a folder that only a full installation has.
        ("secure-file-priv", "NULL".to_owned()),
        // Certificates in the data folder would switch TLS on for everybody. The RSA keys stay.
        ("auto-generate-certs", "OFF".to_owned()),
    ]
}

/// The settings that an initialisation and every start share.
fn foundation(server: &MySqlServer) -> Vec<Setting> {
    let mut pairs = places(server);
    pairs.extend(quick_storage(server.kind()));
    match server.kind() {
        MySqlKind::MySql9 => pairs.extend(mysql_only()),
        MySqlKind::MariaDb => {}
    }
    pairs
}

fn settings(server: &MySqlServer) -> Result<String> {
    let options = &server.options;
    let mut pairs = foundation(server);
    pairs.extend(own_settings(server));
    let mut text = String::from("[mysqld]\n");
    if options.kind == MySqlKind::MariaDb {
        text.push_str("plugin-load-add = auth_ed25519\n");
    }
    match options.binlog {
        Binlog::Off => text.push_str("skip-log-bin\n"),
        Binlog::On => text.push_str("log-bin = binlog\nserver-id = 1\n"),
    }
    let given = options.settings.iter();
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    for (name, value) in pairs.chain(given.cloned()) {
        writeln!(text, "{name} = {}", quote_value(&value)).context("writing settings")?;
    }
    Ok(text)
}

fn own_settings(server: &MySqlServer) -> Vec<Setting> {
    let shown = |path: PathBuf| path.display().to_string();
    let options = &server.options;
    let performance_schema = match options.performance_schema {
        PerformanceSchema::Off => "OFF",
        PerformanceSchema::On => "ON",
    };
    let mut pairs = vec![
        ("datadir", shown(server.data_dir())),
        ("socket", shown(server.socket())),
        ("pid-file", shown(server.folder.path().join("server.pid"))),
        ("tmpdir", shown(server.folder.path().to_owned())),
        ("bind-address", "127.0.0.1".to_owned()),
        ("port", server.port().to_string()),
        ("max-connections", options.max_connections.to_string()),
        ("performance-schema", performance_schema.to_owned()),
        // Without names 127.0.0.1 is not `localhost`, so TCP logins are what the test made them. Without
        // the cache a test of broken logins cannot lock out the host.
        ("skip-name-resolve", "ON".to_owned()),
        ("host-cache-size", "0".to_owned()),
        // Written at every commit, so that a killed server keeps its data.
        ("innodb-flush-log-at-trx-commit", "2".to_owned()),
        ("sync-binlog", "0".to_owned()),
    ];
    if options.tls.is_some() {
        pairs.push(("ssl-cert", shown(server.certificate_path())));
        pairs.push(("ssl-key", shown(server.key_path())));
    }
    pairs
}

/// A value of `my.cnf`, in quotes, with the backslashes that the files of both servers know.
fn quote_value(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
