//! What the server is asked before its connection is given back: conditions and counts that the client may ask for
//! later, values of user variables, which locks are held, and what stored code may have done.

use tollgate_sql::mysql::EffectSet;
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::status::StatusFlags;

use super::book::Blind;
use super::diagnostics::Doubt;
use super::exchange::{Exchange, Outcome, StateChange};
use super::link::{Link, Locked, Purpose, Trust};
use super::named::{Bytes, Inquiry, Routine};
use super::pins::USED_UP;
use super::statements::Cursor;
use super::unseen::{Bodies, Hidden, Reported};
use super::{Known, Session, unseen};
use crate::{Effects, PinReason, PinSet};

/// Code that a text calls by name.
const CALLS: EffectSet = EffectSet::CALL.union(EffectSet::UNKNOWN_FUNCTION);

/// What may change the code that texts set off without naming it.
const CHANGES_BOOK: EffectSet = EffectSet::ROUTINE
    .union(EffectSet::VIEW_DEFINED)
    .union(EffectSet::RENAME)
    .union(EffectSet::UNKNOWN);

impl Exchange {
    /// True for a command that runs a text.
    pub(super) fn runs(&self) -> bool {
        matches!(
            self.command,
            Command::Query | Command::StmtExecute | Command::StmtBulkExecute
        ) && !(self.about.statements <= 1 && self.about.effects.intersects(CHANGES_BOOK))
    }

    /// The command is on its way: notes when it changes code that others set off.
    pub(super) fn goes(&mut self, link_bodies: &mut Bodies) {
        if self.about.effects.intersects(CHANGES_BOOK) {
            self.changing = link_bodies.book_changes();
        }
    }
}

impl Session {
    /// True while something is not known that decides whether the connection is clean.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.variables.is_in_doubt()
            || !self.unseen.is_empty()
            || self.pins.ledger.is_in_doubt()
            || self.role == Known::InDoubt
    }

    /// Reasons that the next question may take away.
    pub(super) fn open_reasons(&self) -> PinSet {
        let mut open = PinSet::NONE;
        open = open.union(self.pins.ledger.open_reasons());
        if self.variables.is_in_doubt() {
            open.insert(PinReason::UserVariable);
        }
        if self.pins.may_be_used_up() {
            open.insert(PinReason::SessionSetting);
        }
        open
    }

    /// A text of the client has been answered: what it did by names that it has, and what must be asked for.
    pub(super) fn heed_names(&mut self, exchange: &Exchange) {
        let about = &exchange.about;
        let done = matches!(exchange.heard.outcome, Outcome::Done { .. });
        let Some(link) = &mut self.link else { return };
        if about.effects.intersects(EffectSet::IMPLICIT_COMMIT) {
            link.bodies.changed();
        }
        let writes = EffectSet::USER_VARIABLE_SET.union(EffectSet::USER_VARIABLE_WRITE);
        if about.effects.intersects(writes) {
            link.touches(b"@");
        }
        if let Some(literals) = &about.literals
            && done
        {
            self.variables.set(literals, &mut link.variables);
        } else if let Some(named) = &about.named {
            self.variables.written(&named.variables);
        }
        let judged = about.judged.is_some() && about.judged == link.bodies.judged_at();
        if !judged && exchange.runs() {
            // Nobody knows what was there to set off when it ran.
            link.blind = Blind::Yes;
        }
        let reported = match exchange.heard.state_change {
            StateChange::None => Reported::Nothing,
            StateChange::Reported => Reported::Change,
        };
        if let Some(reach) = &about.reach {
            if reach.blind == Blind::Yes {
                link.blind = Blind::Yes;
            }
            if !reach.codes.is_empty() {
                self.unseen.ran(&[], about.effects, reported);
            }
            for code in &reach.codes {
                self.unseen.set_off(code);
            }
        }
        let Some(named) = &about.named else { return };
        if named.unnamed.intersects(EffectSet::USER_VARIABLE_UNKNOWN) {
            self.pins.hold(PinReason::UserVariable);
        }
        if named.unnamed.intersects(CALLS) {
            self.pins.hold(PinReason::ProceduralBody);
        }
        if !named.routines.is_empty() {
            self.unseen.ran(&named.routines, about.effects, reported);
        }
    }

    /// After a statement that failed, the server says that state had changed.
    pub(super) fn change_reported_late(&mut self) {
        if self.unseen.is_empty() {
            self.pins.reported(self.failed);
        } else {
            self.unseen.ran(&[], EffectSet::NONE, Reported::Change);
        }
    }

    /// Asks for everything that must be known before the connection may go. The order matters: `SHOW WARNINGS` leaves
    /// everything as it is, and the others do not.
    pub(super) fn inquire(&mut self, out: &mut Effects) {
        let failed = self.diagnostics.is_failed();
        if self.keep_what_was_left(out).is_some() && failed {
            // Whether it has left a transaction is told with the answer, and nothing else may run in that.
            return;
        }
        let Some(link) = &mut self.link else { return };
        if self.diagnostics.insert_id_doubt == Doubt::Yes {
            link.ask_insert_id(out);
        }
        if self.collation == Known::InDoubt {
            self.ask_collation(out);
        }
        if !self.look_at_code(out) {
            return;
        }
        let Some(link) = &mut self.link else { return };
        if std::mem::replace(&mut self.role, Known::Yes) == Known::InDoubt {
            link.say(b"SELECT CURRENT_ROLE()", Purpose::Role, out);
        }
        if self.pins.asks_for_used_up() {
            link.ask(std::iter::once(USED_UP.to_vec()), out);
        }
        if self.variables.is_in_doubt() {
            let Inquiry { sql, names } = self.variables.question();
            link.say(&sql, Purpose::UserVariables(names), out);
        }
        if let Some(Inquiry { sql, names }) = self.pins.ledger.question() {
            link.say(&sql, Purpose::Locks(names), out);
        }
        for table in self.pins.ledger.tables_in_doubt() {
            link.ask_catalogue(&table.question(), Purpose::Table(table), out);
        }
        link.forget_conditions(out);
    }

    /// True when no code waits to be looked at.
    fn look_at_code(&mut self, out: &mut Effects) -> bool {
        if self.unseen.is_empty() {
            return true;
        }
        let Some(link) = &mut self.link else {
            return true;
        };
        link.bodies.renew();
        let asking = self.unseen.look(&mut link.bodies);
        if !asking.is_empty() {
            let sql = unseen::question(&asking);
            link.ask_catalogue(&sql, Purpose::Bodies(asking), out);
            return false;
        }
        let found = self.unseen.conclude();
        let unknown = EffectSet::EXECUTE_IMMEDIATE;
        // What it prepares is reported, so that without a report it has run nothing that it made itself.
        let made = EffectSet::EXECUTE.union(EffectSet::PREPARE);
        let hidden = found.hidden == Hidden::Some
            || found.named.unnamed.intersects(CALLS)
            || found.effects.intersects(unknown)
            || found.reported == Reported::Change && found.effects.intersects(made);
        if hidden {
            self.pins.hold(PinReason::ProceduralBody);
        }
        if found.blind == Blind::Yes {
            link.blind = Blind::Yes;
        }
        if hidden || found.effects.intersects(CHANGES_BOOK) {
            let _changed = link.bodies.book_changes();
        }
        if found
            .named
            .unnamed
            .intersects(EffectSet::USER_VARIABLE_UNKNOWN)
        {
            self.pins.hold(PinReason::UserVariable);
        }
        self.variables.written(&found.named.variables);
        let effects = found.effects.without(made);
        if effects.intersects(EffectSet::SET_ROLE) {
            self.role = Known::InDoubt;
        }
        self.pins.code_ran(effects, &found);
        true
    }

    pub(super) fn bodies_told(&mut self, asked: &[Routine], packets: Option<&[Vec<u8>]>) {
        let server = self.config.server;
        let Some(link) = &mut self.link else { return };
        match packets {
            Some(packets) => link.bodies.told(server, asked, packets),
            None => link.bodies.not_told(asked),
        }
    }

    pub(super) fn user_variables_told(&mut self, names: &[Bytes], packets: &[Vec<u8>]) {
        if let Some(link) = &mut self.link {
            self.variables.told(names, packets, &mut link.variables);
        }
    }

    /// What ties the client to the connection: what is known from texts, and facts.
    pub(super) fn tying(&self, link: &Link) -> PinSet {
        self.facts(link).union(self.pins.reasons())
    }

    /// What ties the client to the connection now, whatever its texts were.
    pub(super) fn facts(&self, link: &Link) -> PinSet {
        let mut facts = PinSet::NONE;
        if link.locked == Locked::Tables {
            facts.insert(PinReason::LockedTables);
        }
        if self
            .statements
            .any(|statement| statement.cursor == Cursor::Open)
        {
            facts.insert(PinReason::HoldCursor);
        }
        if self.statements.any(|statement| statement.key.is_none()) {
            facts.insert(PinReason::PreparedStatement);
        }
        if self.variables.stay() {
            facts.insert(PinReason::UserVariable);
        }
        if link.trust == Trust::Lost {
            facts.insert(PinReason::SessionSetting);
        }
        facts
    }
}

impl Link {
    /// Asks for something that the server keeps in tables: without autocommit that opens a transaction on MySQL,
    /// which is not the client's.
    pub(super) fn ask_catalogue(&mut self, sql: &[u8], purpose: Purpose, out: &mut Effects) {
        self.say(sql, purpose, out);
        if !self.status.contains(StatusFlags::AUTOCOMMIT) {
            // Spelled out, since `completion_type` may say otherwise.
            self.say(b"ROLLBACK AND NO CHAIN NO RELEASE", Purpose::Restore, out);
        }
    }
}
