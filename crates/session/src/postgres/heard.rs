//! What the client has been told of reported settings, and how that stays true on a server connection whose
//! defaults are others: after an `ALTER ROLE .. SET`, a reload or a restart, or on another server.
//!
//! A client acts upon what it was told: it encodes its texts as `client_encoding` says and reads times in
//! `TimeZone`. So on a connection with another default the value that was told counts as one that the
//! client has set, and is replayed as such. What no session can set (`server_version`, `is_superuser`, ..)
//! is told anew, as a server tells of a promotion.
//!
//! A server process takes a reload in while it runs, and says so behind the next statement, whoever sent that.
//! A report that no text explains is therefore taken for a new default, and the old one is not trusted any
//! more on that connection: it is never reset to, but set.

use tollgate_wire_postgres::backend;

use super::Session;
use super::defaults::Defaults;
use super::link::Link;
use super::settings::Settings;
use crate::{Effects, Notice};

/// Moves with the identity of the session, which the replay looks after; nobody changes its default.
const SESSION_AUTHORIZATION: &[u8] = b"session_authorization";

/// What one client knows of reported settings: at its login, or those of the connection it had last, with what
/// that reported since of parameters that no session sets. `None` until it has had one, if nobody said what
/// it was greeted with.
pub(super) type Told = Option<Defaults>;

/// What has yet to be said of them. Two bytes, because idle sessions are many.
#[derive(Debug)]
pub(super) struct Heard {
    telling: Telling,
    rumour: Rumour,
}

/// Whether the client has to be told something when the replay is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// It has been, and hears all else from the server.
    Done,
    /// It has yet to be seen what.
    Due,
}

/// What the shell has to be told of the defaults of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rumour {
    None,
    /// Something was reported that no statement explains.
    Unexplained,
    /// A statement that may have changed them has been committed.
    Changed,
}

impl Heard {
    pub(super) const fn nothing() -> Self {
        Self {
            telling: Telling::Done,
            rumour: Rumour::None,
        }
    }

    /// A statement that changes defaults has been committed.
    pub(super) fn defaults_changed(&mut self) {
        self.rumour = Rumour::Changed;
    }

    /// The server has other defaults than it said.
    pub(super) fn defaults_are_doubtful(&mut self) {
        if self.rumour == Rumour::None {
            self.rumour = Rumour::Unexplained;
        }
    }

    /// Tells the shell what it should know.
    pub(super) fn pass_on(&mut self, out: &mut Effects) {
        match std::mem::replace(&mut self.rumour, Rumour::None) {
            Rumour::None => {}
            Rumour::Unexplained => out.notice(Notice::DefaultsInDoubt),
            Rumour::Changed => out.notice(Notice::DefaultsChanged),
        }
    }
}

/// The client knows what this connection has now: all of its reports, or what it was told instead. What it
/// has set itself moves with its settings.
pub(super) fn part(told: &mut Told, link: &Link, settings: &Settings) {
    let theirs = link.parameters.defaults();
    let deviates = link.parameters.deviate();
    let mut moved = link.parameters.moved(settings).peekable();
    if !link.parameters.is_steady() || (deviates && moved.peek().is_some()) {
        let reported = link.parameters.beyond_sessions();
        *told = Some(Defaults::new(theirs.iter().chain(reported).chain(moved)));
    } else if !told.as_ref().is_some_and(|ours| ours.is(theirs)) {
        *told = Some(theirs.clone());
    }
}

/// True when the connection has the defaults that the client was told, and nothing else is to be said.
fn agree(told: &Told, link: &Link) -> bool {
    let told = told.as_ref();
    link.parameters.is_steady() && told.is_none_or(|told| told == link.parameters.defaults())
}

impl Session {
    /// The same session, whose client was greeted with these parameters.
    #[must_use]
    pub fn greeted(mut self, greeting: Defaults) -> Self {
        self.told = Some(greeting);
        self
    }

    /// Before the client's settings are given to its connection: what the client was told and the connection
    /// does not begin with counts as set by the client.
    pub(super) fn keep_what_was_told(&mut self) {
        self.heard.telling = Telling::Due;
        let (Some(link), Some(told)) = (&self.link, &self.told) else {
            return;
        };
        if agree(&self.told, link) {
            return;
        }
        let kept = link.parameters.settable().filter_map(|(name, parameter)| {
            let value = told.get(name)?;
            // Settings are kept in the encoding of the database, which is known to agree on ASCII only.
            let movable = value.is_ascii() && parameter.key() != SESSION_AUTHORIZATION;
            let own = self.settings.get(parameter.key()).is_some();
            (movable && !own && !parameter.begins_with(value))
                .then(|| (parameter.key(), Some(value)))
        });
        self.settings = self.settings.changed(kept);
    }

    /// The connection has the client's settings, and nothing else was sent to it: tells the client what is
    /// different all the same.
    pub(super) fn tell_what_differs(&mut self, out: &mut Effects) {
        if std::mem::replace(&mut self.heard.telling, Telling::Done) == Telling::Done {
            return;
        }
        let Some(link) = &mut self.link else {
            return;
        };
        // What was reset may have gone to another default without a word: the value is the same.
        let deviates = link.parameters.deviate();
        if (deviates || !agree(&self.told, link))
            && let Some(told) = &self.told
        {
            let mut news = Vec::new();
            let beyond = link.parameters.beyond_sessions();
            news.extend(beyond.filter(|(name, value)| told.get(name) != Some(*value)));
            let mut moved: Vec<Box<[u8]>> = Vec::new();
            for (name, parameter) in link.parameters.settable() {
                let differs = told
                    .get(name)
                    .is_some_and(|value| value != parameter.value());
                let own = self.settings.get(parameter.key()).is_some();
                if differs && !own && parameter.key() != SESSION_AUTHORIZATION {
                    moved.push(parameter.key().into());
                    if parameter.value().is_ascii() {
                        news.push((name, parameter.value()));
                    }
                }
            }
            let lane = out.client_lane();
            for (name, value) in news {
                lane.inject(|bytes| backend::parameter_status(bytes, name, value));
            }
            for key in moved {
                link.parameters.doubt(&key);
                self.heard.defaults_are_doubtful();
            }
        }
        part(&mut self.told, link, &self.settings);
    }
}
