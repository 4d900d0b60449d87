//! `Store`: an open metadata database, shared by everybody in the process.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::connection::{Link, StoreHealth, keep};
use crate::in_flight::InFlight;
use crate::{StoreError, StoreSettings};

/// Result of a compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Written.
    Applied,
    /// Somebody was faster, or the row is gone; nothing was written.
    Lost,
}

/// The metadata database. Cheap to clone; all clones are one store.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) link: Arc<Link>,
    pub(crate) in_flight: Arc<InFlight>,
    /// One writer at a time in this process: the others wait here and hold no connection meanwhile.
    pub(crate) writers: Arc<Semaphore>,
    keeper: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Store {
    /// Opens a store without waiting for its database: connecting, and bringing the schema up to date,
    /// go on in the background for as long as the store lives.
    ///
    /// Must be called inside a tokio runtime. While the database is away every method fails at once
    /// with [`StoreError::Unavailable`].
    pub fn open(settings: StoreSettings) -> Self {
        let link = Arc::new(Link::new(settings));
        let keeper = tokio::spawn(keep(Arc::clone(&link))).abort_handle();
        Self {
            shared: Arc::new(Shared {
                link,
                in_flight: Arc::new(InFlight::default()),
                writers: Arc::new(Semaphore::new(1)),
                keeper,
            }),
        }
    }

    /// Whether the database can be used, since when, and what went wrong last.
    pub fn health(&self) -> StoreHealth {
        self.shared.link.health()
    }

    /// Stops watching and closes every connection; later calls fail.
    pub async fn close(&self) {
        self.shared.keeper.abort();
        self.shared.link.close().await;
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn link(&self) -> &Link {
        &self.shared.link
    }

    /// Runs one call within its time limit, and has the connection looked at when it failed badly.
    pub(crate) async fn watched<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        watched(self.link(), call).await
    }
}

/// As [`Store::watched`].
pub(crate) async fn watched<T>(
    link: &Link,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let limit = link.settings().call_timeout;
    let result = match tokio::time::timeout(limit, call).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::unavailable("the call took too long")),
    };
    if matches!(result, Err(StoreError::Unavailable { .. })) {
        link.doubt();
    }
    result
}
