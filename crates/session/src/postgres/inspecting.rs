//! Asking the server, between two transactions, what of the session's state there really is.

use super::Session;
use super::link::Past;
use super::pending::{NO_ROLE, ROLE, is_custom};
use super::queue::{Expected, Kind};
use super::settings::{Question, Reading, Settings};
use crate::{Effects, PinReason};

/// Bytes of settings that move with a client; more of them pin it.
const MAX_SETTINGS: usize = 64 * 1024;

impl Session {
    /// Nothing is under way on the connection: asks what has to be asked. The connection is kept until
    /// the answer is there; the client goes on meanwhile.
    pub(super) fn inspect(&mut self, out: &mut Effects) {
        // The question is a Query, which drops the unnamed statement: one that cannot be made again pins
        // anyway, and the question can wait.
        if !self.pending.is_open() || self.unnamed.is_forgotten() {
            return;
        }
        let Some(link) = &mut self.link else {
            return;
        };
        let (names, facts, listing) = self.pending.take();
        let question = Question::new(names.iter().map(|name| &**name), facts).or_else(|| {
            // Names that cannot be asked for.
            self.pins.hold(PinReason::SessionSetting);
            Question::new([], facts)
        });
        let question = question.map(|question| question.listing(listing));
        let Some(question) = question.filter(|question| !question.is_empty()) else {
            return;
        };
        out.server_lane()
            .inject(|bytes| question.append_query(bytes));
        link.queue.push(Expected::new(Kind::Inspection));
        link.ran_a_query_of_our_own(&self.unnamed);
        self.asked = Some(Box::new(question));
    }

    /// The row that answers the question.
    pub(super) fn answered(&mut self, body: &[u8]) {
        let Some(question) = self.asked.take() else {
            return;
        };
        let Some(answer) = question.read(body) else {
            self.asked = Some(question);
            return;
        };
        self.pins.answered(question.facts(), answer.facts);
        let values = question.names().zip(&answer.values);
        // Where nobody is known to have set a role, to have none is the default.
        let has_role = self.settings.get(ROLE).is_some();
        let changes = values.map(|(name, value)| {
            let value = value
                .as_deref()
                .filter(|value| has_role || name != ROLE || *value != NO_ROLE);
            (name, value)
        });
        let mut settings = self.settings.changed(changes);
        if let (Some(listed), Some(link)) = (answer.listed(), &self.link) {
            let gone = settings.iter().map(|(name, _)| name).filter(|name| {
                let reported = link.parameters.reports(name);
                let listable = !is_custom(name) && !reported && *name != ROLE;
                listable && !listed.clone().any(|one| one.eq_ignore_ascii_case(name))
            });
            settings = settings.changed(gone.map(|name| (name, None)));
            let unknown =
                listed.filter(|name| !link.parameters.reports(&name.to_ascii_lowercase()));
            self.pending.ask_for(unknown);
        }
        if !settings.same(&self.settings)
            && let Some(link) = &mut self.link
        {
            link.past = Past::SettingsTouched;
        }
        self.settings_are(settings);
    }

    /// The question is dealt with; without an answer everything asked about is taken to hold.
    pub(super) fn inspected(&mut self) {
        let Some(question) = self.asked.take() else {
            return;
        };
        self.pins.unanswered(question.facts());
        if question.asks_for_settings() {
            self.pins.hold(PinReason::SessionSetting);
        }
    }

    /// A transaction is over: takes over the settings that are known without asking.
    pub(super) fn settle_settings(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        if self.pending.touches_settings() {
            link.past = Past::SettingsTouched;
        }
        self.judge_reports();
        let Some(link) = &mut self.link else {
            return;
        };
        if self.pending.changes_defaults() {
            self.heard.defaults_changed();
        }
        let mut sets_role = self.pending.may_set_role();
        if self.pending.has_reset_all() && self.pins.settings_reset() {
            self.pending.ask_for_what_is_not_reset();
            sets_role = true;
        }
        let known = self
            .pending
            .transaction_over(&self.settings, &link.parameters);
        let mut settings = match &known {
            // A text that resets says nothing of what a default is by now, and neither does the server, if
            // the value is the same.
            Some(known) => link.parameters.in_force(known),
            None => link.parameters.observed(&self.settings),
        };
        // Which, the server will say. A session may begin with a role: to have set none is not to have set
        // nothing.
        if sets_role && settings.get(ROLE).is_none() {
            settings = settings.changed([(ROLE, Some(NO_ROLE))]);
        }
        self.settings_are(settings);
    }

    /// The connection is about to go. What it reported in answer to a question of our own, behind the client's
    /// last transaction, the client was told as well: from now on that is what it has.
    pub(super) fn settle_reports(&mut self, out: &mut Effects) {
        if !self.has_news() {
            return;
        }
        self.judge_reports();
        self.heard.pass_on(out);
        if let Some(link) = &mut self.link {
            let settings = link.parameters.observed(&self.settings);
            self.settings_are(settings);
        }
    }

    /// What was reported and no statement explains is a default that has moved.
    fn judge_reports(&mut self) {
        if !self.has_news() {
            return;
        }
        let Some(link) = &mut self.link else {
            return;
        };
        link.past = Past::SettingsTouched;
        self.pending.ask_for(link.parameters.encoded());
        let (pending, settings) = (&self.pending, &self.settings);
        let explained =
            |key: &[u8], now: &[u8]| pending.sets(key) || settings.get(key) == Some(now);
        if link.parameters.doubt_unless(explained) {
            self.heard.defaults_are_doubtful();
        }
    }

    fn has_news(&self) -> bool {
        let link = self.link.as_ref();
        link.is_some_and(|link| link.parameters.has_news())
    }

    fn settings_are(&mut self, settings: Settings) {
        if settings.bytes() > MAX_SETTINGS {
            self.pins.hold(PinReason::SessionSetting);
        }
        if let Some(link) = &self.link
            && !self.settings.same(&settings)
        {
            let before = &self.settings;
            self.unnamed
                .settings_change(|| Reading::of(before, &link.parameters));
        }
        self.settings = settings;
    }
}
