//! The end of a result and of a reply: what the server reports there, and what follows from it.

use tollgate_sql::mysql::EffectSet;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::reply::{self, Change, Changes, Form, Treatment, read_end};
use tollgate_wire_mysql::status::StatusFlags;

use super::exchange::{Exchange, Outcome, StateChange};
use super::link::{Armed, Characteristics, InsertId, Link, Past, Trust};
use super::sequences::Sequences;
use super::settings::{self, Meaning};
use super::statements::{Cursor, LongData};
use super::{Collation, Session, tracking};
use crate::{Effects, PinReason};

/// Whether something changed that no report names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heed {
    Nothing,
    StateChanged,
}

/// Takes in what the server reports of the client's session.
pub(super) fn heed(session: &mut Session, changes: &[u8]) -> Heed {
    let mut heeded = Heed::Nothing;
    let Some(link) = &mut session.link else {
        return heeded;
    };
    for change in Changes::new(changes).map_while(Result::ok) {
        match change {
            Change::SystemVariable { name, value } => match Meaning::of(name) {
                Meaning::Moves => {
                    // NULL, the only such value of a character set, is reported as an empty text.
                    let value = match value {
                        Some(b"") if name == b"character_set_results" => None,
                        value => value,
                    };
                    let one_statement = link.exchange.as_mut().filter(|exchange| {
                        exchange.about.effects.intersects(EffectSet::SET_STATEMENT)
                    });
                    if let Some(exchange) = one_statement {
                        // It is reported when it is set, and not when it is set back.
                        exchange.heard.reported.push(name.into());
                        continue;
                    }
                    session.settings.set(name, value);
                    link.settings.set(name, value);
                    if let Some(exchange) = &mut link.exchange
                        && !exchange.about.variables.is_empty()
                    {
                        exchange.heard.reported.push(name.into());
                    }
                    if matches!(name, b"character_set_connection" | b"collation_connection") {
                        session.collation = Collation::InDoubt;
                    }
                }
                Meaning::Bound if is_at_rest(name, value) => {}
                Meaning::Bound => session.pins.hold(PinReason::SessionSetting),
                Meaning::InsertId => {
                    session.diagnostics.insert_id_told(value.unwrap_or(b"0"));
                    link.insert_id = InsertId::Clients;
                }
                Meaning::Passing | Meaning::Tracking => {}
            },
            Change::Schema(name) => {
                session.settings.set_schema(name);
                link.settings.set_schema(name);
            }
            Change::StateChange(_) => heeded = Heed::StateChanged,
            Change::TransactionState(state) => link.transaction = state,
            Change::TransactionCharacteristics(text) => {
                link.characteristics = if text.is_empty() {
                    Characteristics::None
                } else {
                    Characteristics::Some
                };
            }
            Change::Gtids(_) | Change::Unknown { .. } => {}
        }
    }
    heeded
}

/// Values that a connection has anyway.
fn is_at_rest(name: &[u8], value: Option<&[u8]>) -> bool {
    matches!(
        (name, value),
        (b"sql_log_bin", Some(b"ON" | b"1")) | (b"gtid_next", Some(b"AUTOMATIC"))
    )
}

impl Session {
    /// A result has ended: takes in its report and passes the end on, in the client's form. False when it
    /// cannot be read.
    pub(super) fn result_ended(
        &mut self,
        payload: &[u8],
        form: Form,
        treatment: Treatment,
        out: &mut Effects,
    ) -> bool {
        let client = self.capabilities();
        let Some(link) = &mut self.link else {
            return false;
        };
        let server = link.config.capabilities;
        let Ok((_, mut end)) = read_end(payload, server) else {
            return false;
        };
        link.status = end.head.status;
        self.status = end.head.status;
        let heeded = heed(self, end.changes);
        let kept = if client.contains(Capabilities::SESSION_TRACK) {
            self.subscription.filter(end.changes)
        } else {
            Vec::new()
        };
        let tracks = |of: Capabilities| of.contains(Capabilities::SESSION_TRACK);
        let same = end.changes.is_empty()
            && treatment == Treatment::Forward
            && (tracks(client) == tracks(server) || end.info.is_empty());
        let Some(exchange) = self.exchange_mut() else {
            return false;
        };
        let rows = match form {
            Form::Ok => None,
            Form::Eof | Form::OkAsEof => Some(exchange.heard.rows),
        };
        let head = end.head;
        exchange.heard.outcome = Outcome::Done { head, rows };
        if head.last_insert_id != 0 {
            exchange.heard.insert_id = head.last_insert_id;
        }
        if heeded == Heed::StateChanged {
            exchange.heard.state_change = StateChange::Reported;
        }
        let sequence = &mut exchange.sequence;
        let lane = out.client_lane();
        if same {
            lane.inject(|bytes| {
                tollgate_wire_mysql::output::packet(bytes, sequence, |bytes| {
                    bytes.extend_from_slice(payload);
                });
            });
            return true;
        }
        end.changes = &kept;
        match form {
            Form::Ok => lane.inject(|bytes| reply::ok(bytes, sequence, client, &end)),
            Form::Eof | Form::OkAsEof => {
                lane.inject(|bytes| reply::end_of_rows(bytes, sequence, client, &end));
            }
        }
        true
    }

    /// The client's command has been answered.
    pub(super) fn exchange_ended(&mut self, out: &mut Effects) {
        let Some(link) = &mut self.link else { return };
        let Some(exchange) = link.exchange.take() else {
            return;
        };
        let effects = exchange.about.effects;
        link.sequences_ran(effects);
        if effects.intersects(EffectSet::RELEASE) {
            link.trust = Trust::Lost;
        }
        self.pins.ran(
            &exchange.about,
            &exchange.heard.outcome,
            exchange.heard.state_change,
        );
        if matches!(exchange.heard.outcome, Outcome::Failed) {
            self.failed = effects;
        }
        self.heed_names(&exchange);
        let runs = matches!(
            exchange.command,
            Command::Query | Command::StmtExecute | Command::StmtBulkExecute
        );
        if runs || matches!(exchange.heard.outcome, Outcome::Failed) {
            self.diagnostics.ran(&exchange);
        } else {
            self.diagnostics.nothing_counted();
        }
        self.statement_ended(&exchange);
        if effects.intersects(EffectSet::SESSION_TRACK) {
            self.track_again(&exchange, out);
        } else if effects.intersects(EffectSet::SET_STATEMENT) {
            let names = exchange.heard.reported.iter().map(|name| name.to_vec());
            self.ask_again(names.collect(), out);
        } else if matches!(exchange.heard.outcome, Outcome::Done { .. }) {
            self.ask_for_silent(&exchange, out);
        }
        if !matches!(exchange.heard.outcome, Outcome::Done { .. }) {
            return;
        }
        if exchange.command == Command::InitDb
            && let (Some(name), Some(link)) = (&exchange.file_text, &mut self.link)
        {
            self.settings.set_schema(name);
            link.settings.set_schema(name);
        }
        if exchange.command == Command::ResetConnection {
            self.reset();
            if let Some(link) = &mut self.link {
                link.was_reset();
                link.arm(out);
            }
        }
    }

    /// What became of the prepared statement that the command was about.
    fn statement_ended(&mut self, exchange: &Exchange) {
        let status = match &exchange.heard.outcome {
            Outcome::Done { head, .. } => Some(head.status),
            Outcome::Failed | Outcome::Unknown => None,
        };
        let Some(id) = exchange.statement else {
            return;
        };
        let Some(statement) = self.statements.get_mut(id) else {
            return;
        };
        if matches!(
            exchange.command,
            Command::StmtExecute | Command::StmtBulkExecute
        ) {
            let opened = status.is_some_and(|has| has.contains(StatusFlags::CURSOR_EXISTS));
            statement.cursor = if opened { Cursor::Open } else { Cursor::Closed };
            statement.long_data = LongData::None;
        } else if exchange.command == Command::StmtReset && status.is_some() {
            statement.cursor = Cursor::Closed;
            statement.long_data = LongData::None;
        } else if exchange.command == Command::StmtFetch {
            let last = status.is_none_or(|has| has.contains(StatusFlags::LAST_ROW_SENT));
            if last {
                statement.cursor = Cursor::Closed;
            }
        }
    }

    /// What a text sets is reported, but for MariaDB's `SET x = DEFAULT`, which is not: it is asked for.
    fn ask_for_silent(&mut self, exchange: &Exchange, out: &mut Effects) {
        // These are variables of routines.
        let others = EffectSet::COMPOUND.union(EffectSet::ROUTINE);
        if exchange.about.effects.intersects(others) {
            return;
        }
        if exchange
            .about
            .variables
            .iter()
            .any(|name| settings::is_of_schema(name))
        {
            self.pins.hold(PinReason::SessionSetting);
        }
        let reported = &exchange.heard.reported;
        let silent = exchange.about.variables.iter().filter(|name| {
            let told = reported.iter().any(|told| **told == name[..]);
            Meaning::of(name) == Meaning::Moves && !told
        });
        self.ask_again(silent.cloned().collect(), out);
    }

    fn ask_again(&mut self, names: Vec<Vec<u8>>, out: &mut Effects) {
        if let Some(link) = &mut self.link
            && !names.is_empty()
        {
            link.ask(names.into_iter(), out);
        }
    }

    /// The client has changed what the server reports, perhaps in the middle of other changes: those are asked
    /// for, and everything is reported again.
    fn track_again(&mut self, exchange: &Exchange, out: &mut Effects) {
        let family = self.config.server;
        let Some(link) = &mut self.link else { return };
        // Those that the text does not set are as we have set them.
        let mut names: Vec<Vec<u8>> = Vec::new();
        for name in super::align::CHARSETS {
            names.push(name.to_vec());
        }
        for name in [&b"sql_mode"[..], b"autocommit", b"time_zone"] {
            names.push(name.to_vec());
        }
        for name in &exchange.about.variables {
            let asked = matches!(Meaning::of(name), Meaning::Moves | Meaning::Tracking);
            if asked && !names.contains(name) {
                names.push(name.clone());
            }
        }
        link.ask(names.into_iter(), out);
        let arming = tracking::arming(family);
        link.say(arming, super::link::Purpose::Arm, out);
        let hidden = EffectSet::VARIABLE_UNKNOWN.union(EffectSet::SET_SESSION_TRANSACTION);
        if exchange.about.effects.intersects(hidden) {
            self.pins.hold(PinReason::SessionSetting);
        }
    }
}

impl Link {
    /// `COM_RESET_CONNECTION` was answered with OK: nothing is left but the schema.
    pub(super) fn was_reset(&mut self) {
        self.armed = Armed::No;
        self.past = Past::WasReset;
        self.sequences = Sequences::Untouched;
        self.carried.clear();
        self.variables.clear();
        self.insert_id = InsertId::Zero;
        self.transaction = reply::TransactionState::FREE;
        self.characteristics = Characteristics::None;
        self.settings.reset();
    }
}
