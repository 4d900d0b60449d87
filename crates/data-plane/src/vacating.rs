//! Idle server connections out of the way of commands on whole databases.
//!
//! `DROP DATABASE`, `ALTER DATABASE` with a new name or tablespace and `CREATE DATABASE` from a template wait
//! 5 s for other sessions to leave the database and then fail with `55006`. Without a proxy idle connections
//! belong to somebody who can be asked to leave; here they are ours, so we leave. Source:
//! `CountOtherDBBackends`.
//!
//! When such a command passes, idle connections of the target to other databases than the asking session's are
//! closed on every shard, whichever database it names: to find out would take a parser, and reconnecting is
//! cheap. Connections to its own database stay: most of these commands cannot concern it. The one that can,
//! `CREATE DATABASE` with the own database as its template, is answered by the server with `55006`, and then
//! all idle connections are closed, so that the command works when it is tried again. For [`PAUSE`] none of
//! the closed kind lies idle again and the idle floor is not filled with them; clients that ask for one get
//! one. The prober needs no pause: it stays for milliseconds, mostly in `postgres`.

use std::rc::Rc;
use std::sync::Arc;

use tollgate_pool::Millis;
use tollgate_session::Notice;

use crate::engine::Engine;
use crate::pool_key::PoolKey;
use crate::shard::{Command, Shard};
use crate::target_pool::TargetPool;

/// For how long nothing lies idle: the 5 s that PostgreSQL waits, and as much for the client to try again.
pub(crate) const PAUSE: Millis = Millis::from_secs(10);

/// Which idle server connections of a target are in the way.
#[derive(Debug, Clone)]
pub(crate) enum InTheWay {
    /// Those to other databases than this one.
    OtherThan(Arc<str>),
    /// All of them.
    All,
}

impl InTheWay {
    /// Whether connections of `key` are.
    pub(crate) fn concerns(&self, key: &PoolKey) -> bool {
        match self {
            Self::OtherThan(own) => key.database != **own,
            Self::All => true,
        }
    }
}

impl<E: Engine> TargetPool<E> {
    /// Acts upon what was noticed about a session of the database `own`.
    pub(crate) fn heed(self: &Rc<Self>, shard: &Rc<Shard>, notices: &[Notice], own: &str) {
        for notice in notices {
            match notice {
                Notice::DatabaseCommand => self.close_idle_of_other_databases(shard, own),
                Notice::DatabaseInUse => self.close_all_idle(shard),
                Notice::DefaultsChanged => self.renew(shard),
                Notice::DefaultsInDoubt => self.target.probe_now.notify_one(),
            }
        }
    }

    /// A session of the database `own` passes a command on a whole database to the target: closes what is
    /// idle in other databases, on this shard at once and on the others as soon as they hear of it.
    fn close_idle_of_other_databases(self: &Rc<Self>, shard: &Rc<Shard>, own: &str) {
        self.clear_the_way(shard, &InTheWay::OtherThan(Arc::from(own)));
    }

    /// The server has refused such a command because of other sessions: closes everything idle, everywhere.
    fn close_all_idle(self: &Rc<Self>, shard: &Rc<Shard>) {
        tracing::info!(
            target.name = %self.target.database,
            "the server says that a database is in use; try again now that idle connections are closed"
        );
        self.clear_the_way(shard, &InTheWay::All);
    }

    fn clear_the_way(self: &Rc<Self>, shard: &Rc<Shard>, which: &InTheWay) {
        let peers = shard.seed.peers.iter().enumerate();
        for (_, peer) in peers.filter(|(number, _)| *number != shard.seed.index) {
            let command = Command::Vacate {
                target: self.target.id.clone(),
                which: which.clone(),
            };
            // A shard that has ended has nothing idle.
            let _ = peer.send(command);
        }
        self.vacate(shard, which);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_database_is_spared_until_the_server_refuses() {
        let key = |database| PoolKey::new("app", database, &[]);
        let others = InTheWay::OtherThan(Arc::from("own"));
        assert!(others.concerns(&key("other")));
        assert!(!others.concerns(&key("own")));
        assert!(InTheWay::All.concerns(&key("own")));
    }
}
