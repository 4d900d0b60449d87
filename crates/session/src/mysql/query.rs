//! Queries: what a text means for the session before it is passed on.

use std::sync::Arc;

use tollgate_sql::mysql::{
    Charset, ConnectionIdCall, EffectSet, Mode, Scanner, Summary, classify, digest,
};
use tollgate_wire_mysql::command::{self, Command};
use tollgate_wire_mysql::error_code::ErrorCode;

use super::client::{Inbound, Message, Step, Way};
use super::exchange::{About, Literals, Releases};
use super::ledger::releases_all;
use super::named::{Called, Named};
use super::questions::{Asked, Form, Replacement, reads_insert_id, with_replacements};
use super::{Collation, Session, variables};
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
        let value = |name: &[u8]| {
            let set = self.settings.value(name).or(self.baseline.value(name));
            set.and_then(Option::as_deref)
        };
        let charset = value(b"character_set_client").map_or(Charset::Utf8, Charset::from_name);
        let mode = Mode {
            server: self.config.server,
            charset,
            ..Mode::default()
        };
        mode.with_sql_mode(value(b"sql_mode").unwrap_or_default())
    }

    pub(super) fn about(&self, summary: &Summary, text: &[u8]) -> About {
        let remarkable = summary.effects.intersects(REMARKABLE);
        let digest = remarkable.then(|| digest(self.mode(), text, MAX_DIGEST).into());
        let schema = self.settings.schema.as_deref();
        let named = Named::of(summary, text, schema, Called::Directly);
        let mut about = About::of(summary, digest).with(named);
        if summary.effects == EffectSet::USER_VARIABLE_SET {
            about.literals = self.literals(text);
        }
        about.releases_all = if releases_all(text) {
            Releases::AllLocks
        } else {
            Releases::Nothing
        };
        about
    }

    fn literals(&self, text: &[u8]) -> Option<Arc<Literals>> {
        let name = b"collation_connection";
        let collation = match self.collation {
            Collation::Known => self.settings.value(name).or(self.baseline.value(name)),
            Collation::InDoubt => None,
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
        let mode = self.mode();
        let summary = classify(mode, query.text);
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
        let mut replacements = Vec::new();
        match self.asked(&summary, query.text) {
            Asked::Nothing => {}
            Asked::Conditions(shown) => {
                self.show_conditions(shown, Form::Text, out);
                return self.drop_command(message, Way::Silence, out);
            }
            Asked::Gone => {
                self.error(ErrorCode::UNKNOWN, GONE);
                return self.drop_command(message, Way::Nowhere, out);
            }
            Asked::Numbers(numbers) => replacements = numbers,
        }
        let about = self.about(&summary, query.text);
        let local = about.effects.intersects(EffectSet::LOCAL_INFILE);
        self.expect(Command::Query, about);
        if local && let Some(exchange) = self.exchange_mut() {
            exchange.file_text = Some(query.text.to_vec());
        }
        replacements.extend(self.our_numbers(&summary));
        if replacements.is_empty() {
            return self.pass(message, out);
        }
        let mut head = message.payload.get(..prefix).unwrap_or_default().to_vec();
        head.extend(with_replacements(query.text, replacements));
        let cut = message.payload.len();
        self.pass_with(message, &head, cut, out)
    }

    /// The client's number in the place of each `CONNECTION_ID()`.
    pub(super) fn our_numbers(&self, summary: &Summary) -> Vec<Replacement> {
        let number = format!("CAST({} AS UNSIGNED)", self.config.connection_id).into_bytes();
        let replacement = |call: &ConnectionIdCall| Replacement {
            span: call.span,
            placement: call.placement,
            text: number.clone(),
        };
        summary.connection_ids.iter().map(replacement).collect()
    }

    /// A text that is too long to be seen whole: it is read while it passes.
    fn long_query(&mut self, message: Message<'_>, text: &[u8], out: &mut Effects) -> Step {
        let mut scanner = Box::new(Scanner::new(self.mode()));
        scanner.feed(text);
        let mut about = About::NOTHING;
        // What the rest may do is not known until it has passed.
        about.effects = EffectSet::CALL;
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
