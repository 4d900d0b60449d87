//! Reading a text again as it was read the first time, whatever the client has set since.

use std::sync::Arc;

use crate::Effects;
use crate::postgres::Session;
use crate::postgres::link::Link;
use crate::postgres::queue::Work;
use crate::postgres::settings::{Reading, depends_on_reading};

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

    /// As above, for a Parse: behind it the server can be asked.
    pub(super) fn reads_or_asks(&self, text: &[u8]) -> Read {
        match self.reads(text) {
            Read::Unknown => Read::AsAnswered,
            read @ (Read::Alike | Read::Under(_) | Read::AsAnswered) => read,
        }
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
