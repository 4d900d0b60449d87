//! Commands on prepared statements: the client's numbers become those of whichever server connection runs them.

use std::sync::Arc;

use tollgate_sql::mysql::{EffectSet, Server};
use tollgate_wire_mysql::command::{
    self, BulkExecute, Command, ExecuteHead, Parameters, Types, execute_head, execute_parameters,
};
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::reply::{self, Prepared, ReplyKind};

use super::client::{Message, Step, Way};
use super::exchange::{About, Outcome};
use super::finding::Finds;
use super::link::{Listed, Purpose};
use super::passing::Bound;
use super::query::GONE;
use super::questions::{Asking, Form, Shown, reads_insert_id, with_replacements};
use super::spelling::Spelled;
use super::statements::{Cursor, Key, LongData, Statement};
use super::{Session, Want};
use crate::Effects;

/// Where a statement is made that was made without a current schema, on a server connection that has one: it names the
/// schemas of all that it uses, or it could not have been made. Everybody may go there.
const ANY_SCHEMA: &[u8] = b"information_schema";

/// Whether a text may ask for the current schema.
fn tells_schema(text: &[u8]) -> bool {
    let folded = text.to_ascii_lowercase();
    let names = [&b"database"[..], b"schema"];
    names
        .iter()
        .any(|name| memchr::memmem::find(&folded, name).is_some())
}

impl Session {
    pub(super) fn prepare(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        if let Some(want) = self.align(out) {
            return Step::Wait(want);
        }
        let text = message.body();
        let mut statement = Statement {
            key: None,
            server_id: 0,
            about: About::NOTHING,
            spelled: Arc::default(),
            asking: None,
            shows: None,
            parameters: 0,
            columns: 0,
            types: None,
            cursor: Cursor::Closed,
            long_data: LongData::None,
        };
        let mut changed = None;
        if message.is_whole() {
            let read = self.read(text);
            let summary = &read.summary;
            statement.about = self.about(&read, text);
            statement.asking = Asking::of(summary, text);
            statement.shows = Shown::of(text);
            let numbers = self.our_numbers(summary);
            if !numbers.is_empty() {
                statement.spelled = Spelled::of(text, &numbers).into();
                changed = Some(with_replacements(text, numbers));
            }
            statement.key = Some(self.statements.own_key(Key {
                text: changed.as_deref().unwrap_or(text).into(),
                reading: Arc::new(self.reading()),
                copy: 0,
            }));
        } else {
            // What it may do was not read.
            statement.about.effects = EffectSet::CALL;
            statement.about.finds = Finds::Perhaps;
        }
        self.expect(Command::StmtPrepare, About::NOTHING);
        if let Some(exchange) = self.exchange_mut() {
            exchange.spelled = statement.spelled.to_vec();
            exchange.preparing = Some(Box::new(statement));
        }
        self.statements.last_prepared = None;
        match changed {
            None => self.pass(message, out),
            Some(changed) => {
                let mut head = vec![Command::StmtPrepare.code()];
                head.extend(changed);
                self.pass_with(message, &head, message.payload.len(), out)
            }
        }
    }

    /// The client's prepare has succeeded; false when nothing was being prepared.
    pub(super) fn prepared(&mut self, prepared: Prepared, out: &mut Effects) -> bool {
        let client = self.capabilities();
        let Some(mut statement) = self
            .exchange_mut()
            .and_then(|exchange| exchange.preparing.take())
        else {
            return false;
        };
        statement.parameters = prepared.parameters;
        statement.columns = prepared.columns;
        statement.server_id = prepared.statement_id;
        let key = statement.key.clone();
        let id = self.statements.add(*statement);
        let told = Prepared {
            statement_id: id,
            ..prepared
        };
        let Some(link) = &mut self.link else {
            return false;
        };
        if let Some(key) = key {
            Self::close_on_server(out, &link.carried.add(key, prepared.statement_id));
        }
        let Some(exchange) = &mut link.exchange else {
            return false;
        };
        // The reply ends without a status.
        exchange.heard.outcome = Outcome::Unknown;
        exchange.heard.warnings = prepared.warnings;
        if prepared.warnings > 0 {
            link.listed = Listed::Something;
        }
        let sequence = &mut exchange.sequence;
        out.client_lane()
            .inject(|bytes| reply::prepared(bytes, sequence, client, &told));
        true
    }

    /// A statement was made again for its execute: it must still be what the client was told.
    pub(super) fn made_again(&mut self, id: u32, prepared: Prepared, out: &mut Effects) {
        let (Some(statement), Some(link)) = (self.statements.get(id), &mut self.link) else {
            return;
        };
        let Some(key) = statement.key.clone() else {
            return;
        };
        // Other columns are told with every result, as when a server makes a statement again by itself.
        let same = statement.parameters == prepared.parameters;
        Self::close_on_server(out, &link.carried.add(key, prepared.statement_id));
        if !same {
            self.error(
                ErrorCode::NEED_REPREPARE,
                "Prepared statement needs to be re-prepared",
            );
        }
    }

    /// The statement with this number on the server connection at hand, made there if it is not.
    fn make(&mut self, id: u32, out: &mut Effects) -> Result<u32, Want> {
        let Some(statement) = self.statements.get(id) else {
            return Err(Want::Replies);
        };
        let Some(key) = statement.key.clone() else {
            let server_id = statement.server_id;
            return match self.align(out) {
                Some(want) => Err(want),
                None => Ok(server_id),
            };
        };
        let made = match &mut self.link {
            None => return Err(self.wait_for_server()),
            Some(link) => link.carried.use_of(&key).map(|made| made.server_id),
        };
        if let Some(server_id) = made {
            return match self.align(out) {
                Some(want) => Err(want),
                None => Ok(server_id),
            };
        }
        if let Some(want) = self.keep_what_was_left(out) {
            return Err(want);
        }
        let mut settings = self.settings_for(&key.reading);
        let in_schema = self
            .link
            .as_ref()
            .is_some_and(|link| link.settings.schema.is_some());
        if settings.schema.is_none() && in_schema && !tells_schema(&key.text) {
            settings.schema = Some(ANY_SCHEMA.into());
        }
        if let Some(want) = self.align_to(&settings, out) {
            return Err(want);
        }
        if let Some(link) = &mut self.link {
            out.server_lane()
                .inject(|bytes| command::stmt_prepare(bytes, &key.text));
            link.expect(Purpose::Prepare(id), ReplyKind::Prepared, 0);
        }
        Err(Want::Replies)
    }

    /// The client's number of the statement that the command is about, if there is such a statement.
    pub(super) fn known(&self, body: &[u8]) -> Option<u32> {
        let id = match command::statement_id(body).ok()? {
            Command::LAST_PREPARED => self.statements.last_prepared?,
            id => id,
        };
        self.statements.get(id).map(|_| id)
    }

    pub(super) fn unknown(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let id = command::statement_id(message.body()).unwrap_or(0);
        let function = match (self.config.server, Command::of(message.payload)) {
            (Server::MySql { .. }, _) => "mysql_stmt_precheck",
            (Server::MariaDb { .. }, Some(Command::StmtReset)) => "mysqld_stmt_reset",
            (Server::MariaDb { .. }, Some(Command::StmtFetch)) => "mysqld_stmt_fetch",
            (Server::MariaDb { .. }, _) => "mysqld_stmt_execute",
        };
        let text = format!("Unknown prepared statement handler ({id}) given to {function}");
        self.error(ErrorCode::UNKNOWN_STMT_HANDLER, &text);
        self.drop_command(message, Way::Nowhere, out)
    }

    pub(super) fn execute(
        &mut self,
        command: Command,
        message: Message<'_>,
        out: &mut Effects,
    ) -> Step {
        let Some(id) = self.known(message.body()) else {
            return self.unknown(message, out);
        };
        let Some(statement) = self.statements.get(id) else {
            return self.unknown(message, out);
        };
        let mut about = statement.about.clone();
        let text = statement.key.as_ref().map(|key| Arc::clone(&key.text));
        let mut spelled = statement.spelled.to_vec();
        let reading = statement.key.as_ref().map(|key| &key.reading.schema);
        if reading.is_some_and(|schema| *schema != self.settings.schema) {
            // The server goes to the statement's schema and back, and says that state has changed.
            about.effects.insert(EffectSet::USE);
        }
        if let Some((code, text)) = self.refused_early(id, command, message) {
            self.error(code, text);
            return self.drop_command(message, Way::Nowhere, out);
        }
        if let Some(step) = self.answer_statement(id, message, out) {
            return step;
        }
        if let Some(asking) = self.statements.get(id).and_then(|it| it.asking.clone()) {
            spelled.extend(self.spelled_answers(&asking));
        }
        let bound = self.types_of(id, command, message);
        self.forget_foreign_types(id, bound.as_deref(), out);
        let server_id = match self.make(id, out) {
            Ok(server_id) => server_id,
            Err(want) => {
                self.bound_unmade(id, bound);
                return Step::Wait(want);
            }
        };
        if reads_insert_id(about.effects)
            && let Some(want) = self.restore_insert_id(out)
        {
            return Step::Wait(want);
        }
        let bound = match self.bind_as(command, id, message) {
            Ok(bound) => bound,
            Err((code, text)) => {
                self.error(code, text);
                return self.drop_command(message, Way::Nowhere, out);
            }
        };
        // The book may be another one than when it was prepared.
        match &text {
            Some(text) => self.judge(&mut about, text),
            None => self.judge_unseen(&mut about),
        }
        self.expect(command, about);
        if let Some(exchange) = self.exchange_mut() {
            exchange.statement = Some(id);
            exchange.spelled = spelled;
            exchange.opens_cursor(message);
        }
        self.pass_bound(bound, server_id, message, out)
    }

    fn bind_as(
        &mut self,
        command: Command,
        id: u32,
        message: Message<'_>,
    ) -> Result<Bound, (ErrorCode, &'static str)> {
        if command == Command::StmtBulkExecute {
            self.bind_bulk(id, message)
        } else {
            self.bind(id, message)
        }
    }

    /// A statement that asks about the one before is answered here, or becomes one that has the answers in it.
    fn answer_statement(
        &mut self,
        id: u32,
        message: Message<'_>,
        out: &mut Effects,
    ) -> Option<Step> {
        let statement = self.statements.get(id)?;
        let (shows, asking) = (statement.shows, statement.asking.clone());
        if shows.is_none() && asking.is_none() {
            if !self.is_unanswerable(statement.about.effects) {
                return None;
            }
            self.error(ErrorCode::UNKNOWN, GONE);
            return Some(self.drop_command(message, Way::Nowhere, out));
        }
        if let Some(want) = self.keep_what_was_left(out) {
            return Some(Step::Wait(want));
        }
        if let Some(shown) = shows
            && self.diagnostics.counts().is_some()
        {
            let _next = self.show_conditions(shown, Form::Binary, out);
            return Some(self.drop_command(message, Way::Silence, out));
        }
        let text = asking.and_then(|asking| self.text_with_answers(&asking));
        let Some(text) = text else {
            self.error(ErrorCode::UNKNOWN, GONE);
            return Some(self.drop_command(message, Way::Nowhere, out));
        };
        let key = self.statements.get(id)?.key.clone()?;
        if *key.text != *text {
            let key = self.statements.own_key(Key {
                text: text.into(),
                copy: 0,
                ..key
            });
            self.statements.get_mut(id)?.key = Some(key);
        }
        None
    }

    /// Why an execute is refused that tells no types of parameters, and none before it has.
    fn never_bound(&self, long_data: LongData) -> (ErrorCode, &'static str) {
        match self.config.server {
            // Pieces for a parameter that is no text, as far as MySQL knows.
            Server::MySql { .. } if long_data == LongData::Sent => {
                (ErrorCode::MALFORMED_PACKET, self.malformed_text())
            }
            // Somebody else may have bound some on the server's statement.
            Server::MySql { .. } | Server::MariaDb { .. } => (
                ErrorCode::WRONG_ARGUMENTS,
                "Incorrect arguments to mysqld_stmt_execute",
            ),
        }
    }

    /// Why an execute is refused that needs no server connection for it, where making the statement might fail otherwise.
    fn refused_early(
        &mut self,
        id: u32,
        command: Command,
        message: Message<'_>,
    ) -> Option<(ErrorCode, &'static str)> {
        let statement = self.statements.get_mut(id)?;
        if statement.long_data == LongData::Lost {
            statement.long_data = LongData::None;
            let text = "a parameter that was sent in pieces was lost";
            return Some((ErrorCode::WRONG_ARGUMENTS, text));
        }
        if command == Command::StmtBulkExecute {
            return None;
        }
        let statement = self.statements.get(id)?;
        let head = execute_head(message.body()).ok()?;
        let capabilities = self.capabilities();
        let parameters = execute_parameters(&head, statement.parameters, capabilities).ok()?;
        let none = parameters.count > 0 && parameters.types.is_none() && statement.types.is_none();
        none.then(|| self.never_bound(statement.long_data))
    }

    /// Notes the types that are bound, or adds those that the server has not seen.
    fn bind(&mut self, id: u32, message: Message<'_>) -> Result<Bound, (ErrorCode, &'static str)> {
        let malformed = (ErrorCode::MALFORMED_PACKET, self.malformed_text());
        let capabilities = self.capabilities();
        let head = execute_head(message.body()).map_err(|_| malformed)?;
        let Some(statement) = self.statements.get_mut(id) else {
            return Ok(Bound::AsItIs);
        };
        let parameters =
            execute_parameters(&head, statement.parameters, capabilities).map_err(|_| malformed)?;
        if parameters.count == 0 {
            return Ok(Bound::AsItIs);
        }
        if let Some(types) = &parameters.types {
            let types: Arc<[u8]> = types.bytes().into();
            statement.types = Some(Arc::clone(&types));
            if let Some(made) = self.made(id) {
                made.bind(Some(types));
            }
            return Ok(Bound::AsItIs);
        }
        let Some(types) = statement.types.clone() else {
            let long_data = statement.long_data;
            return Err(self.never_bound(long_data));
        };
        match self.made(id) {
            Some(made) if made.types.as_ref() != Some(&types) => {
                made.bind(Some(Arc::clone(&types)));
            }
            Some(_) | None => return Ok(Bound::AsItIs),
        }
        if !message.is_whole() {
            let text = "a large execute must bind the types of its parameters";
            return Err((ErrorCode::UNKNOWN, text));
        }
        let types = Types::parse(&types, parameters.count, capabilities).map_err(|_| malformed)?;
        let head = ExecuteHead { rest: &[], ..head };
        let parameters = Parameters {
            types: Some(types),
            ..parameters
        };
        let mut packet = Vec::new();
        command::execute(&mut packet, capabilities, &head, &parameters);
        Ok(Bound::With(packet))
    }

    fn bind_bulk(
        &mut self,
        id: u32,
        message: Message<'_>,
    ) -> Result<Bound, (ErrorCode, &'static str)> {
        let Ok(bulk) = BulkExecute::parse(message.body()) else {
            return Err((ErrorCode::MALFORMED_PACKET, self.malformed_text()));
        };
        let own = self.statements.get(id).and_then(|it| it.types.clone());
        let Some(made) = self.made(id) else {
            return Ok(Bound::AsItIs);
        };
        if bulk.has_types() {
            // They have another form here: the next single execute binds its own again.
            made.bind(None);
        } else if own.is_none() || made.types != own {
            let text = "a bulk execute must bind the types of its parameters";
            return Err((ErrorCode::UNKNOWN, text));
        }
        Ok(Bound::AsItIs)
    }

    pub(super) fn long_data(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let Some(id) = self.known(message.body()) else {
            return self.drop_command(message, Way::Silence, out);
        };
        if !self.holds_long_data() {
            self.forget_foreign_types(id, None, out);
        }
        let server_id = match self.make(id, out) {
            Ok(server_id) => server_id,
            Err(want) => return Step::Wait(want),
        };
        self.expect_nothing();
        if let Some(statement) = self.statements.get_mut(id) {
            statement.long_data = LongData::Sent;
        }
        self.pass_numbered(server_id, message, out)
    }

    /// No connection could be had for a piece of a parameter.
    pub(super) fn long_data_is_lost(&mut self, command: Command, message: Message<'_>) {
        if command == Command::StmtSendLongData
            && let Some(id) = self.known(message.body())
            && let Some(statement) = self.statements.get_mut(id)
        {
            statement.long_data = LongData::Lost;
        }
    }

    pub(super) fn close_statement(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let closed = self.known(message.body()).and_then(|id| {
            let statement = self.statements.remove(id)?;
            Some(statement)
        });
        if let (Some(statement), Some(link)) = (closed, &mut self.link) {
            let busy = statement.cursor == Cursor::Open || statement.long_data == LongData::Sent;
            match &statement.key {
                None => Self::close_on_server(out, &[statement.server_id]),
                Some(key) if busy => {
                    let made = link.carried.remove(key);
                    let ids: Vec<u32> = made.iter().map(|made| made.server_id).collect();
                    Self::close_on_server(out, &ids);
                }
                Some(_) => {}
            }
        }
        self.drop_command(message, Way::Silence, out)
    }
}
