//! Idle connections on which something happened: found by looking at all of them.

use std::hash::Hash;

use crate::Millis;
use crate::lease::ConnId;
use crate::pool::Pool;

/// What the shell found when it looked at an idle connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// Nothing happened; it may be lent.
    Quiet,
    /// Bytes arrived, or the server closed it: it must not be lent again.
    Disturbed,
}

impl<K: Clone + Eq + Hash, C> Pool<K, C> {
    /// Looks at every idle connection and takes the disturbed ones out of the pool, for closing. The
    /// shell calls it when its poller says that something happened on one of them: that is rare, so
    /// looking at all costs less than keeping track of which one it was.
    pub fn sweep_idle(&mut self, now: Millis, mut look: impl FnMut(&mut C) -> Watched) -> Vec<C> {
        let disturbed: Vec<ConnId> = self
            .keys
            .iter_mut()
            .flat_map(|state| state.idle.iter_mut())
            .filter_map(|idle| match look(&mut idle.conn) {
                Watched::Quiet => None,
                Watched::Disturbed => Some(idle.id),
            })
            .collect();
        disturbed
            .into_iter()
            .filter_map(|id| self.idle_event(id, now))
            .collect()
    }
}
