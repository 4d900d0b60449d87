//! New server connections for old ones, after what sessions begin with has changed on the server.
//!
//! `ALTER ROLE .. SET`, `ALTER DATABASE .. SET` and most reloads reach nobody who is connected already, so
//! connections from before have other defaults than those of today, and remembered greetings are out of date.
//! When a change is noticed, greetings are forgotten, idle connections are closed on every shard, and those at
//! work when they come back: nobody in use is disturbed, and the pool opens new ones at the pace at which it
//! always does.
//!
//! It is noticed in band, when a statement that changes defaults has been committed, before the client hears
//! of that: whoever logs in afterwards is told the new values. It is noticed out of band by the probe, which
//! asks what sessions begin with and compares; when a server connection reports something that nobody set, or
//! begins otherwise than the one before, the probe is asked to look at once. A pool is renewed once in
//! [`PAUSE`] at the most; changes within it are made good when it is over.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tollgate_session::postgres::Defaults;

use crate::engine::{Engine, Postgres};
use crate::greetings::Learnt;
use crate::pool_key::PoolKey;
use crate::shard::{Command, Shard};
use crate::target::TargetShared;
use crate::target_pool::TargetPool;

/// Between two renewals of a target: a script that alters a thousand roles shall not close a thousand times
/// what is idle.
const PAUSE: Duration = Duration::from_secs(1);

/// When a target's connections were last renewed, and whether that must happen again.
#[derive(Default)]
pub(crate) struct Renewals(Mutex<Times>);

#[derive(Default)]
struct Times {
    last: Option<Instant>,
    owed: Owed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Owed {
    #[default]
    Nothing,
    /// Something has changed since the last one.
    One,
}

/// Whether to renew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renew {
    /// At once: it counts as done.
    Now,
    /// Not now. If one is owed, somebody asks again.
    NotYet,
}

impl Renewals {
    /// Something has changed.
    fn changed(&self, now: Instant) -> Renew {
        self.0.lock().owed = Owed::One;
        self.due(now)
    }

    /// Whether what is owed may be done now.
    fn due(&self, now: Instant) -> Renew {
        let mut times = self.0.lock();
        let rested = times
            .last
            .is_none_or(|last| now.saturating_duration_since(last) >= PAUSE);
        if times.owed == Owed::Nothing || !rested {
            return Renew::NotYet;
        }
        *times = Times {
            last: Some(now),
            owed: Owed::Nothing,
        };
        Renew::Now
    }
}

impl TargetShared {
    /// What sessions begin with has changed. On [`Renew::Now`] every shard has to look at
    /// [`TargetShared::epoch`].
    pub(crate) fn defaults_changed(&self) -> Renew {
        self.outdate(self.renewals.changed(Instant::now()))
    }

    /// Does what was put off, as above.
    pub(crate) fn renew_if_due(&self) -> Renew {
        self.outdate(self.renewals.due(Instant::now()))
    }

    fn outdate(&self, renew: Renew) -> Renew {
        match renew {
            Renew::NotYet => {}
            Renew::Now => {
                self.epoch.fetch_add(1, Ordering::Release);
                tracing::info!(
                    target.name = %self.database, proxy.id = %self.proxy,
                    "defaults of the server have changed; connections are renewed"
                );
            }
        }
        renew
    }
}

impl<E: Engine> TargetPool<E> {
    /// A session has changed what sessions begin with, or had the server read its configuration again. That
    /// takes the server a moment, so the probe looks as well.
    pub(crate) fn renew(self: &Rc<Self>, shard: &Rc<Shard>) {
        match self.target.defaults_changed() {
            Renew::NotYet => {}
            Renew::Now => {
                self.proxy.forget_greetings();
                self.refresh(shard);
                let peers = shard.seed.peers.iter().enumerate();
                for (_, peer) in peers.filter(|(number, _)| *number != shard.seed.index) {
                    let target = self.target.id.clone();
                    // A shard that has ended has no connections.
                    let _ = peer.send(Command::Retry { target });
                }
            }
        }
        self.target.probe_now.notify_one();
    }

    /// Nothing outdated is lent and nothing outdated is taken back, even before this shard was told.
    pub(crate) fn catch_up(self: &Rc<Self>, shard: &Rc<Shard>) {
        if self.is_behind() {
            self.refresh(shard);
        }
    }
}

impl TargetPool<Postgres> {
    /// A server connection of `key`, whose opening began in `epoch`, reported `parameters`.
    pub(crate) fn learn(
        &self,
        key: &Arc<PoolKey>,
        parameters: &[(Box<str>, Box<str>)],
        epoch: u64,
    ) -> Defaults {
        let greetings = &self.proxy.greetings;
        let (defaults, learnt) = greetings.learn(key, parameters);
        if self.target.epoch() != epoch {
            // What it says may be out of date, as the connection is.
            greetings.forget();
        } else if learnt == Learnt::Otherwise {
            self.target.probe_now.notify_one();
        }
        defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_in_a_row_cost_two_renewals() {
        let renewals = Renewals::default();
        let start = Instant::now();
        assert_eq!(renewals.due(start), Renew::NotYet, "nothing has changed");
        assert_eq!(renewals.changed(start), Renew::Now);
        for step in 1..5 {
            let soon = start + PAUSE * step / 10;
            assert_eq!(renewals.changed(soon), Renew::NotYet);
            assert_eq!(renewals.due(soon), Renew::NotYet);
        }
        assert_eq!(renewals.due(start + PAUSE), Renew::Now);
        assert_eq!(renewals.due(start + PAUSE * 3), Renew::NotYet, "done");
    }
}
