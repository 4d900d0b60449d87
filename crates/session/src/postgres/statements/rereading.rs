//! Reading a text again as it was read the first time, whatever the client has set since.

use std::sync::Arc;

use tollgate_wire_postgres::backend::TransactionStatus;

use super::apart::Apart;
use crate::Effects;
use crate::postgres::link::{Held, Link};
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

impl Session {
    /// The settings under which a text that is sent now is read, if they are known without asking.
    pub(in crate::postgres) fn reading_now(&self) -> Option<Reading> {
        let link = self.link.as_ref()?;
        let settled = !link.settings_in_flight
            && self.asked.is_none()
            && self.pending.leaves_settings_alone()
            && !self.pins.hide_settings();
        settled
            .then(|| Reading::of(&self.settings, &link.parameters))
            .flatten()
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

    /// As above, for a Parse: the server can be asked, before it or, in a transaction that is open, behind it.
    pub(super) fn reads_or_asks(&mut self, text: &[u8], out: &mut Effects) -> Result<Read, Want> {
        match self.reads(text) {
            Read::Unknown => {}
            read @ (Read::Alike | Read::Under(_) | Read::AsAnswered) => return Ok(read),
        }
        let Some(link) = &mut self.link else {
            return Err(Want::Server);
        };
        if link.held == Held::ForText
            && let Some(answered) = link.answered_reading.take()
        {
            return Ok(Read::Under(answered));
        }
        if link.stands_apart() == Apart::Never {
            return Ok(Read::AsAnswered);
        }
        if !link.queue.is_empty() {
            return Err(self.settle_first(out));
        }
        match link.status {
            TransactionStatus::Idle => {}
            TransactionStatus::InTransaction | TransactionStatus::Failed => {
                return Ok(Read::AsAnswered);
            }
        }
        link.run_aside(Reading::question().as_bytes(), Work::Reading, out);
        link.end_apart(out);
        Err(Want::Replies)
    }
}

impl Link {
    /// The row that says how the newest statement was read.
    pub(in crate::postgres) fn reading_answered(&mut self, body: &[u8]) {
        self.answered_reading = Reading::answered(body).map(Arc::new);
    }

    /// What is sent from here on is read under other settings, or under those of now again.
    pub(in crate::postgres) fn switches(&mut self, command: Option<&String>, out: &mut Effects) {
        if let Some(command) = command {
            self.run_aside(command.as_bytes(), Work::None, out);
        }
    }
}
