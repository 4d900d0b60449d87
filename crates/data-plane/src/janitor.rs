//! A shard's housekeeping: moves the clock on, ticks the pools, closes idle clients.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tollgate_pool::Millis;
use tollgate_types::SessionState;

use crate::clock::{self, TICK};
use crate::sessions::Interrupt;
use crate::shard::Shard;
use tollgate_types::ProxyPhase;

/// How often sessions are looked at.
const SESSION_SWEEP: Duration = Duration::from_secs(1);

/// Runs until it is aborted.
pub(crate) async fn run(shard: Rc<Shard>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let sweep = Millis::new(u64::try_from(SESSION_SWEEP.as_millis()).unwrap_or(1000));
    let mut next_sweep = Millis::ZERO;
    loop {
        ticks.tick().await;
        let now = shard.clock.exact();
        let pools: Vec<_> = shard.pools.borrow().values().cloned().collect();
        for pool in pools {
            pool.tick(&shard, now);
        }
        if now >= next_sweep {
            next_sweep = now.saturating_add(sweep);
            sweep_sessions(&shard, now);
        }
    }
}

/// Closes clients that were idle for too long, and those left over when a drain's time is over.
fn sweep_sessions(shard: &Rc<Shard>, now: Millis) {
    let running = Rc::new(std::sync::Arc::clone(&shard.running.borrow()));
    let unix = clock::unix_seconds();
    for session in shard.sessions.all() {
        let Some(proxy) = running.proxies.get(&session.proxy) else {
            continue;
        };
        if let ProxyPhase::Draining { deadline_unix } = proxy.config.phase
            && unix >= deadline_unix
        {
            session.interrupt(Interrupt::Terminate);
            continue;
        }
        let limit = Millis::from_secs(u64::from(proxy.config.idle_client_timeout_s));
        let idle = now.saturating_sub(session.last_activity.get());
        let busy = matches!(
            session.state.get(),
            SessionState::Active | SessionState::Waiting
        );
        if !busy && idle >= limit {
            session.interrupt(Interrupt::IdleTimeout);
        }
        let own = session.idle_limit.get();
        if session.state.get() == SessionState::Idle && own.is_some_and(|own| idle >= own) {
            session.interrupt(Interrupt::SessionTimeout);
        }
    }
}
