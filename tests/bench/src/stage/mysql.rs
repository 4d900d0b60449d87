//! MySQL, which needs TLS for its passwords, with the systems that can stand in front of it.

use std::{fs::Permissions, io::Write, os::unix::fs::PermissionsExt};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::NamedTempFile;
use tollgate_testkit::{MySqlKind, MySqlOptions, MySqlServer, TestCa, Tollgate, TollgateOptions};

use super::{
    Behind, Buffers, PASSWORD, USER, if_it_starts,
    instance::{Held, Instance},
    tollgate::{blocking, door, password_rule, prepare, proxy},
};
use crate::{
    door::{Door, Entry, Tls},
    load::sysbench::Sysbench,
    peers,
    system::System,
};

/// Rows of the table that point selects read.
pub(crate) const TABLE_ROWS: u32 = 100_000;

/// MySQL with everything in front of it; its connections are encrypted on both sides.
pub(crate) struct MySqlStage {
    // Dropped in this order: proxies first.
    instances: Vec<Instance>,
    server: MySqlServer,
    _trusted: NamedTempFile,
    sysbench: Sysbench,
}

/// The authority in a file that the server's account can read.
fn authority_file(authority: &TestCa) -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new().context("making a file")?;
    file.write_all(authority.cert_pem().as_bytes())?;
    let everybody = Permissions::from_mode(0o644);
    file.as_file().set_permissions(everybody)?;
    Ok(file)
}

impl MySqlStage {
    /// Starts the server, fills it, and starts every one of `systems` that is installed.
    pub(crate) fn start(systems: &[System]) -> Result<Self> {
        let authority = TestCa::new()?;
        let identity = authority.server(&["127.0.0.1"])?;
        let trusted = authority_file(&authority)?;
        let options = MySqlOptions::new(MySqlKind::MySql9)
            .max_connections(600)
            .tls(identity)
            .setting("ssl-ca", &trusted.path().display().to_string());
        let server = MySqlServer::start_with(options)?;
        server.user_create(USER, PASSWORD)?;
        server.database_create("bench", USER)?;
        let direct = Door {
            system: System::Direct,
            port: server.port(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            tls: None,
            process: None,
        };
        Sysbench::trusting(&[authority.cert_pem()], &authority)?.fill(&direct)?;
        let behind = Behind {
            server_port: server.port(),
            authority: &authority,
            buffers: Buffers::Usual,
        };
        let mut instances = Vec::new();
        let mut authorities = vec![authority.cert_pem()];
        for &system in systems {
            let started = match system {
                System::Tollgate => {
                    let (instance, ca) = start_tollgate(&behind)?;
                    authorities.push(ca);
                    instance
                }
                System::HaProxy | System::Router if peers::is_installed(system) => {
                    let started = peers::start_for_mysql(system, &behind);
                    match if_it_starts(system, started)? {
                        Some(instance) => instance,
                        None => continue,
                    }
                }
                System::HaProxy
                | System::Router
                | System::Direct
                | System::PgBouncer
                | System::Floor => continue,
            };
            instances.push(started);
        }
        Ok(Self {
            instances,
            server,
            _trusted: trusted,
            sysbench: Sysbench::trusting(&authorities, &authority)?,
        })
    }

    /// Where clients of a system come in, encrypted.
    pub(crate) fn door(&self, system: System) -> Option<Door> {
        let of = |instance: &&Instance| instance.system() == system;
        self.instances.iter().find(of)?.door(Entry::Cheap(Tls::On))
    }

    /// The load generator, which trusts all of them.
    pub(crate) fn sysbench(&self) -> &Sysbench {
        &self.sysbench
    }

    /// The version of MySQL.
    pub(crate) fn version(&self) -> Result<String> {
        self.server.superuser_sql("mysql", "SELECT version()")
    }
}

/// Ours, and the authority of its certificate.
fn start_tollgate(behind: &Behind<'_>) -> Result<(Instance, String)> {
    let options = TollgateOptions::default()
        .arg("--shards", "1")
        .arg("--log-level", "warn");
    let tollgate = Tollgate::start_with(options)?;
    let database = json!({
        "name": "db", "engine": "mysql", "host": "127.0.0.1", "port": behind.server_port,
        "tls": {"mode": "verify-full", "caPem": behind.authority.cert_pem()},
    });
    let (port, key) = blocking(async {
        let api = tollgate.api()?;
        let key = prepare(&api, &database).await?;
        let body = json!({
            "name": "mysql", "engineFamily": "MYSQL", "requireTls": true,
            "auth": password_rule("MYSQL_CACHING_SHA2_PASSWORD"),
        });
        Ok((proxy(&api, &body).await?, key))
    })?;
    let door = door(&tollgate, port, Tls::On)?;
    ensure!(door.tls.is_some(), "MySQL is measured with TLS only");
    let doors = vec![(Entry::Cheap(Tls::On), door)];
    let ca = std::fs::read_to_string(tollgate.ca_file())?;
    let held = Held::Tollgate(Box::new(tollgate), key);
    Ok((Instance::new(System::Tollgate, doors, held), ca))
}
