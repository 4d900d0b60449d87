//! Prepared statements that have a cursor, or pieces of parameters, on the server connection: reading on, and ending that.

use tollgate_sql::mysql::{EffectSet, Server};
use tollgate_wire_mysql::command::{Command, execute_head};

use super::Session;
use super::client::{Message, Step, Way};
use super::diagnostics::NO_OPEN_CURSOR;
use super::exchange::{About, Exchange};
use super::statements::{Cursor, LongData};
use crate::Effects;

impl Exchange {
    /// Notes whether this execute asks for a cursor; procedures open none.
    pub(super) fn opens_cursor(&mut self, message: Message<'_>) {
        let asks = self.command == Command::StmtExecute
            && execute_head(message.body()).is_ok_and(|head| head.wants_cursor());
        if asks && !self.about.effects.intersects(EffectSet::CALL) {
            self.bridge = self.bridge.opening_cursor();
        }
    }
}

impl Session {
    /// The number of a statement on the server connection that has a cursor or pieces of parameters there.
    fn busy(&mut self, id: u32) -> Option<u32> {
        let statement = self.statements.get(id)?;
        if statement.cursor == Cursor::Closed && statement.long_data != LongData::Sent {
            return None;
        }
        match statement.key {
            None => Some(statement.server_id),
            Some(_) => self.made(id).map(|made| made.server_id),
        }
    }

    pub(super) fn reset_statement(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let Some(id) = self.known(message.body()) else {
            return self.unknown(message, out);
        };
        if let Some(server_id) = self.busy(id) {
            return self.about_cursor(id, server_id, message, out);
        }
        if let Some(want) = self.before_answering(out) {
            return Step::Wait(want);
        }
        if let Some(statement) = self.statements.get_mut(id) {
            statement.long_data = LongData::None;
        }
        self.diagnostics.nothing_counted();
        self.answered_here();
        self.verdict = Some(super::Verdict::Ok);
        self.drop_command(message, Way::Nowhere, out)
    }

    pub(super) fn fetch(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let Some(id) = self.known(message.body()) else {
            return self.unknown(message, out);
        };
        if let Some(server_id) = self.busy(id) {
            return self.about_cursor(id, server_id, message, out);
        }
        let stop = if matches!(self.config.server, Server::MySql { .. }) {
            "."
        } else {
            ""
        };
        let text = format!("The statement ({id}) has no open cursor{stop}");
        self.error(NO_OPEN_CURSOR, &text);
        self.drop_command(message, Way::Nowhere, out)
    }

    fn about_cursor(
        &mut self,
        id: u32,
        server_id: u32,
        message: Message<'_>,
        out: &mut Effects,
    ) -> Step {
        let command = Command::of(message.payload).unwrap_or(Command::StmtReset);
        self.expect(command, About::NOTHING);
        if let Some(exchange) = self.exchange_mut() {
            exchange.statement = Some(id);
        }
        self.pass_numbered(server_id, message, out)
    }
}
