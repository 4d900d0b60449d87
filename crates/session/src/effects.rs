//! What must happen after a look at some input: bytes to either side, in order, pins that changed, and what
//! else the shell should know.
//!
//! Bytes of the input are named by range and never copied; only what the machine itself has to say is
//! written into a scratch buffer. A shell keeps one `Effects` and clears it between calls, so that a busy
//! session allocates nothing.

use std::ops::Range;

use crate::PinChange;

/// One run of bytes to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    /// These bytes of the input the call was given.
    Input(Range<usize>),
    /// Bytes the machine made.
    Injected(&'a [u8]),
}

/// Something about a statement or its answer that concerns other server connections than its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A statement went to the server that waits for other sessions to leave a database: `DROP DATABASE`,
    /// `ALTER DATABASE` with a new name or tablespace, `CREATE DATABASE` from a template. PostgreSQL waits
    /// 5 s and then fails. Source: `CountOtherDBBackends`.
    DatabaseCommand,
    /// The server refused such a statement with `55006`.
    DatabaseInUse,
    /// A statement that may change what sessions begin with was committed: `ALTER ROLE`, `ALTER DATABASE`,
    /// `pg_reload_conf()`.
    DefaultsChanged,
    /// The server reported a setting that no statement explains: its defaults may have changed.
    DefaultsInDoubt,
}

/// The effects of one call.
///
/// The input of `on_client` is forwarded to the server, the input of `on_server` to the client, so an
/// input range always means the bytes given to the call that produced it. Perform the effects, then
/// `clear`, before the next call: ranges do not outlive their input. Bytes for the client must leave in
/// the order of the calls, whichever call they come from.
#[derive(Debug, Default)]
pub struct Effects {
    to_server: Lane,
    to_client: Lane,
    pin_changes: Vec<PinChange>,
    notices: Vec<Notice>,
}

impl Effects {
    /// No effects.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all effects and keeps the memory.
    pub fn clear(&mut self) {
        self.to_server.clear();
        self.to_client.clear();
        self.pin_changes.clear();
        self.notices.clear();
    }

    /// What to write to the server, in order.
    pub fn to_server(&self) -> Pieces<'_> {
        self.to_server.pieces()
    }

    /// What to write to the client, in order.
    pub fn to_client(&self) -> Pieces<'_> {
        self.to_client.pieces()
    }

    /// Pins that began or ended, in order.
    pub fn pin_changes(&self) -> &[PinChange] {
        &self.pin_changes
    }

    /// What else the shell should know, each once.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    pub(crate) fn server_lane(&mut self) -> &mut Lane {
        &mut self.to_server
    }

    pub(crate) fn client_lane(&mut self) -> &mut Lane {
        &mut self.to_client
    }

    pub(crate) fn pin_changed(&mut self, change: PinChange) {
        self.pin_changes.push(change);
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }
}

/// The pieces for one side.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    operations: std::slice::Iter<'a, Operation>,
    scratch: &'a [u8],
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let piece = match self.operations.next()? {
            Operation::Input(range) => Piece::Input(range.clone()),
            Operation::Injected(range) => {
                Piece::Injected(self.scratch.get(range.clone()).unwrap_or_default())
            }
        };
        Some(piece)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.operations.size_hint()
    }
}

impl ExactSizeIterator for Pieces<'_> {}

/// Operations for one side. Adjacent ones of a kind are one.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    operations: Vec<Operation>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
enum Operation {
    Input(Range<usize>),
    Injected(Range<usize>),
}

impl Lane {
    fn clear(&mut self) {
        self.operations.clear();
        self.scratch.clear();
    }

    fn pieces(&self) -> Pieces<'_> {
        Pieces {
            operations: self.operations.iter(),
            scratch: &self.scratch,
        }
    }

    /// Forwards `length` bytes of the input from `start` on.
    #[inline]
    pub(crate) fn forward(&mut self, start: usize, length: usize) {
        if length == 0 {
            return;
        }
        let end = start.saturating_add(length);
        match self.operations.last_mut() {
            Some(Operation::Input(range)) if range.end == start => range.end = end,
            _ => self.operations.push(Operation::Input(start..end)),
        }
    }

    /// Writes bytes of our own, made by `write`.
    pub(crate) fn inject(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.scratch.len();
        write(&mut self.scratch);
        let end = self.scratch.len();
        match self.operations.last_mut() {
            Some(Operation::Injected(range)) if range.end == start => range.end = end,
            _ => self.operations.push(Operation::Injected(start..end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_pieces_are_one_write() {
        let mut effects = Effects::new();
        let lane = effects.client_lane();
        lane.forward(0, 3);
        lane.forward(3, 4);
        lane.inject(|out| out.extend_from_slice(b"ab"));
        lane.inject(|out| out.extend_from_slice(b"c"));
        lane.forward(9, 1);
        lane.forward(11, 1);
        let pieces: Vec<_> = effects.to_client().collect();
        assert_eq!(
            pieces,
            [
                Piece::Input(0..7),
                Piece::Injected(b"abc"),
                Piece::Input(9..10),
                Piece::Input(11..12)
            ]
        );
        assert_eq!(effects.to_server().count(), 0);
    }

    #[test]
    fn cleared_effects_are_empty() {
        let mut effects = Effects::new();
        effects.server_lane().forward(0, 1);
        effects.pin_changed(PinChange::Pinned {
            reason: crate::PinReason::Listen,
            digest: None,
            detail: None,
        });
        effects.notice(Notice::DatabaseInUse);
        effects.notice(Notice::DatabaseInUse);
        assert_eq!(effects.notices(), [Notice::DatabaseInUse]);
        effects.clear();
        assert_eq!(effects.to_server().count(), 0);
        assert!(effects.pin_changes().is_empty());
        assert!(effects.notices().is_empty());
    }
}
