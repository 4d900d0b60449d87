//! Which idempotency keys are being worked on in this process, so that a repeated call waits for the first.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::StoreError;

/// Principal and key: a key means nothing without whose it is.
type Name = (String, String);

/// The keys being worked on.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    names: Mutex<HashSet<Name>>,
    freed: Notify,
}

/// The right to work on one key; given back on drop.
#[derive(Debug)]
pub(crate) struct Claim {
    owner: Arc<InFlight>,
    name: Name,
}

impl InFlight {
    /// Waits up to `patience` until nobody works on the key, then takes it.
    ///
    /// Fails with [`StoreError::IdempotencyInFlight`] when the first call takes longer.
    pub(crate) async fn claim(
        self: &Arc<Self>,
        name: Name,
        patience: Duration,
    ) -> Result<Claim, StoreError> {
        tokio::time::timeout(patience, self.wait_for(name))
            .await
            .map_err(|_| StoreError::IdempotencyInFlight)
    }

    async fn wait_for(self: &Arc<Self>, name: Name) -> Claim {
        loop {
            // Registered before the look, so that a release between look and wait is not missed.
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if self.names.lock().insert(name.clone()) {
                return Claim {
                    owner: Arc::clone(self),
                    name,
                };
            }
            freed.await;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.owner.names.lock().remove(&self.name);
        self.owner.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(key: &str) -> Name {
        ("AIDA1".to_owned(), key.to_owned())
    }

    #[tokio::test]
    async fn a_second_claim_waits_for_the_first() {
        let keys = Arc::new(InFlight::default());
        let first = keys.claim(name("a"), Duration::ZERO).await.unwrap();
        let other = keys.claim(name("b"), Duration::from_mins(1)).await;
        assert!(other.is_ok());
        let refused = keys.claim(name("a"), Duration::from_millis(5)).await;
        assert!(matches!(refused, Err(StoreError::IdempotencyInFlight)));
        let waiting = {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.claim(name("a"), Duration::from_mins(1)).await })
        };
        drop(first);
        assert!(waiting.await.unwrap().is_ok());
    }
}
