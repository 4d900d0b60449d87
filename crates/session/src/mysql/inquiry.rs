//! What the server is asked before its connection is given back: conditions and counts that the client may ask for
//! later, values of user variables, which locks are held, and what stored code may have done.

use tollgate_sql::mysql::EffectSet;
use tollgate_wire_mysql::status::StatusFlags;

use super::diagnostics::Doubt;
use super::exchange::{Exchange, Outcome, StateChange};
use super::link::{Link, Purpose, Trust};
use super::named::{Bytes, Inquiry, Routine};
use super::statements::Cursor;
use super::unseen::{Hidden, Reported};
use super::{Collation, Session, unseen};
use crate::{Effects, PinReason, PinSet};

/// Code that a text calls by name.
const CALLS: EffectSet = EffectSet::CALL.union(EffectSet::UNKNOWN_FUNCTION);

impl Session {
    /// True while something is not known that decides whether the connection is clean.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.variables.is_in_doubt() || !self.unseen.is_empty() || self.pins.ledger.is_in_doubt()
    }

    /// Reasons that the next question may take away.
    pub(super) fn open_reasons(&self) -> PinSet {
        let mut open = PinSet::NONE;
        open = open.union(self.pins.ledger.open_reasons());
        if self.variables.is_in_doubt() {
            open.insert(PinReason::UserVariable);
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
        if let Some(literals) = &about.literals
            && done
        {
            self.variables.set(literals, &mut link.variables);
        } else if let Some(named) = &about.named {
            self.variables.written(&named.variables);
        }
        let Some(named) = &about.named else { return };
        if named.unnamed.intersects(EffectSet::USER_VARIABLE_UNKNOWN) {
            self.pins.hold(PinReason::UserVariable);
        }
        if named.unnamed.intersects(CALLS) {
            self.pins.hold(PinReason::ProceduralBody);
        }
        let reported = match exchange.heard.state_change {
            StateChange::None => Reported::Nothing,
            StateChange::Reported => Reported::Change,
        };
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
        let _asked = self.keep_what_was_left(out);
        let Some(link) = &mut self.link else { return };
        if self.diagnostics.insert_id_doubt == Doubt::Yes {
            link.ask_insert_id(out);
        }
        if self.collation == Collation::InDoubt {
            self.ask_collation(out);
        }
        if !self.look_at_code(out) {
            return;
        }
        let Some(link) = &mut self.link else { return };
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
        if found
            .named
            .unnamed
            .intersects(EffectSet::USER_VARIABLE_UNKNOWN)
        {
            self.pins.hold(PinReason::UserVariable);
        }
        self.variables.written(&found.named.variables);
        let effects = found.effects.without(made);
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
        if link.transaction.has_locked_tables() {
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
    fn ask_catalogue(&mut self, sql: &[u8], purpose: Purpose, out: &mut Effects) {
        self.say(sql, purpose, out);
        if !self.status.contains(StatusFlags::AUTOCOMMIT) {
            // Spelled out, since `completion_type` may say otherwise.
            self.say(b"ROLLBACK AND NO CHAIN NO RELEASE", Purpose::Restore, out);
        }
    }
}
