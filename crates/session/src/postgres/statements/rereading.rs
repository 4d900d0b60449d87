//! Reading a text again as it was read the first time, whatever the client has set since.

use std::sync::Arc;

use tollgate_wire_postgres::backend::TransactionStatus;

use super::apart::Apart;
use crate::Effects;
use crate::postgres::link::Link;
use crate::postgres::queue::Work;
use crate::postgres::settings::{Reading, depends_on_reading};
use crate::postgres::{Session, Want};

/// How a text is read when its Parse reaches the server.
#[derive(Debug)]
pub(in crate::postgres) enum Read {
    /// The same under any settings.
    Alike,
    /// Under these.
    Under(Arc<Reading>),
    /// Under those that the server is asked for right behind it.
    AsAnswered,
    /// Under some that nobody knows.
    Unknown,
}

/// What the server said before a Parse of how it will be read.
#[derive(Debug, Default)]
pub(in crate::postgres) enum Ahead {
    #[default]
    NotAsked,
    /// It has not said, or not so that it can be written down.
    Asked,
    Answered(Arc<Reading>),
}

impl Session {
    /// The settings under which a text that is sent now is read, if they are known without asking.
    pub(in crate::postgres) fn reading_now(&self) -> Option<Reading> {
        let link = self.link.as_ref()?;
        let known = self.settings_are_known();
        known
            .then(|| Reading::of(&self.settings, &link.parameters))
            .flatten()
    }

    pub(super) fn settings_are_known(&self) -> bool {
        let in_flight = self.link.as_ref().map(|link| link.settings_in_flight);
        in_flight == Some(false)
            && self.asked.is_none()
            && self.pending.leaves_reading_alone()
            && !self.pins.hide_settings()
    }

    /// How the text at hand will be read.
    pub(super) fn reads(&self, text: &[u8]) -> Read {
        if !depends_on_reading(text) {
            return Read::Alike;
        }
        match self.reading_now() {
            Some(reading) => Read::Under(Arc::new(reading)),
            None => Read::Unknown,
        }
    }

    /// As above, for a Parse. What is not known yet is waited for while it may be, and then the server is asked:
    /// before the client's transaction, or else behind the Parse.
    pub(super) fn reads_or_asks(&mut self, text: &[u8], out: &mut Effects) -> Result<Read, Want> {
        let Some(link) = &mut self.link else {
            return Err(Want::Server);
        };
        let ahead = std::mem::take(&mut link.ahead);
        match self.reads(text) {
            // They are known, and cannot be written down.
            Read::Unknown if self.settings_are_known() => return Ok(Read::Unknown),
            Read::Unknown => {}
            read @ (Read::Alike | Read::Under(_) | Read::AsAnswered) => return Ok(read),
        }
        let Some(link) = &mut self.link else {
            return Err(Want::Server);
        };
        if link.stands_apart() == Apart::Never {
            return Ok(Read::AsAnswered);
        }
        if !link.queue.is_empty() {
            link.ahead = ahead;
            return Err(self.settle_first(out));
        }
        match (ahead, link.status) {
            (Ahead::Answered(reading), _) => Ok(Read::Under(reading)),
            (Ahead::Asked, _) => Ok(Read::Unknown),
            (Ahead::NotAsked, TransactionStatus::InTransaction | TransactionStatus::Failed) => {
                Ok(Read::AsAnswered)
            }
            (Ahead::NotAsked, TransactionStatus::Idle) => {
                link.run_aside(Reading::question().as_bytes(), Work::Reading, out);
                link.end_apart(out);
                link.ahead = Ahead::Asked;
                Err(Want::Replies)
            }
        }
    }
}

impl Link {
    /// The row that says how the newest statement was read, or how the one that waits will be.
    pub(in crate::postgres) fn reading_answered(&mut self, body: &[u8]) {
        let answered = Reading::answered(body).map(Arc::new);
        match (&self.ahead, answered) {
            (Ahead::NotAsked | Ahead::Answered(_), answered) => self.answered_reading = answered,
            (Ahead::Asked, Some(reading)) => self.ahead = Ahead::Answered(reading),
            (Ahead::Asked, None) => {}
        }
    }

    /// What is sent from here on is read under other settings, or under those of now again.
    pub(in crate::postgres) fn switches(&mut self, command: Option<&String>, out: &mut Effects) {
        if let Some(command) = command {
            self.run_aside(command.as_bytes(), Work::None, out);
        }
    }
}
