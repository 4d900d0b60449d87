//! How the reconciler does, for `/readyz`.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tollgate_types::Revision;

use crate::problem::Problem;

/// Shared between the loop and the readiness check.
#[derive(Debug, Default)]
pub(crate) struct LoopHealth {
    seen: Mutex<LoopView>,
    draining: AtomicBool,
}

/// What the loop last did.
#[derive(Debug, Clone, Default)]
pub(crate) struct LoopView {
    /// Second since the epoch of the last good turn, or of the last look that found none to take; 0 before the first.
    pub(crate) last_success_unix: i64,
    /// Why the last turn failed; nothing after a good one.
    pub(crate) last_error: Option<String>,
    /// Revision of the last published snapshot.
    pub(crate) published: Option<Revision>,
}

impl LoopHealth {
    pub(crate) fn succeeded(&self, now_unix: i64) {
        let mut seen = self.seen.lock();
        seen.last_success_unix = now_unix;
        seen.last_error = None;
    }

    pub(crate) fn failed(&self, problem: &Problem) {
        self.seen.lock().last_error = Some(problem.code.name().to_owned());
    }

    pub(crate) fn published(&self, revision: Revision) {
        self.seen.lock().published = Some(revision);
    }

    pub(crate) fn view(&self) -> LoopView {
        self.seen.lock().clone()
    }

    /// The process is going down: no new work should come here.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
