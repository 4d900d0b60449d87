//! One running system with the doors that it has.

use std::{path::Path, time::Duration};

use anyhow::{Result, bail};
use tempfile::TempDir;
use tollgate_iam::token::{MintRequest, mint};
use tollgate_testkit::{Guarded, Ports, Tollgate};

use super::{
    PASSWORD, USER,
    tollgate::{options, resize},
};
use crate::{
    door::{Door, Entry, Tls},
    process::Process,
    system::System,
};

/// What lives as long as an instance does.
pub(crate) enum Held {
    /// Nothing: the server itself.
    Nothing,
    /// Ours, with the access key of a user who may connect.
    Tollgate(Box<Tollgate>, AccessKey),
    /// A peer's process, its port and its folder.
    Peer {
        /// Ends with the instance.
        process: Guarded,
        /// Kept while it runs.
        _port: Ports,
        /// Configuration and logs.
        _folder: TempDir,
    },
}

/// An access key of an IAM user.
pub(crate) struct AccessKey {
    /// Its id.
    pub(crate) id: String,
    /// Its secret.
    pub(crate) secret: String,
}

/// A running system.
pub(crate) struct Instance {
    system: System,
    doors: Vec<(Entry, Door)>,
    held: Held,
}

impl Instance {
    /// A system that has these doors.
    pub(crate) fn new(system: System, doors: Vec<(Entry, Door)>, held: Held) -> Self {
        Self {
            system,
            doors,
            held,
        }
    }

    /// The server itself, which trusts everybody.
    pub(super) fn direct(port: u16) -> Self {
        let door = Door {
            system: System::Direct,
            port,
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            tls: None,
            process: None,
        };
        let doors = vec![(Entry::Cheap(Tls::Off), door)];
        Self::new(System::Direct, doors, Held::Nothing)
    }

    /// Which system it is.
    pub(crate) fn system(&self) -> System {
        self.system
    }

    /// Where clients come in that way, with a password that is good now.
    pub(crate) fn door(&self, entry: Entry) -> Option<Door> {
        let (_, door) = self.doors.iter().find(|(known, _)| *known == entry)?;
        let mut door = door.clone();
        if let (Entry::Token, Held::Tollgate(_, key)) = (entry, &self.held) {
            door.password = token(key, door.port);
        }
        Some(door)
    }

    /// Ends ours and starts it again through another program, with its proxies and on one shard.
    pub(crate) fn restart_through(&mut self, program: &Path) -> Result<()> {
        let Held::Tollgate(tollgate, _) = &mut self.held else {
            bail!("only ours can be run through another program");
        };
        let mut options = options(1);
        options.program = Some(program.to_owned());
        options.start_limit = Some(Duration::from_mins(5));
        tollgate.stop()?;
        tollgate.set_options(options);
        tollgate.restart()
    }

    /// Gives the pools of ours so many server connections.
    pub(crate) fn resize_pools(&self, connections: u32) -> Result<()> {
        let Held::Tollgate(tollgate, _) = &self.held else {
            bail!("only ours has pools to resize");
        };
        resize(tollgate, connections)
    }

    /// Ends it in order and waits for that; a peer is ended when it is dropped.
    pub(crate) fn stop(&mut self) -> Result<()> {
        match &mut self.held {
            Held::Tollgate(tollgate, _) => tollgate.stop().map(drop),
            Held::Nothing | Held::Peer { .. } => Ok(()),
        }
    }

    /// Its process; none for the server itself.
    pub(crate) fn process(&self) -> Option<Process> {
        match &self.held {
            Held::Nothing => None,
            Held::Tollgate(tollgate, _) => tollgate.id().map(Process),
            Held::Peer { process, .. } => Some(Process(process.id())),
        }
    }
}

impl Drop for Instance {
    /// A program that was built to be trained writes what it has counted when it ends in order.
    fn drop(&mut self) {
        // It has ended already, or is ended the hard way behind this.
        let _ = self.stop();
    }
}

fn token(key: &AccessKey, port: u16) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    mint(&MintRequest {
        access_key_id: &key.id,
        secret_access_key: &key.secret,
        session_token: None,
        region: "us-east-1",
        host: "127.0.0.1",
        port,
        db_user: USER,
        now_unix: since.map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX)),
    })
}
