//! How a pool learns that a lease or an opening was dropped instead of being handed back.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use crate::key_state::KeyId;
use crate::lease::ConnId;

/// Something that left the pool and will not come back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Loss {
    Lease(ConnId),
    Opening(KeyId),
}

/// The losses that the pool has not yet dealt with.
#[derive(Default)]
pub(crate) struct Ledger {
    losses: Cell<Vec<Loss>>,
    count: Cell<usize>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    pub(crate) fn has_losses(&self) -> bool {
        self.count.get() > 0
    }

    pub(crate) fn take_losses(&self) -> Vec<Loss> {
        self.count.set(0);
        self.losses.take()
    }

    fn report(&self, loss: Loss) {
        let mut losses = self.losses.take();
        losses.push(loss);
        self.count.set(losses.len());
        self.losses.set(losses);
    }
}

/// Travels with whatever left the pool and reports a loss when it is dropped unsettled.
#[derive(Debug)]
pub(crate) struct Slip {
    ledger: Rc<Ledger>,
    loss: Option<Loss>,
}

impl Slip {
    pub(crate) fn new(ledger: &Rc<Ledger>, loss: Loss) -> Self {
        Self {
            ledger: Rc::clone(ledger),
            loss: Some(loss),
        }
    }

    /// Whether this slip was written by the owner of that ledger.
    pub(crate) fn is_of(&self, ledger: &Rc<Ledger>) -> bool {
        Rc::ptr_eq(&self.ledger, ledger)
    }

    /// What it stood for is back in the hands of its pool.
    pub(crate) fn settle(mut self) {
        self.loss = None;
    }
}

impl Drop for Slip {
    fn drop(&mut self) {
        if let Some(loss) = self.loss.take() {
            self.ledger.report(loss);
        }
    }
}
