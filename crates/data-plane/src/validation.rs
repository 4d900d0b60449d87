//! Testing a server connection: an empty query must be answered with nothing and an idle state.

use std::rc::Rc;
use std::time::Duration;

use tollgate_pool::Millis;
use tollgate_session::postgres::Cleanup;

use crate::cleaning;
use crate::shard::Shard;
use crate::target_pool::{ServerLease, TargetPool};

/// Tests the connection and gives it back or closes it.
pub(crate) async fn run(
    pool: Rc<TargetPool>,
    shard: Rc<Shard>,
    mut lease: ServerLease,
    deadline: Millis,
) {
    let left = deadline.saturating_sub(shard.clock.exact()).as_u64();
    let Some(state) = lease.state.take() else {
        pool.discard(&shard, lease);
        return;
    };
    let test = cleaning::drive(&mut lease, Cleanup::keepalive(state));
    if let Ok(Ok(proof)) = tokio::time::timeout(Duration::from_millis(left), test).await {
        pool.give_back(&shard, lease, proof);
    } else {
        pool.target.probe_now.notify_one();
        pool.discard(&shard, lease);
    }
}
