//! Requests to end the client's statement that come over another connection: where they go, and whom they must not hit.

use super::Session;
use super::link::{Clean, Purpose};
use crate::Effects;

/// Where a request to end the client's statement should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelTarget {
    /// Nothing of the client's is running.
    Nothing,
    /// To the server, as `KILL QUERY` with this number, by another connection.
    Server(u32),
    /// To the server, but not yet: it is at work on something of the proxy's own, which must not be hit.
    Later,
}

impl Session {
    /// A request to end the client's statement is about to be sent to the server: the connection must not
    /// change hands before `cancel_ended`, or the request might hit somebody else's statement.
    pub fn cancel_began(&mut self) {
        if let Some(link) = &mut self.link {
            link.cancels = link.cancels.saturating_add(1);
        }
    }

    /// The request has been acted upon. Gives the server connection back if this was all that held it.
    pub fn cancel_ended(&mut self, out: &mut Effects) -> Option<Clean> {
        if let Some(link) = &mut self.link {
            link.cancels = link.cancels.saturating_sub(1);
        }
        self.settle(out)
    }

    /// Whether and where the client's statement can be ended now.
    pub fn cancel_target(&self) -> CancelTarget {
        let Some(link) = &self.link else {
            return CancelTarget::Nothing;
        };
        match link.queue.front() {
            None => CancelTarget::Nothing,
            Some(step) if step.purpose == Purpose::Client => {
                CancelTarget::Server(link.config.thread_id)
            }
            Some(_) => CancelTarget::Later,
        }
    }
}
