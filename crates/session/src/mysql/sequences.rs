//! What the server session last took from MariaDB's sequences: nobody is shown what another client took.

use tollgate_sql::mysql::EffectSet;

use super::link::Link;
use super::{Session, Want};
use crate::Effects;

/// Whose numbers `LASTVAL` and `PREVIOUS VALUE FOR` would tell on a server connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sequences {
    /// Nobody's.
    #[default]
    Untouched,
    /// Those of the client that has the connection.
    Clients,
    /// Those of one that had it before.
    Others,
}

impl Session {
    /// A command that does this is about to be sent: what others took is forgotten before it is read. Waits for that.
    pub(super) fn guard_sequences(
        &mut self,
        effects: EffectSet,
        out: &mut Effects,
    ) -> Option<Want> {
        let link = self.link.as_mut()?;
        let reads = effects.intersects(EffectSet::SEQUENCE_READ);
        if !reads || link.sequences != Sequences::Others {
            return None;
        }
        link.reset(out);
        Some(Want::Replies)
    }
}

impl Link {
    /// A command that does this has been answered.
    pub(super) fn sequences_ran(&mut self, effects: EffectSet) {
        let hidden = EffectSet::CALL
            .union(EffectSet::EXECUTE)
            .union(EffectSet::EXECUTE_IMMEDIATE)
            .union(EffectSet::UNKNOWN_FUNCTION);
        if effects.intersects(EffectSet::SEQUENCE.union(hidden)) {
            self.sequences = Sequences::Clients;
        }
    }

    /// The client gives the connection back.
    pub(super) fn leave_sequences(&mut self) {
        if self.sequences == Sequences::Clients {
            self.sequences = Sequences::Others;
        }
    }
}
