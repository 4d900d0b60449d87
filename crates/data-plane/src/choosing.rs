//! Which target a request goes to.

use std::rc::{Rc, Weak};
use std::sync::Arc;

use tollgate_types::{TargetHealth, TargetRole};

use crate::engine::Engine;
use crate::running::RunningProxy;
use crate::sessions::SessionControl;
use crate::shard::{Revision, Shard};
use crate::target::TargetShared;
use crate::target_pool::TargetPool;

/// Where the requests of a session go, while the configuration leaves no choice.
pub(crate) struct Route<E: Engine> {
    /// The configuration that this was read in.
    revision: Revision,
    role: TargetRole,
    pool: Weak<TargetPool<E>>,
}

impl<E: Engine> Route<E> {
    /// `None` where the proxy has several targets: which of them is best changes all the time.
    fn only(
        shard: &Shard,
        proxy: &RunningProxy,
        endpoint: &str,
        pool: &Rc<TargetPool<E>>,
    ) -> Option<Self> {
        (proxy.targets.len() == 1).then(|| Self {
            revision: shard.revision(),
            role: role_of(proxy, endpoint),
            pool: Rc::downgrade(pool),
        })
    }

    /// The pool, unless it has to be chosen anew.
    fn pool(&self, shard: &Shard) -> Option<Rc<TargetPool<E>>> {
        let pool = self.pool.upgrade()?;
        let holds = self.revision == shard.revision() && pool.target.serves(self.role);
        holds.then_some(pool)
    }
}

/// The target the next request of a session goes to; `None` when its proxy is gone. `route` is what the
/// session remembers of the last one.
pub(crate) fn choose_again<E: Engine>(
    shard: &Shard,
    control: &SessionControl,
    route: &mut Option<Route<E>>,
) -> Option<Result<Rc<TargetPool<E>>, NoTarget>> {
    if let Some(pool) = route.as_ref().and_then(|route| route.pool(shard)) {
        return Some(Ok(pool));
    }
    let running = shard.running.borrow();
    let proxy = running.proxies.get(&control.proxy)?;
    let chosen = choose_target(shard, proxy, &control.endpoint);
    *route = chosen
        .as_ref()
        .ok()
        .and_then(|pool| Route::only(shard, proxy, &control.endpoint, pool));
    Some(chosen)
}

fn role_of(proxy: &RunningProxy, endpoint: &str) -> TargetRole {
    proxy
        .endpoints
        .get(endpoint)
        .map_or(TargetRole::ReadWrite, |endpoint| {
            endpoint.config.target_role
        })
}

/// The target a request of this endpoint goes to: of those that serve the endpoint's role the one
/// with the fewest server connections.
pub(crate) fn choose_target<E: Engine>(
    shard: &Shard,
    proxy: &RunningProxy,
    endpoint: &str,
) -> Result<Rc<TargetPool<E>>, NoTarget> {
    let role = role_of(proxy, endpoint);
    let best = proxy
        .targets
        .iter()
        .filter(|target| target.serves(role))
        .min_by_key(|target| target.credits.in_use());
    best.and_then(|target| shard.pool(&target.id))
        .ok_or_else(|| NoTarget {
            role,
            why: proxy
                .targets
                .iter()
                .map(|target| describe(target))
                .collect::<Vec<_>>()
                .join("; "),
        })
}

/// No target serves the endpoint's role.
pub(crate) struct NoTarget {
    role: TargetRole,
    why: String,
}

impl NoTarget {
    /// The role, and what is the matter with every target.
    pub(crate) fn parts(&self) -> (&'static str, &str) {
        let role = match self.role {
            TargetRole::ReadWrite => "READ_WRITE",
            TargetRole::ReadOnly => "READ_ONLY",
        };
        let why = if self.why.is_empty() {
            "no target is registered"
        } else {
            &self.why
        };
        (role, why)
    }
}

fn describe(target: &TargetShared) -> String {
    let health: Arc<TargetHealth> = target.health();
    format!("target \"{}\": {}", target.database, health.description)
}
