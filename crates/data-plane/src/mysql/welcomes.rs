//! What servers said when connections were opened, so that a login needs no server connection.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tollgate_wire_mysql::status::StatusFlags;
use tollgate_wire_mysql::version::ServerVersion;

use super::server::Facts;
use crate::engine::Mysql;
use crate::pool_key::PoolKey;
use crate::target_pool::TargetPool;

/// Keys remembered; beyond that all are forgotten and learnt again.
const KEPT: usize = 4096;

/// What a client is welcomed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Welcome {
    /// The state a session begins in.
    pub(crate) status: StatusFlags,
    /// The server behind.
    pub(crate) version: ServerVersion,
}

/// Welcomes of one proxy, over all shards: who is in here may log in and use its schema. Locked at logins and
/// openings, never for a query.
#[derive(Default)]
pub(crate) struct Welcomes {
    known: Mutex<HashMap<Arc<PoolKey>, Welcome>>,
}

impl Welcomes {
    /// What is known of a key.
    pub(crate) fn find(&self, key: &PoolKey) -> Option<Welcome> {
        self.known.lock().get(key).copied()
    }

    /// Forgets everything: the target or its settings changed.
    pub(crate) fn forget(&self) {
        self.known.lock().clear();
    }

    fn learn(&self, key: &Arc<PoolKey>, welcome: Welcome) {
        let mut known = self.known.lock();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(Arc::clone(key), welcome);
    }
}

impl TargetPool<Mysql> {
    /// A server connection of `key` was opened, which was begun in `epoch`.
    pub(crate) fn learn(&self, key: &Arc<PoolKey>, facts: &Facts, epoch: u64) -> Welcome {
        let welcome = Welcome {
            status: facts.status,
            version: facts.version,
        };
        let welcomes = &self.proxy.welcomes;
        if self.target.epoch() == epoch {
            welcomes.learn(key, welcome);
        } else {
            welcomes.forget();
        }
        welcome
    }
}
