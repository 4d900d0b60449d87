//! Clients that end each other: the side of the one that is to end.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::engine::{Doomed, Killed};
use crate::sessions::Interrupt;
use crate::shard::{Command, Shard};

/// Time in which a request to end a statement is acted upon; whoever asked for it goes on then.
const PATIENCE: Duration = Duration::from_secs(10);

impl Shard {
    /// How to talk to the shard that looks after a process id.
    pub(crate) fn owner_of(&self, process_id: i32) -> Option<&UnboundedSender<Command>> {
        let shards = i32::try_from(self.seed.peers.len()).unwrap_or(1).max(1);
        let owner = usize::try_from(process_id.rem_euclid(shards)).unwrap_or(0);
        self.seed.peers.get(owner)
    }

    /// Ends a client, or what it is doing, for `user`. Like a server, it does so only for the same user: which other
    /// users may, is the server's to say.
    pub(crate) fn kill(
        &self,
        (process_id, what): (i32, Doomed),
        user: &str,
        reply: oneshot::Sender<Killed>,
    ) {
        let Some(session) = self.sessions.by_process_id(process_id) else {
            // Whoever asked may have left meanwhile.
            let _ = reply.send(Killed::NotOurs);
            return;
        };
        if session.key.user != user {
            let _ = reply.send(Killed::Denied);
            return;
        }
        match what {
            Doomed::OnServer => {
                let _ = reply.send(Killed::NotOurs);
            }
            Doomed::Connection => {
                session.interrupt(Interrupt::Kill);
                let _ = reply.send(Killed::Done);
            }
            Doomed::Statement => {
                let (acted, done) = oneshot::channel();
                session.cancelling.borrow_mut().push(acted);
                session.interrupt(Interrupt::Cancel);
                tokio::task::spawn_local(async move {
                    // Whoever deals with the request drops the sender when it is dealt with. A client that asks
                    // twice must not have its second wish hit by the first.
                    let _ = tokio::time::timeout(PATIENCE, done).await;
                    let _ = reply.send(Killed::Done);
                });
            }
        }
    }
}
