//! What all shards share about one proxy beyond its configuration: counts and greetings.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::greetings::Greetings;
use crate::mysql::Welcomes;

/// Shared state of one proxy.
#[derive(Default)]
pub(crate) struct ProxyShared {
    clients: AtomicUsize,
    /// What PostgreSQL clients are greeted with.
    pub(crate) greetings: Greetings,
    /// What MySQL clients are welcomed with.
    pub(crate) welcomes: Welcomes,
}

/// One client connection in the count; leaves it when dropped.
pub(crate) struct Counted(Arc<ProxyShared>);

impl ProxyShared {
    /// Counts one more client connection for as long as the guard lives.
    pub(crate) fn count(self: &Arc<Self>) -> Counted {
        self.clients.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(self))
    }

    /// What sessions begin with may have changed.
    pub(crate) fn forget_greetings(&self) {
        self.greetings.forget();
        self.welcomes.forget();
    }

    /// Client connections open now.
    pub(crate) fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}
