//! What clients ask: command codes, the bodies a proxy must understand, and builders of our own.

mod execute;
mod query;
mod read;
mod write;

pub use execute::{
    BulkExecute, ExecuteHead, Parameters, Types, execute_head, execute_parameters, set_statement_id,
};
pub use query::{Attribute, Query, query};
pub use read::{
    Fetch, FieldList, LongData, fetch, field_list, init_db, long_data, process_kill, set_option,
    statement_id,
};
pub use write::{
    execute, ping, query as write_query, quit, reset_connection, set_option as write_set_option,
    stmt_close, stmt_prepare, stmt_reset, use_schema,
};

use crate::reply::ReplyKind;

macro_rules! commands {
    ($( $(#[$doc:meta])* $name:ident = $code:literal => $reply:ident $fate:ident; )+) => {
        /// The first byte of a command (`my_command.h`, `enum_server_command`; MariaDB's above 0xef).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Command {
            $( $(#[$doc])* $name, )+
            /// A byte that is no command.
            Unknown(u8),
        }

        impl Command {
            /// The command with this code.
            pub fn from_code(code: u8) -> Self {
                match code {
                    $( $code => Self::$name, )+
                    other => Self::Unknown(other),
                }
            }

            /// Its code.
            pub fn code(self) -> u8 {
                match self {
                    $( Self::$name => $code, )+
                    Self::Unknown(code) => code,
                }
            }

            /// What it is answered with. An unknown command is answered with one ERR.
            pub fn reply(self) -> ReplyKind {
                match self {
                    $( Self::$name => ReplyKind::$reply, )+
                    Self::Unknown(_) => ReplyKind::Single,
                }
            }

            /// Whether a proxy that shares connections can serve it.
            pub fn fate(self) -> Fate {
                match self {
                    $( Self::$name => Fate::$fate, )+
                    Self::Unknown(_) => Fate::Refused,
                }
            }

            #[cfg(test)]
            const KNOWN: &'static [Self] = &[ $( Self::$name, )+ ];
        }
    };
}

/// What a proxy does with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is served, by a server or in its place.
    Served,
    /// It is answered with 1047 "Unknown command": servers have removed it, it is internal to servers, or
    /// its answer never ends.
    Refused,
}

commands! {
    /// Internal to servers.
    Sleep = 0x00 => Single Refused;
    /// The client leaves; no answer but the end of the connection.
    Quit = 0x01 => None Served;
    /// Changes the current schema.
    InitDb = 0x02 => Single Served;
    /// Statements as text.
    Query = 0x03 => TextResults Served;
    /// Columns of a table.
    FieldList = 0x04 => Fields Served;
    /// Removed in MySQL 5.7.
    CreateDb = 0x05 => Single Refused;
    /// Removed in MySQL 5.7.
    DropDb = 0x06 => Single Refused;
    /// Flushes caches; removed in MySQL 8.4.
    Refresh = 0x07 => Single Served;
    /// Stops the server; removed in MySQL 8.4.
    Shutdown = 0x08 => Single Refused;
    /// A line of numbers.
    Statistics = 0x09 => Text Served;
    /// The process list; removed in MySQL 8.4.
    ProcessInfo = 0x0a => TextResults Served;
    /// Internal to servers.
    Connect = 0x0b => Single Refused;
    /// Kills a connection by its id; removed in MySQL 8.4.
    ProcessKill = 0x0c => Single Served;
    /// Dumps state to the server's log.
    Debug = 0x0d => Single Served;
    /// Asks whether the server lives.
    Ping = 0x0e => Single Served;
    /// Internal to servers.
    Time = 0x0f => Single Refused;
    /// Internal to servers.
    DelayedInsert = 0x10 => Single Refused;
    /// Logs in again on the same connection.
    ChangeUser = 0x11 => Login Served;
    /// Replication.
    BinlogDump = 0x12 => Stream Refused;
    /// Replication.
    TableDump = 0x13 => Stream Refused;
    /// Internal to servers.
    ConnectOut = 0x14 => Single Refused;
    /// Replication.
    RegisterReplica = 0x15 => Single Refused;
    /// Prepares a statement.
    StmtPrepare = 0x16 => Prepared Served;
    /// Executes a prepared statement.
    StmtExecute = 0x17 => BinaryResults Served;
    /// A piece of a parameter; no answer.
    StmtSendLongData = 0x18 => None Served;
    /// Forgets a prepared statement; no answer.
    StmtClose = 0x19 => None Served;
    /// Closes a statement's cursor and forgets its long data.
    StmtReset = 0x1a => Single Served;
    /// Allows or forbids several statements in one query.
    SetOption = 0x1b => Single Served;
    /// Rows of a cursor.
    StmtFetch = 0x1c => CursorRows Served;
    /// Internal to servers.
    Daemon = 0x1d => Single Refused;
    /// Replication.
    BinlogDumpGtid = 0x1e => Stream Refused;
    /// Makes the session new, without a login.
    ResetConnection = 0x1f => Single Served;
    /// Copies a server.
    Clone = 0x20 => Stream Refused;
    /// Replication.
    SubscribeGroupReplicationStream = 0x21 => Stream Refused;
    /// MariaDB: executes a prepared statement for many rows of parameters.
    StmtBulkExecute = 0xfa => BinaryResults Served;
}

impl Command {
    /// The command a payload begins with; `None` for an empty payload, which is no command.
    pub fn of(payload: &[u8]) -> Option<Self> {
        payload.first().copied().map(Self::from_code)
    }

    /// The option of [`Command::SetOption`] that allows several statements (`MYSQL_OPTION_MULTI_STATEMENTS_ON`).
    pub const MULTI_STATEMENTS_ON: u16 = 0;
    /// The option that forbids them (`MYSQL_OPTION_MULTI_STATEMENTS_OFF`).
    pub const MULTI_STATEMENTS_OFF: u16 = 1;

    /// MariaDB: the id that means "the statement prepared last", so that an execute need not wait for the
    /// answer to its prepare.
    pub const LAST_PREPARED: u32 = u32::MAX;
}

#[cfg(test)]
mod tests;
