//! Queries: what a text means for the session before it is passed on.

use std::sync::Arc;

use tollgate_sql::mysql::{ConnectionIdCall, EffectSet, Mode, Placement, Scanner, Summary, digest};
use tollgate_wire_mysql::command::{self, Command};
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::frame::Sequence;

use super::book::Judged;
use super::client::{Inbound, Message, Step, Way};
use super::exchange::{About, Literals, Plain};
use super::finding::Finds;
use super::ledger::releases_all;
use super::named::{Called, Named};
use super::plain::Source;
use super::questions::{Asked, Form, Replacement, reads_insert_id, with_replacements};
use super::spelling::Spelled;
use super::texts::Text;
use super::{Known, Session, plain, variables};
use crate::Effects;

/// Why a question about the statement before is refused.
pub(super) const GONE: &str =
    "the diagnostics of the previous statement are kept only within a transaction";

/// Longest digest to keep, in bytes.
const MAX_DIGEST: usize = 200;

/// Effects whose statement is worth remembering.
const REMARKABLE: EffectSet = EffectSet::USER_VARIABLE_SET
    .union(EffectSet::USER_VARIABLE_WRITE)
    .union(EffectSet::TEMPORARY_CREATE)
    .union(EffectSet::FLUSH_LOCK)
    .union(EffectSet::BACKUP_LOCK)
    .union(EffectSet::NAMED_LOCK)
    .union(EffectSet::HANDLER_OPEN)
    .union(EffectSet::PREPARE)
    .union(EffectSet::EXECUTE)
    .union(EffectSet::SET_SESSION)
    .union(EffectSet::SET_ROLE)
    .union(EffectSet::CALL)
    .union(EffectSet::UNKNOWN_FUNCTION)
    .union(EffectSet::LOCK_TABLES)
    .union(EffectSet::AMBIGUOUS)
    .union(EffectSet::UNKNOWN);

impl Session {
    /// How the server reads the client's texts.
    pub(super) fn mode(&self) -> Mode {
        self.settings.mode(self.config.server, &self.baseline)
    }

    /// What a complete text of the client says.
    pub(super) fn read(&self, text: &[u8]) -> Text {
        self.config.texts.read(self.mode(), text)
    }

    pub(super) fn about(&self, read: &Text, text: &[u8]) -> About {
        let summary = &read.summary;
        let remarkable = summary.effects.intersects(REMARKABLE);
        let digest = remarkable.then(|| digest(self.mode(), text, MAX_DIGEST).into());
        let schema = self.settings.schema.as_deref();
        let named = Named::of(summary, text, schema, Called::Directly);
        let mut about = About::of(summary, digest).with(named);
        about.finds = read.finds;
        if summary.effects == EffectSet::USER_VARIABLE_SET {
            about.literals = self.literals(text);
        }
        self.judge(&mut about, text);
        if summary.statements == 1 {
            about.plain = self.plain_of(summary, text);
        }
        self.see_prepared(&mut about);
        about
    }

    fn plain_of(&self, summary: &Summary, text: &[u8]) -> Plain {
        let has = |effects| summary.effects.intersects(effects);
        let plain = if has(EffectSet::NAMED_UNLOCK_ALL) {
            releases_all(text).then_some(Plain::AllLocksReleased)
        } else if has(EffectSet::NAMED_LOCK.union(EffectSet::NAMED_UNLOCK)) {
            plain::lock_call(text).map(Plain::Lock)
        } else if has(EffectSet::SET_SESSION) {
            plain::clock(text).map(Plain::Clock)
        } else if has(EffectSet::PREPARE.union(EffectSet::EXECUTE_IMMEDIATE)) {
            match plain::source(text, self.mode()) {
                Some(Source::Text(text)) => self
                    .about_prepared(&text)
                    .map(|about| Plain::Prepared(Arc::new(about))),
                Some(Source::Variable(name)) => Some(Plain::PreparedFrom(name)),
                None => None,
            }
        } else {
            None
        };
        plain.unwrap_or(Plain::Nothing)
    }

    /// What a statement of SQL `PREPARE` with this text does; `None` when the text does not tell.
    pub(super) fn about_prepared(&self, text: &[u8]) -> Option<About> {
        let Text { summary, finds } = self.read(text);
        let nested = EffectSet::PREPARE
            .union(EffectSet::EXECUTE)
            .union(EffectSet::EXECUTE_IMMEDIATE)
            .union(EffectSet::DEALLOCATE);
        if summary.statements != 1 || summary.effects.intersects(nested) {
            return None;
        }
        let schema = self.settings.schema.as_deref();
        let named = Named::of(&summary, text, schema, Called::Directly);
        let mut about = About::of(&summary, None).with(named);
        about.finds = finds;
        self.judge(&mut about, text);
        Some(about)
    }

    /// Finds what the text sets off without naming it.
    pub(super) fn judge(&self, about: &mut About, text: &[u8]) {
        let Some(link) = &self.link else { return };
        about.judged = link.bodies.judged_at();
        let judged = Judged {
            text,
            mode: self.mode(),
            effects: about.effects,
            schema: self.settings.schema.as_deref(),
        };
        let reach = link
            .bodies
            .book
            .as_ref()
            .and_then(|book| book.reach(judged));
        if reach.as_ref().is_some_and(|reach| !reach.codes.is_empty()) && about.digest.is_none() {
            about.digest = Some(digest(self.mode(), text, MAX_DIGEST).into());
        }
        about.reach = reach.map(Arc::new);
    }

    /// The same for a text that was not kept.
    pub(super) fn judge_unseen(&self, about: &mut About) {
        let Some(link) = &self.link else { return };
        about.judged = link.bodies.judged_at();
        let book = link.bodies.book.as_ref();
        let reach = book.and_then(|book| book.reach_of_any(about.effects.union(EffectSet::WRITE)));
        about.reach = reach.map(Arc::new);
    }

    /// What the text executes by name counts as if it stood in it.
    fn see_prepared(&self, about: &mut About) {
        let at_once = about.effects.intersects(EffectSet::EXECUTE_IMMEDIATE);
        let known = if let Plain::Prepared(known) = &about.plain
            && at_once
        {
            Some(Arc::clone(known))
        } else if about.effects.intersects(EffectSet::EXECUTE) && about.statements == 1 {
            let name = about.name.as_deref();
            name.and_then(|name| self.pins.prepared(name))
        } else {
            None
        };
        if let Some(known) = known {
            about.executes(&known);
        }
    }

    fn literals(&self, text: &[u8]) -> Option<Arc<Literals>> {
        let name = b"collation_connection";
        let collation = match self.collation {
            Known::Yes => self.settings.value(name).or(self.baseline.value(name)),
            Known::InDoubt => None,
        };
        let collation = collation.and_then(Option::as_deref);
        variables::literals(text, collation)
    }

    pub(super) fn query(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        // How the text is read depends on what the connection has of itself, so that it comes first.
        let aligned = if is_use(message.body()) {
            self.align_but_schema(out)
        } else {
            self.align(out)
        };
        if let Some(want) = aligned {
            return Step::Wait(want);
        }
        let Ok(query) = command::query(message.body(), self.capabilities()) else {
            return self.malformed(message, out);
        };
        let prefix = 1_usize.saturating_add(query.prefix.len());
        if !message.is_whole() {
            return self.long_query(message, query.text, out);
        }
        let read = self.read(query.text);
        let summary = &read.summary;
        if summary.effects.intersects(EffectSet::KILL)
            && let Some(target) = plain::kills_itself(self.config.server, query.text)
        {
            let own = u64::from(self.config.connection_id);
            return self.kill(target, own, message, out);
        }
        if summary.effects.intersects(EffectSet::KILL_UNKNOWN) {
            self.error(ErrorCode::UNKNOWN, "KILL needs the number of a connection");
            return self.drop_command(message, Way::Nowhere, out);
        }
        if let Some(kill) = summary.kill {
            return self.kill(kill.target, kill.id, message, out);
        }
        // This runs statements of ours, so that it comes first.
        if reads_insert_id(summary.effects)
            && let Some(want) = self.restore_insert_id(out)
        {
            return Step::Wait(want);
        }
        if let Some(want) = self.guard_sequences(summary.effects, out) {
            return Step::Wait(want);
        }
        if let Some(want) = self.ask_found_rows(summary.effects, out) {
            return Step::Wait(want);
        }
        let mut replacements = Vec::new();
        match self.asked(summary, query.text) {
            Asked::Nothing => {}
            Asked::Conditions(shown) => {
                let _next = self.show_conditions(shown, Form::Text, out);
                return self.drop_command(message, Way::Silence, out);
            }
            Asked::First(shown, end) => {
                let next = self.show_conditions(shown, Form::TextAndMore, out);
                let rest = query.text.get(end..).unwrap_or_default();
                return self.pass_rest(message, (prefix, rest), next, out);
            }
            Asked::Diagnostics(told) => {
                self.tell_diagnostics(&told, out);
                return self.drop_command(message, Way::Silence, out);
            }
            Asked::Gone => {
                self.error(ErrorCode::UNKNOWN, GONE);
                return self.drop_command(message, Way::Nowhere, out);
            }
            Asked::Numbers(numbers) => replacements = numbers,
        }
        self.expect_text(&read, query.text);
        replacements.extend(self.our_numbers(summary));
        if replacements.is_empty() {
            return self.pass(message, out);
        }
        self.pass_replaced(message, (prefix, query.text), replacements, out)
    }

    /// Passes a text on, behind so many bytes of its packet, with other texts in the places of some of its parts.
    fn pass_replaced(
        &mut self,
        message: Message<'_>,
        (prefix, text): (usize, &[u8]),
        replacements: Vec<Replacement>,
        out: &mut Effects,
    ) -> Step {
        let spelled = Spelled::of(text, &replacements);
        if let Some(exchange) = self.exchange_mut() {
            exchange.spelled = spelled;
        }
        let mut head = message.payload.get(..prefix).unwrap_or_default().to_vec();
        head.extend(with_replacements(text, replacements));
        let cut = message.payload.len();
        self.pass_with(message, &head, cut, out)
    }

    /// Passes on what is left of a text whose first statement was answered here.
    fn pass_rest(
        &mut self,
        message: Message<'_>,
        (prefix, rest): (usize, &[u8]),
        next: Sequence,
        out: &mut Effects,
    ) -> Step {
        let read = self.read(rest);
        self.expect_text(&read, rest);
        if let Some(exchange) = self.exchange_mut() {
            exchange.begun = Some(next);
        }
        let replacements = self.our_numbers(&read.summary);
        self.pass_replaced(message, (prefix, rest), replacements, out)
    }

    /// The reply to this text comes next; one that may ask for a file is kept, to check the name it asks for.
    fn expect_text(&mut self, read: &Text, text: &[u8]) {
        let about = self.about(read, text);
        let local = about.effects.intersects(EffectSet::LOCAL_INFILE);
        self.expect(Command::Query, about);
        if local && let Some(exchange) = self.exchange_mut() {
            exchange.file_text = Some(text.to_vec());
        }
    }

    /// The client's number in the place of each `CONNECTION_ID()`.
    pub(super) fn our_numbers(&self, summary: &Summary) -> Vec<Replacement> {
        if summary.connection_ids.is_empty() {
            return Vec::new();
        }
        let number = format!("CAST({} AS UNSIGNED)", self.config.connection_id).into_bytes();
        // What these tell are the servers' own numbers, which are compared with one of them.
        let asks = EffectSet::NAMED_LOCK_READ.union(EffectSet::PROCESSLIST);
        let compares = summary.effects.intersects(asks);
        let is_ours = |call: &&ConnectionIdCall| !compares || call.placement == Placement::Column;
        let replacement = |call: &ConnectionIdCall| Replacement {
            span: call.span,
            placement: call.placement,
            text: number.clone(),
        };
        let calls = summary.connection_ids.iter().filter(is_ours);
        calls.map(replacement).collect()
    }

    /// A text that is too long to be seen whole: it is read while it passes.
    fn long_query(&mut self, message: Message<'_>, text: &[u8], out: &mut Effects) -> Step {
        let mut scanner = Box::new(Scanner::new(self.mode()));
        scanner.feed(text);
        let mut about = About::NOTHING;
        // What the rest may do is not known until it has passed.
        about.effects = EffectSet::CALL;
        about.finds = Finds::Perhaps;
        self.judge_unseen(&mut about);
        self.expect(Command::Query, about);
        let step = self.pass(message, out);
        if let Inbound::Body(body) = &mut self.inbound {
            body.scanner = Some(scanner);
        }
        step
    }
}

/// Whether a text is a plain `USE`, as programs send it.
fn is_use(text: &[u8]) -> bool {
    let word = text.get(..4).unwrap_or_default();
    word.eq_ignore_ascii_case(b"use ") && !text.contains(&b';')
}
