//! When server and client disagree about EOF packets: what to insert, drop or rewrite, packet by packet.

use super::end::{Form, OkHead};
use super::part::{Definitions, Metadata, Part};
use crate::capabilities::Capabilities;
use crate::status::StatusFlags;

/// What to do with a packet on its way to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Send it as it is (with its number changed, once anything was inserted or dropped).
    Forward,
    /// Do not send it.
    Drop,
    /// Send an EOF packet with the same status and warnings.
    AsEof,
    /// Send an OK packet in the form of EOF with the same status and warnings.
    AsOk,
}

/// Whether an EOF packet is missing at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insert {
    /// Nothing is missing.
    Nothing,
    /// An EOF packet belongs here, with the session's last known status.
    Eof,
    /// Two of them: behind parameters and columns that are both left out.
    TwoEofs,
}

/// What the client gets for one packet of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// In front of it.
    pub before: Insert,
    /// In its place.
    pub packet: Treatment,
    /// Behind it.
    pub after: Insert,
}

impl Plan {
    const FORWARD: Self = Self::only(Treatment::Forward);

    const fn only(packet: Treatment) -> Self {
        Self {
            before: Insert::Nothing,
            packet,
            after: Insert::Nothing,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// Both sides agree.
    None,
    /// The server has [`Capabilities::DEPRECATE_EOF`], the client does not.
    AddEof,
    /// The client has it, the server does not.
    RemoveEof,
}

/// Whether the command has asked for a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    Nothing,
    Cursor,
}

/// Translates the ends of results and definitions within one reply. Make one per reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EofBridge {
    direction: Direction,
    opening: Opening,
    /// A client's EOF that waits for the next packet: if that ends a result without rows because a cursor
    /// is open, there is only one EOF.
    owed: Insert,
}

impl EofBridge {
    /// Between a server connection and a client connection with these capabilities.
    pub fn new(server: Capabilities, client: Capabilities) -> Self {
        let server = server.contains(Capabilities::DEPRECATE_EOF);
        let client = client.contains(Capabilities::DEPRECATE_EOF);
        let direction = match (server, client) {
            (true, false) => Direction::AddEof,
            (false, true) => Direction::RemoveEof,
            (true, true) | (false, false) => Direction::None,
        };
        Self {
            direction,
            opening: Opening::Nothing,
            owed: Insert::Nothing,
        }
    }

    /// The same for an execute that asks for a cursor: the EOF behind its definitions says whether there is one, so that
    /// servers write it last, and not at all when the statement fails (observed on both families).
    #[must_use]
    pub fn opening_cursor(self) -> Self {
        Self {
            opening: Opening::Cursor,
            ..self
        }
    }

    /// Whether every packet is forwarded as it is, so that nobody need ask.
    pub fn is_idle(&self) -> bool {
        self.direction == Direction::None
    }

    /// What to do with the next packet of the server.
    pub fn plan(&mut self, part: &Part) -> Plan {
        match self.direction {
            Direction::None => Plan::FORWARD,
            Direction::AddEof => self.add(part),
            Direction::RemoveEof => Self::remove(part),
        }
    }

    fn add(&mut self, part: &Part) -> Plan {
        // A report of progress may come anywhere and is no reason to send the EOF.
        if *part == Part::Progress {
            return Plan::FORWARD;
        }
        let owed = std::mem::replace(&mut self.owed, Insert::Nothing);
        let forward = Plan {
            before: owed,
            ..Plan::FORWARD
        };
        match part {
            Part::Columns {
                metadata: Metadata::Omitted,
                ..
            }
            | Part::Definition {
                of: Definitions::Columns,
                left: 0,
            } => {
                self.owed = Insert::Eof;
                forward
            }
            // A prepared statement has no rows, so that nothing can take the place of these two.
            Part::Definition {
                of: Definitions::Parameters | Definitions::PreparedColumns,
                left: 0,
            } => Plan {
                after: Insert::Eof,
                ..forward
            },
            Part::Prepared(statement) if statement.metadata == Metadata::Omitted => Plan {
                after: match (statement.parameters, statement.columns) {
                    (0, 0) => Insert::Nothing,
                    (0, _) | (_, 0) => Insert::Eof,
                    (_, _) => Insert::TwoEofs,
                },
                ..forward
            },
            Part::End {
                form: Form::OkAsEof,
                head,
            } => Plan {
                // The owed EOF and this one are the same when the rows stay on the server.
                before: if opens_cursor(head) {
                    Insert::Nothing
                } else {
                    owed
                },
                packet: Treatment::AsEof,
                after: Insert::Nothing,
            },
            Part::Error { .. } if self.opening == Opening::Cursor => Plan::FORWARD,
            // A statement that fails before its first row has had the EOF behind the definitions already.
            Part::Error { .. }
            | Part::Columns { .. }
            | Part::Definition { .. }
            | Part::Continued
            | Part::Progress
            | Part::DefinitionsEnd { .. }
            | Part::Row
            | Part::End { .. }
            | Part::Prepared(_)
            | Part::FileRequest
            | Part::Text
            | Part::Login
            | Part::Stream => forward,
        }
    }

    fn remove(part: &Part) -> Plan {
        match part {
            Part::DefinitionsEnd {
                of: Definitions::Columns,
                head,
            } if opens_cursor(head) => Plan::only(Treatment::AsOk),
            Part::DefinitionsEnd { .. } => Plan::only(Treatment::Drop),
            Part::End {
                form: Form::Eof, ..
            } => Plan::only(Treatment::AsOk),
            Part::End { .. }
            | Part::Columns { .. }
            | Part::Definition { .. }
            | Part::Continued
            | Part::Progress
            | Part::Row
            | Part::Prepared(_)
            | Part::FileRequest
            | Part::Text
            | Part::Login
            | Part::Stream
            | Part::Error { .. } => Plan::FORWARD,
        }
    }
}

fn opens_cursor(head: &OkHead) -> bool {
    head.status.contains(StatusFlags::CURSOR_EXISTS)
}
