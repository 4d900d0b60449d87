//! Pools of every engine side by side, as a shard keeps them.

use std::rc::Rc;
use std::sync::Arc;

use tollgate_pool::{Millis, Passport, Shard as ShardNumber};
use tollgate_types::EngineFamily;

use super::{Mysql, Postgres};
use crate::pool_key::PoolKey;
use crate::pooled::ParkedPooled;
use crate::proxy_state::ProxyShared;
use crate::shard::Shard;
use crate::target::TargetShared;
use crate::target_pool::TargetPool;
use crate::vacating::InTheWay;

/// The pool of one target.
#[derive(Clone)]
pub(crate) enum AnyPool {
    /// Of a PostgreSQL server.
    Postgres(Rc<TargetPool<Postgres>>),
    /// Of a MySQL or MariaDB server.
    Mysql(Rc<TargetPool<Mysql>>),
}

/// A server connection on its way to another shard.
pub(crate) enum Crossing {
    /// To a PostgreSQL server.
    Postgres(ParkedPooled<Postgres>),
    /// To a MySQL or MariaDB server.
    Mysql(ParkedPooled<Mysql>),
}

/// The engines that shards know.
pub(crate) trait Speaks: Sized {
    /// The pool, if it is one of this engine.
    fn pool(any: AnyPool) -> Option<Rc<TargetPool<Self>>>
    where
        Self: super::Engine;

    /// A connection as others are told of it.
    fn crossing(conn: ParkedPooled<Self>) -> Crossing
    where
        Self: super::Engine;
}

impl Speaks for Postgres {
    fn pool(any: AnyPool) -> Option<Rc<TargetPool<Self>>> {
        match any {
            AnyPool::Postgres(pool) => Some(pool),
            AnyPool::Mysql(_) => None,
        }
    }

    fn crossing(conn: ParkedPooled<Self>) -> Crossing {
        Crossing::Postgres(conn)
    }
}

impl Speaks for Mysql {
    fn pool(any: AnyPool) -> Option<Rc<TargetPool<Self>>> {
        match any {
            AnyPool::Mysql(pool) => Some(pool),
            AnyPool::Postgres(_) => None,
        }
    }

    fn crossing(conn: ParkedPooled<Self>) -> Crossing {
        Crossing::Mysql(conn)
    }
}

impl AnyPool {
    /// An empty pool of the target's engine.
    pub(crate) fn new(
        shard: &Rc<Shard>,
        target: Arc<TargetShared>,
        proxy: Arc<ProxyShared>,
    ) -> Self {
        match target.plan().config.engine.family() {
            EngineFamily::Postgresql => Self::Postgres(TargetPool::new(shard, target, proxy)),
            EngineFamily::Mysql => Self::Mysql(TargetPool::new(shard, target, proxy)),
        }
    }

    /// See [`TargetPool::refresh`].
    pub(crate) fn refresh(&self, shard: &Rc<Shard>) {
        match self {
            Self::Postgres(pool) => pool.refresh(shard),
            Self::Mysql(pool) => pool.refresh(shard),
        }
    }

    /// See [`TargetPool::drain`].
    pub(crate) fn drain(&self, shard: &Rc<Shard>) {
        match self {
            Self::Postgres(pool) => pool.drain(shard),
            Self::Mysql(pool) => pool.drain(shard),
        }
    }

    /// See [`TargetPool::retry`].
    pub(crate) fn retry(&self, shard: &Rc<Shard>) {
        match self {
            Self::Postgres(pool) => pool.retry(shard),
            Self::Mysql(pool) => pool.retry(shard),
        }
    }

    /// See [`TargetPool::tick`].
    pub(crate) fn tick(&self, shard: &Rc<Shard>, now: Millis) {
        match self {
            Self::Postgres(pool) => pool.tick(shard, now),
            Self::Mysql(pool) => pool.tick(shard, now),
        }
    }

    /// See [`TargetPool::vacate`].
    pub(crate) fn vacate(&self, shard: &Rc<Shard>, which: &InTheWay) {
        match self {
            Self::Postgres(pool) => pool.vacate(shard, which),
            Self::Mysql(pool) => pool.vacate(shard, which),
        }
    }

    /// See [`TargetPool::help`].
    pub(crate) fn help(&self, shard: &Rc<Shard>, key: &Arc<PoolKey>, from: ShardNumber) {
        match self {
            Self::Postgres(pool) => pool.help(shard, key, from),
            Self::Mysql(pool) => pool.help(shard, key, from),
        }
    }

    /// See [`TargetPool::adopt`]. A connection of another engine is dropped, which closes it.
    pub(crate) fn adopt(
        &self,
        shard: &Rc<Shard>,
        key: Arc<PoolKey>,
        (conn, passport): (Crossing, Passport),
    ) {
        match (self, conn) {
            (Self::Postgres(pool), Crossing::Postgres(conn)) => {
                pool.adopt(shard, key, conn, passport);
            }
            (Self::Mysql(pool), Crossing::Mysql(conn)) => pool.adopt(shard, key, conn, passport),
            (Self::Postgres(_), Crossing::Mysql(_)) | (Self::Mysql(_), Crossing::Postgres(_)) => {}
        }
    }
}
