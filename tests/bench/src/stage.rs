//! Everything that takes part in a run: the database server and one instance of every system in front of it.

mod database;
mod instance;
mod mysql;
mod tollgate;

use anyhow::{Context, Result};
use tollgate_testkit::{Postgres, TestCa};

pub(crate) use instance::{Held, Instance};
pub(crate) use mysql::{MySqlStage, TABLE_ROWS as MYSQL_ROWS};

use crate::{
    door::{Door, Entry},
    peers,
    system::System,
};

/// Server connections that every pooling system gets.
pub(crate) const POOL: u32 = 20;
/// The database user of all clients.
pub(crate) const USER: &str = "app";
/// Its password.
pub(crate) const PASSWORD: &str = "bench-password-61c3";
/// A second user, whom PgBouncer asks for SCRAM.
pub(crate) const SCRAM_USER: &str = "app_scram";

/// What stands behind the peers, and the certificate that they show.
pub(crate) struct Behind<'a> {
    /// Port of the server.
    pub(crate) server_port: u16,
    /// Signs the peers' certificates; clients trust it.
    pub(crate) authority: &'a TestCa,
    /// How much a peer reads at once, where that can be set.
    pub(crate) buffers: Buffers,
}

/// How much a peer reads at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Buffers {
    /// What it does when nobody says anything.
    Usual,
    /// 64 KiB, which large results profit from.
    Large,
}

/// PostgreSQL with everything in front of it.
pub(crate) struct Stage {
    // Dropped in this order: proxies first.
    instances: Vec<Instance>,
    postgres: Postgres,
    authority: TestCa,
}

impl Stage {
    /// Starts the server, fills it, and starts every one of `systems` that is installed.
    pub(crate) fn start(systems: &[System]) -> Result<Self> {
        let mut stage = Self {
            instances: Vec::new(),
            postgres: database::start()?,
            authority: TestCa::new()?,
        };
        for &system in systems {
            if system != System::Router && peers::is_installed(system) {
                let started = stage.fresh(system);
                stage.instances.extend(if_it_starts(system, started)?);
            }
        }
        Ok(stage)
    }

    /// The version of the database server, as it says it.
    pub(crate) fn version(&self) -> Result<String> {
        self.postgres
            .superuser_sql("postgres", "SHOW server_version")
    }

    /// One more instance of a system, for measurements that need one that nobody has used.
    pub(crate) fn fresh(&self, system: System) -> Result<Instance> {
        self.fresh_with(system, Buffers::Usual)
    }

    /// The same with other buffers.
    pub(crate) fn fresh_with(&self, system: System, buffers: Buffers) -> Result<Instance> {
        let behind = Behind {
            buffers,
            server_port: self.postgres.port(),
            authority: &self.authority,
        };
        match system {
            System::Tollgate => self.tollgate(1),
            System::Direct => Ok(Instance::direct(self.postgres.port())),
            System::PgBouncer | System::HaProxy | System::Router | System::Floor => {
                peers::start(system, &behind)
            }
        }
        .with_context(|| format!("starting {}", system.name()))
    }

    /// One more Tollgate, on so many shards.
    pub(crate) fn tollgate(&self, shards: u32) -> Result<Instance> {
        tollgate::start(self.postgres.port(), shards)
    }

    /// The instance of a system that takes part.
    pub(crate) fn instance(&self, system: System) -> Option<&Instance> {
        self.instances
            .iter()
            .find(|instance| instance.system() == system)
    }

    /// Where a client of `system` comes in, if the system takes part and knows that way.
    pub(crate) fn door(&self, system: System, entry: Entry) -> Option<Door> {
        self.instance(system)?.door(entry)
    }
}

/// A peer that does not start is left out, loudly; ours has to.
fn if_it_starts(system: System, started: Result<Instance>) -> Result<Option<Instance>> {
    match started {
        Err(error) if system != System::Tollgate => {
            eprintln!("==> SKIPPED: {}: {error:#}", system.name());
            Ok(None)
        }
        started => started.map(Some),
    }
}
