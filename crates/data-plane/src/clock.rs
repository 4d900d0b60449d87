//! A shard's coarse clock: read without a system call, moved on by the janitor.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tollgate_pool::Millis;

/// How often the janitor moves the clock on.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// Monotonic milliseconds since the shard started, plus the wall clock.
pub(crate) struct Clock {
    started: Instant,
    now: Cell<u64>,
}

impl Clock {
    /// A clock with this origin; shards share one, so that their times compare.
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            now: Cell::new(0),
        }
    }

    /// The time at the last tick; at most one tick old while the shard is awake.
    pub(crate) fn coarse(&self) -> Millis {
        Millis::new(self.now.get())
    }

    /// The exact time, moving the coarse clock on. One system call: not for the hot path.
    pub(crate) fn exact(&self) -> Millis {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now.set(now);
        Millis::new(now)
    }
}

/// Seconds since the epoch.
pub(crate) fn unix_seconds() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Milliseconds since the epoch.
pub(crate) fn unix_millis() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
