//! Which target a request goes to.

use std::rc::Rc;
use std::sync::Arc;

use tollgate_types::{TargetHealth, TargetRole};

use crate::engine::Engine;
use crate::running::RunningProxy;
use crate::shard::Shard;
use crate::target::TargetShared;
use crate::target_pool::TargetPool;

/// The target a request of this endpoint goes to: of those that serve the endpoint's role the one
/// with the fewest server connections.
pub(crate) fn choose_target<E: Engine>(
    shard: &Shard,
    proxy: &RunningProxy,
    endpoint: &str,
) -> Result<Rc<TargetPool<E>>, NoTarget> {
    let role = proxy
        .endpoints
        .get(endpoint)
        .map_or(TargetRole::ReadWrite, |endpoint| {
            endpoint.config.target_role
        });
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
