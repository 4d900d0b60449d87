//! Ending other clients, or what they are doing, for a client that may.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::{Appetite, Relay, Step};
use crate::engine::{Doomed, Engine, Kill, Killed, Machine};
use crate::sessions;
use crate::shard::Command;

/// A wish to end somebody that another shard looks after.
pub(super) struct Killing(oneshot::Receiver<Killed>);

impl<E: Engine> Relay<E> {
    /// Has the shard of the doomed client see to it. Until it answers, nothing of the client's is looked at.
    pub(super) fn begin_kill(&mut self, kill: Kill) {
        let control = Rc::clone(&self.registered.control);
        let Some(process_id) = sessions::process_id_of(kill.id) else {
            return self.settle_kill(Killed::NotOurs);
        };
        if kill.what == Doomed::OnServer {
            return self.settle_kill(Killed::NotOurs);
        }
        if process_id == control.cancel_key.process_id {
            // The session answers first, and wants to be closed then.
            return self.settle_kill(Killed::Itself);
        }
        let (reply, answer) = oneshot::channel();
        let command = Command::Kill {
            process_id,
            user: control.key.user.clone(),
            what: kill.what,
            reply,
        };
        match self
            .shard
            .owner_of(process_id)
            .map(|peer| peer.send(command))
        {
            Some(Ok(())) => self.killing = Some(Killing(answer)),
            // A shard that has ended has no clients.
            Some(Err(_)) | None => self.settle_kill(Killed::NotOurs),
        }
    }

    /// Takes the answer, if it is here.
    pub(super) fn take_killed(&mut self, cx: &mut Context<'_>) -> Step<bool> {
        let Some(Killing(answer)) = &mut self.killing else {
            return Ok(false);
        };
        let Poll::Ready(outcome) = Pin::new(answer).poll(cx) else {
            return Ok(false);
        };
        self.killing = None;
        self.settle_kill(outcome.unwrap_or(Killed::NotOurs));
        self.feed_client(cx)?;
        Ok(true)
    }

    fn settle_kill(&mut self, outcome: Killed) {
        self.session.killed(outcome);
        self.appetite = Appetite::Hungry;
    }
}
