//! What is done with each command of the client: answered here, passed on, or refused.

use tollgate_sql::mysql::{EffectSet, KillTarget, Server};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command::{self, Command, Fate};
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::frame::Sequence;
use tollgate_wire_mysql::reply::EofBridge;
use tollgate_wire_mysql::status::StatusFlags;

use super::client::{Message, Step, Way};
use super::exchange::{About, Exchange};
use super::link::{Left, Listed, Multi, Purpose};
use super::{CloseReason, Session, Verdict, Want, answers, settings};
use crate::Effects;

impl Session {
    pub(super) fn command(
        &mut self,
        command: Command,
        message: Message<'_>,
        out: &mut Effects,
    ) -> Step {
        if command.fate() == Fate::Refused {
            self.error(ErrorCode::UNKNOWN_COM, unknown(command));
            return self.drop_command(message, Way::Nowhere, out);
        }
        if self.is_too_short(command, message) {
            return self.malformed(message, out);
        }
        let ends = matches!(command, Command::ResetConnection | Command::ChangeUser);
        if ends
            && self.diagnostics.counts_unasked()
            && let Some(want) = self.keep_what_was_left(out)
        {
            return Step::Wait(want);
        }
        match command {
            Command::Quit => Step::Wait(Want::Close(CloseReason::Terminated)),
            Command::Ping if self.link.is_none() => {
                self.diagnostics.nothing_counted();
                self.verdict = Some(Verdict::Ok);
                self.drop_command(message, Way::Nowhere, out)
            }
            Command::ResetConnection if self.link.is_none() => {
                self.reset();
                self.status = self.fresh_status();
                self.verdict = Some(Verdict::Ok);
                self.drop_command(message, Way::Nowhere, out)
            }
            Command::ChangeUser => Step::Wait(Want::ChangeUser),
            Command::SetOption => self.set_option(message, out),
            Command::ProcessKill => match command::process_kill(message.body()) {
                Ok(id) => self.kill(KillTarget::Connection, u64::from(id), message, out),
                Err(_) => self.malformed(message, out),
            },
            Command::Query => self.query(message, out),
            Command::StmtPrepare => self.prepare(message, out),
            Command::StmtExecute | Command::StmtBulkExecute => self.execute(command, message, out),
            Command::StmtSendLongData => self.long_data(message, out),
            Command::StmtClose => self.close_statement(message, out),
            Command::StmtReset => self.reset_statement(message, out),
            Command::StmtFetch => self.fetch(message, out),
            Command::Ping
            | Command::ResetConnection
            | Command::InitDb
            | Command::FieldList
            | Command::Statistics
            | Command::Refresh
            | Command::ProcessInfo
            | Command::Debug => self.plain(command, message, out),
            // All of these are refused above.
            Command::Sleep
            | Command::CreateDb
            | Command::DropDb
            | Command::Shutdown
            | Command::Connect
            | Command::Time
            | Command::DelayedInsert
            | Command::BinlogDump
            | Command::TableDump
            | Command::ConnectOut
            | Command::RegisterReplica
            | Command::Daemon
            | Command::BinlogDumpGtid
            | Command::Clone
            | Command::SubscribeGroupReplicationStream
            | Command::Unknown(_) => self.malformed(message, out),
        }
    }

    /// A command that any connection with the client's settings can serve.
    fn plain(&mut self, command: Command, message: Message<'_>, out: &mut Effects) -> Step {
        let aligned = if command == Command::InitDb {
            self.align_but_schema(out)
        } else {
            self.align(out)
        };
        if let Some(want) = aligned {
            return Step::Wait(want);
        }
        let about = About {
            effects: if command == Command::InitDb {
                EffectSet::USE
            } else {
                EffectSet::NONE
            },
            ..About::NOTHING
        };
        self.forget_our_conditions(out);
        self.expect(command, about);
        if command == Command::InitDb
            && message.is_whole()
            && let Some(exchange) = self.exchange_mut()
        {
            exchange.file_text = Some(command::init_db(message.body()).to_vec());
        }
        self.pass(message, out)
    }

    /// MySQL puts the error of a command that is no statement behind the conditions there are: none of what ran in front of
    /// it are the client's.
    fn forget_our_conditions(&mut self, out: &mut Effects) {
        if let (Server::MySql { .. }, Some(link)) = (self.config.server, &mut self.link)
            && link.left == Left::ByUs
        {
            if !link.queue.is_empty() {
                link.listed = Listed::Something;
            }
            link.forget_conditions(out);
        }
    }

    /// The command at hand is about to be passed on, and will be answered.
    pub(super) fn expect(&mut self, command: Command, about: About) {
        let client = self.capabilities();
        let Some(link) = &mut self.link else { return };
        link.commands = link.commands.saturating_add(1);
        let mut exchange = Exchange::new(command, about, 0);
        exchange.bridge = EofBridge::new(link.config.capabilities, client);
        exchange.goes(&mut link.bodies);
        link.exchange = Some(exchange);
        link.expect(Purpose::Client, command.reply(), 0);
    }

    /// A command without an answer is about to be passed on.
    pub(super) fn expect_nothing(&mut self) {
        if let Some(link) = &mut self.link {
            link.commands = link.commands.saturating_add(1);
        }
    }

    pub(super) fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.link.as_mut()?.exchange.as_mut()
    }

    pub(super) fn malformed(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        self.error(ErrorCode::MALFORMED_PACKET, self.malformed_text());
        self.drop_command(message, Way::Nowhere, out)
    }

    /// What the servers say of a malformed packet.
    pub(super) fn malformed_text(&self) -> &'static str {
        match self.config.server {
            Server::MySql { .. } => "Malformed communication packet.",
            Server::MariaDb { .. } => "Malformed communication packet",
        }
    }

    /// True when the servers refuse the command for its length (observed; MySQL answers even to commands that have no
    /// answer, and MariaDB reads beyond the end of others).
    fn is_too_short(&self, command: Command, message: Message<'_>) -> bool {
        let least = match (self.config.server, command) {
            (_, Command::StmtExecute) => 9,
            (Server::MySql { .. }, Command::StmtFetch) => 8,
            (Server::MySql { .. }, Command::StmtSendLongData) => 6,
            (Server::MySql { .. }, Command::StmtReset | Command::StmtClose) => 4,
            (Server::MySql { .. } | Server::MariaDb { .. }, _) => 0,
        };
        message.is_whole() && message.body().len() < least
    }

    /// Remembered and not sent: a server connection is told when it has to know.
    fn set_option(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let multi = match command::set_option(message.body()) {
            Ok(Command::MULTI_STATEMENTS_ON) => Multi::Allowed,
            Ok(Command::MULTI_STATEMENTS_OFF) => Multi::Forbidden,
            Ok(_) | Err(_) => {
                self.error(ErrorCode::UNKNOWN_COM, "Unknown command");
                return self.drop_command(message, Way::Nowhere, out);
            }
        };
        if let Some(want) = self.before_answering(out) {
            return Step::Wait(want);
        }
        self.multi_statements = multi;
        let mut sequence = Sequence::after(1);
        let (capabilities, status) = (self.capabilities(), self.status);
        answers::eof(out, &mut sequence, capabilities, status);
        self.diagnostics.rows_given();
        self.answered_here();
        self.drop_command(message, Way::Silence, out)
    }

    /// What a session without settings of its own says of itself.
    fn fresh_status(&self) -> StatusFlags {
        let value = |name: &[u8]| {
            let set = self.settings.value(name).or(self.baseline.value(name));
            set.and_then(Option::as_deref).unwrap_or_default()
        };
        let mut status = StatusFlags::EMPTY;
        if !matches!(value(b"autocommit"), b"0" | b"OFF") {
            status = status | StatusFlags::AUTOCOMMIT;
        }
        let mode = value(b"sql_mode");
        let names = |name: &[u8]| mode.split(|byte| *byte == b',').any(|it| it == name);
        if names(b"NO_BACKSLASH_ESCAPES") {
            status = status | StatusFlags::NO_BACKSLASH_ESCAPES;
        }
        match self.config.server {
            Server::MariaDb { .. } if names(b"ANSI_QUOTES") => status | StatusFlags::ANSI_QUOTES,
            Server::MySql { .. } | Server::MariaDb { .. } => status,
        }
    }

    /// The client's state is as new, but for its schema.
    pub(super) fn reset(&mut self) {
        self.settings.reset();
        match self.config.server {
            Server::MySql { .. } => {}
            // It goes back to the character sets of the login (`sql_parse.cc`, `COM_RESET_CONNECTION`), and to the
            // global mode without what the login has added to it.
            Server::MariaDb { .. } => {
                self.settings.set_collation(self.config.collation);
                let spaces = Capabilities::IGNORE_SPACE;
                let mode = self.baseline.value(b"sql_mode");
                if let Some(Some(mode)) = mode
                    && self.config.capabilities.contains(spaces)
                {
                    let mode = settings::mode_without(mode, b"IGNORE_SPACE");
                    self.settings.set(b"sql_mode", Some(&mode));
                }
            }
        }
        self.collation = super::Known::Yes;
        self.subscription = super::Subscription::default();
        self.statements.clear();
        self.pins.reset();
        self.variables.clear();
        self.unseen.clear();
        self.diagnostics = super::Diagnostics::begun(self.diagnostics.heritage());
    }
}

/// What is said of a command that is not served. Who wants to replicate or to copy a server is told where that is done;
/// servers say 1227 or 1045 to those who may not.
fn unknown(command: Command) -> &'static str {
    let of_replicas = [
        Command::BinlogDump,
        Command::BinlogDumpGtid,
        Command::RegisterReplica,
        Command::Clone,
        Command::SubscribeGroupReplicationStream,
    ];
    if of_replicas.contains(&command) {
        "Unknown command: replication goes to the server itself, not by way of a proxy"
    } else {
        "Unknown command"
    }
}
