//! The types of parameters: a server remembers those of every execute, and a statement may run on many servers.

use std::sync::Arc;

use tollgate_wire_mysql::command::{Command, execute_head, execute_parameters};

use super::Session;
use super::client::Message;
use super::statements::{History, Made};
use crate::Effects;

impl Session {
    /// The types that an execute binds, or the client's own of before.
    pub(super) fn types_of(
        &self,
        id: u32,
        command: Command,
        message: Message<'_>,
    ) -> Option<Arc<[u8]>> {
        let statement = self.statements.get(id)?;
        if command == Command::StmtBulkExecute {
            return None;
        }
        let head = execute_head(message.body()).ok()?;
        let capabilities = self.capabilities();
        let parameters = execute_parameters(&head, statement.parameters, capabilities).ok()?;
        match parameters.types {
            Some(types) => Some(types.bytes().into()),
            None => statement.types.clone(),
        }
    }

    /// A server remembers the types of every execute, and reads later values by them: a statement that was made
    /// for somebody else and has other types than `bound` is made anew.
    pub(super) fn forget_foreign_types(
        &mut self,
        id: u32,
        bound: Option<&[u8]>,
        out: &mut Effects,
    ) {
        let Some(statement) = self.statements.get(id) else {
            return;
        };
        let (own, key) = (statement.types.clone(), statement.key.clone());
        let Some(made) = self.made(id) else { return };
        let others = made.types.is_some() && made.types != own;
        let suits = made.types.as_deref() == bound && made.history == History::Uniform;
        let foreign = others && !suits;
        if let (true, Some(key), Some(link)) = (foreign, key, &mut self.link) {
            let made = link.carried.remove(&key);
            let ids: Vec<u32> = made.iter().map(|made| made.server_id).collect();
            Self::close_on_server(out, &ids);
        }
    }

    /// An execute binds these types, and its statement is to be made first: they are bound even if that fails, as they are
    /// on a server that refuses the execute. Where it waits for a server connection, the statement may be there.
    pub(super) fn bound_unmade(&mut self, id: u32, bound: Option<Arc<[u8]>>) {
        if self.link.is_some()
            && self.made(id).is_none()
            && let Some(statement) = self.statements.get_mut(id)
        {
            statement.types = bound.or(statement.types.take());
        }
    }

    /// The statement on the server connection at hand, if it is there.
    pub(super) fn made(&mut self, id: u32) -> Option<&mut Made> {
        let key = self.statements.get(id)?.key.clone()?;
        self.link.as_mut()?.carried.use_of(&key)
    }
}
