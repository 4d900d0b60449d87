//! Ending other connections: clients know each other by numbers of ours, which only the shell can follow.

use tollgate_sql::mysql::{KillTarget, Server};
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::error_code::ErrorCode;

use super::client::{Message, Step};
use super::exchange::About;
use super::{Session, Verdict, Want, answers};
use crate::Effects;

/// What a client wants to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KillRequest {
    /// A connection, or its statement.
    pub target: KillTarget,
    /// The number clients know it by.
    pub id: u64,
}

/// Whether the client has ended its own connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnEnd {
    No,
    Asked,
    /// It has been answered.
    Told,
}

/// What became of a [`KillRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// It is done.
    Done,
    /// No client has this number: the server is asked, where it may be somebody's who does not come by the proxy.
    NotOurs,
    /// It is another user's (1095).
    Denied,
    /// It was the client's own: the statement that asks for it is what ends (1317; 1927 of MariaDB's connections), and a
    /// connection then wants to be closed.
    Itself,
}

impl Session {
    /// What became of the `Want::Kill`: call `on_client` again.
    pub fn killed(&mut self, outcome: Killed) {
        self.verdict = Some(match outcome {
            Killed::Done => Verdict::Ok,
            Killed::NotOurs => Verdict::Pass,
            Killed::Denied => Verdict::Error(answers::error_payload(
                ErrorCode::KILL_DENIED,
                "You are not owner of the thread",
            )),
            Killed::Itself => {
                if self.doomed == KillTarget::Connection {
                    self.own_end = OwnEnd::Asked;
                }
                let (code, text) = self.told_at_own_end();
                Verdict::Error(answers::error_payload(code, text))
            }
        });
    }

    /// What servers say to a client that has ended itself, or its statement.
    fn told_at_own_end(&self) -> (ErrorCode, &'static str) {
        match (self.config.server, self.doomed) {
            (Server::MariaDb { .. }, KillTarget::Connection) => {
                (ErrorCode::CONNECTION_KILLED, "Connection was killed")
            }
            (Server::MariaDb { .. }, KillTarget::Query | KillTarget::QueryId)
            | (Server::MySql { .. }, _) => (
                ErrorCode::QUERY_INTERRUPTED,
                "Query execution was interrupted",
            ),
        }
    }

    pub(super) fn kill(
        &mut self,
        target: KillTarget,
        id: u64,
        message: Message<'_>,
        out: &mut Effects,
    ) -> Step {
        if !matches!(self.verdict, Some(Verdict::Pass)) {
            self.doomed = target;
            return Step::Wait(Want::Kill(KillRequest { target, id }));
        }
        // The number is nobody's that we know: the server may know it.
        if let Some(want) = self.align(out) {
            return Step::Wait(want);
        }
        self.verdict = None;
        let command = Command::of(message.payload).unwrap_or(Command::Query);
        self.expect(command, About::NOTHING);
        self.pass(message, out)
    }
}
