//! Opening one server connection because the pool asked for it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tollgate_pool::OpenTicket;

use crate::engine::Engine;
use crate::pool_key::PoolKey;
use crate::random;
use crate::server::{self, OpenError, OpenPlan};
use crate::shard::Shard;
use crate::target::TargetShared;
use crate::target_pool::TargetPool;

/// Time for DNS, TCP, TLS, login and the init query together.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// Opens, and reports to the pool.
pub(crate) async fn run<E: Engine>(
    pool: Rc<TargetPool<E>>,
    shard: Rc<Shard>,
    ticket: OpenTicket,
    key: Arc<PoolKey>,
) {
    let result = E::open(&pool, &key).await;
    pool.opened(&shard, ticket, &key, result);
}

/// Logs in to a PostgreSQL server as `key` says.
pub(crate) async fn postgres(
    target: &TargetShared,
    key: &PoolKey,
) -> Result<server::ServerConnection, OpenError> {
    let plan = target.plan();
    if let Some(error) = &plan.tls_error {
        return Err(OpenError::tls_policy(error));
    }
    let Some(rule) = plan.auth.iter().find(|rule| rule.username == key.user) else {
        return Err(OpenError::no_credentials(&key.user));
    };
    server::open(&OpenPlan {
        target: &plan.config,
        tls: plan.tls.clone(),
        user: &key.user,
        passwords: &rule.passwords,
        database: &key.database,
        params: &key.params,
        init_query: plan.policy.init_query.as_deref(),
        key_cache: &target.keys,
        random: random::fill,
        deadline: DEADLINE,
    })
    .await
}
