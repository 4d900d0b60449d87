//! How commands about prepared statements go to the server: with the server's own number, and bound parameters.

use tollgate_wire_mysql::command;

use super::Session;
use super::client::{Message, Step};
use crate::Effects;

/// Bytes of a command up to and with the statement's number.
const ID_END: usize = 5;

/// How an execute goes to the server.
pub(super) enum Bound {
    AsItIs,
    /// As this packet.
    With(Vec<u8>),
}

impl Session {
    /// The command with the server's number of the statement, and with parameters where they had to be written.
    pub(super) fn pass_bound(
        &mut self,
        bound: Bound,
        server_id: u32,
        message: Message<'_>,
        out: &mut Effects,
    ) -> Step {
        match bound {
            Bound::AsItIs => self.pass_numbered(server_id, message, out),
            Bound::With(mut packet) => {
                let payload = packet.get_mut(4..).unwrap_or_default();
                // A payload of an execute always has room for the number.
                let _numbered = command::set_statement_id(payload, server_id);
                let cut = message.payload.len();
                let payload = payload.to_vec();
                self.pass_with(message, &payload, cut, out)
            }
        }
    }

    /// Passes a command on with the server's number of the statement.
    pub(super) fn pass_numbered(
        &mut self,
        server_id: u32,
        message: Message<'_>,
        out: &mut Effects,
    ) -> Step {
        let mut head = message.payload.get(..ID_END).unwrap_or_default().to_vec();
        let _numbered = command::set_statement_id(&mut head, server_id);
        self.pass_with(message, &head, head.len(), out)
    }
}
