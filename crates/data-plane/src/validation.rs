//! Testing a server connection: it must answer, and be idle.

use std::rc::Rc;
use std::time::Duration;

use tollgate_pool::Millis;

use crate::cleaning;
use crate::engine::Engine;
use crate::shard::Shard;
use crate::target_pool::{ServerLease, TargetPool};

/// Tests the connection and gives it back or closes it.
pub(crate) async fn run<E: Engine>(
    pool: Rc<TargetPool<E>>,
    shard: Rc<Shard>,
    mut lease: ServerLease<E>,
    deadline: Millis,
) {
    let left = deadline.saturating_sub(shard.clock.exact()).as_u64();
    let Some(state) = lease.state.take() else {
        pool.discard(&shard, lease);
        return;
    };
    let test = cleaning::drive(&mut lease, E::keepalive(state));
    if let Ok(Ok(proof)) = tokio::time::timeout(Duration::from_millis(left), test).await {
        pool.give_back(&shard, lease, proof);
    } else {
        pool.target.probe_now.notify_one();
        pool.discard(&shard, lease);
    }
}
