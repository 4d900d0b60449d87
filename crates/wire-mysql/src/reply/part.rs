//! The packets of a reply by name: what the scanner tells about each of them.

use super::end::{Form, OkHead};
use crate::capabilities::Capabilities;
use crate::decode::{Cursor, DecodeError};
use crate::status::StatusFlags;

/// What a command is answered with (reference manual of the protocol, "Command Phase").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyKind {
    /// Nothing at all.
    None,
    /// One OK, EOF or ERR.
    Single,
    /// Results with text rows.
    TextResults,
    /// Results with binary rows.
    BinaryResults,
    /// Column definitions without a count in front.
    Fields,
    /// One packet of plain text.
    Text,
    /// A prepared statement: its id and the definitions of parameters and columns.
    Prepared,
    /// Binary rows alone, of an open cursor.
    CursorRows,
    /// An exchange of authentication packets up to OK or ERR. Who is next depends on the plugin: see
    /// [`ClientAuth`](crate::auth::ClientAuth).
    Login,
    /// Packets without end. Not for a connection that is shared.
    Stream,
}

/// Whose definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definitions {
    /// Columns of a result.
    Columns,
    /// Parameters of a prepared statement.
    Parameters,
    /// Columns of a prepared statement.
    PreparedColumns,
    /// Columns of a table, which [`ReplyKind::Fields`] lists.
    Fields,
}

/// Whether definitions follow a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// They do.
    Follows,
    /// They are left out: the client said that it does not need them, or has them.
    Omitted,
}

/// The answer to a successful prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// Its id on this server connection.
    pub statement_id: u32,
    /// Columns of its result.
    pub columns: u16,
    /// Parameters.
    pub parameters: u16,
    /// Warnings.
    pub warnings: u16,
    /// Whether definitions follow.
    pub metadata: Metadata,
}

/// What a packet of a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The continuation of a payload over 16 MiB.
    Continued,
    /// MariaDB: a report of progress. Only for clients with [`Capabilities::MARIADB_PROGRESS`].
    Progress,
    /// A result with rows begins.
    Columns {
        /// How many columns.
        count: u16,
        /// Whether their definitions follow.
        metadata: Metadata,
    },
    /// One definition.
    Definition {
        /// Whose.
        of: Definitions,
        /// How many follow this one in its group; 0 with [`Definitions::Fields`], which does not tell.
        left: u16,
    },
    /// The EOF behind a group of definitions, without [`Capabilities::DEPRECATE_EOF`]. When it opens a
    /// cursor it is the end of the result as well.
    DefinitionsEnd {
        /// Whose.
        of: Definitions,
        /// Status and warnings.
        head: OkHead,
    },
    /// A row.
    Row,
    /// The packet that ends a result.
    End {
        /// Which one it is.
        form: Form,
        /// Its numbers. For output parameters the status has the flags of the EOF in front of the rows too:
        /// servers leave them out here.
        head: OkHead,
    },
    /// A statement was prepared.
    Prepared(Prepared),
    /// The server asks for a file of the client; the name is the payload behind the first byte.
    FileRequest,
    /// Plain text.
    Text,
    /// A packet of an authentication exchange.
    Login,
    /// A packet of an endless stream.
    Stream,
    /// An error ends the whole reply. It carries no status: what became of the transaction is unknown.
    Error {
        /// Its code.
        code: u16,
    },
}

impl Part {
    /// What the packet says about the session's status.
    pub fn status(&self) -> Option<StatusFlags> {
        match self {
            Self::End { head, .. } | Self::DefinitionsEnd { head, .. } => Some(head.status),
            Self::Continued
            | Self::Progress
            | Self::Columns { .. }
            | Self::Definition { .. }
            | Self::Row
            | Self::Prepared(_)
            | Self::FileRequest
            | Self::Text
            | Self::Login
            | Self::Stream
            | Self::Error { .. } => None,
        }
    }
}

/// What comes after a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// More packets of the server.
    More,
    /// Packets of the client: the file that the server asked for. Feed their headers to
    /// [`ReplyScanner::upload`](super::ReplyScanner::upload).
    Client,
    /// Nothing: the reply is over.
    End,
}

/// A packet and its place in the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What the packet is.
    pub part: Part,
    /// What follows it.
    pub then: Then,
}

/// Where an upload stands after a packet of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upload {
    /// The client goes on.
    Goes,
    /// The client has finished; the server answers.
    Finished,
    /// The client has finished, and the server's error has come before: the reply is over.
    Refused,
}

/// Why a reply cannot be followed. The connection must be closed: nobody knows where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The packet cannot come here.
    #[error("unexpected packet of {length} bytes, beginning with {first:#04x}, {place}")]
    Unexpected {
        /// Its first byte; 0 when it is empty.
        first: u8,
        /// Bytes of payload in its header.
        length: u32,
        /// Where in the reply.
        place: &'static str,
    },
    /// The packet has the right first byte and is malformed.
    #[error("malformed packet in a reply: {0}")]
    Malformed(#[from] DecodeError),
    /// A packet after the end of the reply.
    #[error("packet of {length} bytes after the end of the reply")]
    AfterEnd {
        /// Bytes of payload in its header.
        length: u32,
    },
}

impl Metadata {
    /// From the flag behind a count (`enum_resultset_metadata`).
    pub(super) fn of(flag: u8) -> Result<Self, DecodeError> {
        match flag {
            0 => Ok(Self::Omitted),
            1 => Ok(Self::Follows),
            other => Err(DecodeError::Value {
                field: "metadata flag",
                value: u64::from(other),
            }),
        }
    }
}

impl Prepared {
    /// Reads a PREPARE OK: id, columns, parameters, a filler, warnings and, on MySQL, the metadata flag.
    pub(super) fn read(payload: &[u8], capabilities: Capabilities) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(payload);
        cursor.u8("header")?;
        let statement_id = cursor.u32("statement id")?;
        let columns = cursor.u16("column count")?;
        let parameters = cursor.u16("parameter count")?;
        cursor.u8("filler")?;
        let warnings = cursor.u16("warnings")?;
        let flagged = capabilities.contains(Capabilities::OPTIONAL_RESULTSET_METADATA);
        let metadata = if flagged && !cursor.is_empty() {
            Metadata::of(cursor.u8("metadata flag")?)?
        } else {
            Metadata::Follows
        };
        Ok(Self {
            statement_id,
            columns,
            parameters,
            warnings,
            metadata,
        })
    }
}
