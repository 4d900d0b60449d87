//! Driving a server connection back to a proven clean state after its client has gone.

use std::rc::Rc;
use std::time::Duration;

use crate::engine::{Cleaner, CleanerEvent, Engine, Machine, Server};
use crate::pooled::Pooled;
use crate::shard::Shard;
use crate::target_pool::{ServerLease, TargetPool};

/// Time for rolling back and discarding; beyond it the connection is closed.
const DEADLINE: Duration = Duration::from_secs(5);

/// Why a connection could not be cleaned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CleaningError {
    /// The socket broke.
    #[error("the server connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// The server's answers do not prove that it is clean.
    #[error("the server connection could not be proven clean")]
    NotClean,
}

/// Cleans the connection and gives it back, or closes it.
pub(crate) async fn run<E: Engine>(
    pool: Rc<TargetPool<E>>,
    shard: Rc<Shard>,
    mut lease: ServerLease<E>,
    cleanup: <E::Session as Machine>::Cleaner,
) {
    if let Ok(Ok(proof)) = tokio::time::timeout(DEADLINE, drive(&mut lease, cleanup)).await {
        pool.give_back(&shard, lease, proof);
    } else {
        pool.discard(&shard, lease);
    }
}

/// Sends what `cleanup` wants sent and feeds it the answers.
pub(crate) async fn drive<E: Engine>(
    conn: &mut Pooled<E>,
    mut cleanup: <E::Session as Machine>::Cleaner,
) -> Result<E::Proof, CleaningError> {
    let stream = conn.server.stream();
    stream.write_all(cleanup.bytes()).await?;
    let mut input = bytes::BytesMut::with_capacity(1024);
    loop {
        if stream.read_some(&mut input).await? == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        let (consumed, event) = cleanup.on_server(&input);
        let used = consumed.min(input.len());
        bytes::Buf::advance(&mut input, used);
        cleanup = match event {
            CleanerEvent::More(next) => next,
            CleanerEvent::Clean(proof) => return Ok(proof),
            CleanerEvent::Failed => return Err(CleaningError::NotClean),
        };
    }
}
