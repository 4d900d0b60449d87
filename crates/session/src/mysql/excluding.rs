//! Clients whose operators want no pins for what they set (`EXCLUDE_VARIABLE_SETS`): what cannot move with the client
//! is taken back from the server connection when that is given away, so that nobody else meets it.

use tollgate_wire_mysql::command as wire;
use tollgate_wire_mysql::reply::ReplyKind;

use super::Session;
use super::link::{Link, Purpose};
use crate::{Effects, PinReason, PinSet};

/// What becomes of variables that a client has set and that cannot move with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VariableSets {
    /// They keep the client on its server connection.
    #[default]
    Pin,
    /// They are lost when the transaction is over. RDS Proxy leaves them to whoever comes next.
    Excluded,
}

impl Session {
    /// The reasons that the operator does not want to pin.
    pub(super) fn excluded(&self) -> PinSet {
        let mut excluded = PinSet::NONE;
        match self.config.variable_sets {
            VariableSets::Pin => {}
            VariableSets::Excluded => {
                excluded.insert(PinReason::SessionSetting);
                excluded.insert(PinReason::UserVariable);
            }
        }
        excluded
    }

    /// Nothing else is left on the connection: resets it. The client's known settings and variables are set again where
    /// it goes next.
    pub(super) fn give_up_variables(&mut self, out: &mut Effects) {
        let excluded = self.excluded();
        self.pins.let_go(excluded);
        self.variables.give_up();
        if let Some(link) = &mut self.link {
            link.reset(out);
        }
    }
}

impl Session {
    /// They are gone.
    pub(super) fn variables_given_up(&mut self) {
        if let Some(link) = &mut self.link {
            link.was_reset();
        }
    }
}

impl Link {
    /// Takes back everything but the schema, and makes the server report again, in one write; see
    /// [`Session::variables_given_up`].
    pub(super) fn reset(&mut self, out: &mut Effects) {
        out.server_lane().inject(wire::reset_connection);
        self.expect(Purpose::Reset, ReplyKind::Single, 0);
        self.arm(out);
    }
}
