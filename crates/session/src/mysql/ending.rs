//! The end of a result and of a reply: what the server reports there, and what follows from it.

use tollgate_sql::mysql::{EffectSet, Server};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::reply::{self, Change, Changes, Form, Treatment, read_end};
use tollgate_wire_mysql::status::StatusFlags;

use super::book::Blind;
use super::exchange::{About, Exchange, Outcome, Plain, StateChange};
use super::finding;
use super::link::{
    Armed, Characteristics, InsertId, Link, Listed, Locked, Past, Profiles, Purpose, Savepoints,
    Trust,
};
use super::pins::USED_UP;
use super::plain::Clock;
use super::sequences::Sequences;
use super::settings::{self, Meaning, Results, is_at_rest};
use super::statements::{Cursor, LongData};
use super::{Known, Session, tracking};
use crate::{Effects, PinReason};

/// Errors that an execute may have from a piece of a parameter that went ahead: no such parameter, too long a value,
/// no memory for it (`mysql_stmt_get_longdata` of both families).
const OF_PIECES: [u16; 4] = [
    ErrorCode::WRONG_ARGUMENTS.code,
    ErrorCode::UNKNOWN.code,
    // ER_OUTOFMEMORY
    1037,
    // ER_OUT_OF_RESOURCES
    1041,
];

/// Whether something changed that no report names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heed {
    Nothing,
    StateChanged,
}

/// Takes in what the server reports of the client's session.
pub(super) fn heed(session: &mut Session, changes: &[u8]) -> Heed {
    let mut heeded = Heed::Nothing;
    for change in Changes::new(changes).map_while(Result::ok) {
        let Some(link) = &mut session.link else {
            return heeded;
        };
        match change {
            Change::SystemVariable { name, value } => heed_variable(session, name, value),
            Change::Schema(name) => {
                session.settings.set_schema(name);
                link.settings.set_schema(name);
            }
            Change::StateChange(_) => heeded = Heed::StateChanged,
            Change::TransactionState(state) => link.transaction_told(state),
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

fn heed_variable(session: &mut Session, name: &[u8], value: Option<&[u8]>) {
    let Some(link) = &mut session.link else {
        return;
    };
    match Meaning::of(name) {
        Meaning::Moves => session.heed_setting(name, value),
        Meaning::Bound if is_at_rest(name, value) => {
            session.pins.rests(name);
            // The next row gets the number 0 then, whoever inserts it: only a reset takes that away.
            if name == USED_UP {
                link.blind = Blind::Yes;
            }
        }
        Meaning::Bound => {
            session.pins.bind(name);
            if name == b"profiling" {
                link.profiles = Profiles::Kept;
            }
        }
        Meaning::Clock => session.heed_clock(name, value),
        Meaning::InsertId => {
            session.diagnostics.insert_id_told(value.unwrap_or(b"0"));
            link.insert_id = InsertId::Clients;
        }
        Meaning::Passing | Meaning::Tracking => {}
    }
}

impl Session {
    /// A variable that moves has this value.
    fn heed_setting(&mut self, name: &[u8], value: Option<&[u8]>) {
        let Some(link) = &mut self.link else { return };
        // NULL, the only such value of a character set, is reported as an empty text.
        let value = match value {
            Some(b"") if name == b"character_set_results" => None,
            value => value,
        };
        if let Some(exchange) = &mut link.exchange
            && exchange.about.effects.intersects(EffectSet::SET_STATEMENT)
        {
            // It is reported when it is set, and not when it is set back.
            exchange.heard.reported.push(name.into());
            return;
        }
        link.touches(name);
        if is_at_rest(name, value) {
            self.settings.unset(name);
            link.settings.unset(name);
        } else {
            self.settings.set(name, value);
            link.settings.set(name, value);
        }
        if let Some(exchange) = &mut link.exchange
            && !exchange.about.variables.is_empty()
        {
            exchange.heard.reported.push(name.into());
        }
        if matches!(name, b"character_set_connection" | b"collation_connection") {
            self.collation = Known::InDoubt;
        }
    }

    /// The clock was set, to this or to what the time is: only a plain text tells which.
    fn heed_clock(&mut self, name: &[u8], value: Option<&[u8]>) {
        let Some(link) = &mut self.link else { return };
        let clock = link
            .exchange
            .as_ref()
            .and_then(|exchange| match exchange.about.plain {
                Plain::Clock(clock) => Some(clock),
                Plain::Nothing
                | Plain::AllLocksReleased
                | Plain::Lock(_)
                | Plain::Prepared(_)
                | Plain::PreparedFrom(_) => None,
            });
        match clock {
            Some(_) => self.pins.rests(name),
            None => self.pins.bind(name),
        }
        for settings in [&mut self.settings, &mut link.settings] {
            match (clock, value) {
                (Some(Clock::Stands), Some(value)) => settings.set(name, Some(value)),
                (Some(Clock::Stands), None) | (Some(Clock::Runs) | None, _) => settings.unset(name),
            }
        }
    }
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
        // MariaDB sets the flag without any change, too, and says behind it that there is none.
        let flagged = end.head.status.contains(StatusFlags::SESSION_STATE_CHANGED);
        let same = end.changes.is_empty()
            && treatment == Treatment::Forward
            && (tracks(client) == tracks(server) || end.info.is_empty() && !flagged);
        let Some(link) = &mut self.link else {
            return false;
        };
        let Some(exchange) = &mut link.exchange else {
            return false;
        };
        let rows = match form {
            Form::Ok => None,
            Form::Eof | Form::OkAsEof => Some(exchange.heard.rows),
        };
        let head = end.head;
        exchange.heard.outcome = Outcome::Done { head, rows };
        exchange.heard.matched = finding::matched(end.info);
        let listed = head.warnings > 0;
        if head.last_insert_id != 0 {
            exchange.heard.insert_id = head.last_insert_id;
        }
        if heeded == Heed::StateChanged {
            exchange.heard.state_change = StateChange::Reported;
        }
        if listed {
            link.listed = Listed::Something;
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
        link.ran(&exchange);
        self.pins.ran(
            &exchange.about,
            &exchange.heard.outcome,
            exchange.heard.state_change,
        );
        let value = exchange.one_value();
        self.pins
            .ledger
            .counted(&exchange.about.plain, effects, value);
        if matches!(exchange.heard.outcome, Outcome::Failed) {
            link.listed = Listed::Something;
            self.failed = effects;
        }
        let mut finding = exchange.finding(self.config.server);
        if self.settings.results() == Results::Cut {
            finding = finding.of_cut_results();
        }
        self.diagnostics.found(finding, link.found);
        link.found = link.found.and(finding);
        self.heed_names(&exchange);
        let runs = matches!(
            exchange.command,
            Command::Query | Command::StmtExecute | Command::StmtBulkExecute
        );
        if runs || matches!(exchange.heard.outcome, Outcome::Failed) {
            self.diagnostics.ran(&exchange);
        } else {
            self.diagnostics.answered(&exchange.heard.outcome);
            self.heed_conditions(&exchange);
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
        if effects.intersects(EffectSet::SET_ROLE) {
            self.role = Known::InDoubt;
        }
        if !matches!(exchange.heard.outcome, Outcome::Done { .. }) {
            return;
        }
        self.ask_prepared(&exchange.about, out);
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

    /// A command that is no statement has succeeded.
    fn heed_conditions(&mut self, exchange: &Exchange) {
        let of_mysql = matches!(self.config.server, Server::MySql { .. });
        if exchange.command == Command::StmtPrepare {
            self.diagnostics.warned(exchange.heard.warnings);
        } else if let Outcome::Done { head, .. } = &exchange.heard.outcome {
            // MySQL warns of the command itself.
            let listing = exchange.command == Command::FieldList && head.warnings > 0;
            if listing || exchange.command == Command::InitDb && of_mysql {
                self.diagnostics.warned(head.warnings);
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
            // It goes on failing for a piece that was refused, until it is reset.
            if !OF_PIECES.contains(&exchange.heard.error) {
                statement.long_data = LongData::None;
            }
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

    /// A statement was prepared whose text is the value of a variable, which has not changed since.
    fn ask_prepared(&mut self, about: &About, out: &mut Effects) {
        let (Plain::PreparedFrom(variable), Some(name)) = (&about.plain, &about.name) else {
            return;
        };
        let _asked = self.keep_what_was_left(out);
        let Some(link) = &mut self.link else { return };
        let mut sql = b"SELECT CAST(CONVERT(@`".to_vec();
        sql.extend_from_slice(variable);
        sql.extend_from_slice(b"` USING utf8mb4) AS BINARY) LIMIT 1");
        link.say(&sql, Purpose::PreparedText(name.clone()), out);
    }

    fn ask_again(&mut self, names: Vec<Vec<u8>>, out: &mut Effects) {
        if names.is_empty() {
            return;
        }
        let _asked = self.keep_what_was_left(out);
        if let Some(link) = &mut self.link {
            link.ask(names.into_iter(), out);
        }
    }

    /// The client has changed what the server reports, perhaps in the middle of other changes: those are asked
    /// for, and everything is reported again.
    fn track_again(&mut self, exchange: &Exchange, out: &mut Effects) {
        let family = self.config.server;
        let _asked = self.keep_what_was_left(out);
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
        link.say(arming, Purpose::Arm, out);
        let hidden = EffectSet::VARIABLE_UNKNOWN.union(EffectSet::SET_SESSION_TRANSACTION);
        let bound = exchange
            .about
            .variables
            .iter()
            .any(|name| matches!(Meaning::of(name), Meaning::Bound | Meaning::Clock));
        if bound || exchange.about.effects.intersects(hidden) {
            self.pins.hold(PinReason::SessionSetting);
        }
    }
}

impl Link {
    /// The client's command has been answered.
    fn ran(&mut self, exchange: &Exchange) {
        let effects = exchange.about.effects;
        self.sequences_ran(effects);
        self.savepoints_ran(effects);
        if matches!(exchange.heard.outcome, Outcome::Done { .. }) {
            self.locks_ran(effects);
        }
        if effects.intersects(EffectSet::RELEASE) {
            self.trust = Trust::Lost;
        }
    }

    /// `COM_RESET_CONNECTION` was answered with OK: nothing is left but the schema.
    pub(super) fn was_reset(&mut self) {
        self.armed = Armed::No;
        self.blind = Blind::No;
        self.past = Past::WasReset;
        self.sequences = Sequences::Untouched;
        self.carried.clear();
        self.variables.clear();
        self.insert_id = InsertId::Zero;
        self.listed = Listed::Nothing;
        self.transaction = reply::TransactionState::FREE;
        self.characteristics = Characteristics::None;
        self.savepoints = Savepoints::None;
        self.locked = Locked::Nothing;
        self.settings.reset();
    }
}
